"""GLaM (Du et al. 2021, "GLaM: Efficient Scaling of Language Models with Mixture-of-Experts")."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU, ReLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.capacity import CapacityFactor
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import FanIn
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.moe import MoE
from anyformer.parts.norm import RMSNorm
from anyformer.parts.relative_bias import RelativeBias
from anyformer.parts.residual import pre_norm
from anyformer.parts.token_choice import TopTwo

# table 4; its 20B for 1.7B/32E does not go with its own neighbours (docs/architectures.md)
SMALL: dict[str, Any] = {"d_model": 768, "n_layers": 12, "n_heads": 12, "head_dim": 64, "d_ff": 3072}
MEDIUM: dict[str, Any] = {"d_model": 2048, "n_layers": 24, "n_heads": 16, "head_dim": 128, "d_ff": 8192}
LARGE: dict[str, Any] = {"d_model": 4096, "n_layers": 32, "n_heads": 32, "head_dim": 128, "d_ff": 16384}
HUGE: dict[str, Any] = {"d_model": 8192, "n_layers": 64, "n_heads": 128, "head_dim": 128}
SIZES: dict[str, dict[str, Any]] = {
    "glam-0.1b": SMALL | {"published": "130M"},
    "glam-0.1b-64e": SMALL | {"n_experts": 64, "published": "1.9B"},
    "glam-1.7b": MEDIUM | {"published": "1.7B"},
    "glam-1.7b-32e": MEDIUM | {"n_experts": 32, "published": "20B"},
    "glam-1.7b-64e": MEDIUM | {"n_experts": 64, "published": "27B"},
    "glam-1.7b-128e": MEDIUM | {"n_experts": 128, "published": "53B"},
    "glam-1.7b-256e": MEDIUM | {"n_experts": 256, "published": "105B"},
    "glam-8b": LARGE | {"published": "8.7B"},
    "glam-8b-64e": LARGE | {"n_experts": 64, "published": "143B"},
    "glam-137b": HUGE | {"d_ff": 65536, "published": "137B"},
    "glam-64b-64e": HUGE | {"d_ff": 32768, "n_experts": 64, "published": "1.2T"},
}


@architecture(
    SIZES,
    family="glam",
    year=2021,
    kind="causal decoder",
    context=1024,
    line="every second feed-forward is 64 experts, two for each token; a bias by distance for each layer",
    paper="Du et al. 2021, GLaM: Efficient Scaling of Language Models with Mixture-of-Experts",
)
def glam(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    head_dim: int,
    d_ff: int,
    n_experts: int | None = None,  # None: dense
    vocab_size: int = 256000,
    dropout: float = 0.0,
) -> Model.Config:
    """Section 4: only dense feed-forwards are gated; experts are not, as the sizes show. What the paper leaves open is as in its authors' code."""
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        head_dim=head_dim,
        mask=Causal(),
        position=RelativeBias.Config(n_buckets=32, max_distance=128, bidirectional=False, per="layer"),
        scale=1.0,
        qkv_bias=False,
        out_bias=False,
        mechanism=Softmax.Config(dropout=dropout),
    )
    dense = TransformerBlock.Config(
        attention=attention, feed_forward=GatedMLP.Config(d_ff=d_ff, activation=GELU(tanh=True)), residual=pre_norm(RMSNorm.Config(), dropout=dropout)
    )
    blocks: tuple[TransformerBlock.Config, ...] = (dense,)
    if n_experts is not None:
        # decoding token by token, no expert is ever full: evaluation drops nothing either, so that both agree
        router = TopTwo.Config(capacity=CapacityFactor(training=1.0, evaluation=None), balance_loss=0.01)
        expert = MLP.Config(d_ff=d_ff, activation=ReLU(), bias=False)
        blocks = (replace(dense, feed_forward=MoE.Config(expert=expert, n_experts=n_experts, router=router)), dense)
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=blocks, final_norm=RMSNorm.Config()),
        head=VocabularyHead.Config(tied=True, scale=d_model**-0.5),
        init=FanIn(std=1.0),
    )
