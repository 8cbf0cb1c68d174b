"""Lets llama.cpp judge an exported GGUF file: the same greedy ids as Martlet's float reference.

    martlet trace CHECKPOINT --prompt "What is this?" -o trace.safetensors --max-tokens 16
    martlet export CHECKPOINT --to gguf --type f32 -o model.gguf
    python Tools/oracle/judge_gguf.py model.gguf trace.safetensors

llama.cpp runs through the xllamacpp package (prebuilt, CPU). It takes the trace's token ids, chooses the likeliest id at
every step among those of the tokenizer (Martlet masks the embedding's padding rows too), and must choose the trace's
`greedy_ids`. It also tokenizes the trace's prompt text itself if --text gives it, and must find the trace's `input_ids`.
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

    def decoded(prompt) -> tuple[list[int], int]:
        answer = server.handle_completions(
            {
                "prompt": prompt, "n_predict": len(expected), "temperature": 0.0, "top_k": 1, "verbose": True,
                "return_tokens": True, "cache_prompt": False, "logit_bias": [[id_, False] for id_ in padding],
            }
        )  # fmt: skip
        answer = json.loads(answer) if isinstance(answer, str) else answer
        return answer["__verbose"]["tokens"], answer["usage"]["prompt_tokens"]

    found, _ = decoded(trace["input_ids"].tolist())
    # llama.cpp stops at the end of sequence, which the trace does not.
    agreed = found == expected[: len(found)]
    print(f"llama.cpp: {found}\nmartlet:   {expected}\n{'equal' if agreed else 'DIFFERENT'} over {len(found)} ids")
    if arguments.text is not None:
        again, count = decoded(arguments.text)
        same = count == len(trace["input_ids"]) and again == found
        print(f"text of {count} tokens: {'equal' if same else 'DIFFERENT'}")
        agreed = agreed and same
    os._exit(0 if agreed and found else 1)


main()
