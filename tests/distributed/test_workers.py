"""Processes that a run starts itself, beside its own."""

from __future__ import annotations

import os
import signal
import time

import pytest
import torch

from anyformer.distributed import World, workers
from anyformer.errors import InputError


def add_up(world: World, number: int) -> list[float]:
    return world.sum([number * (world.rank + 1), torch.get_num_threads(), os.getpid() * (world.rank == 1)])


def fail(world: World) -> None:
    if not world.first:
        raise ValueError("the cat has eaten the batch")
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


def wait_for_ever(world: World) -> None:
    world.wait()
    if not world.first:
        time.sleep(600)
    raise KeyboardInterrupt


def test_they_work_together_and_share_the_cores() -> None:
    before = torch.get_num_threads()
    with workers(3, add_up, (10,), cores=7) as world:
        found = add_up(world, 10)
        with world.alone():
            alone = torch.get_num_threads()
        assert torch.get_num_threads() == 2
    assert (world.rank, world.size, world.first) == (0, 3, True)
    assert found[:2] == [60, 6] and alone == 7
    assert found[2] not in (0, os.getpid())
    assert torch.get_num_threads() == before


def test_again_in_the_same_process() -> None:
    for _ in range(2):
        with workers(2, add_up, (1,), cores=2) as world:
            assert add_up(world, 1)[:2] == [3, 2]


def test_one_process_alone_starts_none() -> None:
    with workers(1, die, (), cores=2) as world:
        assert (world.rank, world.size) == (0, 1)


def test_what_a_worker_says_when_it_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"process 2 of 2 failed: .*ValueError: the cat has eaten the batch"), workers(2, fail, (), cores=2) as world:
        fail(world)


def test_a_worker_that_is_killed_is_named() -> None:
    with pytest.raises(InputError, match="process 2 of 2: was ended by SIGKILL: perhaps the machine has run out of memory"), workers(2, die, (), 2) as world:
        die(world)


def test_signals_are_for_the_first_process() -> None:
    with workers(2, ignore, (), cores=2) as world:
        assert ignore(world) == [2.0]


def test_an_end_of_the_first_process_ends_all() -> None:
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), workers(2, wait_for_ever, (), cores=2) as world:
        wait_for_ever(world)
    assert time.monotonic() - begin < 60
