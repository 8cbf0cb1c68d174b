#!/usr/bin/env python3
"""Writes every-op-v1.martlet from Formats/pack-format.md alone: a second writer, to hold the page to its word.

The model is EveryOpModel of Tests/Support. Needs Python 3.9 and libzstd.so.1 (made with 1.5.4).
The file stands for all packs of version 1 that people keep: do not make it anew when the format grows.
"""
import ctypes
import os
import struct

MASK = (1 << 64) - 1
FRAME = 256


def xxh64(data, seed=0):
    p1, p2, p3, p4, p5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9,
                          0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
    rotate = lambda x, r: ((x << r) | (x >> (64 - r))) & MASK
    step = lambda acc, lane: rotate((acc + lane * p2) & MASK, 31) * p1 & MASK
    i, n = 0, len(data)
    if n >= 32:
        v = [(seed + p1 + p2) & MASK, (seed + p2) & MASK, seed, (seed - p1) & MASK]
        while i + 32 <= n:
            for k, lane in enumerate(struct.unpack_from("<4Q", data, i)):
                v[k] = step(v[k], lane)
            i += 32
        h = sum(rotate(x, r) for x, r in zip(v, (1, 7, 12, 18))) & MASK
        for x in v:
            h = ((h ^ step(0, x)) * p1 + p4) & MASK
    else:
        h = (seed + p5) & MASK
    h = (h + n) & MASK
    while i + 8 <= n:
        h = (rotate(h ^ step(0, struct.unpack_from("<Q", data, i)[0]), 27) * p1 + p4) & MASK
        i += 8
    if i + 4 <= n:
        h = (rotate(h ^ struct.unpack_from("<I", data, i)[0] * p1 & MASK, 23) * p2 + p3) & MASK
        i += 4
    for byte in data[i:]:
        h = rotate(h ^ byte * p5 & MASK, 11) * p1 & MASK
    for shift, prime in ((33, p2), (29, p3), (32, 1)):
        h = (h ^ (h >> shift)) * prime & MASK
    return h


zstd = ctypes.CDLL("libzstd.so.1")
zstd.ZSTD_compress.restype = zstd.ZSTD_compressBound.restype = ctypes.c_size_t


def compress(data):
    room = ctypes.create_string_buffer(zstd.ZSTD_compressBound(ctypes.c_size_t(len(data))))
    size = zstd.ZSTD_compress(room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)), 3)
    return room.raw[:size]


u8 = lambda *x: struct.pack("<%dB" % len(x), *x)
u16 = lambda *x: struct.pack("<%dH" % len(x), *x)
u32 = lambda *x: struct.pack("<%dI" % len(x), *x)
u64 = lambda *x: struct.pack("<%dQ" % len(x), *x)
f32 = lambda *x: struct.pack("<%df" % len(x), *x)
string = lambda s: u32(len(s.encode())) + s.encode()
many = lambda items: u32(len(items)) + b"".join(items)
NONE = 0xFFFFFFFF


class Network:
    def __init__(self, role, name):
        self.role, self.name = role, name
        self.parameters, self.values, self.layers, self.inputs = [], [], [], []

    def value(self, name, kind, channels=0, stride=0):
        self.values.append(string(self.name + "." + name) + u8(kind) + u32(channels, stride))
        return len(self.values) - 1

    def input(self, *shape):
        self.inputs.append(self.value(*shape))
        return self.inputs[-1]

    def p(self, name, *shape):
        self.parameters.append((self.name + "." + name, shape))
        return len(self.parameters) - 1

    def layer(self, name, op, fields, shape, *inputs):
        output = self.value(name, *shape)
        self.layers.append(
            string(self.name + "." + name) + u16(op) + u8(len(inputs)) + u32(*inputs) + u32(output)
            + fields)
        return output

    def linear(self, name, i, o, biased, shape, x):
        w = self.p(name + ".weight", o, i)
        return self.layer(
            name, 6, u32(i, o, w, self.p(name + ".bias", o) if biased else NONE), shape, x)

    def bytes(self, output):
        return (u8(self.role)
                + many([string(n) + u8(len(s)) + u32(*s) for n, s in self.parameters])
                + many(self.values) + many(self.layers) + u32(len(self.inputs), *self.inputs)
                + u32(output))


