"""Tokenizer goldens: hard strings, their ids and pieces, decoded ids. Writes Tests/Fixtures/text and the tokenizers.

Independent executor: Hugging Face `tokenizers`. Usage: python make_text_goldens.py [--fixtures Tests/Fixtures]
"""

import argparse
import json
import random
import unicodedata
from pathlib import Path

from tokenizers import Regex, normalizers, pre_tokenizers

import tiny_tokenizer as tiny

PROMPT = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n"
    "<|im_start|>assistant\n"
)

# Each line is one subject; every entry is one case.
PLAIN = [
    "", " ", "  ", "   ", "a", " a", "  a", "   a", "a ", "a  ", "a   b", "    four spaces    ",
    "Describe the image.", "What are these?", "How many people are in the picture?", "The answer is yes.",
    "Hello, world!", "hello world", "HELLO WORLD", "helloWorld", "snake_case_name", "kebab-case-name",
    "one,two,three", "(parenthesis)", "[brackets]", "{braces}", "<angle>", "a+b=c", "100%", "$5.00", "#hash",
    "user@example.com", "https://example.com/path?query=1&other=2#frag", "C:\\Windows\\System32", "~/file.txt",
    "x != y && z == w", "def main():\n    return 0\n", "\tif (x) {\n\t\ty();\n\t}\n", "/* comment */ // line",
    "...", "!!!", "???", " !!!", "  !!!", "!!! ", "!!!\n", "!!!\n\n", "!!!\r\n", " !!!\r\n\r\n x", "-- --- ----",
    "a.b", "a. b", "a .b", "a . b", ".a", "-a", "_a", "__a__", "\u00a0a", "\u3000a", "\ta", "*a", "**a**", "  -a",
]
CONTRACTIONS = [
    "it's", "IT'S", "It'S", "don't", "DON'T", "we're", "WE'RE", "I've", "I'm", "I'M", "they'll", "THEY'LL", "he'd",
    "'s", "'S", "'t", "'re", "'ve", "'m", "'ll", "'d", "'lL", "'Ll", "'rE", "'vE", "'x", "' s", "''s", "'''", "'sa",
    "'tis", "'twas", "rock'n'roll", "it\u2019s", "'\u017f", "it'\u017f", "x'\u017fy", "'\u017fs", "'\u212a", "'\u1e9e",
    "o'clock", "'llama", "'dd", "'d'd'd", "a's's", " 's", "  's", "\n's", "1's", "!'s", "can't've", "'", "a'", "'a",
    "'\u00c9", "'\u0131", "y'all'd've", "'RE'VE'LL", "'r", "'l", "'v", "'Re's", "s's", "'s\u0301", "'t\u0327",
]
DIGITS = [
    "0", "12", "123", "1234567890", "1,234.56", "12 34", " 12", "  12", "a1", "1a", "a1b2", "v2.0", "3.14159", "1e-5",
    "\u0660\u0661\u0662", "a\u0663b", "\u06f1\u06f2", "\u0967\u0968", "\u2160\u2161\u2162", "\u216bth", "\u2155 \u00bd",
    "x\u00b2y\u00b3", "\u2460\u2461", "\uff11\uff12", "\U0001d7ce\U0001d7cf", "\u3021\u3022", "\u4e00\u4e8c", "\u0bf0",
    "10\u20ac", "\u00bc cup", "\u2075\u2086", "\u3007", "\U00010107", "n\u00ba 1", "1\u0301", "\u09f4",
]
SPACES = [
    "\n", "\n\n", "\n\n\n", "\r", "\r\n", "\r\n\r\n", "\n\r", "\r\r\n", " \n", "\n ", " \n ", "  \n  ", "\n  \n", "a\nb",
    "a\n\nb", "a \n b", "a\r\nb", "a \r\n \r\n b", "\n\n  \n\n a", "\t", "\t\t", "\t\n", "\n\t", "\t \t", " \t ", "a\tb", "a\t\tb",
    "\u3000", "\u3000\u3000", "a\u3000b", "a\u3000\u3000b", "\u00a0", "\u00a0\u00a0x", "a\u00a0b", "\u0085", "a\u0085b",
    "a \u0085 b", "\u0085\u0085", "\u0085\n", "\n\u0085", "\u2028", "a\u2028b", "a\u2029b", " \u2028\n", "\u2003x", "x\u2003",
    "\u2009\u200a", "\u202f1", "\u205f", "\u1680a", "\u180e", "a\u180eb", "\u200b", "a\u200bb", " \u200b ", "\u2060", "\ufeff",
    "\ufeffBOM", "\x0b", "a\x0bb", "\x0c", "a\x0cb\x0c\x0c", "\x1c", "\x1d\x1e\x1f", "a\x1cb", " " * 7 + "x", " " * 64, " " * 65 + "y",
    "a" + " " * 33 + "b", "\n" * 20, "\t" * 9 + "z", " \u3000 \t x", "x \u3000\n\u00a0 y", "x  \n", "x \n\n  ", "!  \n", "1  2   3",
    "a  \u0301", " \u0301", "  \u0301b", "\u00a0\n\u00a0", "x\u2028\u2029\ny", "\u2000\u2001", "\n \n \n x", "trailing   \n",
]
CONTROL = [
    "\x00", "a\x00b", "\x01\x02\x03", "\x07bell", "\x1b[31mred\x1b[0m", "\x7f", "a\x7f\x7fb", "\x80", "\x9f", "a\x9cb", "\u00ad", "co\u00adop",
    "\u200e\u200f", "\u202a\u202e", "\u2066x\u2069", "\ufff9\ufffa\ufffb", "\ufffd", "a\ufffdb", "\ufffe", "\uffff", "\U0010ffff",
    "\ue000\uf8ff", "\U000f0000", "\U000e0001\U000e0041", "\ufe0f", "\ufe0e", "\u034f", "\u0378", "\u2fff", "\x08\x08",
]
COMPOSED = [
    "e\u0301", "\u00e9", "cafe\u0301", "caf\u00e9", "A\u030a", "\u212b", "\u00c5", "\u2126", "\u212a", "n\u0303o", "o\u0308\u0301",
    "o\u0301\u0308", "a\u0323\u0302", "a\u0302\u0323", "\u1ea5", "q\u0307\u0323", "q\u0323\u0307", "s\u0323\u0307", "\u1e9b\u0323", "\u0958", "\u0915\u093c",
    "\u1100\u1161", "\u1100\u1161\u11a8", "\uac00\u11a8", "\uac01", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\u11a8", "\u0344", "\u0387", "\u037e",
    "\u1f71", "\u1fbe", "\u2000x", "\u2329a\u232a", "\uf900", "\ufa30", "\ufb01", "\ufb1d", "\ufb2a", "\u0f73", "\u0f43", "\u0fb9", "\U0001d15e",
    "\U00011099\U000110ba", "\U0002f800", "\U0001d160", "\u0301", "\u0301a", "\u0301\u0302\u0303", "a" + "\u0301" * 35, "Z\u0351\u036b\u0343a\u0329\u0308l\u0321g\u035co",
    "\u30ab\u3099", "\u30ac", "\u304b\u3099\u304d\u309a", "\u09c7\u09be", "\u0b47\u0b56", "\u1025\u102e", "\u0f71\u0f72\u0f74", "\u05e9\u05c1\u05bc", "\u05bc\u05c1", "\u0627\u0653",
    "\u0649\u0654", "\u06d5\u0654", "\u1e69", "s\u0307\u0323", "D\u0307\u0323", "\u1e0a\u0323", "1\u0338", "=\u0338", "<\u0338", "\u2add\u0338", "e \u0301", "e\n\u0301",
    "\u0344\u0300", "\u1d16d\u0301", "\U0001d157\U0001d165", "a\u0315\u0300\u05ae\u0062", "\u0061\u0300\u0315", "\u00e9\u0323", "\u03b1\u0313\u0345", "\u1f80\u0300",
]
SCRIPTS = [
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01", "\u8fd9\u5f20\u56fe\u7247\u91cc\u6709\u4ec0\u4e48\uff1f", "\u4e2d\u6587abc\u4e2d\u6587", "\u4e2d\u6587 123 \u4e2d\u6587", "\u3053\u308c\u306f\u672c\u3067\u3059\u3002",
    "\u30ab\u30bf\u30ab\u30ca\u30fc", "\uff76\uff9e", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!", "\u0415\u0308\u043b\u043a\u0430", "\u0419\u0438\u0306",
    "\u0645\u0631\u062d\u0628\u0627\u060c \u0645\u0627 \u0647\u0630\u0627\u061f", "\u0645\u0650\u0631\u0652\u062d\u064e\u0628\u064b\u0627", "\u0644\u0627", "\ufefb", "\u05e9\u05dc\u05d5\u05dd", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0915\u094d\u0937", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a",
    "\u0e19\u0e49\u0e33", "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8", "\u0531\u0580", "\u1780\u17d2\u1798", "\u1019\u103c\u1014\u103a", "\u0bb5\u0ba3\u0b95\u0bcd", "\u13a0\u13a1", "\u1200", "\u0710", "\u07ca", "\u2c80", "\U00010330", "\U00010400\U00010428",
    "\U00012000", "\U00013000", "\U00020000\u4e00", "\U0001b000", "\ua000", "Stra\u00dfe", "\u0130stanbul \u0131", "\u01c5\u01c6", "\u02b0\u02b9", "\u1d2c", "\u00aa\u00ba", "\u00b5", "\u2113",
    "Gr\u00f6\u00dfe \u00fcber alles", "ma\u00f1ana", "\u00e7a va?", "\u0111\u01b0\u1eddng", "z\u0142oty", "\u03b1\u03b2\u03b3 \u03a9", "\u03c2\u03c3", "\u0483\u0484", "\u20ac\u00a3\u00a5", "\u2192\u2190", "\u2211\u222b\u221a", "\u2603\u2604", "\u2500\u2502", "\u2588\u2593",
    "\u00ab\u00bb", "\u201cquoted\u201d", "\u2018it\u2019s\u2019", "\u2014dash\u2014", "\u2026", "\u00bfqu\u00e9?", "\u00a1hola!", "\u3001\u3002", "\u300c\u300d", "\uff08\uff09", "\u30fb", "\u00b7", "\u0964", "\u061b", "\u05be", "\u2e3a",
]
EMOJI = [
    "\U0001f642", "\U0001f642\U0001f642", " \U0001f642", "a\U0001f642b", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\U0001f1e9", "\u2764\ufe0f", "1\ufe0f\u20e3",
    "\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f9d1\U0001f3ff\u200d\U0001f680", "\u263a\ufe0f", "\U0001f600 \U0001f601\n", "ok\U0001f44c!", "\U0001fae0", "\U0001f642\n\n", "\U0001f642's",
]
SPECIAL = [
    "<|im_end|>", "<|im_start|>user", "<|endoftext|><|endoftext|>", "a<|im_end|>b", "a <|im_end|> b", " <|im_end|>", "<|im_end|> ", "\n<|im_end|>\n", "<|im_end|>\n\n<|im_start|>",
    "<|im_end|", "|im_end|>", "<|IM_END|>", "<<|im_end|>>", "<|im_start|><|im_end|>", "<|im_<|im_end|>end|>", "<|im_end|>'s", "it<|im_end|>'s", "e<|im_end|>\u0301", "e\u0301<|im_end|>\u0301", "1<|im_end|>2", "  <|im_end|>  x",
    "<|im _end|>", "<\u200b|im_end|>", "<|im_end\u0301|>", "<|im_end|>\u0301", "</s>", "<s>", "<unk>", "<|im_start|>assistant\n\n", "<|endoftext|", "<|endoftext|>!<|endoftext|>", "x<|im_start|>\U0001f642<|im_end|>y",
    PROMPT.format("Describe the image."), PROMPT.format(" leading"), PROMPT.format("trailing \n"), PROMPT.format("\n"), PROMPT.format("caf\u0065\u0301"), PROMPT.format(""),
]
TOOL_CASES = [
    "<tool_call>", "</tool_call>", "<tool_call>{}</tool_call>", "x<tool_call>y", "<|fim_prefix|>", "<|fim_prefix|>!", "<|fim_prefix|>!!", "a<|fim_prefix|> !", "<|vision_start|>x<|im_end|>", "<tool_call><tool_call", "<<tool_call>>",
    "<|im_start|>assistant\n<tool_call>\n1\n</tool_call><|im_end|>",
]
IMAGE_CASES = [
    "<image>", "<image>\nDescribe the image.", "a<image>b", "<image><image>", "<Image>", "< image>", "x <image> y", PROMPT.format("<image>\nWhat are these?"), PROMPT.format("<image><image>\nWhat are these?"),
]


