"""One judge for every contestant: martlet-nano in float32 by timm and transformers, and what it says of the evaluation set.

    judge = Judge(folder)                 # computed once, kept in the folder
    judge.image_tokens(tokens)            # how far a contestant's image tokens are from the float model's
    judge.seen(tokens)                    # logits and answers of the float language model that is shown them
    judge.language(logits, answers)       # how far logits and answers are from the float model's

Logits are compared as `martlet verify` compares them: at every position of the float model's own greedy answer, the end
included, over the ids that are real tokens.
"""

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

os.environ["TIMM_FUSED_ATTN"] = "0"
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Tools/nano"), str(ROOT / "Tools/oracle")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402

import canvas  # noqa: E402
import export  # noqa: E402
import tiny_model  # noqa: E402
from conversations import encoder as tokenizer  # noqa: E402
from conversations import ids, prefix, question_ids  # noqa: E402
from nano_model import NANO  # noqa: E402

FIXTURE = ROOT / "Tests/Fixtures/nano"
QUESTIONS = FIXTURE / "evaluation/questions.jsonl"
CALIBRATION = ROOT / "Calibration/Images"
SIDE, TOKENS = 256, 1290  # real tokens; the embedding has padding rows beyond
LONGEST = 64
PART = 100  # questions that run as one batch


class Encoder(nn.Module):
    """Encoder and projector as one network: `[n, 3, 256, 256]` of 0 to 1 to image tokens `[n, 16, 128]`."""

    def __init__(self, model):
        super().__init__()
        self.tower = tiny_model.fused(model.model.vision_tower.timm_model)
        self.projector = model.model.multi_modal_projector

    def forward(self, pixels):
        return self.projector(self.tower.forward_features(pixels).flatten(2).transpose(1, 2))


def pictures(lines: list[dict], folder: Path) -> np.ndarray:
    """Every picture once, in order of appearance: uint8 `[n, 3, 256, 256]`, Martlet's own pixels byte for byte."""
    names = dict.fromkeys(line["image"] for line in lines)
    return np.stack([canvas.pixels(Image.open(folder / n).convert("RGB"), SIDE) for n in names])


@dataclass
class Case:
    picture: int
    """Place of the picture."""
    question: list[int]
    """Ids behind the image tokens, up to where the answer begins."""
    answer: str
    group: str


