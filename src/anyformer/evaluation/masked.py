"""`evaluate_masked`: how well an encoder alone finds the words that are hidden from it (Devlin et al. 2019, section 3.1).

M tokens to be found, D model width, V vocabulary.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from anyformer.data import TokenizedPairs, evaluation_batches
from anyformer.data.objectives import BoundObjective
from anyformer.decoding.translator import ready
from anyformer.errors import InputError
from anyformer.evaluation.evaluation import Pair, spread

ROWS = 512
"""Positions whose logits stand in memory at once."""

LEFT_OUT = "an encoder alone writes no text, so there is no BLEU, chrF or exact match; its measure is the hidden words"


@dataclass(frozen=True)
class MaskedEvaluation:
    """What an encoder made of hidden words. Printable; `to_dict` for JSON."""

    sentences: int  # pairs, two texts each
    nats: float  # sum of -log p of the tokens that were to be found
    found: int  # of these, how many the model thinks the most probable
    tokens: int  # that were to be found: hidden, exchanged, or left as they were
    seconds: float
    seed: int  # of what was hidden
    cut: int = 0  # pairs that were longer than the model takes at once
    empty: int = 0  # left out because a side is empty

    @property
    def scores(self) -> dict[str, float]:
        """loss (nats a token), perplexity (its exp) and accuracy (in %)."""
        loss = self.nats / self.tokens
        return {"loss": loss, "perplexity": math.exp(min(loss, 700.0)), "accuracy": 100 * self.found / self.tokens}

    def __getitem__(self, name: str) -> float:
        return self.scores[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "sentences": self.sentences,
            "left_out": {"empty": self.empty, "metrics": LEFT_OUT},
            "cut": self.cut,
            "hidden": {"tokens": self.tokens, "seed": self.seed},
            "metrics": {name: {"score": score} for name, score in self.scores.items()},
            "speed": {"seconds": self.seconds, "sentences_per_second": self.sentences / self.seconds},
        }

    def __str__(self) -> str:
        scores, more = self.scores, [f"{n:,} {what}" for n, what in ((self.empty, "more left out: a side is empty"), (self.cut, "cut")) if n]
        rows = [
            ("sentences", f"{self.sentences:,}", ", ".join(more)),
            ("loss", f"{scores['loss']:.4f}", f"nats a token, over {self.tokens:,} hidden tokens, drawn with seed {self.seed}"),
            ("perplexity", f"{scores['perplexity']:.2f}", ""),
            ("accuracy", f"{scores['accuracy']:.2f} %", "hidden tokens that the model thinks the most probable"),
            ("speed", f"{self.sentences / self.seconds:,.1f} sentences/s", ""),
        ]
        name, value = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join([*(f"{row[0]:<{name}}  {row[1]:<{value}}  {row[2]}".rstrip() for row in rows), f"({LEFT_OUT})"])


def evaluate_masked(
    model: Any,
    objective: BoundObjective,
    pairs: Sequence[Pair],
    *,
    batch_tokens: int,
    max_sentences: int | None = None,
    seed: int = 0,
    precision: Literal["fp32", "bf16"] = "fp32",
    progress: Callable[[int, int], None] | None = None,
) -> MaskedEvaluation:
    """Hides words of `pairs` as training does, and looks how well the model finds them.

    What is hidden is a function of the texts, `batch_tokens` and `seed`, so figures repeat. With those of the recipe and seed 0 it is
    what is hidden of the validation pairs during training.

    Args:
        objective: a bound `MaskedLM`.
        batch_tokens: positions in a batch, padding included.
        max_sentences: at most so many pairs, spread over all.
        progress: called with (pairs done, pairs in all).

    Raises:
        InputError: there are no pairs.
    """
    if not pairs:
        raise InputError("there is nothing to evaluate on: no sentence pairs")
    tokenized = TokenizedPairs.build([pairs[i] for i in spread(len(pairs), max_sentences)], objective, "cut")
    device = next(model.parameters()).device
    nats, found, tokens, done, started = 0.0, 0, 0, 0, time.perf_counter()
    with ready(model, device, precision) as fast:
        for group in evaluation_batches(tokenized.lengths, batch_tokens):
            batch = objective.collate([tokenized[i] for i in group], seed).to(device)
            assert batch.targets is not None and batch.weights is not None
            output, chosen = fast(batch), batch.weights != 0
            for hidden, target in zip(output.hidden[chosen].split(ROWS), batch.targets[chosen].split(ROWS), strict=True):  # [M, D], [M]
                logits = output.head(hidden).float()  # [M, V]
                nats += float(torch.nn.functional.cross_entropy(logits, target, reduction="sum"))
                found += int((logits.argmax(-1) == target).sum())
                tokens += len(target)
            done += len(group)
            if progress is not None:
                progress(done, len(tokenized))
    return MaskedEvaluation(len(tokenized), nats, found, tokens, time.perf_counter() - started, seed, tokenized.report.cut)
