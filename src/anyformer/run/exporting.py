"""`export_hf(run, out)`: a run as a checkpoint that `transformers` loads, checked there."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from anyformer.errors import AnyformerError, ConversionError, InputError, Problem
from anyformer.interop.hf.canonical import canonical
from anyformer.interop.hf.check import Check, check_export, installed
from anyformer.interop.hf.family import families, find, read_json
from anyformer.interop.hf.keys import INERT
from anyformer.interop.hf.save import MAX_SHARD_SIZE, choose, save_hf
from anyformer.model.model import Model
from anyformer.run import folder
from anyformer.run.appearing import appearing, content
from anyformer.run.importing import ORIGIN
from anyformer.run.load import find_weights, load_model, read_recipe
from anyformer.text import Tokenizer, load_pair


@dataclass(frozen=True)
class Exported:
    """What `export_hf` has written. `check` is None where it was not asked for, or there is no `transformers`."""

    path: Path
    family: str
    check: Check | None
    notes: tuple[str, ...] = ()


def export_hf(
    run: str | Path, out: str | Path, *, step: str | int | None = None, family: str | None = None, max_shard_size: int = MAX_SHARD_SIZE, check: bool = True
) -> Exported:
    """Writes the run's weights, config and tokenizer into the new folder `out`.

    Args:
        step: as of `anyformer.load`.
        family: the `model_type` to write; None: that of an imported run, else the first that can hold the model.
        check: load it in `transformers`, where that is installed, and compare logits and greedy tokens.
    Raises:
        ConversionError: no Hugging Face class can hold the model, by the part that prevents it; or the check fails.
        InputError: there is no such run, or `out` holds something.
        OSError: the disk is full, or `out` cannot be written. As after any error, and after Ctrl-C, nothing is left then.
    """
    where, out = folder.open_run(run), Path(out)
    _check_free(out)
    found = find_weights(where, step)
    model = load_model(read_recipe(where), where, found).eval()
    tokenizers, notes = _tokenizers(where)
    came_as = _family_of_origin(where / ORIGIN)
    if family is None and came_as is not None:
        family = _if_it_can_hold(came_as, model)
    if check and not installed():
        notes.append("not checked: transformers is not installed (pip install transformers)")
    with appearing(out, lambda: _check_free(out)) as partial:
        save_hf(model, partial, None if family == came_as is not None else tokenizers, family=family, max_shard_size=max_shard_size)
        if family == came_as is not None:
            _hand_on(where / ORIGIN, partial)
        checked = check_export(model, partial, called=out) if check and installed() else None
    return Exported(out, read_json(out / "config.json")["model_type"], checked, tuple(notes))


def _check_free(out: Path) -> None:
    if out.exists() and (not out.is_dir() or content(out)):
        raise InputError(Problem(str(out), "exists and is not empty; take another folder"))


def _family_of_origin(origin: Path) -> str | None:
    """The family that an imported run came as."""
    if not (origin / "config.json").is_file():
        return None
    name = read_json(origin / "config.json").get("model_type")
    return name if name in families() else None


def _if_it_can_hold(name: str, model: Model) -> str | None:
    try:
        choose(model.config, name)
    except ConversionError:
        return None
    return name


def _tokenizers(where: Path) -> tuple[tuple[Tokenizer, Tokenizer] | None, list[str]]:
    """The run's tokenizers; None, with the reason, where it has none or they cannot be written."""
    try:
        source, target = load_pair(where)
    except AnyformerError as error:
        return None, [f"no tokenizer written: {error.problems[0].message}"]
    if any(t.scheme is not None and t.scheme.segmenter() is not None for t in (source, target)):
        return None, ["no tokenizer written: it cuts words in Python (jieba), which tokenizer.json cannot say"]
    return (source, target), []


def _hand_on(origin: Path, out: Path) -> None:
    """Gives an imported model back what came with it: its tokenizer's files, and keys of config.json that do not change the mathematics."""
    for file in origin.iterdir():
        if file.name != "config.json":
            shutil.copyfile(file, out / file.name)
    before, written = read_json(origin / "config.json"), read_json(out / "config.json")
    family = find(written["model_type"])
    kept = {k: v for k, v in before.items() if k in INERT | family.inert and k not in ("architectures", "dtype", "torch_dtype", "transformers_version")}
    length = {k: v for k, v in before.items() if k == "max_position_embeddings"}  # of scaled rotary positions it says more than how long texts may be
    same = canonical(family.config(written))
    data = next(d for d in (written | kept | length, written | kept, written) if canonical(family.config(d)) == same)
    (out / "config.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
