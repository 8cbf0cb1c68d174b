"""The tokenizer of nano: byte-level BPE cut by Qwen2's pattern, its merges learned on what the model says and hears."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "oracle"))

import words  # noqa: E402
from qwen_tokenizer import QwenTokenizer  # noqa: E402

SYSTEM = "You are a helpful assistant."
QUESTIONS = """
Read all the text. What is this? What is the title? What color is the line? What color is the band?
What is the product? What is the code? What is the weight? What is the total? How many items are there?
How many bars are there? Which bar is tallest? Which bar is shortest? What color is the tallest bar?
What color is the bar of it? How much is the it? What is the name of it? form receipt label table chart
"""
TEMPLATE = f"system\n{SYSTEM}\nuser\nassistant\nDescribe the image.\n"


def corpus() -> str:
    """Every word as it can come: at the start, after a space, and in lower case inside a question."""
    # The letters of codes are single bytes already.
    every = sorted({*words.EVERY, *words.COLORS} - {*words.CODE_LETTERS})
    lines = [TEMPLATE * 4, QUESTIONS * 4]
    for word in every:
        lines.append(f"{word}\n {word} {word.lower()}\n {word}: of {word.lower()}?")
    return "\n".join(lines)


TOKENS = QwenTokenizer(corpus(), size=1287)
