"""One training at a time in a run folder. Verbs that only read take no lock.

The lock is the operating system's, on the file `.lock` in the folder, so that it ends with the process that holds it, also after `kill -9`. The file
says who that is.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from anyformer.errors import InputError, Problem

FILE = ".lock"
_PATIENCE = 0.5  # seconds: `holder` takes the lock for a moment to see whether it is free
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}  # a file system without locks


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps other trainings out of the folder, which must be there, for as long as the block runs.

    Raises:
        InputError: another process trains there; says which.
    """
    handle = _acquire(folder)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()} since {_now()}\n".encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(folder / FILE)  # while it is held: who waits for it sees that it is gone, and makes a new one
        os.close(handle)


def holder(folder: Path) -> str | None:
    """Who trains in the folder (`process 4711 on host since ...`); None: nobody."""
    try:
        handle = os.open(folder / FILE, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
    except OSError:
        return None
    finally:
        os.close(handle)
    return None


def taken(folder: Path, who: str) -> InputError:
    """The error for a folder in which `who` trains."""
    return InputError(Problem(str(folder), f"is being trained in by {who}; wait for its end or stop it, or take another --out"))


def _acquire(folder: Path) -> int:
    path, end = folder / FILE, time.monotonic() + _PATIENCE
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return handle
            who = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
            os.close(handle)
            if not isinstance(error, BlockingIOError):
                raise
            if time.monotonic() > end:
                raise taken(folder, who) from None
            time.sleep(0.05)
            continue
        if _is_still_there(handle, path):
            return handle
        os.close(handle)  # its holder has removed it meanwhile


def _is_still_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(" ", "seconds")