def random_strings(count: int, seed: int) -> list[str]:
    """Short mixtures of all subjects and of single characters from every plane that has some."""
    source = random.Random(seed)
    parts = [*CONTRACTIONS, *DIGITS, *SPACES, *COMPOSED, *SCRIPTS, *EMOJI, *PLAIN, *SPECIAL[:4]]
    ranges = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x2000), (0x2000, 0x2C00), (0x3000, 0xD7FF), (0xA640, 0xABFF), (0x10000, 0x11FFF), (0x1F000, 0x1FAFF)]
    result = []
    for _ in range(count):
        pieces = []
        for _ in range(source.randint(2, 7)):
            if source.random() < 0.5:
                pieces.append(source.choice(parts)[:12])
            else:
                low, high = source.choice(ranges)
                pieces.append("".join(chr(source.randrange(low, high)) for _ in range(source.randint(1, 3))))
        result.append("".join(pieces))
    return result


def assigned(text: str) -> bool:
    """Unassigned characters are left out, a few aside: Unicode tables of different age differ there."""
    return all(unicodedata.category(c) != "Cn" or c in "\u0378\u2fff\ufffe\uffff\U0010ffff" for c in text)


def unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def case(tokenizer, text: str) -> dict:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {
        "text": text,
        "ids": ids,
        "decoded": tokenizer.decode(ids, skip_special_tokens=True),
        "decoded_with_special": tokenizer.decode(ids, skip_special_tokens=False),
    }


