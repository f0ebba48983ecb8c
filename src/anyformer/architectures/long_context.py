"""Encoders for long texts: BigBird (Zaheer et al. 2020) and Performer (Choromanski et al. 2021)."""

from __future__ import annotations

from anyformer.architectures.bert import BASE, LARGE, NORM, encoder
from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.bigbird import BigBird
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import Pooler, VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Full
from anyformer.parts.norm import LayerNorm
from anyformer.parts.performer import Performer
from anyformer.parts.position import Learned, Sinusoidal
from anyformer.parts.residual import pre_norm
from anyformer.parts.short_texts import WholeIfShort


@architecture(
    {"bigbird-base": dict(BASE), "bigbird-large": dict(LARGE)},
    family="bigbird",
    year=2020,
    kind="encoder",
    context=4096,
    line="BERT for 4,096 tokens: each block of 64 sees its neighbours, three at random, the first and the last",
    paper="Zaheer et al. 2020, Big Bird: Transformers for Longer Sequences",
)
def bigbird(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int,
    block: int = 64,
    random: int = 3,
    vocab_size: int = 50358,
    context: int = 4096,
    dropout: float = 0.1,
) -> Model.Config:
    """ITC, the internal construction (table 8, appendix E.3): b = 64, global 2b, window 3b, random 3b."""
    embedding = Embedding.Config(position=Learned.Config(length=context), token_types=2, norm=NORM, dropout=dropout)
    mask = WholeIfShort(length=(5 + 2 * random) * block) | BigBird(block=block, window=3, random=random)  # the code attends fully to short texts
    activation = GELU(tanh=True)
    return encoder(embedding, d_model, n_layers, n_heads, d_ff, vocab_size, dropout, activation=activation, mask=mask, pooler=Pooler.Config())


@architecture(
    {
        "performer-base": {"d_model": 512, "n_layers": 6, "n_heads": 8, "d_ff": 2048},  # "regular", appendix A
        "performer-protein": {"d_model": 512, "n_layers": 36, "n_heads": 8, "d_ff": 1024, "vocab_size": 30},
    },
    family="performer",
    year=2020,
    kind="encoder",
    context=8192,
    line="softmax replaced by positive orthogonal random features: linear in the length",
    paper="Choromanski et al. 2021, Rethinking Attention with Performers",
)
def performer(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 32000, dropout: float = 0.1) -> Model.Config:
    """Pre-LN, GELU, sinusoidal positions: the paper leaves them to the task, so they are our choice."""
    attention = MultiHeadAttention.Config(n_heads=n_heads, mask=Full(), mechanism=Performer.Config())
    block = TransformerBlock.Config(attention=attention, feed_forward=MLP.Config(d_ff=d_ff, activation=GELU()), residual=pre_norm(LayerNorm.Config(), dropout))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(scale_by_sqrt_dim=True, position=Sinusoidal.Config(), dropout=dropout),
        encoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=True, bias=True),
        init=Normal(std=0.02),
    )
