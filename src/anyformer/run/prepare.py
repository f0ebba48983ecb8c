"""From a recipe to everything that training needs but the weights: pairs, tokenizers, ids, the model's config."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from anyformer.data import BatchStream, BoundObjective, Resampling, Sampler, Splits, TokenizedPairs, load_splits, located
from anyformer.errors import AnyformerError, ConfigError, Problem
from anyformer.model.model import Model
from anyformer.run import model_section
from anyformer.run.recipe import Recipe
from anyformer.text import Byte, Tokenization, Tokenizer, load_pair, train_pair, train_to_fit

TEXTS_TO_LEARN_FROM = 1_000_000  # pairs; a vocabulary does not become better by more


Fit = Literal["kind", "vocabulary", "batches"]  # the tokenizer may become one of bytes; its vocabulary, the batches may become smaller


@dataclass(frozen=True)
class Prepared:
    """A recipe made real, as far as it goes without weights."""

    recipe: Recipe  # with the model resolved
    splits: Splits
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    objective: BoundObjective
    train: TokenizedPairs
    validation: TokenizedPairs
    stream: BatchStream
    model: Model.Config

    @property
    def joint(self) -> bool:
        return self.source_tokenizer is self.target_tokenizer

    def for_process(self, rank: int, size: int) -> Prepared:
        """The same for one of several processes, which takes its part of each batch."""
        s = self.stream
        return replace(self, stream=BatchStream(s.objective, s.dataset, s.sampler, rank, size, s.resampling))


def prepare(recipe: Recipe, data_dir: Path | None = None, folder: Path | None = None, fit: Collection[Fit] = ()) -> Prepared:
    """Reads the data, learns (or, from `folder`, loads) the tokenizers, and resolves the model.

    Args:
        folder: a run that is resumed; its tokenizers are taken.
        fit: what is made smaller where the data cannot fill it (own files without a recipe), instead of refusing.

    Raises:
        AnyformerError: what does not fit together, with the path in the recipe.
    """
    splits = load_splits(recipe.data, data_dir)
    if folder is not None:
        source, target = load_pair(folder)
    else:
        source, target = learn_tokenizers(recipe.tokenizer, splits.train[:TEXTS_TO_LEARN_FROM], fit)
    objective = recipe.objective.bind(source, target, recipe.data.length_limit)
    train = TokenizedPairs.build(splits.train, objective, recipe.data.over_length)
    validation = TokenizedPairs.build(splits.validation, objective, "cut")
    if "batches" in fit:
        recipe = _with_room(recipe, train)
        objective = recipe.objective.bind(source, target, recipe.data.length_limit)  # as a run that goes on will bind it
    seed = recipe.train.seed
    with _under("data"):
        resampling = Resampling(train, objective, source, target, recipe.data.bpe_dropout, seed) if recipe.data.bpe_dropout else None
    sampler = resampling.sampler(recipe.data.batch_tokens, seed) if resampling else Sampler(train.lengths, recipe.data.batch_tokens, seed)
    stream = BatchStream(objective, train, sampler, resampling=resampling)
    with _under("model"):
        model = model_section.resolve(recipe.model, target.vocab_size, None if source is target else source.vocab_size)
    misfits = [*recipe.objective.misfits(model), *_beyond_tables(model, recipe.data.length_limit)]
    if misfits:
        raise ConfigError(*misfits)
    trained = replace(recipe.train, schedule=recipe.train.schedule.bind(model.d_model))
    recipe = replace(recipe, data=located(recipe.data, data_dir), model=model.to_dict(), tokenizer=target.scheme or recipe.tokenizer, train=trained)
    return Prepared(recipe, splits, source, target, objective, train, validation, stream, model)


def learn_tokenizers(scheme: Tokenization, pairs: Sequence[tuple[str, str]], fit: Collection[Fit] = ()) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of both sides; where the pairs cannot give the vocabulary that is asked for, a smaller one or bytes, as far as `fit` allows."""
    sources, targets = [s for s, _ in pairs], [t for _, t in pairs]

    def train(scheme: Tokenization) -> tuple[Tokenizer, Tokenizer]:
        with _under("tokenizer"):
            return train_pair(scheme, sources, targets)

    if "vocabulary" not in fit:
        return train(scheme)
    try:
        return train_to_fit(train, scheme)
    except ConfigError:
        if "kind" not in fit:
            raise
    return train(Byte(joint=scheme.joint, normalization=scheme.normalization))


def _beyond_tables(model: Model.Config, limit: int) -> Iterator[Problem]:
    """Tables of positions that are shorter than what the data may hold."""
    for name in ("embedding", "encoder_embedding"):
        length = getattr(getattr(getattr(model, name), "position", None), "length", None)
        if length is not None and length < limit:
            way = f"set data.max_length to at most {length:,}, or model.{name}.position.length to at least {limit:,}"
            yield Problem(f"model.{name}.position.length", f"the table has {length:,} positions, data.max_length lets texts have {limit:,} tokens; {way}")


def _with_room(recipe: Recipe, train: TokenizedPairs) -> Recipe:
    """Batches of at most a fourth of the data, so that small own files train too."""
    most = max(int(train.lengths.max()), int(train.lengths.sum(0).max()) // 4)
    if most >= recipe.data.batch_tokens:
        return recipe
    return replace(recipe, data=replace(recipe.data, batch_tokens=most))


@contextlib.contextmanager
def _under(section: str) -> Iterator[None]:
    """Problems within are told with the section in front."""
    try:
        yield
    except AnyformerError as error:
        raise type(error)(*(p.under(section) for p in error.problems)) from None
