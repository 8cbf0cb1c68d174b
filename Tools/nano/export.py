"""Writes the trained model: Apple's layout in train-time form, and from it the merged and the native one.

    python export.py checkpoint --state FOLDER/polish.pt -o Tests/Fixtures/nano/checkpoint
    python export.py native  --checkpoint Tests/Fixtures/nano/checkpoint -o OUT
    python export.py merged  --checkpoint Tests/Fixtures/nano/checkpoint -o OUT

Only the first is stored in the repository; the others are made from its files.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from timm.models.fastvit import checkpoint_filter_fn
from torch import nn
from transformers import FastVlmForConditionalGeneration

from nano_model import NANO, Nano
import canvas
import documents
import layouts
import tiny_model

SETTLING_SEED = 9000
SETTLING_PICTURES = 512


def settled(tower: nn.Module) -> None:
    """Running statistics of the batch norms as the pictures of training at the model's own resolution have them."""
    pictures = []
    for index in range(SETTLING_PICTURES):
        document = documents.draw(np.random.default_rng([SETTLING_SEED, index]))
        pictures.append(canvas.pixels(document.canvas.image, NANO.resolution))
    pixels = torch.from_numpy(np.stack(pictures)).float() / 255
    tiny_model.settle_batch_norms(tower, pixels, part=32)


def rounded(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Products, embeddings and convolutions in float16; statistics, slopes and biases stay float32."""
    return {
        name: value.to(torch.float16) if value.is_floating_point() and value.ndim >= 2 else value
        for name, value in tensors.items()
    }


def write_checkpoint(state: Path, folder: Path) -> None:
    nano = Nano()
    nano.load_state_dict(torch.load(state, map_location="cpu", weights_only=True)["model"])
    with torch.no_grad():
        for tensor in nano.model.parameters():
            if tensor.ndim >= 2:
                tensor.copy_(tensor.to(torch.float16))
    settled(nano.tower)
    nano.eval()
    tensors = rounded(layouts.apple_tensors(NANO, nano.model, nano.tower))
    layouts.write_apple(NANO, folder, tensors, "float16", 1)


def read_checkpoint(folder: Path) -> FastVlmForConditionalGeneration:
    """The stored train-time checkpoint as a transformers model, by timm's own remapping of Apple's names."""
    config = NANO.configuration(inference_mode=False, rows=NANO.rows)
    config._attn_implementation = "eager"
    model = FastVlmForConditionalGeneration(config).float().eval()
    tensors = {}
    with safe_open(folder / "model.safetensors", "pt") as file:
        for name in file.keys():
            value = file.get_tensor(name)
            tensors[name] = value.float() if value.is_floating_point() else value
    tower = model.model.vision_tower.timm_model
    prefix = layouts.APPLE_PREFIX
    encoder = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
    del encoder["head.proj"]
    tower.load_state_dict(checkpoint_filter_fn(encoder, tower), strict=True)
    language = {
        n.removeprefix("model."): v
        for n, v in tensors.items()
        if n.startswith(("model.layers.", "model.norm.", "model.embed_tokens."))
    }
    model.model.language_model.load_state_dict(language, strict=True)
    for index, linear in [(0, "linear_1"), (2, "linear_2")]:
        for part in ("weight", "bias"):
            value = tensors[f"model.mm_projector.{index}.{part}"]
            getattr(getattr(model.model.multi_modal_projector, linear), part).data.copy_(value)
    model.tie_weights()
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["checkpoint", "native", "merged"])
    parser.add_argument("--state", type=Path)
    parser.add_argument("--checkpoint", type=Path, default=Path("Tests/Fixtures/nano/checkpoint"))
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    if options.what == "checkpoint":
        write_checkpoint(options.state, options.out)
    else:
        model = read_checkpoint(options.checkpoint)
        if options.what == "native":
            layouts.write_native(NANO, options.out, layouts.native_model(NANO, model))
        else:
            tower = tiny_model.fused(model.model.vision_tower.timm_model)
            layouts.write_apple(NANO, options.out, layouts.apple_tensors(NANO, model, tower), "float32", 1)
    size = sum(f.stat().st_size for f in options.out.iterdir())
    print(f"{options.out}: {size} bytes")


if __name__ == "__main__":
    main()
