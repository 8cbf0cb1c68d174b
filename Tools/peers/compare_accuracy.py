"""What other people's quantizers make of martlet-nano, beside Martlet's, by one judge.

    python Tools/peers/compare_accuracy.py [--martlet .build/release/martlet] [--only GLOB …] [--llama-python PYTHON]

Every contestant gets the trained model of the repository and the same 64 calibration pictures, and is judged on the 400
evaluation pictures with their 1,197 questions (`nano_judge.py`). Rows of the encoder change encoder and projector and
leave the language model in float32; rows of the language model the other way round. Every row is kept in --folder as soon
as it is known; a row that is there is not measured again. Prints the table; `--json` writes it.
"""

import argparse
import fnmatch
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADINGS = ["", "bits", "size", "cosine", "SQNR", "as run here", "KL", "top-1", "familiar", "unseen", "lost", "won"]
# Name of the row: what it is, bits of weights and activations (– where these are float).
ENCODER_ROWS = {
    "martlet:int8": ("Martlet int8", "8/8"),
    "martlet:int8-plain": ("Martlet int8, plain rounding", "8/8"),
    "martlet:int8-calibrated": ("Martlet int8, calibrated ranges", "8/8"),
    "nncf:int8": ("NNCF", "8/8"),
    "nncf:int8-overflow-fix": ("NNCF, overflow fix everywhere", "8/8"),
    "nncf:int8-mixed": ("NNCF, mixed preset", "8/8"),
    "nncf:int8-no-correction": ("NNCF, no bias correction", "8/8"),
    "nncf:int8-full-correction": ("NNCF, full bias correction", "8/8"),
    "nncf:int8-controlled": ("NNCF, accuracy control to 26 dB", "8/8 and float"),
    "nncf:int8-weights": ("NNCF, weights alone", "8/–"),
    "onnx:static": ("ONNX Runtime static, min-max", "8/8"),
    "onnx:static-reduced": ("ONNX Runtime static, min-max, reduced range", "7/8"),
    "onnx:static-percentile": ("ONNX Runtime static, percentile", "8/8"),
    "onnx:static-entropy": ("ONNX Runtime static, entropy", "8/8"),
    "martlet:int4": ("Martlet int4", "4/8"),
    "nncf:int4": ("NNCF int4 weights", "4/–"),
    "nncf:int4-scales": ("NNCF int4 weights, scale estimation", "4/–"),
    "onnx:int4": ("ONNX Runtime int4 weights", "4/–"),
}
LANGUAGE_ROWS = {
    "martlet:int8": ("Martlet int8", "8/8"),
    "llama:Q8_0": ("llama.cpp Q8_0", "8/8"),
    "martlet:int4": ("Martlet int4", "4/8"),
    "llama:Q4_0": ("llama.cpp Q4_0", "4/8"),
    "llama:Q4_0-text": ("llama.cpp Q4_0, imatrix of the texts", "4/8"),
    "llama:Q4_0-pictures": ("llama.cpp Q4_0, imatrix of pictures and texts", "4/8"),
    "llama:Q4_K_M": ("llama.cpp Q4_K_M", "5/8"),
    "llama:Q4_K_M-text": ("llama.cpp Q4_K_M, imatrix of the texts", "5/8"),
    "llama:Q4_K_M-pictures": ("llama.cpp Q4_K_M, imatrix of pictures and texts", "5/8"),
    "llama:F32": ("llama.cpp F32 (control)", "32"),
}


