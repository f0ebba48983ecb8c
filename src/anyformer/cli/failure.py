"""What is printed when a verb fails: few lines on standard error, and the exit code."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback

from anyformer.errors import file_of

MAX_PROBLEMS = 20

OURS = {None, errno.EBADF, errno.EFAULT}  # the only errors of the system that tell of a mistake of ours; all others are about a file, a disk, a network


def wrong_input(problems: list[str]) -> int:
    """Prints what is wrong with the input, a line a problem; exit code 2."""
    _show_traceback_if_asked()
    for problem in problems[:MAX_PROBLEMS]:
        print(f"error: {problem}", file=sys.stderr)
    if len(problems) > MAX_PROBLEMS:
        print(f"error: and {len(problems) - MAX_PROBLEMS} more", file=sys.stderr)
    return 2


def our_fault(error: BaseException) -> int:
    """Saves the traceback and asks for a report; exit code 1."""
    summary = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    print(f"anyformer has failed, and this is not your fault: {summary}", file=sys.stderr)
    if os.environ.get("ANYFORMER_DEBUG"):
        traceback.print_exception(error, file=sys.stderr)
    else:
        try:
            with tempfile.NamedTemporaryFile("w", prefix="anyformer-", suffix=".log", delete=False, encoding="utf-8") as file:
                file.write(f"$ {' '.join(sys.argv)}\n")
                traceback.print_exception(error, file=file)
            print(f"please report it with the file {file.name} (ANYFORMER_DEBUG=1 prints it here)", file=sys.stderr)
        except OSError:
            print("please report it with what ANYFORMER_DEBUG=1 prints", file=sys.stderr)
    return 1


def about_file(error: OSError) -> str:
    """`path: what`, for an error of the file system."""
    what = {
        errno.ENOENT: "no such file or folder",
        errno.EACCES: "no permission",
        errno.EPERM: "no permission",
        errno.EISDIR: "is a folder, a file is needed",
        errno.ENOTDIR: "is no folder",
        errno.EEXIST: "exists, and is no folder",
        errno.ENOSPC: "the disk is full; make room and run again",
        errno.EDQUOT: "the disk quota is used up; make room and run again",
        errno.EROFS: "the file system cannot be written to",
    }.get(error.errno or 0, error.strerror or str(error))
    path = file_of(error)
    return f"{path or 'output'}: {what}"


def is_out_of_memory(error: Exception) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error) or "DefaultCPUAllocator" in str(error)


def about_memory(error: BaseException) -> str:
    return "out of memory: take a smaller model or smaller batches (train: data.batch_tokens; translate and evaluate: --batch-size), or --precision bf16"


def _show_traceback_if_asked() -> None:
    if os.environ.get("ANYFORMER_DEBUG"):
        traceback.print_exc(file=sys.stderr)
