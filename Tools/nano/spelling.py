"""Image tokens made of the teacher's maps: what a perfect reader would show the language model."""

import torch
from torch import nn

from canvas import CELL, KINDS, Kind
from conversations import ids

RELATIONS = ("partners", "ranks")  # what belongs to what, and how high it reaches
MOST_CELLS = 8  # in a row or a column, at 512 pixels
EMBEDDED = 0.05  # standard deviation of the language model's embedding at the start


class Spelling(nn.Module):
    """Spells maps in fixed vectors, so that the language model can learn from them while the encoder learns to produce them.

    A word is told in the language model's own first embedding of it (`begin_alike`), turned a little differently for each
    part of the token's square: finding and repeating what is written then need not be learned word by word.
    """

    def __init__(self, hidden: int):
        super().__init__()
        self.hidden = hidden
        self.tables, self.turns = nn.ParameterDict(), nn.ParameterDict()
        for name, kind in self.kinds().items():
            parts = (CELL // kind.height) * (CELL // kind.width)
            self.tables[name] = nn.Parameter(torch.zeros(len(kind.values), hidden))
            turn = torch.eye(hidden)
            other = nn.init.orthogonal_(torch.empty(hidden, hidden))
            if name in ("digits1", "digits2", "digits3"):
                turn = other
            elif name in RELATIONS:
                turn = 0.7 * (turn + other)
            noise = 0.3 * hidden**-0.5 * torch.randn(parts, hidden, hidden)
            self.turns[name] = nn.Parameter(turn + noise)
        self.rows = nn.Parameter(0.1 * torch.randn(MOST_CELLS, hidden))
        self.columns = nn.Parameter(0.1 * torch.randn(MOST_CELLS, hidden))
        self.requires_grad_(False)

    @staticmethod
    def kinds() -> dict[str, Kind]:
        """Words, numbers and colors; single characters would only be noise to what says whole words."""
        return {name: kind for name, kind in KINDS.items() if name != "signs"}

    @torch.no_grad()
    def begin_alike(self, words: torch.Tensor) -> None:
        """Gives every word, digit and color a vector, and the tokens that spell it in the embedding `words` nearly the same."""
        drawn = {}
        for name, kind in self.kinds().items():
            for row, value in enumerate(kind.values):
                if value not in drawn:
                    drawn[value] = EMBEDDED * torch.randn(self.hidden)
                    for token in alone(value):
                        words[token] = 0.9 * drawn[value] + 0.44 * EMBEDDED * torch.randn(self.hidden)
                self.tables[name][row] = 3 * drawn[value]

    def forward(self, maps: dict[str, torch.Tensor]) -> torch.Tensor:
        """Maps of a side of s pixels to `[n, (s / 64)², 128]`."""
        cells, within = maps["words"].shape[1:], self.within("words")
        high, wide = cells[0] // within[0], cells[1] // within[1]
        total = (self.rows[:high, None] + self.columns[None, :wide]).reshape(1, high * wide, -1)
        for name in self.kinds():
            rows, columns = self.within(name)
            parts = maps[name].view(-1, high, rows, wide, columns).permute(0, 1, 3, 2, 4)
            parts = parts.reshape(len(parts), high * wide, rows * columns)
            told = nn.functional.pad(self.tables[name], (0, 0, 1, 0))[parts]
            total = total + torch.einsum("ntpd,pde->nte", told, self.turns[name])
        return total

    @staticmethod
    def within(name: str) -> tuple[int, int]:
        """Rows and columns of a map's cells in the square of one image token."""
        return CELL // KINDS[name].height, CELL // KINDS[name].width


def alone(value: str) -> list[int]:
    """The tokens that are one whole written word, with or without the space before it, as written or in lower case."""
    forms = {value, " " + value}
    if len(value) > 1:
        forms |= {form.lower() for form in forms}
    return [found[0] for form in sorted(forms) if len(found := ids(form)) == 1]
