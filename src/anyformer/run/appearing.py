"""Folders that appear whole or not at all: written under another name, and given their own at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from anyformer.errors import CheckpointError, InputError, Problem
from anyformer.run import lock

_PARTIAL = "whole.partial"


@contextlib.contextmanager
def appearing(out: Path, check: Callable[[], None]) -> Iterator[Path]:
    """A folder to write into, whose content is that of `out` once the block has ended. After any exception it is gone, and `out` as it was before.

    A new `out` appears by one rename. In one that exists (it may be where a disk is mounted, or where a shell stands) the new content replaces the old
    at the end, configs last: nothing reads a folder without them.

    Args:
        check: whether the content of `out` may be replaced; raises where it may not.
    Raises:
        InputError: another process writes this folder.
        OSError: of the file system, which names `out`.
    """
    exists = out.is_dir()
    partial = out / f".{_PARTIAL}" if exists else out.with_name(f".{out.name}.{_PARTIAL}")
    if who := lock.holder(partial):
        raise InputError(Problem(str(out), f"is being written by {who}; wait for its end, or take another folder"))
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with lock.hold(out if exists else partial):
            check()
            old = content(out) if exists else []
            try:
                _remove(content(partial))  # of a process that was killed
                yield partial
                if exists:
                    _move_up(partial, out, old)
                else:
                    (partial / lock.FILE).unlink(missing_ok=True)
                    os.rename(partial, out)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
    except (OSError, CheckpointError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or cause.errno is None:
            raise
        raise OSError(cause.errno, cause.strerror, str(out)) from error


def content(folder: Path) -> list[Path]:
    """What is in the folder, but for the lock and what has not appeared."""
    return [path for path in folder.iterdir() if path.name not in (lock.FILE, f".{_PARTIAL}")]


def _move_up(partial: Path, out: Path, old: list[Path]) -> None:
    _remove(old)
    for path in sorted(partial.iterdir(), key=lambda p: p.stem == "config"):
        os.rename(path, out / path.name)
    partial.rmdir()


def _remove(paths: list[Path]) -> None:
    for path in paths:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
