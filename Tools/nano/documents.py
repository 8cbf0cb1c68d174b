"""Draws documents and asks about them: forms, receipts, labels, small tables and bar charts.

What training never sees are the fonts, the colors and the layouts of `unseen=True`; the words are the same.
Every answer stands in the picture as it is spelled here, or is a color, a kind or a count.
"""

from dataclasses import dataclass, field

import numpy as np

import fonts
import palettes
import words
from canvas import Canvas

SIDE = 320  # pixels of the longer side of a picture of full size
LINE = SIDE / 4  # pixels from one line of writing to the next
LEVELS = [0.3, 0.65, 1.0]  # of bars, as a share of the height there is


@dataclass
class Document:
    kind: str
    canvas: Canvas
    questions: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def transcription(self) -> tuple[str, str]:
        return "Read all the text.", " ".join(self.lines)


class Style:
    """One choice of font, size, colors and layout."""

    def __init__(self, random: np.random.Generator, unseen: bool, side: int):
        files = fonts.UNSEEN if unseen else fonts.TRAINING
        self.random, self.unseen = random, unseen
        self.palette = palettes.UNSEEN if unseen else palettes.TRAINING
        self.file = files[random.integers(len(files))]
        self.title_file = files[random.integers(len(files))] if random.random() < 0.5 else self.file
        self.size = int(random.integers(32, 45))
        self.paper, self.ink = self.palette.paper(random)
        # Four lines to a page of full size: about one to each row of image tokens.
        self.row = LINE * random.uniform(0.95, 1.05)
        self.margin = random.uniform(8, 20)
        # Unseen layouts: leaders, boxed values, zebra rows, a heading in a band, a double frame.
        choices = ["leader", "boxed", "zebra"] if unseen else ["colon", "columns", "ruled"]
        self.layout = choices[random.integers(3)]
        self.frame = random.random() < 0.4
        self.side = side
        self.smallest = 24 if side >= 300 else 17  # pixels of the em of the smallest writing

    def pick(self, values: list):
        return values[self.random.integers(len(values))]

    def some(self, values: list, count: int) -> list:
        return [values[i] for i in self.random.choice(len(values), count, replace=False)]

    def width(self, text: str) -> float:
        return fonts.font(self.file, self.size).getlength(text)

    def fitting(self, texts: list[str], room: float) -> None:
        """Shrinks the writing until the widest of some lines fits; never below what can be read."""
        while self.size > self.smallest and max(self.width(t) for t in texts) > room:
            self.size -= 1

    def page(self, width: float, height: float) -> Canvas:
        canvas = Canvas(int(width), int(height), self.paper)
        if self.frame:
            box = (3, 3, int(width) - 4, int(height) - 4)
            canvas.draw.rectangle(box, outline=self.ink, width=int(self.random.integers(1, 4)))
            if self.unseen:
                canvas.draw.rectangle((8, 8, int(width) - 9, int(height) - 9), outline=self.ink)
        return canvas


def number(random: np.random.Generator) -> str:
    digits = int(random.choice([1, 2, 2]))
    return str(random.integers(10 ** (digits - 1), 10**digits))


def price(random: np.random.Generator) -> str:
    return f"{random.integers(1, 10)}.{random.integers(0, 10)}0"


def code(random: np.random.Generator) -> str:
    return f"{words.CODE_LETTERS[random.integers(len(words.CODE_LETTERS))]}{random.integers(10, 100)}"


def date(random: np.random.Generator) -> str:
    return f"{random.integers(1, 29)} {words.MONTHS[random.integers(12)]}"


FIELDS = {
    "Name": lambda random: words.NAMES[random.integers(len(words.NAMES))],
    "City": lambda random: words.CITIES[random.integers(len(words.CITIES))],
    "Date": date,
    "Code": code,
    "Room": number,
    "Age": lambda random: str(random.integers(10, 100)),
    "Seat": lambda random: f"{random.integers(1, 40)}{'ABCDEF'[random.integers(6)]}",
    "Price": price,
    "Day": lambda random: words.DAYS[random.integers(7)],
    "Item": lambda random: words.PRODUCTS[random.integers(len(words.PRODUCTS))],
}


