"""A piece a character, and a piece a byte: nothing to learn but which characters there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import decoders, models

from anyformer.spec import spec
from anyformer.text import corpus
from anyformer.text.scheme import Tokenization, check_room, check_size, sizes
from anyformer.text.tokenizer import Tokenizer, assemble
from anyformer.text.vocabulary import UNK, reserved_tokens


@spec
class Character(Tokenization):
    """A piece a character (Unicode code point). Lossless with `byte_fallback`.

    Fields:
        vocab_size: number of ids, exactly, special tokens and bytes included: the most frequent characters; None: all of them.
        min_frequency: a character is in the vocabulary only if it stands in the corpus at least so many times.
        byte_fallback: a character that is not in the vocabulary becomes its UTF-8 bytes (256 ids); otherwise `<unk>`.
    """

    vocab_size: int | None = None
    min_frequency: int = 1
    byte_fallback: bool = True

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from super().problems()
        yield from sizes(vocab_size=self.vocab_size, min_frequency=self.min_frequency)

    def train(self, texts: Iterable[str]) -> Tokenizer:
        normalizer = list(self.normalization.steps())
        counts: Counter[str] = Counter()
        for text in corpus.prepare(texts, normalizer):
            counts.update(text)
        vocab = most_frequent(counts, reserved_tokens(self.special_tokens, self.byte_fallback), self.vocab_size, self.min_frequency)
        model = models.BPE(vocab=vocab, merges=[], unk_token=UNK, byte_fallback=self.byte_fallback)
        return assemble(self, model, normalizer=normalizer, decoder=[decoders.ByteFallback(), decoders.Fuse()])


@spec
class Byte(Tokenization):
    """A piece a byte of UTF-8: 256 ids after the special ones, nothing ever unknown, every language alike (Xue et al. 2022, arXiv:2105.13626)."""

    def train(self, texts: Iterable[str] = ()) -> Tokenizer:
        """There is nothing to learn: the texts are not read."""
        vocab = {token: id for id, token in enumerate(reserved_tokens(self.special_tokens, byte_fallback=True))}
        model = models.BPE(vocab=vocab, merges=[], unk_token=UNK, byte_fallback=True)
        return assemble(self, model, normalizer=list(self.normalization.steps()), decoder=[decoders.ByteFallback(), decoders.Fuse()])


def most_frequent(counts: Counter[str], reserved: list[str], vocab_size: int | None, min_frequency: int) -> dict[str, int]:
    """Piece -> id: the reserved tokens, then what is counted, most frequent first, as many as there is room for."""
    ranked = [item for item in corpus.ranking(counts) if counts[item] >= min_frequency]
    if vocab_size is not None:
        check_room(vocab_size, len(reserved), min(1, len(ranked)), "")
        check_size(vocab_size, len(reserved) + len(ranked), " or min_frequency" if min_frequency > 1 else "")
        ranked = ranked[: vocab_size - len(reserved)]
    return {token: id for id, token in enumerate([*reserved, *ranked])}
