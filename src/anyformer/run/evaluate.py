"""`evaluate(run)`: what a trained run is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from anyformer.data import TextFiles, load_splits
from anyformer.decoding import room_of
from anyformer.errors import InputError, Problem
from anyformer.evaluation import EvaluateConfig, Evaluation, MaskedEvaluation, evaluate_masked
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
) -> Evaluation | MaskedEvaluation:
    """Translates a split of the run's corpus, own files or own pairs, and compares with the references. An encoder alone finds hidden words instead.

    Args:
        run: an opened run, or the folder of one.
        source, target: files aligned by line, instead of the split.
        pairs: (source, target) texts, instead of the split. Of files and pairs, those with an empty side are left out and counted (`empty`).
        changes: fields of the recipe's `evaluate.search` (`beam=1`) or of its `evaluate` (`max_sentences=100`). For an encoder alone, which
            searches nothing: `max_sentences`, `seed` (of what is hidden; 0 unless given).

    Raises:
        InputError: there is no such split, a file that cannot be used, or a search that is asked of an encoder alone.
    """
    opened = run if isinstance(run, Run) else load(run)
    language = opened.recipe.data.corpus.languages[1]
    if pairs is None and (source or target):
        pairs, own = _own_pairs(source, target)
        language = language or own
    elif pairs is None:
        pairs = split_pairs(opened, split, None if data_dir is None else Path(data_dir))
    if opened.model.decoder is None:
        return find_hidden(opened, pairs, progress, **changes)
    return compare(opened, pairs, language, progress, **changes)


def compare(
    run: Run, pairs: Sequence[tuple[str, str]], language: str | None = None, progress: Callable[[int, int], None] | None = None, **changes: Any
) -> Evaluation:
    """What `evaluate` does with a model that writes; `language`: of the targets, None: the corpus's."""
    kept = _with_both_sides(pairs)
    found = evaluate_translator(
        run.translator,
        [pairs[i] for i in kept],
        search_changed(run.recipe.evaluate, changes),
        target_language=language or run.recipe.data.corpus.languages[1] or "",
        lowercased=writes_lower_case(run),
        progress=progress,
    )
    return replace(found, indices=tuple(kept[i] for i in found.indices), given=len(pairs), empty=len(pairs) - len(kept))


def find_hidden(run: Run, pairs: Sequence[tuple[str, str]], progress: Callable[[int, int], None] | None = None, **changes: Any) -> MaskedEvaluation:
    """What `evaluate` does with an encoder alone."""
    config, seed = _without_search(run.recipe.evaluate, changes)
    data, kept = run.recipe.data, _with_both_sides(pairs)
    limit = min(data.length_limit, room_of(run.model) or data.length_limit)  # an imported model's table may be shorter
    found = evaluate_masked(
        run.model,
        run.recipe.objective.bind(run.source_tokenizer, run.target_tokenizer, limit),
        [pairs[i] for i in kept],
        batch_tokens=data.batch_tokens,
        max_sentences=config.max_sentences,
        seed=seed,
        precision=run.translator.precision,
        progress=progress,
    )
    return replace(found, empty=len(pairs) - len(kept))


def _with_both_sides(pairs: Sequence[tuple[str, str]]) -> list[int]:
    return [i for i, pair in enumerate(pairs) if all(side.strip() for side in pair)]


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


def _without_search(config: EvaluateConfig, changes: dict[str, Any]) -> tuple[EvaluateConfig, int]:
    """The config and the seed for an encoder alone."""
    given = {"seed": 0} | changes
    seed = given.pop("seed")
    over = [name for name in given if name not in ("max_sentences", "batch_size")]
    if over:
        raise InputError(*(Problem(name, "is for models that write; an encoder alone takes max_sentences and seed") for name in over))
    if not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(Problem("seed", f"is a whole number from 0 to {2**32 - 1}, not {seed!r}"))
    return EvaluateConfig.from_dict(config.to_dict() | given), seed


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
