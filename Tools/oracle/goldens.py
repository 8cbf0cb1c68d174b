"""Runs the tiny model with transformers and timm in float32 and collects what Martlet must reproduce."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import nn

import make_image_goldens as fits
import tiny_model as tiny
import tiny_tokenizer as tokens

SENTINEL = -200
OPENING = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
CLOSING = "<|im_end|>\n<|im_start|>assistant\n"


@dataclass
class Case:
    """One golden: pictures and a question, or a whole prompt."""

    name: str
    images: list[str]
    question: str
    fit: str = "pad"
    ids: int = 16
    taps: bool = False
    pieces: list[str] = field(init=False)

    def __post_init__(self):
        """The prompt cut at its images; a line feed stands after each image."""
        if self.images:
            middle = ["\n"] * (len(self.images) - 1)
            self.pieces = [OPENING, *middle, "\n" + self.question + CLOSING]
        else:
            self.pieces = [OPENING + self.question + CLOSING]

    @property
    def prompt(self) -> str:
        return tokens.IMAGE_TOKEN.join(self.pieces)


CASES = [
    Case("wide", ["wide.png"], "Describe the image.", taps=True),
    Case("tall", ["tall.png"], "What color is the car?", ids=24),
    Case("gray", ["gray.png"], "Is it day or night?"),
    Case("crop", ["wide.png"], "Describe the image.", fit="crop"),
    Case("two", ["wide.png", "tall.png"], "What are these?"),
    Case("text", [], "It's 12 o'clock. What is there?"),
]


def pictures() -> dict[str, Image.Image]:
    """Small drawings: a color one, one with an alpha channel, a gray one."""
    source = np.random.default_rng(3)
    wide = Image.fromarray(fits.smooth(100, 150))
    draw = ImageDraw.Draw(wide)
    draw.rectangle((20, 45, 80, 90), fill=(190, 40, 30))
    draw.polygon([(12, 45), (50, 12), (88, 45)], fill=(60, 60, 70))
    draw.ellipse((105, 8, 140, 43), fill=(250, 230, 90))
    tall = np.concatenate([fits.formula(211, 97), fits.smooth(211, 97, 1)], axis=2)
    tall = Image.fromarray(tall, "RGBA")
    ImageDraw.Draw(tall).ellipse((10, 60, 85, 150), fill=(20, 120, 220, 128), outline=(255, 255, 255, 255))
    noise = source.integers(0, 40, (90, 120), np.uint8)
    gray = Image.fromarray(fits.smooth(90, 120, 1)[:, :, 0] // 2 + noise)
    ImageDraw.Draw(gray).line((5, 80, 110, 10), fill=255, width=4)
    return {"wide.png": wide, "tall.png": tall, "gray.png": gray}


def training_pictures(count: int) -> torch.Tensor:
    """Waves, boxes and noise `[count, 3, side, side]` in 0...1 whose statistics the batch norms take."""
    source, side = np.random.default_rng(4), tiny.TINY.resolution
    result = []
    for _ in range(count):
        y, x, c = np.mgrid[0:side, 0:side, 0:3] / side
        frequency, phase = source.uniform(2, 30, 3), source.uniform(0, 6, 3)
        picture = 0.5 + 0.4 * np.sin(frequency[0] * x + phase[0] + c) * np.cos(frequency[1] * y + phase[1])
        picture += source.uniform(0, 0.15) * source.standard_normal(picture.shape)
        for _ in range(4):
            top, left = source.integers(0, side, 2)
            picture[top : top + 60, left : left + 80] = source.uniform(0, 1, 3)
        picture[: source.integers(0, side // 3)] = 0
        result.append(np.clip(picture, 0, 1).transpose(2, 0, 1))
    return torch.tensor(np.stack(result), dtype=torch.float32)


def fitted(picture: Image.Image, fit: str) -> np.ndarray:
    rule = {"pad": fits.padded_fit, "crop": fits.cropped_fit}[fit]
    return rule(np.asarray(picture.convert("RGB")), tiny.TINY.resolution)


def input_ids(case: Case) -> list[int]:
    """Apple's route: every piece tokenized on its own, the sentinel between."""
    tokenizer, result = tokens.tokenizer(tokens.APPLE), []
    for i, piece in enumerate(case.pieces):
        result += [SENTINEL] * (i > 0) + tokenizer.encode(piece).ids
    return result


