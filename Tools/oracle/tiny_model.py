"""A tiny FastVLM from transformers and timm: every kind of op, small widths, healthy seeded random weights."""

import copy

import timm
import torch
from timm.models.fastvit import ConvMlp, LayerScale2d, RepConditionalPosEnc
from torch import nn
from transformers import FastVlmForConditionalGeneration

import tiny_tokenizer as tokens
from model_shape import Shape

TINY = Shape(
    widths=(8, 16, 32, 64, 128),
    depths=(1, 2, 2, 1, 1),
    resolution=256,
    hidden=64,
    intermediate=112,
    layers=2,
    heads=4,
    key_value_heads=2,
    clip_width=32,
    rows=512,
    native_rows=576,
    tokens=tokens.TINY,
    padding=0.7,
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


def settle_batch_norms(tower: nn.Module, pictures: torch.Tensor, part: int = 4) -> None:
    """Running statistics become those of the activations of `pictures` `[count, 3, side, side]`."""
    norms = [m for m in tower.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    tower.train()
    with torch.no_grad():
        for some in pictures.split(part):
            tower.forward_features(some)
    tower.eval()


def train_time_model(seed: int, pictures: torch.Tensor) -> FastVlmForConditionalGeneration:
    """The model all layouts are made from, in train-time form, with the Apple layout's embedding rows."""
    source = torch.Generator().manual_seed(seed)
    config = TINY.configuration(inference_mode=False, rows=TINY.rows)
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
