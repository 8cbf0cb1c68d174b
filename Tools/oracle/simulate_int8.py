"""Simulates the int8 encoder of a checkpoint and measures its error against the float encoder.

Weights: per output channel, symmetric, −127…127, scale = largest magnitude / 127. Activations: per row (pixel),
asymmetric, 0…255, `lo = min(0, min)`, `hi = max(0, max)`, scale = (hi − lo) / 255, zero = round(−lo / scale). Applied to every
linear and 1 × 1 product of encoder and projector; all else stays in float32.

Usage: python simulate_int8.py CHECKPOINT TRACE.safetensors [-o OUT.safetensors] [--key pixels] [--keep GLOB …]
"""

import argparse
import fnmatch
import json
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from folded_encoder import FoldedEncoder


def float_product(name: str, rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return torch.addmm(bias, rows, weight.T)


def quantized_weight(weight: torch.Tensor, bits: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes and one scale for each output."""
    limit = 2 ** (bits - 1) - 1
    scale = weight.abs().amax(1) / limit
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return torch.clamp(torch.round(weight / scale[:, None]), -limit, limit), scale


def quantized_rows(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes minus zero point, and one scale for each row."""
    lo, hi = rows.amin(1).clamp(max=0), rows.amax(1).clamp(min=0)
    scale = (hi - lo) / 255
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero = torch.round(-lo / scale)
    codes = torch.clamp(torch.round(rows / scale[:, None]) + zero[:, None], 0, 255)
    return codes - zero[:, None], scale


class Int8Product:
    """The product of the codes, then both scales. Codes are small integers held in float32: the sum is exact up to 2^24
    and within 1e-7 of itself beyond, far below the rounding under study."""

    def __init__(self, keep: list[str], weight_bits: int = 8):
        self.keep, self.weight_bits, self.names = keep, weight_bits, []

    def __call__(self, name, rows, weight, bias):
        if any(fnmatch.fnmatch(name, pattern) for pattern in self.keep):
            return float_product(name, rows, weight, bias)
        self.names.append(name)
        weight_codes, weight_scale = quantized_weight(weight, self.weight_bits)
        codes, scale = quantized_rows(rows)
        return (codes @ weight_codes.T) * scale[:, None] * weight_scale + bias


def relative_rms(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).double().norm() / wanted.double().norm())


def row_cosines(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return torch.cosine_similarity(found.double(), wanted.double(), dim=1)


def run(folder: Path, pixels: torch.Tensor, product) -> dict:
    encoder = FoldedEncoder(folder, product)
    start = time.monotonic()
    with torch.no_grad():
        rows = encoder.encode(pixels)
        image_tokens = encoder.project(rows)
    return {
        "encoder_output": rows,
        "image_tokens": image_tokens,
        "stages": encoder.stages,
        "seconds": time.monotonic() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("trace", type=Path, help="safetensors file with uint8 pixels [side, side, 3]")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--key", default="pixels", help="name of the pixels in the trace")
    parser.add_argument("--keep", nargs="*", default=[], metavar="GLOB", help="products left in float")
    parser.add_argument("--weight-bits", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trace = load_file(options.trace)
    pixels = trace[options.key]
    assert pixels.dtype == torch.uint8 and pixels.dim() == 3

    product = Int8Product(options.keep, options.weight_bits)
    exact = run(options.checkpoint, pixels, float_product)
    coarse = run(options.checkpoint, pixels, product)
    cosines = row_cosines(coarse["image_tokens"], exact["image_tokens"])
    report = {
        "image_tokens_relative_rms": relative_rms(coarse["image_tokens"], exact["image_tokens"]),
        "encoder_output_relative_rms": relative_rms(coarse["encoder_output"], exact["encoder_output"]),
        "image_tokens_cosine_mean": float(cosines.mean()),
        "image_tokens_cosine_min": float(cosines.min()),
        "quantized_products": len(product.names),
        "stages": {n: relative_rms(a, b) for (n, a), (_, b) in zip(coarse["stages"], exact["stages"])},
        "float_seconds": round(exact["seconds"], 2),
        "int8_seconds": round(coarse["seconds"], 2),
    }
    for name in ("encoder_output", "image_tokens"):
        wanted = trace.get(options.key.removesuffix("pixels") + name)
        if wanted is not None and wanted.shape == exact[name].shape:
            report[f"float_against_trace_{name}"] = relative_rms(exact[name], wanted)
            report[f"int8_against_trace_{name}"] = relative_rms(coarse[name], wanted)
    print(json.dumps(report, indent=1))
    if options.output:
        save_file(
            {
                f"{name}.{kind}": result[name].contiguous()
                for kind, result in [("float", exact), ("int8", coarse)]
                for name in ("encoder_output", "image_tokens")
            },
            options.output,
        )


if __name__ == "__main__":
    main()
