"""A vocabulary as large as a small corpus can give, where nobody has asked for a size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from anyformer.errors import ConfigError
from anyformer.text.byte_pair import BPE, ByteLevelBPE
from anyformer.text.character import Character
from anyformer.text.scheme import Tokenization
from anyformer.text.unigram import Unigram
from anyformer.text.word import Word

SMALLEST = 400  # pieces; below this, bytes do as well

T = TypeVar("T")


def train_to_fit(train: Callable[[Tokenization], T], scheme: Tokenization) -> T:
    """What `train` makes of the scheme, or of the first smaller one that it does not refuse.

    Raises:
        ConfigError: that of the scheme itself, where no smaller one is taken either.
    """
    first: ConfigError | None = None
    while True:
        try:
            return train(scheme)
        except ConfigError as error:
            first = first or error
            less = smaller(scheme)
            if less is None:
                raise first from None
            scheme = less


def smaller(scheme: Tokenization) -> Tokenization | None:
    """Half the pieces, near the smallest size a tenth less; of words and characters all there are. None: there is nothing smaller."""
    if isinstance(scheme, (BPE, ByteLevelBPE, Unigram)) and scheme.vocab_size > SMALLEST:
        size = scheme.vocab_size // 2 if scheme.vocab_size >= 2 * SMALLEST else scheme.vocab_size * 9 // 10
        return replace(scheme, vocab_size=max(size, SMALLEST))
    if isinstance(scheme, (Word, Character)) and scheme.vocab_size is not None:
        return replace(scheme, vocab_size=None)
    return None