class Judge:
    def __init__(self, folder: Path):
        self.folder = folder
        self.lines = [json.loads(line) for line in QUESTIONS.read_text().splitlines()]
        places = {name: i for i, name in enumerate(dict.fromkeys(line["image"] for line in self.lines))}
        self.names = list(places)
        self.cases = [
            Case(places[line["image"]], question_ids(line["question"]), line["answer"], line["group"])
            for line in self.lines
        ]
        self.stored = self.kept()

    @cached_property
    def model(self):
        return export.read_checkpoint(FIXTURE / "checkpoint")

    def fresh_encoder(self) -> Encoder:
        """A network of its own, for whoever changes it."""
        return Encoder(export.read_checkpoint(FIXTURE / "checkpoint")).eval()

    @cached_property
    def encoder(self) -> Encoder:
        return self.fresh_encoder()

    @cached_property
    def pixels(self) -> np.ndarray:
        return pictures(self.lines, QUESTIONS.parent)

    def kept(self) -> dict[str, np.ndarray]:
        """The float model's image tokens, answers and logits."""
        path = self.folder / "float.npz"
        if not path.exists():
            with torch.no_grad():
                x = torch.from_numpy(self.pixels).float() / 255
                tokens = torch.cat([self.encoder(part) for part in x.split(16)]).numpy()
            said = self.answered(tokens)
            # The answers back to back; each ends with the token that ended it.
            lengths = np.array([len(s) for s in said])
            self.stored = {"tokens": tokens, "lengths": lengths, "said": np.concatenate(said)}
            np.savez(path, **self.stored, logits=self.followed(tokens))
        return dict(np.load(path))

    @cached_property
    def said(self) -> list[list[int]]:
        ends = np.cumsum(self.stored["lengths"])
        return [s.tolist() for s in np.split(self.stored["said"], ends[:-1])]

    # The float language model

    @torch.no_grad()
    def states(self, tokens: np.ndarray, indices: list[int], tails: list[list[int]]) -> list[torch.Tensor]:
        """Logits behind each of `tails`, which go on from the prompts of the cases `indices`: `[1 + tail, tokens]`."""
        language = self.model.model.language_model
        rows = [[*self.cases[i].question, *tail] for i, tail in zip(indices, tails)]
        longest = max(map(len, rows))
        # Padding comes last, where no earlier position sees it.
        text = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        before = language.embed_tokens(torch.tensor([prefix()] * len(rows)))
        image = torch.from_numpy(tokens[[self.cases[i].picture for i in indices]])
        x = language(inputs_embeds=torch.cat([before, image, language.embed_tokens(text)], 1), use_cache=False)
        head, start = self.model.lm_head.weight[:TOKENS], before.shape[1] + image.shape[1]
        found = []
        for row, i, tail in zip(x.last_hidden_state[:, start:], indices, tails):
            first = len(self.cases[i].question) - 1
            found.append(row[first : first + 1 + len(tail)] @ head.T)
        return found

    def answered(self, tokens: np.ndarray) -> list[list[int]]:
        """Greedy answers with the id that ended them."""
        said = [[] for _ in self.cases]
        open_ = list(range(len(said)))
        while open_:
            going_on = []
            for part in range(0, len(open_), PART):
                mine = open_[part : part + PART]
                for i, logits in zip(mine, self.states(tokens, mine, [said[i] for i in mine])):
                    said[i].append(int(logits[-1].argmax()))
                    if said[i][-1] < NANO.tokens.end_of_text and len(said[i]) < LONGEST:
                        going_on.append(i)
            open_ = going_on
        return said

    def followed(self, tokens: np.ndarray) -> np.ndarray:
        """Logits at every position of the float model's answers, `[positions, tokens]`."""
        found = []
        for start in range(0, len(self.cases), PART):
            mine = list(range(start, min(start + PART, len(self.cases))))
            found += self.states(tokens, mine, [self.said[i][:-1] for i in mine])
        return torch.cat(found).numpy()

    def seen(self, tokens: np.ndarray) -> tuple[np.ndarray, list[list[int]]]:
        return self.followed(tokens), self.answered(tokens)

    # What is measured

    def image_tokens(self, found: np.ndarray) -> dict[str, float]:
        """The mean cosine of the rows, and signal over error of everything together."""
        wanted, found = self.stored["tokens"].astype(np.float64), found.astype(np.float64)
        dots = (wanted * found).sum(-1)
        cosine = dots / np.sqrt((wanted**2).sum(-1) * (found**2).sum(-1))
        noise = ((found - wanted) ** 2).sum()
        sqnr = 10 * np.log10((wanted**2).sum() / noise) if noise else float("inf")
        return {"cosine": float(cosine.mean()), "sqnr": float(sqnr)}

    def language(self, logits: np.ndarray, said: list[list[int]]) -> dict[str, float]:
        wanted = torch.from_numpy(self.stored["logits"]).double().log_softmax(-1)
        found = torch.from_numpy(logits[:, :TOKENS]).double().log_softmax(-1)
        divergence = (wanted.exp() * (wanted - found)).sum(-1).clamp_min(0)
        equal = wanted.argmax(-1) == found.argmax(-1)
        was, now = self.right(self.said), self.right(said)
        groups = {
            name: float(np.mean([r for r, c in zip(now, self.cases) if c.group == name]))
            for name in dict.fromkeys(c.group for c in self.cases)
        }
        return {
            "kl": float(divergence.mean()), "top1": float(equal.double().mean()), **groups,
            "lost": sum(a and not b for a, b in zip(was, now)), "won": sum(b and not a for a, b in zip(was, now)),
        }  # fmt: skip

    def right(self, said: list[list[int]]) -> list[bool]:
        """Answers that equal the known one without case and outer white space."""
        texts = [tokenizer().decode([i for i in s if i < NANO.tokens.end_of_text]) for s in said]
        return [t.strip().lower() == c.answer.strip().lower() for t, c in zip(texts, self.cases)]


def calibration_lines() -> list[dict]:
    return [json.loads(line) for line in (CALIBRATION / "questions.jsonl").read_text().splitlines()]


def calibration_pixels() -> np.ndarray:
    """The 64 calibration pictures as networks take them, float32 `[64, 3, 256, 256]` of 0 to 1."""
    return pictures(calibration_lines(), CALIBRATION).astype(np.float32) / 255


def calibration_rows(model, encoder: Encoder) -> list[tuple[torch.Tensor, list[int]]]:
    """What the language model sees of each calibration picture: its image tokens, and question and answer behind them."""
    with torch.no_grad():
        tokens = encoder(torch.from_numpy(calibration_pixels()))
    texts = [[*question_ids(line["question"]), *ids(line["answer"])] for line in calibration_lines()]
    return list(zip(tokens, texts))
