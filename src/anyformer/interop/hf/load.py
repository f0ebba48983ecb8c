"""`from_hf(folder)`: a Hugging Face checkpoint as a `Model`."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from anyformer.errors import ConversionError, Problem
from anyformer.interop.checkpoint_files import open_checkpoint
from anyformer.interop.conversion import fill
from anyformer.interop.hf.family import find, read_json
from anyformer.model.assign import hollow
from anyformer.model.model import Model


def from_hf(path: str | Path, *, dtype: torch.dtype | None = None, allow_pickle: bool = False) -> Model:
    """The model of a folder with config.json and weights, in evaluation mode, on the CPU.

    Nothing is downloaded. Peak memory is about one copy of the model, because weights that need no change of shape or type are not copied: they are
    mapped, and the operating system reads a page of the file when it is first used. So the files must not be overwritten in place as long as the model
    is in use: it would change with them, or end the process where they become shorter. To remove or to replace them (as `save_hf` does) does no harm.

    Args:
        dtype: of the parameters; None: as stored.
        allow_pickle: read `.bin` files too, with `weights_only=True`.
    Raises:
        ConversionError: a family, an option, a key or a tensor that is not supported, by name; files that are missing, cut short or of other shapes.
    Warns:
        of each tensor that was left out, and why.
    """
    folder = Path(path)
    check_folder(folder)
    model, notes = read_folder(folder, dtype, allow_pickle)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return model


def check_folder(folder: Path) -> None:
    """Raises a ConversionError where this cannot be a checkpoint, before anything of it is read."""
    if not folder.is_dir():
        raise ConversionError(Problem(str(folder), "is no folder; get the files first (`hf download NAME --local-dir FOLDER`), nothing is downloaded here"))
    if not (folder / "config.json").is_file():
        raise ConversionError(Problem(str(folder / "config.json"), "is missing, so the folder is no checkpoint of transformers; give the one in which it lies"))


def read_folder(folder: Path, dtype: torch.dtype | None = None, allow_pickle: bool = False) -> tuple[Model, list[str]]:
    """The model, and what was left out of the files."""
    where = folder / "config.json"
    data = read_json(where)
    files = open_checkpoint(folder, allow_pickle)
    try:
        family = find(data.get("model_type"))
        config = family.config(data, files.shapes)
    except ConversionError as error:
        raise ConversionError(*(Problem(f"{where}: {p.path}" if p.path else str(where), p.message) for p in error.problems)) from None
    rules = family.rules(config)
    files.rename(family.renamed(files.shapes, rules))
    model = hollow(config)
    try:
        notes = fill(model, rules, files, dtype)
    except ConversionError as error:
        raise ConversionError(Problem(str(folder), "its tensors are not those that its config says"), *error.problems) from None
    model.eval()
    return model, notes
