"""The full-size encoder with random weights, as files that the peers read.

`timm`'s fastvit_mci3 in inference form up to the features that the projector takes, `[1, 3072, side / 64, side / 64]`,
exported to ONNX once per resolution, then quantized by each peer's own tool with its defaults. Every file is made
once and kept in the folder given.
"""

import os
from pathlib import Path

os.environ["TIMM_FUSED_ATTN"] = "0"

SEED = 0
# Pictures for the quantizers' statistics. The weights are random, so only the kind of arithmetic matters.
CALIBRATION_PICTURES = 2


def pictures(resolution: int, count: int):
    """Noise in [0, 1], `[1, 3, resolution, resolution]` each."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    for _ in range(count):
        yield generator.random((1, 3, resolution, resolution), dtype=np.float32)


def onnx_file(folder: Path, resolution: int) -> Path:
    path = folder / f"encoder-{resolution}.onnx"
    if path.exists():
        return path
    import timm
    import torch
    from torch import nn

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(SEED)
            self.tower = timm.create_model("fastvit_mci3", num_classes=0, inference_mode=True).eval()

        def forward(self, pixels):
            return self.tower.forward_features(pixels)

    part = path.with_suffix(".part")
    with torch.no_grad():
        torch.onnx.export(
            Encoder(), (torch.rand(1, 3, resolution, resolution),), str(part), input_names=["pixels"],
            output_names=["features"], opset_version=17, dynamo=False,
        )  # fmt: skip
    part.rename(path)
    return path


def openvino_file(folder: Path, resolution: int) -> Path:
    """OpenVINO's form of the float network; its runtime chooses float32 or bfloat16."""
    path = folder / f"encoder-{resolution}.xml"
    if not path.exists():
        import openvino

        model = openvino.convert_model(onnx_file(folder, resolution))
        openvino.save_model(model, path, compress_to_fp16=False)
    return path


def openvino_int8_file(folder: Path, resolution: int) -> Path:
    """Weights and activations to 8 bits by NNCF's post-training quantization, its defaults."""
    path = folder / f"encoder-{resolution}-int8.xml"
    if not path.exists():
        import nncf
        import openvino

        model = openvino.Core().read_model(openvino_file(folder, resolution))
        dataset = nncf.Dataset(list(pictures(resolution, CALIBRATION_PICTURES)))
        quantized = nncf.quantize(model, dataset, subset_size=CALIBRATION_PICTURES)
        openvino.save_model(quantized, path, compress_to_fp16=False)
    return path


def onnx_int8_file(folder: Path, resolution: int) -> Path:
    """ONNX Runtime's static quantization: QDQ form, weights per channel, its defaults besides."""
    path = folder / f"encoder-{resolution}-int8.onnx"
    if not path.exists():
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        class Reader(CalibrationDataReader):
            def __init__(self):
                self.rest = iter(pictures(resolution, CALIBRATION_PICTURES))

            def get_next(self):
                picture = next(self.rest, None)
                return None if picture is None else {"pixels": picture}

        prepared = folder / f"encoder-{resolution}-prepared.onnx"
        quant_pre_process(str(onnx_file(folder, resolution)), str(prepared), skip_symbolic_shape=True)
        part = path.with_suffix(".part")
        quantize_static(
            str(prepared), str(part), Reader(), quant_format=QuantFormat.QDQ, per_channel=True
        )
        prepared.unlink()
        part.rename(path)
    return path
