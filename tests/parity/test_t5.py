"""T5 1.0, T5 1.1, mT5, umT5 against transformers."""

from __future__ import annotations

from pathlib import Path

import hf_parity
import pytest
import torch
from transformers import MT5Config, MT5ForConditionalGeneration, T5Config, T5ForConditionalGeneration, UMT5Config, UMT5ForConditionalGeneration

from anyformer.errors import ConversionError
from anyformer.interop import from_hf

SIZES = {"vocab_size": 37, "d_model": 20, "d_kv": 6, "d_ff": 26, "num_heads": 3, "num_layers": 2, "num_decoder_layers": 3}
BUCKETS = {"relative_attention_num_buckets": 8, "relative_attention_max_distance": 7}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"feed_forward_proj": "gated-gelu", **BUCKETS},
        {"feed_forward_proj": "gated-silu", "layer_norm_epsilon": 1e-3},
        {"feed_forward_proj": "gelu", "num_decoder_layers": None},
    ],
    ids=["1.0", "gated", "UL2's", "gelu"],
)
def test_t5(options: dict[str, object], tmp_path: Path) -> None:
    ours = hf_parity.check_family(T5Config(**(SIZES | options)), T5ForConditionalGeneration, tmp_path)
    assert ours.config.head.tied and ours.config.head.scale == pytest.approx(20**-0.5)  # type: ignore[attr-defined]


@pytest.mark.parametrize("own_head", [True, False])
def test_t5_1_1(own_head: bool, tmp_path: Path) -> None:
    """The head is the files' where they hold one; its input is not scaled."""
    config = T5Config(**SIZES, feed_forward_proj="gated-gelu", tie_word_embeddings=False)
    theirs = hf_parity.random_model(config, T5ForConditionalGeneration)
    if own_head:
        theirs.lm_head.weight = torch.nn.Parameter(torch.randn(37, 20) * 0.3)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = from_hf(tmp_path / "theirs")
    assert (ours.config.head.tied, ours.config.head.scale) == (not own_head, 1.0)  # type: ignore[attr-defined]
    hf_parity.check_sequence_to_sequence(ours, theirs, hf_parity.LENGTHS)
    hf_parity.check_round_trip(ours, theirs, tmp_path)


@pytest.mark.parametrize("own_head", [True, False])
def test_mt5(own_head: bool, tmp_path: Path) -> None:
    theirs = hf_parity.random_model(MT5Config(**SIZES), MT5ForConditionalGeneration)
    if own_head:
        theirs.lm_head.weight = torch.nn.Parameter(torch.randn(37, 20) * 0.3)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = from_hf(tmp_path / "theirs")
    hf_parity.check_sequence_to_sequence(ours, theirs, hf_parity.LENGTHS)
    hf_parity.check_round_trip(ours, theirs, tmp_path)


@torch.no_grad()
def test_umt5_without_the_scale_that_transformers_adds(tmp_path: Path) -> None:
    theirs = hf_parity.random_model(UMT5Config(**SIZES, **BUCKETS), UMT5ForConditionalGeneration)
    theirs.lm_head.weight = torch.nn.Parameter(torch.randn(37, 20) * 0.3)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = from_hf(tmp_path / "theirs")
    ids, mask = hf_parity.padded(theirs.config, [9, 6, 1], "right")
    written = hf_parity.tokens(theirs.config, (3, 5))
    expected = theirs(input_ids=ids, attention_mask=mask, decoder_input_ids=written).logits * 20**0.5
    hf_parity.assert_close(ours.logits(ids, mask, written), expected)
    assert "layers.1.attention.position.weight" in " ".join(ours.state_dict())
    hf_parity.check_round_trip(ours, theirs, tmp_path)


def test_every_key_is_seen() -> None:
    hf_parity.check_keys(T5Config(**SIZES, **BUCKETS), T5ForConditionalGeneration)
    hf_parity.check_keys(MT5Config(**SIZES, **BUCKETS), MT5ForConditionalGeneration)


def test_what_is_not_supported_is_named(tmp_path: Path) -> None:
    hf_parity.random_model(T5Config(**SIZES), T5ForConditionalGeneration).save_pretrained(tmp_path)
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config.replace('"relu"', '"twice-relu"'))
    with pytest.raises(ConversionError, match="twice-relu"):
        from_hf(tmp_path)
