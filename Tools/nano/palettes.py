"""Colors: of training, and of the pictures that training never sees. Red, green and blue of 0 to 255."""

from dataclasses import dataclass

import numpy as np

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """Backgrounds with inks that can be read on them, and one shade per color name for bars and lines."""

    papers: list[tuple[Color, list[Color]]]  # paper, inks
    shades: dict[str, list[Color]]
    jitter: int

    def paper(self, random: np.random.Generator) -> tuple[Color, Color]:
        paper, inks = self.papers[random.integers(len(self.papers))]
        return self.near(paper, random), self.near(inks[random.integers(len(inks))], random)

    def shade(self, name: str, random: np.random.Generator) -> Color:
        return self.near(self.shades[name][random.integers(len(self.shades[name]))], random)

    def near(self, color: Color, random: np.random.Generator) -> Color:
        moved = np.array(color) + random.integers(-self.jitter, self.jitter + 1, 3)
        return tuple(int(v) for v in np.clip(moved, 0, 255))


DARK_INKS = [(15, 15, 15), (40, 40, 45), (20, 20, 90), (90, 15, 15), (10, 70, 20)]
LIGHT_INKS = [(245, 245, 245), (250, 235, 160)]

TRAINING = Palette(
    papers=[
        ((252, 252, 252), DARK_INKS),
        ((240, 240, 236), DARK_INKS),
        ((250, 245, 220), DARK_INKS),
        ((222, 236, 250), DARK_INKS),
        ((226, 246, 226), DARK_INKS),
        ((250, 228, 220), DARK_INKS),
        ((30, 34, 60), LIGHT_INKS),
        ((45, 45, 45), LIGHT_INKS),
    ],
    shades={
        "red": [(220, 30, 30), (190, 20, 40)],
        "green": [(30, 160, 50), (60, 190, 70)],
        "blue": [(40, 70, 220), (30, 110, 230)],
        "orange": [(250, 140, 20), (240, 120, 10)],
        "purple": [(130, 40, 170), (150, 70, 200)],
        "brown": [(130, 80, 40), (110, 65, 30)],
        "gray": [(140, 140, 140), (120, 120, 120)],
        "pink": [(250, 130, 180), (245, 150, 195)],
    },
    jitter=10,
)

UNSEEN = Palette(
    papers=[
        ((236, 226, 250), [(50, 20, 80), (10, 60, 70)]),
        ((210, 240, 238), [(10, 60, 70), (60, 30, 10)]),
        ((244, 236, 190), [(50, 20, 80), (60, 30, 10)]),
        ((214, 220, 226), [(50, 20, 80), (5, 35, 45)]),
        ((250, 240, 246), [(100, 10, 60), (10, 60, 70)]),
        ((20, 60, 50), [(225, 245, 235)]),
    ],
    shades={
        "red": [(205, 45, 20)],
        "green": [(20, 130, 80), (100, 180, 40)],
        "blue": [(70, 100, 190), (20, 80, 170)],
        "orange": [(225, 125, 50)],
        "purple": [(105, 50, 140)],
        "brown": [(145, 95, 60)],
        "gray": [(155, 158, 150)],
        "pink": [(230, 115, 150)],
    },
    jitter=4,
)
