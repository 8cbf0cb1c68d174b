"""Times Martlet's encoder and its peers alternately, each in a process of its own, and prints medians and ratios.

  python Tools/peers/compare.py --martlet .build/release/martlet --pack int8=model.martlet [--pack int4=other.martlet]
      [--resolution 1024 512 256] [--threads 2] [--rounds 5] [--peers openvino-int8 onnxruntime-int8 …] [--json FILE]

In every round each contestant encodes once, in turn, so that whatever else the machine does meets them all. The first
round warms up and is not counted. Martlet runs as `martlet bench PACK --layers`, one warm-up and one counted run a round.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = [
    "openvino-int8", "openvino-bfloat16", "openvino-float32", "onnxruntime-int8", "onnxruntime-float32",
]  # fmt: skip


class Peer:
    """A worker process that waits between its turns."""

    def __init__(self, name: str, folder: Path, resolution: int, threads: int):
        self.name, self.milliseconds, self.processor = name, [], []
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), name, str(folder), str(resolution), str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.load = self.answer()["load_ms"]

    def answer(self) -> dict:
        for line in self.process.stdout:
            # Some libraries greet on standard output.
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
            self.milliseconds.append(result["ms"])
            self.processor.append(result["processor_ms"])

    def finish(self) -> None:
        self.peak = self.say("end")["peak_bytes"]
        self.process.wait()


class Martlet:
    def __init__(self, name: str, program: str, pack: str, resolution: int, threads: int):
        self.name, self.milliseconds, self.processor, self.peak = f"martlet {name}", [], [], 0
        self.command = [
            program, "bench", pack, "--layers", "--json", "--quiet", "--runs", "1", "--resolution",
            str(resolution), "--threads", str(threads),
        ]  # fmt: skip

    def turn(self, counted: bool) -> None:
        result = json.loads(subprocess.run(self.command, check=True, capture_output=True).stdout)
        if counted:
            self.milliseconds.append(result["encode_ms"]["median"])
            self.processor.append(result["processor_ms"]["median"])
            self.peak = max(self.peak, result["peak_rss_bytes"])
            self.working = result["working_bytes"]

    def finish(self) -> None:
        pass


def processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def compare(options, resolution: int) -> dict:
    contestants = [Peer(name, options.folder, resolution, options.threads) for name in options.peers]
    for pack in options.pack:
        name, _, path = pack.rpartition("=")
        contestants.append(Martlet(name or "pack", options.martlet, path, resolution, options.threads))
    for index in range(options.rounds + 1):
        for contestant in contestants:
            contestant.turn(counted=index > 0)
    for contestant in contestants:
        contestant.finish()
    return {
        contestant.name: {
            "ms": contestant.milliseconds,
            "median_ms": statistics.median(contestant.milliseconds),
            "min_ms": min(contestant.milliseconds),
            "processor_ms": contestant.processor,
            "peak_bytes": contestant.peak,
        }
        for contestant in contestants
    }


def ratio(of: dict, to: dict) -> float:
    """How many times as long `of` took: the median over rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(of["ms"], to["ms"]))


def show(resolution: int, result: dict) -> None:
    ours = [name for name in result if name.startswith("martlet")]
    print(f"\n{resolution}²{'':28}median ms     min ms   peak MB" + "".join(f"{'/ ' + n:>18}" for n in ours))
    for name, row in result.items():
        line = f"{name:32}{row['median_ms']:10.1f} {row['min_ms']:10.1f} {row['peak_bytes'] / 1e6:9.0f}"
        print(line + "".join(f"{ratio(row, result[n]):18.2f}" for n in ours), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program")
    parser.add_argument("--pack", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--resolution", type=int, nargs="+", default=[1024, 512, 256])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", nargs="*", default=PEERS, choices=PEERS)
    parser.add_argument("--folder", type=Path, default=Path("peers-files"), help="where made models are kept")
    parser.add_argument("--json", type=Path, help="write everything measured here")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"{processor_name()}, {options.threads} threads, load {os.getloadavg()[0]:.2f}")
    results = {}
    for resolution in options.resolution:
        results[resolution] = compare(options, resolution)
        show(resolution, results[resolution])
    if options.json:
        options.json.write_text(json.dumps({"processor": processor_name(), "results": results}, indent=2))


if __name__ == "__main__":
    main()
