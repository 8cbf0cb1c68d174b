"""Drills for the language model: invented grids of words and numbers, with many questions about what belongs to what.

A document has two or three things to look up; here there are a dozen, so that looking up is learned early and well.
"""

import numpy as np

import documents
import words
from canvas import CELL, KINDS, PARTNER_INDEX, WORD_INDEX

LOOKUPS = 12


def drill(random: np.random.Generator, side: int) -> tuple[dict[str, np.ndarray], list[tuple[str, str]]]:
    """Maps of a picture of `side` pixels as `canvas.maps` makes them, and questions with their answers."""
    maps = {n: np.zeros((side // kind.height, side // kind.width), np.int16) for n, kind in KINDS.items()}
    across, down = CELL // KINDS["words"].width, CELL // KINDS["words"].height
    tokens = (side // CELL) ** 2
    things = random.permutation(words.PRODUCTS + words.ITEMS + words.NAMES)[:tokens]
    bars = random.permutation(words.DAYS + words.MONTHS)[:tokens]
    questions = []
    for token, (thing, bar) in enumerate(zip(things, bars)):
        for value, partner in [(thing, None), (None, thing), (bar, words.COLORS[random.integers(len(words.COLORS))])]:
            if random.random() < 0.4:
                continue
            # A label stands somewhere else than its value, or nowhere.
            place = random.integers(tokens) if partner is None else token
            row, column = divmod(int(place), side // CELL)
            cell = (row * down + random.integers(down), column * across + random.integers(across))
            if maps["words"][cell] or maps["digits0"][cell]:
                continue
            if value is not None:
                maps["words"][cell] = WORD_INDEX[value]
            if partner is None:
                continue
            maps["partners"][cell] = PARTNER_INDEX[partner]
            if value is not None:
                questions.append((f"What color is the bar of {value}?", partner))
                continue
            priced = random.random() < 0.5
            number = documents.price(random) if priced else documents.number(random)
            for digit, sign in enumerate(number.replace(".", "")):
                maps[f"digits{digit}"][cell] = int(sign) + 1
            asked = f"How much is the {partner.lower()}?"
            if not priced:
                asked = f"What is the {words.COLUMNS[random.integers(len(words.COLUMNS))].lower()} of {partner.lower()}?"
            questions.append((asked, number))
    order = random.permutation(len(questions))[:LOOKUPS]
    return maps, [questions[i] for i in order]
