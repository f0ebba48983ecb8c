"""What losses over a vocabulary share: their sums, the rows that count, and the portions in which logits are made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.batch import Batch
from anyformer.model.model import Output
from anyformer.parts.auxiliary import summary

BLOCK_BYTES = 16 * 2**20  # of logits at a time: enough rows for fast products
CHUNK_BYTES = 4 * 2**20  # of fp32 probabilities at a time: few enough for the caches


class Loss(NamedTuple):
    """Sums over the targets that count; divide by `weight` for means."""

    total: Tensor  # scalar, differentiable: smoothed, with the z-loss and R-Drop's divergence
    nats: Tensor  # scalar: -log p of the targets
    weight: Tensor  # scalar: sum of the targets' weights
    experts: Tensor | None = None  # [3]: `parts.auxiliary.summary` of layers with experts


def counted(hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """The rows of `hidden` [..., B T, D] whose targets count, those targets [R], and their weights [R] in fp32."""
    if batch.targets is None:
        raise ValueError("a loss needs a batch with targets")
    targets = batch.targets.flatten()
    weights = torch.ones(targets.shape, device=hidden.device) if batch.weights is None else batch.weights.flatten().float()
    if batch.weights is not None and hidden.device.type == "cpu":  # elsewhere the shape must not depend on data
        rows = weights.nonzero().squeeze(1)
        if len(rows) < len(weights):
            return hidden.index_select(-2, rows), targets[rows], weights[rows]
    return hidden, targets, weights


def with_experts(loss: Loss, output: Output) -> Loss:
    """The losses of experts, which are means, added once for each target."""
    if not output.aux:
        return loss
    return loss._replace(total=loss.total + loss.weight * torch.stack([aux.loss for aux in output.aux]).sum(), experts=summary(output.aux))


def blocks(rows: int, row_bytes: int) -> Iterator[slice]:
    """All rows, in even portions whose logits are multiplied out at once."""
    return _portions(rows, BLOCK_BYTES // row_bytes)


def chunks(rows: int, row_bytes: int) -> Iterator[slice]:
    """The rows of a block, in even portions whose probabilities stay in the caches."""
    return _portions(rows, CHUNK_BYTES // row_bytes)


def _portions(rows: int, most: int) -> Iterator[slice]:
    count = max(1, math.ceil(rows / max(16, most)))
    for i in range(count):
        yield slice(rows * i // count, rows * (i + 1) // count)


def log_normaliser(logits: Tensor, p_target: Tensor, target_logit: Tensor) -> Tensor:
    """log sum exp of each row: from the target's probability where that has not underflowed, which saves a pass."""
    if logits.device.type == "cpu" and bool((p_target > 1e-30).all()):
        return target_logit - p_target.log()
    return torch.logsumexp(logits.float(), -1)
