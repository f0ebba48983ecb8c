"""Writing that survives a crash: a file or folder appears under its name only when all of it is on the disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_CHUNK = 1 << 22


class Digest(NamedTuple):
    """What a file must be: its length in bytes and the SHA-256 of its content."""

    bytes: int
    sha256: str


def write_text(path: Path, text: str) -> None:
    """Replaces the file's content at once: a reader sees the old text or the new one."""
    beside = path.with_name(f".{path.name}.partial")
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        _sync(file)
    os.replace(beside, path)
    sync_folder(path.parent)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> Digest:
    """Writes a safetensors file and syncs it; tensors of any device, one at a time in host memory.

    Written here and not by the safetensors package, because the checksum is formed on the way and a full disk must come back as an OSError.
    The format is 8 bytes of header length, a JSON header of (dtype, shape, offsets), then the data.
    """
    header, offset = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)  # so that the data is aligned
    sha = hashlib.sha256()
    with open(path, "wb") as file:
        for data in (len(head).to_bytes(8, "little"), head):
            file.write(data)
            sha.update(data)
        for tensor in tensors.values():
            if tensor.numel():
                content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
                file.write(content.data)
                sha.update(content.data)
        _sync(file)
    return Digest(8 + len(head) + offset, sha.hexdigest())


def digest_of(path: Path) -> Digest:
    """Length and SHA-256 of a file, read in chunks."""
    sha, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        while data := file.read(_CHUNK):
            sha.update(data)
            size += len(data)
    return Digest(size, sha.hexdigest())


def publish_folder(partial: Path, final: Path) -> None:
    """Gives a written folder its name; an older folder of that name is put aside first and removed last."""
    sync_folder(partial)
    aside = final.with_name(f".{final.name}.partial-old")
    if final.exists():
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(final, aside)
    os.rename(partial, final)
    sync_folder(final.parent)
    shutil.rmtree(aside, ignore_errors=True)


def sync_folder(path: Path) -> None:
    """Makes the folder's entries (names and renames) durable."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())
