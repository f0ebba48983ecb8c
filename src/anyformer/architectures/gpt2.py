"""GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners")."""

from __future__ import annotations

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
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import pre_norm

# table 2, heads from the released hparams.json; the table's 117M, 345M, 762M and 1542M were counted wrong, as the release says
SIZES = {
    "gpt2": {"d_model": 768, "n_layers": 12, "n_heads": 12, "published": "124M"},
    "gpt2-medium": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "published": "355M"},
    "gpt2-large": {"d_model": 1280, "n_layers": 36, "n_heads": 20, "published": "774M"},
    "gpt2-xl": {"d_model": 1600, "n_layers": 48, "n_heads": 25, "published": "1558M"},
}


@architecture(
    SIZES,
    family="gpt2",
    year=2019,
    kind="causal decoder",
    context=1024,
    line="GPT with norms before each sublayer and after the stack",
    paper="Radford et al. 2019, Language Models are Unsupervised Multitask Learners",
)
def gpt2(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 50257,
    context: int = 1024,
    dropout: float = 0.1,
) -> Model.Config:
    # section 2.3: norms moved before the sublayers, one more after the last; weights that join the stream scaled at the start
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(tanh=True)),
        residual=pre_norm(LayerNorm.Config(), dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(position=Learned.Config(length=context), dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02, scale_residual=True),
    )
