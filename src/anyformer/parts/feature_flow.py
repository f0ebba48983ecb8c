"""Long texts piece by piece: features are large beside what they are made of, so only those of one piece exist at a time.

On the way back they are computed again, where a text has more than one piece. Dimensions: B rows, T queries, S keys, N heads, K key heads, H head width,
D model, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from anyformer.parts import feature_scan
from anyformer.parts.feature_sums import Keys, Sums, add_up, read

AT_ONCE = {"cpu": 1 << 22, "cuda": 1 << 26}  # features that exist at once: 16 MiB in fp32 for a CPU's cache; a GPU must be kept busy

R = TypeVar("R")


class Tokens(NamedTuple):
    """Of what keys are made."""

    k: Tensor  # [B, K, S, H]
    v: Tensor  # [B, K, S, H]
    x: Tensor | None  # [B, S, D]: the attention's input, None for a memory
    real: Tensor | None  # [B, S] bool; None: all
    documents: Tensor | None = None  # [B, S]; None: one

    def split(self, size: int) -> list[Tokens]:
        """Pieces of `size` tokens. (By `split`: on the way back slices would each bring zeros for the whole text.)"""
        k, v = self.k.split(size, 2), self.v.split(size, 2)
        others = ([None] * len(k) if t is None else t.split(size, 1) for t in self[2:])
        return [Tokens(*parts) for parts in zip(k, v, *others, strict=True)]


class Flow(NamedTuple):
    """How a mechanism makes features; all are functions of one piece."""

    phi: Callable[[Tensor], Tensor]  # queries [B, N, T, H] -> [B, N, T, F]
    keys: Callable[[Tokens], Keys]
    floor: float  # of the denominators
    n_features: int  # of a token, N * F

    def sum_up(self, tokens: Tokens) -> Sums:
        """The sums over all tokens."""
        pieces = tokens.split(self._at_once(tokens.k))
        first, *rest = (_again(lambda piece: add_up(self.keys(piece)), len(pieces) > 1, piece) for piece in pieces)
        for sums in rest:
            first = first.join(sums)
        return first

    def read(self, q: Tensor, sums: Sums) -> Tensor:
        """What every query finds in `sums`, [B, N, T, H]."""
        pieces = q.split(self._at_once(q), 2)
        return torch.cat([_again(lambda piece: read(self.phi(piece), sums).mean(self.floor), len(pieces) > 1, piece) for piece in pieces], dim=2)

    def look_back(self, q: Tensor, tokens: Tokens, before: Sums | None, of_before: Tensor | None) -> tuple[Tensor, Sums | None]:
        """What every query finds up to its own token, in its document, and in `before`; and, if there was a `before`, the sums after the last token."""

        def see(q: Tensor, piece: Tokens, sums: Sums | None, open_: Tensor | None, keep: bool) -> tuple[Tensor, Sums | None]:
            seen, after = feature_scan.scan(self.phi(q), self.keys(piece), piece.documents, sums, open_, keep=keep)
            return seen.mean(self.floor), after

        size, found, sums, open_ = self._at_once(q), [], before, of_before
        pieces = list(zip(q.split(size, 2), tokens.split(size), strict=True))
        for i, (queries, piece) in enumerate(pieces, 1):
            out, sums = _again(see, len(pieces) > 1, queries, piece, sums, open_, before is not None or i < len(pieces))
            found.append(out)
            open_ = None if piece.documents is None else piece.documents[:, -1]
        return torch.cat(found, dim=2), sums

    def look_back_and_at_prefix(self, q: Tensor, tokens: Tokens, before: Sums | None, of_before: Tensor | None, prefix: Tensor) -> tuple[Tensor, Sums | None]:
        """As `look_back`; and every query finds what stands behind it and is of the prefix [B, T] of its document. In one piece."""
        phi, keys = self.phi(q), self.keys(tokens)
        seen, after = feature_scan.scan(phi, keys, tokens.documents, before, of_before, keep=before is not None)
        open_ = keys._replace(weight=keys.weight.where(prefix.unsqueeze(1), -torch.inf))
        return seen.join(feature_scan.read_later(phi, open_, tokens.documents)).mean(self.floor), after

    def read_documents(self, q: Tensor, tokens: Tokens, documents: Tensor) -> Tensor:
        """What every query finds in its document, whose numbers are documents [B, T]. In one piece."""
        assert tokens.documents is not None
        return feature_scan.read_documents(self.phi(q), self.keys(tokens), documents, tokens.documents).mean(self.floor)

    def _at_once(self, x: Tensor) -> int:
        """How many tokens of x [B, heads, T, H] make a piece: whole chunks."""
        features = AT_ONCE.get(x.device.type, AT_ONCE["cuda"]) // (x.shape[0] * self.n_features)
        return max(1, features // feature_scan.CHUNK) * feature_scan.CHUNK


def _again(function: Callable[..., R], again: bool, *given: Any) -> R:
    """function(*given), of which, with `again`, nothing but the result is kept for the way back."""
    if not again or not torch.is_grad_enabled():
        return function(*given)
    return checkpoint(function, *given, use_reentrant=False, preserve_rng_state=False)  # type: ignore[no-any-return]
