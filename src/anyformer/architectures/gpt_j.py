"""GPT-J (Wang & Komatsuzaki 2021)."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import ParallelBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.rotary import Rotary

SIZES = {"gpt-j-6b": {"d_model": 4096, "n_layers": 28, "n_heads": 16, "rotary_dim": 64, "published": "6B"}}  # released configuration


@architecture(
    SIZES,
    family="gpt-j",
    year=2021,
    kind="causal decoder",
    context=2048,
    line="attention and feed-forward side by side after one norm; rotary positions on a quarter of each head",
    paper="Wang & Komatsuzaki 2021, GPT-J-6B: A 6 Billion Parameter Autoregressive Language Model",
)
def gpt_j(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    rotary_dim: int,  # of the features of each head
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 50400,  # 50257 are used
    dropout: float = 0.0,
) -> Model.Config:
    """Biases stand in the feed-forward and in the head, none in the attention."""
    block = ParallelBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            mask=Causal(),
            position=Rotary.Config(dim=rotary_dim, pairing="neighbours"),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(tanh=True)),
        norm=LayerNorm.Config(),
        dropout=dropout,
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=False, bias=True),
        init=Normal(std=0.02),
    )
