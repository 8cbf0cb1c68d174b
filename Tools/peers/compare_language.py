"""Times Martlet's language model and its peers alternately, each in a process of its own, and prints medians and ratios.

  python Tools/peers/compare_language.py --martlet .build/release/martlet --pack int8=int8.martlet --pack int4=int4.martlet
      --gguf Q8_0=q8.gguf --gguf Q4_0=q4.gguf [--openvino int8 int4] [--prompt 276] [--answer 32] [--threads 2] [--rounds 5]

The same shape everywhere: a random Qwen2 of 0.5B, the last position alone through the head. GGUF files are made of the same
packs by `martlet export --to gguf`. In every round each contestant takes one prompt and gives one answer, in turn; the first
round warms up and is not counted. Martlet runs as `martlet bench PACK --resolution 64`, where the picture is one row of the
prompt, with one warm-up and one counted run a round. A ratio is the median over rounds of the ratio within a round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from compare import processor_name

HERE = Path(__file__).resolve().parent


class Peer:
    """A worker process that waits between its turns."""

    def __init__(self, name: str, python: str, kind: str, path: str, options):
        self.name, self.turns, self.size = name, [], Path(path).stat().st_size
        if kind == "openvino":
            self.size += Path(path).with_suffix(".bin").stat().st_size
        numbers = [options.threads, options.prompt, options.answer]
        self.process = subprocess.Popen(
            [python, str(HERE / "language_worker.py"), kind, path, *map(str, numbers)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.answer()

    def answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{self.name} ended early")

    def say(self, word: str) -> dict:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return self.answer()

    def turn(self, counted: bool) -> None:
        result = self.say("run")
        if counted:
            self.turns.append(result)

    def finish(self) -> None:
        self.peak = self.say("end")["peak_bytes"]
        self.process.wait()


class Martlet:
    def __init__(self, name: str, path: str, options):
        self.name, self.turns, self.peak = f"martlet {name}", [], 0
        self.size = Path(path).stat().st_size
        self.command = [
            options.martlet, "bench", path, "--json", "--quiet", "--runs", "1", "--resolution", "64",
            "--prompt-tokens", str(options.prompt - 1), "--max-tokens", str(options.answer + 1),
            "--threads", str(options.threads), *options.martlet_options,
        ]  # fmt: skip

    def turn(self, counted: bool) -> None:
        result = json.loads(subprocess.run(self.command, check=True, capture_output=True).stdout)
        if counted:
            prefill = result["prefill_tokens"] / result["prefill_ms"]["median"] * 1000
            self.turns.append({"prefill": prefill, "decode": result["decode_tokens_per_second"]["median"]})
            self.peak = max(self.peak, result["peak_rss_bytes"])

    def finish(self) -> None:
        pass


def ratio(of, to, stage: str) -> float:
    return statistics.median(a[stage] / b[stage] for a, b in zip(of.turns, to.turns))


def show(contestants: list) -> None:
    peers = [c for c in contestants if isinstance(c, Peer)]
    print(f"\n{'tokens a second':24}{'prefill':>9}{'decode':>9}{'peak MB':>9}{'file MB':>9}")
    for c in contestants:
        medians = [statistics.median(t[stage] for t in c.turns) for stage in ("prefill", "decode")]
        print(f"{c.name:24}{medians[0]:9.1f}{medians[1]:9.1f}{c.peak / 1e6:9.0f}{c.size / 1e6:9.0f}")
    for c in contestants:
        if c in peers:
            continue
        for peer in peers:
            both = [ratio(c, peer, stage) for stage in ("prefill", "decode")]
            print(f"{c.name} / {peer.name}: prefill {both[0]:.2f}, decode {both[1]:.2f}")


def named(text: str) -> tuple[str, str]:
    name, separator, path = text.rpartition("=")
    return (name if separator else Path(path).stem, path)


def language_peers(options) -> list[Peer]:
    """The peers that `--openvino` and `--gguf` name, loaded and waiting."""
    peers = []
    for scheme in options.openvino:
        import language

        options.folder.mkdir(parents=True, exist_ok=True)
        path = str(language.openvino_file(options.folder, scheme))
        peers.append(Peer(f"openvino {scheme}", sys.executable, "openvino", path, options))
    for text in options.gguf:
        name, path = named(text)
        peers.append(Peer(f"llama.cpp {name}", options.llama_python, "llama", path, options))
    return peers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program")
    parser.add_argument("--pack", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--gguf", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--openvino", nargs="*", default=[], choices=["int8", "int4"])
    parser.add_argument("--llama-python", default=sys.executable, help="a Python with xllamacpp")
    parser.add_argument("--folder", type=Path, default=Path("peers-files"), help="where made models are kept")
    parser.add_argument("--prompt", type=int, default=276)
    parser.add_argument("--answer", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--martlet-option", dest="martlet_options", action="append", default=[], help="one more word for bench"
    )
    parser.add_argument("--json", type=Path, help="write everything measured here")
    options = parser.parse_args()
    print(f"{processor_name()}, {options.threads} threads, load {os.getloadavg()[0]:.2f}")
    contestants: list = language_peers(options)
    contestants += [Martlet(*named(text), options) for text in options.pack]
    for index in range(options.rounds + 1):
        for contestant in contestants:
            contestant.turn(counted=index > 0)
    for contestant in contestants:
        contestant.finish()
    show(contestants)
    if options.json:
        rows = {c.name: {"turns": c.turns, "peak_bytes": c.peak, "file_bytes": c.size} for c in contestants}
        options.json.write_text(json.dumps({"processor": processor_name(), "results": rows}, indent=2))


if __name__ == "__main__":
    main()
