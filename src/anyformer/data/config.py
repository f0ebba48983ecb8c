"""The recipe's section `data`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from anyformer.data.cleaning import Cleaning
from anyformer.data.corpus import Corpus, Source
from anyformer.spec import Spec, spec


@spec
class DataConfig(Spec):
    """Which sentence pairs, how they are cleaned, how long they may be, and how many tokens a batch takes."""

    corpus: Corpus  # the pairs to train on
    validation: Source | None = None  # null: the corpus's own part, else 2 % held out; or a corpus, or {kind: HeldOut, share: 0.02}
    test: Corpus | None = None  # null: the corpus's own part, if it has one
    cleaning: Cleaning = Cleaning()  # of the training pairs; validation and test stay as they are, but for empty lines
    max_pairs: int | None = None  # train on the first so many pairs only; null: on all
    max_length: int = 256  # tokens a side, begin or end of sentence included
    over_length: Literal["drop", "cut"] = "drop"  # what happens to a training pair that is longer
    bpe_dropout: float = 0.0  # share of BPE's merges left out at random, so that training sees each word in many pieces (Provilkov et al. 2020)
    batch_tokens: int = 4096  # positions a side in a batch, padding included; of the whole run, all processes together

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.max_pairs is not None and self.max_pairs < 1:
            yield "max_pairs", f"must be at least 1, or null for all; got {self.max_pairs}"
        if self.max_length < 2:
            yield "max_length", f"must be at least 2, one token and the end of the sentence; got {self.max_length}"
        if not 0 <= self.bpe_dropout < 1:
            yield "bpe_dropout", f"must be at least 0 and below 1; got {self.bpe_dropout}"
        if self.batch_tokens < 2:
            yield "batch_tokens", f"must be at least 2; got {self.batch_tokens}"

    @property
    def length_limit(self) -> int:
        """Tokens a side that a training example may have: `max_length`, or a whole batch where that is less."""
        return min(self.max_length, self.batch_tokens)
