"""The tensors of a run: the model's, the optimizer's, and the moving average's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from anyformer.checkpoint import Step
from anyformer.distributed import World
from anyformer.errors import CheckpointError, Problem
from anyformer.training.ema import MovingAverage
from anyformer.training.optimizers import Optimizer


class Weights:
    """What a step saves and a resumed run takes over.

    Args:
        ema: decay of the moving average; None: there is none.
        world: the processes that train together.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, ema: float | None, world: World | None = None):
        self.model = model
        self.optimizers = optimizer.build(model, world)
        self.moving_average = MovingAverage(model, ema) if ema is not None else None

    def average(self, step: int) -> None:
        if self.moving_average is not None:
            self.moving_average.update(step)

    def parts(self) -> dict[str, Mapping[str, Tensor]]:
        """Part of a saved step -> its tensors."""
        parts: dict[str, Mapping[str, Tensor]] = {"model": self.model.state_dict(), "optimizer": self.optimizers.tensors()}
        return parts if self.moving_average is None else parts | {"ema": self.moving_average.tensors()}

    def load(self, saved: Step) -> None:
        """Takes over a saved step; a moving average that it does not have starts from its weights.

        Raises:
            CheckpointError: it is damaged, or of another model or optimizer; nothing is changed if a file is damaged.
        """
        model, optimizer = saved.tensors("model"), saved.tensors("optimizer")
        average = saved.tensors("ema") if self.moving_average is not None and "ema" in saved.parts else model
        self._check(model, saved.path)
        self.model.load_state_dict(model)
        self.optimizers.load(optimizer)
        if self.moving_average is not None:
            self.moving_average.load(average)

    def _check(self, tensors: Mapping[str, Tensor], path: Path) -> None:
        own = self.model.state_dict()
        problems = [Problem(name, f"is not in {path.name}") for name in own if name not in tensors]
        problems += [Problem(name, f"is in {path.name} and not in the model") for name in tensors if name not in own]
        shapes = [(name, list(tensors[name].shape), list(own[name].shape)) for name in own if name in tensors]
        problems += [Problem(name, f"has the shape {theirs} in {path.name} and {ours} here") for name, theirs, ours in shapes if theirs != ours]
        if problems:
            raise CheckpointError(*problems)
