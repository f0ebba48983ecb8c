"""One step of a run as a folder: `<part>.safetensors` files and `state.json`, which holds their checksums."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from anyformer.checkpoint.files import Digest, digest_of, publish_folder, write_tensors, write_text
from anyformer.errors import CheckpointError, Problem

FORMAT = 1  # of state.json and the files it lists; goes up when an older anyformer could not read them


@dataclass(frozen=True)
class Step:
    """A step that was found whole. `state` is what `save_step` was given."""

    path: Path
    state: dict[str, Any]
    _files: dict[str, dict[str, Any]]

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def parts(self) -> list[str]:
        """Names of the groups of tensors (`model`, `optimizer`, ...)."""
        return [name.removesuffix(".safetensors") for name in self._files]

    def tensors(self, part: str = "model", device: str = "cpu") -> dict[str, Tensor]:
        """The tensors of one part, by name, after the file's checksum was compared.

        Raises:
            CheckpointError: the part is missing, truncated or changed.
        """
        name = f"{part}.safetensors"
        if name not in self._files:
            raise CheckpointError(Problem(str(self.path), f"holds no '{part}'; it holds {', '.join(self.parts)}"))
        record = self._files[name]
        _verify(self.path / name, Digest(record["bytes"], record["sha256"]))
        try:
            tensors = safetensors.torch.load_file(self.path / name, device=device)
        except (OSError, safetensors.SafetensorError) as error:
            raise CheckpointError(Problem(str(self.path / name), f"cannot be read: {error}")) from None
        return tensors | {alias: tensors[of] for alias, of in record.get("aliases", {}).items()}


def save_step(folder: Path, name: str, parts: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> Path:
    """Writes `folder/name` beside its place, syncs files and folder, then renames: whole or not there, whatever happens.

    Args:
        parts: `{"model": state_dict, "optimizer": {...}}`, one safetensors file each; tensors that share memory (tied weights) are stored once.
        state: JSON-able; comes back as `Step.state`.
    Raises:
        CheckpointError: the disk is full or the folder cannot be written. What was there before is untouched.
    """
    folder = Path(folder)
    partial = folder / f".{name}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        files: dict[str, dict[str, Any]] = {}
        for part, tensors in parts.items():
            stored, aliases = _without_aliases(tensors)
            digest = write_tensors(partial / f"{part}.safetensors", stored)
            files[f"{part}.safetensors"] = digest._asdict() | ({"aliases": aliases} if aliases else {})
        write_text(partial / "state.json", json.dumps({"format": FORMAT, "files": files, "state": dict(state)}, indent=1) + "\n")
        publish_folder(partial, folder / name)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise CheckpointError(Problem(str(folder / name), f"could not be saved: {_reason(error)}. What was saved before is untouched")) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return folder / name


def load_step(path: Path) -> Step:
    """Reads `state.json` of a step and checks that its files are there and of their length; `Step.tensors` compares the checksums.

    Raises:
        CheckpointError: no step, one of another format version, or a damaged one.
    """
    path = Path(path)
    if not path.is_dir():
        raise CheckpointError(Problem(str(path), "there is no such folder"))
    try:
        written = json.loads((path / "state.json").read_text(encoding="utf-8"))
        version, files, state = written["format"], written["files"], written["state"]
    except FileNotFoundError:
        raise CheckpointError(Problem(str(path), "is no step of a run: it has no state.json")) from None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, KeyError) and "format" in written:
            raise CheckpointError(Problem(str(path / "state.json"), _other_version(written["format"]))) from None
        raise CheckpointError(Problem(str(path / "state.json"), f"is damaged: {error}. {_way_out(path)}")) from None
    if version != FORMAT:
        raise CheckpointError(Problem(str(path / "state.json"), _other_version(version)))
    problems = []
    for name, record in files.items():
        length = (path / name).stat().st_size if (path / name).is_file() else None
        if length is None:
            problems.append(Problem(str(path / name), "is missing"))
        elif length != record["bytes"]:
            problems.append(Problem(str(path / name), f"is damaged: {length} bytes instead of {record['bytes']}. {_way_out(path)}"))
    if problems:
        raise CheckpointError(*problems)
    return Step(path, state, files)


def _way_out(path: Path) -> str:
    return f"Remove {path} to go on from the step before it"


def _other_version(version: Any) -> str:
    return f"is of format version {version}, and this anyformer reads {FORMAT}: use the version of anyformer that wrote it"


def _verify(path: Path, expected: Digest) -> None:
    try:
        found = digest_of(path)
    except OSError as error:
        raise CheckpointError(Problem(str(path), f"cannot be read: {_reason(error)}")) from None
    if found != expected:
        what = "its checksum is another" if found.bytes == expected.bytes else f"{found.bytes} bytes instead of {expected.bytes}"
        raise CheckpointError(Problem(str(path), f"is damaged: {what}. {_way_out(path.parent)}"))


def _without_aliases(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Each memory once, and which names share it: (tensors to store, alias -> stored name)."""
    stored: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for name, tensor in tensors.items():
        key = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride(), tensor.device)
        if tensor.numel() and key in seen:
            aliases[name] = seen[key]
        else:
            seen[key] = name
            stored[name] = tensor
    return stored, aliases


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full (free some space, then resume)"
    return os.strerror(error.errno) if error.errno else str(error)
