"""How a sublayer joins the stream: post(skip * x + dropout(gain * branch(f(pre(x))))). An absent norm is the identity.

One equation holds the placements of the literature: post-LN (Vaswani et al. 2017), pre-LN (Xiong et al. 2020), sandwich
(Ding et al. 2021) and DeepNorm (Wang et al. 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

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
        gain: float = 1.0  # of the branch (Granite's residual multiplier)
        carry: Literal["stream", "normed"] = "stream"  # what is skipped along: x, or pre(x) (an option of BLOOM)
        init_gain: float = 1.0  # DeepNorm's beta: scales the first weights of the feed-forward, values and output projections
        dropout: float = 0.0

        def problems(self) -> Iterator[tuple[str, str]]:
            if not 0 <= self.dropout < 1:
                yield "dropout", f"a dropout rate lies in [0, 1), not {self.dropout}"
            if self.carry == "normed" and self.pre is None:
                yield "carry", "there is no normed stream to carry without a norm before the sublayer; give pre, or carry: stream"

    def __init__(self, config: Config, d_model: int):
        super().__init__()
        self.pre = None if config.pre is None else config.pre.build(d_model)
        self.branch = None if config.branch is None else config.branch.build(d_model)
        self.post = None if config.post is None else config.post.build(d_model)
        self.skip, self.gain, self.carries_normed = config.skip, config.gain, config.carry == "normed"
        self.dropout = Dropout(config.dropout)

    def enter(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is carried along, and what the sublayer reads."""
        y = x if self.pre is None else self.pre(x)
        return (y if self.carries_normed else x), y

    def leave(self, x: Tensor, y: Tensor) -> Tensor:
        """The stream after the sublayer gave y beside what is carried, x."""
        y = y if self.branch is None else self.branch(y)
        y = y if self.gain == 1 else self.gain * y
        x = self.dropout.add(x if self.skip == 1 else self.skip * x, y)
        return x if self.post is None else self.post(x)


def post_norm(norm: Norm.Config, dropout: float = 0.0) -> Residual.Config:
    """norm(x + f(x)) (Vaswani et al. 2017, section 3.1)."""
    return Residual.Config(post=norm, dropout=dropout)


def pre_norm(norm: Norm.Config, dropout: float = 0.0) -> Residual.Config:
    """x + f(norm(x)) (Xiong et al. 2020); the stack then needs a final norm."""
    return Residual.Config(pre=norm, dropout=dropout)


def sandwich_norm(norm: Norm.Config, dropout: float = 0.0) -> Residual.Config:
    """x + norm(f(norm(x))) (Ding et al. 2021, CogView, section 2.4; Gemma 2); the stack then needs a final norm."""
    return Residual.Config(pre=norm, branch=norm, dropout=dropout)


def deep_norm(norm: Norm.Config, n_encoder_layers: int, n_decoder_layers: int, side: Literal["encoder", "decoder"], dropout: float = 0.0) -> Residual.Config:
    """norm(alpha x + f(x)), first weights scaled by beta (Wang et al. 2022, DeepNet, figure 2: alpha and beta by the layers of both sides)."""
    n, m = n_encoder_layers, n_decoder_layers
    if n and m and side == "encoder":
        alpha, beta = 0.81 * (n**4 * m) ** (1 / 16), 0.87 * (n**4 * m) ** (-1 / 16)
    elif n and m:
        alpha, beta = (3 * m) ** 0.25, (12 * m) ** -0.25
    else:
        alpha, beta = (2 * (n + m)) ** 0.25, (8 * (n + m)) ** -0.25
    return Residual.Config(post=norm, skip=alpha, init_gain=beta, dropout=dropout)
