"""The scale dial over all architectures: the right size, the same ratios, the same pattern; and what is counted is what is built."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from anyformer import architectures
from anyformer.errors import ConfigError
from anyformer.model import count
from anyformer.model.model import Model
from anyformer.model.skeleton import distinct, period, stacks
from anyformer.parts.feed_forward import FeedForward
from anyformer.parts.init import Normal
from anyformer.parts.moe import MoE

NAMES = list(architectures.known())
ONE_EACH = [architectures.find(family).name for family in architectures.families()]
EVERY = [pytest.param(name, marks=() if name in ONE_EACH else pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("scale", ["tiny", pytest.param("10M", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", EVERY)
def test_size_ratios_and_pattern(name: str, scale: str) -> None:
    before, after = architectures.get(name), architectures.get(name, scale=scale)
    target = {"tiny": 1e6, "10M": 1e7}[scale]
    assert abs(count.body_parameters(after) / target - 1) <= 0.05
    assert Model.Config.from_dict(after.to_dict()) == after
    assert stacks(before).keys() == stacks(after).keys()
    for side, old in stacks(before).items():
        new = stacks(after)[side]
        kinds = [_shape(block) for block in distinct(old)]
        assert [_shape(block) for block in distinct(new)] == kinds, "a kind of layer is lost, or their order changed"
        if len(period(old)) <= 8:
            assert [_shape(block) for block in period(new)] == [_shape(block) for block in period(old)]
        for b, a in zip(distinct(old), distinct(new), strict=True):
            _alike(b, a, before.d_model, after.d_model)


@pytest.mark.parametrize("name", EVERY)
def test_maps_begin_with_the_gain_of_the_original(name: str) -> None:
    """sqrt(d_model) std, or that of small initialisation where the original's is above; fan-in needs no dial."""
    before, after = architectures.get(name), architectures.get(name, scale="tiny")
    if not isinstance(before.init, Normal):
        assert after.init == before.init
        return
    assert isinstance(after.init, Normal)
    gains = [config.d_model**0.5 * config.init.std for config in (before, after)]
    assert gains[1] == pytest.approx(min(gains[0], 0.4**0.5))


def _shape(block: Any) -> tuple[Any, ...]:
    return type(block), type(block.attention), type(block.feed_forward), type(block.attention.position), type(block.attention.mask)


def _alike(before: Any, after: Any, d_before: int, d_after: int) -> None:
    (n_before, h_before), (n_after, h_after) = before.attention.heads(d_before), after.attention.heads(d_after)
    if hasattr(before.attention, "n_kv_heads"):
        assert (n_before * h_before / d_before) == pytest.approx(n_after * h_after / d_after, rel=0.1)
        k_before, k_after = before.attention.n_kv_heads or n_before, after.attention.n_kv_heads or n_after
        assert (k_before == 1) == (k_after == 1) or n_before // k_before == n_after // k_after
        assert k_before in (1, n_before) or n_before // k_before == n_after // k_after
        assert (k_before == n_before) == (k_after == n_after)
    for f, g in zip(_widths(before.feed_forward), _widths(after.feed_forward), strict=True):
        assert abs(f / d_before - g / d_after) <= 2.01 / d_after  # d_ff is a multiple of 4


def _widths(part: FeedForward.Config) -> list[int]:
    if isinstance(part, MoE.Config):
        return _widths(part.expert) + ([] if part.shared is None else _widths(part.shared))
    return [part.d_ff] if hasattr(part, "d_ff") else _widths(part.inner)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", EVERY)
def test_what_is_counted_is_what_is_built(name: str) -> None:
    config = architectures.get(name, scale="tiny", vocab_size=61)
    built = config.build()
    tensors = {id(p): p.numel() for p in built.parameters()}
    assert count.parameters(config) + count.pretraining_head(config) == sum(tensors.values())
    assert count.active_parameters(config) <= count.parameters(config)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_counted_is_what_is_built_at_full_size(name: str) -> None:
    whole = architectures.get(name)
    with torch.device("meta"):
        assert count.parameters(whole) + count.pretraining_head(whole) == sum(p.numel() for p in whole.build().parameters())


@pytest.mark.parametrize("name", ["transformer-base", "bert-base", "opus-mt-en-de", "t5-v1.1-small", "gpt2", "opt-350m", "llama-7b", "switch-base-8"])
def test_the_body_leaves_out_tables_only(name: str) -> None:
    """What grows with the vocabulary or the positions is no body; all else is."""
    small, large = (architectures.get(name, scale="tiny", vocab_size=v) for v in (50, 500))
    assert small.d_model == large.d_model
    assert count.body_parameters(small) == count.body_parameters(large)
    narrow = small.embedding.narrow
    width = small.d_model if narrow is None else narrow.dim
    tables = (1 if small.head.tied or count.pretraining_head(small) else 2) + (small.encoder_embedding is not None and bool(small.encoder_embedding.vocab_size))
    bias = 1 if small.head.bias and not count.pretraining_head(small) else 0
    assert count.parameters(large) - count.parameters(small) == 450 * (tables * width + bias)


@pytest.mark.parametrize("scale", ["small", "0", "-5M", "1e99x", "", True, "nan"])
def test_what_is_no_size_is_refused(scale: Any) -> None:
    with pytest.raises(ConfigError, match="is no size; write tiny"):
        architectures.get("transformer-base", scale=scale)


def test_an_impossible_size_names_the_nearest_which_works() -> None:
    with pytest.raises(ConfigError, match="the nearest has .*scale=") as told:
        architectures.get("transformer-base", scale=500)
    nearest = int(str(told.value).rpartition("scale=")[2])
    assert abs(count.body_parameters(architectures.get("transformer-base", scale=nearest)) / nearest - 1) <= 0.05


def test_changes_come_before_the_dial_and_the_vocabulary_is_kept() -> None:
    config = architectures.get("transformer-base", scale="3M", vocab_size=777, norm="pre")
    assert config.vocab_size == 777 and config.encoder is not None and config.encoder.final_norm is not None
    assert architectures.get("transformer-base", scale="tiny").vocab_size == 1000
    assert architectures.get("transformer-base", scale="10M").vocab_size == 37000
