"""ALiBi (Press et al. 2022): nothing is told of positions but that far keys count for less, each head by its own slope.

    bias = -slope_h * |i - j|

Dimensions: B rows (1 where all rows agree), T queries, S keys, N heads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from anyformer.parts.attention_position import AttentionPosition, offsets
from anyformer.parts.place import Place
from anyformer.spec import spec


class ALiBi(AttentionPosition):
    """Slopes are 2^(-m/N), 2^(-2m/N), ..., 2^-m, with m = `bias_max`, where N is a power of two (section 3).

    Else those of the power of two below N, then every other one of the power above (the paper's code, BLOOM, Falcon). MPT's code takes every other
    slope of the power above from the second on, which are the slopes of the power below, then those left out: the same.
    """

    uses: ClassVar[frozenset[str]] = frozenset({"bias"})

    @spec
    class Config(AttentionPosition.Config):
        bias_max: float = 8.0  # the last slope is 2^-bias_max
        scaled: bool = False  # by 1 / sqrt(head_dim), as if it were added before the scale (Falcon-RW)

        def problems(self) -> Iterator[tuple[str, str]]:
            if self.bias_max <= 0:
                yield "bias_max", f"is above 0, so that far keys count for less, not {self.bias_max}; the paper has 8"

    def __init__(self, config: Config, d_model: int, n_heads: int, head_dim: int):
        super().__init__()
        self.bias_max, self.n_heads = config.bias_max, n_heads
        self.scale = head_dim**-0.5 if config.scaled else 1.0

    def bias(self, q: Place, k: Place) -> Tensor:
        distance = offsets(q, k).abs()  # [1|B, T, S]
        slopes = slopes_of(self.n_heads, self.bias_max, distance.device) * -self.scale
        return slopes[:, None, None] * distance.unsqueeze(1)


def slopes_of(n_heads: int, bias_max: float, device: torch.device | None = None) -> Tensor:
    """The slope of each head, [N] fp32."""
    below = 1 << (n_heads.bit_length() - 1)
    if below == n_heads:
        return _geometric(n_heads, bias_max, device)
    return torch.cat([_geometric(below, bias_max, device), _geometric(2 * below, bias_max, device)[::2]])[:n_heads]


def _geometric(n: int, bias_max: float, device: torch.device | None) -> Tensor:
    """2^(-bias_max i / n) for i = 1 .. n."""
    return torch.exp2(torch.arange(1, n + 1, dtype=torch.float32, device=device) * (-bias_max / n))
