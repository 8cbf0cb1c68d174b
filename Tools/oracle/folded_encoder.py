"""FastViTHD of an Apple-layout checkpoint, folded in float64 and run in float32 as matrix products over pixels.

Written from the equations of the format's description alone, as a second opinion on Martlet's folding and on its
quantized products; it shares nothing with timm. Any widths and depths, any mixture of train-time and fused parts.
"""

import math
import re
from pathlib import Path
from typing import Callable

import torch
import torch.nn.functional as F
from safetensors import safe_open

ENCODER = "model.vision_tower.vision_tower.model."
EPS = 1e-5
HEAD = 32

# Takes a layer's name, rows [n, inputs], weight [outputs, inputs] and bias [outputs]; gives rows [n, outputs].
Product = Callable[[str, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class Checkpoint:
    """Tensors of all shards in a directory by name, read when asked for, as float64."""

    def __init__(self, folder: Path):
        self.files = {}
        for path in sorted(folder.glob("*.safetensors")):
            file = safe_open(path, "pt")
            self.files |= {name: file for name in file.keys()}

    def __contains__(self, name: str) -> bool:
        return name in self.files

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.files[name].get_tensor(name).double()

    def get(self, name: str) -> torch.Tensor | None:
        return self[name] if name in self else None

    def count(self, pattern: str) -> int:
        """One more than the largest number that the pattern's group catches."""
        found = [int(m[1]) for m in (re.match(pattern, name) for name in self.files) if m]
        return max(found, default=-1) + 1


def batch_norm(c: Checkpoint, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Slope and offset: `BN(z) = s z + t`."""
    slope = c[name + ".weight"] / torch.sqrt(c[name + ".running_var"] + EPS)
    return slope, c[name + ".bias"] - c[name + ".running_mean"] * slope


def identity(outputs: int, inputs: int, kernel: int) -> torch.Tensor:
    result = torch.zeros(outputs, inputs, kernel, kernel, dtype=torch.float64)
    rows = torch.arange(outputs)
    result[rows, rows % inputs, kernel // 2, kernel // 2] = 1
    return result


def widened(weight: torch.Tensor, kernel: int) -> torch.Tensor:
    side = (kernel - weight.shape[-1]) // 2
    return F.pad(weight, [side] * 4)


def normed(c: Checkpoint, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Convolution followed by batch norm: `W' = s W`, `b' = t`."""
    slope, offset = batch_norm(c, name + ".bn")
    return slope[:, None, None, None] * c[name + ".conv.weight"], offset


def mobile_one(c: Checkpoint, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Convolution, scale and skip branches as one convolution; fused already if stored so."""
    if name + ".reparam_conv.weight" in c:
        return c[name + ".reparam_conv.weight"], c[name + ".reparam_conv.bias"]
    weight, bias = normed(c, name + ".rbr_conv.0")
    kernel = weight.shape[-1]
    if name + ".rbr_scale.conv.weight" in c:
        small, offset = normed(c, name + ".rbr_scale")
        weight, bias = weight + widened(small, kernel), bias + offset
    if name + ".rbr_skip.weight" in c:
        slope, offset = batch_norm(c, name + ".rbr_skip")
        weight = weight + slope[:, None, None, None] * identity(*weight.shape[:2], kernel)
        bias = bias + offset
    return weight, bias


def large_kernel(c: Checkpoint, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    if name + ".lkb_reparam.weight" in c:
        return c[name + ".lkb_reparam.weight"], c[name + ".lkb_reparam.bias"]
    weight, bias = normed(c, name + ".lkb_origin")
    if name + ".small_conv.conv.weight" in c:
        small, offset = normed(c, name + ".small_conv")
        weight, bias = weight + widened(small, weight.shape[-1]), bias + offset
    return weight, bias


def rep_mixer(c: Checkpoint, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """`y = x + ls (mixer(x) − norm(x))`."""
    if name + ".reparam_conv.weight" in c:
        return c[name + ".reparam_conv.weight"], c[name + ".reparam_conv.bias"]
    weight, bias = mobile_one(c, name + ".mixer")
    slope, offset = batch_norm(c, name + ".norm.rbr_skip")
    delta = identity(*weight.shape[:2], weight.shape[-1])
    scale = c[name + ".layer_scale"].reshape(-1)
    weight = delta + scale[:, None, None, None] * (weight - slope[:, None, None, None] * delta)
    return weight, scale * (bias - offset)


def position(c: Checkpoint, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    if name + ".reparam_conv.weight" in c:
        return c[name + ".reparam_conv.weight"], c[name + ".reparam_conv.bias"]
    weight = c[name + ".pe.weight"]
    return weight + identity(*weight.shape[:2], weight.shape[-1]), c[name + ".pe.bias"]


def matrix(weight: torch.Tensor) -> torch.Tensor:
    return weight.reshape(weight.shape[0], -1)


class FoldedEncoder:
    """Encoder and projector; every 1 × 1 or linear product goes through `product`."""

    def __init__(self, folder: Path, product: Product):
        self.c = Checkpoint(folder)
        self.product = product
        self.stages = []  # relative outputs, filled by `encode`

    def convolve(self, x, folded, stride=1, dense=False):
        """`x` is `[1, channels, height, width]`; zero padding of half a kernel."""
        weight, bias = (None if t is None else t.float() for t in folded)
        groups = 1 if dense else x.shape[1]
        return F.conv2d(x, weight, bias, stride=stride, padding=weight.shape[-1] // 2, groups=groups)

    def linear(self, name, x, weight, bias):
        """A product over the pixels of a map."""
        _, channels, height, width = x.shape
        rows = x[0].reshape(channels, -1).T.contiguous()
        y = self.product(name, rows, matrix(weight).float(), bias.float())
        return y.T.reshape(1, -1, height, width)

    def feed_forward(self, name, x, scale):
        """`ls · fc2(GELU(fc1(BN(depthwise 7 × 7))))`, the scale inside fc2."""
        c, name = self.c, name + ".convffn"
        z = self.convolve(x, normed(c, name + ".conv"))
        z = self.linear(name + ".fc1", z, c[name + ".fc1.weight"], c[name + ".fc1.bias"])
        weight, bias = matrix(c[name + ".fc2.weight"]), c[name + ".fc2.bias"]
        return self.linear(name + ".fc2", F.gelu(z), scale[:, None] * weight, scale * bias)

    def mixer_block(self, name, x):
        t = self.convolve(x, rep_mixer(self.c, name + ".token_mixer"))
        return t + self.feed_forward(name, t, self.c[name + ".layer_scale"].reshape(-1))

    def attention_block(self, name, x):
        """Norm weights and 1/√head inside qkv, the first layer scale inside proj."""
        c = self.c
        _, channels, height, width = x.shape
        rows = x[0].reshape(channels, -1).T
        mean, variance = rows.mean(1, keepdim=True), rows.var(1, unbiased=False, keepdim=True)
        rows = (rows - mean) / torch.sqrt(variance + EPS)
        weight = c[name + ".token_mixer.qkv.weight"].clone()
        weight[:channels] /= math.sqrt(HEAD)
        bias = weight @ c[name + ".norm.bias"]
        weight = weight * c[name + ".norm.weight"]
        packed = self.product(name + ".token_mixer.qkv", rows, weight.float(), bias.float())
        q, k, v = packed.reshape(-1, 3, channels // HEAD, HEAD).permute(1, 2, 0, 3)
        mixed = torch.softmax(q @ k.transpose(1, 2), dim=-1) @ v
        mixed = mixed.transpose(0, 1).reshape(-1, channels).contiguous()
        scale = c[name + ".layer_scale_1"].reshape(-1)
        weight = scale[:, None] * c[name + ".token_mixer.proj.weight"]
        bias = scale * c[name + ".token_mixer.proj.bias"]
        mixed = self.product(name + ".token_mixer.proj", mixed, weight.float(), bias.float())
        u = x + mixed.T.reshape(x.shape)
        return u + self.feed_forward(name, u, self.c[name + ".layer_scale_2"].reshape(-1))

    def head(self, x):
        c, name = self.c, ENCODER + "conv_exp"
        y = self.convolve(x, mobile_one(c, name))
        gates = y.mean((2, 3))
        for part, function in [("reduce", torch.relu), ("expand", torch.sigmoid)]:
            weight = matrix(c[f"{name}.se.{part}.weight"]).float()
            gates = function(F.linear(gates, weight, c[f"{name}.se.{part}.bias"].float()))
        return F.gelu(y * gates[:, :, None, None])

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 `[side, side, 3]` to rows `[tokens, channels]`."""
        c, self.stages = self.c, []
        x = pixels.permute(2, 0, 1)[None].float()
        weight, bias = mobile_one(c, ENCODER + "patch_embed.0")
        x = F.gelu(self.convolve(x, (weight / 255, bias), stride=2, dense=True))
        x = F.gelu(self.convolve(x, mobile_one(c, ENCODER + "patch_embed.1"), stride=2))
        x = F.gelu(self.linear(ENCODER + "patch_embed.2", x, *mobile_one(c, ENCODER + "patch_embed.2")))
        self.stages.append(("patch_embed", x))
        for n in range(c.count(re.escape(ENCODER) + r"network\.(\d+)\.")):
            name = f"{ENCODER}network.{n}"
            blocks = c.count(re.escape(name) + r"\.(\d+)\.")
            if blocks:
                for i in range(blocks):
                    attends = f"{name}.{i}.token_mixer.qkv.weight" in c
                    x = (self.attention_block if attends else self.mixer_block)(f"{name}.{i}", x)
            elif c.count(re.escape(name) + r"\.proj\.(\d+)\."):
                x = F.gelu(self.convolve(x, large_kernel(c, name + ".proj.0"), stride=2))
                x = F.gelu(self.linear(name + ".proj.1", x, *mobile_one(c, name + ".proj.1")))
            else:
                x = self.convolve(x, position(c, name))
            self.stages.append((f"network.{n}", x))
        x = self.head(x)
        self.stages.append(("conv_exp", x))
        return x[0].reshape(x.shape[1], -1).T.contiguous()

    def project(self, rows: torch.Tensor) -> torch.Tensor:
        c, name = self.c, "model.mm_projector"
        for i in (0, 2):
            weight, bias = c[f"{name}.{i}.weight"].float(), c[f"{name}.{i}.bias"].float()
            rows = self.product(f"{name}.{i}", rows, weight, bias)
            if i == 0:
                rows = F.gelu(rows)
        return rows
