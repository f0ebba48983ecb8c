"""How parameters begin. Applied once by the model: every part that has parameters to draw says so in `initialize`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import Block, TransformerBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.head import VocabularyHead
from anyformer.parts.latent_attention import LatentAttention
from anyformer.parts.linear import Linear
from anyformer.parts.position import Learned
from anyformer.spec import Spec, spec


class Init(Spec):
    """Slot for initialisations."""

    def matrix(self, weight: Tensor) -> None:
        """Fills a map [..., out, in] in place; leading dimensions are maps of their own (experts)."""
        raise NotImplementedError

    def table(self, weight: Tensor) -> None:
        """Fills a table of vectors [rows, D] in place."""
        raise NotImplementedError

    def head(self, weight: Tensor) -> None:
        """Fills the map to the vocabulary [V, D] in place, where it is not the embedding's table."""
        self.table(weight)

    def finish(self, model: nn.Module) -> None:
        """What depends on where a map stands."""

    @torch.no_grad()
    def apply(self, model: nn.Module) -> None:
        """Fills all parameters of `model` in place; biases stay 0, norms 1. Parts of other kinds have a method `initialize(init)`."""
        tables = [part.weight for part in model.modules() if isinstance(part, Embedding)]
        for part in model.modules():
            initialize = getattr(part, "initialize", None)
            if isinstance(part, Linear):
                self.matrix(part.weight)
            elif isinstance(part, VocabularyHead) and not any(part.weight is table for table in tables):
                self.head(part.weight)
            elif isinstance(part, (Embedding, Learned, VocabularyHead)):
                self.table(part.weight)
                if isinstance(part, Embedding) and part.types is not None:
                    self.table(part.types)
            elif initialize is not None:
                initialize(self)
        self.finish(model)
        for part in model.modules():
            if isinstance(part, TransformerBlock) and part.init_gain != 1:
                for weight in _deepnet_weights(part):
                    weight.mul_(part.init_gain)


def _deepnet_weights(block: TransformerBlock) -> Iterator[Tensor]:
    """What DeepNorm scales by beta: the feed-forward, the values and the output projections (Wang et al. 2022, figure 2)."""
    yield from (p for p in block.feed_forward.parameters() if p.dim() > 1)
    for attention in (block.attention, block.cross_attention):
        if isinstance(attention, (MultiHeadAttention, LatentAttention)):
            yield attention.value.weight
            yield attention.out.weight


@spec
class Xavier(Init):
    """Uniform with variance gain^2 * 2 / (in + out) (Glorot & Bengio 2010); tables N(0, 1 / D).

    `attention_gain` is for the query, key and value maps: 1 / sqrt(2) treats the three as one map of 3D outputs, which
    is what implementations with a joined projection do.
    """

    attention_gain: float = 1.0

    def matrix(self, weight: Tensor) -> None:
        bound = (6 / (weight.shape[-1] + weight.shape[-2])) ** 0.5
        nn.init.uniform_(weight, -bound, bound)

    def table(self, weight: Tensor) -> None:
        nn.init.normal_(weight, std=weight.shape[1] ** -0.5)

    def finish(self, model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, MultiHeadAttention) and self.attention_gain != 1:
                for projection in (part.query, part.key, part.value):
                    nn.init.xavier_uniform_(projection.weight, gain=self.attention_gain)


@spec
class Normal(Init):
    """N(0, std^2) for matrices and tables (GPT-2: 0.02).

    `scale_residual`: what joins the stream, the last map of each sublayer, is divided by sqrt(sublayers) (GPT-2, section 2.3).
    """

    std: float = 0.02
    scale_residual: bool = False

    def matrix(self, weight: Tensor) -> None:
        nn.init.normal_(weight, std=self.std)

    def table(self, weight: Tensor) -> None:
        nn.init.normal_(weight, std=self.std)

    def finish(self, model: nn.Module) -> None:
        if not self.scale_residual:
            return
        joining = [p for name, p in model.named_parameters() if name.endswith((".out.weight", ".down.weight", ".down"))]
        sublayers = sum(isinstance(part, Block) for part in model.modules()) * 2
        for weight in joining:
            weight.div_(max(sublayers, 1) ** 0.5)


@spec
class FanIn(Init):
    """N(0, 1 / in) for matrices, N(0, std^2) for tables (T5's and GLaM's code; PaLM, section 5: 1 for tables).

    A head of its own is a matrix (T5 1.1's `logits_dense`): drawn as a table of std 1, its logits would begin sqrt(D) wide.
    Where scores are not divided by sqrt(head_dim), the queries' map begins so much smaller.
    """

    std: float = 1.0

    def matrix(self, weight: Tensor) -> None:
        nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)

    def table(self, weight: Tensor) -> None:
        nn.init.normal_(weight, std=self.std)

    def head(self, weight: Tensor) -> None:
        self.matrix(weight)

    def finish(self, model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, MultiHeadAttention):
                part.query.weight.mul_(part.head_dim**-0.5 / part.scale)
