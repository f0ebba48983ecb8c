"""From a `DataConfig` to cleaned training, validation and test pairs, none of which stands in two of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from anyformer.data.cleaning import EMPTY, HELD_OUT, Pair
from anyformer.data.config import DataConfig
from anyformer.data.corpus import Corpus, HeldOut
from anyformer.data.report import DataReport, SplitReport
from anyformer.errors import InputError, Problem, counted


@dataclass(frozen=True)
class Splits:
    """Cleaned pairs (source, target) and the report on them. `test` is empty where there is none."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]
    report: DataReport


def load_splits(config: DataConfig, data_dir: Path | None = None) -> Splits:
    """Reads, cleans and parts the pairs.

    Raises:
        InputError: a file that cannot be used (where and why), or nothing left to train or to validate on.
    """
    own = config.corpus.read(data_dir)
    notes: list[str] = []
    read = {"train": len(own["train"])}
    train, dropped = config.cleaning.clean(own["train"])
    test, test_dropped = _without_empty(_part(config.test, "test", data_dir) if config.test else own.get("test", []))
    train = _without(train, test, dropped)

    wanted = config.validation
    if wanted is None and "validation" not in own:
        wanted = HeldOut()
    if isinstance(wanted, HeldOut):
        train, validation = hold_out(train, wanted, config.corpus.title)
        read["train"] -= len(validation)
        read["validation"] = len(validation)
        validation_dropped: Counter[str] = Counter()
        notes.append(f"validation held out of the training pairs by a hash of the source ({100 * wanted.share:g} %, at most {wanted.at_most:,} pairs)")
    else:
        given = _part(wanted, "validation", data_dir) if isinstance(wanted, Corpus) else own["validation"]
        read["validation"] = len(given)
        validation, validation_dropped = _without_empty(given)
        validation = _without(validation, test, validation_dropped)
        train = _without(train, validation, dropped)
    read["test"] = len(test) + sum(test_dropped.values())

    if config.max_pairs is not None and len(train) > config.max_pairs:
        notes.append(f"training on the first {config.max_pairs:,} of {len(train):,} pairs (data.max_pairs)")
        train = train[: config.max_pairs]
    for name, pairs in (("train", train), ("validate", validation)):
        if not pairs:
            why = ", ".join(f"{n:,} {reason}" for reason, n in dropped.items())
            raise InputError(Problem(config.corpus.title, f"no pair is left to {name} on" + (f" (left out: {why}; see data.cleaning)" if why else "")))
    report = DataReport(
        corpus=config.corpus.title,
        splits={
            "train": SplitReport.of(train, read["train"], dropped),
            "validation": SplitReport.of(validation, read["validation"], validation_dropped),
            "test": SplitReport.of(test, read["test"], test_dropped),
        },
        notes=tuple(notes),
    )
    return Splits(train, validation, test, report)


def hold_out(pairs: list[Pair], part: HeldOut, title: str = "the corpus") -> tuple[list[Pair], list[Pair]]:
    """(kept, held out). All pairs of one source sentence fall on the same side, whatever its case and spaces; at least one sentence is held out.

    A sentence's side depends on its text alone, so it stays when pairs are added (but for the limit `at_most`).
    """
    hashes = [_hash(source) for source, _ in pairs]
    distinct = Counter(hashes)
    if len(distinct) < 2:
        raise InputError(
            Problem(title, f"has {counted(len(distinct), 'different sentence')} left after cleaning; at least 2 are needed to hold one out for validation")
        )
    held: set[int] = set()
    size = 0
    for value in sorted(distinct):
        if held and (value >= part.share * 2**64 or size + distinct[value] > part.at_most or len(held) == len(distinct) - 1):
            break
        held.add(value)
        size += distinct[value]
    kept = [pair for pair, value in zip(pairs, hashes, strict=True) if value not in held]
    return kept, [pair for pair, value in zip(pairs, hashes, strict=True) if value in held]


def _hash(text: str) -> int:
    plain = " ".join(text.casefold().split())
    return int.from_bytes(hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _part(corpus: Corpus, split: str, data_dir: Path | None) -> list[Pair]:
    """A corpus used as one split: its part of that name, else all it has."""
    parts = corpus.read(data_dir)
    return parts.get(split) or parts["train"]


def _without_empty(pairs: list[Pair]) -> tuple[list[Pair], Counter[str]]:
    kept = [pair for pair in pairs if all(pair)]
    return kept, Counter({EMPTY: len(pairs) - len(kept)} if len(kept) < len(pairs) else {})


def _without(pairs: list[Pair], others: list[Pair], dropped: Counter[str]) -> list[Pair]:
    known = set(others)
    kept = [pair for pair in pairs if pair not in known]
    if len(kept) < len(pairs):
        dropped[HELD_OUT] += len(pairs) - len(kept)
    return kept
