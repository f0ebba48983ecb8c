"""Architectures by name: bare families, facts beside arguments, hints for what is misspelt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from anyformer import architectures
from anyformer.architectures import registry
from anyformer.architectures.registry import FACTS, architecture, number
from anyformer.errors import ConfigError
from anyformer.model.model import Model


@pytest.fixture
def own() -> Iterator[None]:
    """A family of one's own, gone after the test."""
    before = dict(registry._KNOWN)
    sizes = {
        "mine-large": {"d_model": 64, "published": "2B"},
        "mine-small": {"d_model": 32, "published": "900M", "context": 77, "year": 1999, "line": "small"},
        "mine-unpublished": {"d_model": 16},
    }

    @architecture(sizes, family="mine", year=2000, kind="encoder-decoder", paper="Me", line="large", context=512)
    def mine(*, d_model: int, context: int = 5, norm: Literal["post", "pre"] = "post") -> Model.Config:
        return architectures.get("transformer-tiny", d_model=d_model, vocab_size=context, norm=norm)

    yield
    registry._KNOWN.clear()
    registry._KNOWN.update(before)


@pytest.mark.usefixtures("own")
def test_sizes_say_facts_of_their_own() -> None:
    large, small = architectures.find("mine-large"), architectures.find("mine-small")
    assert (large.year, large.line, large.context, large.published) == (2000, "large", 512, "2B")
    assert (small.year, small.line, small.context, small.kind) == (1999, "small", 77, "encoder-decoder")
    assert "published" not in small.size and "year" not in small.size
    assert architectures.get("mine-small").vocab_size == 77, "a fact that is an argument too is handed on"
    assert architectures.get("mine-small", context=99).vocab_size == 99


@pytest.mark.usefixtures("own")
def test_a_bare_family_is_its_smallest_published_size() -> None:
    assert architectures.find("mine").name == "mine-small"
    assert list(architectures.known("mine")) == ["mine-large", "mine-small", "mine-unpublished"]


@pytest.mark.parametrize(("text", "value"), [("6.7B", 6.7e9), ("65M", 65e6), ("1.2T", 1.2e12), ("900K", 9e5)])
def test_published_figures(text: str, value: float) -> None:
    assert number(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("family", "name"),
    [("llama", "llama-7b"), ("transformer", "transformer-base"), ("t5", "t5-small"), ("bloom", "bloom-560m"), ("gpt3", "gpt3-125m"), ("opt", "opt-125m")],
)
def test_bare_families(family: str, name: str) -> None:
    assert architectures.find(family).name == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lama-7b", "did you mean 'llama-7b'"),
        ("LLaMA-7B", "did you mean 'llama-7b'"),
        ("llama-99b", "llama has llama-7b, llama-13b, llama-33b, llama-65b"),
        ("qqqq", "`anyformer list` names all"),
    ],
)
def test_names_that_are_not_there(name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match="unknown architecture") as told:
        architectures.find(name)
    assert hint in str(told.value)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as told:
        architectures.get("transformer-base", norm="foo", vocab_size="abc", d_modle=3)
    assert {p.path for p in told.value.problems} == {"norm", "vocab_size", "d_modle"}


def test_every_registration_says_what_it_is() -> None:
    for name, found in architectures.known().items():
        assert found.name == name and found.line and found.paper and found.family, name
        assert not found.published or number(found.published) > 1e6, name
        assert found.context is None or 64 <= found.context <= 10**7, name
        assert set(found.size) <= set(architectures.arguments(name)), name
    assert set(FACTS) <= set(registry.Architecture._fields)