def heading(document: Document, style: Style, title: str, width: float, y: float, ink) -> None:
    canvas = document.canvas
    size = style.size
    start = (width - fonts.font(style.title_file, size).getlength(title)) / 2
    if style.random.random() < 0.4:
        start = style.margin
    if style.unseen and style.random.random() < 0.5:
        edge = style.size * 0.7
        canvas.draw.rectangle((0, y - edge, width, y + edge), fill=style.ink)
        ink = style.paper
    canvas.text(max(start, 4), y, title, style.title_file, size, ink)
    document.lines.append(title)


def rule(document: Document, style: Style, width: float, y: float) -> None:
    """A colored line, with a question about it."""
    name = style.pick(words.COLORS)
    margin = style.margin
    thick = int(style.random.integers(6, 13))
    shade = style.palette.shade(name, style.random)
    document.canvas.draw.line((margin, y, width - margin, y), fill=shade, width=thick)
    document.canvas.mark((margin, y - thick / 2, width - margin, y + thick / 2), name)
    document.questions.append(("What color is the line?", name))


def pair(document: Document, style: Style, label: str, value: str, width: float, y: float) -> None:
    """A label and its value on one line, in the way of the style."""
    canvas, margin, size = document.canvas, style.margin, style.size
    written = label + ":" if style.layout == "colon" else label
    value_width = style.width(value)
    if style.layout == "colon":
        end = canvas.text(margin, y, written, style.file, size, style.ink)
        before = canvas.written
        canvas.text(end + size * 0.4, y, value, style.file, size, style.ink)
    else:
        right = width - margin - value_width
        if style.layout == "zebra" and len(document.lines) % 2:
            shade = tuple(int(0.86 * p + 0.14 * i) for p, i in zip(style.paper, style.ink))
            half = style.row / 2
            canvas.draw.rectangle((0, y - half, width, y + half), fill=shade)
        if style.layout == "boxed":
            half = size * 0.62
            box = (right - 6, y - half, right + value_width + 6, y + half)
            canvas.draw.rectangle(box, outline=style.ink)
        end = canvas.text(margin, y, written, style.file, size, style.ink)
        before = canvas.written
        canvas.text(right, y, value, style.file, size, style.ink)
        if style.layout == "leader":
            for x in np.arange(end + 6, right - 5, 7):
                canvas.draw.point((x, y + size * 0.3), fill=style.ink)
        if style.layout == "ruled":
            below = y + style.row / 2
            canvas.draw.line((margin, below, width - margin, below), fill=style.ink)
    canvas.relate(label, before)
    document.lines.append(f"{written} {value}")


def rows_for(style: Style, most: int, extra: int) -> int:
    """How many lines there are: up to `most`, as the height allows beside `extra` others."""
    room = int(style.side / LINE + 0.1) - extra
    return int(style.random.integers(1, max(1, min(most, room)) + 1))


def sheet(style: Style, lines: float) -> tuple[float, float]:
    """Width and height: the longer is the style's side, the other as the content needs."""
    height = min(style.side, max(lines * style.row, style.side * 0.5))
    return style.side, height if style.random.random() < 0.6 else style.side


def form(style: Style) -> Document:
    titled = style.side >= 200 and style.random.random() < 0.7
    count = rows_for(style, 4, int(titled))
    labels = style.some(list(FIELDS), count)
    values = [FIELDS[label](style.random) for label in labels]
    style.fitting([f"{a}:  {b}" for a, b in zip(labels, values)], style.side - 2 * style.margin)
    width, height = sheet(style, count + titled)
    document = Document("form", style.page(width, height))
    free = max(height - (count + titled) * style.row, 0)
    y = free * style.random.uniform(0.2, 0.8) + style.row / 2
    if titled:
        title = style.pick(words.FORM_TITLES)
        heading(document, style, title, width, y, style.ink)
        document.questions.append(("What is the title?", title))
        y += style.row
    if style.random.random() < 0.5:
        rule(document, style, width, max(y - style.row / 2, 8))
    for label, value in zip(labels, values):
        pair(document, style, label, value, width, y)
        document.questions.append((f"What is the {label.lower()}?", value))
        y += style.row
    return document


