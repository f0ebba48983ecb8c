"""Gemma 3 (Gemma Team 2025, "Gemma 3 Technical Report"), the text model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
from anyformer.parts.qk_norm import PerHead
from anyformer.parts.residual import sandwich_norm
from anyformer.parts.rope_scaling import Linear
from anyformer.parts.rotary import Rotary

# Released configurations. The three that see pictures have 64 more entries for them in their vocabulary, and read 128k tokens.
SEEING: dict[str, Any] = {"vocab_size": 262208, "rope_factor": 8.0, "context": 131072}
WIDE, NARROW = {"head_dim": 256}, {"head_dim": 128}
SIZES: dict[str, dict[str, Any]] = {
    "gemma3-270m": WIDE | {"d_model": 640, "n_layers": 18, "n_heads": 4, "n_kv_heads": 1, "d_ff": 2048, "window": 512, "published": "270M"},
    "gemma3-1b": WIDE | {"d_model": 1152, "n_layers": 26, "n_heads": 4, "n_kv_heads": 1, "d_ff": 6912, "window": 512, "published": "1B"},
    "gemma3-4b": SEEING | WIDE | {"d_model": 2560, "n_layers": 34, "n_heads": 8, "n_kv_heads": 4, "d_ff": 10240, "published": "4B"},
    "gemma3-12b": SEEING | WIDE | {"d_model": 3840, "n_layers": 48, "n_heads": 16, "n_kv_heads": 8, "d_ff": 15360, "published": "12B"},
    "gemma3-27b": SEEING
    | NARROW
    | {"d_model": 5376, "n_layers": 62, "n_heads": 32, "n_kv_heads": 16, "d_ff": 21504, "attention_scale": (5376 / 32) ** -0.5, "published": "27B"},
}


@architecture(
    SIZES,
    family="gemma3",
    year=2025,
    kind="causal decoder",
    context=32768,
    line="Gemma 2 with norms on queries and keys instead of caps; five layers with a window to one without, whose rotary base is larger",
    paper="Gemma Team 2025, Gemma 3 Technical Report",
)
def gemma3(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    head_dim: int,
    d_ff: int,
    attention_scale: float | None = None,  # of the scores; None: 1 / sqrt(head_dim)
    window: int = 1024,  # the token itself and those before it
    rope_factor: float = 1.0,  # by which positions are squeezed where there is no window
    vocab_size: int = 262144,
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=1e-6, plus_one=True)
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        head_dim=head_dim,
        mask=Causal(),
        position=Rotary.Config(base=1e6, scaling=None if rope_factor == 1 else Linear(factor=rope_factor)),
        scale=attention_scale,
        qk_norm=PerHead.Config(norm=norm),
        qkv_bias=False,
        out_bias=False,
        mechanism=Softmax.Config(dropout=dropout),
    )
    feed_forward = GatedMLP.Config(d_ff=d_ff, activation=GELU(tanh=True))
    seeing_all = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=sandwich_norm(norm, dropout=dropout))
    seeing_near = replace(seeing_all, attention=replace(attention, mask=Causal() & Window(left=window - 1), position=Rotary.Config(base=10000.0)))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(scale_by_sqrt_dim=True, dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(*[seeing_near] * 5, seeing_all), final_norm=norm),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02),
    )
