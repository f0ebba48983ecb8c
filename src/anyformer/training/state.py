"""What training carries from step to step beside weights and optimizer; all of it is in `state.json`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from anyformer.training.guard import Record


@dataclass
class TrainState:
    """Everything the next step depends on, so that a resumed run is the run that was never stopped.

    No state of a random generator is in it: each step seeds its own from (seed, cursor, rank).
    """

    step: int = 0  # updates done
    cursor: int = 0  # batches behind us: steps, and those skipped after a rollback
    tokens: int = 0  # source and target tokens that are not padding
    elapsed: float = 0.0  # seconds of training
    lr: float = 0.0  # of the last step
    history: list[float] = field(default_factory=list)  # recent losses, for spikes
    window: list[Record] = field(default_factory=list)  # steps since the last log line
    rollbacks: list[dict[str, Any]] = field(default_factory=list)
    best_step: int | None = None
    best_loss: float | None = None  # validation, nats a target
    evaluations_since_best: int = 0

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"window": [list(r) for r in self.window]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrainState:
        return cls(**{**data, "window": [Record(*r) for r in data["window"]]})
