"""Batches of pictures with questions: several questions about one picture, none of which sees another's answer.

The picture's tokens and the system prompt come once; each question starts at the position behind them and attends to
them and to itself only, so that it costs and means exactly what it would alone.
"""

from functools import cache

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

import canvas
import documents
import drills
import text_pages
from tokenizer import SYSTEM, TOKENS

PADDING_TURN = -1


@cache
def encoder():
    from qwen_tokenizer import APPLE

    return TOKENS.tokenizer(APPLE)


def ids(text: str) -> list[int]:
    return encoder().encode(text, add_special_tokens=False).ids


@cache
def prefix() -> list[int]:
    return ids(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n")


@cache
def question_ids(question: str) -> list[int]:
    return ids(f"\n{question}<|im_end|>\n<|im_start|>assistant\n")


@cache
def asked_about(question: str) -> int:
    """Where in `question_ids` the word before the question mark stands: what the question is about."""
    return len(ids("\n" + question[:-1])) - 1


def conversation(turns: list[tuple[str, str]]) -> dict[str, list]:
    """ids, turn numbers, positions within the turn, the turn whose answer each id's successor belongs to, and what the
    word asked about foretells: the answer's first id."""
    first = prefix()
    result = {
        "ids": list(first),
        "turns": [0] * len(first),
        "positions": [0] * len(first),
        "answers": [0] * len(first),
        "foretold": [0] * len(first),
    }
    for number, (question, answer) in enumerate(turns, start=1):
        asked, said = question_ids(question), [*ids(answer), TOKENS.im_end]
        whole = asked + said
        result["ids"] += whole
        result["turns"] += [number] * len(whole)
        result["positions"] += range(len(whole))
        # The last id of the question predicts the first of the answer, and so on; the end predicts nothing.
        result["answers"] += [0] * (len(asked) - 1) + [number] * len(said) + [0]
        foretold = [0] * len(whole)
        foretold[asked_about(question)] = said[0]
        result["foretold"] += foretold
    return result


def collated(pictures: list[np.ndarray], maps: list[dict], conversations: list[dict]) -> dict:
    batch = {"prefix": len(prefix())}
    if pictures:
        batch["pixels"] = torch.from_numpy(np.stack(pictures))
    for name in canvas.KINDS:
        batch[name] = torch.from_numpy(np.stack([m[name] for m in maps])).long()
    if conversations:
        longest = max(len(c["ids"]) for c in conversations)
        for key, fill in [("ids", 0), ("turns", PADDING_TURN), ("positions", 0), ("answers", 0), ("foretold", 0)]:
            rows = [c[key] + [fill] * (longest - len(c[key])) for c in conversations]
            batch[key] = torch.tensor(rows)
    return batch


def chosen_turns(document: documents.Document, random: np.random.Generator, count: int) -> list[tuple[str, str]]:
    questions = document.questions
    order = random.permutation(len(questions))[: count - 1]
    return [document.transcription] + [questions[i] for i in order]


class Batches(Dataset):
    """Batch number `i` of a stage depends on seed, stage, `i` and the number of processes alone, so that training resumes exactly."""

    def __init__(self, seed: int, stage, part: tuple[int, int]):
        self.seed, self.stage = seed, stage
        self.rank, self.processes = part

    def __len__(self) -> int:
        return self.stage.steps

    def __getitem__(self, step: int) -> dict:
        random = np.random.default_rng([self.seed, self.stage.number, step])
        sizes = self.stage.sizes
        size = sizes[random.choice(len(sizes), p=[s.share for s in sizes])]
        random = np.random.default_rng([self.seed, self.stage.number, step, self.rank])
        pictures, maps, conversations = [], [], []
        seen = self.stage.kind != "speak"
        for _ in range(size.batch // self.processes):
            if self.stage.drills and random.random() < self.stage.drills:
                drilled, questions = drills.drill(random, size.side)
                maps.append(drilled)
                conversations.append(conversation(questions))
                continue
            if self.stage.kind in ("letters", "read"):
                document = text_pages.page_of_text(random, size.page)
            else:
                document = documents.draw(random, False, size.page, seen, self.stage.shares)
                if self.stage.turns:
                    conversations.append(conversation(chosen_turns(document, random, self.stage.turns)))
            maps.append(canvas.maps(document.canvas, size.side))
            if seen:
                pictures.append(canvas.pixels(document.canvas.image, size.side))
        return collated(pictures, maps, conversations)


def loader(seed: int, stage, start: int, workers: int, part: tuple[int, int]) -> DataLoader:
    """Batches from step `start` on; of each the part of process `part[0]` of `part[1]`."""
    return DataLoader(
        Batches(seed, stage, part),
        batch_size=None,
        sampler=range(start, stage.steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        persistent_workers=False,
    )
