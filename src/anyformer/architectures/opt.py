"""OPT (Zhang et al. 2022, "OPT: Open Pre-trained Transformer Language Models")."""

from __future__ import annotations

from anyformer.architectures.registry import architecture
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.parts.activation import ReLU
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import TransformerBlock
from anyformer.parts.embedding import Embedding, Narrow
from anyformer.parts.feed_forward import MLP
from anyformer.parts.head import Transform, VocabularyHead
from anyformer.parts.init import Normal
from anyformer.parts.mask import Causal
from anyformer.parts.mechanism import Softmax
from anyformer.parts.norm import LayerNorm
from anyformer.parts.position import Learned
from anyformer.parts.residual import post_norm, pre_norm

# table 1; that 350M has norms after its sublayers and a narrower table stands in the released configurations only
SIZES = {
    "opt-125m": {"d_model": 768, "n_layers": 12, "n_heads": 12, "published": "125M"},
    "opt-350m": {"d_model": 1024, "n_layers": 24, "n_heads": 16, "table_width": 512, "norm_first": False, "published": "350M"},
    "opt-1.3b": {"d_model": 2048, "n_layers": 24, "n_heads": 32, "published": "1.3B"},
    "opt-2.7b": {"d_model": 2560, "n_layers": 32, "n_heads": 32, "published": "2.7B"},
    "opt-6.7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "published": "6.7B"},
    "opt-13b": {"d_model": 5120, "n_layers": 40, "n_heads": 40, "published": "13B"},
    "opt-30b": {"d_model": 7168, "n_layers": 48, "n_heads": 56, "published": "30B"},
    "opt-66b": {"d_model": 9216, "n_layers": 64, "n_heads": 72, "published": "66B"},
    "opt-175b": {"d_model": 12288, "n_layers": 96, "n_heads": 96, "published": "175B"},
}


@architecture(
    SIZES,
    family="opt",
    year=2022,
    kind="causal decoder",
    context=2048,
    line="GPT-3 with ReLU and without bands; positions skip padding and begin at row 2 of their table",
    paper="Zhang et al. 2022, OPT: Open Pre-trained Transformer Language Models",
)
def opt(
    *,
    d_model: int,
    n_layers: int,
    n_heads: int,
    d_ff: int | None = None,  # 4 d_model
    vocab_size: int = 50272,
    context: int = 2048,
    table_width: int | None = None,  # of the table of tokens; None: d_model
    norm_first: bool = True,
    dropout: float = 0.1,  # nowhere on embeddings, section 2.2
) -> Model.Config:
    narrow = table_width is not None and table_width != d_model
    place_norm = pre_norm if norm_first else post_norm
    block = TransformerBlock.Config(
        attention=MultiHeadAttention.Config(n_heads=n_heads, mask=Causal(), mechanism=Softmax.Config(dropout=dropout)),
        feed_forward=MLP.Config(d_ff=d_ff or 4 * d_model, activation=ReLU()),
        residual=place_norm(LayerNorm.Config(), dropout=dropout),
    )
    return Model.Config(
        vocab_size=vocab_size,
        d_model=d_model,
        embedding=Embedding.Config(
            narrow=Narrow(dim=table_width) if narrow and table_width is not None else None,
            position=Learned.Config(length=context, offset=2),
            padding="skipped",
        ),
        decoder=Stack.Config(n_layers=n_layers, blocks=(block,), final_norm=LayerNorm.Config() if norm_first else None),
        head=VocabularyHead.Config(tied=True, transform=Transform.Config(bias=False) if narrow else None),
        init=Normal(std=0.006, scale_residual=True),  # section 2.2
    )
