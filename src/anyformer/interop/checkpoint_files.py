"""Weights of other tools as files: safetensors, whole or in shards, read tensor by tensor; pickles only when asked for."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from anyformer.errors import ConversionError, Problem

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
WHOLE_PICKLE, INDEX_PICKLE = "pytorch_model.bin", "pytorch_model.bin.index.json"


class TensorFiles:
    """The tensors of a checkpoint by name. Nothing is read before `load`, but what the files say of their shapes.

    Attributes:
        shapes: name -> shape.
    """

    def __init__(self, files: list[Path]):
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._in: dict[str, Any] = {}  # name -> where it is: an open file and its name there
        problems = []
        for path in files:
            try:
                self._enter(path)
            except ConversionError as error:
                problems += error.problems
        if problems:
            raise ConversionError(*problems)

    def _enter(self, path: Path) -> None:
        try:
            file = safetensors.safe_open(path, framework="pt")
            for name in file.keys():  # noqa: SIM118 (it is no mapping)
                self.shapes[name], self._in[name] = tuple(file.get_slice(name).get_shape()), (file, name)
        except FileNotFoundError:
            raise ConversionError(Problem(str(path), "is missing; copy all files of the checkpoint")) from None
        except (OSError, safetensors.SafetensorError) as error:
            raise ConversionError(Problem(str(path), f"is damaged or cut short ({error}); copy it anew")) from None

    def rename(self, renamed: Callable[[str], str]) -> None:
        """Gives every tensor another name; `load` takes the new ones.

        Raises:
            ConversionError: two would have the same.
        """
        olds: dict[str, str] = {}
        twice = [
            Problem(name, f"is '{olds[renamed(name)]}' by another name; remove one of them")
            for name in self.shapes
            if olds.setdefault(renamed(name), name) != name
        ]
        if twice:
            raise ConversionError(*twice)
        self.shapes = {renamed(name): shape for name, shape in self.shapes.items()}
        self._in = {renamed(name): where for name, where in self._in.items()}

    def load(self, name: str) -> Tensor:
        """The tensor. It is mapped: its numbers stay in the file until they are used, and changed ones are kept apart from the file."""
        file, stored = self._in[name]
        try:
            tensor: Tensor = file.get_tensor(stored)
            return tensor
        except (OSError, safetensors.SafetensorError) as error:
            raise ConversionError(Problem(name, f"cannot be read: {error}")) from None


class PickledFiles(TensorFiles):
    """The same of `torch.save` files, opened with `weights_only=True`: tensors and plain data, no code."""

    def _enter(self, path: Path) -> None:
        try:
            state = _unpickle(path)
        except FileNotFoundError:
            raise ConversionError(Problem(str(path), "is missing; copy all files of the checkpoint")) from None
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
            reason = str(error).split("\n")[0]
            raise ConversionError(Problem(str(path), f"is damaged, or holds more than tensors ({reason})")) from None
        if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
            raise ConversionError(Problem(str(path), "holds no state dict: a mapping of names to tensors"))
        for name, tensor in state.items():
            self.shapes[str(name)], self._in[str(name)] = tuple(tensor.shape), tensor

    def load(self, name: str) -> Tensor:
        """The tensor, in memory of its own."""
        tensor: Tensor = self._in[name]
        return tensor.detach().clone()


def _unpickle(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)  # what cannot be read is an error, and said there
        try:
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "mmap" not in str(error):
                raise
            return torch.load(path, map_location="cpu", weights_only=True)  # the format of before torch 1.6 cannot be mapped


def open_checkpoint(folder: Path, allow_pickle: bool = False) -> TensorFiles:
    """The tensors of a folder.

    Raises:
        ConversionError: there are none, a shard is missing, a file is cut short, or they are pickled and `allow_pickle` is not set.
    """
    if (folder / WHOLE).is_file():
        return TensorFiles([folder / WHOLE])
    if (folder / INDEX).is_file():
        return _complete(TensorFiles, folder / INDEX)
    pickled = next((p for p in (folder / WHOLE_PICKLE, folder / INDEX_PICKLE) if p.is_file()), None)
    if pickled is None:
        raise ConversionError(Problem(str(folder), f"holds no weights: neither {WHOLE} nor {INDEX}"))
    if not allow_pickle:
        way = "if you trust its source, pass allow_pickle=True (`anyformer import --allow-pickle`), which still reads nothing but tensors"
        raise ConversionError(Problem(str(pickled), f"is a pickle, a format that can carry code; {way}"))
    return PickledFiles([pickled]) if pickled.name == WHOLE_PICKLE else _complete(PickledFiles, pickled)


def _complete(kind: type[TensorFiles], index: Path) -> TensorFiles:
    """The files that an index lists, which must hold what it says."""
    try:
        where = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        files = sorted({str(name) for name in where.values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConversionError(Problem(str(index), f"is no index of shards: {error!r}")) from None
    outside = [name for name in files if Path(name).name != name]
    if outside:
        raise ConversionError(Problem(str(index), f"names files outside its folder: {', '.join(outside)}"))
    found = kind([index.parent / name for name in files])
    missing = [name for name in where if name not in found.shapes]
    if missing:
        raise ConversionError(*(Problem(str(index.parent / where[name]), f"holds no '{name}', which the index says; copy it anew") for name in missing[:10]))
    return found
