"""The small byte-level BPE tokenizer of the fixtures.

The vocabulary is 256 bytes in the order of GPT-2's table, then merges trained on the text below, then merges
that cross the boundaries of Qwen2's pre-tokenizer. The crossing ones can never apply when text is cut
correctly, so a wrong cut shows up as wrong ids.
"""

import json
from pathlib import Path

from qwen_tokenizer import APPLE, IMAGE_TOKEN, NATIVE, SPLIT_PATTERN, QwenTokenizer  # noqa: F401

VOCABULARY_SIZE = 500
# Added to Qwen2.5 tokenizers: (content, special). The last two share a beginning on purpose.
MORE_TOKENS = [
    ("<|vision_start|>", True),
    ("<tool_call>", False),
    ("</tool_call>", False),
    ("<|fim_prefix|>", False),
    ("<|fim_prefix|>!", False),
]

CORPUS = """
system You are a helpful assistant. user Describe the image. assistant The image shows a small red house
beside the water, and there is a boat on the lake. What are these? How many people are in the picture?
What color is the car? Is it day or night? The text says "open" in white letters. I'm sure that it's there;
they're not here, we've seen them, you'll find what he'd say. The sky is blue and the trees are green.
There are two dogs, three cats and one bird in the garden. In the background there is a mountain with snow.
He doesn't know. She can't see it. Let's go. A man with a hat stands near the door, holding an umbrella.
Read the sign in the image. The answer is yes. The answer is no. No, there is nothing else in this picture.
été à la plage, où est le café? Größe, Straße, über, schön. El niño come una piña mañana por la mañana.
这张图片里有什么？图片里有一只猫。 天空是蓝色的。 画像には何がありますか。これは本です。
на картинке есть дом и дерево. что это? это кошка. مرحبا، ما هذا؟ هذا كتاب. नमस्ते, यह क्या है?
def main():\n    for i in range(10):\n        print(i)\n\n    return 0\n\n\nif x == y && z != w: {}; // done...
|---|---|  == != -> => :: /* */ ... --- !!! ??? 🙂🙂 👍👍 👨‍👩‍👧
"""
# Byte-level spellings: Ġ space, Ċ line feed, č carriage return, ĉ tab.
CROSSING_MERGES = """
1 2|3 4|0 0|a 1|1 a|e .|. e|e ,|o !|! !|Ċ Ġ|Ġ Ċ|Ġ Ġ|Ċ Ċ|č Ċ|ĉ ĉ|t '|' '|' t|' S|' s|s Ġ|. Ġ|. Ċ|Ġ 1|Ġ '|x Ċ|Ċ x
""".strip()

TINY = QwenTokenizer(
    CORPUS, VOCABULARY_SIZE, tuple(tuple(line.split(" ")) for line in CROSSING_MERGES.split("|"))
)
END_OF_TEXT, IM_START, IM_END, IMAGE = TINY.end_of_text, TINY.im_start, TINY.im_end, TINY.image
TOOLS = [*APPLE, *MORE_TOKENS]
tokenizer, write_apple, write_native = TINY.tokenizer, TINY.write_apple, TINY.write_native


def write_joined_merges(folder: Path, added: list[tuple[str, bool]] = TOOLS) -> None:
    """tokenizer.json with merges as "left right" strings, as older libraries save it."""
    folder.mkdir(parents=True, exist_ok=True)
    value = json.loads(tokenizer(added).to_str())
    value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
    text = json.dumps(value, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
