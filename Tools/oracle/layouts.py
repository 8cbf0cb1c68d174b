"""A small model on disk: Apple's layout in three forms, and the transformers-native one."""

import json
import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

import tiny_model as tiny
from model_shape import Shape
from qwen_tokenizer import IMAGE_TOKEN

APPLE_PREFIX = "model.vision_tower.vision_tower.model."
NATIVE_PREFIX = "model.vision_tower.timm_model."
# timm stage -> index of its blocks, downsampling and positional convolution in Apple's flat list.
BLOCKS = {0: 0, 1: 2, 2: 4, 3: 7, 4: 10}
DOWNSAMPLES = {1: 1, 2: 3, 3: 5, 4: 8}
POSITIONS = {3: 6, 4: 9}
# Parts stored fused in the mixed form, by timm's names; the rest stays train-time.
MIXED_FUSED = [
    "stem.0", "stem.2", "stages.1.blocks.0.token_mixer", "stages.2.blocks.1.token_mixer", "stages.1.downsample.proj.0",
    "stages.2.downsample.proj.1", "stages.3.downsample.proj.0", "stages.3.downsample.proj.1", "stages.4.pos_emb",
]  # fmt: skip


def apple_name(name: str, fused_large: bool) -> str:
    """timm's name of an encoder tensor as Apple's, without the prefix (reference section 7.2)."""
    stage = re.match(r"stages\.(\d+)\.(blocks|downsample|pos_emb)\.(.*)", name)
    if stage:
        index, part, rest = int(stage[1]), stage[2], stage[3]
        if part == "blocks":
            name = f"network.{BLOCKS[index]}.{rest}"
        elif part == "downsample":
            name = f"network.{DOWNSAMPLES[index]}.{rest}"
            if fused_large:
                name = name.replace("proj.0.reparam_conv", "proj.0.lkb_reparam")
        else:
            name = f"network.{POSITIONS[index]}.{rest}"
    for old, new in [
        ("stem.", "patch_embed."), ("final_conv.se.fc1", "conv_exp.se.reduce"), ("final_conv.se.fc2", "conv_exp.se.expand"),
        ("final_conv.", "conv_exp."), (".mlp.", ".convffn."), (".gamma", ""), ("conv_kxk", "rbr_conv"), ("conv_scale", "rbr_scale"),
        ("identity", "rbr_skip"), ("large_conv", "lkb_origin"), ("pos_enc", "pe"),
    ]:  # fmt: skip
        name = name.replace(old, new)
    return name


def apple_tensors(shape: Shape, model: nn.Module, tower: nn.Module) -> dict[str, torch.Tensor]:
    """Every tensor of an Apple checkpoint whose encoder is `tower`; the tied head is stored as a copy."""
    result = {}
    for name, value in tower.state_dict().items():
        result[APPLE_PREFIX + apple_name(name, fused_large=True)] = value
    source = torch.Generator().manual_seed(1)
    unused = (shape.encoder_channels, shape.clip_width)
    result[APPLE_PREFIX + "head.proj"] = tiny.normal(unused, 0.05, source).to(torch.bfloat16).float()
    for name, value in model.model.language_model.state_dict().items():
        result["model." + name] = value
    projector = model.model.multi_modal_projector
    for index, linear in [(0, projector.linear_1), (2, projector.linear_2)]:
        result[f"model.mm_projector.{index}.weight"] = linear.weight.data
        result[f"model.mm_projector.{index}.bias"] = linear.bias.data
    result["lm_head.weight"] = model.lm_head.weight.data.clone()
    return {name: value.detach().contiguous().clone() for name, value in result.items()}


def narrowed(tensors: dict[str, torch.Tensor], halves: bool) -> dict[str, torch.Tensor]:
    """bfloat16 wherever that loses nothing; with `halves` every third such tensor as float16 if exact."""
    result, count = {}, 0
    for name, value in tensors.items():
        result[name] = value
        if value.is_floating_point() and torch.equal(value.to(torch.bfloat16).float(), value):
            result[name] = value.to(torch.bfloat16)
            count += 1
            if halves and count % 3 == 0 and torch.equal(value.to(torch.float16).float(), value):
                result[name] = value.to(torch.float16)
    return result


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_sharded(folder: Path, tensors: dict[str, torch.Tensor], shards: int) -> None:
    """`model-0000i-of-0000N.safetensors` and their index."""
    names, weight_map, size = sorted(tensors), {}, 0
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = names[i * len(names) // shards : (i + 1) * len(names) // shards]
        save_file({n: tensors[n] for n in part}, folder / file, metadata={"format": "pt"})
        weight_map |= {n: file for n in part}
        size += sum(tensors[n].numel() * tensors[n].element_size() for n in part)
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)


