"""Sampling: tokens drawn by temperature, top-k and top-p (Holtzman et al. 2020), the same ones in whatever batch.

B sentences, V vocabulary, M candidates. A draw is a uniform number of the sentence's own stream, looked up in the
cumulated distribution.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from anyformer.decoding.context import device_of
from anyformer.decoding.greedy import Watch, walk
from anyformer.decoding.hypothesis import SPECIAL, Hypothesis, Special
from anyformer.decoding.search_config import SearchConfig
from anyformer.decoding.top import top_k

NUCLEUS = 256
"""How many of the most probable tokens are looked at before all are sorted for top-p."""


def sample(
    model: Any,
    memory: Any,
    limits: list[int],
    config: SearchConfig,
    names: Sequence[object],
    special: Special = SPECIAL,
    watch: Watch | None = None,
) -> list[list[Hypothesis]]:
    """Draws one hypothesis a sentence; arguments as of `walk`, and a name for each sentence from which, with the seed, its numbers follow."""
    device = device_of(memory) if device_of(memory).type != "mps" else torch.device("cpu")  # Apple's GPUs have no float64
    numbers = torch.tensor([uniform(config.seed, name, max(limits) + 1) for name in names], dtype=torch.float64, device=device)

    def choose(log_probs: Tensor, sentences: Tensor, t: int) -> Tensor:
        return draw(log_probs.to(device), numbers[sentences.to(device), t], config).to(log_probs.device)

    return walk(model, memory, limits, config, choose, special, watch)


def uniform(seed: int, name: object, n: int) -> list[float]:
    """The first n numbers in [0, 1) of the stream that belongs to (seed, name)."""
    stream = random.Random(f"{seed}/{name}")
    return [stream.random() for _ in range(n)]


def draw(log_probs: Tensor, numbers: Tensor, config: SearchConfig) -> Tensor:
    """A token [B] for each row of log_probs [B, V], by the uniform numbers [B]: temperature first, then top-k, then top-p."""
    scaled = log_probs / config.temperature
    vocabulary = scaled.shape[1]
    if config.top_k or config.top_p < 1:
        size = min(config.top_k or NUCLEUS, vocabulary)
        weights, columns = _candidates(scaled, size, exact=bool(config.top_k))
        if config.top_p < 1:
            if not config.top_k and size < vocabulary and bool((weights.sum(1) < config.top_p).any()):
                weights, columns = _candidates(scaled, vocabulary, exact=False)
            before = weights.cumsum(1) - weights
            weights = weights.masked_fill(before >= config.top_p, 0.0)
        return columns.gather(1, _pick(weights, numbers)).squeeze(1)
    return _pick(scaled.softmax(1).double(), numbers).squeeze(1)


def _candidates(scaled: Tensor, size: int, exact: bool) -> tuple[Tensor, Tensor]:
    """Probabilities and columns [B, M] of the most probable tokens; `exact`: they alone share the probability."""
    values, columns = top_k(scaled, size) if size < scaled.shape[1] else scaled.sort(1, descending=True)
    total = values if exact else scaled
    return (values - total.logsumexp(1, keepdim=True)).double().exp(), columns


def _pick(weights: Tensor, numbers: Tensor) -> Tensor:
    """The first place [B, 1] where the cumulated weights [B, M] exceed number * their sum."""
    cumulated = weights.cumsum(1)
    total = cumulated[:, -1:].contiguous()
    below = torch.nextafter(total, torch.zeros_like(total))  # rounding must not carry a draw past the last token that has any weight
    return torch.searchsorted(cumulated, torch.minimum(numbers.unsqueeze(1) * total, below), right=True)
