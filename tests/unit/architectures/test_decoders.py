"""What the decoders' files say beyond what counts and logits show: which layers see what, and what recipes may change."""

from __future__ import annotations

import pytest

from anyformer import architectures
from anyformer.errors import ConfigError
from anyformer.parts.mask import Causal, Prefix, Window
from anyformer.parts.token_choice import TopTwo

DECODERS = [name for name, a in architectures.known().items() if a.kind in ("causal decoder", "prefix decoder")]


def masks(name: str, **changes: object) -> list[object]:
    """Of the layers, in order."""
    decoder = architectures.get(name, **changes).decoder
    assert decoder is not None
    return [layer.attention.mask for layer in decoder.layers()]


def test_gpt3_alternates_from_a_dense_layer_on() -> None:
    band = Causal() & Window(left=255)  # with the token itself 256
    assert masks("gpt3-125m") == [Causal(), band] * 6
    assert masks("gpt3-125m", window=8)[1] == Causal() & Window(left=7)


def test_windows_of_the_others() -> None:
    assert masks("gpt-neo-125m") == [Causal(), Causal() & Window(left=255)] * 6
    assert set(masks("mistral-7b")) == {Causal() & Window(left=4095)}
    assert masks("gemma2-2b") == [Causal() & Window(left=4095), Causal()] * 13
    near = Causal() & Window(left=1023)
    assert masks("gemma3-4b") == ([near] * 5 + [Causal()]) * 5 + [near] * 4
    assert set(masks("gemma3-1b")) == {Causal() & Window(left=511), Causal()}


def test_prefix_decoders_see_their_prefix() -> None:
    for name in DECODERS:
        prefixed = architectures.find(name).kind == "prefix decoder"
        assert any(mask == Causal() | Prefix() for mask in masks(name)) == prefixed, name


def test_rotary_bases_of_gemma3() -> None:
    decoder = architectures.get("gemma3-27b").decoder
    assert decoder is not None
    bases = [(layer.attention.position.base, layer.attention.position.scaling is None) for layer in decoder.blocks]  # type: ignore[union-attr]
    assert bases == [(1e4, True)] * 5 + [(1e6, False)]


def test_experts_of_glam_stand_in_every_second_layer_from_the_first_on() -> None:
    decoder = architectures.get("glam-64b-64e").decoder
    assert decoder is not None
    assert [layer.feed_forward.kind() for layer in decoder.layers()] == ["MoE", "GatedMLP"] * 32


def test_glam_may_not_drop_tokens_where_it_reads() -> None:
    """First choices of later tokens would take the places of earlier ones' second choices."""
    with pytest.raises(ConfigError, match="TopTwo makes a token's output depend on later tokens"):
        architectures.get("glam-0.1b-64e").override("decoder.blocks.0.feed_forward.router", TopTwo.Config())


@pytest.mark.parametrize("name", DECODERS)
def test_every_one_takes_other_words_and_dropout(name: str) -> None:
    """Recipes hand their tokenizer's size on, and their dropout, which then stands in every layer."""
    config = architectures.get(name, vocab_size=1000, dropout=0.25)
    assert config.vocab_size == 1000 and config.decoder is not None
    for block in config.decoder.blocks:
        where = block.to_dict()
        assert where["attention"]["mechanism"]["dropout"] == 0.25
        assert where.get("residual", where)["dropout"] == 0.25


@pytest.mark.parametrize("name", DECODERS)
def test_every_one_goes_through_plain_data(name: str) -> None:
    config = architectures.get(name)
    assert type(config).from_dict(config.to_dict()) == config
