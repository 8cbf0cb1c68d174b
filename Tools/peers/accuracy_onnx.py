"""Rows of ONNX Runtime: static quantization in QDQ form, and 4-bit weights; each gives image tokens and its size.

Static quantization works on the encoder as it is; 4-bit weights, which ONNX Runtime has for matrix products only, on one whose
1 × 1 convolutions are products over pixels.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from nano_judge import SIDE, calibration_pixels

# Pictures of which entropy and percentile keep every activation in memory at once.
KEPT_PICTURES = 16


class PixelProduct(nn.Module):
    """A 1 × 1 convolution as a matrix product over pixels."""

    def __init__(self, convolution: nn.Conv2d):
        super().__init__()
        self.linear = nn.Linear(convolution.in_channels, convolution.out_channels, convolution.bias is not None)
        self.linear.weight.data = convolution.weight.data.flatten(1)
        if convolution.bias is not None:
            self.linear.bias.data = convolution.bias.data

    def forward(self, x):
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def as_products(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and child.kernel_size == (1, 1) and child.groups == 1 and child.stride == (1, 1):
            setattr(module, name, PixelProduct(child))
        else:
            as_products(child)


def float_file(judge, products: bool = False) -> Path:
    """Encoder and projector in float32. With `products`, 1 × 1 convolutions are matrix products."""
    path = judge.folder / ("encoder-products.onnx" if products else "encoder.onnx")
    if not path.exists():
        encoder = judge.fresh_encoder()
        if products:
            as_products(encoder)
        part = path.with_suffix(".part")
        torch.onnx.export(
            encoder, (torch.rand(1, 3, SIDE, SIDE),), str(part), input_names=["pixels"], output_names=["tokens"],
            opset_version=17, dynamo=False,
        )  # fmt: skip
        part.rename(path)
    return path


def stored_bytes(path: Path) -> int:
    """Bytes of the weights alone: the graph around them weighs as much in so small a model and nothing in a large one."""
    return sum(
        len(t.raw_data) or onnx.numpy_helper.to_array(t).nbytes for t in onnx.load(path).graph.initializer
    )


def image_tokens(judge, path: Path, threads: int, fused: bool = True) -> np.ndarray:
    """Without `fused`, codes become float32 again before every operation: exact arithmetic, whatever the processor."""
    options = onnxruntime.SessionOptions()
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"pixels": p[None].astype(np.float32) / 255})[0] for p in judge.pixels])


class Pictures(CalibrationDataReader):
    def __init__(self, count: int):
        self.rest = iter(calibration_pixels()[:count])

    def get_next(self):
        picture = next(self.rest, None)
        return None if picture is None else {"pixels": picture[None]}


def static(judge, path: Path, method: CalibrationMethod, **options) -> None:
    prepared = path.with_suffix(".prepared")
    quant_pre_process(str(float_file(judge)), str(prepared), skip_symbolic_shape=True)
    count = 64 if method == CalibrationMethod.MinMax else KEPT_PICTURES
    quantize_static(
        str(prepared), str(path), Pictures(count), quant_format=QuantFormat.QDQ, per_channel=True,
        calibrate_method=method, **options,
    )  # fmt: skip
    prepared.unlink()


def four_bits(judge, path: Path) -> None:
    model = onnx.load(float_file(judge, products=True))
    quantizer = MatMulNBitsQuantizer(model, bits=4, block_size=32, is_symmetric=True)
    quantizer.process()
    onnx.save(quantizer.model.model, path)


def row(judge, name: str, threads: int) -> tuple[np.ndarray, int, np.ndarray]:
    """Image tokens in exact arithmetic, bytes, image tokens of ONNX Runtime's own kernels on this processor."""
    path = judge.folder / f"onnx-{name}.onnx"
    makers = {
        "static": lambda: static(judge, path, CalibrationMethod.MinMax),
        "static-reduced": lambda: static(judge, path, CalibrationMethod.MinMax, reduce_range=True),
        "static-percentile": lambda: static(judge, path, CalibrationMethod.Percentile),
        "static-entropy": lambda: static(judge, path, CalibrationMethod.Entropy),
        "int4": lambda: four_bits(judge, path),
    }
    if not path.exists():
        makers[name]()
    run = image_tokens(judge, path, threads)
    exact = run if name == "int4" else image_tokens(judge, path, threads, fused=False)
    return exact, stored_bytes(path), run
