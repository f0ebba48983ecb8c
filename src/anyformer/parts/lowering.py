"""From a mask and the facts of a batch to what a kernel needs: nothing, a flag, a tensor, tiles, or a block mask.

Dimensions: B rows, T queries, S keys, N heads.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

from anyformer.batch import Padding
from anyformer.parts import flex, tiles
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.mask import FULL, Causal, Mask
from anyformer.parts.mask_facts import Span, Tokens, read, whole
from anyformer.parts.place import Place
from anyformer.parts.tiles import Tile, Tiles


class Facts(NamedTuple):
    """What is known of the queries and keys of one forward. `padding` and `packed` promise what the keys' segments hold."""

    q: Place
    k: Place
    padding: Padding
    packed: bool
    dtype: torch.dtype
    cross: bool = False  # the keys are another text

    @property
    def padded(self) -> bool:
        return self.k.segment is not None and self.padding != "none"


class Plan(NamedTuple):
    """What one distinct (mask, position, mechanism) comes to for this forward; made once and used by all layers that share it."""

    causal: bool = False  # the causal triangle and nothing else: T = S, no tensor needed
    allowed: Tensor | None = None  # [1|B, 1|N, 1|T, S] bool; None: all pairs
    bias: Tensor | None = None  # [1|B, 1|N, 1|T, S], in the dtype of the computation: a very negative number where not allowed, else the position's bias
    empty: bool = False  # some query may see nothing; its output must be 0
    position: AttentionPosition | None = None
    tables: tuple[Tensor, ...] | None = None  # what `position` rotates the new queries and keys by
    q: Place | None = None  # for what depends on content and places alike
    k: Place | None = None
    tiles: Tiles | None = None  # instead of `allowed`: only these pairs are computed
    biases: tuple[Tensor | None, ...] = ()  # of each tile, as `bias`
    flex: BlockMask | None = None  # instead of `allowed`, on GPUs; `bias` is then the position's alone
    source: tuple[Mask, Facts] | None = None  # of tiles and block masks: what they were made from


def lower(mask: Mask, facts: Facts) -> Plan:
    """The cheapest exact form of `mask` within each document."""
    q, k, packed = facts.q, facts.k, facts.packed
    n_q, n_k = q.index.shape[0], k.index.shape[0]
    reduced = mask.reduced(*_spans(facts))
    if not facts.padded and not packed and reduced == FULL:
        return Plan()
    if reduced == _CAUSAL and not packed and facts.padding != "any" and n_q == n_k:
        return Plan(causal=True)  # what pads the right is later than every real query
    sparse = None if reduced is None or torch.compiler.is_compiling() else _sparse(reduced, facts)
    return _dense(mask if reduced is None else reduced, facts) if sparse is None else sparse


def _sparse(mask: Mask, facts: Facts) -> Plan | None:
    """A plan by which only the pairs that are needed are computed, where that pays."""
    device = facts.q.index.device.type
    if device == "cpu":
        made = _tiles(mask, facts)
        if made is not None:
            return Plan(tiles=made, biases=tuple(_mask_bias(t.allowed, facts.dtype) for t in made.tiles), source=(mask, facts))
    if device == "cuda" and min(facts.q.index.shape[0], facts.k.index.shape[0]) >= flex.AT_LEAST:
        return Plan(flex=flex.block_mask(mask, *_read(facts), facts.packed, facts.padded), source=(mask, facts))
    return None


def _tiles(mask: Mask, facts: Facts, by_head: bool = True) -> Tiles | None:
    n_q, n_k = facts.q.index.shape[0], facts.k.index.shape[0]
    if n_q * n_k < tiles.AT_LEAST:
        return None
    if not facts.cross and facts.k.segment is None and facts.k.prefix is None and n_q <= n_k:
        return tiles.tile_plain(mask, n_q, n_k, by_head)
    return tiles.tile(mask, *_read(facts), facts.packed, facts.padded, by_head)


_CAUSAL = Causal()


def _spans(facts: Facts) -> tuple[Span, Span]:
    """All queries and all keys as one block each, without reading data."""
    n_q, n_k = facts.q.index.shape[0], facts.k.index.shape[0]
    known = not facts.packed and (facts.k.segment is None or facts.padding != "any")
    queries, keys = range(0, n_q), range(0, n_k)
    if facts.q.index is not facts.k.index and not facts.cross and n_k >= n_q:
        queries = range(n_k - n_q, n_k)  # a cache holds the queries as its last keys
    prefix = facts.k.prefix is not None
    lengths = (1, n_k) if facts.padded else (n_k, n_k)
    return whole(queries, lengths, known, prefix), whole(keys, lengths, known, prefix)


def _read(facts: Facts) -> tuple[Tokens, Tokens]:
    return read(facts.q, facts.k, holes=facts.padding == "any", cross=facts.cross)


