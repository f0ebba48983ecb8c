"""What is made to fit own files: only what nobody has asked for."""

from __future__ import annotations

import pytest

from anyformer.run.own_files import fitting


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"vocabulary", "batches"}),
        ({"train.max_steps": 3}, {"vocabulary", "batches"}),
        ({"tokenizer.kind": "Word"}, {"batches"}),
        ({"tokenizer": "Byte"}, {"batches"}),
        ({"data.batch_tokens": 99}, {"vocabulary"}),
        ({"data.max_pairs": 9}, {"vocabulary", "batches"}),
    ],
)
def test_a_value_that_is_given_is_not_changed(changes: dict, expected: set) -> None:
    assert fitting(changes) == expected
