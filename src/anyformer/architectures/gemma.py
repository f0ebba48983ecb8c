"""Gemma (Gemma Team 2024, "Gemma: Open Models Based on Gemini Research and Technology")."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rotary import Rotary

# table 1, which counts the gate and the other half of the feed-forward together: its 32768 and 49152 are twice d_ff
SIZES = {
    "gemma-2b": {"d_model": 2048, "n_layers": 18, "n_heads": 8, "n_kv_heads": 1, "d_ff": 16384, "published": "2B"},
    "gemma-7b": {"d_model": 3072, "n_layers": 28, "n_heads": 16, "n_kv_heads": 16, "d_ff": 24576, "published": "7B"},
}


@architecture(
    SIZES,
    family="gemma",
    year=2024,
    kind="causal decoder",
    context=8192,
    line="wide heads, gated GELU, RMSNorm by 1 + weight, scaled embeddings",
    paper="Gemma Team 2024, Gemma: Open Models Based on Gemini Research and Technology",
)
def gemma(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,  # at 2B one for all
    d_ff: int,
    head_dim: int = 256,
    vocab_size: int = 256000,  # table 1 has 256128, with the padding of its authors' code
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=1e-6, plus_one=True)
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            head_dim=head_dim,
            mask=Causal(),
            position=Rotary.Config(),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=GatedMLP.Config(d_ff=d_ff, activation=GELU(tanh=True)),
        residual=pre_norm(norm, dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(scale_by_sqrt_dim=True, dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02),
    )
