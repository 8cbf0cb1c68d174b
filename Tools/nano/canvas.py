"""A page that remembers where each of its characters stands, and what the camera does to it."""

import functools
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import words
from fonts import font
from palettes import Color


@dataclass
class Character:
    """One drawn character or colored area: its center, its extent in pixels, and itself or the color's name."""

    x: float
    y: float
    width: float
    height: float
    value: str


@functools.lru_cache(maxsize=65536)
def advance(file: str, size: int, value: str) -> float:
    """How far the pen moves over one character; the pictures' fonts are set without kerning."""
    return font(file, size).getlength(value)


class Canvas:
    def __init__(self, width: int, height: int, paper: Color):
        self.image = Image.new("RGB", (width, height), paper)
        self.draw = ImageDraw.Draw(self.image)
        self.characters: list[Character] = []
        self.areas: list[Character] = []
        self.words: list[Character] = []
        self.numbers: list[Character] = []
        self.partners: list[Character] = []
        self.ranks: list[Character] = []

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    def text(self, x: float, y: float, text: str, file: str, size: int, ink: Color) -> float:
        """Writes one line with its left end at `x` and its middle at `y`; returns where it ends."""
        face = font(file, size)
        self.draw.text((x, y), text, font=face, fill=ink, anchor="lm")
        self.remember_pieces(x, y, text, file, size)
        left = x
        for value in text:
            right = left + advance(file, size, value)
            if value != " ":
                middle = (left + right) / 2
                self.characters.append(Character(middle, y, right - left, size * 0.9, value))
            left = right
        return left

    def remember_pieces(self, x: float, y: float, text: str, file: str, size: int) -> None:
        """Words and single letters, which the language model knows as single tokens, and the digits of numbers."""
        left = x
        for piece in re.findall(r"[A-Za-z]+|[0-9][0-9.]*|[^A-Za-z0-9]", text):
            width = sum(advance(file, size, value) for value in piece)
            entry = Character(left + width / 2, y, width, size * 0.9, piece)
            if piece in WORD_INDEX:
                self.words.append(entry)
            elif piece[0].isdigit():
                self.numbers.append(entry)
            left += width

    def relate(self, partner: str, since: tuple[int, int]) -> None:
        """Remembers what the words and numbers written after there were `since` of each belong to."""
        for entry in [*self.words[since[0] :], *self.numbers[since[1] :]]:
            self.partners.append(replace(entry, value=partner))

    def rank(self, name: str, since: tuple[int, int]) -> None:
        """Remembers the place among the others of what the words written after `since` name."""
        self.ranks += [replace(entry, value=name) for entry in self.words[since[0] :]]

    @property
    def written(self) -> tuple[int, int]:
        """How many words and numbers there are so far."""
        return len(self.words), len(self.numbers)

    def mark(self, box: tuple[float, float, float, float], color: str) -> None:
        """Remembers a colored area that was drawn."""
        left, top, right, bottom = box
        area = Character((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, color)
        self.areas.append(area)

    def photographed(self, random: np.random.Generator, strength: float) -> None:
        """Slight rotation, blur, uneven light and grain; `strength` 0 leaves the page alone."""
        if random.random() < 0.7 * strength:
            self.rotate(random.uniform(-2, 2), random)
        if random.random() < 0.35 * strength:
            self.image = self.image.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 0.8)))
        width, height = self.size
        if random.random() < 0.8 * strength:
            slope = random.uniform(-0.12, 0.12, 2)
            light = 1 + slope[0] * np.linspace(-1, 1, width, dtype=np.float32)
            light = light + slope[1] * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
            light *= random.uniform(0.88, 1.05)
            grain = random.standard_normal((height, width), dtype=np.float32)
            grain *= random.uniform(0, 6)
            lit = np.multiply(self.image, light[:, :, None], dtype=np.float32)
            lit += (grain + 0.5)[:, :, None]
            np.clip(lit, 0, 255, out=lit)
            self.image = Image.fromarray(lit.astype(np.uint8))

    def rotate(self, degrees: float, random: np.random.Generator) -> None:
        width, height = self.size
        corner = self.image.getpixel((1, 1))
        self.image = self.image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=corner)
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        for character in [
            *self.characters, *self.areas, *self.words, *self.numbers, *self.partners, *self.ranks,
        ]:  # fmt: skip
            dx, dy = character.x - width / 2, character.y - height / 2
            character.x = width / 2 + cosine * dx + sine * dy
            character.y = height / 2 - sine * dx + cosine * dy

    def compressed(self, quality: int) -> bytes:
        data = io.BytesIO()
        self.image.save(data, "JPEG", quality=quality)
        return data.getvalue()


