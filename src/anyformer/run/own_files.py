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
    given = {key.partition(".")[0] if key.startswith("tokenizer") else key for key in changes}
    parts: set[Fit] = {"vocabulary", "batches"}
    if "tokenizer" in given:
        parts.discard("vocabulary")
    if given & {"data", "data.batch_tokens"}:
        parts.discard("batches")
    return frozenset(parts)


def name(source: Path, target: Path) -> str:
    """What runs on these files are called: `news-en-fr` for `news.en` and `news.fr`."""
    stems = [Path(path.name.removesuffix(".gz")) for path in (source, target)]
    words = dict.fromkeys([stems[0].stem, stems[1].stem, stems[0].suffix.lstrip("."), stems[1].suffix.lstrip(".")])
    return "-".join(word for word in words if word and word != "txt") or "own"
