"""`Resampling`: examples whose words are cut into pieces anew whenever they are drawn, as a pure function of (seed, epoch, example)."""

from __future__ import annotations

import numpy as np

from anyformer.data.dataset import TokenizedPairs
from anyformer.data.objectives import BoundObjective, Example
from anyformer.data.sampler import Sampler, noise
from anyformer.text import Tokenizer
from anyformer.text.bpe_dropout import BpeDropout


class Resampling:
    """BPE-dropout on both sides of a dataset.

    Raises:
        ConfigError: a share that is none, or a tokenizer without merges.
    """

    def __init__(self, dataset: TokenizedPairs, objective: BoundObjective, source: Tokenizer, target: Tokenizer, share: float, seed: int):
        self._dataset = dataset
        self._objective = objective
        self._seed = seed
        self._source = BpeDropout(source, share, seed)
        self._target = self._source if target is source else BpeDropout(target, share, seed)
        self.fingerprint = f"{share:g}"
        self._known: tuple[int, np.ndarray] | None = None  # lengths in the epoch that the run is in

    def sampler(self, tokens_per_batch: int, seed: int) -> Sampler:
        """Batches planned for the lengths of the first epoch, and ordered in each by its own: texts of one length stay together."""
        return Sampler(self.lengths(0), tokens_per_batch, seed, self.lengths)

    def lengths(self, epoch: int) -> np.ndarray:
        """[N, sides] positions that the examples take in this epoch: all of them are cut, some three seconds for 29,000 pairs."""
        if self._known is None or self._known[0] != epoch:
            self._known = epoch, self._cut_lengths(epoch)
        return self._known[1]

    def _cut_lengths(self, epoch: int) -> np.ndarray:
        return np.array([self._objective.lengths(self.example(i, epoch)) for i in range(len(self._dataset))], dtype=np.int64)

    def example(self, index: int, epoch: int) -> Example:
        """One example as it is cut in this epoch; as it is in the dataset where it would become longer than the objective allows."""
        plain = self._dataset[index]
        ways = (noise(self._seed, epoch, f"cut {index}", len(plain.source) + len(plain.target)) >> np.uint64(32)).tolist()
        cut = Example(self._source.resample(plain.source, ways), self._target.resample(plain.target, ways[len(plain.source) :]))
        limit = self._objective.max_length
        return plain if limit is not None and max(self._objective.lengths(cut)) > limit else cut
