"""Rows of Martlet: packs made by `convert` with the same calibration pictures.

Of an encoder row the judge gets the image tokens that `martlet trace` writes. A trace goes its own way through an answer, so
of a language row `martlet verify` tells divergence, agreement and score. Of an encoder row it tells them as well, and the
row keeps both.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from nano_judge import CALIBRATION, FIXTURE, QUESTIONS, TOKENS

ENCODERS = {
    "int8": ["--encoder", "int8"],
    "int8-plain": ["--encoder", "int8", "--rounding", "nearest", "--no-balance", "--no-split-diagonals"],
    "int8-calibrated": ["--encoder", "int8", "--activations", "calibrated"],
    "int4": ["--encoder", "int4"],
}
LANGUAGES = {"int8": ["--language", "int8"], "int4": ["--language", "int4"]}
FLOAT = {"encoder": "--encoder", "language": "--language"}


def ran(command: list) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def pack(judge, martlet: str, part: str, name: str, threads: int, raw: bool = False) -> Path:
    """Compressed as `convert` does it by itself, or `raw`: the same tensors as they are in memory."""
    path = judge.folder / f"martlet-{part}-{name}{'-raw' if raw else ''}.martlet"
    if not path.exists():
        other = "language" if part == "encoder" else "encoder"
        choice = (ENCODERS if part == "encoder" else LANGUAGES)[name]
        # The projector goes with the encoder.
        kept = [FLOAT[other], "float32", *(["--keep", "projector.*=float32"] if part == "language" else [])]
        ran(
            [martlet, "convert", FIXTURE / "checkpoint", "-o", path, "--no-proof", "--quiet", *(["--raw"] if raw else [])]
            + [*kept, *choice, "--calibration", CALIBRATION, "--threads", threads]
        )
    return path


def sizes(judge, martlet: str, part: str, name: str, threads: int) -> dict[str, int]:
    """Bytes of the part's tensors as they are in memory, and as the pack stores them."""
    mine, found = ("vision.", "projector.") if part == "encoder" else ("language.",), {}
    for key, raw in [("bytes", True), ("stored", False)]:
        path = pack(judge, martlet, part, name, threads, raw)
        tensors = json.loads(ran([martlet, "inspect", path, "--tensors", "--json"]))["tensors"]
        found[key] = sum(t["stored_bytes"] for t in tensors if t["name"].startswith(mine))
    return found


def image_tokens(judge, martlet: str, path: Path, threads: int) -> np.ndarray:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "trace.safetensors"
        for name, pixels in zip(judge.names, judge.pixels):
            picture = QUESTIONS.parent / name
            ran(
                [martlet, "trace", path, "--image", picture, "--prompt", "What is this?", "-o", out]
                + ["--max-tokens", 1, "--threads", threads]
            )
            trace = load_file(out)
            if not np.array_equal(trace["pixels"], pixels.transpose(1, 2, 0)):
                raise SystemExit(f"{name}: Martlet's pixels are not the judge's")
            found.append(trace["image_tokens"])
            out.unlink()
    return np.stack(found)


def verified(martlet: str, path: Path, threads: int) -> dict[str, float]:
    """What `martlet verify` measures, under the judge's names."""
    found = json.loads(
        ran(
            [martlet, "verify", path, "--reference", FIXTURE / "checkpoint", "--questions", QUESTIONS, "--json"]
            + ["--quiet", "--layer-pictures", 0, "--threads", threads]
        )
    )
    groups = {name: group["packed_score"] for name, group in found["groups"].items()}
    task, logits = found["task"], found["logits"]
    return {
        "kl": logits["kl_mean"], "top1": logits["top1_agreement"], **groups, "lost": task["flips_lost"],
        "won": task["flips_won"], "positions": logits["positions"], "tokens": TOKENS,
    }  # fmt: skip
