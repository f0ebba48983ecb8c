"""What a model sees: `Batch`, padded tensors that know where the padding can be without anybody reading the data.

B rows, T positions of the stream that is modelled, S positions of the source (encoder side of an encoder-decoder).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Padding = Literal["none", "right", "any"]


@dataclass(frozen=True)
class Batch:
    """One step's input. Only `tokens` is always there.

    A segment is the number of a document in its row; 0 is padding. Without `segments`, everything is real. `padding`
    and `packed` promise what the segments hold, so that masks can be chosen without reading them.
    """

    tokens: Tensor  # [B, T] int64: what the decoder (or the only stack) reads
    targets: Tensor | None = None  # [B, T] int64: what is to be predicted at each position
    weights: Tensor | None = None  # [B, T] float: 0 where a target does not count
    segments: Tensor | None = None  # [B, T] int64, 0: padding
    positions: Tensor | None = None  # [B, T] int64; None: counted from 0
    prefix: Tensor | None = None  # [B, T] bool: True where the part stands that all of its segment may see
    token_types: Tensor | None = None  # [B, T] int64 (BERT's sentences A and B)
    source: Tensor | None = None  # [B, S] int64: what the encoder reads
    source_segments: Tensor | None = None  # [B, S] int64, 0: padding
    source_positions: Tensor | None = None  # [B, S] int64; None: counted from 0
    padding: Padding = "none"  # of tokens
    source_padding: Padding = "none"
    packed: bool = False  # more than one document in a row, in tokens and source alike

    def to(self, device: torch.device | str, non_blocking: bool = True) -> Batch:
        return self._each(lambda value: value.to(device, non_blocking=non_blocking))

    def repeated(self, times: int) -> Batch:
        """All rows, so many times over."""
        return self._each(lambda value: torch.cat([value] * times))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        changed: dict[str, Any] = {f.name: change(value) for f in dataclasses.fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return dataclasses.replace(self, **changed)

    @property
    def n_tokens(self) -> int:
        """Positions of tokens and source that are not padding (reads the data)."""
        return _real(self.tokens, self.segments) + (_real(self.source, self.source_segments) if self.source is not None else 0)


def _real(tokens: Tensor, segments: Tensor | None) -> int:
    return tokens.numel() if segments is None else int((segments != 0).sum())


def pad(rows: list[list[int]], value: int, left: bool = False) -> tuple[Tensor, Tensor | None]:
    """Rows of unequal length as a [B, T] tensor, and their segments (None where no row needs padding)."""
    length = max((len(r) for r in rows), default=0)
    fill = [length - len(r) for r in rows]
    tokens = torch.tensor([[value] * n + r if left else r + [value] * n for r, n in zip(rows, fill, strict=True)], dtype=torch.int64).view(len(rows), length)
    if not any(fill):
        return tokens, None
    lengths = torch.tensor([len(r) for r in rows]).unsqueeze(1)
    at = torch.arange(length).unsqueeze(0)
    return tokens, ((at >= length - lengths) if left else (at < lengths)).long()
