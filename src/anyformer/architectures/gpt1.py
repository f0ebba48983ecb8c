"""GPT (Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training")."""

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
from anyformer.parts.residual import post_norm

SIZES = {"gpt1": {"d_model": 768, "n_layers": 12, "n_heads": 12, "d_ff": 3072, "published": "117M"}}  # section 4.1


@architecture(
    SIZES,
    family="gpt1",
    year=2018,
    kind="causal decoder",
    context=512,
    line="the Transformer's decoder alone: norms after each sublayer, learned positions, GELU",
    paper="Radford et al. 2018, Improving Language Understanding by Generative Pre-Training",
)
def gpt1(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int,
    vocab_size: int = 40478,  # 40000 merges and 478 symbols
    context: int = 512,
    dropout: float = 0.1,
) -> Model.Config:
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=MLP.Config(d_ff=d_ff, activation=GELU(tanh=True)),
        residual=post_norm(LayerNorm.Config(), dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(position=Learned.Config(length=context), dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,)),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02),
    )