def apple_configuration(shape: Shape, dtype: str) -> dict:
    text = shape.configuration(False, shape.rows).text_config
    return {
        "architectures": ["LlavaQwen2ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": shape.tokens.end_of_text, "eos_token_id": shape.tokens.im_end,
        "freeze_mm_mlp_adapter": False, "hidden_act": "silu", "hidden_size": shape.hidden, "image_aspect_ratio": "pad",
        "image_grid_pinpoints": None, "initializer_range": 0.02, "intermediate_size": text.intermediate_size, "max_position_embeddings": 32768,
        "max_window_layers": text.num_hidden_layers, "mm_hidden_size": shape.encoder_channels, "mm_patch_merge_type": "flat",
        "mm_projector_lr": None, "mm_projector_type": "mlp2x_gelu", "mm_use_im_patch_token": False, "mm_use_im_start_end": False,
        "mm_vision_select_feature": "patch", "mm_vision_select_layer": -2, "mm_vision_tower": f"mobileclip_l_{shape.resolution}",
        "model_type": "llava_qwen2", "num_attention_heads": text.num_attention_heads, "num_hidden_layers": text.num_hidden_layers,
        "num_key_value_heads": text.num_key_value_heads, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768,
        "tie_word_embeddings": True, "tokenizer_model_max_length": 8192, "tokenizer_padding_side": "right", "torch_dtype": dtype,
        "transformers_version": "4.39.3", "tune_mm_mlp_adapter": False, "unfreeze_mm_vision_tower": True, "use_cache": True,
        "use_mm_proj": True, "use_sliding_window": False, "vocab_size": shape.rows,
    }  # fmt: skip


def generation(shape: Shape) -> dict:
    return {
        "bos_token_id": shape.tokens.end_of_text,
        "do_sample": True,
        "eos_token_id": [shape.tokens.im_end, shape.tokens.end_of_text],
        "pad_token_id": shape.tokens.end_of_text,
        "temperature": None,
        "top_p": None,
    }


def write_apple(shape: Shape, folder: Path, tensors: dict[str, torch.Tensor], dtype: str, shards: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        write_sharded(folder, tensors, shards)
    write_json(folder / "config.json", apple_configuration(shape, dtype))
    write_json(folder / "generation_config.json", generation(shape))
    shape.tokens.write_apple(folder)


def native_model(shape: Shape, model: nn.Module) -> nn.Module:
    """The same function as a native model: fused encoder, embedding padded to the native row count."""
    config = shape.configuration(inference_mode=True, rows=shape.native_rows)
    config._attn_implementation = "eager"
    result = type(model)(config).float().eval()
    tower = tiny.fused(model.model.vision_tower.timm_model)
    result.model.vision_tower.timm_model.load_state_dict(tower.state_dict())
    result.model.multi_modal_projector.load_state_dict(model.model.multi_modal_projector.state_dict())
    state = model.model.language_model.state_dict()
    source = torch.Generator().manual_seed(2)
    extra = tiny.normal((shape.native_rows - shape.rows, shape.hidden), shape.padding, source)
    rows = torch.cat([state["embed_tokens.weight"], extra.to(torch.bfloat16).float()])
    result.model.language_model.load_state_dict({**state, "embed_tokens.weight": rows})
    result.tie_weights()
    return result


def write_native(shape: Shape, folder: Path, model: nn.Module) -> None:
    """What `save_pretrained` writes, with exact tensors narrowed, plus tokenizer and processor files."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    write_json(folder / "generation_config.json", generation(shape))
    state = model.state_dict()
    del state["lm_head.weight"]
    state = {name: value.contiguous().clone() for name, value in state.items()}
    assert all(n.startswith(NATIVE_PREFIX) for n in state if "vision" in n)
    save_file(narrowed(state, halves=False), folder / "model.safetensors", metadata={"format": "pt"})
    shape.tokens.write_native(folder)
    side = shape.resolution
    processor = {
        "crop_size": {"height": side, "width": side}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True, "do_rescale": True,
        "do_resize": True, "image_mean": [0.0, 0.0, 0.0], "image_processor_type": "CLIPImageProcessor", "image_std": [1.0, 1.0, 1.0],
        "processor_class": "LlavaProcessor", "resample": 3, "rescale_factor": 1 / 255, "size": {"shortest_edge": side},
    }  # fmt: skip
    write_json(folder / "preprocessor_config.json", processor)
    write_json(
        folder / "processor_config.json",
        {
            "image_token": IMAGE_TOKEN,
            "num_additional_image_tokens": 0,
            "patch_size": 64,
            "processor_class": "LlavaProcessor",
            "vision_feature_select_strategy": "full",
        },
    )
