"""Unigram language model: start from many pieces, drop again and again those that the probability of the texts needs least (Kudo 2018, arXiv:1804.10959).

Learned here and not by Hugging Face's trainer, whose result is another one at every run. The steps are those of section 3.2 of the paper: expected counts by
forward-backward, then the loss of likelihood by taking a piece away, estimated from the most probable cuts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from tokenizers import decoders, models

from anyformer.spec import spec
from anyformer.text import corpus, splitting
from anyformer.text.lattice import Floats, Ints, Lattice
from anyformer.text.scheme import Tokenization, check_room, check_size, sizes
from anyformer.text.tokenizer import Tokenizer, assemble
from anyformer.text.vocabulary import UNK, reserved_tokens

_LONGEST_PIECE = 16  # characters, its space included
_LONGEST_WORD = 64  # longer runs are cut for learning only
_SEEDS = 10  # pieces to start from, for each that stays
_SHRINK = 0.75  # share of the pieces that stay in one round


@spec
class Unigram(Tokenization):
    """The most probable pieces of a unigram model. Lossless with `byte_fallback`.

    Fields:
        vocab_size: number of ids, exactly, special tokens and bytes included.
        byte_fallback: a character that is not in the vocabulary becomes its UTF-8 bytes (256 ids); otherwise `<unk>`.
        split_digits: each digit is a piece of its own.
        character_coverage: share of the characters of the corpus, counted as often as they stand there, that the vocabulary must hold;
            below 1 the rarest are left to the bytes (0.9995 suits Chinese and Japanese).
    """

    vocab_size: int = 8000
    byte_fallback: bool = True
    split_digits: bool = True
    character_coverage: float = 1.0

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from super().problems()
        yield from sizes(vocab_size=self.vocab_size)
        if not 0 < self.character_coverage <= 1:
            yield "character_coverage", f"{self.character_coverage} must be above 0 and at most 1"

    def train(self, texts: Iterable[str]) -> Tokenizer:
        normalizer = [*self.normalization.steps(), *splitting.first_space()]
        splitter = splitting.word_splitter(self.split_digits, split_unspaced=False)
        prepared = corpus.prepare(texts, normalizer)
        alphabet = corpus.alphabet(prepared, self.character_coverage)
        reserved = reserved_tokens(self.special_tokens, self.byte_fallback)
        check_room(self.vocab_size, len(reserved), len(alphabet), ", or lower character_coverage" if self.byte_fallback else "")
        words = corpus.words(corpus.without_rare(prepared, alphabet), splitter)
        seeds = seed_pieces(words, alphabet, _SEEDS * self.vocab_size)
        check_size(self.vocab_size, len(reserved) + len(seeds), "")
        pieces, scores = learn(words, seeds, len(alphabet), self.vocab_size - len(reserved))
        rounded = [round(float(score), 6) for score in scores]  # as many digits as the JSON reader of tokenizers takes without loss
        vocab = [(token, min(rounded)) for token in reserved] + list(zip(pieces, rounded, strict=True))
        model = models.Unigram(vocab, unk_id=reserved.index(UNK), byte_fallback=self.byte_fallback)
        decoder = [decoders.ByteFallback(), decoders.Fuse(), splitting.without_first_space()]
        return assemble(self, model, normalizer=normalizer, pre_tokenizer=splitter, decoder=decoder)


def seed_pieces(words: Counter[str], alphabet: list[str], limit: int) -> dict[str, int]:
    """Piece -> frequency: the alphabet first, then the `limit` parts of words, seen at least twice, that cover most text (frequency x length)."""
    known = set(alphabet)
    found: dict[str, int] = {}
    shorter = set(alphabet)
    for length in range(2, _LONGEST_PIECE + 1):
        counts: Counter[str] = Counter()
        for word, n in words.items():
            for i in range(len(word) - length + 1):
                part = word[i : i + length]
                if part[1:] in shorter and part[:-1] in shorter:  # what is frequent consists of what is frequent
                    counts[part] += n
        shorter = {part for part, n in counts.items() if n > 1}
        if not shorter:
            break
        found |= {part: counts[part] for part in shorter}
    ranked = sorted(found, key=lambda part: (-found[part] * len(part), part))
    singles: Counter[str] = Counter()
    for word, n in words.items():
        for c in word:
            if c in known:
                singles[c] += n
    return {c: singles[c] for c in alphabet} | {part: found[part] for part in ranked[:limit]}


def learn(words: Counter[str], seeds: dict[str, int], n_characters: int, size: int) -> tuple[list[str], Floats]:
    """The `size` pieces that stay, and their log-probabilities, best first; the first `n_characters` of `seeds` always stay."""
    known = set(list(seeds)[:n_characters])
    counts: Counter[str] = Counter()
    for word, n in words.items():
        for i in range(0, len(word), _LONGEST_WORD):
            counts[word[i : i + _LONGEST_WORD]] += n
    texts = sorted(word for word in counts if known.issuperset(word))
    weights = np.array([counts[word] for word in texts], dtype=np.float64)
    pieces = list(seeds)
    index = {piece: i for i, piece in enumerate(pieces)}
    texts_lattice, pieces_lattice = Lattice(texts, index), Lattice(pieces, index, whole=False)
    log_p = _log_probabilities(np.array(list(seeds.values()), dtype=np.float64))
    alive = np.arange(len(pieces))  # the pieces that are left, by their index among the seeds
    while True:
        for _ in range(2):
            expected = texts_lattice.expected(log_p, weights)
            log_p = _log_probabilities(expected)
        if len(alive) == size:
            break
        loss = _loss(texts_lattice, pieces_lattice, log_p, weights, alive)
        loss[:n_characters] = np.inf
        n_left = max(size, int(_SHRINK * len(alive)))
        left = np.sort(np.lexsort((np.arange(len(loss)), -expected, -loss))[:n_left])
        new_index = np.full(len(alive), -1, dtype=np.int64)
        new_index[left] = np.arange(n_left)
        texts_lattice.keep(new_index)
        pieces_lattice.keep(new_index)
        alive, log_p = alive[left], log_p[left]
    order = sorted(range(size), key=lambda i: (-log_p[i], pieces[alive[i]]))
    return [pieces[alive[i]] for i in order], log_p[order]


def _loss(texts: Lattice, pieces: Lattice, log_p: Floats, weights: Floats, alive: Ints) -> Floats:
    """How much less probable the texts become without each piece, [P]: every use of it is replaced by the best other way to cut it."""
    used = np.zeros(len(log_p))
    for words, piece in texts.best(log_p):
        used += np.bincount(piece, weights[words], minlength=len(log_p))
    total = used.sum()
    place = np.full(pieces.first.shape, -1, dtype=np.int64)  # index among the seeds -> among those that are left
    place[alive] = np.arange(len(alive))
    n_parts, log_parts = np.zeros(len(log_p)), np.zeros(len(log_p))
    for seed, part in pieces.best(log_p):
        left = place[seed] >= 0
        whole, part = place[seed][left], part[left]
        n_parts[whole] += 1
        log_parts[whole] += np.log(np.maximum(used[part] + used[whole], 1e-9))
    with np.errstate(divide="ignore", invalid="ignore"):
        before = np.log(used) - np.log(total)
        after = log_parts - n_parts * np.log(total + used * (n_parts - 1))
        loss = used / total * (before - after)
    return np.where(used > 0, loss, 0.0)


def _log_probabilities(counts: Floats) -> Floats:
    """Log-probabilities from counts; the digamma function instead of the logarithm makes rare pieces rarer still, as a sparse prior does."""
    counts = np.maximum(counts, 0.5)
    return _digamma(counts) - _digamma(counts.sum(keepdims=True))


def _digamma(x: Floats) -> Floats:
    """Derivative of log gamma, for x > 0: shifted above 6, where its asymptotic series is exact to 1e-10."""
    shift = np.zeros_like(x)
    x = x.copy()
    for _ in range(6):
        small = x < 6
        shift = np.where(small, shift - 1 / x, shift)
        x = np.where(small, x + 1, x)
    inverse = 1 / (x * x)
    return shift + np.log(x) - 0.5 / x - inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse / 240)))
