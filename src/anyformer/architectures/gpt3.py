"""GPT-3 (Brown et al. 2020, "Language Models are Few-Shot Learners")."""

from __future__ import annotations

from dataclasses import replace

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal, Window
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import pre_norm

# Table 2.1. Two cells are misprints, as its own totals show (docs/architectures.md): XL has 16 heads, not 24; 13B is 5120 wide, not 5140.
SIZES = {
    "gpt3-125m": {"d_model": 768, "n_layers": 12, "n_heads": 12, "published": "125M"},
    "gpt3-350m": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "published": "350M"},
    "gpt3-760m": {"d_model": 1536, "n_layers": 24, "n_heads": 16, "published": "760M"},
    "gpt3-1.3b": {"d_model": 2048, "n_layers": 24, "n_heads": 16, "published": "1.3B"},
    "gpt3-2.7b": {"d_model": 2560, "n_layers": 32, "n_heads": 32, "published": "2.7B"},
    "gpt3-6.7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "published": "6.7B"},
    "gpt3-13b": {"d_model": 5120, "n_layers": 40, "n_heads": 40, "published": "13B"},
    "gpt3-175b": {"d_model": 12288, "n_layers": 96, "n_heads": 96, "published": "175B"},
}


@architecture(
    SIZES,
    family="gpt3",
    year=2020,
    kind="causal decoder",
    context=2048,
    line="GPT-2 in which every second layer sees a window only",
    paper="Brown et al. 2020, Language Models are Few-Shot Learners",
)
def gpt3(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model, section 2.1
    vocab_size: int = 50257,
    context: int = 2048,
    window: int = 256,
    dropout: float = 0.0,
) -> Model.Config:
    """Layers alternate between dense attention and a band of the last `window` tokens, the token itself among them.

    Section 2.1 gives neither the width of the band nor which layers are dense; here the first is, and the band is as wide as in
    GPT-Neo, the open model made after GPT-3. With `window` at the context or above, all layers are dense.
    """
    attention = MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), mechanism=Softmax.Config(dropout=dropout))
    dense = TransformerBlock.Config(
        attention=attention,
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(tanh=True)),
        residual=pre_norm(LayerNorm.Config(), dropout=dropout),
    )
    banded = replace(dense, attention=replace(attention, mask=Causal() & Window(left=window - 1)))
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(position=Learned.Config(length=context), dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(dense, banded), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02, scale_residual=True),
    )
