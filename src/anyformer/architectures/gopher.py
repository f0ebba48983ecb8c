"""Gopher (Rae et al. 2021) and Chinchilla (Hoffmann et al. 2022)."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import FanIn
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.transformer_xl import TransformerXL

# Gopher, table 1
GOPHER = {
    "gopher-44m": {"d_model": 512, "n_layers": 8, "n_heads": 16, "head_dim": 32, "published": "44M"},
    "gopher-117m": {"d_model": 768, "n_layers": 12, "n_heads": 12, "head_dim": 64, "published": "117M"},
    "gopher-417m": {"d_model": 1536, "n_layers": 12, "n_heads": 12, "head_dim": 128, "published": "417M"},
    "gopher-1.4b": {"d_model": 2048, "n_layers": 24, "n_heads": 16, "head_dim": 128, "published": "1.4B"},
    "gopher-7.1b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "head_dim": 128, "published": "7.1B"},
    "gopher-280b": {"d_model": 16384, "n_layers": 80, "n_heads": 128, "head_dim": 128, "published": "280B"},
}
CHINCHILLA = {"chinchilla-70b": {"d_model": 8192, "n_layers": 80, "n_heads": 64, "head_dim": 128, "published": "70B"}}  # Chinchilla, table 4


@architecture(
    CHINCHILLA,
    family="chinchilla",
    year=2022,
    kind="causal decoder",
    context=2048,
    line="Gopher, smaller and trained on more",
    paper="Hoffmann et al. 2022, Training Compute-Optimal Large Language Models",
)
@architecture(
    GOPHER,
    family="gopher",
    year=2021,
    kind="causal decoder",
    context=2048,
    line="RMSNorm and Transformer-XL's relative positions, whose projection each layer has for itself",
    paper="Rae et al. 2021, Scaling Language Models: Methods, Analysis & Insights from Training Gopher",
)
def gopher(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    head_dim: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 32000,
    dropout: float = 0.0,
) -> Model.Config:
    """Section 2.1 names two changes to GPT-2: RMSNorm, and relative positions. Biases are not mentioned; the sizes fit without them."""
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            head_dim=head_dim,
            mask=Causal(),
            position=TransformerXL.Config(bidirectional=False),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(), bias=False),
        residual=pre_norm(RMSNorm.Config(), dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=RMSNorm.Config()),
        head=VocabularyHead.Config(tied=True),
        init=FanIn(std=0.02),  # not in the paper
    )
