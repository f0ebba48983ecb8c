"""Draws follow the distribution, and are the same in whatever batch."""

from __future__ import annotations

import pytest
import torch

from anyformer.decoding.sampling import draw, sample, uniform
from anyformer.decoding.search_config import SearchConfig

SOURCES = [(4, 5, 2), (6, 2), (5, 5, 6, 4, 2), (4, 2)]
N = 10_000


def shares(log_probs: torch.Tensor, **options) -> torch.Tensor:
    """How often each token is drawn."""
    numbers = (torch.arange(N, dtype=torch.float64) + 0.5) / N
    tokens = draw(log_probs.expand(N, -1).contiguous(), numbers, SearchConfig(**{"temperature": 1.0} | options))
    return torch.bincount(tokens, minlength=log_probs.shape[-1]) / N


def test_draws_follow_the_model(seeded):
    x = torch.randn(40).log_softmax(0)
    assert torch.allclose(shares(x), x.exp(), atol=2e-4)
    assert torch.allclose(shares(x, temperature=0.5), (x / 0.5).softmax(0), atol=2e-4)


def test_top_k_and_top_p_cut_the_tail(seeded):
    x = torch.randn(40).log_softmax(0)
    order = x.argsort(descending=True)
    of_five = torch.zeros(40).index_copy_(0, order[:5], x[order[:5]].softmax(0))
    assert torch.allclose(shares(x, top_k=5), of_five, atol=2e-4)
    nucleus = int((x[order].exp().cumsum(0) < 0.6).sum()) + 1
    of_nucleus = torch.zeros(40).index_copy_(0, order[:nucleus], x[order[:nucleus]].softmax(0))
    assert torch.allclose(shares(x, top_p=0.6), of_nucleus, atol=2e-4)
    assert torch.allclose(shares(x, top_p=1e-6), torch.zeros(40).index_fill_(0, order[:1], 1.0))


def test_a_flat_distribution_needs_more_than_the_first_look(seeded):
    x = (torch.randn(1000) * 0.01).log_softmax(0)
    assert int((shares(x, top_p=0.9) > 0).sum()) == pytest.approx(900, abs=10)


def test_forbidden_tokens_are_never_drawn():
    x = torch.full((1, 6), float("-inf"))
    x[0, 2] = x[0, 4] = 0.0
    for number in (0.0, 0.4999, 0.5, 1 - 2**-53):
        assert draw(x, torch.tensor([number], dtype=torch.float64), SearchConfig(temperature=1.0)).item() in (2, 4)


def test_a_sentence_draws_the_same_in_whatever_batch(table_model, encode):
    model, config = table_model(size=9), SearchConfig(temperature=1.3, seed=4)
    together = sample(model, encode(model, SOURCES), [7] * 4, config, names=range(4))
    for i, source in enumerate(SOURCES):
        assert sample(model, encode(model, [source]), [7], config, names=[i])[0] == together[i]
    assert together != sample(model, encode(model, SOURCES), [7] * 4, config.override("seed", 5), names=range(4))


def test_a_stream_of_numbers_has_a_beginning_that_does_not_depend_on_its_length():
    assert uniform(3, (1, 2), 5) == uniform(3, (1, 2), 50)[:5] != uniform(3, (1, 3), 5)


@pytest.fixture
def seeded():
    torch.manual_seed(0)
