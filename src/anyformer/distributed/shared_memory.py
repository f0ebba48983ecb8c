"""Sums over the processes of one machine, through memory that all of them see."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

_FOLDER = Path("/dev/shm")  # files in memory; Linux
_CAPACITY = 1 << 23  # elements that a process lays down at a time: 32 MiB


class SharedMemory:
    """A slot for each process, which it writes and all read.

    `torch.distributed` sends what is summed through the network's code, also on one machine: 24 ms for 2.5 million gradients, 13 this way (a noisy machine;
    a training step of 0.4 seconds gained 3 %).
    """

    def __init__(self, rank: int, slots: Tensor, wait: Callable[[], None]):
        self._rank, self._slots, self._wait = rank, slots, wait

    @classmethod
    def make(cls, rank: int, size: int, share: Callable[[str | None], str | None], wait: Callable[[], None]) -> SharedMemory | None:
        """Called by all processes at once; None in all where this machine has no such memory, or not enough.

        Args:
            share: gives all processes the first one's value.
            wait: returns when all processes have come here.
        """
        path = share(_reserve(4 * size * _CAPACITY) if rank == 0 else None)
        if path is None:
            return None
        try:
            slots = torch.from_file(path, shared=True, size=size * _CAPACITY).view(size, _CAPACITY)
            wait()
        finally:
            if rank == 0:
                os.unlink(path)  # it lives as long as those who have it open
        return cls(rank, slots, wait)

    @torch.no_grad()
    def sum(self, tensors: list[Tensor]) -> None:
        """Replaces each tensor (fp32, contiguous, on the host) by its sum over the processes; the same to the last bit in all."""
        for parts in _portions([t.view(-1) for t in tensors]):
            sizes = [len(part) for part in parts]
            slots = [list(slot[: sum(sizes)].split(sizes)) for slot in self._slots]
            torch._foreach_copy_(slots[self._rank], parts)
            self._wait()
            torch._foreach_copy_(parts, slots[0])
            for slot in slots[1:]:
                torch._foreach_add_(parts, slot)
            self._wait()  # nobody writes while another still reads


def fits(tensors: list[Tensor]) -> bool:
    return all(t.dtype == torch.float32 and t.device.type == "cpu" and t.is_contiguous() for t in tensors)


def _portions(flat: list[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in order, cut where they fill the slots."""
    portion: list[Tensor] = []
    room = _CAPACITY
    for tensor in flat:
        while len(tensor):
            portion.append(tensor[:room])
            tensor = tensor[room:]
            room -= len(portion[-1])
            if not room:
                yield portion
                portion, room = [], _CAPACITY
    if portion:
        yield portion


def _reserve(size: int) -> str | None:
    """A file of so many bytes; memory that is only promised would end the process when it is written to."""
    try:
        handle, path = tempfile.mkstemp(prefix="anyformer-", dir=_FOLDER)
    except OSError:
        return None
    try:
        os.posix_fallocate(handle, 0, size)
    except (AttributeError, OSError):
        os.unlink(path)
        return None
    finally:
        os.close(handle)
    return path
