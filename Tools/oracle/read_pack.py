"""Opens a pack and gives its numbers back: a reader written from Formats/pack-format.md alone.

    python Tools/oracle/read_pack.py PACK                      list records and tensors
    python Tools/oracle/read_pack.py PACK -o OUT.safetensors   write every tensor as float32, in its own shape
    python Tools/oracle/read_pack.py PACK --digests OUT.json   write shape and SHA-256 of every tensor's float32 bytes

It holds the page to its word: Tests/Fixtures/pack/every-op-v1.json was made by it, and the Swift reader must give the same
digests. Section numbers are the page's. Needs numpy, xxhash and zstandard; -o needs safetensors.
"""

import argparse
import hashlib
import json
import struct
import sys

import numpy as np
import xxhash
import zstandard

MAGIC = bytes.fromhex("894D4C540D0A1A0A")
ORDER = ["MODL", "IMAG", "TOKN", "PRMP", "NETW", "PLAN", "RESO", "PROV", "PREP", "DATA", "TENS", "WHYP", "PROF"]
ENCODINGS = ["float32", "float32Taps", "float32Patches", "float32Panels", "int8Panels", "int4Panels"]


class Refused(Exception):
    """What section 5 names."""


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Refused(what)


def aligned(offset: int) -> int:
    return (offset + 63) // 64 * 64


def checksum(data: bytes) -> int:
    return xxhash.xxh64_intdigest(data, 0)


class Reader:
    """Section 1: little-endian fields in order, never past the end."""

    def __init__(self, data: bytes, what: str):
        self.data, self.position, self.what = data, 0, what

    def take(self, count: int) -> bytes:
        require(count <= len(self.data) - self.position, f"{self.what} is cut short at byte {self.position}")
        self.position += count
        return self.data[self.position - count : self.position]

    def number(self, code: str):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def string(self) -> str:
        return self.take(self.number("I")).decode("utf-8")

    def end(self) -> None:
        require(self.position == len(self.data), f"{self.what} has bytes left over")


class Pack:
    def __init__(self, path: str):
        with open(path, "rb") as file:
            self.data = file.read()
        self.records = self._directory(self._header())
        self.tensors = self._tensors()

    # Section 2

    def _header(self) -> tuple[int, int, int]:
        data = self.data
        require(len(data) >= 64 and data[:8] == MAGIC, "this is no pack")
        (version, size, file_size, offset, count, reserved, directory, reserved2, own) = struct.unpack_from("<IIQQIIQQQ", data, 8)
        require(checksum(data[:56]) == own, "the header's checksum does not fit")
        require(version == 1, f"version {version}")
        require(size == 64 and reserved == 0 and reserved2 == 0, "a header field is out of range")
        require(file_size == len(data), f"the header states {file_size} bytes, the file has {len(data)}")
        require(checksum(data[offset:]) == directory, "the directory's checksum does not fit")
        return offset, count, len(data)

    def _padding(self, start: int, end: int) -> None:
        require(not any(self.data[start:end]), f"padding at byte {start} is not zero")

    def _directory(self, header: tuple[int, int, int]) -> dict[str, tuple[int, int]]:
        offset, count, size = header
        require(size - offset == 32 * count, "the directory does not fill the rest of the file")
        records, end = {}, 64
        for index in range(count):
            kind, flags, version, start, length, stated = struct.unpack_from("<4sHHQQQ", self.data, offset + 32 * index)
            name = kind.decode("ascii")
            require(start == aligned(end) and start + length <= offset, f"record {name} is out of place")
            self._padding(end, start)
            end = start + length
            require(flags & ~3 == 0, f"record {name} has unknown flags")
            by_parts = bool(flags & 2)
            require(by_parts == (name == "DATA"), f"record {name} must be checked as a whole")
            if by_parts:
                require(stated == 0, "DATA has a checksum of its own")
            else:
                require(checksum(self.data[start:end]) == stated, f"the checksum of {name} does not fit")
            if name not in ORDER or version != 1:
                require(not flags & 1, f"record {name} is critical and unknown")
                continue
            require(name not in records, f"record {name} stands twice")
            records[name] = (start, length)
        require(aligned(end) == offset, "the directory is out of place")
        self._padding(end, offset)
        known = [name for name in records]
        require(known == sorted(known, key=ORDER.index), "records are out of order")
        for name in ORDER:
