"""The small byte-level BPE tokenizer of the fixtures, in both layouts of the real repositories.

The vocabulary is 256 bytes in the order of GPT-2's table, then merges trained on the text below, then merges
that cross the boundaries of Qwen2's pre-tokenizer. The crossing ones can never apply when text is cut
correctly, so a wrong cut shows up as wrong ids.
"""

import json
from collections import Counter
from pathlib import Path

import regex
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

# What the Qwen2 tokenizer uses; it is part of the model, not a choice of ours.
SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
VOCABULARY_SIZE = 500
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
IMAGE_TOKEN = "<image>"
END_OF_TEXT, IM_START, IM_END, IMAGE = (VOCABULARY_SIZE + i for i in range(4))
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


def byte_characters() -> list[str]:
    """The character that stands for each byte in vocab.json."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, following = {b: chr(b) for b in printable}, 256
    for byte in range(256):
        if byte not in table:
            table[byte], following = chr(following), following + 1
    return [table[byte] for byte in range(256)]


def trained_merges(count: int) -> list[tuple[str, str]]:
    """Most frequent pair first, then the shorter, then by spelling; pieces cut by the real pattern."""
    characters = byte_characters()
    pieces = Counter(m.group() for m in regex.finditer(SPLIT_PATTERN, CORPUS.replace("\\n", "\n")))
    words = [([characters[b] for b in piece.encode()], n) for piece, n in sorted(pieces.items())]
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, n in words:
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda pair: (-pairs[pair], len("".join(pair)), pair))
        merges.append(best)
        words = [(merged(word, best), n) for word, n in words]
    return merges


def merged(word: list[str], pair: tuple[str, str]) -> list[str]:
    result, i = [], 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            result.append(word[i] + word[i + 1])
            i += 2
        else:
            result.append(word[i])
            i += 1
    return result


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """`vocab.json` and `merges.txt` as values."""
    crossing = [tuple(line.split(" ")) for line in CROSSING_MERGES.split("|")]
    wanted = VOCABULARY_SIZE - 256
    trained = trained_merges(wanted)
    learned = []
    for pair in trained:
        extra = [c for c in crossing if c not in learned]
        if len(learned) + len(extra) == wanted:
            break
        learned.append(pair)
    merges = [*learned, *(c for c in crossing if c not in learned)]
    # Bytes in GPT-2's order: printable ones first.
    names = sorted(byte_characters(), key=lambda c: (ord(c) >= 256, ord(c)))
    vocab = {name: index for index, name in enumerate(names)}
    for left, right in merges:
        assert left in vocab and right in vocab, (left, right)
        assert left + right not in vocab, (left, right)
        vocab[left + right] = len(vocab)
    assert len(vocab) == VOCABULARY_SIZE
    return vocab, merges


def tokenizer(added: list[tuple[str, bool]]) -> Tokenizer:
    """The whole Qwen2 pipeline with the given added tokens after the vocabulary."""
    vocab, merges = vocabulary()
    result = Tokenizer(BPE(vocab=vocab, merges=merges))
    result.normalizer = normalizers.NFC()
    result.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    result.decoder = decoders.ByteLevel()
    for content, special in added:
        token = AddedToken(content, normalized=False, special=special)
        (result.add_special_tokens if special else result.add_tokens)([token])
    return result


APPLE = [(content, True) for content in SPECIAL_TOKENS]
NATIVE = [*APPLE, (IMAGE_TOKEN, True)]
TOOLS = [*APPLE, *MORE_TOKENS]


def write_json(path: Path, value, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, **options) + "\n", encoding="utf-8")


def tokenizer_configuration(added: list[tuple[str, bool]]) -> dict:
    return {
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(VOCABULARY_SIZE + i): {
                "content": content,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": special,
            }
            for i, (content, special) in enumerate(added)
        },
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 8192,
        "pad_token": "<|endoftext|>",
        "padding_side": "right",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }


def special_tokens_map() -> dict:
    def entry(content):
        return {
            "content": content,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
        }

    return {
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "eos_token": entry("<|im_end|>"),
        "pad_token": entry("<|endoftext|>"),
    }


def write_apple(folder: Path, added: list[tuple[str, bool]] = APPLE) -> None:
    """vocab.json, merges.txt and their neighbors, as a slow tokenizer saves them."""
    vocab, merges = vocabulary()
    folder.mkdir(parents=True, exist_ok=True)
    compact = json.dumps(vocab, ensure_ascii=False)
    (folder / "vocab.json").write_text(compact, encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ids = {content: VOCABULARY_SIZE + i for i, (content, _) in enumerate(added)}
    write_json(folder / "added_tokens.json", ids)
    write_json(folder / "tokenizer_config.json", tokenizer_configuration(added), ensure_ascii=False)
    write_json(folder / "special_tokens_map.json", special_tokens_map(), ensure_ascii=False)


def write_native(folder: Path, added: list[tuple[str, bool]] = NATIVE) -> None:
    """tokenizer.json with merges as pairs, as current libraries save it."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer(added).save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", tokenizer_configuration(added), ensure_ascii=False)
    write_json(folder / "special_tokens_map.json", special_tokens_map(), ensure_ascii=False)


def write_joined_merges(folder: Path, added: list[tuple[str, bool]] = TOOLS) -> None:
    """tokenizer.json with merges as "left right" strings, as older libraries save it."""
    folder.mkdir(parents=True, exist_ok=True)
    value = json.loads(tokenizer(added).to_str())
    value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
    text = json.dumps(value, ensure_ascii=False)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
