"""Micro batches for a step, counted on the host and brought to the device, one step ahead where there is a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Batch

Batches = Callable[[int], Sequence[Batch]]


class Prepared(NamedTuple):
    """A step's micro batches on the device; weight and tokens of this process, known without asking the device."""

    batches: list[Batch]
    weight: float  # sum of the targets' weights
    tokens: int  # source and target tokens that are not padding


class Feed:
    """Calls `batches(cursor)`. On a GPU the next step is prepared in a thread meanwhile; on a CPU that would take the cores from the step."""

    def __init__(self, batches: Batches, device: torch.device):
        self._batches = batches
        self._device = device
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed") if device.type == "cuda" else None
        self._ahead: tuple[int, Future[Prepared]] | None = None

    def get(self, cursor: int) -> Prepared:
        if self._thread is None:
            return self._prepare(cursor)
        ready = self._ahead[1].result() if self._ahead and self._ahead[0] == cursor else self._prepare(cursor)
        self._ahead = cursor + 1, self._thread.submit(self._prepare, cursor + 1)
        return Prepared([b.to(self._device) for b in ready.batches], ready.weight, ready.tokens)

    def close(self) -> None:
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _prepare(self, cursor: int) -> Prepared:
        batches = list(self._batches(cursor))
        weight = sum(_weight(b) for b in batches)
        tokens = sum(b.n_tokens for b in batches)
        return Prepared([_pinned(b) for b in batches] if self._thread else batches, weight, tokens)


def _weight(batch: Batch) -> float:
    if batch.weights is not None:
        return float(batch.weights.sum(dtype=torch.float64))
    return float(batch.tokens.numel() if batch.targets is None else batch.targets.numel())


def _pinned(batch: Batch) -> Batch:
    """In memory from which a copy to the GPU need not be waited for."""
    tensors: dict[str, Any] = {f.name: getattr(batch, f.name).pin_memory() for f in fields(batch) if isinstance(getattr(batch, f.name), Tensor)}
    return replace(batch, **tensors)
