"""How rotary frequencies change so that a model reads texts longer than those it was trained on; `rope_by_pair` has the scalings
that treat fast and slow pairs differently.

Plain rotary turns pair i of R / 2 by w_i = base^(-2i/R) a step. All frequencies here are fp32 [R / 2], computed when asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import torch
from torch import Tensor

from anyformer.spec import Spec, spec


def plain_frequencies(base: float | Tensor, width: int, device: torch.device) -> Tensor:
    """w_i = base^(-2i / width) (Su et al. 2021, section 3.2.2)."""
    return 1.0 / base ** (torch.arange(0, width, 2, device=device).float() / width)


class RopeScaling(Spec):
    """Slot for scalings."""

    reads_length: ClassVar[bool] = False  # frequencies depend on the longest row, so what was rotated before a text grew is not what it would be now

    @property
    def gain(self) -> float:
        """What cos and sin are multiplied by, so queries and keys alike."""
        return 1.0

    def misfits(self, width: int) -> list[tuple[str, str]]:
        """(field, message) for what cannot be where `width` features are rotated."""
        return []

    def frequencies(self, base: float, width: int, position: Tensor) -> Tensor:
        """The frequencies of `width` rotated features for tokens at `position` [1|B, T]."""
        raise NotImplementedError


def at_least_one(name: str, value: float) -> Iterator[tuple[str, str]]:
    """The problem of a factor that shortens."""
    if value < 1:
        yield name, f"says how many times longer texts become, so it is at least 1, not {value}"


def a_length(value: int) -> Iterator[tuple[str, str]]:
    """The problem of a trained length that is none."""
    if value < 2:
        yield "trained_length", f"is the number of tokens that the model was trained on, at least 2, not {value}"


@spec
class Linear(RopeScaling):
    """w_i / factor: positions are squeezed into the trained range (Chen et al. 2023, Position Interpolation, section 2.3)."""

    factor: float

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from at_least_one("factor", self.factor)

    def frequencies(self, base: float, width: int, position: Tensor) -> Tensor:
        return plain_frequencies(base, width, position.device) / self.factor


@spec
class NTK(RopeScaling):
    """base * factor^(R / (R - 2)): the slowest pair is slowed by `factor`, the fastest not at all ("NTK-aware", Peng et al. 2023, section 3.1)."""

    factor: float

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from at_least_one("factor", self.factor)

    def frequencies(self, base: float, width: int, position: Tensor) -> Tensor:
        stretched = base * self.factor ** (width / (width - 2)) if width > 2 else base
        return plain_frequencies(stretched, width, position.device)


@spec
class DynamicNTK(RopeScaling):
    """`NTK` by as much as the longest row needs: nothing up to `trained_length`, then factor * length / trained_length - (factor - 1)
    (Peng et al. 2023, section 3.3; with a `factor` other than 1, as `transformers` has it)."""

    factor: float = 1.0
    trained_length: int

    reads_length: ClassVar[bool] = True

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from at_least_one("factor", self.factor)
        yield from a_length(self.trained_length)

    def frequencies(self, base: float, width: int, position: Tensor) -> Tensor:
        if width == 2:
            return plain_frequencies(base, width, position.device)
        length = (position.max() + 1).clamp(min=self.trained_length)  # stays a tensor: nothing waits for the GPU
        stretch = self.factor * length / self.trained_length - (self.factor - 1)
        return plain_frequencies(base * stretch ** (width / (width - 2)), width, position.device)