ORDER = ["MODL", "IMAG", "TOKN", "PRMP", "NETW", "PLAN", "RESO", "PROV", "PREP", "DATA", "TENS", "WHYP", "PROF"]
        return records

    def record(self, name: str) -> Reader:
        start, length = self.records[name]
        return Reader(self.data[start : start + length], name)

    # Section 3.11

    def preparation(self) -> dict:
        """Layers without their diagonals, and factors by value."""
        if "PREP" not in self.records:
            return {"split": [], "scaled": {}}
        reader = self.record("PREP")
        split = [reader.string() for _ in range(reader.number("I"))]
        scaled = {}
        for _ in range(reader.number("I")):
            name = reader.string()
            scaled[name] = np.frombuffer(reader.take(4 * reader.number("I")), "<f4")
            require(bool(np.all(np.isfinite(scaled[name]) & (scaled[name] > 0))), f"a factor of '{name}' is out of range")
        reader.end()
        return {"split": split, "scaled": scaled}

    # Section 3.8 and 3.9

    def _tensors(self) -> dict[str, dict]:
        reader = self.record("TENS")
        frame = reader.number("I")
        require(64 <= frame <= 1 << 24 and frame % 64 == 0, f"frame size {frame}")
        tensors, (end, length) = {}, self.records["DATA"]
        last = end + length
        for _ in range(reader.number("I")):
            name = reader.string()
            shape = [reader.number("I") for _ in range(reader.number("B"))]
            encoding = reader.number("B")
            require(encoding < len(ENCODINGS), f"'{name}' has encoding {encoding}")
            expected = component_sizes(shape, encoding)
            components = []
            require(reader.number("B") == len(expected), f"'{name}' has another number of components")
            for kind, size in expected:
                found, storage, start, unpacked = struct.unpack("<BBQQ", reader.take(18))
                require(found == kind and unpacked == size, f"'{name}' component {kind} has {unpacked} bytes, not {size}")
                require(start == (aligned(end) if storage == 0 else end), f"'{name}' component {kind} is out of place")
                self._padding(end, start)
                frames = [struct.unpack("<IQ", reader.take(12)) for _ in range(-(-size // frame))]
                components.append((storage, start, size, frames))
                end = start + sum(stored for stored, _ in frames)
                require(end <= last, f"'{name}' component {kind} ends behind DATA")
                require(16 * (end - start) >= size, f"'{name}' component {kind} shrinks too much")
            require(name not in tensors, f"'{name}' stands twice")
            tensors[name] = {"shape": shape, "encoding": encoding, "frame": frame, "components": components}
        require(end == last, "DATA goes on behind the last component")
        reader.end()
        return tensors

    def component(self, tensor: dict, index: int) -> bytes:
        storage, start, size, frames = tensor["components"][index]
        parts, left = [], size
        for stored, stated in frames:
            data = self.data[start : start + stored]
            require(checksum(data) == stated, f"the checksum of a frame at byte {start} does not fit")
            start += stored
            unpacked = min(left, tensor["frame"])
            left -= unpacked
            if storage == 0:
                require(stored == unpacked, "a raw frame has another size")
            else:
                require(zstandard.frame_content_size(data) == unpacked, "a zstd frame states another size")
                data = zstandard.ZstdDecompressor().decompress(data, max_output_size=unpacked)
                if storage > 1:
                    data = np.frombuffer(data, np.uint8).reshape(storage, unpacked // storage).T.tobytes()
            parts.append(data)
        return b"".join(parts)

    # Section 4

    def values(self, name: str) -> np.ndarray:
        tensor = self.tensors[name]
        shape, encoding = tensor["shape"], ENCODINGS[tensor["encoding"]]
        codes = self.component(tensor, 0)
        if encoding == "float32":
            return np.frombuffer(codes, "<f4").reshape(shape)
        if encoding == "float32Taps":
            return np.frombuffer(codes, "<f4").reshape(shape[2] * shape[3], shape[0]).T.reshape(shape)
        panels = -(-shape[0] // 16)
        if encoding == "float32Patches":
            _, i, height, width = shape
            panel = np.frombuffer(codes, "<f4").reshape(panels, height, width, i, 16)
            return panel.transpose(0, 4, 3, 1, 2).reshape(panels * 16, i, height, width)[: shape[0]]
        outputs, inputs = shape
        if encoding == "float32Panels":
            panel = np.frombuffer(codes, "<f4").reshape(panels, inputs, 16)
            return panel.transpose(0, 2, 1).reshape(panels * 16, inputs)[:outputs]
        if encoding == "int8Panels":
            panel = np.frombuffer(codes, np.int8).reshape(panels, -(-inputs // 4), 16, 4)
            rows = panel.transpose(0, 2, 1, 3).reshape(panels * 16, -1)[:outputs, :inputs]
            scales = np.frombuffer(self.component(tensor, 1), "<f4")[:outputs]
            with np.errstate(invalid="ignore", over="ignore"):
                return rows.astype(np.float32) * scales[:, None]
        groups = -(-inputs // 32)
        panel = np.frombuffer(codes, np.uint8).reshape(panels, groups, 4, 16, 4).transpose(0, 3, 1, 2, 4)
        low, high = panel & 15, panel >> 4
        rows = np.concatenate([low.reshape(panels, 16, groups, 16), high.reshape(panels, 16, groups, 16)], axis=3)
        scales = np.frombuffer(self.component(tensor, 1), "<f2").reshape(panels, groups, 16).transpose(0, 2, 1)
        with np.errstate(invalid="ignore", over="ignore"):
            real = (rows.astype(np.float32) - 8) * scales[..., None].astype(np.float32)
        return real.reshape(panels * 16, groups * 32)[:outputs, :inputs]


def component_sizes(shape: list[int], encoding: int) -> list[tuple[int, int]]:
    """Component and bytes, by the table of section 4."""
    panels, count = -(-shape[0] // 16), int(np.prod(shape))
    if encoding < 2:
        return [(0, 4 * count)]
    inputs = count // shape[0]
    if encoding < 4:
        return [(0, 64 * panels * inputs)]
    if encoding == 4:
        return [(0, panels * -(-inputs // 4) * 64), (1, 64 * panels), (2, 64 * panels)]
    groups = -(-inputs // 32)
    return [(0, panels * groups * 256), (1, panels * groups * 32), (2, 64 * panels)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack")
    parser.add_argument("-o", "--output")
    parser.add_argument("--digests")
    arguments = parser.parse_args()
    try:
        pack = Pack(arguments.pack)
        values = {name: np.array(pack.values(name), "<f4", order="C") for name in pack.tensors}
    except Refused as error:
        sys.exit(f"refused: {error}")
    if arguments.output:
        from safetensors.numpy import save_file

        save_file(values, arguments.output)
    if arguments.digests:
        for value in values.values():
            # A NaN is a NaN: its bits depend on the machine.
            value[np.isnan(value)] = np.float32("nan")
        digests = {name: {"shape": list(value.shape), "sha256": hashlib.sha256(value.tobytes()).hexdigest()}
                   for name, value in values.items()}  # fmt: skip
        with open(arguments.digests, "w") as file:
            file.write(json.dumps(digests, indent=1) + "\n")
    if not arguments.output and not arguments.digests:
        for name, (start, length) in pack.records.items():
            print(f"{name}  {length} bytes at {start}")
        for name, value in values.items():
            encoding = ENCODINGS[pack.tensors[name]["encoding"]]
            print(f"{name}  {list(value.shape)}  {encoding}")
        preparation = pack.preparation()
        for name in preparation["split"]:
            print(f"{name}  diagonal taken out")
        for name, factors in preparation["scaled"].items():
            print(f"{name}  {len(factors)} channels balanced, {factors.min():g} to {factors.max():g}")


if __name__ == "__main__":
    main()
