"""What processes are given to do in tests; in a module, so that another process finds it."""

from __future__ import annotations

import os
import signal

import torch

from anyformer.distributed import World, shared_memory, sum_tensors


def add_up(world: World, number: int) -> list[float]:
    return world.sum([number * (world.rank + 1), torch.get_num_threads(), os.getpid() * (world.rank == 1)])


def fail(world: World) -> None:
    if not world.first:
        raise ValueError("the cat has eaten the batch")
    world.wait()


def wait(world: World) -> None:
    world.wait()


def die(world: World) -> None:
    if not world.first:
        os.kill(os.getpid(), signal.SIGKILL)
    world.wait()


def ignore(world: World) -> list[float]:
    """The second is told to stop, and goes on: only the first is asked."""
    if not world.first:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    return world.sum([1.0])


def sum_all(world: World, capacity: int) -> list[torch.Tensor]:
    """What sum_tensors makes of three tensors, which hold 1, 2, 3, ... times the number of the process."""
    tensors = [torch.arange(n).reshape(shape).float() + 1 for n, shape in ((6, (2, 3)), (1, ()), (20, (4, 5)))]
    tensors = [t * (world.rank + 1) for t in tensors]
    shared_memory._CAPACITY = capacity
    sum_tensors(tensors, world)
    return tensors


def say_pid_and_stay(world: World) -> None:
    world.sum([float(os.getpid())])
    while True:
        signal.pause()
