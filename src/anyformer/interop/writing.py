"""Safetensors files written tensor by tensor, in shards where the whole is large: memory for one tensor at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from anyformer.errors import ConversionError, Problem
from anyformer.interop.checkpoint_files import INDEX, WHOLE

_DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32", torch.bool: "BOOL"}


class Planned(NamedTuple):
    """A tensor that will be written. What is known beforehand, and how to make it."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    make: Callable[[], Tensor]

    @property
    def bytes(self) -> int:
        return torch.Size(self.shape).numel() * self.dtype.itemsize


def write_checkpoint(folder: Path, tensors: list[Planned], max_shard_size: int) -> None:
    """Writes `model.safetensors`, or shards of at most `max_shard_size` bytes (a tensor that is larger stands alone) and their index.

    Raises:
        ConversionError: a tensor of a type that the format does not have.
        OSError: the disk is full; nothing has its name then.
    """
    if wrong := [t for t in tensors if t.dtype not in _DTYPES]:
        raise ConversionError(*(Problem(t.name, f"is of type {t.dtype}, which is not written") for t in wrong[:10]))
    shards = list(_shards(tensors, max_shard_size))
    names = [WHOLE] if len(shards) == 1 else [f"model-{i:05}-of-{len(shards):05}.safetensors" for i in range(1, len(shards) + 1)]
    partial = [folder / f".{name}.partial" for name in names]
    try:
        for path, shard in zip(partial, shards, strict=True):
            _write(path, shard)
        for old in folder.glob("model*.safetensors*"):
            old.unlink()  # of an earlier export: shards must not be mixed
        for path, name in zip(partial, names, strict=True):
            os.replace(path, folder / name)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
    if len(shards) > 1:
        where = {t.name: name for name, shard in zip(names, shards, strict=True) for t in shard}
        index = {"metadata": {"total_size": sum(t.bytes for t in tensors)}, "weight_map": where}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _shards(tensors: list[Planned], limit: int) -> Iterator[list[Planned]]:
    shard: list[Planned] = []
    size = 0
    for tensor in tensors:
        if shard and size + tensor.bytes > limit:
            yield shard
            shard, size = [], 0
        shard.append(tensor)
        size += tensor.bytes
    yield shard


def _write(path: Path, tensors: list[Planned]) -> None:
    """8 bytes of header length, a JSON header of (dtype, shape, offsets), then the data. Not synced: what a crash loses can be exported again."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for t in tensors:
        header[t.name] = {"dtype": _DTYPES[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + t.bytes]}
        offset += t.bytes
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for t in tensors:
            made = t.make().detach().cpu().contiguous()
            assert tuple(made.shape) == t.shape and made.dtype == t.dtype, t.name
            if made.numel():
                file.write(made.reshape(-1).view(torch.uint8).numpy().data)
