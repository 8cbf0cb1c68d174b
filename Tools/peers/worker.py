"""One peer in a process of its own: loads the encoder, then encodes once for every line it is sent.

Answers with JSON, one object a line: first `{"load_ms": …}`, then `{"ms": …, "processor_ms": …}` for every `run`, and
`{"peak_bytes": …}` for `end`. A process of its own gives every peer its own peak memory.
"""

import json
import sys
import time
from pathlib import Path

import encoder
from peak_memory import peak_bytes


def onnxruntime_peer(path: Path, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Threads that spin after their work would be counted against the peer that runs next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(["features"], {"pixels": pixels})[0]


def openvino_peer(path: Path, threads: int, precision: str):
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(
        path, "CPU",
        {
            "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
        },
    )  # fmt: skip
    request = compiled.create_infer_request()

    def run(pixels):
        request.infer({0: pixels}, share_inputs=True)
        return request.get_output_tensor().data

    return run


def prepared(peer: str, folder: Path, resolution: int, threads: int):
    if peer == "openvino-int8":
        return openvino_peer(encoder.openvino_int8_file(folder, resolution), threads, "f32")
    if peer == "openvino-float32":
        return openvino_peer(encoder.openvino_file(folder, resolution), threads, "f32")
    if peer == "openvino-bfloat16":
        return openvino_peer(encoder.openvino_file(folder, resolution), threads, "bf16")
    if peer == "onnxruntime-int8":
        return onnxruntime_peer(encoder.onnx_int8_file(folder, resolution), threads)
    if peer == "onnxruntime-float32":
        return onnxruntime_peer(encoder.onnx_file(folder, resolution), threads)
    raise SystemExit(f"unknown peer '{peer}'")


def answer(**values) -> None:
    print(json.dumps(values), flush=True)


def main() -> None:
    peer, folder, resolution, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    start = time.perf_counter()
    run = prepared(peer, folder, resolution, threads)
    answer(load_ms=(time.perf_counter() - start) * 1000)
    pixels = next(encoder.pictures(resolution, 1))
    for line in sys.stdin:
        if line.strip() != "run":
            break
        start, busy = time.perf_counter(), time.process_time()
        run(pixels)
        answer(
            ms=(time.perf_counter() - start) * 1000, processor_ms=(time.process_time() - busy) * 1000
        )
    answer(peak_bytes=peak_bytes())


if __name__ == "__main__":
    main()
