"""From a mask and the facts of a batch to what a kernel needs: nothing, a flag, or a tensor.

Dimensions: B rows, T queries, S keys.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Padding
from anyformer.parts.mask import Causal, Mask
from anyformer.parts.place import Place


class Plan(NamedTuple):
    """What one distinct mask comes to for this forward; made once and used by all layers that share the mask."""

    causal: bool = False  # the causal triangle and nothing else: T = S, no tensor needed
    allowed: Tensor | None = None  # [1|B, 1, 1|T, S] bool; None: all pairs
    bias: Tensor | None = None  # `allowed` as 0 and a very negative number, in the dtype of the computation
    empty: bool = False  # some query may see nothing; its output must be 0


def lower(mask: Mask, q: Place, k: Place, padding: Padding, packed: bool, dtype: torch.dtype) -> Plan:
    """The cheapest exact form of `mask` within each document, for queries at `q` and keys at `k`.

    `padding` and `packed` promise what the keys' segments hold.
    """
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
