"""RFA: random feature attention, with a gate that forgets (Peng et al. 2021).

Shapes: x [B, N, T, H] (B rows, N heads, T tokens, H head width), W [N, m, H].
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.linear import Linear
from anyformer.parts.mask import Causal, Mask
from anyformer.parts.performer import at_least_one
from anyformer.parts.random_features import RandomFeatures
from anyformer.spec import spec


class RFA(RandomFeatures):
    """phi(x) = [sin(W x), cos(W x)] / sqrt(m) of x / |x| (equations 3 and 5), W = sigma * normal vectors of each head, sigma learned (section 3.1).

    Of vectors of length 1, E phi(q) phi(k) = exp(-|sigma (q - k)|^2 / 2): sigma stands in for the attention's scale, which is not read.
    gate: s_t = g_t s_(t-1) + (1 - g_t) phi(k_t) v_t, g_t = sigmoid(w x_t + b) for each head (section 3.2).
    Estimates of small sums may be near 0 or below; a denominator is at least `floor`, as in the authors' code.
    """

    floor = 0.01

    @spec
    class Config(RandomFeatures.Config):
        n_features: int | None = None  # m; None: head_dim
        gate: bool = False
        redraw_every: int | None = 1  # the authors take other features in each step

        def problems(self) -> Iterator[tuple[str, str]]:
            yield from at_least_one(self, "n_features", "redraw_every")

        def misfits(self, mask: Mask, position: AttentionPosition.Config | None) -> list[tuple[str, str]]:
            found = super().misfits(mask, position)
            if self.gate and mask != Causal():
                found.append(("mechanism.gate", "a gate forgets what stands before, so everybody must look back only; take mask: Causal(), or gate: false"))
            return found

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        m = config.n_features or head_dim
        super().__init__(config, n_heads, 2 * m)
        self.sigma = nn.Parameter(torch.ones(n_heads * head_dim))  # flat: it scales, and optimizers take matrices for maps
        self.forget = Linear(d_model, n_heads) if config.gate else None
        self.register_buffer("directions", torch.empty(n_heads, m, head_dim))  # W without sigma
        self.redraw()

    def redraw(self) -> None:
        if not self.directions.is_meta:
            self.directions.copy_(torch.randn(self.directions.shape, device="cpu"))

    def of_queries(self, q: Tensor, scale: float) -> Tensor:
        return self._features(q)

    def of_keys(self, k: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        return self._features(k), torch.zeros_like(k[..., 0])

    def gate(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        if self.forget is None:
            return None
        kept = self.forget(x).float().transpose(1, 2)  # w x + b: [B, N, T]
        return F.logsigmoid(-kept), F.logsigmoid(kept)  # log(1 - g), log g

    def _features(self, x: Tensor) -> Tensor:
        w = self.sigma.view(self.n_heads, 1, -1) * self.directions  # [N, m, H]
        projected = F.normalize(x, dim=-1) @ w.transpose(-1, -2)
        return torch.cat([projected.sin(), projected.cos()], dim=-1) / math.sqrt(w.shape[1])
