"""Position-wise feed-forward layers. Shapes: x [B, T, D]; the hidden width is F."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from anyformer.parts.activation import Activation, ReLU, SiLU
from anyformer.parts.auxiliary import Aux
from anyformer.parts.dropout import Dropout
from anyformer.parts.linear import Linear, apply_together
from anyformer.parts.part import Part, PartConfig
from anyformer.parts.place import Place
from anyformer.spec import spec


class FeedForward(Part):
    """Slot: build(d_model)."""

    class Config(PartConfig):
        def misfits(self, d_model: int) -> list[tuple[str, str]]:
            return []

    def forward(self, x: Tensor, place: Place) -> tuple[Tensor, Aux | None]:
        """The layer's output [B, T, D], and what experts have to say. `place` tells which tokens are padding."""
        raise NotImplementedError


def _width_problems(d_ff: int, dropout: float) -> Iterator[tuple[str, str]]:
    if d_ff < 1:
        yield "d_ff", f"the hidden width must be at least 1, not {d_ff}"
    if not 0 <= dropout < 1:
        yield "dropout", f"a dropout rate lies in [0, 1), not {dropout}"


class MLP(FeedForward):
    """out(dropout(act(in(x)))) (Vaswani et al. 2017, equation 2)."""

    @spec
    class Config(FeedForward.Config):
        d_ff: int
        activation: Activation = ReLU()
        bias: bool = True
        dropout: float = 0.0  # on the hidden layer

        def problems(self) -> Iterator[tuple[str, str]]:
            yield from _width_problems(self.d_ff, self.dropout)

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.activation = config.activation
        self.up = Linear(d_model, config.d_ff, config.bias)
        self.down = Linear(config.d_ff, d_model, config.bias)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, place: Place | None = None) -> tuple[Tensor, Aux | None]:
        return self.down(self.dropout(self.activation(self.up(x)))), None


class GatedMLP(FeedForward):
    """down(act(gate(x)) * up(x)): GLU, ReGLU, GEGLU, SwiGLU and the bilinear layer (Shazeer 2020)."""

    @spec
    class Config(FeedForward.Config):
        d_ff: int
        activation: Activation = SiLU()
        bias: bool = False
        dropout: float = 0.0

        def problems(self) -> Iterator[tuple[str, str]]:
            yield from _width_problems(self.d_ff, self.dropout)

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.activation = config.activation
        self.gate = Linear(d_model, config.d_ff, config.bias)
        self.up = Linear(d_model, config.d_ff, config.bias)
        self.down = Linear(config.d_ff, d_model, config.bias)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, place: Place | None = None) -> tuple[Tensor, Aux | None]:
        gate, up = apply_together(x, [self.gate, self.up])
        return self.down(self.dropout(self.activation(gate) * up)), None