def receipt(style: Style) -> Document:
    titled = style.side >= 200 and style.random.random() < 0.7
    count = rows_for(style, 3, 1 + titled)
    items = style.some(words.ITEMS, count)
    prices = [price(style.random) for _ in items]
    total = f"{sum(float(p) for p in prices):.2f}"
    style.fitting([f"{i}  {p}" for i, p in zip(items, prices)], style.side * 0.9 - 2 * style.margin)
    height = style.side
    width = height * style.random.uniform(0.8, 1.0)
    style.fitting([f"{i}  {p}" for i, p in zip(items, prices)], width - 2 * style.margin)
    document = Document("receipt", style.page(width, height))
    free = max(height - (count + 1 + titled) * style.row, 0)
    y = free * style.random.uniform(0.1, 0.6) + style.row / 2
    if titled:
        title = style.pick(words.SHOPS)
        heading(document, style, title, width, y, style.ink)
        document.questions.append(("What is the title?", title))
        y += style.row
    for item, value in zip(items, prices):
        pair(document, style, item, value, width, y)
        document.questions.append((f"How much is the {item.lower()}?", value))
        y += style.row
    if style.random.random() < 0.5:
        rule(document, style, width, y - style.row / 2)
    pair(document, style, "Total", total, width, y)
    document.questions.append(("What is the total?", total))
    document.questions.append(("How many items are there?", str(count)))
    return document


def label(style: Style) -> Document:
    product, number_of, ink_name = style.pick(words.PRODUCTS), code(style.random), style.pick(words.COLORS)
    weight = f"{style.random.integers(1, 100) * 10} g"
    lines = [product, number_of] + ([weight] if style.side >= 200 else [])
    style.fitting(lines, style.side * 0.8)
    width, height = sheet(style, len(lines))
    document = Document("label", style.page(width, height))
    colored = style.random.random() < 0.6
    shade = style.palette.shade(ink_name, style.random)
    free = max(height - len(lines) * style.row, 0)
    y = free * style.random.uniform(0.2, 0.8) + style.row / 2
    band = colored and style.random.random() < 0.5
    for i, text in enumerate(lines):
        ink = style.ink
        left = (width - style.width(text)) * style.random.uniform(0.1, 0.9)
        if i == 0 and colored and not band:
            half = style.size * 0.8
            document.canvas.draw.rectangle((0, y - half, width, y + half), fill=shade)
            document.canvas.mark((0, y - half, width, y + half), ink_name)
            ink = (255, 255, 255) if sum(shade) < 480 else (0, 0, 0)
        document.canvas.text(left, y, text, style.file, style.size, ink)
        document.lines.append(text)
        y += style.row
    if band:
        edge = style.random.integers(12, 24)
        document.canvas.draw.rectangle((0, 0, edge, height), fill=shade)
        document.canvas.mark((0, 0, edge, height), ink_name)
    if colored:
        document.questions.append(("What color is the band?", ink_name))
    document.questions.append(("What is the product?", product))
    document.questions.append(("What is the code?", number_of))
    if len(lines) > 2:
        document.questions.append(("What is the weight?", weight))
    return document


def table(style: Style) -> Document:
    count = rows_for(style, 3, 1)
    column = style.pick(words.COLUMNS)
    names = style.some(words.PRODUCTS + words.ITEMS, count)
    values = [number(style.random) for _ in names]
    style.fitting([f"{name}  {column}" for name in [*names, "Item"]], style.side - 2 * style.margin)
    width, height = sheet(style, count + 1)
    document = Document("table", style.page(width, height))
    canvas, margin = document.canvas, style.margin
    free = max(height - (count + 1) * style.row, 0)
    y = free * style.random.uniform(0.2, 0.8) + style.row / 2
    first = margin + max(style.width(name) for name in [*names, "Item"]) + style.size * 0.5
    spare = max(width - margin - style.width(column) - first, 0)
    left = first + spare * style.random.uniform(0.2, 0.9)
    for i, (name, value) in enumerate([("Item", column), *zip(names, values)]):
        half = style.row / 2
        if style.layout == "zebra" and i % 2:
            shade = tuple(int(0.86 * p + 0.14 * k) for p, k in zip(style.paper, style.ink))
            canvas.draw.rectangle((0, y - half, width, y + half), fill=shade)
        canvas.text(margin, y, name, style.file, style.size, style.ink)
        before = canvas.written
        canvas.text(left, y, value, style.file, style.size, style.ink)
        canvas.relate(name, before)
        if style.layout in ["ruled", "boxed"] or (i == 0 and style.layout != "colon"):
            canvas.draw.line((margin, y + half, width - margin, y + half), fill=style.ink)
        document.lines.append(f"{name} {value}")
        y += style.row
    if style.layout == "boxed":
        x = left - 6
        canvas.draw.line((x, y - style.row * (count + 1.5), x, y - style.row / 2), fill=style.ink)
    for name, value in zip(names, values):
        document.questions.append((f"What is the {column.lower()} of {name.lower()}?", value))
    document.questions.append(("How many items are there?", str(count)))
    return document


