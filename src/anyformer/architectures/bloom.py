"""BLOOM (Scao et al. 2022, "BLOOM: A 176B-Parameter Open-Access Multilingual Language Model")."""

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

# table 3
SIZES = {
    "bloom-560m": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "published": "559M"},
    "bloom-1.1b": {"d_model": 1536, "n_layers": 24, "n_heads": 16, "published": "1065M"},
    "bloom-1.7b": {"d_model": 2048, "n_layers": 24, "n_heads": 16, "published": "1722M"},
    "bloom-3b": {"d_model": 2560, "n_layers": 30, "n_heads": 32, "published": "3003M"},
    "bloom-7.1b": {"d_model": 4096, "n_layers": 30, "n_heads": 32, "published": "7069M"},
    "bloom-176b": {"d_model": 14336, "n_layers": 70, "n_heads": 112, "published": "176247M"},
}


@architecture(
    SIZES,
    family="bloom",
    year=2022,
    kind="causal decoder",
    context=2048,
    line="ALiBi instead of positions, a norm on the embeddings",
    paper="Scao et al. 2022, BLOOM: A 176B-Parameter Open-Access Multilingual Language Model",
)
def bloom(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 250880,  # 250680 are used
    dropout: float = 0.0,
) -> Model.Config:
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), position=ALiBi.Config(), mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(tanh=True)),
        residual=pre_norm(LayerNorm.Config(), dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(padding="skipped", norm=LayerNorm.Config(), dropout=dropout),  # section 3.2.2, embedding LayerNorm
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.0048, scale_residual=True),  # training scripts of all sizes
    )
