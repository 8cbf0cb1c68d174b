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
    number: int  # seeds its pictures; in the order in which the stages were found
    name: str
    after: tuple[str, ...]  # the stages it begins from; those that learn different parts may run at the same time
    steps: int
    # What learns on what: "letters" stages 1 to 4 of the encoder on pages of text, "read" the whole encoder on them, "see"
    # encoder and projector on documents, "speak" the language model on spelled documents, "answer" everything on documents.
    kind: str
    sizes: tuple[Size, ...]
    rate: float
    final_rate: float  # reached linearly over the last `cooling` share of the steps
    cooling: float
    reading: float  # weight of what the heads read
    matching: float  # weight of the distance between image tokens and spelled ones
    turns: int = 0  # questions about each picture, reading all of it being the first
    drills: float = 0.0  # share of invented pictures among spelled ones
    shares: tuple[float, ...] = ()  # of the kinds of documents, in the order of `documents.KINDS`; all alike unless given
    warmup: int = 100


SEED = 20261122
# Shares of a stage's rate, for the language model's norms and biases and for its embedding. The embedding begins in the
# words that spelled tokens are made of; at a higher rate it forgets them before anything has learned to use them.
SLOPE_RATE = 0.5
EMBEDDING_RATE = 0.05
STAGES = [
    Stage(1, "letters", (), 2000, "letters", (Size(128, 160, 8, 1.0),), 3e-3, 2e-3, 0.5, 1.0, 0.0),
    Stage(2, "read", ("letters",), 700, "read", (Size(128, 160, 12, 1.0),), 2e-3, 2e-3, 0.0, 1.0, 0.0),
    Stage(5, "see", ("read",), 1500, "see", (Size(256, 320, 12, 0.7), Size(192, 320, 20, 0.15), Size(128, 160, 24, 0.15)),
          2e-3, 5e-4, 0.5, 1.0, 1.0),
    Stage(6, "drill", (), 500, "speak", (Size(128, 160, 16, 0.1), Size(192, 240, 16, 0.2), Size(256, 320, 16, 0.7)),
          2e-3, 2e-3, 0.0, 0.0, 0.0, 12, drills=1.0),
    Stage(3, "speak", ("drill",), 2200, "speak", (Size(128, 160, 16, 0.1), Size(192, 240, 16, 0.2), Size(256, 320, 16, 0.7)),
          2e-3, 1e-4, 0.6, 0.0, 0.0, 10, drills=0.15),
    Stage(7, "align", ("see", "speak"), 120, "see", (Size(256, 320, 24, 1.0),), 2e-3, 2e-3, 0.0, 0.3, 2.0, warmup=10),
    Stage(4, "pages", ("align",), 1100, "answer", (
        Size(256, 320, 24, 0.78), Size(192, 320, 32, 0.1), Size(128, 320, 32, 0.04), Size(320, 320, 16, 0.04),
        Size(384, 320, 12, 0.04),
    ), 1e-3, 2e-4, 0.7636, 0.3, 0.1, 6),
    # Names, cities and the letters of codes are many and come seldom: forms and labels more often than they are asked about.
    Stage(8, "polish", ("pages",), 560, "answer", (
        Size(256, 320, 24, 0.86), Size(192, 320, 32, 0.08), Size(128, 320, 32, 0.02), Size(320, 320, 16, 0.02),
        Size(384, 320, 12, 0.02),
    ), 3e-4, 5e-6, 1.0, 0.3, 0.1, 6, shares=(0.4, 0.2, 0.22, 0.1, 0.08), warmup=10),
]  # fmt: skip
