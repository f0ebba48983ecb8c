"""How a sublayer joins the stream: post(skip * x + dropout(branch(f(pre(x))))). An absent norm is the identity.

One equation holds the placements of the literature: post-LN (Vaswani et al. 2017), pre-LN (Xiong et al. 2020), sandwich
(Ding et al. 2021) and DeepNorm (Wang et al. 2022).
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from anyformer.parts.dropout import Dropout
from anyformer.parts.norm import Norm
from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class Residual(Part):
    """build(d_model). A block calls `enter`, its sublayer, then `leave`."""

    @spec
    class Config(PartConfig):
        pre: Norm.Config | None = None
        branch: Norm.Config | None = None
        post: Norm.Config | None = None
        skip: float = 1.0
        dropout: float = 0.0

        def problems(self) -> Iterator[tuple[str, str]]:
            if not 0 <= self.dropout < 1:
                yield "dropout", f"a dropout rate lies in [0, 1), not {self.dropout}"

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.pre = None if config.pre is None else config.pre.build(d_model)
        self.branch = None if config.branch is None else config.branch.build(d_model)
        self.post = None if config.post is None else config.post.build(d_model)
        self.skip = config.skip
        self.dropout = Dropout(config.dropout)

    def enter(self, x: Tensor) -> Tensor:
        """What the sublayer reads."""
        return x if self.pre is None else self.pre(x)

    def leave(self, x: Tensor, y: Tensor) -> Tensor:
        """The stream after the sublayer gave y for it."""
        y = y if self.branch is None else self.branch(y)
        x = self.dropout.add(x if self.skip == 1 else self.skip * x, y)
        return x if self.post is None else self.post(x)


def post_norm(norm: Norm.Config, dropout: float = 0.0) -> Residual.Config:
    """norm(x + f(x)) (Vaswani et al. 2017, section 3.1)."""
    return Residual.Config(post=norm, dropout=dropout)


def pre_norm(norm: Norm.Config, dropout: float = 0.0) -> Residual.Config:
    """x + f(norm(x)) (Xiong et al. 2020); the stack then needs a final norm."""
    return Residual.Config(pre=norm, dropout=dropout)
