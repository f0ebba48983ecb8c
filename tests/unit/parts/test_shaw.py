"""Shaw's vectors against equations 3 and 4, pair by pair."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from places import last, place

from anyformer.errors import ConfigError
from anyformer.parts.init import Normal
from anyformer.parts.shaw import Shaw


def built(max_distance: int, sides: Literal["both", "keys"] = "both") -> Shaw:
    part = Shaw.Config(max_distance=max_distance, sides=sides).build(12, 3, 4)
    part.initialize(Normal(std=1.0))
    return part


@pytest.mark.parametrize("max_distance", [1, 2, 20])
def test_scores_and_values(max_distance: int) -> None:
    part = built(max_distance)
    at_q, at_k = place([[2, 3, 9], [0, 0, 1]]), place([[0, 2, 3, 9, 4], [5, 4, 0, 1, 2]])
    q, k, weights = torch.randn(2, 3, 3, 4), torch.randn(2, 1, 5, 4), torch.rand(2, 3, 3, 5)
    scores, values = part.scores(q, k, at_q, at_k), part.values(weights, at_q, at_k)
    expected = torch.zeros_like(q)
    assert part.value_vectors is not None and scores.shape == weights.shape
    for b in range(2):
        for i in range(3):
            for j in range(5):
                row = max_distance + max(-max_distance, min(max_distance, int(at_k.position[b, j] - at_q.position[b, i])))
                torch.testing.assert_close(scores[b, :, i, j], q[b, :, i] @ part.key_vectors[row])
                expected[b, :, i] += weights[b, :, i, j, None] * part.value_vectors[row]
    torch.testing.assert_close(values, expected)


def test_one_query_has_the_last_row() -> None:
    part, q, k = built(3), torch.randn(2, 3, 9, 4), torch.randn(2, 3, 9, 4)
    step = part.scores(q[:, :, -1:], k, last(place(9)), place(9))
    torch.testing.assert_close(step, part.scores(q, k, place(9), place(9))[:, :, -1:])


def test_gradients_reach_both_tables() -> None:
    part, x = built(2), torch.randn(1, 3, 5, 4)
    weights = part.scores(x, x, place(5), place(5)).softmax(-1)
    values = part.values(weights, place(5), place(5))
    assert values is not None
    values.square().sum().backward()
    for table in (part.key_vectors, part.value_vectors):
        assert table is not None and table.grad is not None and (table.grad.abs().sum(-1) > 0).all()


def test_keys_alone() -> None:
    part = built(2, "keys")
    assert part.values(torch.rand(1, 3, 5, 5), place(5), place(5)) is None
    assert [name for name, _ in part.named_parameters()] == ["key_vectors"]


def test_each_layer_has_its_own() -> None:
    assert Shaw.Config().per == "layer"
    assert sum(p.numel() for p in built(16).parameters()) == 2 * 33 * 4  # shared by the heads
    with pytest.raises(ConfigError, match="max_distance"):
        Shaw.Config(max_distance=0)
