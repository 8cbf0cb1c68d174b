"""Times the float encoder (timm fastvit_mci3, random weights, fused) in ONNX Runtime and prints one JSON object.

The comparison for `martlet bench`: same machine, same resolution, same threads, float32.
Usage: python bench_onnxruntime.py [--resolution 1024] [--threads 2] [--runs 3] [--model FILE.onnx]
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

os.environ["TIMM_FUSED_ATTN"] = "0"


def export(path: Path, resolution: int) -> None:
    """The encoder up to the features that the projector takes, `[1, channels, side / 64, side / 64]`."""
    import timm
    import torch
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.tower = timm.create_model("fastvit_mci3", num_classes=0, inference_mode=True).eval()

        def forward(self, pixels):
            return self.tower.forward_features(pixels)

    pixels = torch.rand(1, 3, resolution, resolution)
    with torch.no_grad():
        torch.onnx.export(
            Encoder(), (pixels,), str(path), input_names=["pixels"], output_names=["features"],
            opset_version=17, dynamo=False,
        )  # fmt: skip


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def measure(path: Path, resolution: int, threads: int, runs: int, warmups: int) -> dict:
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    pixels = np.random.default_rng(0).random((1, 3, resolution, resolution), dtype=np.float32)
    seconds, busy = [], []
    for i in range(warmups + runs):
        start, start_busy = time.perf_counter(), time.process_time()
        features = session.run(["features"], {"pixels": pixels})[0]
        if i >= warmups:
            seconds.append(time.perf_counter() - start)
            busy.append(time.process_time() - start_busy)
    assert np.isfinite(features).all()
    return {
        "encode_ms": {
            "min": round(min(seconds) * 1000, 1),
            "median": round(statistics.median(seconds) * 1000, 1),
            "max": round(max(seconds) * 1000, 1),
        },
        # Processor time; on a busy machine it says more than the clock does.
        "processor_ms_median": round(statistics.median(busy) * 1000, 1),
        "features": list(features.shape),
        "onnxruntime": onnxruntime.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warmups", type=int, default=1)
    parser.add_argument("--model", type=Path, help="keep the exported file here and use it again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.model or Path(folder) / "encoder.onnx"
        if not path.exists():
            export(path, options.resolution)
        result = measure(path, options.resolution, options.threads, options.runs, options.warmups)
    head = {"scheme": "float32", "resolution": options.resolution, "threads": options.threads}
    machine = {"model": processor(), "cores": os.cpu_count()}
    load = round(os.getloadavg()[0], 2)
    print(json.dumps({**head, "machine": machine, "load_average": load, "runs": options.runs, **result}))


if __name__ == "__main__":
    main()
