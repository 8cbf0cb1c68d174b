"""Asks transformers' own FastVLM, from the native layout, every question of a questions file; prints exact match.

    python evaluate.py --native FOLDER --questions Tests/Fixtures/nano/evaluation/questions.jsonl
        [--sides 128 192 256 384] [--answers OUT.jsonl] [--martlet ANSWERS.jsonl]

Pictures are padded and resized as FastVLM's processor does; greedy decoding. `--martlet` compares the answers with those
that `martlet verify --answers` wrote, of the float reference, word for word.
"""

import argparse
import json
from pathlib import Path

import torch
from PIL import Image
from transformers import FastVlmForConditionalGeneration

import canvas
from conversations import encoder, prefix, question_ids
from nano_model import NANO

LONGEST = 64


@torch.no_grad()
def answered(model, picture: Path, questions: list[str], side: int) -> list[str]:
    """Greedy answers to several questions about one picture, by transformers' own `generate`."""
    pixels = torch.from_numpy(canvas.pixels(Image.open(picture).convert("RGB"), side)).float()[None] / 255
    image = [NANO.tokens.image] * (side // 64) ** 2
    result = []
    for question in questions:
        ids = torch.tensor([[*prefix(), *image, *question_ids(question)]])
        made = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, do_sample=False,
            max_new_tokens=LONGEST, eos_token_id=[NANO.tokens.im_end, NANO.tokens.end_of_text],
        )  # fmt: skip
        said = [i for i in made[0, ids.shape[1] :].tolist() if i < NANO.tokens.end_of_text]
        result.append(encoder().decode(said))
    return result


def score(lines: list[dict], said: list[str]) -> dict[str, float]:
    groups = {}
    for line, answer in zip(lines, said):
        groups.setdefault(line["group"], []).append(answer.lower().split() == line["answer"].lower().split())
    return {name: sum(right) / len(right) for name, right in groups.items()}


def compare(lines: list[dict], said: list[str], path: Path) -> None:
    others = [json.loads(line) for line in path.read_text().splitlines()]
    assert [o["question"] for o in others] == [line["question"] for line in lines], "not the same questions"
    different = [(l, a, o["reference"]) for l, a, o in zip(lines, said, others) if a != o["reference"]]
    for line, ours, theirs in different:
        print(f"{line['image']}: {line['question']} transformers {ours!r}, Martlet {theirs!r}")
    print(f"{len(lines) - len(different)} of {len(lines)} answers are the same")
    if different:
        raise SystemExit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--native", type=Path, required=True)
    parser.add_argument("--questions", type=Path, default=Path("Tests/Fixtures/nano/evaluation/questions.jsonl"))
    parser.add_argument("--sides", type=int, nargs="+", default=[NANO.resolution])
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--martlet", type=Path)
    options = parser.parse_args()
    model = FastVlmForConditionalGeneration.from_pretrained(options.native, attn_implementation="eager")
    model = model.float().eval()
    lines = [json.loads(line) for line in options.questions.read_text().splitlines()]
    pictures = {}
    for line in lines:
        pictures.setdefault(line["image"], []).append(line["question"])
    for side in options.sides:
        said = []
        for name, questions in pictures.items():
            said += answered(model, options.questions.parent / name, questions, side)
        shares = ", ".join(f"{name} {100 * share:.1f} %" for name, share in score(lines, said).items())
        print(f"{side}²: {shares}", flush=True)
        if side == NANO.resolution and options.answers:
            rows = [dict(line, said=answer) for line, answer in zip(lines, said)]
            options.answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
        if side == NANO.resolution and options.martlet:
            compare(lines, said, options.martlet)


if __name__ == "__main__":
    main()
