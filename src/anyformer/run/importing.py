"""`import_hf(folder, out)`: a Hugging Face checkpoint as a run that every verb takes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from anyformer.checkpoint import point_at, save_step, step_name
from anyformer.data import DataConfig, Elsewhere
from anyformer.data.objectives import CausalLM, MaskedLM, Objective, Translation
from anyformer.interop.hf.load import check_folder, read_folder
from anyformer.interop.hf.tokenizer import read_tokenizer
from anyformer.model.model import Model
from anyformer.run import folder
from anyformer.run.recipe import Recipe, as_data
from anyformer.text.tokenizer import FILE
from anyformer.training.config import TrainConfig

ORIGIN = "hf"  # the folder in a run where the small files of a checkpoint lie as they came
SMALL = 50_000_000  # bytes; weights are larger, tokenizers are not
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Imported:
    """What `import_hf` has made.

    Attributes:
        path: the run's folder.
        parameters: how many the model has.
        notes: what was left out, and why.
    """

    path: Path
    parameters: int
    notes: tuple[str, ...]


def import_hf(
    path: str | Path,
    out: str | Path,
    *,
    dtype: str | None = None,
    allow_pickle: bool = False,
    with_tokenizer: bool = True,
    overwrite: bool = False,
) -> Imported:
    """Makes the run `out` of a folder with config.json, weights and tokenizer files. Nothing is downloaded.

    Args:
        dtype: fp32, bf16 or fp16; None: as stored.
        allow_pickle: read `.bin` files too, with `weights_only=True`.
        with_tokenizer: False makes a run that has no texts: it can be described and exported, not used.
        overwrite: replace a run that stands in `out`.
    Raises:
        ConversionError: what cannot be taken over exactly, by name.
        InputError: `out` is taken.
        OSError: the disk is full, or `out` cannot be written. Nothing is left then, also after Ctrl-C, and a run that was to be replaced is as it was.
    """
    where, out = Path(path), Path(out)
    folder.check_free(out, overwrite)
    check_folder(where)
    tokenizer = read_tokenizer(where) if with_tokenizer else None
    model, notes = read_folder(where, None if dtype is None else _DTYPES[dtype], allow_pickle)
    with folder.create_whole(out, overwrite) as partial:
        if tokenizer is not None:
            tokenizer.save(partial / FILE)
        _keep_origin(where, partial / ORIGIN)
        save_step(partial, step_name(0), {"model": model.state_dict()}, {"step": 0, "imported_from": str(where.resolve())})
        point_at(partial, "latest", step_name(0))
        folder.write_config(partial, as_data(_recipe(model)), name=where.resolve().name)
    return Imported(out, sum(p.numel() for p in model.parameters()), tuple(notes))


def _recipe(model: Model) -> Recipe:
    """The recipe of a run that nobody has trained here."""
    config: Any = model.config
    objective: Objective = MaskedLM() if config.decoder is None else CausalLM() if config.encoder is None else Translation()
    return Recipe(data=DataConfig(corpus=Elsewhere(), max_length=512), model=config.to_dict(), objective=objective, train=TrainConfig(max_steps=1))


def _keep_origin(source: Path, target: Path) -> None:
    """Copies configs and tokenizer files, so that an export can hand them on as they came."""
    target.mkdir()
    for file in sorted(source.iterdir()):
        wanted = file.suffix in (".json", ".model", ".txt", ".jinja", ".spm") and ".index." not in file.name
        if wanted and file.is_file() and file.stat().st_size < SMALL:
            shutil.copyfile(file, target / file.name)
