"""Mixtral of Experts (Jiang et al. 2024)."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import SiLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.moe import MoE
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rotary import Rotary
from anyformer.parts.token_choice import TopK

# table 1; 8x22b: released configuration
SIZES = {
    "mixtral-8x7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "d_ff": 14336, "published": "46.7B"},
    "mixtral-8x22b": {"d_model": 6144, "n_layers": 56, "n_heads": 48, "n_kv_heads": 8, "d_ff": 16384, "context": 65536, "published": "141B"},
}


@architecture(
    SIZES,
    family="mixtral",
    year=2024,
    kind="causal decoder",
    context=32768,
    line="Mistral whose feed-forward is eight experts, two for each token",
    paper="Jiang et al. 2024, Mixtral of Experts",
)
def mixtral(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_ff: int,  # of an expert
    n_experts: int = 8,
    experts_per_token: int = 2,
    vocab_size: int = 32000,
    balance_loss: float = 0.02,  # not in the paper; released configuration of 8x7b
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=1e-5)
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads,
            n_kv_heads=n_kv_heads,
            mask=Causal(),
            position=Rotary.Config(base=1e6),
            qkv_bias=False,
            out_bias=False,
            mechanism=Softmax.Config(dropout=dropout),
        ),
        feed_forward=MoE.Config(  # section 2.1: softmax over the two best scores, which is that over all, normalised again
            expert=GatedMLP.Config(d_ff=d_ff, activation=SiLU()),
            n_experts=n_experts,
            router=TopK.Config(k=experts_per_token, normalize=True, balance_loss=balance_loss),
        ),
        residual=pre_norm(norm, dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=False),
        init=Normal(std=0.02),
    )