def native_ids(case: Case) -> list[int]:
    """The native route: the whole prompt tokenized, every image id repeated."""
    ids = tokens.tokenizer(tokens.NATIVE).encode(case.prompt).ids
    count = (tiny.TINY.resolution // 64) ** 2
    return [i for j in ids for i in ([j] * count if j == tokens.IMAGE else [j])]


def channels_last(value: torch.Tensor) -> torch.Tensor:
    return value.detach()[0].permute(1, 2, 0).contiguous().clone()


class Taps:
    """Outputs of a handful of layers in one forward pass."""

    def __init__(self, model: nn.Module):
        tower, language = model.model.vision_tower.timm_model, model.model.language_model
        self.values, self.hooks = {}, []
        maps = {"stem": tower.stem, "final_conv": tower.final_conv}
        for i, stage in enumerate(tower.stages):
            maps[f"stages.{i}"] = stage
            if i > 0:
                maps[f"stages.{i}.downsample"] = stage.downsample
            if i > 2:
                maps[f"stages.{i}.pos_emb"] = stage.pos_emb
        for name, module in maps.items():
            self.add(name, module, channels_last)
        for i, layer in enumerate(language.layers):
            self.add(f"layers.{i}", layer, lambda value: value.detach()[0].clone())
        self.add("norm", language.norm, lambda value: value.detach()[0].clone())

    def add(self, name, module, convert):
        def hook(_, __, output):
            value = output[0] if isinstance(output, tuple) else output
            self.values.setdefault(name, convert(value))

        self.hooks.append(module.register_forward_hook(hook))

    def close(self):
        for hook in self.hooks:
            hook.remove()


def forward(model: nn.Module, ids: list[int], pixels: torch.Tensor | None) -> torch.Tensor:
    """Logits `[rows]` after the last id, everything computed anew: no cache, no padding."""
    with torch.no_grad():
        output = model(input_ids=torch.tensor([ids]), pixel_values=pixels, use_cache=False)
    return output.logits[0, -1]


def run(model: nn.Module, case: Case, drawings: dict[str, Image.Image]) -> dict[str, torch.Tensor]:
    """All goldens of a case, plus `gaps`: top-1 minus top-2 at every step."""
    result = {"input_ids": torch.tensor(input_ids(case))}
    inputs = None
    if case.images:
        pixels = np.stack([fitted(drawings[name], case.fit) for name in case.images])
        inputs = torch.tensor(pixels).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            features = model.model.vision_tower.timm_model.forward_features(inputs)
            rows = features.flatten(2).transpose(1, 2)
            result["encoder_output"] = rows.reshape(-1, rows.shape[-1]).contiguous()
            image_tokens = model.model.multi_modal_projector(rows)
            result["image_tokens"] = image_tokens.reshape(-1, image_tokens.shape[-1]).contiguous()
        result["pixels"] = torch.tensor(pixels[0] if len(pixels) == 1 else pixels)
    ids, greedy, gaps, unmasked = native_ids(case), [], [], []
    taps = Taps(model) if case.taps else None
    for _ in range(case.ids):
        logits = forward(model, ids, inputs)
        if not greedy:
            result["prefill_logits"] = logits.clone()
        best = logits[: tokens.IMAGE].topk(2)
        assert logits[tokens.IMAGE] < best.values[1], "the row of <image> must never matter"
        gaps.append(float(best.values[0] - best.values[1]))
        unmasked.append(int(logits.argmax()))
        greedy.append(int(best.indices[0]))
        ids.append(greedy[-1])
    if taps:
        taps.close()
        result |= {f"tap.{name}": value for name, value in taps.values.items()}
    result["greedy_ids"] = torch.tensor(greedy)
    return result | {"gaps": gaps, "unmasked": unmasked}


def write_pictures(folder: Path) -> dict[str, Image.Image]:
    folder.mkdir(parents=True, exist_ok=True)
    drawings = pictures()
    for name, picture in drawings.items():
        picture.save(folder / name)
    return drawings
