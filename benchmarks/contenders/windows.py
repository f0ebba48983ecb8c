"""The contenders' side of a measurement in turns.

A contender works only while it is asked to, so that several can be measured in turns on the same cores:

    driver      -> {"seconds": 10.0, ...}                                  one line on standard input opens a window
    contender   -> {"amount": 61440, "seconds": 10.3, "steps": 9}          and is answered when it is over
    driver      -> {"end": true}
    contender   -> {"peak_mib": 1503, ...}                                 the last line, then it exits

A window ends with the first whole step after its time is up. Whatever else the contender prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def _answer(message: dict[str, Any]) -> None:
    print(json.dumps(message), file=_answers, flush=True)


class Windows:
    """Lets a contender work while a window is open, and measures what becomes of it.

    Attributes:
        command: what the driver asked for; keys other than `seconds` are the contender's own (`beam`).
    """

    def __init__(self, synchronize: Callable[[], object] = lambda: None, **facts: Any):
        """`facts` are told with the last line; `synchronize` waits for a device that works on after a step returned."""
        self.command: dict[str, Any] = {}
        self.facts = facts
        self._synchronize = synchronize

    def open(self) -> None:
        """Says that the contender is ready, and waits for the first window."""
        _answer({"ready": True})
        self._next()

    def did(self, amount: float) -> None:
        """A step is done, `amount` of work; where that ends the window, waits for the next."""
        self._amount += amount
        self._steps += 1
        if time.perf_counter() - self._start >= self.command["seconds"]:
            self._synchronize()
            _answer({"amount": self._amount, "seconds": time.perf_counter() - self._start, "steps": self._steps})
            self._next()

    def over(self, items: Iterable[T], count: Callable[[T], float]) -> Iterator[T]:
        """The items, one a step. `count` tells how much work an item was; fetching it is part of the window."""
        if not self.command:
            self.open()
        for item in items:
            yield item
            self.did(count(item))

    def _next(self) -> None:
        self.command = json.loads(sys.stdin.readline() or '{"end": true}')
        if self.command.get("end"):
            _answer(self.facts | {"peak_mib": _peak_mib()})
            os._exit(0)  # from the middle of a toolkit's own loop, which would save and evaluate first
        self._amount, self._steps = 0.0, 0
        self._start = time.perf_counter()


def _peak_mib() -> int:
    """The largest resident set of this process and of those that it has started, summed."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = " ".join(p.read_text() for p in Path("/proc/self/task").glob("*/children")).split()
    lines = [line for pid in children for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return round((own + sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))) / 1024)


def endless(items: Iterable[T]) -> Iterator[T]:
    """The items over and over; an iterable that shuffles itself does so each time."""
    while True:
        yield from items
