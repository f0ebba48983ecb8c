"""Processes that a run starts itself, beside its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from worker_tasks import add_up, die, fail, ignore, say_pid_and_stay, sum_all, wait

from anyformer.distributed import can_travel, shared_memory, workers
from anyformer.errors import InputError


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


def test_an_error_of_the_first_process_is_its_own() -> None:
    with pytest.raises(RuntimeError, match="^no memory left$"), workers(2, wait, (), cores=2):
        raise RuntimeError("no memory left")


def test_what_a_script_defines_does_not_travel() -> None:
    class Mine:
        pass

    assert can_travel(add_up, {"a": torch.ones(2)})
    assert not can_travel(Mine())
    assert not can_travel(type("Theirs", (), {"__module__": "__main__"}))


def test_a_worker_that_is_killed_is_named() -> None:
    with pytest.raises(InputError, match="process 2 of 2: was ended by SIGKILL, perhaps for want of memory"), workers(2, die, (), 2) as world:
        die(world)


@pytest.mark.parametrize("capacity", [100, 20, 7])
@pytest.mark.parametrize("memory", [True, False])
def test_tensors_are_summed_in_portions_and_over_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capacity: int, memory: bool) -> None:
    monkeypatch.setattr(shared_memory, "_CAPACITY", shared_memory._CAPACITY)  # `sum_all` sets it; here it is put back
    monkeypatch.setattr(shared_memory, "_FOLDER", tmp_path if memory else Path("/nowhere"))  # any folder serves; a container's /dev/shm may be too small
    with workers(3, sum_all, (capacity,), cores=3) as world:
        assert (world.memory is not None) == memory
        found = sum_all(world, capacity)
    for tensor, n in zip(found, (6, 1, 20), strict=True):
        assert tensor.flatten().tolist() == [6.0 * (i + 1) for i in range(n)]


def test_nothing_stays_in_memory_when_all_have_met(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared_memory, "_FOLDER", tmp_path)
    with workers(2, add_up, (1,), cores=2) as world:
        add_up(world, 1)
        assert world.memory is not None and not list(tmp_path.iterdir())


def test_no_room_in_memory_is_told_before_it_is_written_to() -> None:
    assert shared_memory._reserve(1 << 50) is None


def test_what_else_a_worker_says_first_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with workers(2, add_up, (1,), cores=2) as world:
        assert add_up(world, 1)[:2] == [3, 2]


def test_signals_are_for_the_first_process() -> None:
    with workers(2, ignore, (), cores=2) as world:
        assert ignore(world) == [2.0]


def test_an_end_of_the_first_process_ends_all() -> None:
    with pytest.raises(KeyboardInterrupt), workers(2, say_pid_and_stay, (), cores=2) as world:
        pid = int(world.sum([0.0])[0])
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
