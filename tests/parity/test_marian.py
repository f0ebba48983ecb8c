"""The encoder-decoder against Hugging Face's Marian: halved sinusoids, a bias on the logits, its own padding id."""

from __future__ import annotations

import re

import pytest
import torch
from comparing import assert_equal_logits, padded_pairs, randomise
from transformers import MarianConfig, MarianMTModel

from anyformer import architectures
from anyformer.model.model import Model

VOCAB, PAD = 41, 40
NAMES = [  # theirs -> ours
    (r"^model\.(encoder|decoder)\.layers\.", r"\1.layers."),
    (r"\.self_attn\.", ".attention."),
    (r"\.encoder_attn\.", ".cross_attention."),
    (r"q_proj", "query"),
    (r"k_proj", "key"),
    (r"v_proj", "value"),
    (r"out_proj", "out"),
    (r"\.self_attn_layer_norm\.", ".attention_residual.post."),
    (r"\.encoder_attn_layer_norm\.", ".cross_attention_residual.post."),
    (r"\.final_layer_norm\.", ".feed_forward_residual.post."),
    (r"\.fc1\.", ".feed_forward.up."),
    (r"\.fc2\.", ".feed_forward.down."),
]


def marian(activation: str, scale_embedding: bool) -> MarianMTModel:
    config = MarianConfig(
        vocab_size=VOCAB,
        d_model=24,
        encoder_layers=2,
        decoder_layers=3,
        encoder_attention_heads=3,
        decoder_attention_heads=2,
        encoder_ffn_dim=36,
        decoder_ffn_dim=28,
        max_position_embeddings=32,
        activation_function=activation,
        scale_embedding=scale_embedding,
        pad_token_id=PAD,
        eos_token_id=0,
        decoder_start_token_id=PAD,
        forced_eos_token_id=None,
    )
    return MarianMTModel(config).eval()


def ours(other: MarianMTModel, activation: str, scale_embedding: bool) -> Model:
    config = architectures.get("transformer-base", vocab_size=VOCAB, d_model=24, n_heads=3, d_ff=36, n_layers=2)
    for path, value in {
        "decoder.n_layers": 3,
        "decoder.blocks.*.attention.n_heads": 2,
        "decoder.blocks.*.cross_attention.n_heads": 2,
        "decoder.blocks.*.feed_forward.d_ff": 28,
        "embedding.position": {"layout": "halves"},
        "embedding.scale_by_sqrt_dim": scale_embedding,
        "head": {"bias": True},
        "encoder.blocks.*.feed_forward.activation": activation,
        "decoder.blocks.*.feed_forward.activation": activation,
    }.items():
        config = config.override(path, value)
    model = config.build().eval()
    theirs = other.state_dict()
    state = {"embedding.weight": theirs["model.shared.weight"], "head.weight": theirs["model.shared.weight"], "head.bias": theirs["final_logits_bias"][0]}
    for name, tensor in theirs.items():
        renamed = name
        for pattern, to in NAMES:
            renamed = re.sub(pattern, to, renamed)
        if "layers." in renamed:
            state[renamed] = tensor
    model.load_state_dict(state)
    return model


@pytest.mark.parametrize("scale_embedding", [True, False])
@pytest.mark.parametrize(("theirs", "mine"), [("relu", "ReLU"), ("gelu", "GELU"), ("swish", "SiLU")])
def test_equal_logits(theirs: str, mine: str, scale_embedding: bool) -> None:
    torch.manual_seed(4)
    other = marian(theirs, scale_embedding)
    randomise(other)
    other.final_logits_bias.normal_()
    model = ours(other, mine, scale_embedding)
    batch = padded_pairs(VOCAB, [7, 4, 9], [5, 8, 2], pad_id=PAD)
    with torch.no_grad():
        expected = other(input_ids=batch.source, attention_mask=batch.source_segments, decoder_input_ids=batch.tokens, decoder_attention_mask=batch.segments)
        assert_equal_logits(model(batch).logits, expected.logits, batch.segments)