def _dense(mask: Mask, facts: Facts) -> Plan:
    """One tensor for all pairs."""
    if mask == FULL and not facts.packed and facts.k.segment is not None:  # at each step of decoding over a padded memory: read no more than this needs
        return with_bias((facts.k.segment != 0)[:, None, None, :], facts.dtype, empty=False)
    q, k = _read(facts)
    heads = None if mask.own_heads == 1 else torch.arange(mask.own_heads, device=q.order.device)[:, None, None]
    queries, keys = q.as_queries(heads), k.as_keys()
    allowed = mask.sees(queries, keys)
    if facts.packed and queries.segment is not None and keys.segment is not None:
        allowed = allowed & (queries.segment == keys.segment)
    if facts.padded and keys.segment is not None:
        # unpacked: hiding the padded keys is enough, what a padded query computes is never used
        allowed = allowed & (keys.segment != 0)
    return with_bias(allowed, facts.dtype, empty=facts.packed or mask != FULL)


def with_bias(allowed: Tensor, dtype: torch.dtype, empty: bool) -> Plan:
    """The plan of `allowed` [1|B, 1|N, 1|T, S]."""
    return Plan(allowed=allowed, bias=_mask_bias(allowed, dtype), empty=empty)


def _mask_bias(allowed: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    if allowed is None:
        return None
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, torch.finfo(dtype).min)


def add_position(plan: Plan, position: AttentionPosition | None, facts: Facts) -> Plan:
    """The plan of a mask, with what `position` adds to it: tables to rotate by, a bias, or the places themselves."""
    if position is None:
        return plan
    if position.uses & {"scores", "values"}:
        plan = dense(plan)  # these read all keys of a row at once
    plan = plan._replace(position=position, q=facts.q, k=facts.k, tables=position.tables(facts.q))
    if plan.tiles is not None:
        return _bias_tiles(plan, position, facts)
    bias = position.bias(facts.q, facts.k)
    if bias is None:
        return plan
    if plan.flex is not None:
        return plan._replace(bias=bias)
    allowed = _triangle(bias) if plan.causal else plan.allowed
    return plan._replace(causal=False, allowed=allowed, bias=_hidden(bias.to(facts.dtype), allowed))


def _bias_tiles(plan: Plan, position: AttentionPosition, facts: Facts) -> Plan:
    """The position's bias for the pairs of each tile."""
    assert plan.tiles is not None and plan.source is not None
    if "bias" not in position.uses:
        return plan
    cut = plan.tiles
    if any(isinstance(t.keys, Tensor) for t in cut.tiles):  # keys of all heads together: a bias is computed for one set of places
        together = _tiles(plan.source[0], facts, by_head=False)
        if together is None:
            return add_position(dense(plan._replace(position=None)), position, facts)
        cut = together
    biases = [position.bias(_part(facts.q, t.rows, t.queries), _part(facts.k, t.rows, tiles.tokens_of(t.keys))) for t in cut.tiles]
    hidden = (None if b is None else _hidden(b.to(facts.dtype), t.allowed) for b, t in zip(biases, cut.tiles, strict=True))
    return plan._replace(tiles=cut, biases=tuple(hidden))


def _part(place: Place, rows: slice, where: slice | Tensor) -> Place:
    """Some of these places."""
    position = place.position if place.position.shape[0] == 1 else place.position[rows]
    return Place(place.index[where], position[:, where], None)


def _hidden(bias: Tensor, allowed: Tensor | None) -> Tensor:
    return bias if allowed is None else bias.masked_fill(~allowed, torch.finfo(bias.dtype).min)


def _triangle(like: Tensor) -> Tensor:
    """[1, 1, T, T]: nobody sees what comes later."""
    return torch.ones(like.shape[-2:], dtype=torch.bool, device=like.device).tril_()[None, None]


def dense(plan: Plan) -> Plan:
    """A plan with one tensor for all pairs that says the same: for who needs all weights at once."""
    if plan.source is None:
        return plan
    mask, facts = plan.source
    return add_position(_dense(mask, facts), plan.position, facts)


def reference(mask: Mask, q: Place, k: Place, head: int | None = None) -> Tensor:
    """The definition, for tests and pictures: [B, T, S] bool, allowed by the mask (in some head, or in `head`) and in the same document."""
    allowed = mask.allows(q, k, head)
    if q.segment is not None and k.segment is not None:
        allowed = allowed & (q.segment[:, :, None] == k.segment[:, None, :])
    if k.segment is not None:
        allowed = allowed & (k.segment != 0)[:, None, :]
    return allowed


__all__ = ["Facts", "Plan", "Tile", "Tiles", "add_position", "dense", "lower", "reference", "with_bias"]
