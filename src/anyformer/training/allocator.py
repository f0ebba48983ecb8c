"""Keeps freed memory in the process, so that a training step does not fault the same pages in again and again.

glibc gives blocks of more than 128 KiB back to the kernel as soon as they are freed, and the kernel fills them with zeros when they are asked for
again: `log_softmax` of 4096 x 9537 takes 87 ms that way and 28 ms with the memory kept. It works for the main thread, where training computes; other
threads' heaps are mappings of their own in glibc, and M_ARENA_MAX = 1 did not change that when it was measured.

What is kept must not grow for ever: batches of ever new shapes leave holes, and oneDNN keeps the kernels of the last 1,024 shapes. With 64 kernels
kept, and the holes given back every fifty steps, the translator of `benchmarks/translation.py` peaks at 1,450 to 1,490 MiB in its first sixty steps,
and at 1,620 to 1,640 without giving back.
"""

from __future__ import annotations

import ctypes
import os
import platform

# Parameters of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_TOP_PAD = 64 << 20
_KERNELS = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"  # read by oneDNN when it makes its first kernel


def keep_freed_memory() -> bool:
    """Tells glibc to keep what is freed; call before large tensors are made. False where the C library is another or the environment already says how."""
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    os.environ.setdefault(_KERNELS, "64")
    # No block of its own mapping; never shrink the heap (-1: the largest size_t); grow it in large pieces.
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, -1), (_M_TOP_PAD, _TOP_PAD))
    return all([mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in settings])


def give_back_holes() -> None:
    """Returns unused pages to the system where glibc can; they are faulted in again when needed, so not at every step."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if platform.libc_ver()[0] == "glibc" else None
    if trim is not None:
        trim(ctypes.c_size_t(0))
