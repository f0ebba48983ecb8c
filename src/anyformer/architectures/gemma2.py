"""Gemma 2 (Gemma Team 2024, "Gemma 2: Improving Open Language Models at a Practical Size")."""

from __future__ import annotations

from dataclasses import replace

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal, Window
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import sandwich_norm
from anyformer.parts.rotary import Rotary

# table 1, whose feed-forward widths are twice d_ff; the scale of 27B, 1 / sqrt(d_model / n_heads), is in the released configuration
SIZES = {
    "gemma2-2b": {"d_model": 2304, "n_layers": 26, "n_heads": 8, "n_kv_heads": 4, "head_dim": 256, "d_ff": 9216, "published": "2B"},
    "gemma2-9b": {"d_model": 3584, "n_layers": 42, "n_heads": 16, "n_kv_heads": 8, "head_dim": 256, "d_ff": 14336, "published": "9B"},
    "gemma2-27b": {
        "d_model": 4608,
        "n_layers": 46,
        "n_heads": 32,
        "n_kv_heads": 16,
        "head_dim": 128,
        "d_ff": 36864,
        "attention_scale": (4608 / 32) ** -0.5,
        "published": "27B",
    },
}


@architecture(
    SIZES,
    family="gemma2",
    year=2024,
    kind="causal decoder",
    context=8192,
    line="Gemma with norms before and after each sublayer, capped scores and logits, every second layer with a window",
    paper="Gemma Team 2024, Gemma 2: Improving Open Language Models at a Practical Size",
)
def gemma2(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    head_dim: int,
    d_ff: int,
    attention_scale: float | None = None,  # of the scores; None: 1 / sqrt(head_dim)
    window: int = 4096,  # the token itself and those before it
    vocab_size: int = 256000,
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=1e-6, plus_one=True)
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        mask=Causal(),
        position=Rotary.Config(),
        scale=attention_scale,
        qkv_bias=False,
        out_bias=False,
        mechanism=Softmax.Config(cap=50.0, dropout=dropout),  # section 2, logit soft-capping
    )
    seeing_all = TransformerBlock.Config(
        attention=attention,
        feed_forward=GatedMLP.Config(d_ff=d_ff, activation=GELU(tanh=True)),
        residual=sandwich_norm(norm, dropout=dropout),
    )
    seeing_near = replace(seeing_all, attention=replace(attention, mask=Causal() & Window(left=window - 1)))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(scale_by_sqrt_dim=True, dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(seeing_near, seeing_all), final_norm=norm),
        head=VocabularyHead.Config(tied=True, softcap=30.0),
        init=Normal(std=0.02),
    )
