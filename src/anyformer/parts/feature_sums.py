"""Attention whose scores are products of features: keys are summed into a state of fixed size, queries read it, so the cost is linear in length.

    out_t = sum_s w_ts (q_t k_s) v_s / sum_s w_ts (q_t k_s),   w_ts = exp(a_s + d_(s+1) + .. + d_t)

with features q_t and k_s, a key's own weight a_s, and what the state loses with each step, d_u <= 0 (a gate's; else 0). A query's weights are
divided by the largest that it may see so far. The largest of the whole row would let later keys move earlier outputs, by underflow.

Dimensions: B rows, T queries, S keys, N heads, F features, H head width, C chunks of c tokens. Everything is fp32.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.parts.reach import NOTHING, Reach

CHUNK = 128  # tokens; a chunk's pairs take c (F + H) products a token, what goes from chunk to chunk 2 F H


class Keys(NamedTuple):
    """What is to be summed."""

    features: Tensor  # [B, N, S, F]
    values: Tensor  # [B, N, S, H + 1], the last column 1: it sums the weights themselves
    weight: Tensor  # [B, N, S]: a, -inf where a key does not count
    decay: Tensor | None = None  # [B, N, S]: d; None: 0


class Sums(NamedTuple):
    """exp(-top) sum_s w_s k_s v_s over some keys."""

    products: Tensor  # [B, N, F, H + 1]
    top: Tensor  # [B, N]


class Seen(NamedTuple):
    """What queries found: exp(-top) sum_s w_ts (q_t k_s) v_s."""

    sums: Tensor  # [B, N, T, H + 1]
    top: Tensor  # [B, N, T]

    def mean(self, floor: float) -> Tensor:
        """The output, [B, N, T, H]. A sum of weights below `floor` counts as that; a query that saw nothing gets 0."""
        return self.sums[..., :-1] / self.sums[..., -1:].clamp(min=floor)

    def join(self, other: Seen) -> Seen:
        """What was found here and there."""
        top = torch.maximum(self.top, other.top)
        return Seen(_scale(self.sums, self.top - top) + _scale(other.sums, other.top - top), top)


def add_up(keys: Keys) -> Sums:
    """The sums over all keys."""
    top = keys.weight.detach().amax(-1).clamp(min=NOTHING)
    return Sums(_scale(keys.features, keys.weight - top.unsqueeze(-1)).transpose(-1, -2) @ keys.values, top)


def read(q: Tensor, sums: Sums) -> Seen:
    """Every query [B, N, T, F] sees all that was summed."""
    return Seen(q @ sums.products, sums.top.unsqueeze(-1).expand(q.shape[:-1]))


def read_documents(q: Tensor, keys: Keys, of_q: Tensor, of_k: Tensor) -> Seen:
    """Every query sees the keys of its own document; of_q [B, T] and of_k [B, S] number the documents.

    In one stream in which a document's queries stand behind its keys, that is to see what came before.
    """
    n_q, n_k = of_q.shape[1], of_k.shape[1]
    documents, order = torch.cat([of_k, of_q], dim=1).sort(dim=1, stable=True)  # [B, S + T]
    at = order[:, None, :, None]
    features, values = (F.pad(x, (0, 0, 0, n_q)).take_along_dim(at, 2) for x in (keys.features, keys.values))
    stream = Keys(features, values, F.pad(keys.weight, (0, n_q), value=-torch.inf).take_along_dim(at[..., 0], 2))
    seen, _ = scan(F.pad(q, (0, 0, n_k, 0)).take_along_dim(at, 2), stream, documents)
    back = order.argsort(dim=1)[:, None, n_k:, None]  # where each query went
    return Seen(seen.sums.take_along_dim(back, 2), seen.top.take_along_dim(back[..., 0], 2))


def read_later(q: Tensor, keys: Keys, documents: Tensor | None) -> Seen:
    """Every query sees the keys behind it in its document: a scan from the other end."""
    turned = Keys(keys.features.flip(2), keys.values.flip(2), keys.weight.flip(2))
    seen, _ = scan(q.flip(2), turned, None if documents is None else documents.flip(1), itself=False)
    return Seen(seen.sums.flip(2), seen.top.flip(2))


def scan(
    q: Tensor,
    keys: Keys,
    documents: Tensor | None = None,
    before: Sums | None = None,
    of_before: Tensor | None = None,
    itself: bool = True,
    keep: bool = False,
) -> tuple[Seen, Sums | None]:
    """Every query [B, N, T, F] sees what came before it in its document, and, with `itself`, the key where it stands.

    Args:
        documents: the number of each token's document, [B, T], whose tokens stand together; None: one document.
        before: the sums over what stands before the first token; of_before: of which document it is, [B].
        keep: whether the sums after the last token (of its document) are wanted.
    """
    length, c = q.shape[2], min(CHUNK, q.shape[2])
    q, k, v = (_chunks(x, c) for x in (q, keys.features, keys.values))  # [B, N, C, c, ..]
    weight = _chunks(keys.weight.unsqueeze(-1), c, -torch.inf).squeeze(-1)  # [B, N, C, c]
    lost = torch.zeros_like(weight) if keys.decay is None else _chunks(keys.decay.unsqueeze(-1), c).squeeze(-1).cumsum(-1)
    weight = weight - lost  # as if at the beginning of the chunk
    reach = Reach.of(documents, of_before, weight.shape[2], c, itself, q.device)

    entering, after = None if before is None else Sums(before.products.unsqueeze(2), before.top.unsqueeze(2)), None
    if keep or weight.shape[2] > 1:
        own = add_up(Keys(k, v, weight.masked_fill(~reach.leaves, -torch.inf)))
        entering, after = _carry(own, lost[..., -1], reach.passes, before)

    pairs = weight.unsqueeze(-2).masked_fill(~reach.within, -torch.inf)  # [B, N, C, c, c]
    top = pairs.detach().amax(-1).clamp(min=NOTHING)  # [B, N, C, c]
    if entering is not None:
        top = torch.maximum(top, entering.top.unsqueeze(-1).where(reach.enters, NOTHING))
    sums = ((q @ k.transpose(-1, -2)) * (pairs - top.unsqueeze(-1)).exp()) @ v
    if entering is not None:
        sums = sums + _scale(q @ entering.products, (entering.top.unsqueeze(-1) - top).masked_fill(~reach.enters, -torch.inf))
    return Seen(sums.flatten(2, 3)[:, :, :length], (top + lost.detach()).flatten(2, 3)[:, :, :length]), after


def _carry(own: Sums, lost: Tensor, passes: Tensor, before: Sums | None) -> tuple[Sums, Sums]:
    """What enters each chunk, [B, N, C, F, H + 1], and what leaves the last, of what each chunk adds and loses."""
    state = Sums(torch.zeros_like(own.products[:, :, 0]), torch.full_like(own.top[:, :, 0], NOTHING)) if before is None else before
    entering = []
    for i in range(own.top.shape[2]):
        entering.append(state)
        old, new, open_ = state.top, own.top[:, :, i], passes[:, :, i]
        top = torch.maximum(old.where(open_, NOTHING), new)
        slope = (lost[:, :, i] - lost[:, :, i].detach()).unsqueeze(-1)  # 0: the state's top takes the loss, and no gradient
        held = _scale(state.products, (old - top).masked_fill(~open_, -torch.inf).unsqueeze(-1) + slope)
        added = _scale(own.products[:, :, i], (new - top).unsqueeze(-1) + slope)
        state = Sums(held + added, (top + lost[:, :, i].detach()).clamp(min=NOTHING))
    return Sums(torch.stack([s.products for s in entering], 2), torch.stack([s.top for s in entering], 2)), state


def _scale(rows: Tensor, logarithm: Tensor) -> Tensor:
    """exp(logarithm) rows: [.., A, B] and [.., A]."""
    return rows * logarithm.exp().unsqueeze(-1)


def _chunks(x: Tensor, c: int, fill: float = 0.0) -> Tensor:
    """[B, N, T, X] -> [B, N, C, c, X], the last chunk filled up."""
    short = -x.shape[2] % c
    return (F.pad(x, (0, 0, 0, short), value=fill) if short else x).unflatten(2, (-1, c))
