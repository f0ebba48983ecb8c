"""Switch Transformer against transformers."""

from __future__ import annotations

from pathlib import Path

import hf_parity
import pytest
import torch
from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration

from anyformer.errors import ConversionError
from anyformer.interop import from_hf

SIZES = {"vocab_size": 37, "d_model": 20, "d_kv": 6, "d_ff": 26, "num_heads": 3, "num_layers": 4, "num_decoder_layers": 2, "num_experts": 3}
OPTIONS = [
    {"num_sparse_encoder_layers": 2, "num_sparse_decoder_layers": 1},
    {"num_sparse_encoder_layers": 4, "num_sparse_decoder_layers": 2, "router_bias": True},
    {"num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1, "dense_act_fn": "gelu_new", "num_experts": 5},
    {"num_sparse_encoder_layers": 0, "num_sparse_decoder_layers": 0},  # for their class: one
    {"num_sparse_encoder_layers": 5, "num_sparse_decoder_layers": 2},  # none in the encoder
    {"num_sparse_encoder_layers": 5, "num_sparse_decoder_layers": 3, "num_experts": 0},  # none at all
]


@pytest.mark.parametrize("options", OPTIONS)
def test_family(options: dict[str, object], tmp_path: Path) -> None:
    hf_parity.check_family(SwitchTransformersConfig(**(SIZES | options)), SwitchTransformersForConditionalGeneration, tmp_path)


@torch.no_grad()
@pytest.mark.parametrize("capacity", [1, 2, 4])
def test_dropped_tokens(capacity: int, tmp_path: Path) -> None:
    config = SwitchTransformersConfig(**SIZES, num_sparse_encoder_layers=2, num_sparse_decoder_layers=1, expert_capacity=capacity)
    theirs = hf_parity.random_model(config, SwitchTransformersForConditionalGeneration)
    theirs.save_pretrained(tmp_path)
    ids, written = torch.randint(1, 37, (3, 9)), torch.randint(1, 37, (3, 7))
    hf_parity.assert_close(from_hf(tmp_path).logits(ids, None, written), theirs(input_ids=ids, decoder_input_ids=written).logits)


def test_every_key_is_seen() -> None:
    hf_parity.check_keys(
        SwitchTransformersConfig(**SIZES, num_sparse_encoder_layers=2, num_sparse_decoder_layers=1), SwitchTransformersForConditionalGeneration
    )


def test_two_tables_are_refused_with_the_reason(tmp_path: Path) -> None:
    """What is untied by config.json already is not told to be untied."""
    hf_parity.random_model(SwitchTransformersConfig(**SIZES, tie_word_embeddings=False), SwitchTransformersForConditionalGeneration).save_pretrained(tmp_path)
    with pytest.raises(ConversionError, match=r"encoder.embed_tokens.weight: .* in this family the two are always one") as error:
        from_hf(tmp_path)
    assert "tie_word_embeddings" not in str(error.value)
