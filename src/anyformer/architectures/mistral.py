"""Mistral 7B (Jiang et al. 2023)."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import SiLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal, Window
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rotary import Rotary

SIZES = {"mistral-7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "d_ff": 14336, "window": 4096, "published": "7B"}}  # table 1


@architecture(
    SIZES,
    family="mistral",
    year=2023,
    kind="causal decoder",
    context=8192,
    line="LLaMA whose layers see a window, with shared key heads",
    paper="Jiang et al. 2023, Mistral 7B",
)
def mistral(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_ff: int,
    window: int,  # the token itself and those before it
    vocab_size: int = 32000,
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=1e-5)
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            mask=Causal() & Window(left=window - 1),
            position=Rotary.Config(base=10000.0),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=GatedMLP.Config(d_ff=d_ff, activation=SiLU()),
        residual=pre_norm(norm, dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=False),
        init=Normal(std=0.02),
    )
