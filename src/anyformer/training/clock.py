"""Elapsed training time that a resumed run can live through again.

A run limited by minutes derives its learning rate from the clock. So that a process that was killed and started again computes the same
weights as it did before, the time used at each step is written down, and read instead of the clock where a step is repeated.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import IO

from anyformer.checkpoint.files import write_text


class Clock:
    """Seconds of training, summed over resumes.

    Args:
        elapsed: seconds that lie behind.
        journal: file with a line `<key> <seconds>` for each step; None: nothing is written down.
    """

    def __init__(self, elapsed: float = 0.0, journal: Path | None = None, fresh: bool = True):
        self._recorded: dict[str, float] = {}
        self._file: IO[str] | None = None
        if journal is not None:
            if not fresh and journal.exists():
                self._recorded = _read(journal)
            write_text(journal, "".join(f"{key} {seconds!r}\n" for key, seconds in self._recorded.items()))  # without a line that a kill cut short
            self._file = open(journal, "a", encoding="utf-8")  # noqa: SIM115  closed by close()
        self._zero = time.perf_counter() - elapsed

    def now(self) -> float:
        return time.perf_counter() - self._zero

    def at(self, key: str) -> float:
        """Seconds elapsed at the step called `key`: as recorded, from where the clock then goes on, else now."""
        if key in self._recorded:
            self._zero = time.perf_counter() - self._recorded[key]
            return self._recorded[key]
        seconds = self.now()
        if self._file is not None:
            self._recorded[key] = seconds
            self._file.write(f"{key} {seconds!r}\n")
            self._file.flush()
        return seconds

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _read(path: Path) -> dict[str, float]:
    recorded = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        key, _, seconds = line.partition(" ")
        with contextlib.suppress(ValueError):  # a damaged line: the clock itself is read for that step
            if line.endswith("\n"):
                recorded[key] = float(seconds)
    return recorded
