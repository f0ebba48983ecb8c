"""Every way to compute attention gives the equation's result."""

from __future__ import annotations

import pytest
import torch

from anyformer.parts import kernel
from anyformer.parts.lowering import Facts, lower
from anyformer.parts.mask import Causal, Full, Mask, Window
from anyformer.parts.place import place_of


def by_the_equation(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, allowed: torch.Tensor, scale: float) -> torch.Tensor:
    """One query, one head at a time, in double precision."""
    rows, n_q, heads, _ = q.shape
    out = torch.zeros(rows, n_q, heads, v.shape[-1], dtype=torch.float64)
    for b in range(rows):
        for t in range(n_q):
            for n in range(heads):
                seen = allowed[b, t].nonzero().flatten()
                if len(seen):
                    key_head = n * k.shape[2] // heads
                    scores = scale * (k[b, seen, key_head].double() @ q[b, t, n].double())
                    out[b, t, n] = scores.softmax(0) @ v[b, seen, key_head].double()
    return out.flatten(2)


def heads_first(*tensors: torch.Tensor) -> list[torch.Tensor]:
    return [t.transpose(1, 2) for t in tensors]


@pytest.mark.parametrize("path", ["plain", "sdpa"])
@pytest.mark.parametrize("kv_heads", [6, 3, 1])
@pytest.mark.parametrize("mask", [Full(), Causal(), Causal() & Window(left=1)], ids=lambda m: m.to_text())
@pytest.mark.parametrize("padding", ["none", "right", "any"])
def test_paths_agree_with_the_equation(path: str, kv_heads: int, mask: Mask, padding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_LONG", 0 if path == "sdpa" else 10**9)
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 5, 6, 7), torch.randn(2, 5, kv_heads, 7), torch.randn(2, 5, kv_heads, 7)
    segment = {"none": None, "right": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]), "any": torch.tensor([[0, 1, 1, 1, 1], [0, 0, 0, 1, 1]])}[padding]
    place = place_of(torch.zeros(2, 5, dtype=torch.int64), segment, None)
    plan = lower(mask, Facts(place, place, padding, False, torch.float32))
    allowed = mask.allows(place, place).expand(2, 5, 5)
    if segment is not None:
        allowed = allowed & (segment != 0)[:, None, :]
    out = kernel.attend(*heads_first(q, k, v), plan, kernel.Equation(0.3))
    real = torch.ones(2, 5, dtype=torch.bool) if segment is None else segment != 0
    assert (out.double() - by_the_equation(q, k, v, allowed, 0.3))[real].abs().max() < 1e-6
    weights = kernel.attention_weights(*heads_first(q, k), plan, kernel.Equation(0.3))
    assert torch.allclose(weights.sum(-1).transpose(1, 2)[real], torch.ones(()), atol=1e-6)


@pytest.mark.parametrize("path", ["plain", "sdpa"])
def test_a_query_that_may_see_nothing_gives_zero(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "_LONG", 0 if path == "sdpa" else 10**9)
    segment = torch.tensor([[0, 0, 1, 1]])
    place = place_of(torch.zeros(1, 4, dtype=torch.int64), segment, None)
    plan = lower(Causal(), Facts(place, place, "any", False, torch.float32))
    q = torch.randn(1, 4, 2, 3)
    out = kernel.attend(*heads_first(q, q, q), plan, kernel.Equation(1.0))
    assert out[0, :2].abs().max() == 0 and out[0, 2:].abs().min() > 0


@pytest.mark.parametrize("width", [1, 2, 15, 16, 17])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_shorter_than_a_vector_have_the_softmax_of_long_ones(width: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    scores = torch.randn(3, 2, 5, width, dtype=dtype)
    scores[0, 0, 0, : width - 1] = torch.finfo(dtype).min  # masked
    scores, grad = scores.requires_grad_(), torch.randn(3, 2, 5, width, dtype=dtype)
    found, expected = kernel._softmax(scores), torch.exp(scores - torch.logsumexp(scores, -1, keepdim=True))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(y, scores, grad)[0] for y in (found, expected)))
