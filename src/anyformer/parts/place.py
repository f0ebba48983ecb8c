"""Where tokens stand: the facts from which masks and positions are computed.

B rows (1 where all rows agree), T queries, S keys. Facts stay [1, T] unless rows differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Counting = Literal["counted", "skipped"]
"""Whether padding takes a position where none are given: "counted" (GPT-2, BERT) or "skipped" (OPT, RoBERTa)."""


@dataclass(frozen=True, slots=True)
class Place:
    index: Tensor  # [T] int64: the slot in the row or in the cache; masks of order read it
    position: Tensor  # [1|B, T] int64, or [1|B, T, 2] (GLM): what position parts read
    segment: Tensor | None  # [B, T] int64: number of the document in its row, 0: padding; None: all one document, no padding
    prefix: Tensor | None = None  # [B, T] bool: part of the segment that everybody in it may see


def place_of(tokens: Tensor, segments: Tensor | None, positions: Tensor | None, prefix: Tensor | None = None, start: int = 0) -> Place:
    """The places of tokens [B, T] whose first one stands at index `start`."""
    index = torch.arange(start, start + tokens.shape[1], device=tokens.device)
    return Place(index, index.unsqueeze(0) if positions is None else positions, segments, prefix)


def positions_without_padding(segments: Tensor, before: Tensor | None = None) -> Tensor:
    """Positions [B, T] that count real tokens only, `before` [B] of them earlier; what is padding gets a neighbour's."""
    counted = (segments != 0).cumsum(1) - 1
    return (counted if before is None else counted + before.unsqueeze(1)).clamp(min=0)
