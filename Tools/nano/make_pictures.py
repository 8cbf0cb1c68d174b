"""Draws the pictures that stand in the repository: 64 to calibrate on, 400 to evaluate on. None was seen in training.

    python make_pictures.py --calibration Calibration/Images --evaluation Tests/Fixtures/nano/evaluation

The first 200 pictures of the evaluation are of the training's kind; the other 200 have fonts, colors and layouts that
training never draws. `questions.jsonl` asks up to three questions about each, `group` telling the halves apart.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np

import documents
import fonts

# Far from the seeds of training, which are [seed, stage, step].
CALIBRATION, FAMILIAR, UNSEEN = 9001, 9002, 9003
QUALITY = 80
QUESTIONS = 3


def picture(seed: int, index: int, unseen: bool) -> tuple[documents.Document, np.random.Generator]:
    random = np.random.default_rng([seed, index])
    return documents.draw(random, unseen=unseen), random


def asked(document: documents.Document, random: np.random.Generator) -> list[tuple[str, str]]:
    """Three of the document's questions; reading the whole text is one of them for every fifth picture."""
    questions = list(document.questions)
    chosen = [questions[i] for i in random.permutation(len(questions))[:QUESTIONS]]
    if random.random() < 0.2:
        chosen[-1] = document.transcription
    return chosen


def write_picture(document: documents.Document, folder: Path, stem: str, random: np.random.Generator) -> str:
    """Mostly JPEG, as a camera writes it; every eighth a PNG, as a scanner does."""
    if random.random() < 0.125:
        document.canvas.image.quantize(128).convert("RGB").quantize(128).save(folder / f"{stem}.png", optimize=True)
        return f"{stem}.png"
    (folder / f"{stem}.jpg").write_bytes(document.canvas.compressed(QUALITY))
    return f"{stem}.jpg"


def emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def calibration(folder: Path) -> None:
    emptied(folder)
    lines = []
    for index in range(64):
        document, random = picture(CALIBRATION, index, unseen=False)
        name = write_picture(document, folder, f"{index:02}-{document.kind}", random)
        for question, answer in asked(document, random)[:1]:
            lines.append({"image": name, "question": question, "answer": answer})
    write_lines(folder / "questions.jsonl", lines)


def evaluation(folder: Path) -> None:
    emptied(folder)
    lines = []
    for group, seed in [("familiar", FAMILIAR), ("unseen", UNSEEN)]:
        for index in range(200):
            document, random = picture(seed, index, unseen=group == "unseen")
            name = write_picture(document, folder, f"{group}-{index:03}-{document.kind}", random)
            for question, answer in asked(document, random):
                lines.append({"image": name, "question": question, "answer": answer, "group": group})
    write_lines(folder / "questions.jsonl", lines)


def write_lines(path: Path, lines: list[dict]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calibration", type=Path, default=Path("Calibration/Images"))
    parser.add_argument("--evaluation", type=Path, default=Path("Tests/Fixtures/nano/evaluation"))
    options = parser.parse_args()
    fonts.require()
    calibration(options.calibration)
    evaluation(options.evaluation)
    for folder in (options.calibration, options.evaluation):
        files = list(folder.iterdir())
        print(f"{folder}: {len(files)} files, {sum(f.stat().st_size for f in files)} bytes")


if __name__ == "__main__":
    main()