def split_cases(texts: list[str]) -> list[dict]:
    cutter = pre_tokenizers.Split(Regex(tiny.SPLIT_PATTERN), behavior="isolated", invert=False)
    normalizer = normalizers.NFC()
    result = []
    for text in texts:
        pieces = cutter.pre_tokenize_str(normalizer.normalize_str(text))
        result.append({"text": text, "pieces": [piece for piece, _ in pieces]})
    return result


def decode_cases(tokenizer, seed: int) -> list[dict]:
    """Ids in any order: cut and malformed UTF-8, special tokens, ids without an entry."""
    source = random.Random(seed)
    lists = [[172], [162, 112], [i for i in range(0, 256)], [500, 501, 502], [64, 502, 65], [64, 503, 65], [999], []]
    lists += [[source.randrange(94, 256) for _ in range(source.randint(1, 8))] for _ in range(60)]
    lists += [[source.randrange(0, 503) for _ in range(source.randint(1, 12))] for _ in range(60)]
    lists += [tokenizer.encode(text).ids[:-1] for text in [*EMOJI, *SCRIPTS[:12]]]
    return [
        {
            "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=True),
            "decoded_with_special": tokenizer.decode(ids, skip_special_tokens=False),
        }
        for ids in lists
    ]


class SplitMix:
    """The generator of the Swift tests (`SeededGenerator`)."""

    def __init__(self, seed: int):
        self.state = seed

    def next(self) -> int:
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        value = self.state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)


