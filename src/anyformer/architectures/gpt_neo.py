"""GPT-Neo (Black et al. 2021): an open model after GPT-3."""

from __future__ import annotations

from dataclasses import replace

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
from anyformer.parts.mask import Causal, Window
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import pre_norm

# released configurations
SIZES = {
    "gpt-neo-125m": {"d_model": 768, "n_layers": 12, "n_heads": 12, "published": "125M"},
    "gpt-neo-1.3b": {"d_model": 2048, "n_layers": 24, "n_heads": 16, "published": "1.3B"},
    "gpt-neo-2.7b": {"d_model": 2560, "n_layers": 32, "n_heads": 20, "published": "2.7B"},
}


@architecture(
    SIZES,
    family="gpt-neo",
    year=2021,
    kind="causal decoder",
    context=2048,
    line="GPT-3 with windows of 256 tokens and unscaled attention",
    paper="Black et al. 2021, GPT-Neo: Large Scale Autoregressive Language Modeling with Mesh-Tensorflow",
)
def gpt_neo(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 50257,
    context: int = 2048,
    window: int = 256,  # the token itself and those before it
    dropout: float = 0.0,
) -> Model.Config:
    attention = MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), scale=1.0, qkv_bias=False, mechanism=Softmax.Config(dropout=dropout))
    seeing_all = TransformerBlock.Config(
        attention=attention,
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(tanh=True)),
        residual=pre_norm(LayerNorm.Config(), dropout=dropout),
    )
    seeing_near = replace(seeing_all, attention=replace(attention, mask=Causal() & Window(left=window - 1)))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(position=Learned.Config(length=context), dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(seeing_all, seeing_near), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02),
    )
