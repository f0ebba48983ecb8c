"""T5's bias: which bucket a distance falls into, by the text of the paper, and the table behind it."""

from __future__ import annotations

import math

import pytest
import torch
from places import last, place

from anyformer.errors import ConfigError
from anyformer.parts.init import Normal
from anyformer.parts.relative_bias import RelativeBias


def bucket_of(offset: int, n_buckets: int, max_distance: int, bidirectional: bool) -> int:
    """One distance at a time, with a hair's breadth for the logarithm's rounding."""
    base, n = 0, n_buckets
    if bidirectional:
        n //= 2
        base = n if offset > 0 else 0
        distance = abs(offset)
    else:
        distance = max(-offset, 0)
    each = n // 2
    if distance < each:
        return base + distance
    share = math.log(distance / each) / math.log(max_distance / each)
    return base + min(n - 1, each + int(share * (n - each) + 1e-9))


@pytest.mark.parametrize(
    ("n_buckets", "max_distance", "bidirectional"),
    [(32, 128, True), (32, 128, False), (4, 3, True), (6, 100, True), (7, 100, False), (64, 1000, True), (2, 5, False), (10, 8, False)],
)
def test_buckets(n_buckets: int, max_distance: int, bidirectional: bool) -> None:
    part = RelativeBias.Config(n_buckets=n_buckets, max_distance=max_distance, bidirectional=bidirectional).build(12, 3, 4)
    offsets = list(range(-2 * max_distance, 2 * max_distance + 1))
    expected = [bucket_of(o, n_buckets, max_distance, bidirectional) for o in offsets]
    assert part.bucket(torch.tensor(offsets)).tolist() == expected
    assert max(expected) == n_buckets - 1 and min(expected) == 0


@pytest.mark.parametrize("bidirectional", [True, False])
def test_bias_reads_the_table(bidirectional: bool) -> None:
    part = RelativeBias.Config(n_buckets=8, max_distance=9, bidirectional=bidirectional).build(12, 3, 4)
    torch.nn.init.normal_(part.weight)
    q, k = place([[3, 4, 9], [0, 1, 2]]), place([[0, 3, 4, 9], [2, 0, 1, 40]])
    bias = part.bias(q, k)
    assert bias.shape == (2, 3, 3, 4) and bias.dtype == torch.float32
    for b in range(2):
        for i in range(3):
            for j in range(4):
                row = bucket_of(int(k.position[b, j] - q.position[b, i]), 8, 9, bidirectional)
                assert torch.equal(bias[b, :, i, j], part.weight[row])
    assert torch.equal(part.bias(last(place(30)), place(30)), part.bias(place(30), place(30))[:, :, -1:])


def test_gradients_reach_the_rows_that_were_read() -> None:
    part = RelativeBias.Config(n_buckets=8, max_distance=9).build(12, 3, 4)
    part.bias(place(4), place(4)).sum().backward()
    assert part.weight.grad is not None
    counts = [4, 3, 3, 0, 0, 3, 3, 0]  # by distance 0; 1; 2 and 3; more; then the same after the query
    assert part.weight.grad.tolist() == [[float(c)] * 3 for c in counts]


def test_whose_table_it_is_and_how_it_begins() -> None:
    assert RelativeBias.Config().per == "stack" and RelativeBias.Config(per="layer").per == "layer"
    part = RelativeBias.Config().build(12, 3, 4)
    part.initialize(Normal(std=0.5))
    assert part.weight.shape == (32, 3) and 0.3 < part.weight.std() < 0.7


def test_values_that_cannot_be_are_refused() -> None:
    for bad in ({"n_buckets": 2}, {"n_buckets": 7}, {"n_buckets": 1, "bidirectional": False}):
        with pytest.raises(ConfigError, match="n_buckets"):
            RelativeBias.Config(**bad)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="max_distance: must be above 8"):
        RelativeBias.Config(max_distance=8)
    RelativeBias.Config(n_buckets=7, bidirectional=False)