def random_hashes(tokenizer, fragments: list[str], seed: int) -> list[str]:
    """FNV-1a over the ids of 64 texts each; the test strings the same texts together itself."""
    source, hashes = SplitMix(seed), []
    for _ in range(64):
        value = 0xCBF29CE484222325
        for _ in range(64):
            count = source.next() % 24 + 1
            text = "".join(fragments[source.next() % len(fragments)] for _ in range(count))
            for token in [*tokenizer.encode(text, add_special_tokens=False).ids, 0xFFFF]:
                value = ((value ^ token) * 0x100000001B3) & ((1 << 64) - 1)
        hashes.append(f"{value:x}")
    return hashes


def write_random(path: Path, tokenizer, texts: list[str]) -> None:
    """Fragments short enough to meet often, and the hashes of the ids of texts made of them."""
    single = ["'", " ", "  ", "\n", "\r", "\t", "s", "S", "ll", "RE", "\u017f", "1", "!", "\u00a0", "\u2028", "\u0085"]
    single += ["\u0301", "\u0323", "\u0338", "\u1100", "\u1161", "\u11a8", "<|im_end|>", "<|im_", "<", "\U0001f642"]
    fragments = unique([*single, *(t for t in texts if 0 < len(t) <= 6)])
    value = {"fragments": [*single * 4, *fragments], "hashes": []}
    value["hashes"] = random_hashes(tokenizer, value["fragments"], seed=11)
    path.write_text(json.dumps(value, ensure_ascii=True) + "\n", encoding="ascii")
    print(f"{path}: {len(value['fragments'])} fragments, {path.stat().st_size} bytes")


def write(path: Path, cases: list[dict]) -> None:
    """One case a line, ASCII only, so that no editor or diff tool can change a character."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(value, ensure_ascii=True) for value in cases)
    path.write_text("[\n" + lines + "\n]\n", encoding="ascii")
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fixtures", type=Path, default=Path("Tests/Fixtures"))
    fixtures = parser.parse_args().fixtures
    text_folder = fixtures / "text"
    tiny.write_apple(fixtures / "tiny" / "llava")
    tiny.write_native(fixtures / "tiny" / "native")
    tiny.write_joined_merges(text_folder / "tools")

    hard = [*PLAIN, *CONTRACTIONS, *DIGITS, *SPACES, *CONTROL, *COMPOSED, *SCRIPTS, *EMOJI]
    mixed = [text for text in random_strings(400, seed=1) if assigned(text)]
    texts = unique([*hard, *SPECIAL, *mixed])
    apple = tiny.tokenizer(tiny.APPLE)
    native = tiny.tokenizer(tiny.NATIVE)
    cases = [case(apple, text) for text in texts]
    # Without a literal "<image>" both layouts give the same ids.
    assert [c["ids"] for c in cases] == [native.encode(text).ids for text in texts]
    write(text_folder / "cases.json", cases)
    write(text_folder / "image-cases.json", [case(native, text) for text in IMAGE_CASES])
    write(text_folder / "tool-cases.json", [case(tiny.tokenizer(tiny.TOOLS), t) for t in TOOL_CASES])
    write(text_folder / "splits.json", split_cases([t for t in texts if "<|" not in t]))
    write_random(text_folder / "random.json", apple, hard)
    write(text_folder / "decode.json", decode_cases(apple, seed=2))


if __name__ == "__main__":
    main()
