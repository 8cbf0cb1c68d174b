"""Times a whole answer up to its first word: Martlet beside the fastest peers put together, alternately.

  python Tools/peers/compare_answer.py --martlet .build/release/martlet --pack int8=int8.martlet --pack int4=int4.martlet
      --gguf Q4_0=q4.gguf [--openvino int8 int4] [--encoder openvino-int8] [--resolution 1024] [--threads 2] [--rounds 5]

No peer runs FastVLM whole at 8 bits, so a peer's time to the first token is the sum of its parts: one picture through the
encoder, and the picture's tokens and 20 more through a language model of its own, each in a process of its own and loaded
before. The projector and what lies between are left out of the peers' sum. Martlet runs as `martlet bench PACK`: encoder,
projector, prompt and first token, one warm-up and one counted run a round. Every contestant has one turn in every round;
the first warms up and is not counted. A ratio is the median over rounds of the ratio within a round.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import compare
import compare_language

TEXT_TOKENS = 20


class Martlet:
    def __init__(self, name: str, path: str, options):
        self.name, self.turns = f"martlet {name}", []
        self.command = [
            options.martlet, "bench", path, "--json", "--quiet", "--runs", "1", "--resolution", str(options.resolution),
            "--prompt-tokens", str(TEXT_TOKENS), "--max-tokens", "2", "--threads", str(options.threads),
        ]  # fmt: skip

    def turn(self, counted: bool) -> None:
        result = json.loads(subprocess.run(self.command, check=True, capture_output=True).stdout)
        if counted:
            stages = {stage: result[f"{stage}_ms"]["median"] for stage in ("encode", "prefill", "first_token")}
            self.turns.append(stages | {"peak_bytes": result["peak_rss_bytes"]})


def median_ratio(of: list[float], to: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(of, to))


def show(encoder: compare.Peer, languages: dict[str, list[float]], martlets: list[Martlet]) -> None:
    print(f"\n{'milliseconds':32}{'encoder':>9}{'prefill':>9}{'first token':>13}")
    for name, prefill in languages.items():
        sums = [a + b for a, b in zip(encoder.milliseconds, prefill)]
        medians = [statistics.median(values) for values in (encoder.milliseconds, prefill, sums)]
        print(f"{encoder.name + ' + ' + name:32}{medians[0]:9.0f}{medians[1]:9.0f}{medians[2]:13.0f}")
    for martlet in martlets:
        medians = [statistics.median(t[stage] for t in martlet.turns) for stage in ("encode", "prefill", "first_token")]
        print(f"{martlet.name:32}{medians[0]:9.0f}{medians[1]:9.0f}{medians[2]:13.0f}")
    best = min(languages, key=lambda name: statistics.median(languages[name]))
    sums = [a + b for a, b in zip(encoder.milliseconds, languages[best])]
    for martlet in martlets:
        firsts = [turn["first_token"] for turn in martlet.turns]
        print(f"{martlet.name} / ({encoder.name} + {best}): {median_ratio(firsts, sums):.2f} of the time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--martlet", default=".build/release/martlet", help="the program")
    parser.add_argument("--pack", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--encoder", default="openvino-int8", choices=compare.PEERS)
    parser.add_argument("--gguf", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--openvino", nargs="*", default=[], choices=["int8", "int4"])
    parser.add_argument("--llama-python", default=sys.executable, help="a Python with xllamacpp")
    parser.add_argument("--folder", type=Path, default=Path("peers-files"), help="where made models are kept")
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write everything measured here")
    options = parser.parse_args()
    if not options.gguf and not options.openvino:
        parser.error("no peer for the language model: give --gguf or --openvino")
    options.folder.mkdir(parents=True, exist_ok=True)
    options.prompt, options.answer = (options.resolution // 64) ** 2 + TEXT_TOKENS, 2
    print(f"{compare.processor_name()}, {options.threads} threads, load {os.getloadavg()[0]:.2f}")
    encoder = compare.Peer(options.encoder, options.folder, options.resolution, options.threads)
    languages = compare_language.language_peers(options)
    martlets = [Martlet(*compare_language.named(text), options) for text in options.pack]
    for index in range(options.rounds + 1):
        for contestant in [encoder, *languages, *martlets]:
            contestant.turn(counted=index > 0)
    for peer in [encoder, *languages]:
        peer.finish()
    prefills = {peer.name: [options.prompt / turn["prefill"] * 1000 for turn in peer.turns] for peer in languages}
    show(encoder, prefills, martlets)
    if options.json:
        rows = {encoder.name: {"ms": encoder.milliseconds}} | {name: {"ms": ms} for name, ms in prefills.items()}
        rows |= {martlet.name: martlet.turns for martlet in martlets}
        options.json.write_text(json.dumps({"processor": compare.processor_name(), "results": rows}, indent=2))


if __name__ == "__main__":
    main()