def vision():
    n = Network(0, "vision")
    x = n.input("pixels", 0, 3, 1)
    x = n.layer("normalize", 4, u32(3) + f32(.5, .25, .125, 0, -1, 1), (0, 3, 1), x)
    x = n.layer("stem", 1, u32(3, 8, 3, 2, n.p("stem.weight", 8, 3, 3, 3), n.p("stem.bias", 8)),
                (0, 8, 2), x)
    x = n.layer("gelu", 8, u8(0), (0, 8, 2), x)
    x = n.layer("dw", 2, u32(8, 2, 3, 2, n.p("dw.weight", 16, 1, 3, 3), NONE), (0, 16, 4), x)
    y = n.linear("mix", 16, 16, True, (0, 16, 4), x)
    x = n.layer("sum", 7, b"", (0, 16, 4), x, y)
    se = [n.p("se.w1", 4, 16), n.p("se.b1", 4), n.p("se.w2", 16, 4), n.p("se.b2", 16)]
    x = n.layer("se", 3, u32(16, 4, *se), (0, 16, 4), x)
    norm = [n.p("norm.weight", 16), n.p("norm.bias", 16)]
    x = n.layer("norm", 5, u32(16) + f32(1e-5) + u32(*norm), (0, 16, 4), x)
    x = n.linear("qkv", 16, 48, False, (0, 48, 4), x)
    x = n.layer("attention", 11, u32(2, 2, 8) + f32(1) + u8(0), (0, 16, 4), x)
    x = n.linear("out", 16, 16, False, (0, 16, 4), x)
    return n, n.bytes(x)


def projector():
    n = Network(1, "projector")
    x = n.input("features", 1, 16)
    x = n.linear("up", 16, 24, True, (1, 24), x)
    x = n.layer("relu", 8, u8(1), (1, 24), x)
    x = n.linear("down", 24, 16, False, (1, 16), x)
    return n, n.bytes(x)


def language():
    n = Network(2, "language")
    ids, images = n.input("ids", 2), n.input("images", 1, 16)
    table = n.p("embed.weight", 20, 16)
    x = n.layer("embed", 13, u32(20, 16, table), (1, 16), ids, images)
    y = n.layer("norm", 9, u32(16) + f32(1e-6) + u32(n.p("norm.weight", 16), NONE), (1, 16), x)
    y = n.linear("qkv", 16, 32, True, (1, 32), y)
    y = n.layer("rotate", 10, u32(2, 1, 8) + f32(1e6), (1, 32), y)
    y = n.layer("attention", 11, u32(2, 1, 8) + f32(.35) + u8(1), (1, 16), y)
    x = n.layer("sum", 7, b"", (1, 16), x, y)
    y = n.linear("up", 16, 64, False, (1, 64), x)
    y = n.layer("gate", 12, u32(32), (1, 32), y)
    y = n.linear("down", 32, 16, False, (1, 16), y)
    x = n.layer("sum2", 7, b"", (1, 16), x, y)
    x = n.layer("last", 14, b"", (1, 16), x)
    x = n.layer("head", 6, u32(16, 20, table, NONE), (1, 20), x)
    return n, n.bytes(x)


ENCODINGS = {"vision.stem.weight": 2, "vision.dw.weight": 1, "vision.mix.weight": 4,
             "vision.qkv.weight": 4, "vision.out.weight": 3, "projector.up.weight": 3,
             "projector.down.weight": 5, "language.embed.weight": 4, "language.qkv.weight": 5,
             "language.up.weight": 5, "language.down.weight": 4}


