"""From a mask and the facts of a batch to what a kernel needs: nothing, a flag, or a tensor.

Dimensions: B rows, T queries, S keys.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Padding
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.mask import Causal, Mask
from anyformer.parts.place import Place


class Facts(NamedTuple):
    """What is known of the queries and keys of one forward. `padding` and `packed` promise what the keys' segments hold."""

    q: Place
    k: Place
    padding: Padding
    packed: bool
    dtype: torch.dtype


class Plan(NamedTuple):
    """What one distinct (mask, position, mechanism) comes to for this forward; made once and used by all layers that share it."""

    causal: bool = False  # the causal triangle and nothing else: T = S, no tensor needed
    allowed: Tensor | None = None  # [1|B, 1, 1|T, S] bool; None: all pairs
    bias: Tensor | None = None  # [1|B, 1|N, 1|T, S], in the dtype of the computation: a very negative number where not allowed, else the position's bias
    empty: bool = False  # some query may see nothing; its output must be 0
    position: AttentionPosition | None = None
    tables: tuple[Tensor, ...] | None = None  # what `position` rotates the new queries and keys by
    q: Place | None = None  # for what depends on content and places alike
    k: Place | None = None


def lower(mask: Mask, facts: Facts) -> Plan:
    """The cheapest exact form of `mask` within each document."""
    q, k, padding, packed, dtype = facts
    n_q, n_k = q.index.shape[0], k.index.shape[0]
    queries, keys = range(0, n_q), range(0, n_k)
    if q.index is not k.index:  # only lengths are known without reading data: a cache holds the queries as its last keys
        queries = range(n_k - n_q, n_k) if n_k >= n_q else queries
    extent = mask.extent(queries, keys)
    padded = k.segment is not None and padding != "none"
    if not padded and not packed and extent == "all":
        return Plan()
    if not packed and padding != "any" and n_q == n_k and mask == Causal():
        return Plan(causal=True)  # what pads the right is later than every real query
    allowed = _dense(mask, q, k, packed, padded)
    return with_bias(allowed, dtype, empty=packed or extent != "all")


def add_position(plan: Plan, position: AttentionPosition | None, facts: Facts) -> Plan:
    """The plan of a mask, with what `position` adds to it: tables to rotate by, a bias, or the places themselves."""
    if position is None:
        return plan
    plan = plan._replace(position=position, q=facts.q, k=facts.k, tables=position.tables(facts.q))
    bias = position.bias(facts.q, facts.k)
    if bias is None:
        return plan
    bias = bias.to(facts.dtype)
    allowed = _triangle(bias) if plan.causal else plan.allowed
    if allowed is not None:
        bias = bias.masked_fill(~allowed, torch.finfo(facts.dtype).min)
    return plan._replace(causal=False, allowed=allowed, bias=bias)


def _triangle(like: Tensor) -> Tensor:
    """[1, 1, T, T]: nobody sees what comes later."""
    return torch.ones(like.shape[-2:], dtype=torch.bool, device=like.device).tril_()[None, None]


def reference(mask: Mask, q: Place, k: Place) -> Tensor:
    """The definition, for tests and pictures: [B, T, S] bool, allowed by the mask and in the same document."""
    allowed = mask.allows(q, k)
    if q.segment is not None and k.segment is not None:
        allowed = allowed & (q.segment[:, :, None] == k.segment[:, None, :])
    if k.segment is not None:
        allowed = allowed & (k.segment != 0)[:, None, :]
    return allowed


def _dense(mask: Mask, q: Place, k: Place, packed: bool, padded: bool) -> Tensor:
    allowed = mask.allows(q, k)
    if packed and q.segment is not None and k.segment is not None:
        allowed = allowed & (q.segment[:, :, None] == k.segment[:, None, :])
    if padded and k.segment is not None:
        # unpacked: hiding the padded keys is enough, what a padded query computes is never used
        allowed = allowed & (k.segment != 0)[:, None, :]
    return allowed.unsqueeze(1)


def with_bias(allowed: Tensor, dtype: torch.dtype, empty: bool) -> Plan:
    """The plan of `allowed` [1|B, 1, 1|T, S]."""
    bias = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, torch.finfo(dtype).min)
    return Plan(allowed=allowed, bias=bias, empty=empty)
