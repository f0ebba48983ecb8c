"""GPT-NeoX-20B (Black et al. 2022) and Pythia (Biderman et al. 2023)."""

from __future__ import annotations

from typing import Any

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import ParallelBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.rotary import Rotary

# section 2.1; the vocabulary is 50257 entries, padded for the devices that it was trained on
NEOX = {"gpt-neox-20b": {"d_model": 6144, "n_layers": 44, "n_heads": 64, "vocab_size": 50432, "gelu_tanh": True, "published": "20B"}}

# table 1 of the Pythia paper; 14M and 31M were released later
PYTHIA: dict[str, dict[str, Any]] = {
    "pythia-14m": {"d_model": 128, "n_layers": 6, "n_heads": 4, "published": "14M"},
    "pythia-31m": {"d_model": 256, "n_layers": 6, "n_heads": 8, "published": "31M"},
    "pythia-70m": {"d_model": 512, "n_layers": 6, "n_heads": 8, "published": "70M"},
    "pythia-160m": {"d_model": 768, "n_layers": 12, "n_heads": 12, "published": "160M"},
    "pythia-410m": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "published": "410M"},
    "pythia-1b": {"d_model": 2048, "n_layers": 16, "n_heads": 8, "published": "1.0B"},
    "pythia-1.4b": {"d_model": 2048, "n_layers": 24, "n_heads": 16, "published": "1.4B"},
    "pythia-2.8b": {"d_model": 2560, "n_layers": 32, "n_heads": 32, "published": "2.8B"},
    "pythia-6.9b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "vocab_size": 50432, "published": "6.9B"},
    "pythia-12b": {"d_model": 5120, "n_layers": 36, "n_heads": 40, "vocab_size": 50688, "published": "12B"},
}


@architecture(
    PYTHIA,
    family="pythia",
    year=2023,
    kind="causal decoder",
    context=2048,
    line="GPT-NeoX at ten sizes, trained alike",
    paper="Biderman et al. 2023, Pythia: A Suite for Analyzing Large Language Models Across Training and Scaling",
)
@architecture(
    NEOX,
    family="gpt-neox",
    year=2022,
    kind="causal decoder",
    context=2048,
    line="GPT-J's block with a norm for each half, biases, rotary positions by halves on a quarter of each head",
    paper="Black et al. 2022, GPT-NeoX-20B: An Open-Source Autoregressive Language Model",
)
def gpt_neox(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 50304,
    gelu_tanh: bool = False,
    dropout: float = 0.0,
) -> Model.Config:
    block = ParallelBlock.Config(
        attention=MultiHeadAttention.Config(
            n_heads=n_heads, mask=Causal(), position=Rotary.Config(fraction=0.25), mechanism=Softmax.Config(dropout=dropout)
        ),  # section 2.1.1: rotary on the first 25 % of the features
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(tanh=gelu_tanh)),
        norm=LayerNorm.Config(),
        feed_forward_norm=LayerNorm.Config(),  # section 2.1.2: meant to be one norm for both, but was not tied
        dropout=dropout,
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=False),
        init=Normal(std=(2 / (5 * d_model)) ** 0.5, scale_residual=True),  # section 2.1.3; what joins the stream began at 2 / (n_layers sqrt(d_model))
    )
