"""One peer's language model in a process of its own: a prompt and an answer for every line it is sent.

Answers with JSON, one object a line: first `{"load_ms": …}`, then `{"prefill": …, "decode": …}` in tokens a second for every
`run`, and `{"peak_bytes": …}` for `end`. Called by `compare_language.py`.
"""

import json
import sys
import time
from pathlib import Path

from peak_memory import peak_bytes


def prompt_ids(count: int, vocabulary: int, turn: int) -> list[int]:
    """Ids as `martlet bench` makes them; the first differs from turn to turn, so that no cache of prompts helps."""
    ids = [(i * 37 + 11) % vocabulary for i in range(count)]
    ids[0] = (ids[0] + 1 + turn) % vocabulary
    return ids


def llama_peer(path: Path, threads: int, prompt: int, answer_tokens: int):
    """llama.cpp by its server's own timings: the prompt through the layers in one batch, its last position through the
    head; then a token at a time, with flash attention and repacked weights as it chooses itself."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(path)
    settings.n_ctx = prompt + answer_tokens + 32
    settings.n_gpu_layers = 0
    settings.n_parallel = 1
    settings.verbosity = -1
    settings.cpuparams.n_threads = threads
    settings.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(settings)

    def run(turn: int) -> dict:
        request = {
            "prompt": prompt_ids(prompt, 50000, turn), "n_predict": answer_tokens, "temperature": 0.0, "top_k": 1,
            "cache_prompt": False, "ignore_eos": True, "verbose": True,
        }  # fmt: skip
        found = server.handle_completions(request)
        found = json.loads(found) if isinstance(found, str) else found
        timings = found["timings"]
        if timings["prompt_n"] != prompt or timings["predicted_n"] != answer_tokens:
            raise SystemExit(f"llama.cpp ran {timings['prompt_n']} and {timings['predicted_n']} tokens")
        return {"prefill": timings["prompt_per_second"], "decode": timings["predicted_per_second"]}

    return run


def openvino_peer(path: Path, threads: int, prompt: int, answer_tokens: int):
    """OpenVINO on a stateful model whose head takes the last position only."""
    import numpy as np
    import openvino

    from language import VOCABULARY

    compiled = openvino.Core().compile_model(
        path, "CPU",
        {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )  # fmt: skip
    request = compiled.create_infer_request()

    def step(ids: list[int], past: int) -> int:
        request.infer({"ids": np.array([ids]), "positions": np.arange(past, past + len(ids))[None]})
        return int(request.get_output_tensor().data[0, -1].argmax())

    def run(turn: int) -> dict:
        request.reset_state()
        start = time.perf_counter()
        next_id = step(prompt_ids(prompt, VOCABULARY, turn), 0)
        first = time.perf_counter()
        for index in range(answer_tokens):
            next_id = step([next_id], prompt + index)
        end = time.perf_counter()
        return {"prefill": prompt / (first - start), "decode": answer_tokens / (end - first)}

    return run


def answer(**values) -> None:
    print(json.dumps(values), flush=True)


def main() -> None:
    kind, path = sys.argv[1], Path(sys.argv[2])
    threads, prompt, answer_tokens = (int(text) for text in sys.argv[3:6])
    start = time.perf_counter()
    peer = {"llama": llama_peer, "openvino": openvino_peer}[kind]
    run = peer(path, threads, prompt, answer_tokens)
    answer(load_ms=(time.perf_counter() - start) * 1000)
    for turn, line in enumerate(sys.stdin):
        if line.strip() != "run":
            break
        answer(**run(turn))
    answer(peak_bytes=peak_bytes())


if __name__ == "__main__":
    main()
