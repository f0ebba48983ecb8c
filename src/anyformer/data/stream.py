"""`BatchStream`: from a step's number to this process's `Batch`."""

from __future__ import annotations

import dataclasses

import torch

from anyformer.batch import Batch
from anyformer.data.dataset import TokenizedPairs
from anyformer.data.objectives import BoundObjective, Example
from anyformer.data.resampling import Resampling
from anyformer.data.sampler import Sampler


class BatchStream:
    """Batches by step, so that a run can go on anywhere; nothing is remembered and nothing runs ahead.

    `resampling`: cuts the examples anew in each epoch, and has made the sampler.
    """

    def __init__(
        self, objective: BoundObjective, dataset: TokenizedPairs, sampler: Sampler, rank: int = 0, world: int = 1, resampling: Resampling | None = None
    ):
        self.objective = objective
        self.dataset = dataset
        self.sampler = sampler
        self.rank = rank
        self.world = world
        self.resampling = resampling

    @property
    def batches_in_epoch(self) -> int:
        return self.sampler.batches_in_epoch

    @property
    def fingerprint(self) -> str:
        """Changes with the data, how they are cut, the budget and the seed, not with the number of processes."""
        cut = f"-{self.resampling.fingerprint}" if self.resampling else ""
        return f"{self.dataset.fingerprint}-{self.sampler.fingerprint}{cut}"

    def epoch(self, step: int) -> int:
        return self.sampler.epoch(step)

    def batch(self, step: int) -> Batch:
        """This process's part of the step's batch; without a part (more processes than examples) one example of weight 0, so that all stay in step."""
        share = self.sampler.share(step, self.rank, self.world)
        if share:
            return self.objective.collate([self._example(i, step) for i in share], step)
        idle = self.objective.collate([self._example(self.sampler.indices(step)[0], step)], step)
        return dataclasses.replace(idle, weights=torch.zeros(idle.tokens.shape))

    def _example(self, index: int, step: int) -> Example:
        example: Example = self.resampling.example(index, self.epoch(step)) if self.resampling else self.dataset[index]
        return example
