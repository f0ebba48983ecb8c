"""How parameters begin. Applied once by the model, to every part that has a say in it."""

from __future__ import annotations

from torch import nn

from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.embedding import Embedding
from anyformer.parts.head import VocabularyHead
from anyformer.parts.linear import Linear
from anyformer.parts.position import Learned
from anyformer.spec import Spec, spec


class Init(Spec):
    """Slot for initialisations."""

    def apply(self, model: nn.Module) -> None:
        """Fills all parameters of `model` in place; biases become 0, norms stay at 1."""
        raise NotImplementedError


@spec
class Xavier(Init):
    """Uniform with variance gain^2 * 2 / (in + out) (Glorot & Bengio 2010); tables N(0, 1 / D).

    `attention_gain` is for the query, key and value maps: 1 / sqrt(2) treats the three as one map of 3D outputs, which
    is what implementations with a joined projection do.
    """

    attention_gain: float = 1.0

    def apply(self, model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, Linear):
                nn.init.xavier_uniform_(part.weight)
            elif isinstance(part, (Embedding, Learned, VocabularyHead)):
                nn.init.normal_(part.weight, std=part.weight.shape[1] ** -0.5)
        for part in model.modules():
            if isinstance(part, MultiHeadAttention) and self.attention_gain != 1:
                for projection in (part.query, part.key, part.value):
                    nn.init.xavier_uniform_(projection.weight, gain=self.attention_gain)


@spec
class Normal(Init):
    """N(0, std^2) for matrices and tables (GPT-2: 0.02)."""

    std: float = 0.02

    def apply(self, model: nn.Module) -> None:
        for part in model.modules():
            if isinstance(part, (Linear, Embedding, Learned, VocabularyHead)):
                nn.init.normal_(part.weight, std=self.std)
