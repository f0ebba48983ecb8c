"""`evaluate(run)`: what a trained run is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from anyformer.data import TextFiles, load_splits
from anyformer.errors import InputError, Problem
from anyformer.evaluation import EvaluateConfig, Evaluation
from anyformer.evaluation import evaluate as evaluate_translator
from anyformer.run.load import Run, load

Split = Literal["train", "validation", "test"]


def evaluate(
    run: Run | str | Path,
    split: Split = "test",
    *,
    source: str | Path | None = None,
    target: str | Path | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
    data_dir: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    **changes: Any,
) -> Evaluation:
    """Translates a split of the run's corpus, own files or own pairs, and compares with the references.

    Args:
        run: an opened run, or the folder of one.
        source, target: files aligned by line, instead of the split.
        pairs: (source, target) texts, instead of the split. Of files and pairs, those with an empty side are left out and counted (`empty`).
        changes: fields of the recipe's `evaluate.search` (`beam=1`) or of its `evaluate` (`max_sentences=100`).

    Raises:
        InputError: there is no such split, or a file that cannot be used.
    """
    opened = run if isinstance(run, Run) else load(run)
    config = search_changed(opened.recipe.evaluate, changes)
    language = opened.recipe.data.corpus.languages[1]
    if pairs is None and (source or target):
        pairs, own = _own_pairs(source, target)
        language = language or own
    elif pairs is None:
        pairs = split_pairs(opened, split, None if data_dir is None else Path(data_dir))
    kept = [i for i, pair in enumerate(pairs) if all(side.strip() for side in pair)]
    found = evaluate_translator(
        opened.translator,
        [pairs[i] for i in kept],
        config,
        target_language=language or "",
        lowercased=writes_lower_case(opened),
        progress=progress,
    )
    return replace(found, indices=tuple(kept[i] for i in found.indices), given=len(pairs), empty=len(pairs) - len(kept))


def split_pairs(run: Run, split: Split, data_dir: Path | None = None) -> list[tuple[str, str]]:
    """The pairs of one split of the run's corpus."""
    splits = load_splits(run.recipe.data, data_dir)
    found: list[tuple[str, str]] = {"train": splits.train, "validation": splits.validation, "test": splits.test}[split]
    if not found:
        raise InputError(Problem(run.recipe.data.corpus.title, f"has no {split} split; take --split validation, or give --source FILE --target FILE"))
    return found


def writes_lower_case(run: Run) -> bool:
    """Whether the run's target texts are lower-cased before they are learned."""
    scheme = run.target_tokenizer.scheme
    return scheme is not None and scheme.normalization.lowercase


def search_changed(config: EvaluateConfig, changes: dict[str, Any]) -> EvaluateConfig:
    """`config` with some fields of its search, or of its own, changed by name."""
    own = {k: v for k, v in changes.items() if k in EvaluateConfig.__dataclass_fields__}
    search = {k: v for k, v in changes.items() if k not in own}
    made = EvaluateConfig.from_dict(config.to_dict() | own)
    return replace(made, search=type(config.search).from_dict(made.search.to_dict() | search)) if search else made


def _own_pairs(source: str | Path | None, target: str | Path | None) -> tuple[list[tuple[str, str]], str | None]:
    if not source or not target:
        raise InputError("own files come in two: give source and target")
    corpus = TextFiles(source=str(source), target=str(target))
    return corpus.read()["train"], corpus.languages[1]
