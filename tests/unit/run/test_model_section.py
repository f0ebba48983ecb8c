"""The recipe's section `model`: names, scales and paths build what they say."""

from __future__ import annotations

from typing import Any

import pytest

from anyformer import architectures
from anyformer.errors import ConfigError
from anyformer.model.count import body_parameters
from anyformer.model.model import Model
from anyformer.parts.alibi import ALiBi
from anyformer.parts.mask import Causal, Window
from anyformer.run import model_section, recipe


def resolved(vocab_size: int | None = 500, **section: Any) -> Model.Config:
    return model_section.resolve(section, vocab_size)


def test_scale_builds_the_size_with_the_tokenizers_vocabulary() -> None:
    config = resolved(architecture="t5-base", scale="tiny")
    assert config == architectures.get("t5-base", scale="tiny", vocab_size=500)
    assert abs(body_parameters(config) - 1e6) < 5e4 and config.vocab_size == 500


def test_arguments_come_before_the_scale_and_paths_after_it() -> None:
    config = resolved(architecture="transformer-base", scale="2M", norm="pre", decoder={"n_layers": 7})
    assert config.decoder is not None and config.encoder is not None
    assert config.decoder.n_layers == 7 and config.encoder.final_norm is not None


def test_a_full_config_can_be_scaled_too() -> None:
    full = {k: v for k, v in architectures.get("transformer-base").to_dict().items() if k not in ("kind", "vocab_size")}
    config = resolved(**full, scale="3M")
    assert abs(body_parameters(config) / 3e6 - 1) < 0.05 and config.vocab_size == 500
    changed = model_section.change(full | {"scale": "3M", "vocab_size": 500}, "encoder.n_layers", 9)
    assert changed["scale"] == "3M" and changed["encoder"]["n_layers"] == 9
    assert model_section.change(full, "scale", "tiny")["scale"] == "tiny"


def changed_recipe(path: str, value: Any) -> Model.Config:
    made, _ = recipe.read_file("own-small", {"model": {"architecture": "t5-small", "scale": "tiny"}, path: value})
    return model_section.resolve(made.model, 500)


def test_a_bare_kind_means_its_defaults() -> None:
    config = changed_recipe("model.decoder.blocks.0.attention.position", "ALiBi")
    assert config.decoder is not None and [b.attention.position for b in config.decoder.blocks] == [ALiBi.Config()]
    untouched = resolved(architecture="t5-small", scale="tiny")
    assert config.encoder == untouched.encoder and config.override("decoder", untouched.decoder) == untouched


def test_layers_change_one_layer_and_masks_are_expressions() -> None:
    config = changed_recipe("model.decoder.layers.1.attention.mask", "Causal() & Window(left=255)")
    assert config.decoder is not None
    masks = [layer.attention.mask for layer in config.decoder.layers()]
    assert masks[1] == Causal() & Window(left=255) and set(masks[:1] + masks[2:]) == {Causal()}


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"architecture": "t5-base", "scale": "tin"}, "model.scale: 'tin' is no size"),
        ({"architecture": "t5-base", "d_model": "x", "scal": 1}, "model.d_model: expected a whole number, got 'x'"),
        ({"architecture": "t5-base", "scal": "tiny"}, "model.scal: unknown field (did you mean 'scale'?)"),
        ({"architecture": "t6-base"}, "unknown architecture 't6-base' (did you mean 't5-base'"),
        ({"architecture": "transformer-tiny", "n_heads": 7}, "model.n_heads: 7 heads do not divide d_model 128"),
        ({"architecture": "t5-base", "decoder": {"blocks": {"0": {"attention": {"position": "ALbi"}}}}}, "unknown kind 'ALbi' (did you mean 'ALiBi'?)"),
        ({"architecture": "t5-base", "decoder": {"blocks": {"0": {"attention": {"mask": "Causal() + Full()"}}}}}, "is not a mask"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(section: dict[str, Any], told: str) -> None:
    assert told in "\n".join(map(str, model_section.problems(section)))


def test_resolve_raises_all_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        resolved(architecture="t5-base", d_model="x", encoder={"n_layrs": 3})
    assert {p.path for p in error.value.problems} == {"d_model", "encoder.n_layrs"}
