"""The encoder-decoder Transformer (Vaswani et al. 2017, "Attention Is All You Need")."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Xavier
from anyformer.parts.mask import Causal, Full
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Sinusoidal
from anyformer.parts.residual import post_norm, pre_norm

# table 3 of the paper; tiny is Wu et al. 2021, "Good for Misconceived Reasons", table 1
SIZES = {
    "transformer-tiny": {"d_model": 128, "n_layers": 4, "n_heads": 4, "d_ff": 256, "dropout": 0.3},
    "transformer-base": {"d_model": 512, "n_layers": 6, "n_heads": 8, "d_ff": 2048, "dropout": 0.1, "published": "65M"},
    "transformer-big": {"d_model": 1024, "n_layers": 6, "n_heads": 16, "d_ff": 4096, "dropout": 0.3, "published": "213M"},
}


@architecture(
    SIZES,
    family="transformer",
    year=2017,
    kind="encoder-decoder",
    line="the first: post-norm, sinusoidal positions, ReLU",
    paper="Vaswani et al. 2017, Attention Is All You Need",
)
def transformer(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int,
    dropout: float = 0.1,
    vocab_size: int = 37000,  # "about 37000" joint byte-pair entries, section 5.1
    source_vocab_size: int | None = None,  # with one of its own, the source has its own table
    norm: Literal["post", "pre"] = "post",
) -> Model.Config:
    place_norm = post_norm if norm == "post" else pre_norm
    residual = place_norm(LayerNorm.Config(), dropout=dropout)
    feed_forward = MLP.Config(d_ff=d_ff)
    seeing_all = MultiHeadAttention.Config(n_heads=n_heads, mask=Full())
    seeing_past = MultiHeadAttention.Config(n_heads=n_heads, mask=Causal())
    encoder_block = TransformerBlock.Config(attention=seeing_all, feed_forward=feed_forward, residual=residual)
    decoder_block = TransformerBlock.Config(attention=seeing_past, cross_attention=seeing_all, feed_forward=feed_forward, residual=residual)
    final_norm = LayerNorm.Config() if norm == "pre" else None
    embedding = Embedding.Config(scale_by_sqrt_dim=True, position=Sinusoidal.Config(), dropout=dropout)
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=embedding,
        encoder_embedding=None if source_vocab_size is None else replace(embedding, vocab_size=source_vocab_size),
        encoder=Stack.Config(n_layers=n_layers, blocks=(encoder_block,), final_norm=final_norm),
        decoder=Stack.Config(n_layers=n_layers, blocks=(decoder_block,), final_norm=final_norm),
        head=VocabularyHead.Config(tied=True),
        init=Xavier(attention_gain=2**-0.5),
    )
