"""martlet-nano: FastViTHD's structure at small widths in train-time form, a projector and a Qwen2 decoder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "oracle"))

import torch  # noqa: E402
from timm.models.fastvit import Attention, ConvMlp, LayerScale2d  # noqa: E402
from torch import nn  # noqa: E402
from transformers import FastVlmForConditionalGeneration  # noqa: E402

from canvas import CELL, KINDS, Kind  # noqa: E402
from model_shape import Shape  # noqa: E402
from spelling import EMBEDDED, RELATIONS, Spelling  # noqa: E402
from tokenizer import TOKENS  # noqa: E402

ROWS = -(-(TOKENS.size + 4) // 64) * 64
NANO = Shape(
    widths=(16, 32, 64, 128, 256),
    depths=(1, 2, 4, 2, 1),
    resolution=256,
    hidden=128,
    intermediate=384,
    layers=4,
    heads=4,
    key_value_heads=2,
    clip_width=32,
    rows=ROWS,
    native_rows=ROWS + 64,
    tokens=TOKENS,
    padding=0.0,
)


class MapHead(nn.Module):
    """Reads a map off a feature grid whose cells are `cell` pixels wide; only training uses it."""

    def __init__(self, channels: int, cell: int, kind: Kind):
        super().__init__()
        self.rows, self.columns, self.classes = cell // kind.height, cell // kind.width, kind.classes
        self.product = nn.Conv2d(channels, self.rows * self.columns * self.classes, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """`[n, channels, h, w]` to logits `[n, classes, h * rows, w * columns]`."""
        n, _, height, width = features.shape
        y = self.product(features).view(n, self.classes, self.rows, self.columns, height, width)
        return y.permute(0, 1, 4, 2, 5, 3).reshape(n, self.classes, height * self.rows, width * self.columns)


SHARPNESS = 2.0  # of heads that look for what is alike
LEVELS = 3  # that heads read: stage 3, stage 4, the features


class Nano(nn.Module):
    def __init__(self):
        super().__init__()
        config = NANO.configuration(inference_mode=False, rows=NANO.rows)
        config._attn_implementation = "sdpa"
        self.model = FastVlmForConditionalGeneration(config).float()
        self.tower = self.model.model.vision_tower.timm_model
        self.projector = self.model.model.multi_modal_projector
        self.language = self.model.model.language_model
        # Stage 3, stage 4 and the whole encoder are taught directly what stands in the picture.
        self.heads = nn.ModuleDict()
        for name, kind in KINDS.items():
            levels = [MapHead(NANO.widths[3], 32, kind), MapHead(NANO.encoder_channels, CELL, kind)]
            if name == "signs":
                levels.insert(0, MapHead(NANO.widths[2], 16, kind))
            elif name in RELATIONS:
                del levels[0]
            self.heads[name] = nn.ModuleList(levels)
        self.spelling = Spelling(NANO.hidden)
        self.initialize()

    def initialize(self) -> None:
        """Everything alive from the first step on: timm's own start is made for much longer training."""
        for module in self.tower.modules():
            if isinstance(module, LayerScale2d):
                nn.init.constant_(module.gamma, 0.3)
            elif isinstance(module, (ConvMlp, Attention)):
                for product in module.modules():
                    if isinstance(product, nn.Linear) or getattr(product, "kernel_size", None) == (1, 1):
                        fan_in = product.weight[0].numel()
                        nn.init.normal_(product.weight, std=1.2 * fan_in**-0.5)
        for name, module in self.language.named_modules():
            if isinstance(module, nn.Linear):
                shrink = (2 * NANO.layers) ** -0.5 if name.endswith(("o_proj", "down_proj")) else 1.0
                nn.init.normal_(module.weight, std=module.in_features**-0.5 * 0.7 * shrink)
        self.look_alike()
        for linear in (self.projector.linear_1, self.projector.linear_2):
            nn.init.normal_(linear.weight, std=linear.in_features**-0.5)
            nn.init.zeros_(linear.bias)
        # Spelled tokens, which it learns to produce, are mostly empty: it begins below their size, not far above.
        with torch.no_grad():
            self.projector.linear_2.weight.mul_(0.1)
        nn.init.normal_(self.language.embed_tokens.weight, std=EMBEDDED)
        self.spelling.begin_alike(self.language.embed_tokens.weight)
        self.model.tie_weights()

    @torch.no_grad()
    def look_alike(self) -> None:
        """Every second head begins by looking for what resembles the token itself and repeating what it finds there, as
        trained heads do ("Mimetic initialization of self-attention layers", arXiv 2305.09828); random ones did not
        come upon it in 40,000 documents."""
        size = NANO.hidden // NANO.heads
        for layer in self.language.layers:
            attention = layer.self_attn
            for head in range(0, NANO.heads, 2):
                mine = slice(head * size, (head + 1) * size)
                shared = head * NANO.key_value_heads // NANO.heads * size
                shared = slice(shared, shared + size)
                attention.q_proj.weight[mine] = SHARPNESS * attention.k_proj.weight[shared]
                attention.o_proj.weight[:, mine] = attention.v_proj.weight[shared].t()

    def levels(self, pixels: torch.Tensor, count: int) -> list[torch.Tensor]:
        """`[n, 3, s, s]` of 0 to 1 to the first `count` of what the heads read: the grids of stage 3, of stage 4, and the
        features `[n, 512, s / 64, s / 64]`."""
        x = self.tower.stem(pixels)
        grids = []
        for stage in self.tower.stages[: 2 + count]:
            x = stage(x)
            grids.append(x)
        return grids[2:4] if count < LEVELS else [*grids[2:4], self.tower.final_conv(x)]

    def image_tokens(self, features: torch.Tensor) -> torch.Tensor:
        """`[n, 512, h, w]` to `[n, h * w, 128]`."""
        x = features.flatten(2).transpose(1, 2)
        return self.projector.linear_2(nn.functional.gelu(self.projector.linear_1(x)))

    def hidden(self, image, batch) -> torch.Tensor:
        """Hidden states of every position of a batch of conversations about `image` tokens (see `conversations.py`)."""
        ids, turns, positions, prefix = batch["ids"], batch["turns"], batch["positions"], batch["prefix"]
        words = self.language.embed_tokens(ids)
        x = torch.cat([words[:, :prefix], image, words[:, prefix:]], dim=1)
        n, count = ids.shape[0], image.shape[1]
        before = turns.new_zeros(n, count)
        turns = torch.cat([turns[:, :prefix], before, turns[:, prefix:]], dim=1)
        counted = torch.arange(prefix + count, device=ids.device).expand(n, -1)
        positions = torch.cat([counted, positions[:, prefix:] + prefix + count], dim=1)
        order = torch.arange(x.shape[1], device=ids.device)
        seen = (turns[:, None, :] == 0) | (turns[:, None, :] == turns[:, :, None])
        seen = seen & (order[None, :] <= order[:, None])
        mask = torch.zeros(seen.shape, device=ids.device).masked_fill(~seen, -1e9)[:, None]
        states = self.language(inputs_embeds=x, attention_mask=mask, position_ids=positions, use_cache=False)
        return torch.cat([states.last_hidden_state[:, :prefix], states.last_hidden_state[:, prefix + count :]], 1)

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        return states @ self.language.embed_tokens.weight.t()
