"""The stages of training, in order. Small pictures first, then larger; the encoder first, then everything."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Pictures drawn on pages of `page` pixels and shown at `side`, `batch` of them in a step, this often."""

    side: int
    page: int
    batch: int
    share: float


@dataclass(frozen=True)
class Stage:
    number: int
    name: str
    after: tuple[str, ...]  # the stages it begins from; those that learn different parts may run at the same time
    steps: int
    kind: str  # "read": the encoder, on pages of text; "speak": the language model, on spelled pictures; "answer": all
    sizes: tuple[Size, ...]
    rate: float
    final_rate: float  # reached linearly over the last `cooling` share of the steps
    cooling: float
    reading: float  # weight of what the heads read
    matching: float  # weight of the distance between image tokens and spelled ones
    turns: int = 0  # questions about each picture, reading all of it being the first
    warmup: int = 100


SEED = 20261122
# Of the language model, as a share of a stage's rate: at 1.5e-3 it hardly learned to find a value by its label.
LANGUAGE_RATE = 0.4
STAGES = [
    Stage(1, "read", (), 2600, "read", (Size(128, 160, 32, 1.0),), 2e-3, 5e-4, 0.4, 1.0, 0.0),
    Stage(2, "speak", (), 2500, "speak", (Size(128, 160, 8, 0.2), Size(192, 240, 8, 0.3), Size(256, 320, 8, 0.5)),
          1.2e-3, 6e-5, 0.5, 0.0, 0.0, 8),
    Stage(3, "align", ("read", "speak"), 600, "answer", (Size(128, 160, 32, 0.2), Size(192, 240, 20, 0.4), Size(256, 320, 12, 0.4)),
          1.5e-3, 1.5e-3, 0.0, 0.5, 1.0, 4),
    Stage(4, "pages", ("align",), 2000, "answer", (
        Size(256, 320, 12, 0.65), Size(192, 320, 20, 0.1), Size(192, 240, 20, 0.1), Size(128, 320, 32, 0.05),
        Size(320, 320, 8, 0.05), Size(384, 320, 6, 0.05),
    ), 1.3e-3, 2e-5, 0.7, 0.3, 0.2, 6),
]  # fmt: skip
