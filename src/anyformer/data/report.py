"""What was loaded: counts of each split by reason, and lengths; for people in a few lines, for programs as a dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from anyformer.data.cleaning import Pair


@dataclass(frozen=True)
class SideLengths:
    """Lengths of one side of a split."""

    mean_words: float
    max_words: int
    mean_characters: float
    max_characters: int

    @classmethod
    def of(cls, texts: Sequence[str]) -> SideLengths:
        words, characters = [len(t.split()) for t in texts], [len(t) for t in texts]
        n = max(1, len(texts))
        return cls(round(sum(words) / n, 2), max(words, default=0), round(sum(characters) / n, 2), max(characters, default=0))


@dataclass(frozen=True)
class SplitReport:
    """One split: how many pairs it had, how many it has, why the others went."""

    read: int
    kept: int
    dropped: Mapping[str, int]  # reason -> pairs
    source: SideLengths
    target: SideLengths

    @classmethod
    def of(cls, pairs: Sequence[Pair], read: int, dropped: Mapping[str, int]) -> SplitReport:
        return cls(read, len(pairs), dict(dropped), SideLengths.of([s for s, _ in pairs]), SideLengths.of([t for _, t in pairs]))


@dataclass(frozen=True)
class DataReport:
    """What `load_splits` found."""

    corpus: str
    splits: Mapping[str, SplitReport]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"corpus": self.corpus, "splits": {name: asdict(split) for name, split in self.splits.items()}, "notes": list(self.notes)}

    def describe(self) -> str:
        """A line for each split, and what was left out why."""
        lines = [self.corpus]
        for name, split in self.splits.items():
            text = f"  {name:<10} {split.kept:>9,} pair{' ' if split.kept == 1 else 's'}"
            if split.kept:
                text += f", {_length(split.source)} -> {_length(split.target)} on average"
            if split.dropped:
                text += f"; left out: {', '.join(f'{n:,} {reason}' for reason, n in sorted(split.dropped.items()))}"
            lines.append(text)
        return "\n".join(lines + [f"  {note}" for note in self.notes])

    def __str__(self) -> str:
        return self.describe()


def _length(side: SideLengths) -> str:
    return f"{side.mean_words:.1f} words ({side.mean_characters:.0f} characters)"
