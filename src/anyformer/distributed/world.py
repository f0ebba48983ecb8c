"""The processes of a run, as `torchrun` describes them (`torchrun --nproc-per-node=2 -m anyformer train ...`) or as the run itself started them."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import torch
import torch.distributed as dist

from anyformer.distributed.shared_memory import SharedMemory
from anyformer.errors import InputError, Problem

# An evaluation or a save is done by the first process while the others wait.
_PATIENCE = datetime.timedelta(hours=2)
_MEETING = datetime.timedelta(minutes=2)
_LONG_PATIENCE = datetime.timedelta(days=30)


@dataclass(frozen=True)
class World:
    """This process's place among all. `World()` is one process alone, for which every sum is what it was."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # among the processes on this machine: which GPU is ours
    cores: int | None = None  # threads that this process may use while all others wait for it; None: no more than always
    led: bool = False  # whether the first process hears signals for this one too
    memory: SharedMemory | None = None  # through which processes of one machine sum

    @classmethod
    def join(cls, device: str = "cpu", environment: Mapping[str, str] = os.environ) -> World:
        """Joins the processes that torchrun started (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT); alone without it.

        Numbers on the host travel by gloo, also beside GPUs, so that agreeing on them never waits for a device; gradients on GPUs by NCCL.

        Raises:
            InputError: the environment is half there.
        """
        size = int(environment.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        missing = [name for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if name not in environment]
        if missing:
            raise InputError(*(Problem(name, f"is not set, but WORLD_SIZE is {size}: start with torchrun") for name in missing))
        rank, local_rank = int(environment["RANK"]), int(environment["LOCAL_RANK"])
        dist.init_process_group(_backend(device, local_rank), rank=rank, world_size=size, timeout=_PATIENCE)
        return cls(rank, size, local_rank)

    @classmethod
    def meet(cls, device: str, rank: int, size: int, store: str, cores: int | None = None) -> World:
        """Joins the processes of this machine that know the same file `store`, as `workers` starts them.

        Once they have met, a death is noticed by the broken connection, so they wait for each other as long as it takes, also for one that is stopped
        (Ctrl-Z).

        Raises:
            RuntimeError: the others do not come within two minutes.
        """
        found = dist.FileStore(store, size)
        found.set_timeout(_MEETING)
        dist.init_process_group(_backend(device, rank), store=found, rank=rank, world_size=size, timeout=_MEETING)
        met = cls(rank, size, rank, cores, led=rank > 0)
        try:
            met.wait()
            dist.distributed_c10d._set_pg_timeout(_LONG_PATIENCE)
            return replace(met, memory=SharedMemory.make(rank, size, met.share, met.wait))
        except BaseException:
            met.leave()
            raise

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def sum(self, values: Sequence[float]) -> list[float]:
        """Each value summed over the processes, in float64."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor)
        return tensor.tolist()

    def share(self, value: Any) -> Any:
        """The first process's value (plain data), in all."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def wait(self) -> None:
        """Returns when every process has come here."""
        self.sum([0.0])

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """For what one process does while the others wait: it has their cores too."""
        with threads(self.cores or torch.get_num_threads()):
            yield

    def leave(self) -> None:
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.leave()


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Computes with so many CPU threads in the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _backend(device: str, local_rank: int) -> str:
    """Takes this process's GPU, if it is to have one; who sends what."""
    if torch.device(device).type != "cuda":
        return "gloo"
    torch.cuda.set_device(local_rank)
    return "cpu:gloo,cuda:nccl"
