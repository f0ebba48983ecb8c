"""How text becomes pieces: the menu of schemes, and what they have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from anyformer.errors import ConfigError, Problem
from anyformer.spec import Spec
from anyformer.text.normalization import Normalization
from anyformer.text.vocabulary import problem_with_name

if TYPE_CHECKING:
    from anyformer.text.tokenizer import Tokenizer


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Tokenization(Spec):
    """A way to cut text into pieces, learned from text. The menu: BPE, ByteLevelBPE, Unigram, Word, Character, Byte.

    Fields:
        joint: one vocabulary for source and target (`train_pair` reads it); otherwise each side has its own.
        normalization: what is made equal before.
        special_tokens: further special tokens by name, such as `<extra_0>`; their ids follow those of `<pad> <s> </s> <unk>` (0 to 3).
    """

    joint: bool = True
    normalization: Normalization = Normalization()
    special_tokens: tuple[str, ...] = ()

    def problems(self) -> Iterator[tuple[str, str]]:
        for token in self.special_tokens:
            if problem := problem_with_name(token):
                yield "special_tokens", problem
        if len(set(self.special_tokens)) < len(self.special_tokens):
            yield "special_tokens", "names one token twice"

    def train(self, texts: Iterable[str]) -> Tokenizer:
        """A tokenizer learned from raw texts (sentences, lines or documents); the same texts and scheme give the same tokenizer, to the byte.

        Raises:
            InputError: there is no text, or one that is no valid Unicode.
            ConfigError: the vocabulary cannot have exactly the size that is asked for; says which sizes can be had.
        """
        raise NotImplementedError

    def segmenter(self) -> Callable[[str], str] | None:
        """What must be done to a text in Python before it is encoded; None: nothing."""
        return None


def check_room(vocab_size: int, n_reserved: int, n_characters: int, way_out: str) -> None:
    """Raises a ConfigError where special tokens, bytes and the alphabet do not fit into `vocab_size`."""
    needed = n_reserved + n_characters
    if vocab_size < needed:
        raise ConfigError(
            Problem(
                "vocab_size",
                f"{vocab_size:,} is too small: {n_reserved:,} special tokens and bytes and {n_characters:,} characters of this corpus need {needed:,}; "
                f"raise vocab_size to {needed:,} or more{way_out}",
            )
        )


def check_size(vocab_size: int, reached: int, way_out: str) -> None:
    """Raises a ConfigError where the corpus gives fewer pieces than `vocab_size`."""
    if reached < vocab_size:
        raise ConfigError(
            Problem(
                "vocab_size",
                f"{vocab_size:,} is more than this corpus can give, which is {reached:,}; lower vocab_size to {reached:,}{way_out}, or use more text",
            )
        )


def sizes(**values: float | None) -> Iterator[tuple[str, str]]:
    """The problem of each named number that is below 1."""
    return ((name, f"{value} must be 1 or more") for name, value in values.items() if value is not None and value < 1)
