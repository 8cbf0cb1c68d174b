"""Writes Tests/Fixtures/mobileclip: a tiny MobileCLIP image encoder, built and run by timm.

Run from the repository root: python Tools/oracle/make_mobileclip_fixture.py

timm's FastVit with everything that S0 to S2 have and FastViTHD lacks: four stages, scale branches in the stem,
squeeze-excite in two downsamplings, a batch norm before attention, a matrix behind the mean of the last map. Seeded random
weights (bfloat16 numbers), train-time form.

- timm/model.safetensors: timm's names, with config.json as on the hub
- apple/model.safetensors: Apple's names under `image_encoder.model.`, the matrix transposed and without bias, a text tensor
- apple-torch/mobileclip_s0.pt: the same as Apple publishes it, saved by torch
- golden.safetensors: `pixels` uint8 [64, 64, 3], `map` [4, 128] after the last activation, `timm` and `apple`: embeddings of length 1
"""

import json
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from timm.models.fastvit import FastVit, RepConditionalPosEnc
from torch import nn

from layouts import apple_name
from tiny_model import set_vision_weights

OUT = Path("Tests/Fixtures/mobileclip")
WIDTHS = (8, 16, 32, 64)
EMBEDDING = 12
SIDE = 64
# timm stage -> index in Apple's flat list, for four stages with a positional kernel before the last.
FLAT = {"stages.0.blocks": "network.0", "stages.1.blocks": "network.2", "stages.2.blocks": "network.4",
        "stages.3.blocks": "network.7", "stages.1.downsample": "network.1", "stages.2.downsample": "network.3",
        "stages.3.downsample": "network.5", "stages.3.pos_emb": "network.6"}  # fmt: skip


def build() -> FastVit:
    model = FastVit(
        layers=(1, 1, 1, 1), embed_dims=WIDTHS, mlp_ratios=(3, 3, 3, 3), se_downsamples=(False, False, True, True),
        pos_embs=(None, None, None, partial(RepConditionalPosEnc, spatial_shape=(7, 7))),
        token_mixers=("repmixer", "repmixer", "repmixer", "attention"), lkc_use_act=True, num_classes=EMBEDDING,
    )  # fmt: skip
    source = torch.Generator().manual_seed(23)
    set_vision_weights(model, source)
    model.head.fc.weight.data = torch.randn(model.head.fc.weight.shape, generator=source) * 0.2
    model.head.fc.bias.data = torch.randn(EMBEDDING, generator=source) * 0.5
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(value.to(torch.bfloat16).float())
    return model.eval()


def apple(name: str) -> str:
    for timm_path, flat in FLAT.items():
        if name.startswith(timm_path + "."):
            name = flat + name[len(timm_path):]
            break
    # The squeeze-excite of a downsampling is named as that of the head.
    name = name.replace(".se.fc1", ".se.reduce").replace(".se.fc2", ".se.expand")
    return apple_name(name, fused_large=False)


def unit(rows: torch.Tensor) -> torch.Tensor:
    return nn.functional.normalize(rows, dim=-1)


def main() -> None:
    model = build()
    state = model.state_dict()
    stored = {name: value.to(torch.bfloat16) if value.is_floating_point() else value for name, value in state.items()}
    for folder in ["timm", "apple"]:
        (OUT / folder).mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in stored.items()}, OUT / "timm/model.safetensors")
    settings = {"input_size": [3, SIDE, SIDE], "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0], "crop_pct": 1.0,
                "interpolation": "bicubic"}  # fmt: skip
    config = {"architecture": "fastvit_mci0", "num_classes": EMBEDDING, "pretrained_cfg": settings}
    (OUT / "timm/config.json").write_text(json.dumps(config, indent=2) + "\n")
    renamed = {f"image_encoder.model.{apple(name)}": value for name, value in stored.items() if "head.fc" not in name}
    renamed["image_encoder.model.head.proj"] = stored["head.fc.weight"].T
    renamed["text_encoder.embedding_layer.weight"] = torch.zeros(2, 2)
    renamed["logit_scale"] = torch.zeros(())
    save_file({name: value.contiguous() for name, value in renamed.items()}, OUT / "apple/model.safetensors")
    (OUT / "apple-torch").mkdir(parents=True, exist_ok=True)
    torch.save(renamed, OUT / "apple-torch/mobileclip_s0.pt")
    for folder in ["apple", "apple-torch"]:
        (OUT / folder / "config.json").write_text(json.dumps({"pretrained_cfg": settings}, indent=2) + "\n")

    y, x, c = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), torch.arange(3), indexing="ij")
    pixels = ((7 * x + 13 * y + 29 * c + (x * y // 8) + 5 * (x ^ y)) % 256).to(torch.uint8)
    with torch.no_grad():
        features = model.forward_features(pixels.permute(2, 0, 1)[None].float() / 255)
        rows = features[0].flatten(1).T.contiguous()
        full = model.forward_head(features)[0]
    golden = {"pixels": pixels.contiguous(), "map": rows, "timm": unit(full), "apple": unit(full - model.head.fc.bias.data)}
    save_file({name: value.detach().contiguous() for name, value in golden.items()}, OUT / "golden.safetensors")
    print({name: (tuple(value.shape), float(value.float().abs().max())) for name, value in golden.items()})


main()
