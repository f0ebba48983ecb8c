"""DeepSeek-V3 (DeepSeek-AI 2024, "DeepSeek-V3 Technical Report"), without its module for predicting a second token (section 2.2)."""

from __future__ import annotations

from dataclasses import replace

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import SiLU
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.latent_attention import LatentAttention
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.moe import MoE
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rope_by_pair import YaRN
from anyformer.parts.rotary import Rotary

# section 4.2, model hyper-parameters; d_ff, the width of the dense layers, from the released configuration
SIZES = {"deepseek-v3": {"d_model": 7168, "n_layers": 61, "n_heads": 128, "d_ff": 18432, "expert_d_ff": 2048, "n_experts": 256, "published": "671B"}}


@architecture(
    SIZES,
    family="deepseek-v3",
    year=2024,
    kind="causal decoder",
    context=131072,
    line="keys and values made of one narrow latent; 8 of 256 small experts and one for all, balanced without a loss",
    paper="DeepSeek-AI 2024, DeepSeek-V3 Technical Report",
)
def deepseek_v3(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int,
    expert_d_ff: int,
    n_experts: int,
    n_dense_layers: int = 3,
    q_rank: int = 1536,
    kv_rank: int = 512,
    nope_dim: int = 128,
    rope_dim: int = 64,
    value_dim: int = 128,
    rope_factor: float = 40.0,  # section 4.3: from 4096 tokens on; 1: as it was before
    vocab_size: int = 129280,
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=1e-6)
    scaling = None if rope_factor == 1 else YaRN(factor=rope_factor, trained_length=4096, beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0)
    attention = LatentAttention.Config(  # section 2.1.1
        n_heads=n_heads,
        q_rank=q_rank,
        kv_rank=kv_rank,
        nope_dim=nope_dim,
        rope_dim=rope_dim,
        value_dim=value_dim,
        norm=norm,
        mask=Causal(),
        position=Rotary.Config(pairing="neighbours", scaling=scaling),
        mechanism=Softmax.Config(dropout=dropout),
    )
    dense = TransformerBlock.Config(attention=attention, feed_forward=GatedMLP.Config(d_ff=d_ff, activation=SiLU()), residual=pre_norm(norm, dropout=dropout))
    expert = GatedMLP.Config(d_ff=expert_d_ff, activation=SiLU())
    # section 2.1.2: 8 experts of at most 4 of 8 groups, by sigmoid scores and a bias that evens the load out
    router = GroupTopK.Config(k=8, n_groups=8, top_groups=4, normalize=True, scale=2.5, rate=0.001, balance_loss=0.0001)
    routed = replace(dense, feed_forward=MoE.Config(expert=expert, n_experts=n_experts, router=router, shared=expert))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, first=(dense,) * n_dense_layers, blocks=(routed,), final_norm=norm),
        head=VocabularyHead.Config(tied=False),
        init=Normal(std=0.006),
    )
