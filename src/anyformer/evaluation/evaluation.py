"""`evaluate`: a translator put to the test on pairs of texts, and what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from anyformer.decoding import Translator
from anyformer.errors import InputError
from anyformer.evaluation import metrics
from anyformer.evaluation.config import EvaluateConfig
from anyformer.evaluation.metrics import Metric

Pair = tuple[str, str]
Loss = Callable[[Sequence[Pair]], tuple[float, int]]
"""Pairs -> (sum of -log p of the target tokens in nats, how many tokens); end of sentence counted."""


@dataclass(frozen=True)
class Evaluation:
    """What a translator did on a set of pairs. Printable; `to_dict` for JSON."""

    metrics: tuple[Metric, ...]
    pairs: tuple[Pair, ...]
    translations: tuple[str, ...]
    tokens: int  # written, ends of sentences included
    seconds: float  # of translating; metrics and perplexity not included
    config: EvaluateConfig
    indices: tuple[int, ...]  # of `pairs` among those that were given
    given: int  # pairs that were given
    empty: int = 0  # of these, left out because a side is empty

    @property
    def aligned(self) -> list[str]:
        """A translation for each pair that was given, in their order; empty for those that were left out."""
        made = dict(zip(self.indices, self.translations, strict=True))
        return [made.get(i, "") for i in range(self.given)]

    def __getitem__(self, name: str) -> float:
        """The score of a metric by its short name: bleu, chrf, exact_match, perplexity, bleu_moses."""
        return self.scores[name]

    @property
    def scores(self) -> dict[str, float]:
        return {SHORT[m.name]: m.score for m in self.metrics}

    @property
    def sentences_per_second(self) -> float:
        return len(self.pairs) / self.seconds

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain data: sentences, each metric with its score and signature, speed and search; not the texts."""
        return {
            "sentences": len(self.pairs),
            "left_out": {"empty": self.empty},
            "metrics": {SHORT[m.name]: {"score": m.score} | ({"signature": m.signature} if m.signature else {}) for m in self.metrics},
            "speed": {"seconds": self.seconds, "sentences_per_second": self.sentences_per_second, "tokens_per_second": self.tokens_per_second},
            "search": self.config.search.to_dict(),
        }

    def __str__(self) -> str:
        rows = [("sentences", f"{len(self.pairs):,}", f"{self.empty:,} more left out: a side is empty" if self.empty else "")]
        rows += [(m.name, f"{m.score:.2f}{' ' + m.unit if m.unit else ''}", m.signature) for m in self.metrics]
        rows += [("speed", f"{self.sentences_per_second:,.1f} sentences/s", f"{self.tokens_per_second:,.0f} tokens/s, beam {self.config.search.beam}")]
        name, value = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{row[0]:<{name}}  {row[1]:<{value}}  {row[2]}".rstrip() for row in rows)


SHORT = {
    "BLEU": "bleu",
    "chrF": "chrf",
    "exact match": "exact_match",
    "perplexity": "perplexity",
    "BLEU, lower-cased Moses tokens": "bleu_moses",
}


def evaluate(
    translator: Translator,
    pairs: Sequence[Pair],
    config: EvaluateConfig,
    *,
    target_language: str = "",
    lowercased: bool = False,
    loss: Loss | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Translates the sources of `pairs` and compares with their targets.

    Args:
        target_language: its code (`fr`); chooses how BLEU cuts words.
        lowercased: the model writes lower case: scores ignore case, and BLEU over Moses' tokens is added.
        loss: for the perplexity; None: the translator's own scores, pairs above its limit left out.
        progress: called with (pieces done, pieces in all).

    Raises:
        InputError: there are no pairs.
    """
    indices = spread(len(pairs), config.max_sentences)
    chosen = [pairs[i] for i in indices]
    if not chosen:
        raise InputError("there is nothing to evaluate on: no sentence pairs")
    references = [target for _, target in chosen]
    started = time.perf_counter()
    sources = [source for source, _ in chosen]
    made = translator.translate(sources, config.search, batch_size=config.batch_size, sentences_apart=False, progress=progress)
    seconds = time.perf_counter() - started
    texts = [t.text for t in made]
    found = []
    if "bleu" in config.metrics:
        found.append(metrics.bleu(texts, references, target_language, config.bleu_tokenizer, lowercased))
        if lowercased and metrics.main_language(target_language) not in metrics.WITHOUT_SPACES:
            found.append(metrics.moses_bleu(texts, references, target_language))
    if "chrf" in config.metrics:
        found.append(metrics.chrf(texts, references, lowercased))
    if "exact_match" in config.metrics:
        found.append(metrics.exact_match(texts, references, translator.target_tokenizer.normalize))
    if "perplexity" in config.metrics:
        found += _perplexity(*(loss or _scores_of(translator, config.batch_size))(chosen))
    tokens = sum(len(t.ids) + 1 for t in made)
    return Evaluation(tuple(found), tuple(chosen), tuple(texts), tokens, seconds, config, tuple(indices), len(pairs))


def spread(n: int, most: int | None) -> Sequence[int]:
    """At most `most` of n numbers, evenly over all: files are often sorted by something."""
    return range(n) if most is None or n <= most else [i * n // most for i in range(most)]


def _perplexity(nats: float, tokens: int) -> list[Metric]:
    return [Metric("perplexity", math.exp(min(nats / tokens, 700.0)), "", f"over {tokens:,} target tokens")] if tokens else []


def _scores_of(translator: Translator, batch_size: int) -> Loss:
    def loss(pairs: Sequence[Pair]) -> tuple[float, int]:
        short = [pair for pair, fits in zip(pairs, translator.can_score(pairs), strict=True) if fits]
        scores = translator.score(short, batch_size=batch_size)
        return -sum(s.log_prob for s in scores), sum(s.n_tokens for s in scores)

    return loss
