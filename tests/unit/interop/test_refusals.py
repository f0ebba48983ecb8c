"""What cannot be taken over, or given away, is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from anyformer import architectures
from anyformer.errors import ConversionError
from anyformer.interop import from_hf, save_hf
from anyformer.interop.hf.family import families
from anyformer.model.model import Model


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_hf(llama().build(), tmp_path)
    return tmp_path


def llama(**changes: Any) -> Model.Config:
    config = architectures.get("llama-7b", vocab_size=31, d_model=16, n_layers=2, n_heads=2, d_ff=12)
    for path, value in changes.items():
        config = config.override(path.replace("__", "."), value)
    return config


def edit(checkpoint: Path, **changes: Any) -> None:
    data = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps(data | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "lama"}, r"config.json: model_type: 'lama' is not supported \(did you mean 'llama'"),
        ({"model_type": None}, "model_type: None is not supported"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "architectures: LlamaForSequenceClassification is not supported"),
        ({"quantization_config": {"bits": 4}}, "quantization_config: is {'bits': 4}"),
        ({"new_trick": True}, "new_trick: is True"),
        ({"is_decoder": True}, "is_decoder: is True"),
        ({"hidden_size": None}, "hidden_size: is missing"),
        ({"hidden_size": "wide"}, "hidden_size: expected a whole number, got 'wide'"),
        ({"hidden_act": "swoosh"}, "hidden_act: the activation 'swoosh' is not supported"),
        ({"num_key_value_heads": 3}, "cannot share 3 key heads"),
        ({"rope_parameters": {"rope_type": "spiral"}}, "rope_type: is 'spiral'"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "twist": 1}}, "rope_parameters.twist: is 1"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor: is 0.5; this family turns whole heads"),
    ],
)
def test_configs(changes: dict[str, Any], message: str, checkpoint: Path) -> None:
    edit(checkpoint, **changes)
    with pytest.raises(ConversionError, match=message):
        from_hf(checkpoint)


def test_all_that_is_wrong_is_said_at_once(checkpoint: Path) -> None:
    edit(checkpoint, one_thing=1, another=2)
    with pytest.raises(ConversionError) as raised:
        from_hf(checkpoint)
    assert len(raised.value.problems) == 2


def test_weights_of_another_config(checkpoint: Path) -> None:
    edit(checkpoint, num_hidden_layers=3, vocab_size=32)
    with pytest.raises(ConversionError, match=r"(?s)layers\.2\.mlp\.up_proj\.weight: is missing.*") as raised:
        from_hf(checkpoint)
    assert "model.embed_tokens.weight: has shape [31, 16] in the file, the config makes [32, 16]" in str(raised.value)


def test_a_head_of_its_own_where_the_config_ties_it(checkpoint: Path) -> None:
    edit(checkpoint, tie_word_embeddings=True)
    with pytest.raises(ConversionError, match="lm_head.weight: is tied to another tensor"):
        from_hf(checkpoint)
    held = load_file(checkpoint / "model.safetensors")
    save_file(held | {"lm_head.weight": held["model.embed_tokens.weight"].clone()}, checkpoint / "model.safetensors")
    assert from_hf(checkpoint).head.weight is not None


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_no_config(content: str | None, checkpoint: Path) -> None:
    (checkpoint / "config.json").unlink() if content is None else (checkpoint / "config.json").write_text(content)
    with pytest.raises(ConversionError, match="config.json: (is missing|is no JSON|holds no JSON object)"):
        from_hf(checkpoint)
    with pytest.raises(ConversionError, match="is no folder"):
        from_hf(checkpoint / "elsewhere")


def test_what_is_left_out_is_told(checkpoint: Path) -> None:
    held = load_file(checkpoint / "model.safetensors")
    held |= {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.ones(4) for i in range(2)}
    save_file(held, checkpoint / "model.safetensors")
    with pytest.warns(UserWarning, match=r"left out .*inv_freq: rotary frequencies are computed \(2 tensors\)"):
        from_hf(checkpoint)


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (llama(decoder__blocks__0__attention__position="ALiBi"), "attention.position: is ALiBi"),
        (llama(decoder__blocks__0__attention__mask="Causal() | Prefix()"), r"attention.mask: is 'Causal\(\) \| Prefix\(\)"),
        (llama(decoder__blocks__0__attention__scale=0.3), "attention.scale: is 0.3"),
        (llama(decoder__blocks__0__residual={"skip": 0.5}), "residual.skip: is 0.5"),
        (llama(decoder__layers__1__feed_forward={"d_ff": 9}), r"layers.1.feed_forward.d_ff: is 9"),
        (llama(head={"scale": 2.0}), "head.scale: is 2.0"),
        (llama(embedding={"norm": "LayerNorm"}), "embedding.norm"),
    ],
)
def test_models_that_no_class_can_hold(config: Model.Config, part: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=f"(?s)(no Hugging Face class|llama) can.*hold this model.*{part}"):
        save_hf(config.build(), tmp_path / "out", family="llama")
    with pytest.raises(ConversionError, match=r"(?s)no Hugging Face class can hold this model; nearest is \w+, but for:.*\n.*: is "):
        save_hf(config.build(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_family_refuses_what_it_does_not_know() -> None:
    """Nothing is read from a config.json that holds only an unknown key."""
    for family in families().values():
        with pytest.raises(ConversionError):
            family.config({"model_type": family.model_type, "sentience": True})


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("qwen3_moe", {"decoder_sparse_step": 0}, "decoder_sparse_step: is 0; .* at least 1"),
        ("deepseek_v3", {"n_shared_experts": 0}, "n_shared_experts: is 0; .* at least one"),
    ],
)
def test_configs_of_families_with_experts(family: str, changes: dict[str, Any], message: str) -> None:
    sizes = {"vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 12}
    with pytest.raises(ConversionError, match=message):
        families()[family].config(sizes | changes)
