"""Rotary scalings that treat pairs by how fast they turn: fast ones tell neighbours apart and are left alone, slow ones are slowed.

All frequencies are fp32 [R / 2], the fastest pair first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from anyformer.parts.rope_scaling import RopeScaling, a_length, at_least_one, plain_frequencies
from anyformer.spec import spec


def yarn_gain(factor: float, weight: float = 1.0) -> float:
    """0.1 * weight * ln(factor) + 1: how much sharper attention must be over texts `factor` times longer (Peng et al. 2023, section 3.4)."""
    return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0


@spec
class YaRN(RopeScaling):
    """Slow pairs as `Linear`, fast ones left alone, between them a ramp (Peng et al. 2023, section 3.2).

    A pair is fast that turns round more than `beta_fast` times within the trained length, slow below `beta_slow` times.
    """

    factor: float
    trained_length: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None  # the gain; None: from the factor, as the paper has it
    mscale: float | None = None  # DeepSeek: the gain is yarn_gain(factor, mscale) / yarn_gain(factor, mscale_all_dim)
    mscale_all_dim: float | None = None
    truncate: bool = True  # the ramp begins and ends at whole pairs

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from at_least_one("factor", self.factor)
        yield from a_length(self.trained_length)
        if not 0 < self.beta_slow < self.beta_fast:
            yield "beta_slow", f"lies between 0 and beta_fast ({self.beta_fast}), not at {self.beta_slow}; the paper has 1 and 32"

    @property
    def gain(self) -> float:
        if self.attention_factor is not None:
            return self.attention_factor
        if self.mscale and self.mscale_all_dim:
            return yarn_gain(self.factor, self.mscale) / yarn_gain(self.factor, self.mscale_all_dim)
        return yarn_gain(self.factor)

    def frequencies(self, base: float, width: int, position: Tensor) -> Tensor:
        plain = plain_frequencies(base, width, position.device)
        begin, end = self._pair(self.beta_fast, base, width), self._pair(self.beta_slow, base, width)
        if self.truncate:
            begin, end = math.floor(begin), math.ceil(end)
        begin, end = max(begin, 0), min(end, width - 1)
        pair = torch.arange(width // 2, device=position.device, dtype=torch.float32)
        slow = ((pair - begin) / (end - begin or 0.001)).clamp(0, 1)  # [R / 2] from 0, fast, to 1, slow
        return plain / self.factor * slow + plain * (1 - slow)

    def _pair(self, turns: float, base: float, width: int) -> float:
        """The pair, not whole, that turns round `turns` times in the trained length L: base^(-2i/R) * L = 2 pi turns."""
        return width * math.log(self.trained_length / (turns * 2 * math.pi)) / (2 * math.log(base))


@spec
class Llama3(RopeScaling):
    """As `YaRN`, by wavelength: longer than trained_length / low_freq_factor is slowed by `factor`, shorter than trained_length / high_freq_factor
    is left alone, between them a ramp (Llama 3.1's code; Grattafiori et al. 2024, section 3.4.2 says only that frequencies were adapted)."""

    factor: float = 8.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    trained_length: int = 8192

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from at_least_one("factor", self.factor)
        yield from a_length(self.trained_length)
        if not 0 < self.low_freq_factor < self.high_freq_factor:
            yield "low_freq_factor", f"lies between 0 and high_freq_factor ({self.high_freq_factor}), not at {self.low_freq_factor}; Llama 3.1 has 1 and 4"

    def frequencies(self, base: float, width: int, position: Tensor) -> Tensor:
        plain = plain_frequencies(base, width, position.device)
        turns = self.trained_length * plain / (2 * math.pi)  # within the trained length
        fast = ((turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)).clamp(0, 1)
        return (1 - fast) * plain / self.factor + fast * plain


@spec
class LongRoPE(RopeScaling):
    """w_i / short_i up to `trained_length`, w_i / long_i for longer rows, by searched divisors (Ding et al. 2024; Phi-3)."""

    short_factor: tuple[float, ...]  # R / 2 numbers each
    long_factor: tuple[float, ...]
    trained_length: int
    factor: float = 1.0  # longest length / trained_length
    attention_factor: float | None = None  # the gain; None: sqrt(1 + ln(factor) / ln(trained_length))

    reads_length: ClassVar[bool] = True

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from at_least_one("factor", self.factor)
        yield from a_length(self.trained_length)

    def misfits(self, width: int) -> list[tuple[str, str]]:
        lists = {"short_factor": self.short_factor, "long_factor": self.long_factor}
        return [
            (n, f"{width} rotated features are {width // 2} pairs and need as many numbers, not {len(v)}") for n, v in lists.items() if len(v) != width // 2
        ]

    @property
    def gain(self) -> float:
        return math.sqrt(1 + math.log(self.factor) / math.log(self.trained_length)) if self.attention_factor is None else self.attention_factor

    def frequencies(self, base: float, width: int, position: Tensor) -> Tensor:
        short, long = (torch.tensor(f, dtype=torch.float32, device=position.device) for f in (self.short_factor, self.long_factor))
        divisor = torch.where(position.max() + 1 > self.trained_length, long, short)
        return plain_frequencies(base, width, position.device) / divisor