def encoder_row(judge, name: str, options) -> dict:
    kind, variant = name.split(":")
    if kind == "martlet":
        import accuracy_martlet as martlet

        pack = martlet.pack(judge, options.martlet, "encoder", variant, options.threads)
        tokens = martlet.image_tokens(judge, options.martlet, pack, options.threads)
        size = martlet.sizes(judge, options.martlet, "encoder", variant, options.threads)
        further = {"verify": martlet.verified(options.martlet, pack, options.threads)}
    else:
        import accuracy_nncf
        import accuracy_onnx

        peer = {"nncf": accuracy_nncf, "onnx": accuracy_onnx}[kind]
        tokens, size, run = peer.row(judge, variant, options.threads)
        size, further = {"bytes": size}, {"run": judge.image_tokens(run)}
    return {**size, **judge.image_tokens(tokens), **judge.language(*judge.seen(tokens)), **further}


def language_row(judge, name: str, options) -> dict:
    kind, variant = name.split(":")
    if kind == "martlet":
        import accuracy_martlet as martlet

        pack = martlet.pack(judge, options.martlet, "language", variant, options.threads)
        size = martlet.sizes(judge, options.martlet, "language", variant, options.threads)
        return {**size, **martlet.verified(options.martlet, pack, options.threads)}
    import accuracy_llama

    return accuracy_llama.row(judge, variant, options)


def cells(label: str, bits: str, row: dict) -> list[str]:
    sqnr = f"{row['sqnr']:.1f} dB" if "sqnr" in row else ""
    size = f"{row['bytes'] / 1e6:.2f} MB" + (f", {row['stored'] / 1e6:.2f} packed" if "stored" in row else "")
    return [
        label, bits, size, f"{row['cosine']:.5f}" if "cosine" in row else "", sqnr,
        f"{row['run']['sqnr']:.1f} dB" if "run" in row else sqnr,
        f"{row['kl']:.5f}", f"{100 * row['top1']:.2f} %", f"{100 * row['familiar']:.1f} %",
        f"{100 * row['unseen']:.1f} %", str(row["lost"]), str(row["won"]),
    ]  # fmt: skip


def measured(folder: Path, part: str, name: str, options) -> dict:
    """A row that is not there yet is measured by a process of its own, so that a peer that fails takes no other with it."""
    path = folder / f"{part}-{name.replace(':', '-')}.json"
    if not path.exists():
        command = [sys.executable, str(HERE / "compare_accuracy.py"), "--row", part, name, str(path)]
        for key in ("martlet", "folder", "threads", "llama_python"):
            command += [f"--{key.replace('_', '-')}", str(getattr(options, key))]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return json.loads(path.read_text())


def write_row(part: str, name: str, path: Path, options) -> None:
    import torch

    from nano_judge import Judge

    torch.set_num_threads(options.threads)
    judge = Judge(options.folder)
    row = (encoder_row if part == "encoder" else language_row)(judge, name, options)
    path.with_suffix(".part").write_text(json.dumps(row, indent=2))
    path.with_suffix(".part").rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program")
    parser.add_argument("--folder", type=Path, default=Path("peers-accuracy"), help="where models and rows are kept")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=["*"], metavar="GLOB", help="rows, e.g. 'encoder:onnx:*'")
    parser.add_argument("--kept", action="store_true", help="rows that are there already, and no others")
    parser.add_argument("--llama-python", default=sys.executable, help="a Python with llama-cpp-python")
    parser.add_argument("--json", type=Path, help="write all rows here")
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.row:
        part, name, path = options.row
        write_row(part, name, Path(path), options)
        return
    rows = {}
    for part, contestants in [("encoder", ENCODER_ROWS), ("language", LANGUAGE_ROWS)]:
        print("| " + " | ".join([part, *HEADINGS[1:]]) + " |\n|" + "---|" * len(HEADINGS), flush=True)
        for name, (label, bits) in contestants.items():
            there = (options.folder / f"{part}-{name.replace(':', '-')}.json").exists()
            wanted = any(fnmatch.fnmatch(f"{part}:{name}", glob) for glob in options.only)
            if not wanted or (options.kept and not there):
                continue
            rows[f"{part}:{name}"] = row = measured(options.folder, part, name, options)
            print("| " + " | ".join(cells(label, bits, row)) + " |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
