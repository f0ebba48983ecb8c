"""Training on two files in one line: which recipe, which name, which corpus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anyformer.errors import InputError, Problem
from anyformer.run.prepare import Fit

LARGE = 20_000_000  # bytes of text, both sides together
_ZIPPED = 4  # how much longer text is than its .gz, about


def corpus(source: str | Path | None, target: str | Path | None) -> dict[str, Any]:
    """The change of a recipe that makes it read these files.

    Raises:
        InputError: one is not given, or not there.
    """
    if not source or not target:
        raise InputError(Problem("--target" if source else "--source", "own texts come in two files: give --source FILE and --target FILE"))
    missing = [Problem(str(path), "no such file") for path in (source, target) if not Path(path).is_file()]
    if missing:
        raise InputError(*missing)
    return {"data.corpus": {"kind": "TextFiles", "source": str(source), "target": str(target)}}


def recipe_for(source: Path, target: Path) -> str:
    """The packaged recipe for texts of this size."""
    size = sum(path.stat().st_size * (_ZIPPED if path.suffix == ".gz" else 1) for path in (source, target))
    return "own-small" if size < LARGE else "own-large"


def fitting(changes: Mapping[str, Any]) -> frozenset[Fit]:
    """What may be made to fit the files: what nobody has asked for. A value that is given is obeyed or refused."""
    given = set(changes)
    if "tokenizer" in changes:
        whole = changes["tokenizer"]
        given |= {f"tokenizer.{name}" for name in whole} if isinstance(whole, Mapping) else {"tokenizer.kind"}
    asked_by: dict[Fit, set[str]] = {"kind": {"tokenizer.kind"}, "vocabulary": {"tokenizer.vocab_size"}, "batches": {"data", "data.batch_tokens"}}
    return frozenset(part for part, keys in asked_by.items() if not keys & given)


def name(source: Path, target: Path) -> str:
    """What runs on these files are called: `news-en-fr` for `news.en` and `news.fr`."""
    stems = [Path(path.name.removesuffix(".gz")) for path in (source, target)]
    words = dict.fromkeys([stems[0].stem, stems[1].stem, stems[0].suffix.lstrip("."), stems[1].suffix.lstrip(".")])
    return "-".join(word for word in words if word and word != "txt") or "own"
