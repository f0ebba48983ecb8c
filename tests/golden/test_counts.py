"""Published sizes and exact counts."""

from __future__ import annotations

import pytest

from anyformer import architectures
from anyformer.model import count, flops
from anyformer.model.skeleton import skeleton


@pytest.mark.parametrize(("name", "published"), [("transformer-base", 65e6), ("transformer-big", 213e6)])
def test_sizes_of_the_paper(name: str, published: float) -> None:
    """Vaswani et al. 2017, table 3; within 4 % as the vocabulary is only "about 37000"."""
    assert abs(count.parameters(architectures.get(name)) / published - 1) < 0.04


def test_tiny_is_counted_by_hand() -> None:
    d, d_ff, vocab = 128, 256, 9537
    attention = 4 * (d * d + d)
    feed_forward = d * d_ff + d_ff + d_ff * d + d
    norm = 2 * d
    expected = vocab * d + 4 * (attention + feed_forward + 2 * norm) + 4 * (2 * attention + feed_forward + 3 * norm)
    assert count.parameters(architectures.get("transformer-tiny", vocab_size=vocab)) == expected == 2_545_792


def test_parts_add_up_and_layers_are_merged() -> None:
    config = architectures.get("transformer-tiny", vocab_size=9537)
    parts = count.by_part(config)
    assert sum(p.parameters for p in parts) == count.parameters(config)
    assert {p.copies for p in parts if p.name.startswith("encoder.layers")} == {4}


def test_flops_and_cache_by_hand() -> None:
    config = architectures.get("transformer-tiny", vocab_size=1000)
    maps = 4 * (4 * 128 * 128 + 2 * 128 * 256) + 4 * (8 * 128 * 128 + 2 * 128 * 256)
    assert flops.flops_per_token(config, context=10) == 2 * (maps + 1000 * 128) + 12 * 4 * 10 * 128
    assert count.kv_cache_bytes_per_token(config) == 4 * 2 * 128 * 2


def test_nothing_is_allocated() -> None:
    assert all(p.is_meta for p in skeleton(architectures.get("transformer-big")).model.parameters())
