"""Falcon (Almazrouei et al. 2023, "The Falcon Series of Open Language Models")."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, ParallelBlock, TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rotary import Rotary

# released configurations: 7B has one key head and one norm for both halves of a layer, 40B and 180B have 8 and two
SIZES = {
    "falcon-7b": {"d_model": 4544, "n_layers": 32, "n_heads": 71, "n_kv_heads": 1, "two_norms": False, "published": "7B"},
    "falcon-40b": {"d_model": 8192, "n_layers": 60, "n_heads": 128, "n_kv_heads": 8, "published": "40B"},
    "falcon-180b": {"d_model": 14848, "n_layers": 80, "n_heads": 232, "n_kv_heads": 8, "published": "180B"},
}
REFINED_WEB = {
    "falcon-rw-1b": {"d_model": 2048, "n_layers": 24, "n_heads": 32, "published": "1B"},
    "falcon-rw-7b": {"d_model": 4096, "n_layers": 36, "n_heads": 64, "published": "7B"},
}


@architecture(
    SIZES,
    family="falcon",
    year=2023,
    kind="causal decoder",
    context=2048,
    line="parallel sublayers, few key heads, rotary positions, no biases but in the norms",
    paper="Almazrouei et al. 2023, The Falcon Series of Open Language Models",
)
def falcon(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_ff: int | None = None,
    two_norms: bool = True,
    vocab_size: int = 65024,
    dropout: float = 0.0,
) -> Model.Config:
    mechanism = Softmax.Config(dropout=dropout)
    block = ParallelBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads, n_kv_heads=n_kv_heads, mask=Causal(), position=Rotary.Config(), qkv_bias=False, out_bias=False, mechanism=mechanism
        ),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(), bias=False),
        norm=LayerNorm.Config(),
        feed_forward_norm=LayerNorm.Config() if two_norms else None,
        dropout=dropout,
    )
    return _shape(block, Embedding.Config(dropout=dropout), d_model, n_layers, vocab_size)


@architecture(
    REFINED_WEB,
    family="falcon-rw",
    year=2023,
    kind="causal decoder",
    context=2048,
    line="GPT-3's shape with ALiBi, trained on web pages alone",
    paper="Penedo et al. 2023, The RefinedWeb Dataset for Falcon LLM",
)
def falcon_rw(*, d_model: int, n_layers: int, n_heads: int, d_ff: int | None = None, vocab_size: int = 50304, dropout: float = 0.0) -> Model.Config:
    """Its ALiBi is added before the scores are scaled, so the slopes are divided by sqrt(head_dim) as well."""
    position = ALiBi.Config(scaled=True)
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), position=position, mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU()),
        residual=pre_norm(LayerNorm.Config(), dropout=dropout),
    )
    return _shape(block, Embedding.Config(padding="skipped", dropout=dropout), d_model, n_layers, vocab_size)


def _shape(block: Block.Config, embedding: Embedding.Config, d_model: int, n_layers: int, vocab_size: int) -> Model.Config:
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=embedding,
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02),
    )
