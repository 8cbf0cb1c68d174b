"""Converts the model in the repository by every scheme and prints one table: score, flips, cosine, KL, size, time.

    python schemes.py [--martlet .build/release/martlet] [--threads 2] [--out out/schemes]

Needs no packages. Every pack is verified against the float reference on the whole evaluation set.
"""

import argparse
import json
import subprocess
from pathlib import Path

FIXTURE = Path("Tests/Fixtures/nano")
CALIBRATION = Path("Calibration/Images")
SCHEMES = {
    "float32": ["--scheme", "float32"],
    "int8": ["--scheme", "int8"],
    "int4": ["--scheme", "int4"],
    "int8, encoder int4": ["--scheme", "int8", "--encoder", "int4"],
    "int4, encoder int4": ["--scheme", "int4", "--encoder", "int4"],
}
PLAIN = ["--rounding", "nearest", "--no-balance", "--no-split-diagonals", "--no-bias-correction"]
DESCENT = ["--rounding", "descent", "--no-balance"]


def steps(label: str, scheme: list[str], last: str) -> dict[str, list[str]]:
    """The methods one after the other, each with those before it."""
    return {
        f"{label}, plain rounding": [*scheme, *PLAIN],
        f"{label}, biases corrected": [*scheme, *PLAIN[:4]],
        f"{label}, and diagonals taken out": [*scheme, *PLAIN[:3]],
        f"{label}, and GPTQ": [*scheme, "--no-balance"],
        f"{label}, {last}": scheme,
        f"{label}, the default without bias correction": [*scheme, "--no-bias-correction"],
    }


ABLATIONS = {
    **steps("int8", ["--scheme", "int8"], "and balanced (the default)"),
    **steps("encoder int4", ["--scheme", "int8", "--encoder", "int4"], "and balanced (the default)"),
    "encoder int4, coordinate descent, not balanced": ["--scheme", "int8", "--encoder", "int4", *DESCENT],
    **steps("language int4", ["--scheme", "int4"], "and the encoder balanced (the default)"),
    "language int4, coordinate descent, nothing balanced": ["--scheme", "int4", *DESCENT],
    "language int4, and the language model balanced": ["--scheme", "int4", "--balance"],
    **{
        f"int8, fixed ranges: {rule}": ["--scheme", "int8", "--activations", "calibrated", "--clip", rule]
        for rule in ("minmax", "percentile", "entropy", "mse", "best")
    },
}
HEADINGS = ["scheme", "familiar", "unseen", "lost", "won", "cosine", "SQNR", "KL", "top-1", "pack", "encoder", "prefill"]


def ran(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def row(name: str, found: dict) -> list[str]:
    task, tokens, logits = found["task"], found["image_tokens"], found["logits"]
    groups = [f"{100 * found['groups'][g]['packed_score']:.1f} %" for g in ("familiar", "unseen")]
    sqnr = tokens["sqnr_db"]
    return [
        name, *groups, str(task["flips_lost"]), str(task["flips_won"]), f"{tokens['cosine_mean']:.5f}",
        f"{sqnr:.1f} dB" if sqnr is not None else "exact", f"{logits['kl_mean']:.5f}",
        f"{100 * logits['top1_agreement']:.2f} %", f"{found['pack_bytes'] / 1e6:.2f} MB",
        f"{found['packed_ms']['encode']:.1f} ms", f"{found['packed_ms']['prefill']:.1f} ms",
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--martlet", default=".build/release/martlet")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("out/schemes"))
    parser.add_argument("--ablations", action="store_true", help="what each method of quantization contributes")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    threads = ["--threads", str(options.threads), "--quiet"]
    checkpoint, questions = str(FIXTURE / "checkpoint"), str(FIXTURE / "evaluation/questions.jsonl")
    table = str(options.out / "table.mcal")
    ran([options.martlet, "calibrate", checkpoint, "--images", str(CALIBRATION), "-o", table, *threads])
    print("| " + " | ".join(HEADINGS) + " |\n|" + "---|" * len(HEADINGS), flush=True)
    for name, arguments in (ABLATIONS if options.ablations else SCHEMES).items():
        pack = str(options.out / (name.replace(", ", "-").replace(": ", "-").replace(" ", "-") + ".martlet"))
        calibrated = [] if name == "float32" else ["--calibration", table]
        ran([options.martlet, "convert", checkpoint, "-o", pack, "--no-proof", *arguments, *calibrated, *threads])
        verified = ran(
            [options.martlet, "verify", pack, "--reference", checkpoint, "--questions", questions, "--json", *threads]
        )
        found = json.loads(verified)
        if name == "float32":
            shares = [f"{100 * found['groups'][g]['reference_score']:.1f} %" for g in ("familiar", "unseen")]
            times = [f"{found['reference_ms'][part]:.1f} ms" for part in ("encode", "prefill")]
            empty = [""] * (len(HEADINGS) - 1 - len(shares) - len(times))
            print("| " + " | ".join(["float reference", *shares, *empty, *times]) + " |")
        print("| " + " | ".join(row(name, found)) + " |", flush=True)


if __name__ == "__main__":
    main()
