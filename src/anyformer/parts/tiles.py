"""A mask cut into tiles: a block of queries and the blocks of keys that it sees. What nobody sees is never computed.

Sliding windows come out as bands (one run of keys a tile), block-sparse masks as a few runs, global queries as tiles with all keys; in packed rows,
documents do not meet. Which blocks are needed follows from the masks' bounds; inside a tile the rule itself decides.

B rows (1 where all rows agree), T queries, S keys, N heads; a tile has t queries and s keys.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.parts.mask import Mask
from anyformer.parts.mask_facts import FAR, Bounds, Tokens, extremes, spans

SIZE = 64  # queries and keys of a block, about: the scores of a tile should stay in a core's cache
OVERHEAD = 16_384  # what a tile costs beside its products, in scores
SHARE = 0.7  # of all scores: above it, one product over everything is faster
AT_LEAST = 512 * 512  # scores below which nothing is gained


class Tile(NamedTuple):
    rows: slice
    queries: slice
    keys: tuple[slice, ...] | Tensor  # runs; or [N, blocks] where heads see blocks of their own
    allowed: Tensor | None  # [1|B, 1|N, 1|t, s] bool; None: all pairs
    empty: bool  # some query may see nothing


class Tiles(NamedTuple):
    size: int
    tiles: tuple[Tile, ...]


class Blocks(NamedTuple):
    """What is known of all pairs of blocks, [1|B, 1|N, blocks of queries, blocks of keys]."""

    size: int
    some: Tensor
    by_rule: Tensor  # the mask allows every pair
    by_document: Tensor  # all in one document, no padding

    @property
    def cost(self) -> int:
        seen = self.some.sum(-1).amax(1)
        return int(seen.sum()) * self.size**2 + OVERHEAD * seen.numel()


def tile(mask: Mask, q: Tokens, k: Tokens, packed: bool, padded: bool, by_head: bool = True) -> Tiles | None:
    """The tiles of `mask`, within documents; None where they would not save time. Reads the data.

    by_head: heads with rules of their own may have keys of their own; otherwise a tile has the keys of all heads.
    """
    n_q, n_k = q.order.shape[1], k.order.shape[1]
    best = min((bounds(mask, q, k, packed, padded, size, by_head) for size in _sizes(mask)), key=lambda blocks: blocks.cost)
    if best.cost > SHARE * n_q * n_k * best.some.shape[0]:
        return None
    return _cut(mask, q, k, packed, best)


@functools.lru_cache(maxsize=32)
def tile_plain(mask: Mask, n_q: int, n_k: int, by_head: bool = True) -> Tiles | None:
    """The same for whole texts of `n_k` tokens, without padding or prefix, and their last `n_q` tokens: made once, since nothing else decides."""
    with torch.inference_mode(False):  # what is kept must be of use in training too
        index = torch.arange(n_k).unsqueeze(0)
        k = Tokens(index, index, torch.full((1, 1), n_k), None, None)
        return tile(mask, k.at(slice(None), slice(n_k - n_q, n_k)), k, packed=False, padded=False, by_head=by_head)


def _sizes(mask: Mask) -> set[int]:
    return {SIZE, 2 * SIZE, *(n * max(1, round(SIZE / n)) for n in mask.grain if n <= 4 * SIZE)}


def bounds(mask: Mask, q: Tokens, k: Tokens, packed: bool, padded: bool, size: int, by_head: bool = True) -> Blocks:
    """What is known of blocks of `size` tokens."""
    rule = mask.bounds(spans(q, size).as_queries(_heads(mask, q)), spans(k, size).as_keys())
    document = _same_document(q, k, packed, size) if padded or packed else Bounds(True, True)
    blocks = (-(-x.order.shape[1] // size) for x in (q, k))
    one = torch.ones(1, 1, *blocks, dtype=torch.bool, device=q.order.device)
    some, by_rule, by_document = one & rule.some & document.some, one & rule.all, one & document.all
    if not by_head:
        some, by_rule = some.any(1, keepdim=True), by_rule.all(1, keepdim=True)
    return Blocks(size, some, by_rule, by_document)


def _same_document(q: Tokens, k: Tokens, packed: bool, size: int) -> Bounds:
    """Whether some, whether all pairs are real and of one document."""
    assert k.segment is not None
    k_low, k_high = (x[:, None, None, :] for x in _documents(k.segment, size))
    whole = extremes(k.segment, size)[0][:, None, None, :] > 0
    if q.segment is None:
        return Bounds(k_high > 0, whole)
    q_low, q_high = (x[:, None, :, None] for x in _documents(q.segment, size))
    if not packed:
        return Bounds((q_high > 0) & (k_high > 0), whole)
    return Bounds((q_low <= k_high) & (k_low <= q_high), whole & (q_low == q_high) & (k_low == k_high) & (q_low == k_low))


def _documents(segment: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The least and the greatest number of a document in each block, [B, blocks]; a block of padding has none between."""
    return extremes(torch.where(segment == 0, FAR, segment), size)[0], extremes(segment, size)[1]


