"""Transformer-XL's scores against the four terms of the paper, written with a vector for every pair."""

from __future__ import annotations

import math

import pytest
import torch
from places import last, place
from torch import Tensor

from anyformer.parts.init import Normal
from anyformer.parts.place import Place
from anyformer.parts.transformer_xl import TransformerXL

D, N, H = 10, 4, 6


def built(bidirectional: bool = True, d_model: int = D) -> TransformerXL:
    part = TransformerXL.Config(base=100.0, bidirectional=bidirectional).build(d_model, N, H)
    part.initialize(Normal(std=1.0))
    torch.nn.init.normal_(part.relative.weight, std=0.5)
    return part


def terms(part: TransformerXL, q: Tensor, k: Tensor, at_q: Place, at_k: Place, d_model: int = D) -> Tensor:
    """Dai et al. 2019, section 3.3: terms (b), (c) and (d) of A^rel; term (a) is q k itself."""
    rows, group = q.shape[0], N // k.shape[1]
    out = torch.zeros(rows, N, q.shape[2], k.shape[2])
    weight = part.relative.weight.detach().view(N, H, d_model)
    half = (d_model + 1) // 2
    for b in range(rows):
        for i in range(q.shape[2]):
            for j in range(k.shape[2]):
                d = int(at_q.position[min(b, len(at_q.position) - 1), i] - at_k.position[min(b, len(at_k.position) - 1), j])
                angles = [d * 100.0 ** (-2 * f / d_model) for f in range(half)]
                r = torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles][: d_model - half])
                for h in range(N):
                    projected = weight[h] @ r
                    key = k[b, h // group, j]
                    out[b, h, i, j] = q[b, h, i] @ projected + part.content_bias[h] @ key + part.position_bias[h] @ projected
    return out.detach()


@pytest.mark.parametrize("n_kv_heads", [4, 2, 1])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("d_model", [10, 9])
def test_terms_of_whole_sequences(n_kv_heads: int, bidirectional: bool, d_model: int) -> None:
    part, at = built(bidirectional, d_model), place(7)
    q, k = torch.randn(2, N, 7, H), torch.randn(2, n_kv_heads, 7, H)
    found, expected = part.scores(q, k, at, at), terms(part, q, k, at, at, d_model)
    seen = torch.ones(7, 7).bool() if bidirectional else torch.ones(7, 7).tril().bool()
    torch.testing.assert_close(found[..., seen], expected[..., seen], atol=1e-4, rtol=1e-4)
    assert found.shape == (2, N, 7, 7)


@pytest.mark.parametrize("rows", [1, 2])
def test_terms_of_a_step_of_decoding(rows: int) -> None:
    """Few queries go the other way, without a table of all distances."""
    part, at = built(), place(40)
    q, k = torch.randn(rows, N, 2, H), torch.randn(rows, N, 40, H)
    found = part.scores(q, k, last(at, 2), at)
    torch.testing.assert_close(found, terms(part, q, k, last(at, 2), at), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(part._by_table(q, last(at, 2), at), part._pair_by_pair(q, last(at, 2), at), atol=1e-4, rtol=1e-4)


def test_positions_that_differ_between_rows_and_begin_again() -> None:
    part = built()
    at = place([[0, 0, 0, 1, 2, 3, 4], [0, 1, 2, 3, 0, 1, 2]])  # padded on the left; two documents
    q, k = torch.randn(2, N, 7, H), torch.randn(2, N, 7, H)
    torch.testing.assert_close(part.scores(q, k, at, at), terms(part, q, k, at, at), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(part.scores(q[:, :, -1:], k, last(at), at), terms(part, q[:, :, -1:], k, last(at), at), atol=1e-4, rtol=1e-4)


def test_gradients_reach_everything_either_way() -> None:
    for n_queries in (7, 1):
        part, at = built(), place(7)
        q, k = torch.randn(1, N, n_queries, H, requires_grad=True), torch.randn(1, N, 7, H, requires_grad=True)
        part.scores(q, k, last(at, n_queries), at).square().sum().backward()
        for parameter in [*part.parameters(), q, k]:
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0


def test_each_layer_has_its_own_and_counts_its_projection() -> None:
    assert TransformerXL.Config().per == "layer"
    assert sum(p.numel() for p in built().parameters()) == D * N * H + 2 * N * H
