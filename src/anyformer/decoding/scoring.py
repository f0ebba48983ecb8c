"""Forced decoding: what a model thinks of translations that are given.

B pairs, T positions of the longest target and its end, D model width, V vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

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
    ).to(device)
    output = model(batch)
    real = (torch.ones_like(tokens) if segments is None else segments).to(device).bool()  # [B, T]
    hidden, ids = output.hidden[real], wanted.to(device)[real]  # [N, D], [N]
    parts = [-torch.nn.functional.cross_entropy(output.head(h).float(), i, reduction="none") for h, i in zip(hidden.split(ROWS), ids.split(ROWS), strict=True)]
    by_pair = torch.cat(parts).split([len(t) + 1 for t in targets])
    return [Score(sum(values), len(values), tuple(values)) for values in (part.tolist() for part in by_pair)]
