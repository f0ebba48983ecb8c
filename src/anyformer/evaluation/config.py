"""The recipe's section `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from anyformer.decoding import SearchConfig
from anyformer.spec import Spec, spec

MetricName = Literal["bleu", "chrf", "exact_match", "perplexity"]


@spec
class EvaluateConfig(Spec):
    """How translations are made and judged."""

    search: SearchConfig = SearchConfig(beam=5)
    metrics: tuple[MetricName, ...] = ("bleu", "chrf", "exact_match", "perplexity")
    bleu_tokenizer: Literal["13a", "intl", "zh", "char", "none"] | None = None  # sacreBLEU's; None: by the target language
    max_sentences: int | None = None  # at most this many pairs, spread evenly over the split; None: all
    batch_size: int = 32  # sentences searched at once
    samples: int = 5  # translations shown as training goes on

    def problems(self) -> Iterator[tuple[str, str]]:
        if not self.metrics:
            yield "metrics", "name at least one of bleu, chrf, exact_match, perplexity"
        for name, least in (("max_sentences", 1), ("batch_size", 1), ("samples", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                yield name, f"must be at least {least}, got {value}"
        if self.search.samples and self.search.n_best > 1:
            yield "search.n_best", "an evaluation judges one translation a sentence: set it to 1"
