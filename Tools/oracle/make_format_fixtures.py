"""Writes the tiny model in the formats beside safetensors, with their own writers: torch, h5py and mlx.

Reads Tests/Fixtures/tiny/llava and llava-train, which make_fixture.py wrote, and adds directories to
Tests/Fixtures/formats. Tests/Fixtures/mlx is a small export of matrices at every number of bits, for the corruption suite. Usage: python make_format_fixtures.py [--fixtures Tests/Fixtures]
"""

import argparse
import hashlib
import json
import re
import shutil
from pathlib import Path

import h5py
import mlx.core as mx
import numpy as np
import torch
from safetensors import safe_open

BESIDE = ["added_tokens.json", "generation_config.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json", "vocab.json"]
ENCODER = "model.vision_tower.vision_tower.model."
GROUP = 64


def read(folder: Path) -> dict[str, torch.Tensor]:
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys()}
    return tensors


def made(root: Path, name: str, source: Path, **changes) -> Path:
    """An empty directory with the files beside the weights; `changes` go into config.json."""
    folder = root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file in BESIDE:
        shutil.copy(source / file, folder / file)
    config = json.loads((source / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return folder


def write_torch(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Two shards as transformers wrote them before safetensors; the tied head shares the embedding's storage."""
    tensors = dict(tensors)
    head, table = "lm_head.weight", "model.embed_tokens.weight"
    assert torch.equal(tensors[head], tensors[table])
    tensors[head] = tensors[table]
    encoder = {name: value for name, value in tensors.items() if name.startswith(ENCODER)}
    rest = {name: value for name, value in tensors.items() if name not in encoder}
    weight_map = {}
    for index, shard in enumerate([encoder, rest], 1):
        file = f"pytorch_model-{index:05}-of-00002.bin"
        torch.save(shard, folder / file)
        weight_map |= {name: file for name in shard}
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_leftovers(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    """What LLaVA's trainer leaves: a projector alone, and everything that LoRA did not train."""
    projector = {name: value * 2 for name, value in tensors.items() if ".mm_projector." in name}
    torch.save(projector, folder / "mm_projector.bin")
    norm = "model.norm.weight"
    rest = projector | {norm: tensors[norm] * 2}
    torch.save({"base_model.model." + name: value for name, value in rest.items()}, folder / "non_lora_trainables.bin")
    torch.save({"base_model.model.model.layers.0.mlp.up_proj.lora_A.weight": torch.zeros(2, 64)}, folder / "adapter.bin")


def write_hdf5(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Groups for the dots of the names; compressed, big-endian, bfloat16 as uint16 with the attribute that says so."""
    with h5py.File(path, "w") as file:
        for index, (name, value) in enumerate(sorted(tensors.items())):
            path = name.replace(".", "/")
            options = {}
            if value.dim() and value.numel() > 256:
                options = {"compression": "gzip", "compression_opts": 9, "shuffle": True, "chunks": True}
            if value.dtype == torch.bfloat16:
                data = value.view(torch.uint16).numpy()
            else:
                data = value.numpy()
                if index % 2:
                    data = data.astype(data.dtype.newbyteorder(">"))
            data_set = file.create_dataset(path, data=data, **options)
            if value.dtype == torch.bfloat16:
                data_set.attrs["dtype"] = "bfloat16"


def mlx_array(value: torch.Tensor) -> mx.array:
    if value.dtype == torch.bfloat16:
        return mx.array(value.float().numpy()).astype(mx.bfloat16)
    return mx.array(value.numpy())


def digest(value: mx.array) -> str:
    return hashlib.sha256(np.array(value.astype(mx.float32)).astype("<f4").tobytes()).hexdigest()


def quantized(name: str, value: mx.array, bits: int, digests: dict[str, str], group: int = GROUP) -> dict[str, mx.array]:
    """Weight, scales and offsets as mlx packs them, and the digest of what they stand for."""
    words, scales, biases = mx.quantize(value.astype(mx.float16), group_size=group, bits=bits)
    # Scales in float32, so that mlx's own arithmetic is exact but for the last rounding.
    exact = mx.dequantize(words, scales.astype(mx.float32), biases.astype(mx.float32), group_size=group, bits=bits)
    digests[name] = digest(exact)
    stem = name.removesuffix("weight")
    return {name: words, stem + "scales": scales, stem + "biases": biases}


def apple_mlx(tensors: dict[str, torch.Tensor], bits: int | None, digests: dict[str, str]) -> dict[str, mx.array]:
    """Apple's export: language model and projector; no encoder."""
    result = {}
    for name, value in tensors.items():
        if name.startswith(ENCODER):
            continue
        new = "language_model." + name
        if ".mm_projector." in name:
            new = name.replace("model.mm_projector.", "multi_modal_projector.linear_")
        value = mlx_array(value)
        if bits and value.ndim == 2 and value.shape[1] % GROUP == 0:
            result |= quantized(new, value, bits, digests)
        else:
            result[new] = value.astype(mx.float16)
            digests[new] = digest(result[new])
    return result


def community_mlx(tensors: dict[str, torch.Tensor], bits: int | None, digests: dict[str, str]) -> dict[str, mx.array]:
    """mlx-vlm's export: encoder included, kernels channels-last, the tied head dropped, numbers as they were."""
    result = {}
    for name, value in tensors.items():
        if name == "lm_head.weight" or name.endswith("num_batches_tracked"):
            continue
        new = "language_model." + name
        if ".mm_projector." in name:
            new = name.removeprefix("model.")
        if name.startswith(ENCODER):
            new = "vision_tower.vision_model." + re.sub(r"^patch_embed\.", "patch_embed.blocks.", name.removeprefix(ENCODER))
        array = mlx_array(value)
        if array.ndim == 4:
            array = array.transpose(0, 2, 3, 1)
        elif array.ndim == 3:
            array = array.transpose(1, 2, 0)
        if bits and new.startswith("language_model.") and array.ndim == 2:
            result |= quantized(new, array, bits, digests)
        else:
            result[new] = mx.contiguous(array)
    return result


def write_mlx(folder: Path, tensors: dict[str, mx.array], digests: dict[str, str]) -> None:
    mx.save_safetensors(str(folder / "model.safetensors"), tensors, metadata={"format": "mlx"})
    index = {"metadata": {"total_size": 0}, "weight_map": {name: "model.safetensors" for name in sorted(tensors)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    if digests:
        (folder / "digests.json").write_text(json.dumps(digests, indent=2, sort_keys=True) + "\n")


def write_small_mlx(folder: Path) -> None:
    """A matrix for each number of bits, two by settings of their own, and a norm; what they stand for as digests."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors, digests = {"norm.weight": mx.arange(8).astype(mx.float16) / 4}, {}
    settings = {"four": (32, 4), "eight": (64, 8), "two": (32, 2)}
    for index, (name, (group, bits)) in enumerate(settings.items()):
        value = mx.random.normal((3, 64), key=mx.random.key(index)).astype(mx.float16)
        tensors |= quantized(f"{name}.weight", value, bits, digests, group)
    quantization = {"group_size": 32, "bits": 4}
    quantization |= {name: {"group_size": group, "bits": bits} for name, (group, bits) in settings.items() if bits != 4}
    (folder / "config.json").write_text(json.dumps({"quantization": quantization}) + "\n")
    write_mlx(folder, tensors, digests)
    (folder / "model.safetensors.index.json").unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures", type=Path, default=Path("Tests/Fixtures"))
    root = parser.parse_args().fixtures
    fused, train, formats = root / "tiny/llava", root / "tiny/llava-train", root / "formats"
    tensors = read(fused)
    write_torch(made(formats, "torch", train), read(train))
    leftovers = formats / "leftovers"
    leftovers.mkdir(parents=True, exist_ok=True)
    write_leftovers(leftovers, tensors)
    write_hdf5(made(formats, "hdf5", fused) / "model.h5", tensors)
    for bits in [4, 8]:
        digests = {}
        folder = made(formats, f"mlx-int{bits}", fused, quantization={"group_size": GROUP, "bits": bits}, image_token_index=503)
        write_mlx(folder, apple_mlx(tensors, bits, digests), digests)
    write_mlx(made(formats, "mlx-fp16", fused, image_token_index=503), apple_mlx(tensors, None, {}), {})
    write_small_mlx(root / "mlx")
    write_mlx(made(formats, "mlx-community", fused), community_mlx(tensors, None, {}), {})
    for path in sorted(formats.iterdir()):
        print(path, sum(file.stat().st_size for file in path.iterdir()))


if __name__ == "__main__":
    main()
