"""Lets llama.cpp judge an exported GGUF file: the same greedy ids as Martlet's float reference.

    martlet trace CHECKPOINT --prompt "What is this?" -o trace.safetensors --max-tokens 16
    martlet export CHECKPOINT --to gguf --type f32 -o model.gguf
    python Tools/oracle/judge_gguf.py model.gguf trace.safetensors

llama.cpp runs through the xllamacpp package (prebuilt, CPU). It takes the trace's token ids, chooses the likeliest id at
every step among those of the tokenizer (Martlet masks the embedding's padding rows too), and must choose the trace's
`greedy_ids`; where it ends at the end of sequence, which a trace does not, it is asked to go on behind it. Where they part, the
margin says by how little: the logarithms of both ids' probabilities in llama.cpp's eyes.
It also tokenizes the trace's prompt text itself if --text gives it, and must find the trace's `input_ids`.

A pack's file is judged by the float reference on the pack's own numbers: export the pack with --type f32, and trace
CHECKPOINT with --language-from that file. llama.cpp then computes in float as well; with Q4_0 and Q8_0 matrices it brings
activations to 8 bits, by rules of its own, and near ties may fall to the other side.
"""

import argparse
import json
import os

import gguf
import xllamacpp
from safetensors.numpy import load_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("trace")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--text", help="the whole prompt as text, special tokens included")
    arguments = parser.parse_args()
    trace = load_file(arguments.trace)
    expected = trace["greedy_ids"].tolist()
    kinds = gguf.GGUFReader(arguments.model).get_field("tokenizer.ggml.token_type").contents()
    padding = [id_ for id_, kind in enumerate(kinds) if kind == gguf.TokenType.UNUSED]

    settings = xllamacpp.CommonParams()
    settings.model.path = arguments.model
    settings.n_ctx = 1024
    settings.n_gpu_layers = 0
    settings.n_parallel = 1
    settings.warmup = False
    settings.verbosity = -1
    settings.cpuparams.n_threads = arguments.threads
    server = xllamacpp.Server(settings)

    def answer(prompt, count: int, **more) -> dict:
        request = {
            "prompt": prompt, "n_predict": count, "temperature": 0.0, "top_k": 1, "verbose": True, "return_tokens": True,
            "cache_prompt": False, "logit_bias": [[id_, False] for id_ in padding],
        }  # fmt: skip
        found = server.handle_completions(request | more)
        return json.loads(found) if isinstance(found, str) else found

    def decoded(prompt) -> tuple[list[int], int]:
        found = answer(prompt, len(expected))
        return found["__verbose"]["tokens"], found["usage"]["prompt_tokens"]

    def margin(place: int) -> str:
        prompt = trace["input_ids"].tolist() + expected[:place]
        # Text that is not yet whole is held back with its probabilities: a few more ids complete it.
        found = answer(prompt, 6, top_k=40, n_probs=40)
        first = (found["__verbose"].get("completion_probabilities") or [{}])[0]
        chances = {entry["id"]: entry["logprob"] for entry in first.get("top_logprobs", [])}
        pair = [chances.get(id_) for id_ in (first.get("id"), expected[place])]
        if None in pair:
            return "by an unknown margin"
        return f"id {first['id']} before {expected[place]} by {pair[0] - pair[1]:.3f} nats"

    found: list[int] = []
    while len(found) < len(expected) and found == expected[: len(found)]:
        more, _ = decoded(trace["input_ids"].tolist() + found)
        found += more[: len(expected) - len(found)]
        if not more:
            break
    agreed = found == expected
    print(f"llama.cpp: {found}\nmartlet:   {expected}\n{'equal' if agreed else 'DIFFERENT'} over {len(found)} ids")
    if not agreed:
        place = next((i for i, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]), len(found))
        print(f"they part at id {place + 1}: llama.cpp takes {margin(place)}")
    if arguments.text is not None:
        again, count = decoded(arguments.text)
        same = count == len(trace["input_ids"]) and again == found[: len(again)]
        print(f"text of {count} tokens: {'equal' if same else 'DIFFERENT'}")
        agreed = agreed and same
    os._exit(0 if agreed and found else 1)


main()
