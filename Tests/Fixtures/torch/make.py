"""Writes the torch fixtures with torch itself.

torch 2.13.0 (CPU). Run in this folder: python3 make.py
Numbers follow from their position as in ../safetensors/make.py: floats (i - 3) / 4, integers i - 3 (unsigned: i).
"""

import argparse
import os
import zipfile

import torch
from torch import nn


def floats(count, dtype):
    return ((torch.arange(count, dtype=torch.float64) - 3) / 4).to(dtype)


def integers(count, dtype):
    signed = dtype not in (torch.uint8, torch.uint16, torch.uint32, torch.uint64)
    return (torch.arange(count) - (3 if signed else 0)).to(dtype)


all_types = {
    "f64": floats(6, torch.float64).reshape(2, 3),
    "f32": floats(24, torch.float32).reshape(2, 3, 4),
    "f16": floats(15, torch.float16).reshape(5, 3),
    "bf16": floats(7, torch.bfloat16),
    "i64": integers(4, torch.int64),
    "i32": integers(5, torch.int32),
    "i16": integers(5, torch.int16),
    "i8": integers(5, torch.int8),
    "u8": integers(5, torch.uint8),
    "bool": torch.arange(5) % 2 == 1,
    "scalar": torch.tensor(42, dtype=torch.int64),
    "empty": torch.zeros(0, 4),
    "größe": floats(1, torch.float32),
}
# The container before torch 1.6 has no storages for these.
newer_types = {
    "u64": integers(3, torch.uint64),
    "u32": integers(3, torch.uint32),
    "u16": integers(3, torch.uint16),
}
torch.save(all_types | newer_types, "all-types.pt")
torch.save(all_types, "legacy.pt", _use_new_zipfile_serialization=False)
torch.save(all_types, "protocol-4.pth", pickle_protocol=4)

# One storage, many views: [2, 3, 4] of (i - 3) / 4.
base = floats(24, torch.float32).reshape(2, 3, 4)
views = {
    "base": base,
    "same": base,
    "reversed": base.permute(2, 1, 0),
    "transposed": base[1].t(),
    "window": base[:, 1:, 1:3],
    "column": base[0, :, 2],
    "row": base[1, 2],
    "element": base[1, 2, 3],
    "parameter": nn.Parameter(base),
    "buffer": nn.Parameter(base, requires_grad=False),
    "channels_last": floats(48, torch.bfloat16).reshape(2, 3, 2, 4).contiguous(memory_format=torch.channels_last),
    "expanded": floats(3, torch.float16)[:, None].expand(3, 1),
}
torch.save(views, "views.pt")


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.norm = nn.BatchNorm1d(2)


torch.manual_seed(3)
module = Small()
module.linear.weight.data = floats(6, torch.float32).reshape(2, 3)
state = nn.DataParallel(module).state_dict()
optimizer = torch.optim.AdamW(module.parameters())
torch.save({"state_dict": state, "optimizer": optimizer.state_dict(), "epoch": 3, "best": 0.5, "name": "x"}, "wrapped.pt")
torch.save({"model": module.state_dict(), "epoch": 3}, "model.pt")
torch.save(module.state_dict(), "state.pth")
torch.save({"model.mm_projector.0.bias": floats(2, torch.float32), "epoch": 1}, "with-entries.pt")

# Refused ones.


class Call:
    def __reduce__(self):
        return os.system, ("touch called",)


torch.save({"weight": floats(2, torch.float32), "x": Call()}, "call.pt")
torch.save({"weight": floats(2, torch.float32), "args": argparse.Namespace(lr=1)}, "namespace.pt")
torch.save([1, 2], "list.pt")
torch.save({"epoch": 3}, "no-tensors.pt")
torch.save({"weight": floats(2, torch.float32).expand(1 << 40, 2)}, "expanded-far.pt")
with zipfile.ZipFile("state.pth") as old, zipfile.ZipFile("compressed.pt", "w", zipfile.ZIP_DEFLATED) as new:
    for entry in old.infolist():
        new.writestr(entry.filename, old.read(entry))
torch.jit.script(module.linear).save("scripted.pt")
for name in ["list.pt", "expanded-far.pt"]:
    assert os.path.getsize(name) < 4096, name
