"""Relative positions of Transformer-XL (Dai et al. 2019, section 3.3), as Gopher and Chinchilla have them.

    q_i k_j + q_i r_(i-j) + u k_j + v r_(i-j),   r_d = W R_d

with R_d the sinusoidal vector of the distance d, W a map of the layer, u and v vectors of each head.
Dimensions: B rows (1 where all rows agree), T queries i, S keys j, D model, N heads, K key heads, H head width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor, nn

from anyformer.parts.attention_position import AttentionPosition, offsets, steps
from anyformer.parts.linear import Linear
from anyformer.parts.place import Place
from anyformer.parts.position import Sinusoidal
from anyformer.spec import spec

if TYPE_CHECKING:
    from anyformer.parts.init import Init


class TransformerXL(AttentionPosition):
    """bidirectional: keys after the query have distances of their own; otherwise they count as at distance 0, for decoders, where nobody sees them.

    Positions may begin anywhere and repeat, but within a row they skip nothing: |i - j| is below the number of keys.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"scores"})

    @spec
    class Config(AttentionPosition.Config):
        base: float = 10000.0
        bidirectional: bool = True

        @property
        def per(self) -> Literal["stack", "layer"]:
            return "layer"

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        super().__init__()
        self.bidirectional = config.bidirectional
        self.sinusoid = Sinusoidal.Config(base=config.base, layout="halves").build(d_model)
        self.relative = Linear(d_model, n_heads * head_dim, bias=False)  # W
        self.content_bias = nn.Parameter(torch.zeros(n_heads, head_dim))  # u
        self.position_bias = nn.Parameter(torch.zeros(n_heads, head_dim))  # v

    def initialize(self, init: Init) -> None:
        init.matrix(self.content_bias)
        init.matrix(self.position_bias)

    def scores(self, q: Tensor, k: Tensor, at_q: Place, at_k: Place) -> Tensor:
        u, v = self.content_bias.to(q.dtype), self.position_bias.to(q.dtype)
        by_key = torch.einsum("kgh,bksh->bkgs", u.unflatten(0, (k.shape[1], -1)), k).flatten(1, 2)  # u k_j: [B, N, S]
        turned = q + v.unsqueeze(1)  # q_i + v: [B, N, T, H]
        few = q.shape[0] * q.shape[2] < q.shape[3]  # as in decoding: to project every distance would cost more than all else
        by_distance = self._pair_by_pair(turned, at_q, at_k) if few and self.sinusoid.dim % 2 == 0 else self._by_table(turned, at_q, at_k)
        return by_distance + by_key.unsqueeze(2)

    def _by_table(self, q: Tensor, at_q: Place, at_k: Place) -> Tensor:
        """Every query with every distance there is, of which each key then takes its own: [B, N, T, S]."""
        farthest = max(q.shape[2], at_k.index.shape[0]) - 1
        distances = torch.arange(-farthest if self.bidirectional else 0, farthest + 1, device=q.device)
        r = self.relative(self.sinusoid(distances).to(q.dtype)).unflatten(-1, (q.shape[1], -1))  # [C, N, H]
        scores = q @ r.permute(1, 2, 0)  # [B, N, T, C]
        distance = -offsets(at_q, at_k)  # [1|B, T, S]
        row = distance + farthest if self.bidirectional else distance.clamp(min=0)
        return scores.gather(-1, row.unsqueeze(1).expand(*q.shape[:3], -1))

    def _pair_by_pair(self, q: Tensor, at_q: Place, at_k: Place) -> Tensor:
        """The same without projecting every distance: a = q W meets R_(i-j) as a, turned by i, meets R_j. [B, N, T, S]

        a_s sin(i - j) + a_c cos(i - j) = (a_c sin i - a_s cos i) sin j + (a_s sin i + a_c cos i) cos j, for each frequency.
        """
        weight = self.relative.weight.to(q.dtype).unflatten(0, (q.shape[1], -1))  # [N, H, D]
        a_s, a_c = (q @ weight).float().chunk(2, dim=-1)  # [B, N, T, D / 2]
        sin, cos = self.sinusoid(steps(at_q)).unsqueeze(1).chunk(2, dim=-1)  # [1|B, 1, T, D / 2]
        turned = torch.cat([a_c * sin - a_s * cos, a_s * sin + a_c * cos], dim=-1)
        keys = self.sinusoid(steps(at_k)).unsqueeze(1)  # [1|B, 1, S, D]
        return turned.to(q.dtype) @ keys.to(q.dtype).transpose(-1, -2)
