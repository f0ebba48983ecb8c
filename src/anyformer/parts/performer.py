"""Performer: attention by positive orthogonal random features, FAVOR+ (Choromanski et al. 2021).

Shapes: x [B, N, T, H] (B rows, N heads, T tokens, H head width), W [m, H].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from anyformer.parts.random_features import RandomFeatures
from anyformer.spec import spec

_LEAST = 1e-3  # added to ReLU's features, as the authors' code does, so that no query is without keys


class Performer(RandomFeatures):
    """phi(x) = exp(W x - |x|^2 / 2) / sqrt(m), for which E phi(q) phi(k) = exp(q k) (lemma 1); q and k take the root of the scale each.

    kernel "hyperbolic": exp(W x) beside exp(-W x), with less variance (lemma 1); "relu": max(W x, 0), which approximates no softmax
    (section 4, Performer-ReLU). The rows of W are normal vectors; `orthogonal`: at right angles within each H of them (section 2.4).
    Factors of a whole query, and 1 / sqrt(m), cancel in the output and are left out.
    """

    @spec
    class Config(RandomFeatures.Config):
        n_features: int | None = None  # m; None: H ln H (theorem 4)
        kernel: Literal["softmax", "hyperbolic", "relu"] = "softmax"
        orthogonal: bool = True
        redraw_every: int | None = 1000

        def problems(self) -> Iterator[tuple[str, str]]:
            yield from at_least_one(self, "n_features", "redraw_every")

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        m = config.n_features or max(1, round(head_dim * math.log(head_dim)))
        super().__init__(config, n_heads, 2 * m if config.kernel == "hyperbolic" else m)
        self.kernel, self.orthogonal = config.kernel, config.orthogonal
        self.register_buffer("directions", torch.empty(m, head_dim))  # W
        self.redraw()

    def redraw(self) -> None:
        if not self.directions.is_meta:
            draw = orthogonal_normal if self.orthogonal else normal
            self.directions.copy_(draw(*self.directions.shape))

    def of_queries(self, q: Tensor, scale: float) -> Tensor:
        features = self._project(q * math.sqrt(scale))
        if self.kernel == "relu":
            return features.relu_() + _LEAST
        return features.sub_(features.detach().amax(-1, keepdim=True)).exp_()

    def of_keys(self, k: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        k = k * math.sqrt(scale)
        features = self._project(k)
        if self.kernel == "relu":
            return features.relu_() + _LEAST, torch.zeros_like(k[..., 0])
        features = features.sub_(k.square().sum(-1, keepdim=True) / 2)
        weight = features.detach().amax(-1)
        return features.sub_(weight.unsqueeze(-1)).exp_(), weight

    def _project(self, x: Tensor) -> Tensor:
        projected = x @ self.directions.t()
        return torch.cat([projected, -projected], dim=-1) if self.kernel == "hyperbolic" else projected


def normal(n: int, dim: int) -> Tensor:
    """n normal vectors, [n, dim]."""
    return torch.randn(n, dim, device="cpu")


def orthogonal_normal(n: int, dim: int) -> Tensor:
    """n vectors [n, dim], each distributed as a normal one, every `dim` of them at right angles: random rotations, with lengths of normal vectors."""
    blocks = -(-n // dim)
    q, r = torch.linalg.qr(torch.randn(blocks, dim, dim, device="cpu"))
    q = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)  # else QR prefers some rotations (Mezzadri 2007)
    return q.transpose(-1, -2).flatten(0, 1)[:n] * normal(n, dim).norm(dim=-1, keepdim=True)


def at_least_one(config: object, *names: str) -> Iterator[tuple[str, str]]:
    """The problems of counts that are below 1."""
    for name in names:
        value = getattr(config, name)
        if value is not None and value < 1:
            yield name, f"must be at least 1, not {value}"
