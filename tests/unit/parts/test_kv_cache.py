"""A cache is cut in all layers or in none."""

from __future__ import annotations

import pytest
import torch

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.model.model import Model
from anyformer.parts.kv_cache import KVCache
from anyformer.parts.rfa import RFA

TOKENS = torch.tensor([[3, 5, 7, 11, 13, 17], [2, 4, 6, 8, 10, 12]])


@pytest.fixture(scope="module")
def model() -> Model:
    """Keys in the first layer, sums of features in the second."""
    config = architectures.get("llama-7b", scale="30K", vocab_size=20).override("decoder.layers.1.attention.mechanism", RFA.Config())
    torch.manual_seed(2)
    return config.build().eval()


@torch.no_grad()
def read(model: Model, cache: KVCache, tokens: torch.Tensor) -> torch.Tensor:
    return model(Batch(tokens=tokens), cache=cache).logits


def states(cache: KVCache) -> list[int]:
    return [cache.length, *(layer.own.used for layer in cache.layers)]


@pytest.mark.parametrize("length", [3, -1, 6])
def test_a_cut_that_one_layer_cannot_make_is_made_in_none(model: Model, length: int) -> None:
    cache, untouched = model.new_cache(2, 6), model.new_cache(2, 6)
    for each in (cache, untouched):
        read(model, each, TOKENS[:, :5])
    before = states(cache)
    with pytest.raises(ValueError, match=f"cannot be cut to {length}"):
        cache.truncate(length)
    assert states(cache) == before == [5] * len(before)
    assert torch.equal(read(model, cache, TOKENS[:, 5:]), read(model, untouched, TOKENS[:, 5:]))


def test_a_cut_to_nothing_begins_anew_in_all(model: Model) -> None:
    cache = model.new_cache(2, 6)
    first = read(model, cache, TOKENS[:, :5])
    cache.truncate(5)
    cache.truncate(0)
    assert set(states(cache)) == {0}
    assert torch.equal(read(model, cache, TOKENS[:, :5]), first)
