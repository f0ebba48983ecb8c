"""A counter on standard error while something long runs; silent without a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def counter(what: str, every: float = 0.2) -> Iterator[Callable[[int, int], None] | None]:
    """Gives a function of (done, all) that keeps one line up to date, or None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    last = 0.0

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every or done == total:
            last = now
            print(f"\r\033[K{what} {done:,} / {total:,}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
