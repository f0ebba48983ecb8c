"""The decoder, one position at a time: `Steps` holds what it remembers and the rows that are still being written."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from anyformer.batch import Batch
from anyformer.decoding.context import Prompt, device_of


class Steps(Protocol):
    """R = beam * rows of the context; row r goes on from row r // beam."""

    device: torch.device

    def logits(self, tokens: Tensor) -> Tensor:
        """Appends tokens [R] and gives what the model thinks comes next, [R, V] in fp32."""
        ...

    def keep(self, rows: Tensor, context_rows: Tensor | None = None) -> None:
        """Goes on with these rows, in this order, over these rows of the context (None: all)."""
        ...


def steps_from(model: Any, context: Any, beam: int, length: int) -> Steps:
    """Up to `length` steps from a memory or a prompt."""
    if not isinstance(context, Prompt):
        return FromMemory(model, context, beam, length) if _caches(model) else OverMemory(model, context, beam)
    return FromPrompt(model, context, beam, length) if _caches(model) else WithoutCache(model, context, beam)


class FromMemory:
    """A decoder over an encoded source; the first tokens are begins of sentences."""

    def __init__(self, model: Any, memory: Any, beam: int, length: int):
        self.model, self.device = model, device_of(memory)
        self._cache = model.new_cache(memory.hidden.shape[0] * beam, length, memory=memory, device=self.device, dtype=memory.hidden.dtype)

    def logits(self, tokens: Tensor) -> Tensor:
        return _last(self.model(Batch(tokens=tokens.unsqueeze(1)), cache=self._cache))

    def keep(self, rows: Tensor, context_rows: Tensor | None = None) -> None:
        self._cache.reorder(rows, context_rows)


class FromPrompt:
    """A decoder that has read a prompt. What comes after it is known before the first step, whose tokens are passed over."""

    def __init__(self, model: Any, prompt: Prompt, beam: int, length: int):
        self.model, self.device = model, device_of(prompt)
        rows, read = prompt.tokens.shape
        self._cache = model.new_cache(rows, read + length, group=1, device=self.device)
        self._first: Tensor | None = _last(model(prompt.batch, cache=self._cache))
        self._position = (prompt.positions[:, -1] + 1).expand(rows)
        if beam > 1:
            self.keep(torch.arange(rows, device=self.device).repeat_interleave(beam))

    def logits(self, tokens: Tensor) -> Tensor:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        output = self.model(Batch(tokens=tokens.unsqueeze(1), positions=self._position.unsqueeze(1)), cache=self._cache)
        self._position = self._position + 1
        return _last(output)

    def keep(self, rows: Tensor, context_rows: Tensor | None = None) -> None:
        self._cache.reorder(rows)
        self._position = self._position[rows]
        self._first = None if self._first is None else self._first[rows]


class WithoutCache:
    """Reads everything anew at each step: for models of which a part cannot be cached."""

    def __init__(self, model: Any, prompt: Prompt, beam: int):
        self.model, self.device = model, device_of(prompt)
        batch = prompt.batch
        rows = torch.arange(prompt.tokens.shape[0], device=self.device).repeat_interleave(beam)
        segments = torch.ones_like(batch.tokens) if batch.segments is None else batch.segments
        assert batch.prefix is not None
        self._tokens, self._segments, self._prefix = batch.tokens[rows], segments[rows], batch.prefix[rows]
        self._padding, self._first = batch.padding, True

    def logits(self, tokens: Tensor) -> Tensor:
        if not self._first:
            self._tokens = torch.cat([self._tokens, tokens.unsqueeze(1)], 1)
            self._segments = torch.cat([self._segments, torch.ones_like(tokens.unsqueeze(1))], 1)
            self._prefix = torch.cat([self._prefix, torch.zeros_like(tokens.unsqueeze(1), dtype=torch.bool)], 1)
        self._first = False
        prompt = Prompt(self._tokens, None if self._padding == "none" else self._segments)
        batch = Batch(self._tokens, segments=prompt.segments, positions=prompt.positions, prefix=self._prefix, padding=self._padding)
        return _last(self.model(batch))

    def keep(self, rows: Tensor, context_rows: Tensor | None = None) -> None:
        self._tokens, self._segments, self._prefix = self._tokens[rows], self._segments[rows], self._prefix[rows]


class OverMemory:
    """As `WithoutCache`, over an encoded source: all that is written is read anew at each step."""

    def __init__(self, model: Any, memory: Any, beam: int):
        self.model, self.device, self._memory = model, device_of(memory), memory
        self._written = torch.empty((memory.hidden.shape[0] * beam, 0), dtype=torch.int64, device=self.device)

    def logits(self, tokens: Tensor) -> Tensor:
        self._written = torch.cat([self._written, tokens.unsqueeze(1)], 1)
        hidden, segments = self._memory.hidden, self._memory.segments
        rows = torch.arange(len(hidden), device=self.device).repeat_interleave(len(tokens) // len(hidden))
        spread = self._memory._replace(hidden=hidden[rows], segments=None if segments is None else segments[rows])
        return _last(self.model(Batch(tokens=self._written), memory=spread))

    def keep(self, rows: Tensor, context_rows: Tensor | None = None) -> None:
        self._written = self._written[rows]
        if context_rows is not None:
            hidden, segments = self._memory.hidden[context_rows], self._memory.segments
            self._memory = self._memory._replace(hidden=hidden, segments=None if segments is None else segments[context_rows])


def _caches(model: Any) -> bool:
    return "cached" in getattr(model, "guaranteed", ("cached",))


def _last(output: Any) -> Tensor:
    """The logits of the last position, [R, V] in fp32."""
    return output.head(output.hidden[:, -1]).float()


def start(n_rows: int, bos: int, longest: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """First tokens [R] and the room for what will be written, [R, longest + 1]."""
    return torch.full((n_rows,), bos, device=device), torch.empty((n_rows, longest + 1), dtype=torch.int64, device=device)
