"""Further processes of a run on this machine, started by the run itself: `torchrun` without another command.

    with workers(2, work, (data,), cores=2) as world:  # one more process, which calls work(its world, data)
        work(world, data)

A worker lives as long as this process: it takes no notice of Ctrl-C and SIGTERM, which its run answers for all, and it ends when this process is
gone, however that went.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from anyformer.distributed.world import World, threads
from anyformer.errors import InputError, Problem

Work = Callable[..., object]  # (world, *given); a function of a module, so that another process finds it by its name
READY = b"ready\n"  # what a worker says when it is about to meet the others
_WAY_OUT = "--resume goes on from the last saved step, and one process alone (--processes 1) needs less memory"
_END = 60.0  # seconds that a worker may take to end once the work is done
_NOTICE = 5.0  # seconds in which a death shows after the connection broke
_BROKEN = ("onnection", "imed out", "imeout", "gloo", "NCCL")  # in what PyTorch says when another process is gone


class Job(NamedTuple):
    """What a worker is told, pickled, on its standard input; and behind it, pickled apart, (work, given)."""

    rank: int
    size: int
    device: str
    store: str  # file through which the processes find each other
    threads: int


class _Worker(NamedTuple):
    name: str
    process: subprocess.Popen[bytes]
    said: IO[bytes]  # standard error


@contextlib.contextmanager
def workers(size: int, work: Work, given: tuple[Any, ...], cores: int, device: str = "cpu") -> Iterator[World]:
    """Starts `size - 1` processes that call `work(world, *given)`, and joins them as the first.

    Args:
        given: what `can_travel`.
        cores: CPU threads of all processes together; each has its share, and this one has them all while the others wait.
        device: `cpu`, or `cuda`, where each process takes the GPU of its rank.

    Raises:
        InputError: a worker was killed.
        RuntimeError: a worker failed; with what it said.
    """
    if size == 1:
        yield World()
        return
    share, told = share_of(cores, size), pickle.dumps((work, given))
    started: list[_Worker] = []
    with tempfile.TemporaryDirectory(prefix="anyformer-", ignore_cleanup_errors=True) as folder, _on_loopback(), contextlib.ExitStack() as held:
        store = str(Path(folder) / "store")
        try:
            for rank in range(1, size):
                started.append(_start(f"process {rank + 1} of {size}", share, held.enter_context(tempfile.TemporaryFile())))
            for rank, worker in enumerate(started, 1):
                _tell(worker, pickle.dumps(Job(rank, size, device, store, share)) + told)
            for worker in started:
                if not worker.process.stdout or READY not in iter(worker.process.stdout.readline, b""):
                    worker.process.wait()
                    raise _death(worker)
            with _blaming(started), threads(share), World.meet(device, 0, size, store, cores) as world, _blaming(started):
                world.wait()
                if device == "cpu":
                    shutil.rmtree(folder)  # they have met; a kill leaves nothing behind. NCCL asks the store again later
                yield world
                world.wait()
            _join(started)
        finally:
            for worker in started:
                worker.process.kill()
                worker.process.communicate()


def share_of(cores: int, size: int) -> int:
    """CPU threads of one of `size` processes."""
    return max(1, cores // size)


def can_travel(*given: Any) -> bool:
    """Whether another process can be handed this: not what only a script or a notebook defines."""
    try:
        return b"__main__" not in pickle.dumps(given)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False


def _start(name: str, share: int, said: IO[bytes]) -> _Worker:
    path = os.pathsep.join(p or os.getcwd() for p in sys.path)
    count = {variable: str(share) for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "anyformer.distributed.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        env=os.environ | count | {"PYTHONPATH": path},
        start_new_session=True,  # Ctrl-C in the terminal is for the first process
    )
    return _Worker(name, process, said)


def _tell(worker: _Worker, message: bytes) -> None:
    pipe = worker.process.stdin
    assert pipe is not None
    with contextlib.suppress(BrokenPipeError):  # it died; its silence says so
        pipe.write(message)
        pipe.flush()  # and left open: the worker ends when nobody holds it any more


def _join(started: list[_Worker]) -> None:
    for worker in started:
        try:
            worker.process.wait(_END)
        except subprocess.TimeoutExpired:
            continue  # it is ended by those who started it; its work is done
        if worker.process.returncode:
            raise _death(worker)


@contextlib.contextmanager
def _blaming(started: list[_Worker]) -> Iterator[None]:
    """An error that a worker's end has caused becomes one that says so; within the group, since leaving it ends the workers that wait."""
    try:
        yield
    except RuntimeError as error:
        end = time.monotonic() + _NOTICE
        while time.monotonic() < end and any(word in str(error) for word in _BROKEN):
            for worker in started:
                if worker.process.poll():
                    raise _death(worker) from error
            time.sleep(0.05)
        raise


def _death(worker: _Worker) -> Exception:
    code = worker.process.returncode
    if -code in (signal.SIGTERM, getattr(signal, "SIGKILL", None)):
        name = signal.Signals(-code).name
        return InputError(Problem(worker.name, f"was ended by {name}, perhaps for want of memory; {_WAY_OUT}"))
    worker.said.seek(0)
    said = worker.said.read().decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
    return RuntimeError("\n".join([f"{worker.name} failed: {said[-1]}", *said[-50:]]))


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """The processes of one machine talk where nobody else can listen."""
    name = "GLOO_SOCKET_IFNAME"
    loopback = next((interface for _, interface in socket.if_nameindex() if interface.startswith("lo")), None)
    if loopback is None or name in os.environ:
        yield
        return
    os.environ[name] = loopback
    try:
        yield
    finally:
        del os.environ[name]
