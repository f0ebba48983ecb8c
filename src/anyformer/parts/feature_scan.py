"""Queries that see the keys before them, in linear time: within a chunk every pair, from chunk to chunk sums (the equation is in `feature_sums`).

Dimensions: B rows, T queries, S keys, N heads, F features, H head width, C chunks of c tokens. Everything is fp32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.parts.feature_sums import Keys, Seen, Sums, scale
from anyformer.parts.reach import NOTHING, Reach

CHUNK = 128  # tokens; a chunk's pairs take c (F + H) products a token, what goes from chunk to chunk 2 F H


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
        ends = Keys(k, v, weight.masked_fill(~reach.leaves, -torch.inf))
        entering, after = _carry(ends, lost[..., -1], reach.passes, before)

    pairs = weight.unsqueeze(-2).masked_fill(~reach.within, -torch.inf)  # [B, N, C, c, c]
    top = pairs.detach().amax(-1).clamp(min=NOTHING)  # [B, N, C, c]
    if entering is not None:
        top = torch.maximum(top, entering.top.unsqueeze(-1).where(reach.enters, NOTHING))
    sums = ((q @ k.transpose(-1, -2)) * (pairs - top.unsqueeze(-1)).exp_()) @ v
    if entering is not None:
        sums = sums + scale(q @ entering.products, (entering.top.unsqueeze(-1) - top).masked_fill(~reach.enters, -torch.inf))
    return Seen(sums.flatten(2, 3)[:, :, :length], (top + lost.detach()).flatten(2, 3)[:, :, :length]), after


def _carry(keys: Keys, lost: Tensor, passes: Tensor, before: Sums | None) -> tuple[Sums, Sums]:
    """What enters each chunk, [B, N, C, F, H + 1], and what leaves the last. `keys` are each chunk's, [B, N, C, c, ..], lost [B, N, C] what it takes away.

    From one chunk to the next: S <- exp(lost) (S + sum_s exp(a_s) k_s v_s). The tops go first, so that large tensors are touched once.
    """
    own = keys.weight.detach().amax(-1).clamp(min=NOTHING)  # [B, N, C]
    top = torch.full_like(own[:, :, 0], NOTHING) if before is None else before.top
    old, new = [], []
    for i in range(own.shape[2]):
        old.append(top)
        new.append(torch.maximum(top.where(passes[:, :, i], NOTHING), own[:, :, i]))
        top = (new[-1] + lost[:, :, i].detach()).clamp(min=NOTHING)
    entering, relative = torch.stack(old, 2), torch.stack(new, 2)
    slope = lost - lost.detach()  # 0: the tops take the loss, but no gradient
    kept = (entering - relative + slope).masked_fill(~passes, -torch.inf).exp()[..., None, None]
    added = scale(keys.features, keys.weight + (slope - relative).unsqueeze(-1)).transpose(-1, -2) @ keys.values

    state = torch.zeros_like(added[:, :, 0]) if before is None else before.products
    states = []
    for i in range(own.shape[2]):
        states.append(state)
        state = torch.addcmul(added[:, :, i], state, kept[:, :, i])
    products = states[0].unsqueeze(2) if len(states) == 1 else torch.stack(states, 2)
    return Sums(products, entering), Sums(state, top)


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


def _chunks(x: Tensor, c: int, fill: float = 0.0) -> Tensor:
    """[B, N, T, X] -> [B, N, C, c, X], the last chunk filled up."""
    short = -x.shape[2] % c
    return (F.pad(x, (0, 0, 0, short), value=fill) if short else x).unflatten(2, (-1, c))
