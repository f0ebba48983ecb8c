"""Byte-pair encoding: start from characters (or bytes), join the most frequent neighbours, again and again (Sennrich et al. 2016, arXiv:1508.07909)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from anyformer.spec import spec
from anyformer.text import corpus, splitting
from anyformer.text.scheme import Tokenization, check_room, check_size, sizes
from anyformer.text.tokenizer import Tokenizer, assemble
from anyformer.text.vocabulary import UNK, reserved_tokens


@spec
class BPE(Tokenization):
    """Byte-pair encoding over characters: the usual choice for translation. Lossless with `byte_fallback`.

    Fields:
        vocab_size: number of ids, exactly, special tokens and bytes included.
        min_frequency: a pair is joined only if it stands in the corpus at least so many times.
        byte_fallback: a character that is not in the vocabulary becomes its UTF-8 bytes (256 ids); otherwise `<unk>`.
        split_digits: each digit is a piece of its own, so that no number is unknown or a piece that is hardly seen.
        character_coverage: share of the characters of the corpus, counted as often as they stand there, that the vocabulary must hold;
            below 1 the rarest are left to the bytes (0.9995 suits Chinese and Japanese).
    """

    vocab_size: int = 8000
    min_frequency: int = 2
    byte_fallback: bool = True
    split_digits: bool = True
    character_coverage: float = 1.0

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from super().problems()
        yield from sizes(vocab_size=self.vocab_size, min_frequency=self.min_frequency)
        if not 0 < self.character_coverage <= 1:
            yield "character_coverage", f"{self.character_coverage} must be above 0 and at most 1"

    def train(self, texts: Iterable[str]) -> Tokenizer:
        normalizer = [*self.normalization.steps(), *splitting.first_space()]
        splitter = splitting.word_splitter(self.split_digits, split_unspaced=False)
        prepared = corpus.prepare(texts, normalizer)
        alphabet = corpus.alphabet(prepared, self.character_coverage)
        reserved = reserved_tokens(self.special_tokens, self.byte_fallback)
        check_room(self.vocab_size, len(reserved), len(alphabet), ", or lower character_coverage" if self.byte_fallback else "")
        vocab, merges = learn(corpus.without_rare(prepared, alphabet), splitter, reserved, alphabet, self.vocab_size, self.min_frequency)
        model = models.BPE(vocab=vocab, merges=merges, unk_token=UNK, fuse_unk=True, byte_fallback=self.byte_fallback)
        decoder = [decoders.ByteFallback(), decoders.Fuse(), splitting.without_first_space()]
        return assemble(self, model, normalizer=normalizer, pre_tokenizer=splitter, decoder=decoder)


@spec
class ByteLevelBPE(Tokenization):
    """Byte-pair encoding over bytes, in GPT-2's way of writing them (Radford et al. 2019): lossless, and the usual choice for language models.

    Fields: as in BPE.
    """

    vocab_size: int = 8000
    min_frequency: int = 2
    split_digits: bool = True

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from super().problems()
        yield from sizes(vocab_size=self.vocab_size, min_frequency=self.min_frequency)

    def train(self, texts: Iterable[str]) -> Tokenizer:
        normalizer = [*self.normalization.steps(), *splitting.first_space()]
        splitter = pre_tokenizers.Sequence(
            [splitting.word_splitter(self.split_digits, split_unspaced=False), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        prepared = corpus.prepare(texts, normalizer)
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        reserved = reserved_tokens(self.special_tokens, byte_fallback=False)
        check_room(self.vocab_size, len(reserved) + len(alphabet), 0, "")
        vocab, merges = learn(prepared, splitter, reserved, alphabet, self.vocab_size, self.min_frequency)
        decoder = [decoders.ByteLevel(), decoders.Fuse(), splitting.without_first_space()]
        return assemble(self, models.BPE(vocab=vocab, merges=merges), normalizer=normalizer, pre_tokenizer=splitter, decoder=decoder)


def learn(
    texts: list[str], splitter: pre_tokenizers.PreTokenizer, reserved: list[str], alphabet: list[str], vocab_size: int, min_frequency: int
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Piece -> id, and the pairs in the order in which they are joined."""
    learner = tokenizers.Tokenizer(models.BPE())
    learner.pre_tokenizer = splitter
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=reserved,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    check_size(vocab_size, len(model["vocab"]), " or min_frequency" if min_frequency > 1 else "")
    return model["vocab"], [tuple(pair) for pair in model["merges"]]
