"""The unigram trainer against plain enumeration of all the ways to cut a word."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from text_examples import CORPUS

from anyformer.text import Unigram
from anyformer.text.lattice import Lattice
from anyformer.text.unigram import _digamma, seed_pieces

PIECES = {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "abc": 5, "ca": 6}
LOG_P = np.log(np.array([0.2, 0.15, 0.1, 0.2, 0.1, 0.05, 0.2]))
WORDS = ["abc", "abcab", "c", "bca", "aaaa"]
WEIGHTS = np.array([3.0, 1.0, 2.0, 5.0, 1.0])


def cuts(word: str) -> Iterator[list[str]]:
    if not word:
        yield []
    for end in range(1, len(word) + 1):
        if word[:end] in PIECES:
            yield from ([word[:end], *rest] for rest in cuts(word[end:]))


def log_p(cut: list[str]) -> float:
    return float(sum(LOG_P[PIECES[piece]] for piece in cut))


def test_expected_counts_are_those_of_enumeration() -> None:
    expected = np.zeros(len(PIECES))
    for word, weight in zip(WORDS, WEIGHTS, strict=True):
        total = sum(math.exp(log_p(cut)) for cut in cuts(word))
        for cut in cuts(word):
            for piece in cut:
                expected[PIECES[piece]] += weight * math.exp(log_p(cut)) / total
    np.testing.assert_allclose(Lattice(WORDS, PIECES).expected(LOG_P, WEIGHTS), expected, rtol=1e-12)


@pytest.mark.parametrize("whole", [True, False])
def test_best_cuts_are_those_of_enumeration(whole: bool) -> None:
    found: list[list[int]] = [[] for _ in WORDS]
    for words, pieces in Lattice(WORDS, PIECES, whole=whole).best(LOG_P):
        for word, piece in zip(words, pieces, strict=True):
            found[word].insert(0, int(piece))
    for word, cut in zip(WORDS, found, strict=True):
        candidates = [c for c in cuts(word) if whole or len(c) > 1]
        assert cut == ([PIECES[piece] for piece in max(candidates, key=log_p)] if candidates else [])


def test_dropping_pieces_is_building_without_them() -> None:
    lattice = Lattice(WORDS, PIECES)
    lattice.keep(np.array([0, 1, 2, -1, 3, -1, 4]))
    left = LOG_P[[0, 1, 2, 4, 6]]
    fresh = Lattice(WORDS, {"a": 0, "b": 1, "c": 2, "bc": 3, "ca": 4})
    np.testing.assert_array_equal(lattice.expected(left, WEIGHTS), fresh.expected(left, WEIGHTS))


def test_seeds_are_the_frequent_parts_of_words() -> None:
    seeds = seed_pieces(Counter({"abab": 1, "cab": 2, "xyz": 1}), ["a", "b", "c"], limit=10)
    assert seeds == {"a": 4, "b": 4, "c": 2, "ab": 4, "cab": 2, "ca": 2}
    assert list(seed_pieces(Counter({"abab": 1, "cab": 2}), ["a", "b", "c"], limit=1)) == ["a", "b", "c", "ab"]


def test_digamma() -> None:
    euler = 0.5772156649015329
    x = np.array([0.5, 1.0, 2.0, 10.0])
    harmonic = -euler + sum(1 / k for k in range(1, 10))
    np.testing.assert_allclose(_digamma(x), [-euler - 2 * math.log(2), -euler, 1 - euler, harmonic], atol=1e-9)


def test_stems_and_endings_are_found() -> None:
    """Of all the parts of words, those stay that the words were made of."""
    stems, endings = ["walk", "jump", "talk", "play", "paint", "clean"], ["ing", "ed", "er", "able"]
    corpus = [stem + ending for stem, ending in itertools.product(stems, endings)]  # each once, so that no word is itself a seed
    n_characters = len(set(" ".join(corpus)))
    tokenizer = Unigram(vocab_size=4 + 256 + n_characters + len(stems) + len(endings)).train(corpus)
    learned = {tokenizer.token(i) for i in range(260, len(tokenizer)) if len(tokenizer.token(i)) > 1}
    assert learned == {" " + stem for stem in stems} | set(endings)
    assert tokenizer.pieces(tokenizer.encode("cleaning painter")) == ["▁clean", "ing", "▁paint", "er"]


def test_scores_are_log_probabilities() -> None:
    backend = json.loads(Unigram(vocab_size=400).train(CORPUS).to_json())["model"]["vocab"]
    scores = [score for _, score in backend[260:]]
    assert scores == sorted(scores, reverse=True) and max(scores) < 0
    assert 0.5 < sum(map(math.exp, scores)) < 1.0
