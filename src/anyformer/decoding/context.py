"""What a decoder goes on from: an encoder's memory of a source, or the tokens of a prompt.

M rows, P tokens of the longest prompt.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Batch, Padding, pad
from anyformer.decoding.hypothesis import Special
from anyformer.errors import InputError


class Prompt(NamedTuple):
    """Tokens that stand before what is written, all of which a prefix decoder sees from everywhere."""

    tokens: Tensor  # [M, P], padded on the left
    segments: Tensor | None  # [M, P], 0: padding

    @property
    def positions(self) -> Tensor:
        """[1|M, P], counted without padding."""
        if self.segments is None:
            return torch.arange(self.tokens.shape[1], device=self.tokens.device).unsqueeze(0)
        return (self.segments.cumsum(1) - 1).clamp(min=0)

    @property
    def batch(self) -> Batch:
        real = torch.ones_like(self.tokens) if self.segments is None else self.segments
        padding: Padding = "none" if self.segments is None else "any"
        return Batch(tokens=self.tokens, segments=self.segments, positions=self.positions, prefix=real.bool(), padding=padding)


def read(model: Any, sources: list[list[int]], special: Special, device: torch.device) -> Any:
    """The memory of the sources (ids) where the model has an encoder beside its decoder, else a `Prompt` of them.

    Raises:
        InputError: the model is an encoder alone, which writes nothing.
    """
    if getattr(model, "decoder", model) is None:
        raise InputError("this model is an encoder alone: it fills in and classifies, but does not write")
    if getattr(model, "encoder", model) is None:
        tokens, segments = pad(sources, special.pad, left=True)
        return Prompt(tokens.to(device), None if segments is None else segments.to(device))
    tokens, segments = pad(sources, special.pad)
    start = torch.full((len(sources), 1), special.bos)
    padding: Padding = "none" if segments is None else "right"
    return model.encode(Batch(tokens=start, source=tokens, source_segments=segments, source_padding=padding).to(device))


def device_of(context: Any) -> torch.device:
    return context.tokens.device if isinstance(context, Prompt) else context.hidden.device


def rows_of(context: Any) -> int:
    return int((context.tokens if isinstance(context, Prompt) else context.hidden).shape[0])


def room_of(model: Any) -> int | None:
    """Positions that a model's tables have; None: it counts without end."""
    embeddings = [e for e in (getattr(model, "embedding", None), getattr(model, "encoder_embedding", None)) if e is not None]
    lengths = [e.position.length for e in embeddings if isinstance(getattr(e.position, "length", None), int)]
    return min(lengths, default=None)
