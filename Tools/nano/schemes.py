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
PLAIN = ["--rounding", "nearest", "--no-balance", "--no-split-diagonals"]
DESCENT = ["--rounding", "descent", "--no-balance"]
ABLATIONS = {
    "int8, plain rounding": ["--scheme", "int8", *PLAIN],
    "int8, diagonals taken out": ["--scheme", "int8", *PLAIN[:3]],
    "int8, and GPTQ": ["--scheme", "int8", "--no-balance"],
    "int8, and balanced (the default)": ["--scheme", "int8"],
    "encoder int4, plain rounding": ["--scheme", "int8", "--encoder", "int4", *PLAIN],
    "encoder int4, diagonals taken out": ["--scheme", "int8", "--encoder", "int4", *PLAIN[:3]],
    "encoder int4, and GPTQ": ["--scheme", "int8", "--encoder", "int4", "--no-balance"],
    "encoder int4, and coordinate descent": ["--scheme", "int8", "--encoder", "int4", *DESCENT],
    "encoder int4, and balanced (the default)": ["--scheme", "int8", "--encoder", "int4"],
    "language int4, plain rounding": ["--scheme", "int4", *PLAIN],
    "language int4, diagonals taken out": ["--scheme", "int4", *PLAIN[:3]],
    "language int4, and GPTQ everywhere": ["--scheme", "int4", "--no-balance"],
    "language int4, and coordinate descent": ["--scheme", "int4", *DESCENT],
    "language int4, and the encoder balanced (the default)": ["--scheme", "int4"],
    "language int4, and the language model balanced as well": ["--scheme", "int4", "--balance"],
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
    checkpoint, questions = str(FIXTURE / "checkpoint"), str(FIXTURE / "evaluation/questions.jsonl")
    print("| " + " | ".join(HEADINGS) + " |\n|" + "---|" * len(HEADINGS), flush=True)
    for name, arguments in (ABLATIONS if options.ablations else SCHEMES).items():
        pack = str(options.out / (name.replace(", ", "-").replace(": ", "-").replace(" ", "-") + ".martlet"))
        calibrated = [] if name == "float32" else ["--calibration", str(CALIBRATION)]
        threads = ["--threads", str(options.threads), "--quiet"]
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
