"""Which pairs are worth training on, with a count for each reason why one is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from anyformer.spec import Spec, spec

Pair = tuple[str, str]  # source, target

EMPTY = "empty"
WORDS = "too many words"
CHARACTERS = "too many characters"
RATIO = "length ratio"
DUPLICATE = "duplicate"
HELD_OUT = "in another split too"


@spec
class Cleaning(Spec):
    """What a training pair must be. Length in tokens is `data.max_length`'s matter, after the tokenizer."""

    max_words: int | None = 250  # a side, parted by spaces
    max_characters: int | None = 2000  # a side; what limits Chinese, where there are no spaces
    max_ratio: float | None = 5.0  # longer side to shorter in UTF-8 bytes: an English and a Chinese sentence that say the same have about as many
    duplicates: Literal["drop", "keep"] = "drop"  # a second pair of the same source and target

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in ("max_words", "max_characters"):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                yield name, f"must be at least 1, or null for no limit; got {limit}"
        if self.max_ratio is not None and not self.max_ratio >= 1:
            yield "max_ratio", f"must be at least 1, or null for no limit; got {self.max_ratio}"

    def fault(self, pair: Pair) -> str | None:
        """The reason to drop a pair that can be seen from it alone; None: keep it."""
        source, target = pair
        if not source or not target:
            return EMPTY
        if self.max_words is not None and max(len(source.split()), len(target.split())) > self.max_words:
            return WORDS
        if self.max_characters is not None and max(map(len, pair)) > self.max_characters:
            return CHARACTERS
        if self.max_ratio is not None:
            short, long = sorted(len(side.encode()) for side in pair)
            if long > self.max_ratio * short:
                return RATIO
        return None

    def clean(self, pairs: Iterable[Pair]) -> tuple[list[Pair], Counter[str]]:
        """The pairs kept, in their order, and how many were dropped for which reason."""
        kept: list[Pair] = []
        dropped: Counter[str] = Counter()
        seen: set[Pair] = set()
        for pair in pairs:
            reason = self.fault(pair)
            if reason is None and self.duplicates == "drop":
                reason = DUPLICATE if pair in seen else None
                seen.add(pair)
            if reason is None:
                kept.append(pair)
            else:
                dropped[reason] += 1
        return kept, dropped