def _heads(mask: Mask, q: Tokens) -> Tensor | None:
    return None if mask.own_heads == 1 else torch.arange(mask.own_heads, device=q.order.device)[:, None, None]


def _cut(mask: Mask, q: Tokens, k: Tokens, packed: bool, blocks: Blocks) -> Tiles:
    """A tile for each block of queries, and for each row where rows differ."""
    n_q, n_k, size = q.order.shape[1], k.order.shape[1], blocks.size
    seen = blocks.some.any(1)
    apart = (seen != blocks.some.all(1)).any(-1).tolist()  # whether heads see different blocks
    by_rule, by_document = ((~blocks.some | known).all(-1).all(1).tolist() for known in (blocks.by_rule, blocks.by_document))
    made = []
    for row, of_row in enumerate(seen.tolist()):
        of = slice(row, row + 1) if len(seen) > 1 else slice(None)
        for i, of_block in enumerate(of_row):
            queries = slice(i * size, min((i + 1) * size, n_q))
            keys = _by_head(blocks.some[row, :, i], size, n_k) if apart[row][i] else _alike(of_block, size, n_k)
            rule, document = by_rule[row][i], by_document[row][i]
            allowed, empty = None, False
            if not (rule and document and keys.there is None) and any(of_block):
                parts = list(_parts(mask, q.at(of, queries), k.at(of, keys.tokens()), None if document else packed, rule))
                allowed, empty = _needed(parts if keys.there is None else [*parts, keys.there[None, :, None, :]])
            made.append(Tile(of, queries, keys.where, allowed, empty))
    return Tiles(size, tuple(made))


def _parts(mask: Mask, q: Tokens, k: Tokens, packed: bool | None, rule: bool) -> Iterator[Tensor]:
    """What must hold of each pair of a tile and is not known of its blocks; packed None: they lie in one document."""
    queries, keys = q.as_queries(_heads(mask, q)), k.as_keys()
    if not rule:
        yield mask.sees(queries, keys)
    if packed is not None and keys.segment is not None:
        if packed and queries.segment is not None:
            yield queries.segment == keys.segment
        yield keys.segment != 0


def _needed(parts: list[Tensor]) -> tuple[Tensor | None, bool]:
    """All of them, if that is not everything, and whether it leaves some query without a key."""
    allowed = functools.reduce(torch.logical_and, parts)
    return (None, False) if bool(allowed.all()) else (allowed, not bool(allowed.any(-1).all()))


class _Keys(NamedTuple):
    """Of one tile."""

    where: tuple[slice, ...] | Tensor  # as in `Tile.keys`
    tokens: Callable[[], slice | Tensor]  # their indices, [s] or [N, s]
    there: Tensor | None = None  # [N, s]: False for what only makes heads equal; None: all are there


def _alike(seen: list[bool], size: int, n_keys: int) -> _Keys:
    """The blocks that are seen, in runs."""
    runs: list[slice] = []
    for block, there in enumerate(seen):
        if there:
            start = block * size
            if runs and runs[-1].stop == start:
                start = runs.pop().start
            runs.append(slice(start, min((block + 1) * size, n_keys)))
    return _Keys(tuple(runs), lambda: tokens_of(runs))


def tokens_of(runs: Sequence[slice] | Tensor) -> slice | Tensor:
    """The indices in these runs."""
    assert not isinstance(runs, Tensor)
    return runs[0] if len(runs) == 1 else torch.cat([torch.arange(0), *(torch.arange(run.start, run.stop) for run in runs)])


def _by_head(seen: Tensor, size: int, n_keys: int) -> _Keys:
    """The blocks that each head sees, [N, blocks], as many for each as one needs at most."""
    counts = seen.sum(-1, keepdim=True)
    most = int(counts.max())
    blocks = seen.long().sort(dim=-1, descending=True, stable=True).indices[:, :most]
    tokens = (blocks.unsqueeze(-1) * size + torch.arange(size)).flatten(1)
    there = (torch.arange(most) < counts).repeat_interleave(size, dim=1) & (tokens < n_keys)
    return _Keys(blocks, lambda: tokens.clamp(max=n_keys - 1), None if bool(there.all()) else there)
