"""Depthwise convolutions of a timm network through `depthwise.c` while it trains on a CPU.

The modules and their parameters stay; only how their product is computed changes. On a machine without a C compiler,
or on a GPU, torch's own convolution runs and a line says so.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import torch
from torch import nn

SOURCE = Path(__file__).with_name("depthwise.c")


class Shape(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in ("batch", "channels", "height", "width", "kernel", "stride", "multiplier")
    ]


def compiled() -> ctypes.CDLL | None:
    folder = tempfile.mkdtemp(prefix="nano-depthwise-")
    library = Path(folder) / "depthwise.so"
    command = ["cc", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC"]
    try:
        subprocess.run([*command, str(SOURCE), "-o", str(library)], check=True)
    except (OSError, subprocess.CalledProcessError) as failure:
        print(f"no compiled depthwise convolution ({failure}): torch's own runs, about half as fast")
        return None
    return ctypes.CDLL(str(library))


def address(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


class Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, stride, library):
        x, weight = x.contiguous(), weight.contiguous()
        n, channels, height, width = x.shape
        multiplier = weight.shape[0] // channels
        context.shape = Shape(n, channels, height, width, weight.shape[-1], stride, multiplier)
        context.library = library
        result = x.new_empty(n, weight.shape[0], -(-height // stride), -(-width // stride))
        library.depthwise_forward(
            ctypes.byref(context.shape), address(x), address(weight), address(result)
        )
        context.save_for_backward(x, weight)
        return result

    @staticmethod
    def backward(context, grad):
        x, weight = context.saved_tensors
        grad = grad.contiguous()
        grad_x, grad_weight = torch.zeros_like(x), torch.zeros_like(weight)
        context.library.depthwise_backward(
            ctypes.byref(context.shape), address(x), address(weight), address(grad),
            address(grad_x), address(grad_weight),
        )  # fmt: skip
        return grad_x, grad_weight, None, None


def is_depthwise(module: nn.Module) -> bool:
    return (
        isinstance(module, nn.Conv2d)
        and module.groups == module.in_channels > 1
        and module.kernel_size in [(3, 3), (7, 7)]
        and module.padding == (module.kernel_size[0] // 2,) * 2
        and module.stride in [(1, 1), (2, 2)]
        and (module.in_channels * 8) % module.out_channels == 0
    )


def accelerate(network: nn.Module) -> int:
    """Routes every depthwise convolution of `network` through the compiled code; returns how many."""
    library = compiled()
    if library is None:
        return 0
    count = 0
    for module in network.modules():
        if is_depthwise(module):

            def forward(x, module=module):
                y = Depthwise.apply(x, module.weight, module.stride[0], library)
                return y if module.bias is None else y + module.bias[:, None, None]

            module.forward = forward
            count += 1
    return count
