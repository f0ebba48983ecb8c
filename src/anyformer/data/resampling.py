"""`Resampling`: examples whose words are cut into pieces anew whenever they are drawn, as a pure function of (seed, epoch, example)."""

from __future__ import annotations

import numpy as np

from anyformer.data.dataset import TokenizedPairs
from anyformer.data.objectives import BoundObjective, Example
from anyformer.data.sampler import noise
from anyformer.text import Tokenizer
from anyformer.text.bpe_dropout import BpeDropout


class Resampling:
    """BPE-dropout on both sides of a dataset.

    Attributes:
        lengths: [N, sides] positions that the examples take, a mean and one standard deviation; batches are planned by them, so that few take more than their budget.

    Raises:
        ConfigError: a share that is none, or a tokenizer without merges.
    """

    def __init__(self, dataset: TokenizedPairs, objective: BoundObjective, source: Tokenizer, target: Tokenizer, share: float, seed: int):
        self._dataset = dataset
        self._objective = objective
        self._seed = seed
        self._source = BpeDropout(source, share, seed)
        self._target = self._source if target is source else BpeDropout(target, share, seed)
        self.lengths = np.array([self._likely(example, lengths) for example, lengths in zip(dataset, dataset.lengths.tolist(), strict=True)], dtype=np.int64)
        self.fingerprint = f"{share:g}"

    def example(self, index: int, epoch: int) -> Example:
        """One example as it is cut in this epoch; as it is in the dataset where it would become longer than the objective allows."""
        plain = self._dataset[index]
        ways = (noise(self._seed, epoch, f"cut {index}", len(plain.source) + len(plain.target)) >> np.uint64(32)).tolist()
        cut = Example(self._source.resample(plain.source, ways), self._target.resample(plain.target, ways[len(plain.source) :]))
        limit = self._objective.max_length
        return plain if limit is not None and max(self._objective.lengths(cut)) > limit else cut

    def _likely(self, plain: Example, lengths: list[int]) -> list[int]:
        source, target = (side.likely_length(ids) - len(ids) for side, ids in ((self._source, plain.source), (self._target, plain.target)))
        more = [source, target] if len(lengths) == 2 else [source + target]
        limit = self._objective.max_length or 2**63
        return [min(round(n + m), limit) for n, m in zip(lengths, more, strict=True)]
