"""Data parallelism: gradients and counts summed over the processes, in a few large messages."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from anyformer.distributed.shared_memory import fits
from anyformer.distributed.world import World

_BUCKET = 1 << 23  # elements: 32 MiB in fp32, where all-reduce reaches its bandwidth


def sum_gradients(parameters: Iterable[nn.Parameter], world: World) -> None:
    """Replaces each gradient by its sum over the processes.

    A parameter that had no part in this process's rows counts as zero, so that all send the same message.
    """
    if world.size == 1:
        return
    gradients = []
    for p in parameters:
        if p.requires_grad:
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
            gradients.append(p.grad)
    sum_tensors(gradients, world)


def sum_tensors(tensors: list[Tensor], world: World) -> None:
    """Replaces each tensor by its sum over the processes, which must all hand over the same ones."""
    if world.size == 1 or not tensors:
        return
    if world.memory is not None and fits(tensors):
        world.memory.sum(tensors)
        return
    for bucket in _buckets(tensors):
        flat = torch.cat([t.reshape(-1) for t in bucket])
        dist.all_reduce(flat)
        parts = flat.split([t.numel() for t in bucket])
        torch._foreach_copy_(bucket, [part.view_as(t) for part, t in zip(parts, bucket, strict=True)])


def _buckets(tensors: list[Tensor]) -> Iterable[list[Tensor]]:
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and (size + tensor.numel() > _BUCKET or tensor.dtype != bucket[0].dtype or tensor.device != bucket[0].device):
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.numel()
    if bucket:
        yield bucket