def padded(image: Image.Image) -> Image.Image:
    """LLaVA's `expand2square` on black, the `pad` rule of FastVLM's processor with mean 0."""
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    result = Image.new("RGB", (side, side), (0, 0, 0))
    result.paste(image, ((side - width) // 2, (side - height) // 2))
    return result


def pixels(image: Image.Image, side: int) -> np.ndarray:
    """`[3, side, side]` uint8: what the encoder is shown, before the division by 255."""
    square = padded(image).resize((side, side), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


@dataclass(frozen=True)
class Kind:
    """What a map tells: the values it knows, and the pixels of one of its cells. Class 0: none of them."""

    values: tuple[str, ...]
    width: int
    height: int

    @property
    def classes(self) -> int:
        return len(self.values) + 1


CELL = 64  # pixels of an image token's side
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.:"
SIGNS = Kind(tuple(LETTERS), 8, 16)
WORDS = Kind(tuple(words.EVERY), 32, 16)
AREAS = Kind(tuple(words.COLORS), 32, 16)
PLACES = 4  # digits of a number, from the left, the point left out
DIGITS = Kind(tuple("0123456789"), 32, 16)
# What a word or a number belongs to: the label of its line; for the label of a bar, the bar's color.
PARTNERS = Kind(tuple(words.EVERY + words.COLORS), 32, 16)
RANKS = Kind(("tallest", "shortest"), 32, 16)
KINDS = {
    "signs": SIGNS, "areas": AREAS, "words": WORDS, **{f"digits{place}": DIGITS for place in range(PLACES)},
    "partners": PARTNERS, "ranks": RANKS,
}  # fmt: skip
AREA_INDEX = {value: i + 1 for i, value in enumerate(AREAS.values)}
SIGN_INDEX = {value: i + 1 for i, value in enumerate(SIGNS.values)}
PARTNER_INDEX = {value: i + 1 for i, value in enumerate(PARTNERS.values)}
RANK_INDEX = {value: i + 1 for i, value in enumerate(RANKS.values)}
WORD_INDEX = {value: i + 1 for i, value in enumerate(WORDS.values)}


def maps(canvas: Canvas, side: int) -> dict[str, np.ndarray]:
    """One map for each of `KINDS`, `[side / height, side / width]`. Signs and areas stand in every cell whose center they
    cover; words and numbers in the one cell that holds their middle, so that they belong to one image token."""
    size = canvas.size
    result = {
        "signs": drawn_map(canvas.characters, SIGNS, SIGN_INDEX.get, size, side),
        "areas": drawn_map(canvas.areas, AREAS, AREA_INDEX.get, size, side),
        "words": drawn_map(canvas.words, WORDS, WORD_INDEX.get, size, side, middle=True),
        "partners": drawn_map(canvas.partners, PARTNERS, PARTNER_INDEX.get, size, side, middle=True),
        "ranks": drawn_map(canvas.ranks, RANKS, RANK_INDEX.get, size, side, middle=True),
    }
    for place in range(PLACES):

        def digit(number: str) -> int:
            digits = number.replace(".", "")
            return int(digits[place]) + 1 if place < len(digits) else 0

        result[f"digits{place}"] = drawn_map(canvas.numbers, DIGITS, digit, size, side, middle=True)
    return result


def drawn_map(
    entries: list[Character],
    kind: Kind,
    index: Callable[[str], int],
    size: tuple[int, int],
    side: int,
    middle: bool = False,
) -> np.ndarray:
    result = np.zeros((side // kind.height, side // kind.width), np.int16)
    width, height = size
    longest = max(width, height)
    scale = side / longest
    left, top = (longest - width) // 2, (longest - height) // 2
    for entry in entries:
        x, y = (entry.x + left) * scale, (entry.y + top) * scale
        half_width = kind.width / 2 if middle else max(entry.width * scale, kind.width) / 2
        half_height = kind.height / 2 if middle else max(entry.height * scale, kind.height) / 2
        columns = cells(x, half_width, kind.width, result.shape[1])
        rows = cells(y, half_height, kind.height, result.shape[0])
        result[rows, columns] = index(entry.value)
    return result


def cells(center: float, half: float, extent: int, count: int) -> slice:
    first = int(np.ceil((center - half) / extent - 0.5))
    last = int(np.ceil((center + half) / extent - 0.5))
    return slice(min(max(first, 0), count), min(max(last, 0), count))
