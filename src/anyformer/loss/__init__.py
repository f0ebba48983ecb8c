"""From hidden states to the number that is made small: cross-entropy over the vocabulary, with or without R-Drop."""

from __future__ import annotations

from collections.abc import Callable

from anyformer.batch import Batch
from anyformer.loss.cross_entropy import cross_entropy
from anyformer.loss.r_drop import r_drop
from anyformer.loss.rows import Loss
from anyformer.model.model import Output

__all__ = ["Loss", "cross_entropy", "r_drop", "training_loss"]


def training_loss(forward: Callable[[Batch], Output], batch: Batch, label_smoothing: float = 0.0, z_loss: float = 0.0, alpha: float = 0.0) -> Loss:
    """What a training step makes small; `alpha` above 0 asks for R-Drop."""
    if alpha:
        return r_drop(forward, batch, alpha, label_smoothing, z_loss)
    return cross_entropy(forward(batch), batch, label_smoothing, z_loss)
