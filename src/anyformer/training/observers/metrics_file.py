"""`metrics.jsonl`: one line of JSON for each log line and each validation.

    {"step": 50, "epoch": 0.21, "tokens": 398201, "loss": 5.9, "ppl": 365.0, "lr": 2.5e-05, "grad_norm": 1.2, "tokens_per_second": 11800.0, "elapsed": 33.7}
    {"step": 500, "epoch": 2.1, "validation": {"loss": 2.1, "ppl": 8.2}, "elapsed": 341.0}

loss is in nats a target, without label smoothing. Where there are experts, a log line also has "aux_loss" (what they add to the loss that is
trained, summed over layers), "dropped" (share of the tokens' copies that found no place) and "load" (the busiest expert's tokens over the mean
expert's: 1 is even), means over layers. `"final": true` marks lines that only the end of a run writes, `"weights": "average"`
those of other weights than the step's own.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from anyformer.checkpoint.files import write_text
from anyformer.errors import CheckpointError, Problem, counted
from anyformer.training.observers.observer import Observer

TIME_FIELDS = ("elapsed", "tokens_per_second")  # the only fields in which a resumed run differs from one in one go


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a metrics file; damaged ones, and one that a kill cut short, are left out."""
    return _sorted_out(path)[0]


def _sorted_out(path: Path) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The lines that hold metrics, and the others as they stand there, but for a last one that a kill cut short."""
    whole, damaged = [], []
    for text in path.read_bytes().splitlines(keepends=True):
        try:
            line = json.loads(text)
            float(line["step"])  # or it is no line of ours
            whole.append(line)
        except (ValueError, TypeError, KeyError):
            if text.endswith(b"\n"):
                damaged.append(text)
    return whole, damaged


class MetricsFile(Observer):
    """Writes every line at once, so that a kill loses none, and to the disk before a step is saved.

    Args:
        say: told of damaged lines that a resumed run has found, and set aside in `metrics.damaged`.
    """

    def __init__(self, path: Path, say: Callable[[str], None] = lambda message: None):
        self.path = Path(path)
        self._say = say
        self._file: IO[str] | None = None

    def rewind(self, step: int) -> None:
        self.close()
        kept: list[dict[str, Any]] = []
        if step > 0 and self.path.exists():
            whole, damaged = _sorted_out(self.path)
            kept = [line for line in whole if line["step"] <= step and not line.get("final")]
            self._set_aside(damaged)
        self._try(lambda: write_text(self.path, "".join(json.dumps(line) + "\n" for line in kept)))
        self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115  closed by close()

    def _set_aside(self, damaged: list[bytes]) -> None:
        if not damaged:
            return
        aside = self.path.with_suffix(".damaged")
        with open(aside, "ab") as file:
            file.writelines(damaged)
        self._say(f"{self.path} has {counted(len(damaged), 'damaged line')}: set aside in {aside.name}, the others are kept")

    def logged(self, line: dict[str, Any]) -> None:
        assert self._file is not None
        file = self._file
        self._try(lambda: (file.write(json.dumps(_finite(line), allow_nan=False) + "\n"), file.flush()))

    validated = logged

    def saving(self, step: int) -> None:
        if self._file is not None:
            handle = self._file.fileno()
            self._try(lambda: os.fsync(handle))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _try(self, write: Any) -> None:
        try:
            write()
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise CheckpointError(Problem(str(self.path), f"could not be written: {reason}. The steps saved before are whole")) from error


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
