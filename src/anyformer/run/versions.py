"""Which code made a run: versions, the commit where the package runs from a clone, the command line."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import anyformer


@functools.cache
def versions() -> dict[str, str | None]:
    """Versions of what decides a result; `commit` is None outside a clone."""
    return {
        "anyformer": anyformer.__version__,
        "commit": _git_commit(),
        "python": platform.python_version(),
        "torch": _installed("torch"),
        "tokenizers": _installed("tokenizers"),
    }


def command_line() -> str:
    """How this process was called, as it could be typed again."""
    program = "anyformer" if Path(sys.argv[0]).name in ("anyformer", "__main__.py") else Path(sys.argv[0]).name
    return shlex.join([program or "python", *sys.argv[1:]])


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    root = Path(anyformer.__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
