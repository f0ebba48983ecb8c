"""How many tokens of a document an expert takes: M tokens of a batch, k copies of each, E experts.

Capacity is counted for each document by itself, in the order of its tokens (Hugging Face counts each row so), and padding takes none of it: what a
document gives does not depend on what stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from anyformer.spec import Spec, spec


class Capacity(Spec):
    """Slot."""

    def drops(self, training: bool) -> bool:
        """Whether any copy may find no place."""
        return True

    def copies(self, lengths: Tensor, k: int, n_experts: int, training: bool) -> Tensor:
        """What each expert takes of a document with `lengths` tokens, of each of which k copies are sent."""
        raise NotImplementedError


@spec
class CapacityFactor(Capacity):
    """ceil(factor * k * length / E): 1 is just enough where all experts get alike (Fedus et al. 2021, equation 3)."""

    training: float = 1.25
    evaluation: float | None = 2.0  # None: nothing is dropped, and decoding can use a cache

    def problems(self) -> Iterator[tuple[str, str]]:
        for name, factor in (("training", self.training), ("evaluation", self.evaluation)):
            if factor is not None and factor <= 0:
                yield name, f"a capacity factor is positive, not {factor}; capacity: null drops no token"

    def drops(self, training: bool) -> bool:
        return training or self.evaluation is not None

    def copies(self, lengths: Tensor, k: int, n_experts: int, training: bool) -> Tensor:
        factor = self.training if training else self.evaluation
        assert factor is not None
        return torch.ceil(factor * k * lengths / n_experts)


@spec
class FixedCapacity(Capacity):
    """As many tokens of each document, however long it is (`expert_capacity` of transformers)."""

    tokens: int = 64

    def problems(self) -> Iterator[tuple[str, str]]:
        if self.tokens < 1:
            yield "tokens", f"an expert takes at least one token, not {self.tokens}; capacity: null drops no token"

    def copies(self, lengths: Tensor, k: int, n_experts: int, training: bool) -> Tensor:
        return torch.full_like(lengths, self.tokens)


def has_place(expert: Tensor, segment: Tensor | None, shape: tuple[int, int], capacity: Capacity, n_experts: int, training: bool) -> Tensor:
    """Which copies find place: [M, k] bool for expert [M, k], E where a token is padding.

    First choices of all tokens come before second choices (Lepikhin et al. 2020, GShard, algorithm 1).
    """
    n_tokens, k = expert.shape
    document = documents(segment, shape, expert.device)
    lengths = torch.zeros_like(document).index_add_(0, document, (expert[:, 0] < n_experts).long())  # [M], of documents
    room = capacity.copies(lengths, k, n_experts, training)[document]
    key = document.repeat(k) * (n_experts + 1) + expert.t().reshape(-1)  # [k M]
    key, order = key.sort(stable=True)
    at = torch.arange(k * n_tokens, device=key.device)
    starts = torch.where(key != key.roll(1), at, 0).cummax(0).values  # of the run of copies with the same expert and document
    rank = torch.empty_like(at).scatter_(0, order, at - starts)
    return (rank < room.repeat(k)).view(k, n_tokens).t()


def documents(segment: Tensor | None, shape: tuple[int, int], device: torch.device) -> Tensor:
    """A number below M for each token of [B, T], the same for tokens of the same document: [M] int64."""
    rows, length = shape
    row = torch.arange(rows, device=device).unsqueeze(1) * length
    if segment is None:
        return row.expand(rows, length).reshape(-1)
    changes = torch.zeros_like(segment)
    changes[:, 1:] = segment[:, 1:] != segment[:, :-1]
    return (row + changes.cumsum(1)).reshape(-1)
