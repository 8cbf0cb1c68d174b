"""A PNG encoder that can write what Pillow cannot: every color type and depth, interlacing, tRNS, all filters."""

import struct
import zlib

import numpy as np

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGBA: 4}
# Adam7: first column, first row, column step, row step of each pass.
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_rows(samples: np.ndarray, depth: int) -> list[bytes]:
    """Samples `[height, width, channels]` as rows of bytes, big endian, high bits first."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        else:
            bits = (row[:, None] >> np.arange(depth - 1, -1, -1)) & 1
            rows.append(np.packbits(bits.astype(np.uint8).reshape(-1)).tobytes())
    return rows


def paeth(a: int, b: int, c: int) -> int:
    p = a + b - c
    distances = (abs(p - a), abs(p - b), abs(p - c))
    return (a, b, c)[distances.index(min(distances))]


def filtered(rows: list[bytes], step: int) -> bytes:
    """Row `y` uses filter `y % 5`, so that every filter occurs; `step` is the bytes of a pixel, at least 1."""
    result, above = bytearray(), bytes(len(rows[0]) if rows else 0)
    for y, row in enumerate(rows):
        kind = y % 5
        result.append(kind)
        for i, value in enumerate(row):
            a = row[i - step] if i >= step else 0
            b, c = above[i], above[i - step] if i >= step else 0
            prediction = (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]
            result.append((value - prediction) & 255)
        above = row
    return bytes(result)


def encode(
    samples: np.ndarray,
    color: int,
    depth: int,
    interlaced: bool = False,
    palette: np.ndarray | None = None,
    transparency: bytes | None = None,
) -> bytes:
    """Samples `[height, width, channels]` of `depth` bits as a PNG file."""
    height, width, channels = samples.shape
    assert channels == CHANNELS[color] and samples.max() < 1 << depth
    step = max(1, channels * depth // 8)
    data = b""
    for x, y, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::dy, x::dx]
        if part.size:
            data += filtered(packed_rows(part, depth), step)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    result = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    if palette is not None:
        result += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if transparency is not None:
        result += chunk(b"tRNS", transparency)
    # Two IDAT chunks: a reader must join them.
    stream = zlib.compress(data, 9)
    half = len(stream) // 2
    result += chunk(b"IDAT", stream[:half]) + chunk(b"IDAT", stream[half:])
    return result + chunk(b"IEND", b"")
