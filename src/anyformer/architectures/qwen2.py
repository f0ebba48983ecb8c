"""Qwen2 (Yang et al. 2024) and Qwen2.5 (Qwen Team 2024)."""

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
from anyformer.parts.moe import MoE, OutputGate
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rotary import Rotary
from anyformer.parts.token_choice import TopK

# Qwen2, table 1; vocabularies and the second feed-forward of 57B-A14B from the released configurations
WIDE = {"vocab_size": 152064}  # 151646 entries, padded further than at the small sizes
QWEN2: dict[str, dict[str, Any]] = {
    "qwen2-0.5b": {"d_model": 896, "n_layers": 24, "n_heads": 14, "n_kv_heads": 2, "d_ff": 4864, "tied": True, "published": "0.5B"},
    "qwen2-1.5b": {"d_model": 1536, "n_layers": 28, "n_heads": 12, "n_kv_heads": 2, "d_ff": 8960, "tied": True, "published": "1.5B"},
    "qwen2-7b": WIDE | {"d_model": 3584, "n_layers": 28, "n_heads": 28, "n_kv_heads": 4, "d_ff": 18944, "published": "7B"},
    "qwen2-57b-a14b": {"d_model": 3584, "n_layers": 28, "n_heads": 28, "n_kv_heads": 4, "d_ff": 20480, "expert_d_ff": 2560, "published": "57B"},
    "qwen2-72b": WIDE | {"d_model": 8192, "n_layers": 80, "n_heads": 64, "n_kv_heads": 8, "d_ff": 29568, "published": "72B"},
}
# Qwen2.5, table 1
QWEN2_5: dict[str, dict[str, Any]] = {
    "qwen2.5-0.5b": QWEN2["qwen2-0.5b"],
    "qwen2.5-1.5b": QWEN2["qwen2-1.5b"],
    "qwen2.5-3b": {"d_model": 2048, "n_layers": 36, "n_heads": 16, "n_kv_heads": 2, "d_ff": 11008, "tied": True, "published": "3B"},
    "qwen2.5-7b": QWEN2["qwen2-7b"],
    "qwen2.5-14b": WIDE | {"d_model": 5120, "n_layers": 48, "n_heads": 40, "n_kv_heads": 8, "d_ff": 13824, "norm_eps": 1e-5, "published": "14B"},
    "qwen2.5-32b": WIDE | {"d_model": 5120, "n_layers": 64, "n_heads": 40, "n_kv_heads": 8, "d_ff": 27648, "norm_eps": 1e-5, "published": "32B"},
    "qwen2.5-72b": QWEN2["qwen2-72b"] | {"norm_eps": 1e-5},
}
PAPERS = {"qwen2": "Yang et al. 2024, Qwen2 Technical Report", "qwen2.5": "Qwen Team 2024, Qwen2.5 Technical Report"}


@architecture(QWEN2_5, family="qwen2.5", year=2024, kind="causal decoder", context=32768, line="Qwen2 at more sizes", paper=PAPERS["qwen2.5"])
@architecture(QWEN2, family="qwen2", year=2024, kind="causal decoder", context=32768, line="LLaMA, biases on q, k, v", paper=PAPERS["qwen2"])
def qwen2(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_ff: int,  # with experts: of the one that computes every token
    expert_d_ff: int | None = None,  # None: no experts; else 8 of 64 for each token (section 2.2.2)
    vocab_size: int = 151936,
    tied: bool = False,
    norm_eps: float = 1e-6,
    rope_base: float = 1e6,
    dropout: float = 0.0,
) -> Model.Config:
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        mask=Causal(),
        position=Rotary.Config(base=rope_base),
        qkv_bias=True,
        out_bias=False,
        mechanism=Softmax.Config(dropout=dropout),
    )
    feed_forward: FeedForward.Config = GatedMLP.Config(d_ff=d_ff, activation=SiLU())
    if expert_d_ff is not None:
        expert, router = GatedMLP.Config(d_ff=expert_d_ff, activation=SiLU()), TopK.Config(k=8, normalize=False, balance_loss=0.001)
        feed_forward = MoE.Config(expert=expert, n_experts=64, router=router, shared=OutputGate.Config(inner=feed_forward))
    norm = RMSNorm.Config(eps=norm_eps)
    block = TransformerBlock.Config(attention=attention, feed_forward=feed_forward, residual=pre_norm(norm, dropout=dropout))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=tied),
        init=Normal(std=0.02),
    )
