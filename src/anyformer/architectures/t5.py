"""T5 and its descendants: T5 1.0 (Raffel et al. 2020), T5 1.1 and Flan-T5 (Shazeer 2020; Chung et al. 2022), UL2 (Tay et al. 2022)."""

from __future__ import annotations

from dataclasses import replace

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import GELU, ReLU, SiLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.feed_forward import MLP, FeedForward, GatedMLP
from anyformer.parts.head import VocabularyHead
from anyformer.parts.init import FanIn
from anyformer.parts.mask import Causal, Full
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import RMSNorm
from anyformer.parts.relative_bias import RelativeBias
from anyformer.parts.residual import pre_norm

# section 2.1 and appendix; 3B and 11B widen heads and feed-forward only, so n_heads * head_dim is not d_model
SIZES = {
    "t5-small": {"d_model": 512, "n_layers": 6, "n_heads": 8, "d_ff": 2048, "published": "60M"},
    "t5-base": {"d_model": 768, "n_layers": 12, "n_heads": 12, "d_ff": 3072, "published": "220M"},
    "t5-large": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "d_ff": 4096, "published": "770M"},
    "t5-3b": {"d_model": 1024, "n_layers": 24, "n_heads": 32, "head_dim": 128, "d_ff": 16384, "published": "3B"},
    "t5-11b": {"d_model": 1024, "n_layers": 24, "n_heads": 128, "head_dim": 128, "d_ff": 65536, "published": "11B"},
}

# released configurations of T5 1.1; Flan-T5 and the LM-adapted T5 are the same networks
SIZES_1_1 = {
    "small": {"d_model": 512, "n_layers": 8, "n_heads": 6, "d_ff": 1024, "published": "77M"},
    "base": {"d_model": 768, "n_layers": 12, "n_heads": 12, "d_ff": 2048, "published": "250M"},
    "large": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "d_ff": 2816, "published": "800M"},
    "xl": {"d_model": 2048, "n_layers": 24, "n_heads": 32, "d_ff": 5120, "published": "3B"},
    "xxl": {"d_model": 4096, "n_layers": 24, "n_heads": 64, "d_ff": 10240, "published": "11B"},
}

UL2 = {"ul2-20b": {"d_model": 4096, "n_layers": 32, "n_heads": 16, "head_dim": 256, "d_ff": 16384, "published": "20B"}}


@architecture(
    SIZES,
    family="t5",
    year=2019,
    kind="encoder-decoder",
    context=512,
    line="RMSNorm before each sublayer, learned bias by distance, no biases, unscaled attention",
    paper="Raffel et al. 2020, Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
)
def t5(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, head_dim: int = 64, vocab_size: int = 32128, dropout: float = 0.1) -> Model.Config:
    """The head is the embedding's table, so its input is scaled by 1 / sqrt(d_model)."""
    head = VocabularyHead.Config(tied=True, scale=d_model**-0.5)
    return t5_shape(MLP.Config(d_ff=d_ff, activation=ReLU(), bias=False, dropout=dropout), head, d_model, n_layers, n_heads, head_dim, vocab_size, dropout)


@architecture(
    {f"t5-v1.1-{size}": given for size, given in SIZES_1_1.items()},
    family="t5-v1.1",
    year=2020,
    kind="encoder-decoder",
    context=512,
    line="T5 with GEGLU and a head of its own",
    paper="Shazeer 2020, GLU Variants Improve Transformer",
)
@architecture(
    {f"flan-t5-{size}": given for size, given in SIZES_1_1.items()},
    family="flan-t5",
    year=2022,
    kind="encoder-decoder",
    context=512,
    line="T5 1.1, trained on instructions",
    paper="Chung et al. 2022, Scaling Instruction-Finetuned Language Models",
)
def t5_1_1(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, head_dim: int = 64, vocab_size: int = 32128, dropout: float = 0.1) -> Model.Config:
    feed_forward = GatedMLP.Config(d_ff=d_ff, activation=GELU(tanh=True), dropout=dropout)
    return t5_shape(feed_forward, VocabularyHead.Config(tied=False), d_model, n_layers, n_heads, head_dim, vocab_size, dropout)


@architecture(
    UL2,
    family="ul2",
    year=2022,
    kind="encoder-decoder",
    context=512,
    line="T5 1.1 with SwiGLU, trained on a mixture of denoisers",
    paper="Tay et al. 2022, UL2: Unifying Language Learning Paradigms",
)
def ul2(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, head_dim: int = 256, vocab_size: int = 32128, dropout: float = 0.0) -> Model.Config:
    feed_forward = GatedMLP.Config(d_ff=d_ff, activation=SiLU(), dropout=dropout)
    return t5_shape(feed_forward, VocabularyHead.Config(tied=False), d_model, n_layers, n_heads, head_dim, vocab_size, dropout)


def t5_shape(
    feed_forward: FeedForward.Config,
    head: VocabularyHead.Config,
    d_model: int,
    n_layers: int,
    n_heads: int,
    head_dim: int,
    vocab_size: int,
    dropout: float,
    sparse: FeedForward.Config | None = None,
    sparse_everywhere: bool = False,
) -> Model.Config:
    """What all have in common; `sparse`: the feed-forward of every second layer (Switch), or of all."""
    residual = pre_norm(RMSNorm.Config(), dropout=dropout)
    attention = MultiHeadAttention.Config(
        n_heads=n_heads, head_dim=head_dim, scale=1.0, qkv_bias=False, out_bias=False, mechanism=Softmax.Config(dropout=dropout)
    )
    bias = RelativeBias.Config(n_buckets=32, max_distance=128)  # one table a stack
    encoder = TransformerBlock.Config(attention=replace(attention, mask=Full(), position=bias), feed_forward=feed_forward, residual=residual)
    decoder = replace(
        encoder, attention=replace(attention, mask=Causal(), position=replace(bias, bidirectional=False)), cross_attention=replace(attention, mask=Full())
    )

    def stack(block: TransformerBlock.Config) -> Stack.Config:
        routed = None if sparse is None else replace(block, feed_forward=sparse)
        blocks = (block,) if routed is None else (routed,) if sparse_everywhere else (block, routed)
        return Stack.Config(n_layers=n_layers, blocks=blocks, final_norm=RMSNorm.Config())

    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(dropout=dropout),
        encoder=stack(encoder),
        decoder=stack(decoder),
        head=head,
        init=FanIn(),
    )
