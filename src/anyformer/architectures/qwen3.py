"""Qwen3 (Yang et al. 2025)."""

from __future__ import annotations

from typing import Any

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import SiLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import FeedForward, GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.moe import MoE
from anyformer.parts.norm import RMSNorm
from anyformer.parts.qk_norm import PerHead
from anyformer.parts.residual import pre_norm
from anyformer.parts.rotary import Rotary
from anyformer.parts.token_choice import TopK

# tables 1 and 2, widths from the released configurations; heads are 128 wide at all sizes, whatever d_model / n_heads is
SIZES: dict[str, dict[str, Any]] = {
    "qwen3-0.6b": {"d_model": 1024, "n_layers": 28, "n_heads": 16, "n_kv_heads": 8, "d_ff": 3072, "tied": True, "published": "0.6B"},
    "qwen3-1.7b": {"d_model": 2048, "n_layers": 28, "n_heads": 16, "n_kv_heads": 8, "d_ff": 6144, "tied": True, "published": "1.7B"},
    "qwen3-4b": {"d_model": 2560, "n_layers": 36, "n_heads": 32, "n_kv_heads": 8, "d_ff": 9728, "tied": True, "published": "4B"},
    "qwen3-8b": {"d_model": 4096, "n_layers": 36, "n_heads": 32, "n_kv_heads": 8, "d_ff": 12288, "published": "8B"},
    "qwen3-14b": {"d_model": 5120, "n_layers": 40, "n_heads": 40, "n_kv_heads": 8, "d_ff": 17408, "published": "14B"},
    "qwen3-32b": {"d_model": 5120, "n_layers": 64, "n_heads": 64, "n_kv_heads": 8, "d_ff": 25600, "published": "32B"},
    "qwen3-30b-a3b": {"d_model": 2048, "n_layers": 48, "n_heads": 32, "n_kv_heads": 4, "d_ff": 768, "n_experts": 128, "published": "30B"},
    "qwen3-235b-a22b": {"d_model": 4096, "n_layers": 94, "n_heads": 64, "n_kv_heads": 4, "d_ff": 1536, "n_experts": 128, "published": "235B"},
}


@architecture(
    SIZES,
    family="qwen3",
    year=2025,
    kind="causal decoder",
    context=32768,
    line="Qwen2 with norms on queries and keys instead of biases; dense, or 8 of 128 experts for each token",
    paper="Yang et al. 2025, Qwen3 Technical Report",
)
def qwen3(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_ff: int,  # of an expert, where there are any
    head_dim: int = 128,
    n_experts: int | None = None,  # None: dense
    experts_per_token: int = 8,
    vocab_size: int = 151936,
    tied: bool = False,
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=1e-6)
    feed_forward: FeedForward.Config = GatedMLP.Config(d_ff=d_ff, activation=SiLU())
    if n_experts is not None:
        router = TopK.Config(k=experts_per_token, normalize=True, balance_loss=0.001)
        feed_forward = MoE.Config(expert=feed_forward, n_experts=n_experts, router=router)
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            head_dim=head_dim,
            mask=Causal(),
            position=Rotary.Config(base=1e6),
            qk_norm=PerHead.Config(norm=norm),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=feed_forward,
        residual=pre_norm(norm, dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=tied),
        init=Normal(std=0.02),
    )
