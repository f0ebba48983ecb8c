"""How many processes of this machine share each batch.

Threads of one process meet at each of a step's thousand operations, most of which are too small to part; processes meet once a step, to sum their
gradients. On two cores, Transformer-Tiny trains 1.4 to 1.5 times as fast as on one with two threads, and 1.5 to 1.8 times with two processes, the more
the larger an update is (`benchmarks/translation.py --only training-2`).
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import torch
import torch.distributed as dist

from anyformer.checkpoint import latest_step, load_step
from anyformer.distributed import World, can_travel
from anyformer.errors import InputError, Problem
from anyformer.model.count import parameters
from anyformer.model.memory import STATES
from anyformer.run.prepare import Prepared
from anyformer.training import TrainConfig

_LEAST_POSITIONS = 512  # a side, that a process gets of a batch; with fewer, what an operation costs by itself is most of its time
_LEAST_SECONDS = 30.0  # of training; a process takes some three seconds to start
_SPEED = 1e11  # operations a second, of a core; to tell seconds from minutes
_MEMORY = 1 << 30  # bytes that a process takes beside weights, gradients and moments
_SHARE_OF_MEMORY = 0.25  # of the machine's, that all of them may take


def choose_processes(asked: int | None, resumed: Path | None, prepared: Prepared, device: torch.device, world: World) -> int:
    """The number asked for, else that of the run which goes on, else what is worth it here.

    Args:
        resumed: the folder of that run.
        world: where torchrun has started processes, they are those of the run.

    Raises:
        InputError: what is asked for cannot be.
    """
    if asked is not None and asked < 1:
        raise InputError(Problem("--processes", f"must be at least 1, is {asked}"))
    if world.size > 1:
        if asked not in (None, world.size):
            raise InputError(Problem("--processes", f"torchrun has started {world.size} already: leave it out, or start without torchrun"))
        return world.size
    places = {"cpu": torch.get_num_threads(), "cuda": torch.cuda.device_count()}.get(device.type, 1)
    if asked is not None and asked > 1:
        _check(asked, prepared, device, places)
        return asked
    if asked == 1 or not dist.is_available() or dist.is_initialized():
        return 1
    before = _recorded(resumed)
    if before is None:
        before = worthwhile(places, prepared.recipe.data.batch_tokens, parameters(prepared.model), _seconds(prepared)) if device.type == "cpu" else 1
    return before if 1 < before <= places and can_travel(prepared) else 1


def _check(asked: int, prepared: Prepared, device: torch.device, places: int) -> None:
    """Whether so many processes, more than one, can be started here."""
    problem = None
    if not dist.is_available() or dist.is_initialized():
        problem = "this program has set up torch.distributed itself; leave it out"
    elif device.type not in ("cpu", "cuda"):
        problem = f"processes on {device.type} cannot train together; leave it out, or take --device cpu"
    elif device.type == "cuda" and asked > places:
        problem = f"each has its own GPU, and there are {places}; take fewer"
    elif not can_travel(prepared):
        problem = "another process knows nothing of what a script or a notebook defines; put your parts into a module, or leave it out"
    if problem:
        raise InputError(Problem("--processes", problem))


def worthwhile(threads: int, batch_tokens: int, parameters: int, seconds: float = math.inf) -> int:
    """Processes for so many CPU threads.

    Args:
        batch_tokens: positions a side in a batch of the whole run.
        seconds: how long training takes on one core, about.
    """
    if seconds < _LEAST_SECONDS:
        return 1
    room = int(_SHARE_OF_MEMORY * _memory() / (STATES * parameters + _MEMORY))
    return max(1, min(threads, batch_tokens // _LEAST_POSITIONS, room))


def _recorded(run: Path | None) -> int | None:
    path = None if run is None else latest_step(run)
    return None if path is None else load_step(path).state.get("processes")


def _seconds(prepared: Prepared) -> float:
    """Of training on one core, as far as its ends are known beforehand. Forward and backward take 6 operations a parameter and token."""
    config: TrainConfig = prepared.recipe.train
    update = 2 * prepared.recipe.data.batch_tokens * config.step.accumulate * 6 * parameters(prepared.model) / _SPEED
    epoch = update * prepared.stream.batches_in_epoch / config.step.accumulate
    known = [(config.max_steps, update), (config.max_minutes, 60.0), (config.limits.max_epochs, epoch)]
    return min((amount * each for amount, each in known if amount is not None), default=math.inf)


def _memory() -> float:
    """Bytes of this machine, or of the container in it; no limit where neither says."""
    found = [math.inf]
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))
    for limit in ("memory.max", "memory/memory.limit_in_bytes"):  # of cgroups 2 and 1
        with contextlib.suppress(ValueError, OSError):  # `max`
            found.append(float(Path("/sys/fs/cgroup", limit).read_text()))
    return min(found)
