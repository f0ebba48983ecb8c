"""MPT (MosaicML 2023, "Introducing MPT-7B" and "MPT-30B")."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.alibi import ALiBi
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import pre_norm

# released configurations
SIZES = {
    "mpt-7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "published": "7B"},
    "mpt-30b": {"d_model": 7168, "n_layers": 48, "n_heads": 64, "context": 8192, "published": "30B"},
}


@architecture(
    SIZES,
    family="mpt",
    year=2023,
    kind="causal decoder",
    context=2048,
    line="GPT-2 with ALiBi and without biases, in norms either",
    paper="MosaicML 2023, Introducing MPT-7B: A New Standard for Open-Source, Commercially Usable LLMs",
)
def mpt(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 50432,  # 50254 entries and 178 spare ones
    clip: float | None = None,  # bound of queries, keys and values
    dropout: float = 0.0,
) -> Model.Config:
    norm = LayerNorm.Config(bias=False)
    attention = MultiHeadAttention.Config(
        n_heads=n_heads, mask=Causal(), position=ALiBi.Config(), qkv_bias=False, out_bias=False, clip=clip, mechanism=Softmax.Config(dropout=dropout)
    )
    block = TransformerBlock.Config(
        attention=attention,
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(), bias=False),
        residual=pre_norm(norm, dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02),
    )
