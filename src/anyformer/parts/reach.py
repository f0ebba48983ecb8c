"""Which pairs meet where a stream of documents is summed chunk by chunk. B rows, T tokens, C chunks of c tokens."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

NOTHING = -1e30  # the logarithm of no weight: below every other, and finite, so that two of them can be subtracted


class Reach(NamedTuple):
    """All are bool and broadcast to the shapes given."""

    within: Tensor  # [B, 1, C, c, c]: a query and the keys of its chunk
    enters: Tensor  # [B, 1, C, c]: a query and what was summed before its chunk
    leaves: Tensor  # [B, 1, C, c]: a key and what is summed after its chunk
    passes: Tensor  # [B, 1, C]: what was summed before a chunk and what is after it

    @classmethod
    def of(cls, documents: Tensor | None, of_before: Tensor | None, n_chunks: int, c: int, itself: bool, device: torch.device) -> Reach:
        """documents [B, T], None: one; of_before [B]: the document that is open when the first chunk begins."""
        earlier = torch.ones(c, c, dtype=torch.bool, device=device).tril(0 if itself else -1)[None, None, None]
        if documents is None:
            always = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device).expand(1, 1, n_chunks, 1)
            return cls(earlier, always, always, always[..., 0])
        numbers = F.pad(documents, (0, n_chunks * c - documents.shape[1]))
        numbers[:, documents.shape[1] :] = documents[:, -1:]
        numbers = numbers.unflatten(1, (n_chunks, c)).unsqueeze(1)  # [B, 1, C, c]
        at_end = numbers[..., -1]
        first = torch.full_like(documents[:, 0], -1) if of_before is None else of_before
        at_begin = torch.cat([first[:, None, None], at_end[..., :-1]], dim=-1)  # [B, 1, C]
        within = earlier & (numbers.unsqueeze(-1) == numbers.unsqueeze(-2))
        return cls(within, numbers == at_begin.unsqueeze(-1), numbers == at_end.unsqueeze(-1), at_begin == at_end)


def fill_padding(segment: Tensor) -> Tensor:
    """Documents [B, T] in which padding counts to the document before it, so that it does not end it."""
    at = torch.arange(segment.shape[1], device=segment.device)
    last_real = torch.where(segment != 0, at, 0).cummax(dim=1).values
    return segment.gather(1, last_real)
