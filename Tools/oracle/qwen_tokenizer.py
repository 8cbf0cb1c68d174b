"""A byte-level BPE tokenizer of Qwen2's form over a vocabulary of our own, in both layouts of the real repositories."""

import functools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import regex
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

# What the Qwen2 tokenizer uses; it is part of the model, not a choice of ours.
SPLIT_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
IMAGE_TOKEN = "<image>"
APPLE = [(content, True) for content in SPECIAL_TOKENS]
NATIVE = [*APPLE, (IMAGE_TOKEN, True)]


def byte_characters() -> list[str]:
    """The character that stands for each byte in vocab.json."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, following = {b: chr(b) for b in printable}, 256
    for byte in range(256):
        if byte not in table:
            table[byte], following = chr(following), following + 1
    return [table[byte] for byte in range(256)]


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


def write_json(path: Path, value, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, **options) + "\n", encoding="utf-8")


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


@dataclass(frozen=True)
class QwenTokenizer:
    """`size` entries before the added tokens: 256 bytes, merges learned on `corpus`, and at the end the `crossing` ones.

    Crossing merges join what the pattern cuts apart: they can never apply to text that is cut correctly.
    """

    corpus: str
    size: int
    crossing: tuple[tuple[str, str], ...] = ()

    @property
    def end_of_text(self) -> int:
        return self.size

    @property
    def im_start(self) -> int:
        return self.size + 1

    @property
    def im_end(self) -> int:
        return self.size + 2

    @property
    def image(self) -> int:
        """Only the native layout has this token."""
        return self.size + 3

    def trained_merges(self, count: int) -> list[tuple[str, str]]:
        """Most frequent pair first, then the shorter, then by spelling; pieces cut by the real pattern."""
        characters = byte_characters()
        pieces = Counter(m.group() for m in regex.finditer(SPLIT_PATTERN, self.corpus.replace("\\n", "\n")))
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

    @functools.cache
    def vocabulary(self) -> tuple[dict[str, int], list[tuple[str, str]]]:
        """`vocab.json` and `merges.txt` as values."""
        crossing = list(self.crossing)
        wanted = self.size - 256
        trained = self.trained_merges(wanted)
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
        assert len(vocab) == self.size
        return vocab, merges

    def tokenizer(self, added: list[tuple[str, bool]]) -> Tokenizer:
        """The whole Qwen2 pipeline with the given added tokens after the vocabulary."""
        vocab, merges = self.vocabulary()
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

    def tokenizer_configuration(self, added: list[tuple[str, bool]]) -> dict:
        return {
            "add_prefix_space": False,
            "added_tokens_decoder": {
                str(self.size + i): {
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

    def write_apple(self, folder: Path, added: list[tuple[str, bool]] = APPLE) -> None:
        """vocab.json, merges.txt and their neighbors, as a slow tokenizer saves them."""
        vocab, merges = self.vocabulary()
        folder.mkdir(parents=True, exist_ok=True)
        compact = json.dumps(vocab, ensure_ascii=False)
        (folder / "vocab.json").write_text(compact, encoding="utf-8")
        lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
        (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        ids = {content: self.size + i for i, (content, _) in enumerate(added)}
        write_json(folder / "added_tokens.json", ids)
        write_json(folder / "tokenizer_config.json", self.tokenizer_configuration(added), ensure_ascii=False)
        write_json(folder / "special_tokens_map.json", special_tokens_map(), ensure_ascii=False)

    def write_native(self, folder: Path, added: list[tuple[str, bool]] = NATIVE) -> None:
        """tokenizer.json with merges as pairs, as current libraries save it."""
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer(added).save(str(folder / "tokenizer.json"), pretty=False)
        write_json(folder / "tokenizer_config.json", self.tokenizer_configuration(added), ensure_ascii=False)
        write_json(folder / "special_tokens_map.json", special_tokens_map(), ensure_ascii=False)
