#!/usr/bin/env python3
"""Reads the proof of a pack by Formats/pack-format.md (section 3.10) and prepares its golden pictures with Pillow.

    python Tools/oracle/read_proof.py PACK             list pictures, questions and answers
    python Tools/oracle/read_proof.py PACK -o FOLDER   write the pictures as PNG as well

It holds the page to its word, and the hashes of prepared pixels to Pillow's: an unequal one ends it with exit code 1. Checksums of
records and marks of tensors are compared too. Needs numpy, pillow, xxhash and zstandard.
"""

import argparse
import hashlib
import os
import struct
import sys

import zstandard
from PIL import Image
from read_pack import ORDER, Pack, Reader, Refused, checksum, require

SIDE = 64
# Bytes of the fields of an op behind its common part (section 3.5); `normalize` has a count of its own.
OP_BYTES = {1: 24, 2: 24, 3: 24, 5: 16, 6: 16, 7: 0, 8: 1, 9: 16, 10: 16, 11: 17, 12: 4, 13: 12, 14: 0}


def layer_counts(reader: Reader) -> dict[int, int]:
    """Layers of each network, by its role."""
    counts = {}
    for _ in range(reader.number("I")):
        role = reader.number("B")
        for _ in range(reader.number("I")):
            reader.string()
            reader.take(4 * reader.number("B"))
        for _ in range(reader.number("I")):
            reader.string()
            reader.take(9)
        counts[role] = reader.number("I")
        for _ in range(counts[role]):
            reader.string()
            op = reader.number("H")
            reader.take(4 * reader.number("B") + 4)
            if op == 4:
                reader.take(8 * reader.number("I"))
            else:
                reader.take(OP_BYTES[op])
        reader.take(4 * reader.number("I") + 4)
    reader.end()
    return counts


def numbers(reader: Reader, code: str) -> list:
    return [reader.number(code) for _ in range(reader.number("I"))]


def picture(reader: Reader) -> Image.Image:
    height, width, storage = reader.number("I"), reader.number("I"), reader.number("B")
    require(1 <= height <= 512 and 1 <= width <= 512 and storage in (0, 1), "a picture breaks the rules")
    stored = reader.take(reader.number("I"))
    count = height * width * 3
    require(len(stored) * 16 >= count, "a picture shrinks too much")
    if storage == 1:
        stored = zstandard.ZstdDecompressor().decompress(stored, max_output_size=count)
    require(len(stored) == count, "a picture has another size")
    return Image.frombytes("RGB", (width, height), stored)


def prepared(image: Image.Image, side: int, fit: int, fill: tuple[int, int, int]) -> bytes:
    width, height = image.size
    if fit == 0:
        longest = max(width, height)
        square = Image.new("RGB", (longest, longest), fill)
        square.paste(image, ((longest - width) // 2, (longest - height) // 2))
        return square.resize((side, side), Image.BICUBIC).tobytes()
    short = min(width, height)
    wide, high = (side if width == short else side * width // short, side if height == short else side * height // short)
    left, top = (wide - side) // 2, (high - side) // 2
    return image.resize((wide, high), Image.BICUBIC).crop((left, top, left + side, top + side)).tobytes()


def marks(pack: Pack) -> list[int]:
    """Section 3.10 over section 3.8."""
    reader = pack.record("TENS")
    frame_bytes = reader.number("I")
    found = []
    for _ in range(reader.number("I")):
        text = reader.string().encode()
        reader.take(4 * reader.number("B"))
        text += struct.pack("<B", reader.number("B"))
        for _ in range(reader.number("B")):
            reader.take(10)
            size = reader.number("Q")
            text += reader.take(12 * ((size + frame_bytes - 1) // frame_bytes))
        found.append(checksum(text))
    return found


def content(pack: Pack, name: str) -> int:
    if name not in pack.records:
        return 0
    start, length = pack.records[name]
    return checksum(pack.data[start : start + length])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack")
    parser.add_argument("-o", "--output")
    arguments = parser.parse_args()
    pack = Pack(arguments.pack)
    if "PROF" not in pack.records:
        sys.exit("the pack has no proof")
    image = pack.record("IMAG")
    image.take(4)
    fit, fill = image.number("B"), tuple(image.take(3))
    counts = layer_counts(pack.record("NETW"))
    reader = pack.record("PROF")
    print("pictures:", ["drawn", "given"][reader.number("B")])
    records = [reader.number("Q") for _ in range(5)]
    require(records == [content(pack, name) for name in ORDER[1:6]], "a record was replaced")
    require(numbers(reader, "Q") == marks(pack), "a tensor was replaced")
    probe, ids = reader.string(), numbers(reader, "i")
    print(f"probe: {len(probe)} characters, {len(ids)} ids")
    failed = False
    for index in range(reader.number("I")):
        name = reader.string()
        golden = picture(reader)
        side = reader.number("I")
        for at in (side, SIDE):
            equal = hashlib.sha256(prepared(golden, at, fit, fill)).digest() == reader.take(32)
            failed = failed or not equal
            print(f"{name}: {golden.size[0]} x {golden.size[1]}, at {at}: Pillow's pixels are {'equal' if equal else 'OTHERS'}")
        answers = reader.number("B") == 1
        layers = sum(count for role, count in counts.items() if role != 2 or answers)
        decibels = []
        for _ in range(layers):
            if reader.number("Q") != 0:
                reader.take(56)
                decibels.append(reader.number("f"))
            else:
                reader.take(60)
        print(f"  {len(decibels)} of {layers} layers marked, {min(decibels):.1f} dB at the least")
        if answers:
            print(f"  {reader.string()!r}: {len(numbers(reader, 'i'))} ids")
            for who in ("pack", "reference"):
                likeliest = [(reader.number("I"), reader.number("f")) for _ in range(reader.number("I"))]
                print(f"  {who}: {likeliest[:3]} ...")
            print(f"  divergence {reader.number('f'):.6f}")
            given = [numbers(reader, "i"), numbers(reader, "i")]
            print(f"  pack {given[0]} {reader.string()!r}, reference {given[1]} {reader.string()!r}")
        if arguments.output:
            os.makedirs(arguments.output, exist_ok=True)
            golden.save(os.path.join(arguments.output, f"{index}.png"))
    reader.end()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    try:
        main()
    except Refused as error:
        sys.exit(f"refused: {error}")
