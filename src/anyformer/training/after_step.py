"""What parts do after each update: draw random features anew, shift the bias of a router."""

from __future__ import annotations

import torch
from torch import nn

from anyformer.distributed import World, sum_tensors
from anyformer.training.update import seed_of

_RANK = -1  # of no process: what is drawn here is the same in all, and no step draws it


class AfterStep:
    """Calls `after_step(step)` of every part of `model` that has it (see `Part`), in the order in which they stand.

    Random numbers depend on nothing but (seed, step), so that a resumed run draws what one that was not stopped draws.
    """

    def __init__(self, model: nn.Module, seed: int, world: World):
        self._parts = [part for part in model.modules() if hasattr(part, "after_step")]
        self._counts = [getattr(part, name) for part in self._parts for name in getattr(part, "summed", ())]
        self._seed, self._world = seed, world

    @torch.no_grad()
    def __call__(self, step: int) -> None:
        if not self._parts:
            return
        sum_tensors(self._counts, self._world)
        torch.default_generator.manual_seed(seed_of(self._seed, step, _RANK))
        for part in self._parts:
            part.after_step(step)  # type: ignore[operator]
