"""Galactica (Taylor et al. 2022, "Galactica: A Large Language Model for Science")."""

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
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import pre_norm

# table 5
SIZES = {
    "galactica-125m": {"d_model": 768, "n_layers": 12, "n_heads": 12, "published": "125M"},
    "galactica-1.3b": {"d_model": 2048, "n_layers": 24, "n_heads": 32, "published": "1.3B"},
    "galactica-6.7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "published": "6.7B"},
    "galactica-30b": {"d_model": 7168, "n_layers": 48, "n_heads": 56, "published": "30B"},
    "galactica-120b": {"d_model": 10240, "n_layers": 96, "n_heads": 80, "published": "120B"},
}


@architecture(
    SIZES,
    family="galactica",
    year=2022,
    kind="causal decoder",
    context=2048,
    line="GPT-2 without biases, in norms either",
    paper="Taylor et al. 2022, Galactica: A Large Language Model for Science",
)
def galactica(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 50000,
    context: int = 2048,
    dropout: float = 0.1,
) -> Model.Config:
    # section 4.1: GELU, no biases in maps nor in norms, learned positions, a vocabulary of 50k
    norm = LayerNorm.Config(bias=False)
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), qkv_bias=False, out_bias=False, mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(), bias=False),
        residual=pre_norm(norm, dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(position=Learned.Config(length=context), dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02, scale_residual=True),  # not in the paper
    )
