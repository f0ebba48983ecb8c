"""What an observer is told. Every method does nothing until a subclass says otherwise; only the first process has observers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple


class Now(NamedTuple):
    """Where the run is, after a step. Nothing in it waits for the device."""

    step: int  # updates done
    fraction: float  # of the run that lies behind, by the nearest limit
    elapsed: float  # seconds of training, earlier processes included
    max_steps: int | None


class Observer:
    """Base of all observers. `line` is one line of metrics, see `MetricsFile`."""

    def rewind(self, step: int) -> None:
        """What was told of steps behind `step` no longer holds. Called before the first step, with 0 for a fresh run, and after a rollback."""

    def stepped(self, now: Now) -> None:
        """An update was made."""

    def logged(self, line: dict[str, Any]) -> None:
        """`log_every` steps are over."""

    def validated(self, line: dict[str, Any]) -> None:
        """The model was evaluated; it is still in evaluation mode, with gradients off and at the precision of the run."""

    def saving(self, step: int) -> None:
        """A step is about to be saved: what was told up to it must survive."""

    def saved(self, path: Path) -> None:
        """A step was saved as this folder."""

    def notice(self, message: str) -> None:
        """Something that the user should know: a rollback, a fallback, a changed setting."""

    def close(self) -> None:
        """The trainer is done, whether well or with an error."""
