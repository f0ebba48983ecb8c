"""GLM (Du et al. 2022) and GLM-130B (Zeng et al. 2022)."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import Normal, Xavier
from anyformer.parts.mask import Causal, Prefix
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.residual import Residual, pre_norm
from anyformer.parts.rotary import Rotary
from anyformer.parts.two_dimensional import TwoDimensional

# appendix and released configurations; vocabularies of BERT and GPT-2, padded
GLM = {
    "glm-base": {"d_model": 768, "n_layers": 12, "n_heads": 12, "vocab_size": 30592, "context": 512, "published": "110M"},
    "glm-large": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "vocab_size": 30592, "context": 512, "published": "335M"},
    "glm-410m": {"d_model": 1024, "n_layers": 30, "n_heads": 16, "vocab_size": 30592, "context": 512, "published": "410M"},
    "glm-515m": {"d_model": 1152, "n_layers": 30, "n_heads": 18, "vocab_size": 30592, "context": 512, "published": "515M"},
    "glm-2b": {"d_model": 2048, "n_layers": 36, "n_heads": 32, "published": "2B"},
    "glm-10b": {"d_model": 4096, "n_layers": 48, "n_heads": 64, "published": "10B"},
}
GLM_130B = {"glm-130b": {"d_model": 12288, "n_layers": 70, "n_heads": 96, "d_ff": 32768, "published": "130B"}}  # released configuration


@architecture(
    GLM,
    family="glm",
    year=2021,
    kind="prefix decoder",
    context=1024,
    line="GPT-2 that sees a corrupted text both ways and fills its blanks in; two positions a token",
    paper="Du et al. 2022, GLM: General Language Model Pretraining with Autoregressive Blank Infilling",
)
def glm(
    *, d_model: int, n_layers: int, n_heads: int, d_ff: int | None = None, vocab_size: int = 50304, context: int = 1024, dropout: float = 0.1
) -> Model.Config:
    """Positions run from 0 to `context` in the text (section 2.3), and as far inside a blank."""
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal() | Prefix(), mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=GELU(tanh=True)),
        residual=pre_norm(LayerNorm.Config(), dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(position=TwoDimensional.Config(length=context + 1), dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config()),
        head=VocabularyHead.Config(tied=True),
        init=Normal(std=0.02, scale_residual=True),
    )


@architecture(
    GLM_130B,
    family="glm",
    year=2022,
    kind="prefix decoder",
    context=2048,
    line="norms after each sublayer by DeepNorm, rotary positions, gated GELU",
    paper="Zeng et al. 2022, GLM-130B: An Open Bilingual Pre-trained Model",
)
def glm_130b(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 150528, dropout: float = 0.1) -> Model.Config:
    """DeepNorm(x) = LayerNorm(alpha x + f(x)), alpha = (2 N)^(1/2); feed-forward, values and outputs begin scaled by (2 N)^(-1/2) (section 2.1).

    These are the paper's own constants, not those of DeepNet's decoders. The released code has a norm on the embeddings as well.
    """
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal() | Prefix(), position=Rotary.Config(), mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=GatedMLP.Config(d_ff=d_ff, activation=GELU(), bias=True),
        residual=Residual.Config(post=LayerNorm.Config(), skip=(2 * n_layers) ** 0.5, init_gain=(2 * n_layers) ** -0.5, dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(norm=LayerNorm.Config(), dropout=dropout),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,)),
        head=VocabularyHead.Config(tied=True),
        init=Xavier(),
    )