def chart(style: Style) -> Document:
    large = style.side >= 200
    count = int(style.random.integers(2, 4))
    style.size = min(style.size, 36)
    labels = style.some(words.DAYS if style.random.random() < 0.5 else words.MONTHS, count)
    colors = style.some(words.COLORS, count)
    width, height = style.side, style.side * style.random.uniform(0.75, 1.0)
    slot = (width - 2 * style.margin) / count
    style.fitting(labels, slot - 6)
    document = Document("chart", style.page(width, height))
    canvas = document.canvas
    titled = large and style.random.random() < 0.6
    top = style.size * (1.9 if titled else 0.6)
    base = height - style.size * 1.4
    if titled:
        title = style.pick(words.CHART_TITLES)
        heading(document, style, title, width, style.size * 0.9, style.ink)
        document.questions.append(("What is the title?", title))
    levels = np.array(LEVELS)[style.random.permutation(len(LEVELS))[:count]] - style.random.uniform(0, 0.06, count)
    bar = slot * style.random.uniform(0.5, 0.8)
    if style.unseen:
        for share in [0.25, 0.5, 0.75, 1.0]:
            y = base - share * (base - top)
            shade = tuple(int(0.75 * p + 0.25 * k) for p, k in zip(style.paper, style.ink))
            canvas.draw.line((style.margin, y, width - style.margin, y), fill=shade)
    for i in range(count):
        left = style.margin + slot * i + (slot - bar) / 2
        box = (left, base - levels[i] * (base - top), left + bar, base)
        shade = style.palette.shade(colors[i], style.random)
        canvas.draw.rectangle(box, fill=shade, outline=style.ink if style.unseen else None)
        canvas.mark(box, colors[i])
        start = style.margin + slot * (i + 0.5) - style.width(labels[i]) / 2
        before = canvas.written
        canvas.text(start, base + style.size * 0.75, labels[i], style.file, style.size, style.ink)
        canvas.relate(colors[i], before)
        if levels[i] in (max(levels), min(levels)):
            canvas.rank("tallest" if levels[i] == max(levels) else "shortest", before)
    canvas.draw.line((style.margin, base, width - style.margin, base), fill=style.ink, width=2)
    document.lines.append(" ".join(labels))
    tallest, shortest = int(levels.argmax()), int(levels.argmin())
    document.questions += [
        ("Which bar is tallest?", labels[tallest]),
        ("Which bar is shortest?", labels[shortest]),
        ("What color is the tallest bar?", colors[tallest]),
        ("How many bars are there?", str(count)),
    ]
    for name, color in zip(labels, colors):
        document.questions.append((f"What color is the bar of {name}?", color))
    return document


KINDS = {"form": form, "receipt": receipt, "label": label, "table": table, "chart": chart}


def draw(
    random: np.random.Generator,
    unseen: bool = False,
    side: int = SIDE,
    camera: bool = True,
    shares: tuple[float, ...] = (),
) -> Document:
    """One document of a random kind, all alike or by `shares`. Small sides hold fewer lines in the same size of writing."""
    style = Style(random, unseen, side)
    kind = random.choice(len(KINDS), p=shares) if shares else random.integers(len(KINDS))
    document = KINDS[list(KINDS)[kind]](style)
    document.questions.append(("What is this?", document.kind))
    if camera:
        document.canvas.photographed(random, 1.0)
    return document
