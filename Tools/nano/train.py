"""Trains one stage of martlet-nano. Resumes where it was stopped; `--out` holds the state of every stage and a log.

    python train.py STAGE --out FOLDER [--processes 2] [--threads 1] [--workers 0] [--device cuda]

Stages and their order stand in `recipe.py`. On a CPU, processes that each draw and learn from a part of every batch use two
cores better than threads do; the encoder's first stages and the language model's learn different parts of the model and may
run side by side.
"""

import argparse
import json
import os
import time
from pathlib import Path

import torch
import torch.distributed as group_of
import torch.multiprocessing as multiprocessing
from torch import nn

import conversations
import fonts
from depthwise import accelerate
from muon import Muon
from nano_model import LEVELS, Nano
from recipe import EMBEDDING_RATE, SEED, SLOPE_RATE, STAGES, Stage
from spelling import RELATIONS

SAVE_EVERY = 100


def rate(stage: Stage, step: int) -> float:
    warm = min(1.0, (step + 1) / stage.warmup)
    begin = stage.steps * (1 - stage.cooling)
    share = max(0.0, (step - begin) / max(1.0, stage.steps - begin))
    return warm * (stage.rate + (stage.final_rate - stage.rate) * share)


def optimizers(model: Nano) -> list[torch.optim.Optimizer]:
    """Muon for the products, AdamW for everything else: kernels, norms, biases, scales, embeddings and heads."""
    products, embedding, others = [], [], {False: [], True: []}
    for name, value in model.named_parameters():
        if not value.requires_grad:
            continue
        if is_product(name, value):
            products.append(value)
        elif "embed_tokens" in name:
            embedding.append(value)
        else:
            others[speaks(name)].append(value)
    rest = [(others[False], 1.0), (others[True], SLOPE_RATE), (embedding, EMBEDDING_RATE)]
    groups = [{"params": params, "scale": scale} for params, scale in rest]
    return [
        Muon([{"params": products, "scale": 1.0}]),
        torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def is_product(name: str, value: torch.Tensor) -> bool:
    plain = value.ndim == 2 or (value.ndim == 4 and value.shape[2:] == (1, 1))
    return plain and min(value.shape[:2]) >= 16 and "embed_tokens" not in name and not name.startswith("heads")


def speaks(name: str) -> bool:
    """Whether a parameter belongs to the language model or to what it is shown in its place of pictures."""
    return "language_model" in name or "lm_head" in name or name.startswith("spelling")


def map_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy in which a map's empty cells together weigh half as much as its written ones."""
    each = nn.functional.cross_entropy(logits, target, reduction="none")
    written = target > 0
    empty = each[~written].sum() / max(1, int((~written).sum()))
    full = each[written].sum() / max(1, int(written.sum()))
    return full + 0.5 * empty


def share_read(logits: torch.Tensor, target: torch.Tensor) -> float:
    written = target > 0
    return (logits.argmax(1) == target)[written].float().mean().item()


def reading_loss(model: Nano, levels: list, batch: dict, stage: Stage, seen: dict) -> torch.Tensor:
    """What the heads make of the levels; the deepest counts double."""
    total = 0
    for name, heads in model.heads.items():
        if (stage.kind == "letters" and name != "signs") or (stage.kind == "read" and name in RELATIONS):
            continue
        weight = 0.3 if name.startswith("digits") else 1.0
        for index, (head, level) in enumerate(zip(heads, levels[LEVELS - len(heads) :])):
            logits = head(level)
            last = index == len(heads) - 1
            total = total + map_loss(logits, batch[name]) * (weight if last else 0.5 * weight)
            if bool((batch[name] > 0).any()):
                seen[name if last else f"{name}-{len(heads) - index}"] = share_read(logits, batch[name])
    return total


def answer_loss(model: Nano, image: torch.Tensor, batch: dict, seen: dict) -> torch.Tensor:
    answers = batch["answers"][:, :-1]
    told = answers > 0
    hidden = model.hidden(image, batch)
    logits, wanted = model.logits(hidden[:, :-1][told]), batch["ids"][:, 1:][told]
    each = nn.functional.cross_entropy(logits, wanted, reduction="none")
    numbers = answers[told]
    # The first turn reads everything; the others answer in a word or two and count more.
    weight = torch.where(numbers == 1, 0.5, 1.0)
    right = logits.argmax(-1) == wanted
    seen |= {"tokens": right.float().mean().item(), **exact(right, numbers, told)}
    # Where the question names something, that word already looks for the answer: without this lesson the language model
    # did not find what stands beside a word in 70,000 documents, since looking and passing it on only pay together.
    foretold = batch["foretold"]
    early, first = model.logits(hidden[foretold > 0]), foretold[foretold > 0]
    seen["foretold"] = (early.argmax(-1) == first).float().mean().item()
    return (each * weight).sum() / weight.sum() + 0.5 * nn.functional.cross_entropy(early, first)


def losses(model: Nano, batch: dict, stage: Stage) -> tuple[torch.Tensor, dict]:
    """The loss of one batch and what to print of it."""
    seen = {}
    total = torch.zeros((), device=batch["words"].device)
    if stage.kind == "speak":
        total = answer_loss(model, model.spelling(batch), batch, seen)
    else:
        levels = model.levels(batch["pixels"].float() / 255, LEVELS - 1 if stage.kind == "letters" else LEVELS)
        if stage.reading:
            total = total + stage.reading * reading_loss(model, levels, batch, stage, seen)
        image = model.image_tokens(levels[-1]) if stage.kind in ("see", "answer") else None
        if stage.matching:
            goal = model.spelling(batch)
            distance = (image - goal).square().mean() / goal.var()
            seen["distance"] = distance.item()
            total = total + stage.matching * distance
        if stage.kind == "answer":
            total = total + answer_loss(model, image, batch, seen)
    seen["loss"] = total.item()
    return total, seen


def exact(right: torch.Tensor, numbers: torch.Tensor, told: torch.Tensor) -> dict:
    """Share of answers of which every token is right: with the right beginning given, that is greedy exact match."""
    row = torch.arange(told.shape[0], device=told.device)[:, None].expand_as(told)[told]
    key = row * 16 + numbers
    wrong = torch.zeros(int(key.max()) + 1, device=key.device).index_add_(0, key, (~right).float())
    there = torch.zeros_like(wrong).index_add_(0, key, torch.ones_like(key, dtype=torch.float))
    turn = torch.arange(len(wrong), device=key.device) % 16
    short, whole = (there > 0) & (turn > 1), (there > 0) & (turn == 1)
    return {"short": (wrong[short] == 0).float().mean().item(), "whole": (wrong[whole] == 0).float().mean().item()}


def moved(batch: dict, device: str) -> dict:
    return {k: v.to(device) if torch.is_tensor(v) else v for k, v in batch.items()}


def average_gradients(model: nn.Module, processes: int) -> None:
    """The gradient of the whole batch in every process; each has seen an equal part of the pictures."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    group_of.all_reduce(flat)
    flat /= processes
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


class Run:
    def __init__(self, stage: Stage, options, rank: int):
        self.options, self.rank = options, rank
        self.state = options.out / f"{stage.name}.pt"
        self.model = Nano().to(options.device)
        if options.device == "cpu":
            self.say("depthwise convolutions through depthwise.c:", accelerate(self.model))
        self.optimizers = optimizers(self.model)
        self.stage, self.step, self.seconds = stage, 0, 0.0
        if self.state.is_file():
            saved = self.load(self.state)
            self.model.load_state_dict(saved["model"])
            for optimizer, state in zip(self.optimizers, saved["optimizers"]):
                optimizer.load_state_dict(state)
            self.step, self.seconds = saved["step"], saved["seconds"]
            self.say(f"resumed {stage.name} at step {self.step} after {self.seconds:.0f} s")
        else:
            self.begin()

    def load(self, path: Path) -> dict:
        return torch.load(path, map_location=self.options.device, weights_only=True)

    def begin(self) -> None:
        """From the stages before: the language model of the one that spoke, everything else of the one that read."""
        for name in self.stage.after:
            path = self.options.out / f"{name}.pt"
            if not path.is_file():
                raise SystemExit(f"stage {self.stage.name} begins from {path}: train {name} first")
            found = self.load(path)["model"]
            if len(self.stage.after) > 1:
                found = {key: value for key, value in found.items() if speaks(key) == (name == "speak")}
            self.model.load_state_dict(found, strict=False)

    def say(self, *words) -> None:
        if self.rank == 0:
            print(*words, flush=True)

    def save(self) -> None:
        if self.rank != 0:
            return
        whole = {
            "model": self.model.state_dict(), "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step, "seconds": self.seconds,
        }  # fmt: skip
        partial = self.state.with_suffix(".partial")
        torch.save(whole, partial)
        partial.rename(self.state)

    def train(self) -> None:
        stage = self.stage
        self.model.train()
        part = (self.rank, self.options.processes)
        loader = conversations.loader(SEED, stage, self.step, self.options.workers, part)
        started, pictures, average = time.time(), 0, {}
        for batch in loader:
            for group in [group for optimizer in self.optimizers for group in optimizer.param_groups]:
                group["lr"] = rate(stage, self.step) * group["scale"]
            total, seen = losses(self.model, moved(batch, self.options.device), stage)
            self.model.zero_grad(set_to_none=True)
            total.backward()
            if self.options.processes > 1:
                average_gradients(self.model, self.options.processes)
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimizer in self.optimizers:
                optimizer.step()
            self.step += 1
            pictures += len(batch["signs"]) * self.options.processes
            for key, value in seen.items():
                average[key] = value if key not in average else 0.95 * average[key] + 0.05 * value
            if self.step % 20 == 0 and self.rank == 0:
                self.report(stage, average, pictures / (time.time() - started))
            if self.step % SAVE_EVERY == 0:
                self.seconds += time.time() - started
                started, pictures = time.time(), 0
                self.save()
        self.seconds += time.time() - started
        self.save()

    def report(self, stage: Stage, average: dict, speed: float) -> None:
        line = {"stage": stage.name, "step": self.step, "pictures/s": round(speed, 1)}
        line |= {key: round(value, 4) for key, value in average.items()}
        print(json.dumps(line), flush=True)
        with open(self.options.out / "log.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=[stage.name for stage in STAGES])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--workers", type=int, default=0, help="further processes that draw pictures")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    fonts.require()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.processes == 1:
        work(0, options)
    else:
        multiprocessing.spawn(work, (options,), options.processes)


def work(rank: int, options) -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(options.threads)
    if options.processes > 1:
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29511"}
        group_of.init_process_group("gloo", rank=rank, world_size=options.processes)
    stage = next(stage for stage in STAGES if stage.name == options.stage)
    Run(stage, options, rank).train()


if __name__ == "__main__":
    main()
