"""BERT, RoBERTa, RoFormer and BigBird against transformers."""

from __future__ import annotations

from pathlib import Path

import hf_parity
import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BigBirdConfig,
    BigBirdForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
    RoFormerConfig,
    RoFormerForMaskedLM,
)
from transformers.models.big_bird import modeling_big_bird

from anyformer.batch import Batch
from anyformer.errors import ConversionError
from anyformer.interop import from_hf
from anyformer.parts.bigbird import BigBird, plan_of_inner_blocks

SIZES = {"vocab_size": 37, "hidden_size": 30, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 26, "max_position_embeddings": 24}
FAMILIES = {
    "bert": (BertConfig, BertForMaskedLM, [{}, {"hidden_act": "relu", "type_vocab_size": 5, "layer_norm_eps": 1e-3}]),
    "roberta": (RobertaConfig, RobertaForMaskedLM, [{}, {"hidden_act": "gelu_new", "pad_token_id": 3, "type_vocab_size": 1}]),
    "roformer": (RoFormerConfig, RoFormerForMaskedLM, [{}, {"embedding_size": 14}]),
    "big_bird": (
        BigBirdConfig,
        BigBirdForMaskedLM,
        [{"attention_type": "original_full"}, {"attention_type": "original_full", "use_bias": False, "rescale_embeddings": True}, {"block_size": 4}],
    ),
}
CASES = [(name, i) for name, (_, _, options) in FAMILIES.items() for i in range(len(options))]


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_family(name: str, variant: int, tmp_path: Path) -> None:
    config, kind, options = FAMILIES[name]
    sparse = options[variant].get("block_size")
    hf_parity.check_family(config(**(SIZES | options[variant])), kind, tmp_path, lengths=[9, 6, 1], packed=sparse is None)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_key_is_seen(name: str) -> None:
    config, kind, options = FAMILIES[name]
    hf_parity.check_keys(config(**(SIZES | options[0])), kind)


@torch.no_grad()
def test_a_model_with_a_pooler(tmp_path: Path) -> None:
    theirs = hf_parity.random_model(BertConfig(**SIZES), BertForPreTraining)
    theirs.save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="pairs of sentences"):
        ours = from_hf(tmp_path)
    ids, types = torch.randint(1, 37, (2, 7)), torch.tensor([[0, 0, 0, 1, 1, 1, 1]] * 2)
    expected = theirs(ids, token_type_ids=types)
    output = ours(Batch(tokens=ids, token_types=types))
    hf_parity.assert_close(output.logits, expected.prediction_logits)
    hf_parity.assert_close(output.pooled.unsqueeze(1), theirs.bert(ids, token_type_ids=types).pooler_output.unsqueeze(1))


@torch.no_grad()
def test_block_sparse_attention_with_their_training_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their plan for these heads, drawn once and handed to both."""
    block, blocks = 4, 12
    config = BigBirdConfig(**(SIZES | {"max_position_embeddings": 64}), block_size=block, num_random_blocks=1)
    theirs = hf_parity.random_model(config, BigBirdForMaskedLM)
    theirs.save_pretrained(tmp_path)
    far = {b: [c for c in range(1, blocks - 1) if abs(c - b) > 1] for b in range(1, blocks - 1)}  # neither a neighbour nor global
    drawn = [[[far[b][(3 * b + head) % len(far[b])]] for b in range(1, blocks - 1)] for head in range(3)]

    def given(self: object, **kwargs: object) -> list[object]:
        return [torch.tensor(of_head).numpy() for of_head in drawn]

    monkeypatch.setattr(modeling_big_bird.BigBirdBlockSparseAttention, "_bigbird_block_rand_mask_with_head", given)
    ours = from_hf(tmp_path)
    mask = BigBird(block=block, window=3, random=1, heads=3, plan=plan_of_inner_blocks(drawn))
    ids = torch.randint(1, 37, (2, block * blocks))
    rebuilt = ours.config.override("encoder.blocks.*.attention.mask", mask).build().eval()
    rebuilt.load_state_dict(ours.state_dict())
    hf_parity.assert_close(rebuilt.logits(ids), theirs(ids).logits)


def test_what_is_not_supported_is_named(tmp_path: Path) -> None:
    for config, kind, said in (
        (RoFormerConfig(**SIZES, rotary_value=True), RoFormerForMaskedLM, "rotary_value"),
        (BertConfig(**SIZES, is_decoder=True), BertForMaskedLM, "is_decoder"),
    ):
        hf_parity.random_model(config, kind).save_pretrained(tmp_path)
        with pytest.raises(ConversionError, match=said):
            from_hf(tmp_path)
