"""LLaMA (Touvron et al. 2023), Llama 2 (Touvron et al. 2023) and Llama 3 (Grattafiori et al. 2024)."""

from __future__ import annotations

from typing import Any

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
from anyformer.parts.norm import RMSNorm
from anyformer.parts.residual import pre_norm
from anyformer.parts.rope_by_pair import Llama3
from anyformer.parts.rotary import Rotary

# LLaMA, table 2; d_ff is 2/3 of 4 d_model, rounded up to a multiple of 256
LLAMA: dict[str, dict[str, Any]] = {
    "llama-7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "d_ff": 11008, "published": "6.7B"},
    "llama-13b": {"d_model": 5120, "n_layers": 40, "n_heads": 40, "d_ff": 13824, "published": "13.0B"},
    "llama-33b": {"d_model": 6656, "n_layers": 60, "n_heads": 52, "d_ff": 17920, "published": "32.5B"},
    "llama-65b": {"d_model": 8192, "n_layers": 80, "n_heads": 64, "d_ff": 22016, "published": "65.2B"},
}
# Llama 2, table 1 and released configurations (34B was released as Code Llama): the larger two share key heads
LLAMA2: dict[str, dict[str, Any]] = {
    "llama2-7b": LLAMA["llama-7b"] | {"norm_eps": 1e-5, "published": "7B"},
    "llama2-13b": LLAMA["llama-13b"] | {"norm_eps": 1e-5, "published": "13B"},
    "llama2-34b": {"d_model": 8192, "n_layers": 48, "n_heads": 64, "n_kv_heads": 8, "d_ff": 22016, "norm_eps": 1e-5, "published": "34B"},
    "llama2-70b": {"d_model": 8192, "n_layers": 80, "n_heads": 64, "n_kv_heads": 8, "d_ff": 28672, "norm_eps": 1e-5, "published": "70B"},
}
# Llama 3, table 3; 3.1 reads 16 times longer texts by another rotary scaling; 3.2 is pruned from 3.1 (released configurations)
EIGHT_KEYS = {"n_kv_heads": 8, "vocab_size": 128256, "norm_eps": 1e-5, "rope_base": 500000.0}
LONG = EIGHT_KEYS | {"rope_factor": 8.0, "context": 131072}
SMALL = LONG | {"rope_factor": 32.0, "tied": True}
LLAMA3: dict[str, dict[str, Any]] = {
    "llama3-8b": EIGHT_KEYS | {"d_model": 4096, "n_layers": 32, "n_heads": 32, "d_ff": 14336, "published": "8B"},
    "llama3-70b": EIGHT_KEYS | {"d_model": 8192, "n_layers": 80, "n_heads": 64, "d_ff": 28672, "published": "70B"},
    "llama3.1-8b": LONG | {"d_model": 4096, "n_layers": 32, "n_heads": 32, "d_ff": 14336, "published": "8B"},
    "llama3.1-70b": LONG | {"d_model": 8192, "n_layers": 80, "n_heads": 64, "d_ff": 28672, "published": "70B"},
    "llama3.1-405b": LONG | {"d_model": 16384, "n_layers": 126, "n_heads": 128, "d_ff": 53248, "published": "405B"},
    "llama3.2-1b": SMALL | {"d_model": 2048, "n_layers": 16, "n_heads": 32, "d_ff": 8192, "published": "1B"},
    "llama3.2-3b": SMALL | {"d_model": 3072, "n_layers": 28, "n_heads": 24, "d_ff": 8192, "published": "3B"},
}
PAPERS = {
    "llama": "Touvron et al. 2023, LLaMA: Open and Efficient Foundation Language Models",
    "llama2": "Touvron et al. 2023, Llama 2: Open Foundation and Fine-Tuned Chat Models",
    "llama3": "Grattafiori et al. 2024, The Llama 3 Herd of Models",
}


@architecture(LLAMA3, family="llama3", year=2024, kind="causal decoder", context=8192, line="eight key heads, a larger vocabulary", paper=PAPERS["llama3"])
@architecture(LLAMA2, family="llama2", year=2023, kind="causal decoder", context=4096, line="longer texts, shared key heads", paper=PAPERS["llama2"])
@architecture(LLAMA, family="llama", year=2023, kind="causal decoder", context=2048, line="RMSNorm, SwiGLU, rotary, no biases", paper=PAPERS["llama"])
def llama(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int,
    n_kv_heads: int | None = None,
    vocab_size: int = 32000,
    tied: bool = False,
    norm_eps: float = 1e-6,
    rope_base: float = 10000.0,
    rope_factor: float = 1.0,  # how many times slower the slow pairs turn (Llama 3.1)
    dropout: float = 0.0,
) -> Model.Config:
    norm = RMSNorm.Config(eps=norm_eps)
    scaling = None if rope_factor == 1 else Llama3(factor=rope_factor, low_freq_factor=1.0, high_freq_factor=4.0, trained_length=8192)
    attention = MultiHeadAttention.Config(
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        mask=Causal(),
        position=Rotary.Config(base=rope_base, scaling=scaling),
        qkv_bias=False,
        out_bias=False,
        mechanism=Softmax.Config(dropout=dropout),
    )
    block = TransformerBlock.Config(attention=attention, feed_forward=GatedMLP.Config(d_ff=d_ff, activation=SiLU()), residual=pre_norm(norm, dropout=dropout))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=norm),
        head=VocabularyHead.Config(tied=tied),
        init=Normal(std=0.02),
    )
