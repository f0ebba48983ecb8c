"""PaLM (Chowdhery et al. 2022) and U-PaLM (Tay et al. 2022)."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import SiLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import ParallelBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import FanIn
from anyformer.parts.mask import Causal, Mask, Prefix
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.rotary import Rotary

# table 1; d_ff is 4 d_model and heads are 256 wide at all sizes, so at 540B n_heads * head_dim is not d_model
SIZES = {
    "palm-8b": {"d_model": 4096, "n_layers": 32, "n_heads": 16, "published": "8.63B"},
    "palm-62b": {"d_model": 8192, "n_layers": 64, "n_heads": 32, "published": "62.50B"},
    "palm-540b": {"d_model": 18432, "n_layers": 118, "n_heads": 48, "published": "540.35B"},
}


@architecture(
    SIZES,
    family="palm",
    year=2022,
    kind="causal decoder",
    context=2048,
    line="parallel sublayers after one norm, one key head, SwiGLU, rotary positions, no biases",
    paper="Chowdhery et al. 2022, PaLM: Scaling Language Modeling with Pathways",
)
def palm(
    *, d_model: int, n_layers: int, n_heads: int, head_dim: int = 256, d_ff: int | None = None, vocab_size: int = 256000, dropout: float = 0.0
) -> Model.Config:
    return palm_shape(Causal(), d_model, n_layers, n_heads, head_dim, d_ff or 4 * d_model, vocab_size, dropout)


@architecture(
    {f"u-{name}": size for name, size in SIZES.items()},
    family="u-palm",
    year=2022,
    kind="prefix decoder",
    context=2048,
    line="PaLM, trained a little more to see a prefix both ways",
    paper="Tay et al. 2022, Transcending Scaling Laws with 0.1% Extra Compute",
)
def u_palm(
    *, d_model: int, n_layers: int, n_heads: int, head_dim: int = 256, d_ff: int | None = None, vocab_size: int = 256000, dropout: float = 0.0
) -> Model.Config:
    return palm_shape(Causal() | Prefix(), d_model, n_layers, n_heads, head_dim, d_ff or 4 * d_model, vocab_size, dropout)


def palm_shape(mask: Mask, d_model: int, n_layers: int, n_heads: int, head_dim: int, d_ff: int, vocab_size: int, dropout: float) -> Model.Config:
    block = ParallelBlock.Config(  # section 2: y = x + MLP(LayerNorm(x)) + Attention(LayerNorm(x))
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            n_kv_heads=1,  # multi-query attention
            head_dim=head_dim,
            mask=mask,
            position=Rotary.Config(),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=GatedMLP.Config(d_ff=d_ff, activation=SiLU(), bias=False),  # Swish(x W) * x V: three matrices
        norm=LayerNorm.Config(eps=1e-6, bias=False),  # no biases, in no layer and no norm
        dropout=dropout,
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config(eps=1e-6, bias=False)),
        head=VocabularyHead.Config(tied=True, scale=d_model**-0.5),  # section 5, weight initialization: logits scaled by 1 / sqrt(n)
        init=FanIn(std=1.0),  # kernels by fan-in, embeddings N(0, 1)
    )
