"""Pages full of text without sense: what the encoder learns to read on."""

import numpy as np

import documents
import fonts
import words


def page_of_text(random: np.random.Generator, side: int) -> documents.Document:
    """As many words and numbers as fit, and colored blocks, each word in another font."""
    style = documents.Style(random, False, side)
    style.size = int(random.integers(18, 33))
    style.row = style.size * random.uniform(1.2, 1.6)
    document = documents.Document("text", style.page(side, side))
    y = style.row * random.uniform(0.5, 0.8)
    while y < side - style.size * 0.4:
        x = random.uniform(2, 24)
        style.file = style.pick(fonts.TRAINING)
        while x < side - 10:
            text = documents.FIELDS[style.pick(list(documents.FIELDS))](random)
            if random.random() < 0.5:
                text = style.pick([*words.ITEMS, *words.PRODUCTS, *words.COLUMNS, *documents.FIELDS, "Total:", "Item"])
            if x + style.width(text) > side:
                break
            if random.random() < 0.15:
                name = style.pick(words.COLORS)
                half = random.uniform(0.1, 0.6) * style.size
                box = (x, y - half, min(x + random.uniform(0.5, 4) * style.size, side), y + half)
                document.canvas.draw.rectangle(box, fill=style.palette.shade(name, random))
                document.canvas.mark(box, name)
                x = box[2]
            else:
                x = document.canvas.text(x, y, text, style.file, style.size, style.ink)
            x += style.size * random.uniform(0.4, 1.5)
        y += style.row
    document.canvas.photographed(random, 1.0)
    return document
