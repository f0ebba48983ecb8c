"""What a search finds: `Hypothesis`, and `Finished`, which gathers them while sentences leave the batch."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Special(NamedTuple):
    """Ids that mean something to the search."""

    pad: int = 0
    bos: int = 1
    eos: int = 2
    unk: int = 3


SPECIAL = Special()


class Hypothesis(NamedTuple):
    """A finished token sequence."""

    ids: tuple[int, ...]  # neither begin nor end of sentence
    log_prob: float  # natural logarithm; end of sentence counted
    score: float  # log_prob / (len(ids) + 1)**length_penalty


class Finished:
    """Hypotheses of sentences that left the batch; read from the device once, at the end."""

    def __init__(self, n_sentences: int):
        self.n_sentences = n_sentences
        self._parts: list[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]] = []

    def add(self, sentences: Tensor, ids: Tensor, lengths: Tensor, log_probs: Tensor, scores: Tensor) -> None:
        """Args: sentences [D], ids [D, N, L], lengths, log_probs and scores [D, N], best first."""
        self._parts.append((sentences, ids, lengths, log_probs, scores))

    def hypotheses(self) -> list[list[Hypothesis]]:
        """For each sentence its hypotheses, best first; those that the constraints made impossible are left out, but the first."""
        found: list[list[Hypothesis]] = [[] for _ in range(self.n_sentences)]
        for part in self._parts:
            for sentence, *ranked in zip(*(t.tolist() for t in part), strict=True):
                all_of_it = [Hypothesis(tuple(ids[:n]), log_prob, score) for ids, n, log_prob, score in zip(*ranked, strict=True)]
                found[sentence] = [h for i, h in enumerate(all_of_it) if i == 0 or h.log_prob != float("-inf")]
        return found
