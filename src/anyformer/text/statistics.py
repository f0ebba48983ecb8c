"""How well a vocabulary fits texts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from anyformer.errors import InputError
from anyformer.text.tokenizer import Tokenizer
from anyformer.text.vocabulary import byte_of

PERCENTILES = (50, 90, 95, 99, 100)

_UNSPACED = re.compile("[\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


@dataclasses.dataclass(frozen=True)
class Statistics:
    """How well a vocabulary fits texts. Words are what stands between white space; of Chinese and Japanese each character is one.

    Fields:
        texts, words, characters, pieces: how many there are.
        pieces_per_word: fertility; 1 if each word is one piece.
        pieces_per_character: 1 for a vocabulary of characters.
        unknown_share: share of the pieces that are `<unk>`.
        byte_share: share of the pieces that are bytes of characters the vocabulary does not hold.
        used_share: share of the vocabulary (special tokens and bytes left out) that the texts use.
        lengths: percentile -> pieces of a text; 100 is the longest.
    """

    texts: int
    words: int
    characters: int
    pieces: int
    pieces_per_word: float
    pieces_per_character: float
    unknown_share: float
    byte_share: float
    used_share: float
    lengths: dict[int, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dataclasses.asdict(self) | {"lengths": {str(p): n for p, n in self.lengths.items()}}


def statistics(tokenizer: Tokenizer, texts: Iterable[str]) -> Statistics:
    """Encodes the texts and counts.

    Raises:
        InputError: there is no text.
    """
    texts = list(texts)
    encoded = tokenizer.encode_batch(texts)
    lengths = sorted(map(len, encoded))
    pieces = sum(lengths)
    if not pieces:
        raise InputError("there is no text to count")
    seen = [tokenizer.normalize(text) for text in texts]
    words = sum(len(_UNSPACED.sub(" x ", text).split()) for text in seen)
    characters = sum(map(len, seen))
    reserved = set(tokenizer.special_ids.values()) | {tokenizer.unk_id}
    bytes_ = {i for i in range(min(tokenizer.vocab_size, 300 + len(reserved))) if byte_of(tokenizer.token(i)) is not None}
    used = {i for ids in encoded for i in ids}
    learned = tokenizer.vocab_size - len(reserved | bytes_)
    return Statistics(
        texts=len(texts),
        words=words,
        characters=characters,
        pieces=pieces,
        pieces_per_word=pieces / max(words, 1),
        pieces_per_character=pieces / max(characters, 1),
        unknown_share=sum(ids.count(tokenizer.unk_id) for ids in encoded) / pieces,
        byte_share=sum(i in bytes_ for ids in encoded for i in ids) / pieces,
        used_share=len(used - reserved - bytes_) / learned if learned else 0.0,
        lengths={p: lengths[min(len(lengths) - 1, -(-len(lengths) * p // 100) - 1)] for p in PERCENTILES},
    )
