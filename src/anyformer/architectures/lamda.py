"""LaMDA (Thoppilan et al. 2022, "LaMDA: Language Models for Dialog Applications")."""

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
from anyformer.parts.init import FanIn
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.relative_bias import RelativeBias
from anyformer.parts.residual import pre_norm

# section 3 and table 27: heads of 128, so that n_heads * head_dim is 2 d_model; d_ff is 8 d_model. The published sizes leave embeddings out.
SIZES = {
    "lamda-2b": {"d_model": 2560, "n_layers": 10, "n_heads": 40, "published": "2B"},
    "lamda-8b": {"d_model": 4096, "n_layers": 16, "n_heads": 64, "published": "8B"},
    "lamda-137b": {"d_model": 8192, "n_layers": 64, "n_heads": 128, "published": "137B"},
}


@architecture(
    SIZES,
    family="lamda",
    year=2022,
    kind="causal decoder",
    line="T5's bias by distance and its gated GELU in a decoder alone; wide heads and a very wide feed-forward",
    paper="Thoppilan et al. 2022, LaMDA: Language Models for Dialog Applications",
)
def lamda(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    head_dim: int = 128,
    d_ff: int | None = None,  # 8 d_model
    vocab_size: int = 32000,
    dropout: float = 0.0,
) -> Model.Config:
    """Section 3 takes relative attention and gated GELU from T5; norms and biases, which it does not mention, are T5's here too."""
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            head_dim=head_dim,
            mask=Causal(),
            position=RelativeBias.Config(n_buckets=32, max_distance=128, bidirectional=False),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=GatedMLP.Config(d_ff=d_ff or 8 * d_model, activation=GELU(tanh=True), dropout=dropout),
        residual=pre_norm(RMSNorm.Config(), dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=RMSNorm.Config()),
        head=VocabularyHead.Config(tied=True, scale=d_model**-0.5),
        init=FanIn(),
    )
