"""BPE-dropout: a word is cut anew each time it is seen, because some merges are left out at random (Provilkov et al. 2020, arXiv:1910.13267, section 3.1).

What is cut anew are ids, not texts, so nothing need be normalised or split again. Joined, the pieces are the same text.
"""

from __future__ import annotations

import functools
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

from anyformer.errors import ConfigError, Problem
from anyformer.text.tokenizer import Tokenizer

WAYS = 16  # ways to cut a word, drawn once each
_REMEMBERED = 1 << 18  # cut words that are held, some 90 MB
_SPACES = (" ", "Ġ", "▁")  # how pieces write the space that begins a word

Ids = tuple[int, ...]


class BpeDropout:
    """Cuts ids of one tokenizer anew; the same seed gives the same ways on every machine.

    Args:
        share: probability with which each possible merge is left out at each step; 0 gives what `Tokenizer.encode` gives.

    Raises:
        ConfigError: `share` is not in 0 to below 1, or the tokenizer joins no pairs.
    """

    def __init__(self, tokenizer: Tokenizer, share: float, seed: int):
        if not 0 <= share < 1:
            raise ConfigError(Problem("bpe_dropout", f"must be at least 0 and below 1; got {share}"))
        model = json.loads(tokenizer.backend.to_str())["model"]
        if not model.get("merges"):
            kind = tokenizer.scheme.kind() if tokenizer.scheme else model["type"]
            way = "raise tokenizer.vocab_size" if "BPE" in kind else "tokenizer.kind to BPE"
            raise ConfigError(Problem("bpe_dropout", f"leaves out merges of BPE, and the tokenizer {kind} has none; set it to 0, or {way}"))
        vocab = model["vocab"]
        self._share = share
        self._seed = seed
        self._merges: dict[tuple[int, int], tuple[int, int]] = {}  # two neighbours -> (rank, what they become)
        self._made_of: dict[int, tuple[int, int]] = {}
        for rank, merge in enumerate(model["merges"]):
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            pair, whole = (vocab[left], vocab[right]), vocab[left + right]
            self._merges.setdefault(pair, (rank, whole))
            self._made_of.setdefault(whole, pair)
        joined = {id for pair in self._merges for id in pair} | set(self._made_of)
        self._first = {id for piece, id in vocab.items() if piece.startswith(_SPACES)} | (set(range(tokenizer.vocab_size)) - joined)
        self._cut = functools.lru_cache(_REMEMBERED)(self._cut_anew)

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which remembers its own words."""
        return {name: value for name, value in vars(self).items() if name != "_cut"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._cut = functools.lru_cache(_REMEMBERED)(self._cut_anew)

    def resample(self, ids: Sequence[int], ways: Sequence[int]) -> list[int]:
        """The text of `ids` in other pieces; `ways`: a number for each word (further ones are passed over), which decides how it is cut."""
        return list(itertools.chain.from_iterable(self._cut(word, way % WAYS) for word, way in zip(self._words(ids), ways, strict=False)))

    def _words(self, ids: Sequence[int]) -> Iterator[Ids]:
        """Parts across whose borders no pair is ever joined."""
        starts = [i for i, id in enumerate(ids) if id in self._first and i]
        return (tuple(ids[a:b]) for a, b in itertools.pairwise([0, *starts, len(ids)]))

    def _cut_anew(self, word: Ids, way: int) -> Ids:
        """Section 3.1: merges in the order in which they were learned, each possible one left out with `share` at every step."""
        chance = random.Random(f"{self._seed} {way} {word}").random  # the same numbers in every version of Python
        pieces = list(itertools.chain.from_iterable(map(self._characters, word)))
        while True:
            possible = [(*merge, at) for at, pair in enumerate(itertools.pairwise(pieces)) if (merge := self._merges.get(pair)) and chance() >= self._share]
            if not possible:
                return tuple(pieces)
            _, whole, at = min(possible)
            pieces[at : at + 2] = [whole]

    def _characters(self, id: int) -> list[int]:
        """What a piece was joined from, down to what was never joined."""
        if id not in self._made_of:
            return [id]
        left, right = self._made_of[id]
        return self._characters(left) + self._characters(right)
