"""BART (Lewis et al. 2020), mBART (Liu et al. 2020) and Marian's translators (Junczys-Dowmunt et al. 2018; Tiedemann & Thottingal 2020)."""

from __future__ import annotations

from dataclasses import replace

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU, SiLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal, Full
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned, Sinusoidal
from anyformer.parts.residual import Residual, post_norm, pre_norm

BART = {
    "bart-base": {"d_model": 768, "n_layers": 6, "n_heads": 12, "d_ff": 3072, "published": "140M"},
    "bart-large": {"d_model": 1024, "n_layers": 12, "n_heads": 16, "d_ff": 4096, "published": "400M"},
}
MBART = {
    "mbart-large-cc25": {"d_model": 1024, "n_layers": 12, "n_heads": 16, "d_ff": 4096, "vocab_size": 250027, "published": "610M"},
    "mbart-large-50": {"d_model": 1024, "n_layers": 12, "n_heads": 16, "d_ff": 4096, "vocab_size": 250054, "published": "611M"},
}
MARIAN = {"opus-mt-en-de": {"d_model": 512, "n_layers": 6, "n_heads": 8, "d_ff": 2048, "published": "74M"}}


@architecture(
    BART,
    family="bart",
    year=2019,
    kind="encoder-decoder",
    context=1024,
    line="the Transformer with GELU, learned positions and normalised embeddings, trained to undo noise",
    paper="Lewis et al. 2020, BART: Denoising Sequence-to-Sequence Pre-training",
)
def bart(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 50265, context: int = 1024, dropout: float = 0.1) -> Model.Config:
    embedding = Embedding.Config(position=Learned.Config(length=context, offset=2), norm=LayerNorm.Config(), dropout=dropout)
    residual = post_norm(LayerNorm.Config(), dropout=dropout)
    return _shape(embedding, residual, MLP.Config(d_ff=d_ff, activation=GELU()), d_model, n_layers, n_heads, vocab_size, dropout)


@architecture(
    MBART,
    family="mbart",
    year=2020,
    kind="encoder-decoder",
    context=1024,
    line="BART for many languages, with norms before each sublayer and after each stack",
    paper="Liu et al. 2020, Multilingual Denoising Pre-training for Neural Machine Translation",
)
def mbart(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 250027, context: int = 1024, dropout: float = 0.1) -> Model.Config:
    embedding = Embedding.Config(scale_by_sqrt_dim=True, position=Learned.Config(length=context, offset=2), norm=LayerNorm.Config(), dropout=dropout)
    residual = pre_norm(LayerNorm.Config(), dropout=dropout)
    return _shape(embedding, residual, MLP.Config(d_ff=d_ff, activation=GELU()), d_model, n_layers, n_heads, vocab_size, dropout)


@architecture(
    MARIAN,
    family="marian",
    year=2018,
    kind="encoder-decoder",
    context=512,
    line="the Transformer of 2017 with Swish and a bias on the logits",
    paper="Junczys-Dowmunt et al. 2018, Marian: Fast Neural Machine Translation in C++",
)
def marian(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 58101, dropout: float = 0.1) -> Model.Config:
    embedding = Embedding.Config(scale_by_sqrt_dim=True, position=Sinusoidal.Config(layout="halves"), dropout=dropout)
    residual = post_norm(LayerNorm.Config(), dropout=dropout)
    config = _shape(embedding, residual, MLP.Config(d_ff=d_ff, activation=SiLU()), d_model, n_layers, n_heads, vocab_size, dropout)
    return replace(config, encoder_embedding=None, head=VocabularyHead.Config(bias=True))


def _shape(
    embedding: Embedding.Config, residual: Residual.Config, feed_forward: MLP.Config, d_model: int, n_layers: int, n_heads: int, vocab_size: int, dropout: float
) -> Model.Config:
    """One table of words; positions and norms of embeddings are each side's own."""
    attention = MultiHeadAttention.Config(n_heads=n_heads, mask=Full(), mechanism=Softmax.Config(dropout=dropout))
    encoder = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=residual)
    decoder = replace(encoder, attention=replace(attention, mask=Causal()), cross_attention=attention)
    final_norm = None if residual.pre is None else LayerNorm.Config()
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=embedding,
        encoder_embedding=embedding,
        encoder=Stack.Config(n_layers=n_layers, blocks=(encoder,), final_norm=final_norm),
        decoder=Stack.Config(n_layers=n_layers, blocks=(decoder,), final_norm=final_norm),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02),
    )
