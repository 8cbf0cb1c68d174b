"""Writes the HDF5 fixtures with h5py.

h5py 3.16.0 (HDF5 2.0), numpy 2.4.6. Run in this folder: python3 make.py
Numbers follow from their position as in ../safetensors/make.py: floats (i - 3) / 4, integers i - 3 (unsigned: i).
"""

import h5py
import numpy as np


def floats(count, dtype):
    return ((np.arange(count) - 3) / 4).astype(dtype)


def integers(count, dtype):
    return (np.arange(count) - (3 if np.dtype(dtype).kind == "i" else 0)).astype(dtype)


def bfloat16(count):
    return (floats(count, "<f4").view("<u4") >> 16).astype("<u2")


SHAPES = {"f64": (2, 3), "f32": (2, 3, 4), "f16": (5, 3), "i64": (4,), "i32": (5,), "i16": (5,), "i8": (5,), "u64": (3,), "u32": (3,)} | {
    "u16": (3,),
    "u8": (5,),
}


def value(name, order="<"):
    count = int(np.prod(SHAPES[name]))
    dtype = order + name[0] + str(int(name[1:]) // 8)
    make = floats if name[0] == "f" else integers
    return make(count, dtype).reshape(SHAPES[name])


with h5py.File("all-types.h5", "w") as file:
    for name in SHAPES:
        file[name] = value(name)
    file["bf16"] = bfloat16(7)
    file["bf16"].attrs["dtype"] = "bfloat16"
    file["bool"] = np.arange(5) % 2 == 1
    file["scalar"] = np.int64(42)
    file["empty"] = np.zeros((0, 4), "<f4")
    file["größe"] = floats(1, "<f4")

# The same numbers in every way to lie, nested and flat.
with h5py.File("layouts.h5", "w", libver=("earliest", "v110")) as file:
    for name in SHAPES:
        file["big/" + name] = value(name, ">")
    options = {"compression": "gzip", "shuffle": True}
    file.create_dataset("packed/f32", data=value("f32"), chunks=(1, 2, 3), **options)
    file.create_dataset("packed/big", data=value("f32", ">"), chunks=(2, 3, 4), **options)
    file.create_dataset("chunked.f16", data=value("f16"), chunks=(2, 2))
    file.create_dataset("grown", data=value("f64"), chunks=(1, 3), maxshape=(None, 3))
    fixed = file.create_dataset("deep/er/bf16", data=bfloat16(7), chunks=(4,), **options)
    fixed.attrs["dtype"] = np.bytes_("bfloat16")
    file["alias"] = file["packed/f32"]

with h5py.File("small.h5", "w") as file:
    file.create_dataset("a/packed", data=value("f32"), chunks=(1, 3, 4), compression="gzip", shuffle=True)
    file["a/plain"] = value("f16", ">")

with h5py.File("keras.h5", "w") as file:
    file.attrs["keras_version"] = "2.15"
    group = file.create_group("model_weights")
    group.attrs["layer_names"] = [b"stem.0"]
    layer = group.create_group("stem.0")
    layer.attrs["weight_names"] = [b"stem.0/weight:0", b"stem.0/bias:0"]
    layer["stem.0/weight:0"] = value("f32")
    layer["stem.0/bias:0"] = value("f64")
    file["optimizer_weights/iteration:0"] = np.int64(1)

with h5py.File("pictures.h5", "w") as file:
    file["images"] = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)

# The same pictures in a group, in the order of their names; and what are no pictures.
with h5py.File("picture-group.h5", "w") as file:
    pictures = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    file["images/b"] = pictures[1]
    file["images/a"] = pictures[0]
    file["labels"] = np.arange(2)

with h5py.File("float-pictures.h5", "w") as file:
    file["images"] = np.zeros((2, 3, 4, 3), "<f4")

# Refused ones.


def refused(name, write):
    with h5py.File(name, "w", libver=("earliest", "v110")) as file:
        file["w"] = floats(4, "<f4")
        write(file)


refused("soft.h5", lambda f: f.__setitem__("s", h5py.SoftLink("/w")))
refused("external-link.h5", lambda f: f.__setitem__("s", h5py.ExternalLink("other.h5", "/w")))
refused("cycle.h5", lambda f: f.create_group("a").__setitem__("b", f))
refused("filter.h5", lambda f: f.create_dataset("x", data=value("f32"), chunks=(2, 3, 4), fletcher32=True))
refused("text.h5", lambda f: f.__setitem__("x", "words"))
refused("compound.h5", lambda f: f.__setitem__("x", np.zeros(2, [("a", "<f4"), ("b", "<i4")])))
refused("nothing.h5", lambda f: f.__setitem__("x", h5py.Empty("<f4")))
refused("missing-chunks.h5", lambda f: f.create_dataset("x", (8, 4), "<f4", chunks=(2, 4)).__setitem__(slice(0, 2), 1))
refused("not-written.h5", lambda f: f.create_dataset("x", (1 << 30, 4), "<f4"))
refused("bomb.h5", lambda f: f.create_dataset("x", data=np.zeros((64, 1 << 16), "<f4"), chunks=(64, 1 << 16), compression="gzip", compression_opts=9))
refused("large-chunk.h5", lambda f: f.create_dataset("x", data=np.zeros(3, "u1"), maxshape=(None,), chunks=(1 << 21,), compression="gzip", compression_opts=9))
layout = h5py.VirtualLayout((2, 4), "<f4")
layout[0] = h5py.VirtualSource("small.h5", "w", (4,))
refused("virtual.h5", lambda f: f.create_virtual_dataset("x", layout))


def raw(file):
    space = h5py.h5s.create_simple((4,))
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_external(b"/etc/passwd", 0, 16)
    h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, settings)


refused("external-data.h5", raw)
