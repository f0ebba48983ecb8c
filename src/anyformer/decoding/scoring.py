"""Forced decoding: what a model thinks of translations that are given.

B pairs, T positions of the longest target and its end, D model width, V vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Batch, pad
from anyformer.decoding.hypothesis import Special

ROWS = 512
"""Positions whose logits stand in memory at once."""


class Score(NamedTuple):
    """Of one target; all logarithms natural."""

    log_prob: float  # sum over its tokens, end of sentence included
    n_tokens: int  # end of sentence included
    token_log_probs: tuple[float, ...]  # each token's, the end of sentence last


def score_batch(model: Any, sources: list[list[int]], targets: list[list[int]], special: Special, device: torch.device) -> list[Score]:
    """Scores targets (ids without special ones) given sources (ids with their end of sentence), all of them at once."""
    batch, wanted, real = (_after_prompts if getattr(model, "encoder", model) is None else _over_sources)(sources, targets, special)
    output = model(batch.to(device))
    hidden, ids = output.hidden[real.to(device)], wanted.to(device)[real.to(device)]  # [N, D], [N]
    parts = [-torch.nn.functional.cross_entropy(output.head(h).float(), i, reduction="none") for h, i in zip(hidden.split(ROWS), ids.split(ROWS), strict=True)]
    by_pair = torch.cat(parts).split([len(t) + 1 for t in targets])
    return [Score(sum(values), len(values), tuple(values)) for values in (part.tolist() for part in by_pair)]


def _over_sources(sources: list[list[int]], targets: list[list[int]], special: Special) -> tuple[Batch, Tensor, Tensor]:
    """The batch, what is wanted at each position [B, T], and where [B, T]."""
    tokens, segments = pad([[special.bos, *ids] for ids in targets], special.pad)
    wanted, _ = pad([[*ids, special.eos] for ids in targets], special.pad)
    source, source_segments = pad(sources, special.pad)
    batch = Batch(
        tokens=tokens,
        segments=segments,
        padding="none" if segments is None else "right",
        source=source,
        source_segments=source_segments,
        source_padding="none" if source_segments is None else "right",
    )
    return batch, wanted, (torch.ones_like(tokens) if segments is None else segments).bool()


def _after_prompts(sources: list[list[int]], targets: list[list[int]], special: Special) -> tuple[Batch, Tensor, Tensor]:
    """The same for a decoder that has each source before its target."""
    tokens, segments = pad([[*s, *t] for s, t in zip(sources, targets, strict=True)], special.pad)
    wanted, _ = pad([[*s[1:], *t, special.eos] for s, t in zip(sources, targets, strict=True)], special.pad)
    begins = torch.tensor([len(s) for s in sources]).unsqueeze(1)
    ends = torch.tensor([len(s) + len(t) for s, t in zip(sources, targets, strict=True)]).unsqueeze(1)
    at = torch.arange(tokens.shape[1])
    batch = Batch(tokens=tokens, segments=segments, prefix=at < begins, padding="none" if segments is None else "right")
    return batch, wanted, (at >= begins - 1) & (at < ends)
