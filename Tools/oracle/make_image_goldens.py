"""Image goldens: decoding, resizing and fitting as Pillow does them. Writes Tests/Fixtures/images.

Independent executor: Pillow. Usage: python make_image_goldens.py [--fixtures Tests/Fixtures]
"""

import argparse
import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

import jpeg_writer as jpeg
import png_writer as png

BLACK = (0, 0, 0)


def formula(height: int, width: int, channels: int = 3) -> np.ndarray:
    """A picture any language can compute: `(7x + 13y + 29c + (x·y >> 3) + 5·(x ^ y)) & 255`."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return ((7 * x + 13 * y + 29 * c + ((x * y) >> 3) + 5 * (x ^ y)) & 255).astype(np.uint8)


def smooth(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Soft waves, for codecs that expect pictures rather than noise."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.float64)
    wave = np.sin(x / 5 + c) * np.cos(y / 7 - c) + np.sin((x + y) / 11 + 2 * c)
    return np.clip(127.5 + 60 * wave, 0, 255).astype(np.uint8)


def gray_16(source: np.random.Generator) -> np.ndarray:
    """Half of the samples below 512: Pillow saturates 16-bit gray at 255 instead of taking the high byte."""
    high = source.integers(0, 65536, (11, 19, 1))
    low = source.integers(0, 512, (11, 19, 1))
    return np.where(source.integers(0, 2, (11, 19, 1)) == 0, low, high)


def high_bytes(data: bytes) -> np.ndarray:
    """16-bit gray as every other 16-bit picture is read, for a reader that prefers sense to equality."""
    samples = np.asarray(Image.open(io.BytesIO(data))).astype(np.uint16)
    return np.repeat((samples >> 8).astype(np.uint8)[:, :, None], 3, axis=2)


def png_files() -> dict[str, bytes]:
    files = {}
    source = np.random.default_rng(7)
    for color, name, depths in [
        (png.GRAY, "gray", (1, 2, 4, 8, 16)),
        (png.RGB, "rgb", (8, 16)),
        (png.GRAY_ALPHA, "gray-alpha", (8, 16)),
        (png.RGBA, "rgba", (8, 16)),
    ]:
        for depth in depths:
            shape = (11, 19, png.CHANNELS[color])
            samples = source.integers(0, 1 << depth, shape)
            if (color, depth) == (png.GRAY, 16):
                samples = gray_16(source)
            files[f"{name}-{depth}.png"] = png.encode(samples, color, depth)
            files[f"{name}-{depth}-interlaced.png"] = png.encode(samples, color, depth, True)
    for depth in (1, 2, 4, 8):
        entries = min(1 << depth, 200)
        samples = source.integers(0, entries, (11, 19, 1))
        palette = source.integers(0, 256, (entries, 3))
        alpha = bytes(source.integers(0, 256, entries, dtype=np.uint8))
        files[f"palette-{depth}.png"] = png.encode(samples, png.PALETTE, depth, False, palette)
        files[f"palette-{depth}-interlaced-trns.png"] = png.encode(
            samples, png.PALETTE, depth, True, palette, alpha[: max(1, entries - 1)]
        )
    gray = source.integers(0, 4, (11, 19, 1))
    files["gray-2-trns.png"] = png.encode(gray, png.GRAY, 2, transparency=b"\x00\x01")
    gray = source.integers(0, 256, (11, 19, 1))
    files["gray-8-trns.png"] = png.encode(gray, png.GRAY, 8, transparency=b"\x00\x10")
    gray = gray_16(source)
    files["gray-16-trns.png"] = png.encode(gray, png.GRAY, 16, transparency=b"\x01\x10")
    rgb = source.integers(0, 256, (11, 19, 3))
    rgb[3, 4] = (1, 2, 3)
    files["rgb-8-trns.png"] = png.encode(rgb, png.RGB, 8, transparency=b"\0\1\0\2\0\3")
    rgb = source.integers(0, 65536, (11, 19, 3))
    files["rgb-16-trns.png"] = png.encode(rgb, png.RGB, 16, transparency=b"\0\1\0\2\0\3")
    files["one-pixel.png"] = png.encode(source.integers(0, 256, (1, 1, 3)), png.RGB, 8)
    files["one-pixel-interlaced.png"] = png.encode(
        source.integers(0, 256, (1, 1, 4)), png.RGBA, 8, True
    )
    files["narrow-interlaced.png"] = png.encode(source.integers(0, 256, (9, 1, 3)), png.RGB, 8, True)
    files["wide-interlaced.png"] = png.encode(source.integers(0, 256, (1, 9, 3)), png.RGB, 8, True)
    beyond = source.integers(0, 16, (11, 19, 1))  # indices beyond the palette: black
    files["palette-4-beyond.png"] = png.encode(beyond, png.PALETTE, 4, palette=palette[:9])
    frames = [Image.fromarray(smooth(11 + i, 19)[i:]) for i in range(2)]
    files["animated.png"] = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    return files


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def jpeg_files() -> dict[str, bytes]:
    color = Image.fromarray(smooth(37, 53))
    gray = Image.fromarray(smooth(37, 53, 1)[:, :, 0])
    ink = Image.fromarray(smooth(37, 53, 4), "CMYK")
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: rotate by 90 degrees; readers of pixels ignore it
    return {
        "baseline-444.jpg": saved(color, "JPEG", quality=90, subsampling=0),
        "baseline-422.jpg": saved(color, "JPEG", quality=85, subsampling=1),
        "baseline-420-odd.jpg": saved(color, "JPEG", quality=80, subsampling=2),
        "progressive-444.jpg": saved(color, "JPEG", quality=85, subsampling=0, progressive=True),
        "progressive-420-odd.jpg": saved(color, "JPEG", quality=75, progressive=True),
        "optimized-low-quality.jpg": saved(color, "JPEG", quality=20, optimize=True),
        "gray.jpg": saved(gray, "JPEG", quality=85),
        "gray-progressive.jpg": saved(gray, "JPEG", quality=85, progressive=True),
        "cmyk.jpg": saved(ink, "JPEG", quality=85),
        "restart-markers.jpg": saved(color, "JPEG", quality=85, restart_marker_blocks=2),
        "rgb-colorspace.jpg": saved(color, "JPEG", quality=90, keep_rgb=True),
        "exif-orientation.jpg": saved(color, "JPEG", quality=85, exif=turned.tobytes()),
        "baseline-440.jpg": jpeg.encode(smooth(37, 53), jpeg.RGB, jpeg.SAMPLING_440),
        "baseline-411.jpg": jpeg.encode(smooth(37, 53), jpeg.RGB, jpeg.SAMPLING_411),
        "ycck-420.jpg": jpeg.encode(smooth(37, 53, 4), jpeg.CMYK, jpeg.SAMPLING_420),
        "one-pixel.jpg": saved(Image.fromarray(smooth(1, 1)), "JPEG", quality=85),
        "one-row-420.jpg": saved(Image.fromarray(smooth(1, 33)), "JPEG", quality=85),
        "one-column-420.jpg": saved(Image.fromarray(smooth(33, 1)), "JPEG", quality=85),
    }


def webp_files() -> dict[str, bytes]:
    color = Image.fromarray(smooth(37, 53))
    alpha = Image.fromarray(smooth(37, 53, 4), "RGBA")
    return {
        "lossy.webp": saved(color, "WEBP", quality=80),
        "lossy-low-quality.webp": saved(color, "WEBP", quality=10),
        "lossy-alpha.webp": saved(alpha, "WEBP", quality=80),
        "lossless.webp": saved(color, "WEBP", lossless=True),
        "lossless-alpha.webp": saved(alpha, "WEBP", lossless=True, exact=True),
        "one-pixel.webp": saved(Image.fromarray(smooth(1, 1)), "WEBP", lossless=True),
    }


def refused_files() -> dict[str, bytes]:
    """Files without goldens: Martlet does not read them."""
    frames = [Image.fromarray(smooth(37 + i, 53)[i:]) for i in range(2)]
    return {"animated.webp": saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])}


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """First along rows, then along columns, as `resize` does on its own up to Pillow 12.1.

    Later versions take some pictures the other way round for speed (13.0: where the height loses more than twice as many
    pixels as the width), which moves some pixels by one.
    """
    across = Image.fromarray(picture).resize((width, picture.shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(across.resize((width, height), Image.Resampling.BICUBIC))


def padded_fit(picture: np.ndarray, side: int, fill: tuple = BLACK) -> np.ndarray:
    """Pad to a square, then resize: `image_aspect_ratio: "pad"`."""
    height, width = picture.shape[:2]
    n = max(width, height)
    square = Image.new("RGB", (n, n), fill)
    square.paste(Image.fromarray(picture), ((n - width) // 2, (n - height) // 2))
    return resized(np.asarray(square), side, side)


def filled_fit(picture: np.ndarray, side: int) -> np.ndarray:
    return padded_fit(picture, side, (122, 116, 104))


def cropped_fit(picture: np.ndarray, side: int) -> np.ndarray:
    """Resize the short side, then cut the center out."""
    height, width = picture.shape[:2]
    short, long = min(width, height), max(width, height)
    long = int(side * long / short)
    width, height = (side, long) if width <= height else (long, side)
    picture = resized(picture, width, height)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def described(array: np.ndarray) -> dict:
    return {"height": array.shape[0], "width": array.shape[1], "sha256": digest(array)}


# Input width, height; output width, height.
RESIZES = [
    (7, 5, 64, 64), (64, 64, 7, 5), (50, 38, 25, 19), (33, 17, 17, 33), (100, 100, 99, 101), (1, 1, 16, 16), (1, 40, 24, 24),
    (40, 1, 24, 24), (30, 20, 1, 1), (64, 64, 64, 64), (64, 48, 64, 20), (48, 64, 20, 64), (97, 31, 5, 96), (2, 2, 3, 3), (3, 3, 2, 2),
    (90, 90, 64, 64), (200, 3, 64, 64), (5, 5, 4, 6),
]  # fmt: skip
LARGE_RESIZES = [(640, 427, 1024, 1024), (1280, 960, 1024, 1024), (2000, 37, 1024, 1024), (1025, 1023, 1024, 1024), (13, 1500, 256, 256)]
# Width, height, side.
FITS = [(50, 30, 64), (30, 50, 64), (51, 30, 64), (30, 51, 64), (64, 64, 64), (1, 9, 32), (9, 1, 32), (100, 37, 32), (37, 100, 32), (1, 1, 64), (66, 65, 64), (65, 129, 64), (3, 64, 64), (64, 3, 64)]
LARGE_FITS = [(640, 427, 1024), (427, 640, 1024), (1600, 1200, 1024), (1024, 1024, 1024), (333, 1000, 256), (30, 2000, 256)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures", type=Path, default=Path("Tests/Fixtures"))
    folder = parser.parse_args().fixtures / "images"
    folder.mkdir(parents=True, exist_ok=True)
    tensors, index = {}, {"decode": [], "refused": [], "resize": [], "fit": []}
    for name, data in {**png_files(), **jpeg_files(), **webp_files()}.items():
        (folder / name).write_bytes(data)
        tensors[f"decode.{name}"] = pixels(data)
        index["decode"].append({"file": name, **described(pixels(data))})
        if name.startswith("gray-16"):
            tensors[f"high-byte.{name}"] = high_bytes(data)
    for name, data in refused_files().items():
        (folder / name).write_bytes(data)
        index["refused"].append(name)
    for width, height, to_width, to_height in RESIZES + LARGE_RESIZES:
        output = resized(formula(height, width), to_width, to_height)
        name = f"resize.{width}x{height}.{to_width}x{to_height}"
        large = (width, height, to_width, to_height) in LARGE_RESIZES
        if not large:
            tensors[name] = output
        entry = {"name": name, "input_width": width, "input_height": height, "stored": not large}
        index["resize"].append({**entry, **described(output)})
    for width, height, side in FITS + LARGE_FITS:
        large = (width, height, side) in LARGE_FITS
        for fit, rule in [("pad", padded_fit), ("pad-filled", filled_fit), ("crop", cropped_fit)]:
            output = rule(formula(height, width), side)
            name = f"{fit}.{width}x{height}.{side}"
            stored = not large and rule is not filled_fit
            if stored:
                tensors[name] = output
            entry = {"name": name, "fit": fit, "input_width": width, "input_height": height}
            index["fit"].append({**entry, "side": side, "stored": stored, **described(output)})
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    save_file(tensors, folder / "images.safetensors")
    (folder / "images.json").write_text(json.dumps(index, indent=1) + "\n")
    total = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{folder}: {len(index['decode'])} files decoded, {total} bytes in all")


if __name__ == "__main__":
    main()
