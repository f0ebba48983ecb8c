"""What every contender shares: the model's shape, the recipe's constants, the special ids, and the tokenised corpus.

Nothing here needs a package, so that it can be read from each toolkit's own environment.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

N_LAYERS = 4  # encoder and decoder each
D_MODEL = 128
D_FF = 256
N_HEADS = 4
VOCAB_SIZE = 9537
DROPOUT = 0.3
LABEL_SMOOTHING = 0.1
TOKENS_A_SIDE = 4096  # of a training batch, padding counted
LEARNING_RATE = 5e-4  # low enough to keep every contender stable for the length of a measurement
PAD, BOS, EOS, UNK = 0, 1, 2, 3

DECODING_ROWS = 32
DECODING_LENGTH = 20  # forced: with random weights each toolkit would stop elsewhere


class Corpus(NamedTuple):
    """Token ids without special ids."""

    train: list[tuple[list[int], list[int]]]  # source, target
    test: list[list[int]]  # sources

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self._asdict()))

    @staticmethod
    def load(path: str | Path) -> Corpus:
        data = json.loads(Path(path).read_text())
        return Corpus([(source, target) for source, target in data["train"]], data["test"])

    def test_batches(self) -> list[list[list[int]]]:
        """The test sources in batches of `DECODING_ROWS` of like length, in an order that makes any stretch of them a fair sample."""
        by_length = sorted(self.test, key=len)
        batches = [by_length[i : i + DECODING_ROWS] for i in range(0, len(by_length) - DECODING_ROWS + 1, DECODING_ROWS)]
        stride = 7  # has no divisor in common with the 31 batches of 1,000 sentences
        return [batches[i * stride % len(batches)] for i in range(len(batches))]
