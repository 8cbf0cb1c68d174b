"""Trains one stage of martlet-nano. Resumes where it was stopped; `--out` holds the state of every stage and a log.

    python train.py STAGE --out FOLDER [--processes 2] [--threads 1] [--workers 0] [--device cuda]

Stages and their order stand in `recipe.py`. On a CPU, processes that each draw and learn from a part of every batch use two
cores better than threads do; the first two stages learn different parts of the model and may run side by side.
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
from nano_model import Nano
from recipe import LANGUAGE_RATE, SEED, STAGES, Stage

SAVE_EVERY = 100


def rate(stage: Stage, step: int) -> float:
    warm = min(1.0, (step + 1) / stage.warmup)
    begin = stage.steps * (1 - stage.cooling)
    share = max(0.0, (step - begin) / max(1.0, stage.steps - begin))
    return warm * (stage.rate + (stage.final_rate - stage.rate) * share)


def groups(model: Nano) -> list[dict]:
    """Weight decay on products only; the language model learns more slowly than the encoder."""
    result = []
    for name, scale in [("encoder", 1.0), ("language", LANGUAGE_RATE)]:
        for decayed in (True, False):
            chosen = [
                value
                for key, value in model.named_parameters()
                if (value.ndim >= 2) == decayed and speaks(key) == (name == "language")
            ]
            result.append({"params": chosen, "weight_decay": 0.05 if decayed else 0.0, "scale": scale})
    return result


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


def reading_loss(model: Nano, levels: list, batch: dict, seen: dict) -> torch.Tensor:
    """What the heads make of the levels; the deepest counts double."""
    total = 0
    for name, heads in model.heads.items():
        weight = 0.3 if name.startswith("digits") else 1.0
        for index, (head, level) in enumerate(zip(heads, levels[-len(heads) :])):
            logits = head(level)
            last = index == len(heads) - 1
            total = total + map_loss(logits, batch[name]) * (weight if last else 0.5 * weight)
            if last and name != "digits3":
                seen[name] = share_read(logits, batch[name])
    return total


def answer_loss(model: Nano, image: torch.Tensor, batch: dict, seen: dict) -> torch.Tensor:
    answers = batch["answers"][:, :-1]
    told = answers > 0
    states = model.hidden(image, batch)[:, :-1][told]
    logits, wanted = model.logits(states), batch["ids"][:, 1:][told]
    each = nn.functional.cross_entropy(logits, wanted, reduction="none")
    numbers = answers[told]
    # The first turn reads everything; the others answer in a word or two and count more.
    weight = torch.where(numbers == 1, 0.5, 1.0)
    right = logits.argmax(-1) == wanted
    seen |= {"tokens": right.float().mean().item(), **exact(right, numbers, told)}
    return (each * weight).sum() / weight.sum()


def losses(model: Nano, batch: dict, stage: Stage) -> tuple[torch.Tensor, dict]:
    """The loss of one batch and what to print of it."""
    seen = {}
    if stage.kind == "speak":
        total = answer_loss(model, model.spelling(batch), batch, seen)
    else:
        features, levels = model.encode(batch["pixels"].float() / 255)
        total = stage.reading * reading_loss(model, levels, batch, seen)
        image = model.image_tokens(features) if stage.kind == "answer" else None
        if stage.matching:
            goal = model.spelling(batch).detach()
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
        self.optimizer = torch.optim.AdamW(groups(self.model), lr=1e-3, betas=(0.9, 0.98))
        self.stage, self.step, self.seconds = stage, 0, 0.0
        if self.state.is_file():
            saved = self.load(self.state)
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
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
            if name in ("read", "speak"):
                found = {key: value for key, value in found.items() if speaks(key) == (name == "speak")}
            self.model.load_state_dict(found, strict=False)

    def say(self, *words) -> None:
        if self.rank == 0:
            print(*words, flush=True)

    def save(self) -> None:
        if self.rank != 0:
            return
        whole = {
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
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
            for group in self.optimizer.param_groups:
                group["lr"] = rate(stage, self.step) * group["scale"]
            total, seen = losses(self.model, moved(batch, self.options.device), stage)
            self.optimizer.zero_grad(set_to_none=True)
            total.backward()
            if self.options.processes > 1:
                average_gradients(self.model, self.options.processes)
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
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
