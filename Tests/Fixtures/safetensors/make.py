"""Writes the safetensors fixtures with the reference implementation.

safetensors 0.8.0, torch 2.13.0 (CPU). Run in this folder: python3 make.py
Every value follows from its position i, so that the tests need no golden numbers:
floats (i - 3) / 4, integers i - 3 (unsigned: i), booleans i odd.
"""

import json

import torch
from safetensors.torch import save_file


def floats(count, dtype):
    return ((torch.arange(count, dtype=torch.float64) - 3) / 4).to(dtype)


def integers(count, dtype):
    signed = dtype not in (torch.uint8, torch.uint16, torch.uint32, torch.uint64)
    return (torch.arange(count) - (3 if signed else 0)).to(dtype)


tensors = {
    "f64": floats(6, torch.float64).reshape(2, 3),
    "f32": floats(24, torch.float32).reshape(2, 3, 4),
    "f16": floats(15, torch.float16).reshape(5, 3),
    "bf16": floats(7, torch.bfloat16),
    "i64": integers(4, torch.int64),
    "i32": integers(5, torch.int32),
    "i16": integers(5, torch.int16),
    "i8": integers(5, torch.int8),
    "u64": integers(3, torch.uint64),
    "u32": integers(3, torch.uint32),
    "u16": integers(3, torch.uint16),
    "u8": integers(5, torch.uint8),
    "bool": torch.arange(5) % 2 == 1,
    "scalar": torch.tensor(42, dtype=torch.int64),
    "empty": torch.zeros(0, 4),
    "größe": floats(1, torch.float32),
}
save_file(tensors, "all-types.safetensors", metadata={"format": "pt", "note": "every \"type\""})

first = {"a.weight": floats(12, torch.bfloat16).reshape(4, 3), "a.bias": floats(4, torch.bfloat16)}
second = {"b.weight": floats(8, torch.float32).reshape(2, 4)}
names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
for name, shard in zip(names, [first, second]):
    save_file(shard, "sharded/" + name, metadata={"format": "pt"})
index = {
    "metadata": {"total_size": 64},
    "weight_map": {key: name for name, shard in zip(names, [first, second]) for key in shard},
}
with open("sharded/model.safetensors.index.json", "w") as file:
    json.dump(index, file, indent=2)
    file.write("\n")
with open("sharded/config.json", "w") as file:
    json.dump({"model_type": "fixture"}, file)
