"""Switch Transformer (Fedus et al. 2021): T5 in which the feed-forward of every second layer, or of all, is a choice among many."""

from __future__ import annotations

from typing import Any, Literal

from anyformer.architectures.registry import architecture
from anyformer.architectures.t5 import t5_shape
from anyformer.model.model import Model
from anyformer.parts.activation import GELU, ReLU
from anyformer.parts.capacity import CapacityFactor
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.moe import MoE
from anyformer.parts.token_choice import Switch

# table 9; where paper and released configurations differ, the name without an ending is the one that meets the published count
BASE: dict[str, Any] = {"d_model": 768, "n_layers": 12, "n_heads": 12, "d_ff": 3072}
LARGE: dict[str, Any] = {"d_model": 1024, "n_layers": 24, "n_heads": 16, "n_experts": 128}
XXL: dict[str, Any] = {"d_model": 4096, "n_layers": 24, "n_heads": 64, "d_ff": 10240, "gated": True, "tied": False, "capacity": (1.25, 4.0)}
C: dict[str, Any] = {"d_model": 2080, "n_layers": 15, "d_ff": 6144, "n_experts": 2048, "layers": "all", "capacity": (1.0, 2.0)}

SIZES = {
    **{
        f"switch-base-{n}": BASE | {"n_experts": n, "published": published}
        for n, published in ((8, "0.6B"), (16, "1.1B"), (32, "2.0B"), (64, "3.8B"), (128, "7.4B"), (256, "14.7B"))
    },
    "switch-base-128-paper": BASE | {"d_ff": 2048, "gated": True, "n_experts": 128, "published": "7.4B"},
    "switch-large-128": LARGE | {"d_ff": 4096, "published": "26.3B"},
    "switch-large-128-paper": LARGE | {"d_ff": 2816, "gated": True, "published": "26B"},
    "switch-xxl-128": XXL | {"n_experts": 128, "published": "395B"},
    "switch-xxl-64-paper": XXL | {"n_experts": 64},  # what table 9 says: half of the published count
    "switch-c-2048": C | {"n_heads": 32, "published": "1571B"},
    "switch-c-2048-release": C | {"n_heads": 30, "published": "1571B"},
}


@architecture(
    SIZES,
    family="switch",
    year=2021,
    kind="encoder-decoder",
    context=512,
    line="T5 with one of many experts for each token",
    paper="Fedus et al. 2021, Switch Transformers: Scaling to Trillion Parameter Models with Simple and Efficient Sparsity",
)
def switch(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int,
    n_experts: int,
    head_dim: int = 64,
    gated: bool = False,
    tied: bool = True,
    layers: Literal["every second", "all"] = "every second",
    capacity: tuple[float, float] = (1.25, 2.0),  # in training and in evaluation
    vocab_size: int = 32128,
    dropout: float = 0.1,
) -> Model.Config:
    """Router in fp32, jitter of its input 0.01, balance loss 0.01 (section 2.2); tokens over capacity pass by on the residual."""
    plain = MLP.Config(d_ff=d_ff, activation=ReLU(), bias=False, dropout=dropout)
    expert = GatedMLP.Config(d_ff=d_ff, activation=GELU(tanh=True), dropout=dropout) if gated else plain
    router = Switch.Config(capacity=CapacityFactor(training=capacity[0], evaluation=capacity[1]))
    routed = MoE.Config(expert=expert, n_experts=n_experts, router=router)
    head = VocabularyHead.Config(tied=tied, scale=d_model**-0.5 if tied else 1.0)
    return t5_shape(expert, head, d_model, n_layers, n_heads, head_dim, vocab_size, dropout, sparse=routed, sparse_everywhere=layers == "all")
