"""Configs as data: reading, writing, changing, and what is said when they are wrong."""

from __future__ import annotations

import json
import time

import pytest

from anyformer import architectures
from anyformer.errors import ConfigError
from anyformer.model.model import Model
from anyformer.parts.mask import Mask
from anyformer.parts.norm import LayerNorm, Norm, RMSNorm
from anyformer.spec import Spec, spec


def tiny() -> Model.Config:
    return architectures.get("transformer-tiny", vocab_size=50)


def paths(error: pytest.ExceptionInfo[ConfigError]) -> set[str]:
    return {p.path for p in error.value.problems}


def test_json_round_trip() -> None:
    assert Model.Config.from_dict(json.loads(json.dumps(tiny().to_dict()))) == tiny()


def test_equal_configs_hash_alike_and_differ_from_changed_ones() -> None:
    assert hash(tiny()) == hash(tiny())
    assert tiny() != tiny().override("d_model", 64)


def test_a_bare_kind_means_its_defaults() -> None:
    assert Norm.Config.from_dict("RMSNorm") == RMSNorm.Config()
    assert Norm.Config.from_dict({"kind": "LayerNorm", "bias": False}) == LayerNorm.Config(bias=False)


@spec
class Menu(Spec):
    size: int = 1


@spec
class Large(Menu):
    size: int = 9
    depth: int = 2

    def problems(self):
        if self.depth < 0:
            yield "depth", "is below 0"


@spec
class Holder(Spec):
    item: Menu = Large(depth=5)
    other: Menu | None = None
    count: int = 3

    def problems(self):
        if self.count < 0:
            yield "count", "is below 0"
        if self.item.size > 8 and self.count < 0:
            yield "item.size", "is too large"


def test_a_mapping_without_a_kind_changes_the_default() -> None:
    assert Holder.from_dict({"item": {"size": 4}}).item == Large(size=4, depth=5)
    assert Holder.from_dict({"item": {"kind": "Menu", "size": 4}}).item == Menu(size=4)
    with pytest.raises(ConfigError, match="item.length: unknown field"):
        Holder.from_dict({"item": {"length": 4}})


def test_what_is_wrong_outside_is_told_beside_what_is_wrong_inside() -> None:
    for item in ({"depth": -1}, {"depth": "x"}):
        with pytest.raises(ConfigError) as error:
            Holder.from_dict({"item": item, "count": -1}, "at")
        assert paths(error) == {"at.item.depth", "at.count"}, "and nothing of the default that stands in for the item"


def test_whole_numbers_are_numbers_but_truths_are_not() -> None:
    assert LayerNorm.Config.from_dict({"eps": 1}).eps == 1.0
    with pytest.raises(ConfigError, match="expected a number, got True"):
        LayerNorm.Config.from_dict({"eps": True})


def test_all_problems_at_once_with_their_paths() -> None:
    data = tiny().to_dict()
    data["decoder"]["blocks"][0]["attention"]["n_heads"] = "four"
    data["encoder"]["n_layer"] = 3
    del data["d_model"]
    with pytest.raises(ConfigError) as error:
        Model.Config.from_dict(data, "model")
    assert paths(error) == {"model.decoder.blocks.0.attention.n_heads", "model.encoder.n_layer", "model.d_model"}
    assert "did you mean 'n_layers'" in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("encoder.blocks.0.attention.n_heads", 17, "17 heads do not divide d_model 128; take 16"),
        ("encoder.blocks.0.feed_forward", "MPL", "did you mean 'MLP'"),
        ("encoder.blocks.0.feed_forward.d_ff", 0, "at least 1"),
        ("encoder.blocks.7.feed_forward.d_ff", 8, "an index below 1"),
        ("embedding.position", "Causal", "unknown kind 'Causal'"),
        ("embedding.norm.eps", 1e-6, "there is nothing to change here"),
        ("d_model.x", 1, "plain value"),
        ("encoder", None, "cross_attention needs an encoder"),
        ("decoder.blocks.0.cross_attention", None, "never reads the encoder"),
        ("encoder.blocks.0.residual.dropout", 1.0, r"\[0, 1\)"),
        ("decoder.blocks.0.cross_attention", "MultiHeadAttention", "n_heads: is missing"),
        ("vocab_size", 10**30, "more than any computer counts to"),
        ("decoder.blocks.0.attention.mask", "Causal() & Window(left=99999999999999999999)", "more than any computer counts to"),
    ],
)
def test_impossible_changes_say_why(path: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        tiny().override(path, value)


def test_override_reaches_patterns_single_layers_and_fields_of_a_part() -> None:
    config = tiny().override("decoder.blocks.*.attention.mask", "Causal() & Window(left=3)")
    assert config.decoder is not None and config.decoder.blocks[0].attention.mask == Mask.from_text("Causal() & Window(3)")
    config = tiny().override("decoder.layers.2.attention.n_heads", 8)
    assert config.decoder is not None and [b.attention.n_heads for b in config.decoder.layers()] == [4, 4, 8, 4]
    assert tiny().override("embedding.position", {"layout": "halves"}).embedding.position.layout == "halves"


@pytest.mark.parametrize(
    ("layers", "path", "message"),
    [
        (4, "decoder.layers.4.attention.mask", "decoder.layers.4: expected an index below 4"),
        (4, "decoder.layers.2.attention.maks", "decoder.layers.2.attention.maks: unknown field .did you mean 'mask'"),
        (10**9, "decoder.layers.3.attention.mask", r"decoder.layers.3.attention.mask: one layer alone .* at most 10,000, and these are 1,000,000,000"),
        (10**9, "decoder.layers.*.attention.mask", r"give the block a place in decoder.first or decoder.blocks"),
    ],
)
def test_what_is_wrong_with_a_single_layer_is_said_under_its_name_and_at_once(layers: int, path: str, message: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ConfigError, match=message):
        tiny().override("decoder.n_layers", layers).override(path, "Causal()")
    assert time.perf_counter() - started < 1
