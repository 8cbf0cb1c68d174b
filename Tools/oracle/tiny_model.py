"""A tiny FastVLM from transformers and timm: every kind of op, small widths, healthy seeded random weights."""

import copy
import os

os.environ["TIMM_FUSED_ATTN"] = "0"  # plain products and softmax in the vision tower

import timm
import torch
from torch import nn
from timm.models.fastvit import ConvMlp, LayerScale2d, RepConditionalPosEnc
from transformers import FastVlmConfig, FastVlmForConditionalGeneration, Qwen2Config
from transformers.models.timm_wrapper.configuration_timm_wrapper import TimmWrapperConfig

import tiny_tokenizer as tokens

timm.layers.set_fused_attn(False)

WIDTHS = [8, 16, 32, 64, 128]
DEPTHS = [1, 2, 2, 1, 1]
RESOLUTION = 256
ENCODER_CHANNELS = 2 * WIDTHS[-1]
HIDDEN = 64
# Rows of the embedding: the tokenizer's 503, padded as real checkpoints pad; the native layout pads again.
APPLE_ROWS = 512
NATIVE_ROWS = 576
CLIP_WIDTH = 32


def configuration(inference_mode: bool, rows: int) -> FastVlmConfig:
    vision = TimmWrapperConfig(
        architecture="fastvit_mci3",
        do_pooling=True,
        global_pool="avg",
        hidden_size=ENCODER_CHANNELS,
        initializer_range=0.02,
        model_args={"inference_mode": inference_mode, "layers": DEPTHS, "embed_dims": WIDTHS},
    )
    text = Qwen2Config(
        vocab_size=rows,
        hidden_size=HIDDEN,
        intermediate_size=112,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=32768,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        tie_word_embeddings=True,
        use_sliding_window=False,
        bos_token_id=tokens.END_OF_TEXT,
        eos_token_id=tokens.IM_END,
        pad_token_id=tokens.END_OF_TEXT,
    )
    return FastVlmConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokens.IMAGE,
        image_seq_length=(RESOLUTION // 64) ** 2,
        tie_word_embeddings=True,
    )


def uniform(shape, low: float, high: float, source: torch.Generator) -> torch.Tensor:
    return torch.rand(shape, generator=source) * (high - low) + low


def normal(shape, deviation: float, source: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, generator=source) * deviation


def set_vision_weights(tower: nn.Module, source: torch.Generator) -> None:
    """Variance-keeping products, layer scales of 0.1 to 1, batch norms with slopes of either sign."""
    for name, module in tower.named_modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            gain = 0.7 if name.endswith("pos_enc") else 1.3
            module.weight.data = normal(module.weight.shape, gain * fan_in**-0.5, source)
            if module.bias is not None:
                module.bias.data = uniform(module.bias.shape, -0.3, 0.3, source)
        elif isinstance(module, nn.Linear):
            gain = 1.6 if name.endswith("qkv") else 1.0
            module.weight.data = normal(module.weight.shape, gain * module.in_features**-0.5, source)
            if module.bias is not None:
                module.bias.data = uniform(module.bias.shape, -0.3, 0.3, source)
        elif isinstance(module, nn.BatchNorm2d):
            slopes = uniform(module.weight.shape, 0.4, 1.2, source)
            flipped = torch.rand(slopes.shape, generator=source) < 0.1
            module.weight.data = torch.where(flipped, -slopes, slopes)
            module.bias.data = uniform(module.bias.shape, -0.4, 0.4, source)
        elif isinstance(module, LayerScale2d):
            module.gamma.data = uniform(module.gamma.shape, 0.1, 1.0, source)
        elif "LayerNorm" in type(module).__name__:
            module.weight.data = uniform(module.weight.shape, 0.5, 1.5, source)
            module.bias.data = uniform(module.bias.shape, -0.3, 0.3, source)
    # Gates that differ between channels and pictures.
    tower.final_conv.se.fc2.weight.data *= 3


def set_language_weights(model: FastVlmForConditionalGeneration, source: torch.Generator) -> None:
    for name, module in model.model.language_model.named_modules():
        if isinstance(module, nn.Linear):
            gain = 2.5 if name.endswith(("o_proj", "down_proj")) else 1.5
            module.weight.data = normal(module.weight.shape, gain * module.in_features**-0.5, source)
            if module.bias is not None:
                module.bias.data = uniform(module.bias.shape, -0.5, 0.5, source)
        elif "RMSNorm" in type(module).__name__:
            module.weight.data = uniform(module.weight.shape, 0.5, 1.5, source)
    projector = model.model.multi_modal_projector
    for module in (projector.linear_1, projector.linear_2):
        module.weight.data = normal(module.weight.shape, 1.5 * module.in_features**-0.5, source)
        module.bias.data = uniform(module.bias.shape, -0.3, 0.3, source)
    embedding = model.model.language_model.embed_tokens.weight
    embedding.data = normal(embedding.shape, 0.35, source)
    # Padding rows shout, so that a decoder that forgets to mask them is found out. The row of "<image>" exists
    # only in the native tokenizer: it stays quiet, so that both layouts write the same text.
    embedding.data[tokens.IMAGE + 1 :] *= 2
    embedding.data[tokens.IMAGE] *= 0.1
    embedding.data = embedding.data.to(torch.bfloat16).float()


def round_to_bfloat16(module: nn.Module) -> None:
    """Train-time values are those of a bfloat16 file, like the real ones; fused values then need float32."""
    for tensor in module.state_dict().values():  # stored values only: rotary frequencies stay exact
        if tensor.is_floating_point():
            tensor.copy_(tensor.to(torch.bfloat16))


def settle_batch_norms(tower: nn.Module, pictures: torch.Tensor) -> None:
    """Running statistics become those of the activations of `pictures` `[count, 3, side, side]`."""
    norms = [m for m in tower.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    tower.train()
    with torch.no_grad():
        for part in pictures.split(4):
            tower.forward_features(part)
    tower.eval()


def train_time_model(seed: int, pictures: torch.Tensor) -> FastVlmForConditionalGeneration:
    """The model all layouts are made from, in train-time form, with the Apple layout's embedding rows."""
    source = torch.Generator().manual_seed(seed)
    config = configuration(inference_mode=False, rows=APPLE_ROWS)
    config._attn_implementation = "eager"
    model = FastVlmForConditionalGeneration(config).float().eval()
    tower = model.model.vision_tower.timm_model
    set_vision_weights(tower, source)
    set_language_weights(model, source)
    model.tie_weights()
    round_to_bfloat16(model)
    settle_batch_norms(tower, pictures)
    round_to_bfloat16(tower)
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert any(isinstance(m, RepConditionalPosEnc) for m in tower.modules())
    assert any(isinstance(m, ConvMlp) for m in tower.modules())
    return model


def fused(tower: nn.Module, names: list[str] | None = None) -> nn.Module:
    """A copy with the named modules' branches fused by timm, in float64; all of them without names."""
    result = copy.deepcopy(tower).double()
    with torch.no_grad():
        if names is None:
            result = timm.models.reparameterize_model(result, inplace=True)
        for name in names or []:
            result.get_submodule(name).reparameterize()
    return result.float().eval()
