"""Tokenised pairs, held as two flat arrays of ids, and a count of those that were too long."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, chain
from typing import Any, Literal

import numpy as np

from anyformer.data.objectives import BoundObjective, Example
from anyformer.errors import InputError, Problem, counted

CHUNK = 10_000  # pairs tokenised at once: bounds the memory that Python lists of ids take


@dataclass(frozen=True)
class LengthReport:
    """What became of the pairs when they were tokenised. Lengths in positions, begin or end of sentence included."""

    pairs: int
    kept: int
    cut: int
    dropped: int
    limit: int | None
    mean: tuple[float, ...]  # of each side; one where both are one stream
    longest: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def describe(self) -> str:
        """One line."""
        mean, longest = " -> ".join(f"{m:.1f}" for m in self.mean), " -> ".join(str(n) for n in self.longest)
        text = f"{counted(self.kept, 'pair')}, {mean} tokens on average, at most {longest}"
        lost = [f"{n:,} {what}" for n, what in ((self.cut, "cut"), (self.dropped, "dropped")) if n]
        return text + (f"; longer than {self.limit} tokens: {', '.join(lost)}" if lost else "")

    def __str__(self) -> str:
        return self.describe()


class TokenizedPairs(Sequence[Example]):
    """Examples by number.

    `lengths` [N, sides]: positions of source and target, or of both in one stream; `report`: what was cut and dropped; `fingerprint`: changes with any id.
    """

    def __init__(self, examples: Sequence[Example], lengths: np.ndarray, report: LengthReport):
        self.lengths = lengths
        self.report = report
        self._sides = _Column([e.source for e in examples]), _Column([e.target for e in examples])

    @classmethod
    def build(cls, pairs: Sequence[tuple[str, str]], objective: BoundObjective, over_length: Literal["drop", "cut"] = "drop") -> TokenizedPairs:
        """Tokenises pairs; one with a side longer than `objective.max_length` is cut or dropped, and counted.

        Raises:
            InputError: no pair is left.
        """
        limit = objective.max_length
        kept: list[Example] = []
        cut = 0
        for start in range(0, len(pairs), CHUNK):
            for example in objective.examples(pairs[start : start + CHUNK]):
                if limit is not None and max(objective.lengths(example)) > limit:
                    if over_length == "drop":
                        continue
                    example, cut = objective.cut(example), cut + 1
                kept.append(example)
        if not kept:
            way = "raise data.max_length and data.batch_tokens"
            raise InputError(Problem("data.max_length", f"none of {len(pairs):,} pairs has at most {limit} tokens a side; {way}"))
        lengths = np.array([objective.lengths(e) for e in kept], dtype=np.int64)
        mean, longest = lengths.mean(0), lengths.max(0)
        report = LengthReport(
            pairs=len(pairs), kept=len(kept), cut=cut, dropped=len(pairs) - len(kept), limit=limit,
            mean=tuple(round(float(m), 3) for m in mean), longest=tuple(int(n) for n in longest),
        )  # fmt: skip
        return cls(kept, lengths, report)

    @property
    def fingerprint(self) -> str:
        """A digest of all ids: a resumed run compares it to see that its data are the same."""
        digest = hashlib.sha256()
        for side in self._sides:
            digest.update(side.ids.tobytes() + side.ends.tobytes())
        return digest.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index = index % len(self)
        return Example(self._sides[0][index], self._sides[1][index])

    def __iter__(self) -> Iterator[Example]:
        return (self[i] for i in range(len(self)))


class _Column:
    """Lists of ids, one after another: 4 bytes an id. Plain arrays, because reading short rows out of NumPy's is slower."""

    def __init__(self, rows: Sequence[list[int]]):
        self.ends = array("q", accumulate(map(len, rows), initial=0))
        self.ids = array("i", chain.from_iterable(rows))

    def __getitem__(self, index: int) -> list[int]:
        return self.ids[self.ends[index] : self.ends[index + 1]].tolist()
