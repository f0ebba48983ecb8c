"""The tokenizers of the two sides of a translation: one for both, or one each."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from anyformer.errors import AnyformerError, InputError, Problem
from anyformer.text.scheme import Tokenization
from anyformer.text.tokenizer import FILE, Tokenizer

SOURCE_FILE, TARGET_FILE = f"source_{FILE}", f"target_{FILE}"


def train_pair(scheme: Tokenization, sources: Iterable[str], targets: Iterable[str]) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of source and target: one and the same object if the scheme is joint, else two, each with the vocabulary size of the scheme.

    Raises:
        ConfigError, InputError: as `scheme.train`; says of which side, where each has its own.
    """
    if scheme.joint:
        both = scheme.train(itertools.chain(sources, targets))
        return both, both
    made: list[Tokenizer] = []
    errors: list[AnyformerError] = []
    for side, texts in (("source", sources), ("target", targets)):
        try:
            made.append(scheme.train(texts))
        except AnyformerError as error:
            errors.append(type(error)(*(Problem(p.path, f"{p.message} (of the {side} side)") for p in error.problems)))
    if errors:
        raise type(errors[0])(*(problem for error in errors for problem in error.problems))
    return made[0], made[1]


def save_pair(folder: str | os.PathLike[str], source: Tokenizer, target: Tokenizer) -> None:
    """Writes `tokenizer.json` into the folder, or `source_tokenizer.json` and `target_tokenizer.json` if they are two."""
    folder = Path(folder)
    if source is target:
        source.save(folder / FILE)
    else:
        source.save(folder / SOURCE_FILE)
        target.save(folder / TARGET_FILE)


def load_pair(folder: str | os.PathLike[str]) -> tuple[Tokenizer, Tokenizer]:
    """What `save_pair` has written; one and the same object twice if it is joint.

    Raises:
        InputError: there is neither one tokenizer nor two in the folder, or one is damaged.
    """
    folder = Path(folder)
    if (folder / FILE).exists():
        both = Tokenizer.load(folder / FILE)
        return both, both
    if not ((folder / SOURCE_FILE).exists() and (folder / TARGET_FILE).exists()):
        raise InputError(Problem(str(folder), f"holds no tokenizer: neither {FILE} nor both {SOURCE_FILE} and {TARGET_FILE}"))
    return Tokenizer.load(folder / SOURCE_FILE), Tokenizer.load(folder / TARGET_FILE)
