"""A model that is a table: what comes next is drawn once for every (source, prefix), so that all hypotheses can be listed."""

from __future__ import annotations

import itertools
import random
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from anyformer.batch import Batch

PAD, BOS, EOS, UNK = 0, 1, 2, 3


class TableMemory(NamedTuple):
    hidden: Tensor  # [B, S, 1]: the source ids themselves


class TableCache:
    def __init__(self, memory: TableMemory, rows: int):
        self.sources = [tuple(int(i) for i in row.flatten() if i != PAD) for row in memory.hidden]
        self.prefixes: list[tuple[int, ...]] = [()] * rows

    def reorder(self, rows: Tensor, memory_rows: Tensor | None = None) -> None:
        beam = len(self.prefixes) // len(self.sources)
        before = [r // beam for r in rows.tolist()]
        if memory_rows is not None:
            self.sources = [self.sources[i] for i in memory_rows.tolist()]
            assert [memory_rows.tolist()[i // beam] for i in range(len(before))] == before, "a row was moved to another sentence"
        self.prefixes = [self.prefixes[r] for r in rows.tolist()]


class TableOutput(NamedTuple):
    hidden: Tensor

    def head(self, hidden: Tensor) -> Tensor:
        return hidden.clone()


class TableModel(torch.nn.Module):
    """Logits of vocabulary `size` for each (source, prefix); `sharpness` widens their range."""

    def __init__(self, size: int = 7, sharpness: float = 2.0):
        super().__init__()
        self.size, self.sharpness, self.largest = size, sharpness, 0
        self.table: dict[tuple[tuple[int, ...], tuple[int, ...]], list[float]] = {}

    def logits(self, source: tuple[int, ...], prefix: tuple[int, ...]) -> list[float]:
        key = (source, prefix)
        if key not in self.table:
            draw = random.Random(repr(key))
            self.table[key] = [draw.gauss(0, self.sharpness) for _ in range(self.size)]
        return self.table[key]

    def encode(self, batch: Batch) -> TableMemory:
        return TableMemory(batch.source.unsqueeze(2).float())

    def new_cache(self, rows, length, memory=None, device=None, dtype=None) -> TableCache:
        return TableCache(memory, rows)

    def forward(self, batch: Batch, memory=None, cache=None) -> TableOutput:
        if cache is None:
            sources = [tuple(int(i) for i in row.flatten() if i != PAD) for row in memory.hidden]
            rows = [[self.logits(s, tuple(row[1 : t + 1])) for t in range(len(row))] for s, row in zip(sources, batch.tokens.tolist(), strict=True)]
            return TableOutput(torch.tensor(rows))
        rows = batch.tokens.shape[0]
        self.largest = max(self.largest, rows)
        beam = rows // len(cache.sources)
        cache.prefixes = [p + (t,) for p, t in zip(cache.prefixes, batch.tokens.flatten().tolist(), strict=True)]
        return TableOutput(torch.tensor([[self.logits(cache.sources[i // beam], p[1:])] for i, p in enumerate(cache.prefixes)]))

    # ---- what is true, by listing everything

    def log_prob(self, source: tuple[int, ...], ids: tuple[int, ...]) -> float:
        """Of the ids and the end of sentence after them."""
        steps = [torch.tensor(self.logits(source, ids[:t])).log_softmax(0)[token] for t, token in enumerate((*ids, EOS))]
        return float(sum(steps))

    def everything(self, source: tuple[int, ...], shortest: int, longest: int, penalty: float) -> list[tuple[float, tuple[int, ...]]]:
        """(score, ids) of all hypotheses, best first."""
        all_ids = (ids for n in range(shortest, longest + 1) for ids in itertools.product(range(UNK + 1, self.size), repeat=n))
        return sorted(((self.log_prob(source, ids) / (len(ids) + 1) ** penalty, ids) for ids in all_ids), reverse=True)


@pytest.fixture
def table_model():
    return TableModel


@pytest.fixture
def encode():
    """(model, sources) -> memory, padded on the right."""

    def run(model: TableModel, sources: list[tuple[int, ...]]) -> TableMemory:
        longest = max(map(len, sources))
        rows = torch.tensor([[*s, *[PAD] * (longest - len(s))] for s in sources])
        return model.encode(Batch(tokens=rows[:, :1], source=rows))

    return run
