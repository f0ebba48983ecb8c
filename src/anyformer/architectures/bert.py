"""Encoders read both ways: BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019), RoFormer (Su et al. 2021)."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import Pooler, Transform, VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Full, Mask
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import post_norm
from anyformer.parts.rotary import Rotary

BASE = {"d_model": 768, "n_layers": 12, "n_heads": 12, "d_ff": 3072}
LARGE = {"d_model": 1024, "n_layers": 24, "n_heads": 16, "d_ff": 4096}
NORM = LayerNorm.Config(eps=1e-12)


@architecture(
    {"bert-base": BASE | {"published": "110M"}, "bert-large": LARGE | {"published": "340M"}},
    family="bert",
    year=2018,
    kind="encoder",
    context=512,
    line="the Transformer's encoder with GELU, learned positions and sentence types, trained to fill masked words in",
    paper="Devlin et al. 2019, BERT: Pre-training of Deep Bidirectional Transformers",
)
def bert(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 30522, context: int = 512, dropout: float = 0.1) -> Model.Config:
    """The paper's count has the pooler and leaves the head of the masked words out."""
    embedding = Embedding.Config(position=Learned.Config(length=context), token_types=2, norm=NORM, dropout=dropout)
    return encoder(embedding, d_model, n_layers, n_heads, d_ff, vocab_size, dropout, pooler=Pooler.Config())


@architecture(
    {"roberta-base": BASE | {"published": "125M"}, "roberta-large": LARGE | {"published": "355M"}},
    family="roberta",
    year=2019,
    kind="encoder",
    context=512,
    line="BERT trained longer on more, without sentence pairs; positions begin at 2 and skip padding",
    paper="Liu et al. 2019, RoBERTa: A Robustly Optimized BERT Pretraining Approach",
)
def roberta(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 50265, context: int = 512, dropout: float = 0.1) -> Model.Config:
    position = Learned.Config(length=context, offset=2)
    embedding = Embedding.Config(position=position, padding="skipped", token_types=1, norm=LayerNorm.Config(), dropout=dropout)
    return encoder(embedding, d_model, n_layers, n_heads, d_ff, vocab_size, dropout, norm=LayerNorm.Config())


@architecture(
    {
        "roformer-small": {"d_model": 384, "n_layers": 6, "n_heads": 6, "d_ff": 1536, "published": "30M"},
        "roformer-base": BASE | {"published": "124M"},
    },
    family="roformer",
    year=2021,
    kind="encoder",
    context=1536,
    line="BERT with rotary positions in every layer instead of a table",
    paper="Su et al. 2021, RoFormer: Enhanced Transformer with Rotary Position Embedding",
)
def roformer(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 50000, dropout: float = 0.1) -> Model.Config:
    embedding = Embedding.Config(token_types=2, norm=NORM, dropout=dropout)
    return encoder(embedding, d_model, n_layers, n_heads, d_ff, vocab_size, dropout, position=Rotary.Config(pairing="neighbours"))


def encoder(
    embedding: Embedding.Config,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int,
    vocab_size: int,
    dropout: float,
    *,
    activation: GELU = GELU(),  # noqa: B008 (frozen)
    mask: Mask = Full(),  # noqa: B008 (frozen)
    position: AttentionPosition.Config | None = None,
    norm: LayerNorm.Config = NORM,
    pooler: Pooler.Config | None = None,
) -> Model.Config:
    """What all have in common: norms after each sublayer; the masked words' head is a map, GELU, a norm, and the table."""
    attention = MultiHeadAttention.Config(n_heads=n_heads, mask=mask, position=position, mechanism=Softmax.Config(dropout=dropout))
    block = TransformerBlock.Config(attention=attention, feed_forward=MLP.Config(d_ff=d_ff, activation=activation), residual=post_norm(norm, dropout=dropout))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=embedding,
        encoder=Stack.Config(n_layers=n_layers, blocks=(block,)),
        head=VocabularyHead.Config(tied=True, bias=True, transform=Transform.Config(activation=activation, norm=norm)),
        pooler=pooler,
        init=Normal(std=0.02),
    )
