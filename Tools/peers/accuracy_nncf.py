"""Rows of NNCF: post-training quantization, accuracy control, 4-bit weights; each gives image tokens and its size.

Everything as NNCF's defaults have it where a row's name says nothing else, all 64 calibration pictures. NNCF works on the
ONNX network, and its result runs twice: as ONNX with all fusing off, where codes are multiplied in float32, so that no
kernel's own arithmetic counts against the quantizer; and in OpenVINO, for which it is made. Kernels for processors without
VNNI add pairs of 8-bit products in 16 bits, which saturates; `overflow_fix` is NNCF's remedy. The size is that of
OpenVINO's file of weights.
"""

from pathlib import Path

import nncf
import numpy as np
import onnx
import onnxruntime
import openvino
from nncf import AdvancedQuantizationParameters, OverflowFix, QuantizationPreset

import accuracy_onnx
from nano_judge import calibration_pixels

# Accuracy control shall reach image tokens with a signal 26 dB above the error, as Martlet at 4 bits. Towards the 38 dB of
# 8 bits it was at 26 after 23 minutes, with about a dozen of 86 operations restored.
CONTROLLED_LOSS = 10 ** (-26 / 10)
# Pictures on which it measures what restoring an operation brings.
RANKED_PICTURES = 8

QUANTIZED = {
    "int8": {},
    "int8-overflow-fix": {"advanced_parameters": AdvancedQuantizationParameters(overflow_fix=OverflowFix.ENABLE)},
    "int8-mixed": {"preset": QuantizationPreset.MIXED},
    "int8-full-correction": {"fast_bias_correction": False},
    "int8-no-correction": {"advanced_parameters": AdvancedQuantizationParameters(disable_bias_correction=True)},
}
# Its GPTQ stops with an error on products over pixels, which have two dimensions besides the channels.
FOUR_BITS = {"int4": {}, "int4-scales": {"scale_estimation": True}}


def pictures() -> list[dict[str, np.ndarray]]:
    return [{"pixels": p} for p in calibration_pixels()[:, None]]


def controlled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Restores operations to float until the calibration pictures' image tokens are near enough."""
    def network(model: onnx.ModelProto):
        exact = onnxruntime.SessionOptions()
        exact.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return onnxruntime.InferenceSession(model.SerializeToString(), exact, providers=["CPUExecutionProvider"])

    session = network(model)
    wanted = {p["pixels"].tobytes(): session.run(None, p)[0] for p in pictures()}

    def near(candidate: onnx.ModelProto, items) -> tuple[float, list[float]]:
        """1 less the error's share of the signal, of all pictures and of each."""
        session, shares = network(candidate), []
        for p in items:
            tokens = wanted[p["pixels"].tobytes()]
            shares.append(1 - float(((session.run(None, p)[0] - tokens) ** 2).sum() / (tokens**2).sum()))
        return float(np.mean(shares)), shares

    return nncf.quantize_with_accuracy_control(
        model, nncf.Dataset(pictures()), nncf.Dataset(pictures()), near, max_drop=CONTROLLED_LOSS,
        drop_type=nncf.DropType.ABSOLUTE, subset_size=64,
        advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
            ranking_subset_size=RANKED_PICTURES
        ),
    )  # fmt: skip


def quantized(judge, name: str):
    source = accuracy_onnx.float_file(judge, products=name.startswith("int4"))
    model = onnx.load(source)
    if name in QUANTIZED:
        return nncf.quantize(model, nncf.Dataset(pictures()), subset_size=64, **QUANTIZED[name])
    if name == "int8-controlled":
        return controlled(model)
    if name == "int8-weights":
        return nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
    return nncf.compress_weights(
        openvino.convert_model(source), mode=nncf.CompressWeightsMode.INT4_SYM, ratio=1.0, group_size=32,
        all_layers=True, dataset=nncf.Dataset([p["pixels"] for p in pictures()]), subset_size=64,
        # The first stage has 16 channels.
        advanced_parameters=nncf.AdvancedCompressionParameters(
            group_size_fallback_mode=nncf.GroupSizeFallbackMode.ADJUST, min_adjusted_group_size=16
        ),
        **FOUR_BITS[name],
    )  # fmt: skip


def openvino_tokens(judge, path: Path, threads: int) -> np.ndarray:
    settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    network = openvino.Core().compile_model(path, "CPU", settings)
    # Copied: the network writes the next picture's tokens to the same place.
    return np.concatenate([network(p[None].astype(np.float32) / 255)[0].copy() for p in judge.pixels])


def row(judge, name: str, threads: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Image tokens in exact arithmetic, bytes, image tokens of OpenVINO on this processor."""
    path, network = judge.folder / f"nncf-{name}.onnx", judge.folder / f"nncf-{name}.xml"
    if not network.exists():
        model = quantized(judge, name)
        if isinstance(model, onnx.ModelProto):
            onnx.save(model, path)
            model = openvino.convert_model(path)
        openvino.save_model(model, network, compress_to_fp16=False)
    run = openvino_tokens(judge, network, threads)
    exact = accuracy_onnx.image_tokens(judge, path, threads, fused=False) if path.exists() else run
    return exact, network.with_suffix(".bin").stat().st_size, run
