"""Softmax attention with capped scores and with sinks, against the equation written out one query at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from places import place
from torch import Tensor

from anyformer.errors import ConfigError
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.lowering import Facts
from anyformer.parts.mask import Causal, Full, Mask, Window
from anyformer.parts.mechanism import Softmax
from anyformer.parts.transformer_xl import TransformerXL

ROWS, HEADS, KEY_HEADS, WIDTH, MODEL, SCALE = 2, 6, 3, 5, 8, 0.7


def by_the_equation(part: Softmax, q: Tensor, k: Tensor, v: Tensor, allowed: Tensor, bias: Tensor | None, added: Tensor | None) -> tuple[Tensor, Tensor]:
    """softmax(cap tanh(scale (q k + added) / cap) + bias) v, the sink beside the scores and without a value; in double precision."""
    out, weights = torch.zeros(*q.shape, dtype=torch.float64), torch.zeros(*q.shape[:3], k.shape[2], dtype=torch.float64)
    for b, n, t in torch.cartesian_prod(*(torch.arange(size) for size in q.shape[:3])).tolist():
        seen = allowed[b, t].nonzero().flatten()
        scores = k[b, n // 2, seen].double() @ q[b, n, t].double()
        if added is not None:
            scores = scores + added[b, n, t, seen].double()
        scores = SCALE * scores
        if part.cap is not None:
            scores = part.cap * torch.tanh(scores / part.cap)
        if bias is not None:
            scores = scores + bias[0, n, t, seen].double()
        exps = scores.exp()
        below = exps.sum() + (0.0 if part.sinks is None else part.sinks[n].detach().double().exp())
        weights[b, n, t, seen] = exps / below
        out[b, n, t] = weights[b, n, t, seen] @ v[b, n // 2, seen].double()
    return out.transpose(1, 2).flatten(2), weights


@pytest.mark.parametrize("cap", [None, 1.5])
@pytest.mark.parametrize("sinks", [False, True])
@pytest.mark.parametrize("mask", [Full(), Causal(), Causal() & Window(left=2)], ids=lambda m: m.to_text())
@pytest.mark.parametrize(("position", "length"), [(None, 9), (None, 40), (ALiBi.Config(), 9), (TransformerXL.Config(), 9)], ids=str)
def test_caps_and_sinks(cap: float | None, sinks: bool, mask: Mask, position: AttentionPosition.Config | None, length: int) -> None:
    torch.manual_seed(0)
    part = Softmax.Config(cap=cap, sinks=sinks).build(MODEL, HEADS, WIDTH)
    turned = None if position is None else position.build(MODEL, HEADS, WIDTH)
    for parameter in [*part.parameters(), *(() if turned is None else turned.parameters())]:
        torch.nn.init.normal_(parameter)
    q, (k, v) = torch.randn(ROWS, HEADS, length, WIDTH), torch.randn(2, ROWS, KEY_HEADS, length, WIDTH)
    segment = torch.tensor([[1] * length, [0] * 2 + [1] * (length - 2)])
    at = place(length, segment)
    plan = part.lower(mask, turned, Facts(at, at, "any", False, torch.float32))
    allowed = mask.allows(at, at).expand(ROWS, length, length) & (segment != 0)[:, None, :]
    bias = None if turned is None else turned.bias(at, at)
    added = turned.scores(q, k, at, at) if turned is not None and "scores" in turned.uses else None
    real = segment != 0
    expected, weights = by_the_equation(part, q, k, v, allowed, bias, added)
    x = torch.zeros(ROWS, length, MODEL)
    assert (part(q, k, v, x, plan, SCALE, turned) - expected)[real].abs().max() < 1e-5
    assert (part.weights(q, k, x, plan, SCALE) - weights).transpose(1, 2)[real].abs().max() < 1e-5


def test_gradients_reach_a_sink_as_the_equation_says() -> None:
    torch.manual_seed(0)
    part = Softmax.Config(cap=2.0, sinks=True).build(MODEL, HEADS, WIDTH)
    assert part.sinks is not None
    torch.nn.init.normal_(part.sinks)
    q, k, v = torch.randn(3, ROWS, HEADS, 7, WIDTH)
    at = place(7)
    plan = part.lower(Causal(), None, Facts(at, at, "none", False, torch.float32))
    part(q, k, v, torch.zeros(ROWS, 7, MODEL), plan, SCALE).square().sum().backward()
    sinks = part.sinks.detach().double().requires_grad_()
    scores = (2 * torch.tanh(SCALE * (q @ k.transpose(-1, -2)) / 2)).masked_fill(torch.ones(7, 7).triu(1).bool(), -torch.inf).double().exp()
    weights = scores / (scores.sum(-1, keepdim=True) + sinks.exp()[:, None, None])
    (weights @ v.double()).square().sum().backward()
    assert sinks.grad is not None and part.sinks.grad is not None
    assert (part.sinks.grad - sinks.grad).abs().max() < 1e-4 * sinks.grad.abs().max()


def test_a_very_low_sink_and_a_very_high_cap_change_nothing() -> None:
    torch.manual_seed(0)
    plain, other = Softmax.Config().build(MODEL, HEADS, WIDTH), Softmax.Config(cap=1e4, sinks=True).build(MODEL, HEADS, WIDTH)
    torch.nn.init.constant_(other.sinks, -100.0)
    q, k, v = torch.randn(3, ROWS, HEADS, 7, WIDTH)
    at = place(7)
    given: Any = (q, k, v, torch.zeros(ROWS, 7, MODEL), plain.lower(Causal(), None, Facts(at, at, "none", False, torch.float32)), SCALE)
    assert torch.allclose(plain(*given), other(*given), atol=1e-6)


@pytest.mark.parametrize(("field", "value"), [("cap", 0.0), ("cap", -1.0), ("dropout", 1.0)])
def test_values_that_cannot_be(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{field}: .*not {value}"):
        Softmax.Config(**{field: value})
