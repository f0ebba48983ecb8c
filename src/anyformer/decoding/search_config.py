"""`SearchConfig`: how a translation is looked for, as data."""

from __future__ import annotations

import math
from collections.abc import Iterator

from anyformer.spec import Spec, spec


@spec
class SearchConfig(Spec):
    """Greedy (`beam=1`), beam search, or sampling (`temperature` above 0).

    A hypothesis scores sum of log-probabilities / length**length_penalty; both count the end of sentence. A hypothesis
    that reaches its length limit is ended there, at the cost of an end of sentence.
    """

    beam: int = 1  # hypotheses kept at each step
    n_best: int = 1  # hypotheses handed back, best first; with sampling: draws
    length_penalty: float = 1.0  # 0: none; 1: score per token
    min_length: int = 1  # tokens, end of sentence not counted
    max_length: int = 512  # tokens, end of sentence not counted
    max_length_relative: tuple[float, float] = (2.0, 50.0)  # (a, b): at most a * source tokens + b as well
    repetition_penalty: float = 1.0  # above 1: logits of tokens already there are divided by it (multiplied where negative; Keskar et al. 2019, 4.1)
    no_repeat_ngram: int = 0  # no n-gram of this length twice; 0: allowed
    temperature: float = 0.0  # 0: the most probable token; above 0: tokens are drawn from softmax(logits / temperature)
    top_k: int = 0  # draw from the k most probable tokens; 0: from all
    top_p: float = 1.0  # draw from the fewest tokens that hold this much probability (Holtzman et al. 2020)
    seed: int = 0  # of the draws; each sentence has its own stream, whatever stands beside it

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in ("beam", "n_best", "max_length"):
            if getattr(self, name) < 1:
                yield name, f"must be at least 1, got {getattr(self, name)}"
        for name in ("min_length", "no_repeat_ngram", "top_k", "length_penalty", "temperature"):
            if getattr(self, name) < 0 or not math.isfinite(getattr(self, name)):
                yield name, f"must not be negative or infinite, got {getattr(self, name)}"
        if not (self.repetition_penalty > 0 and math.isfinite(self.repetition_penalty)):
            yield "repetition_penalty", f"must be above 0 (1: none), got {self.repetition_penalty}"
        if not 0 < self.top_p <= 1:
            yield "top_p", f"must be above 0 and at most 1, got {self.top_p}"
        if not all(math.isfinite(v) and v >= 0 for v in self.max_length_relative):
            yield "max_length_relative", f"must be two numbers that are not negative, got {self.max_length_relative}"
        if self.min_length > self.max_length:
            yield "min_length", f"{self.min_length} is above max_length, {self.max_length}"
        yield from self._misfits()

    def _misfits(self) -> Iterator[tuple[str, str]]:
        if self.temperature > 0:
            if self.beam > 1:
                yield "beam", f"{self.beam} does not go with temperature {self.temperature}: sampling keeps no beam (set beam to 1, or temperature to 0)"
            return
        for name, off in (("top_k", 0), ("top_p", 1.0)):
            if getattr(self, name) != off:
                yield name, "is for sampling: set temperature as well (1.0 draws from the model's own distribution)"
        if self.n_best > max(self.beam, 1):
            yield "n_best", f"{self.n_best} hypotheses need a beam of at least {self.n_best}, got {self.beam}"

    @property
    def samples(self) -> bool:
        return self.temperature > 0

    def limit(self, source_length: int) -> int:
        """The most tokens a translation of `source_length` tokens may have, end of sentence not counted."""
        a, b = self.max_length_relative
        return max(self.min_length, min(self.max_length, int(a * source_length + b)), 1)