def components(shape, encoding):
    """(component, size, width of an element) of section 4."""
    count = 1
    for extent in shape:
        count *= extent
    panels = -(-shape[0] // 16)
    if encoding <= 1:
        return [(0, 4 * count, 4)]
    if encoding <= 3:
        return [(0, panels * 16 * (count // shape[0]) * 4, 4)]
    if encoding == 4:
        return [(0, panels * -(-shape[1] // 4) * 64, 1), (1, panels * 64, 4), (2, panels * 64, 4)]
    groups = panels * -(-shape[1] // 32)
    return [(0, groups * 256, 1), (1, groups * 32, 2), (2, panels * 64, 4)]


def pattern(name, count):
    """PatternParameters.bytes of Tests/Support."""
    state = 0
    for byte in name.encode():
        state = (state * 31 + byte) & MASK
    few, out = state % 2 == 0, bytearray()
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        out.append((state >> 56) & (7 if few else 255))
    return bytes(out)


def tensors(networks, start):
    data, lines = b"", []
    for network in networks:
        for name, shape in network.parameters:
            encoding = ENCODINGS.get(name, 0)
            parts = components(shape, encoding)
            line = string(name) + u8(len(shape)) + u32(*shape) + u8(encoding, len(parts))
            for component, size, width in parts:
                raw = pattern("%s %d" % (name, component), size)
                frames = [raw[i:i + FRAME] for i in range(0, size, FRAME)]
                planes = [b"".join(f[j::width] for j in range(width)) for f in frames]
                packed, storage = [compress(f) for f in planes], width
                stored = sum(map(len, packed))
                if stored * 100 > size * 97 or stored * 16 < size:
                    packed, storage = frames, 0
                    data += bytes(-(start + len(data)) % 64)
                line += u8(component, storage) + u64(start + len(data), size)
                for frame in packed:
                    line += u32(len(frame)) + u64(xxh64(frame))
                    data += frame
            lines.append(line)
    return data, u32(FRAME) + many(lines)


def pack():
    parts = [vision(), projector(), language()]
    tokens = [b"a", b"b", b"ab", b"", b"\xc3\xa9"]
    plan = [("vision.mix", 1, 0, 0), ("vision.qkv", 2, .03125, 131), ("projector.up", 0, 0, 0),
            ("projector.down", 1, 0, 0), ("language.qkv", 1, 0, 0), ("language.up", 2, .5, 0),
            ("language.down", 1, 0, 0), ("language.head", 1, 0, 0)]
    records = [
        (b"MODL", string("every_op")),
        (b"IMAG", u32(64) + u8(1, 127, 1, 255) + f32(.5, .25, 0, .5, 1, 2)),
        (b"TOKN", u8(0) + u32(len(tokens)) + u16(*map(len, tokens)) + b"".join(tokens)
         + many([u32(0, 1, 2)])
         + many([u32(7) + u8(1) + string("<|end|>"), u32(8) + u8(0) + string("<ü>")])),
        (b"PRMP", string("<|user|>\n") + string("\n") + string("<|end|>\n") + u32(2, 7, 3)
         + u32(512)),
        (b"NETW", many([b for _, b in parts])),
        (b"PLAN", many([string(n) + u8(k) + f32(s) + u8(z) for n, k, s, z in plan])),
        (b"PROV", many([string("tool") + u8(0) + string("make_pack.py"),
                        string("seed") + u8(1) + struct.pack("<q", -7),
                        string("ratio") + u8(2) + struct.pack("<d", .75),
                        string("source/a.safetensors") + u8(3) + u32(2) + u8(0xAB, 0xCD)])),
        (b"DATA", None), (b"TENS", None), (b"XTRA", b"skippable")]
    out, directory, tens = bytes(64), b"", b""
    for kind, content in records:
        out += bytes(-len(out) % 64)
        if kind == b"DATA":
            content, tens = tensors([n for n, _ in parts], len(out))
        if kind == b"TENS":
            content = tens
        flags = {b"PROV": 0, b"XTRA": 0, b"DATA": 3}.get(kind, 1)
        directory += kind + u16(flags, 1) + u64(
            len(out), len(content), 0 if kind == b"DATA" else xxh64(content))
        out += content
    out += bytes(-len(out) % 64)
    header = (b"\x89MLT\r\n\x1a\n" + u32(1, 64) + u64(len(out) + len(directory), len(out))
              + u32(len(records), 0) + u64(xxh64(directory), 0))
    return header + u64(xxh64(header)) + out[64:] + directory


if __name__ == "__main__":
    assert xxh64(b"") == 0xEF46DB3751D8E999
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "every-op-v1.martlet")
    with open(path, "wb") as file:
        file.write(pack())
