"""What is said when training has ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from anyformer.run.report import announcement
from anyformer.training import Result


@pytest.mark.parametrize(
    ("tokens", "most", "says"),
    [
        (49_999, None, "translating 1,000 validation sentences with beam 5, likely longer than the training took; evaluate.max_sentences=N takes fewer"),
        (50_000, None, None),
        (4_999, 100, "translating 100 validation sentences with beam 5, likely longer than the training took; evaluate.max_sentences=N takes fewer"),
        (5_000, 100, None),
    ],
)
def test_an_evaluation_longer_than_the_training_is_announced(tokens: int, most: int | None, says: str | None) -> None:
    """1,000 pairs whose targets have 10 tokens, searched by 5 beams."""
    how = SimpleNamespace(max_sentences=most, search=SimpleNamespace(beam=5))
    lengths = np.array([[7, 10]] * 1000)
    prepared: Any = SimpleNamespace(
        recipe=SimpleNamespace(evaluate=how), splits=SimpleNamespace(validation=[("a", "b")] * 1000), validation=SimpleNamespace(lengths=lengths)
    )
    assert announcement(prepared, Result("max_steps", "10 steps done", 10, tokens, 1.0, None)) == says
