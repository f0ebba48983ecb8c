"""How many processes share a batch."""

from __future__ import annotations

import math

import pytest

from anyformer.run import processes
from anyformer.run.processes import worthwhile


@pytest.mark.parametrize(
    ("threads", "batch_tokens", "parameters", "seconds", "expected"),
    [
        (1, 4096, 2_500_000, math.inf, 1),  # one core
        (2, 4096, 2_500_000, math.inf, 2),
        (2, 1024, 2_500_000, math.inf, 2),
        (2, 1000, 2_500_000, math.inf, 1),  # too little for each
        (64, 4096, 2_500_000, math.inf, 6),  # as many as a fourth of 24 GiB holds
        (8, 4096, 350_000_000, math.inf, 1),  # large weights, of which each has its own
        (2, 4096, 2_500_000, 10.0, 1),  # over before another has started
    ],
)
def test_as_many_as_are_worth_it(monkeypatch: pytest.MonkeyPatch, threads: int, batch_tokens: int, parameters: int, seconds: float, expected: int) -> None:
    monkeypatch.setattr(processes, "_memory", lambda: float(25 << 30))
    assert worthwhile(threads, batch_tokens, parameters, seconds) == expected
