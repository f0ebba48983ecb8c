from __future__ import annotations

import pytest
import torch

from anyformer.decoding.top import log_softmax_, top_k


@pytest.mark.parametrize("width", [5, 64, 641, 1280, 9537])
@pytest.mark.parametrize("k", [1, 5])
def test_top_k_is_exact(width, k):
    x = torch.randn(7, width, generator=torch.Generator().manual_seed(width))
    x[3, -1], x[4, 0], x[5, :k] = 50.0, 50.0, torch.arange(50.0, 50.0 + k)
    values, columns = top_k(x, k)
    expected = x.topk(k)
    assert torch.equal(values, expected.values) and torch.equal(columns, expected.indices)


def test_top_k_of_rows_with_forbidden_columns():
    x = torch.full((2, 1000), float("-inf"))
    x[0, 999], x[1, 3] = 1.0, 2.0
    values, columns = top_k(x, 2)
    assert columns[:, 0].tolist() == [999, 3] and values[:, 1].tolist() == [float("-inf")] * 2


def test_log_softmax_is_that_of_torch_and_is_made_in_place():
    x = torch.randn(3, 300)
    expected = x.log_softmax(1)
    y = log_softmax_(x)
    assert torch.equal(y, expected) and y.data_ptr() == x.data_ptr()
    assert log_softmax_(x.bfloat16()).dtype == torch.float32
