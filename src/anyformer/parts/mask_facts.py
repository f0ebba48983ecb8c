"""What masks read: facts of each token, and what is known of whole blocks of them.

A mask is one rule, written once for single tokens (`Tokens`) and once for blocks (`Span`). Tensors of both sides broadcast against each other,
so the same rule makes a dense mask, a tile of it, a block mask, or one number under flex_attention.

B rows (1 where all rows agree), T queries, S keys, N heads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.parts.place import Place

Known = int | bool | Tensor  # of blocks: one number for all, or a tensor with one for each
FAR = 2**40  # longer than any text


class Tokens(NamedTuple):
    """Of queries or of keys, [1|B, T] as `read` gives them."""

    order: Tensor  # where it stands: differences within a document are distances
    rank: Tensor  # tokens of its document that stand before it
    length: Tensor  # tokens of its document
    segment: Tensor | None  # number of the document, 0: padding; None: all one document
    prefix: Tensor | None  # bool
    head: Tensor | None = None  # of queries: number of the head, where heads have rules of their own

    def at(self, rows: slice, where: slice | Tensor) -> Tokens:
        """Some of these tokens; rows that all agree stay as they are."""
        return self.map(lambda x: (x[rows] if x.shape[0] > 1 else x)[:, where if x.shape[1] > 1 else slice(None)])

    def as_queries(self, head: Tensor | None = None) -> Tokens:
        """[1|B, 1, T, 1], and `head` [N, 1, 1]."""
        return self.map(lambda x: x[:, None, :, None])._replace(head=head)

    def as_keys(self) -> Tokens:
        """[1|B, 1, 1, S]; of keys that differ by head, [1|B, N, S], [1|B, N, 1, S]."""
        return self.map(lambda x: x[:, None, None, :] if x.dim() == 2 else x.unsqueeze(2))

    def map(self, change: Callable[[Tensor], Tensor]) -> Tokens:
        order, rank, length, segment, prefix = (None if x is None else change(x) for x in self[:5])
        return Tokens(order, rank, length, segment, prefix)  # type: ignore[arg-type]


class Span(NamedTuple):
    """Of blocks: the least and the greatest of each fact."""

    order: tuple[Known, Known]
    rank: tuple[Known, Known]
    length: tuple[Known, Known]
    prefix: tuple[Known, Known] = (False, False)  # whether some, whether all stand in the open prefix
    head: Tensor | None = None
    size: int = FAR  # tokens of a block, at most

    def as_queries(self, head: Tensor | None = None) -> Span:
        """Facts [1|B, blocks] as [1|B, 1, blocks, 1]."""
        return self._facing(3)._replace(head=head)

    def as_keys(self) -> Span:
        """[1|B, 1, 1, blocks]."""
        return self._facing(2)

    def _facing(self, dim: int) -> Span:
        order, rank, length, prefix = (tuple(x.unsqueeze(1).unsqueeze(dim) if isinstance(x, Tensor) else x for x in fact) for fact in self[:4])
        return Span(order, rank, length, prefix, size=self.size)  # type: ignore[arg-type]


class Bounds(NamedTuple):
    """Of pairs of blocks. Where `some` is false no pair is allowed, where `all` is true every pair is; between them, only tokens tell."""

    some: Known
    all: Known


def read(q: Place, k: Place, holes: bool = True, cross: bool = False) -> tuple[Tokens, Tokens]:
    """The facts of queries and keys.

    holes: padding may stand anywhere, so slots do not tell distances.
    cross: the keys are another text; otherwise the queries are among the keys, and where both are padded or packed, the last of them.
    """
    keys = _read(k, holes)
    if q is k:
        return keys, keys
    if cross:
        return _read(q, holes), keys
    if k.segment is None:
        queries = _read(q, holes)
        return queries._replace(length=keys.length), keys
    return keys.at(slice(None), slice(k.index.shape[0] - q.index.shape[0], None)), keys


def _read(place: Place, holes: bool) -> Tokens:
    index = place.index.unsqueeze(0)
    if place.segment is None:
        return Tokens(index, index, torch.full_like(index[:, :1], index.shape[1]), None, place.prefix)
    rank, length = ranks(place.segment)
    return Tokens(rank if holes else index, rank, length, place.segment, place.prefix)


def ranks(segment: Tensor) -> tuple[Tensor, Tensor]:
    """Of each token of [B, T]: how many tokens of its document stand before it, and how many the document has.

    Padding gets the numbers of the token before it, -1 and 0 where there is none.
    """
    real = segment != 0
    slot = torch.arange(segment.shape[1], device=segment.device).expand_as(segment)
    before = F.pad(torch.where(real, slot, -1).cummax(1).values[:, :-1], (1, 0), value=-1)  # the nearest real token to the left
    first = real & ((before < 0) | (segment != segment.gather(1, before.clamp(min=0))))
    count = real.cumsum(1) - 1
    rank = count - torch.where(first, count, 0).cummax(1).values
    document = first.cumsum(1)
    sizes = torch.zeros(segment.shape[0], segment.shape[1] + 1, dtype=torch.int64, device=segment.device).scatter_add_(1, document, real.long())
    return rank, sizes.gather(1, document)


def whole(indices: range, lengths: tuple[int, int], known: bool = True, prefix: bool = False) -> Span:
    """One block, without reading data. known: a token's rank is its index, and all tokens are one document of one of these lengths."""
    there = (indices[0], indices[-1]) if known else (0, lengths[1] - 1)
    return Span(there, there, lengths if known else (1, lengths[1]), (prefix, False))


def spans(tokens: Tokens, size: int) -> Span:
    """The blocks of `size` tokens, the last one of what is left: each fact [1|B, 1|blocks]."""
    prefix: tuple[Known, Known] = (False, False)
    if tokens.prefix is not None:
        low, high = extremes(tokens.prefix.long(), size)
        prefix = high > 0, low > 0
    return Span(extremes(tokens.order, size), extremes(tokens.rank, size), extremes(tokens.length, size), prefix, size=size)


def extremes(x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The least and the greatest of each block of [B, T]: two [B, blocks]."""
    if x.shape[1] == 1:
        return x, x
    full = x.shape[1] // size * size
    parts = [x[:, :full].unflatten(1, (-1, size))] if full else []
    found = [torch.aminmax(part, dim=2) for part in [*parts, *([x[:, None, full:]] if full < x.shape[1] else [])]]
    return torch.cat([f.min for f in found], 1), torch.cat([f.max for f in found], 1)
