"""What people name, as a config: an architecture, a file with a config, a recipe, a run; with changes, at another size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from anyformer import architectures
from anyformer.architectures import Architecture
from anyformer.architectures.scale import scaled_context
from anyformer.errors import ConfigError, InputError, Problem, nearest
from anyformer.model.model import Model
from anyformer.run import folder, library, model_section, overrides, yaml12

VOCABULARY = 32_000  # of a tokenizer that takes all pieces it finds, before it has seen the text
SECTIONS = ("data", "tokenizer", "model", "objective", "train", "evaluate", "run")


class Named(NamedTuple):
    name: str
    config: Model.Config
    architecture: Architecture | None = None
    context: int | None = None  # tokens that it was or will be trained on at once
    note: str = ""


def resolve(thing: Any, changes: Mapping[str, Any] | None = None, scale: str | int | float | None = None) -> Named:
    """The config of `thing`.

    Args:
        thing: a `Model`, its config, a `Run`, or a name: an architecture's, of a file with a config or a recipe, of a packaged recipe, of a run's folder.
        changes: arguments of the architecture (`vocab_size`), paths into the config (`decoder.n_layers`), keys of the recipe (`tokenizer.vocab_size`).
        scale: the same architecture at another size: `tiny`, or parameters without embeddings as `10M`.

    Raises:
        InputError: nothing has this name.
        ConfigError: a change that cannot be, or a size that cannot be reached.
    """
    changes = dict(changes or {})
    scale = changes.pop("scale", scale) if scale is None else scale
    if isinstance(thing, Model.Config):
        return _changed(Named("config", thing), changes, scale)
    if isinstance(thing, Model):
        return _changed(Named("model", thing.config), changes, scale)  # type: ignore[arg-type]
    if not isinstance(thing, (str, Path)):
        return _changed(Named(str(thing.path), thing.config, context=thing.recipe.data.length_limit), changes, scale)
    name = str(thing)
    if not name.strip():
        raise InputError("the name is empty; give an architecture (`anyformer list`), a config or recipe, or a run (. for the current folder)")
    if name in architectures.known() or name in architectures.families():
        return _architecture(name, changes, scale)
    file = _file(name)
    data = yaml12.parse(library.read(file), str(file)).data
    if isinstance(data, Mapping) and not set(data) & set(SECTIONS):
        return _changed(Named(name, _full_config(data, str(file))), changes, scale)
    return _recipe(name, file, changes, scale)


def _architecture(name: str, changes: dict[str, Any], scale: str | int | float | None) -> Named:
    found = architectures.find(name)
    section = overrides.nest({path.removeprefix("model."): value for path, value in changes.items()})
    accepted = architectures.arguments(name)
    vocabulary = {key: section.pop(key) for key in ("vocab_size", "source_vocab_size") if key in section and key in accepted}
    config = model_section.resolve({"architecture": name, "scale": scale, **section}, vocabulary.get("vocab_size"), vocabulary.get("source_vocab_size"))
    return Named(found.name, config, found, scaled_context(found.context, scale), _scale_note(scale))


def _recipe(name: str, file: Path, changes: dict[str, Any], scale: str | int | float | None) -> Named:
    """The model of a recipe; what is no key of a recipe changes its model."""
    from anyformer.run import recipe  # brings the metrics' packages along, half a second that an architecture does not need

    laid = {path if path.partition(".")[0] in SECTIONS else f"model.{path}": value for path, value in changes.items()}
    vocab_size = laid.pop("model.vocab_size", None)
    if scale is not None:
        laid["model.scale"] = scale
    made, _ = recipe.read_file(str(file), laid)
    resolved = "architecture" not in made.model and "vocab_size" in made.model
    note = "" if resolved else "the vocabulary is known when it is learned"
    pieces = None if resolved else _pieces(made.tokenizer)
    if vocab_size is not None or pieces is not None:
        note = "" if vocab_size is not None else f"with {pieces:,} pieces"
    size = vocab_size if vocab_size is not None else None if resolved else pieces or VOCABULARY
    config = model_section.resolve(made.model, size, None if resolved or made.tokenizer.joint else size)
    known = made.model.get("architecture")
    found = architectures.find(known) if known else None
    return Named(name, config, found, made.data.length_limit, ", ".join(filter(None, [note, _scale_note(made.model.get("scale"))])))


def _pieces(tokenizer: Any) -> int | None:
    """How large the vocabulary will be; None: as large as the text makes it."""
    if tokenizer.kind() == "Byte":
        return int(tokenizer.train(["a"]).vocab_size)
    return getattr(tokenizer, "vocab_size", None)


def _file(name: str) -> Path:
    """The file that holds the config, or the recipe, of this name."""
    path = Path(name)
    if folder.is_run(path):
        return path / "config.yaml"
    if path.is_file():
        return path
    if path.is_dir():
        return folder.open_run(path) / "config.yaml"  # raises: it is no run
    packaged = library.packaged()
    if path.stem in packaged and name in (path.stem, f"{path.stem}.yaml", f"recipes/{path.stem}.yaml"):
        return packaged[path.stem]
    if folder.is_run(folder.RUNS / name):
        return folder.RUNS / name / "config.yaml"
    if "/" in name or path.suffix in (".yaml", ".yml", ".json"):
        raise InputError(Problem(name, f"there is no such file or run{nearest(path.stem, packaged)}"))
    try:
        architectures.find(name)
    except ConfigError as error:
        recipe = nearest(name, packaged) if nearest(name, packaged).startswith(" (did") else ""
        raise InputError(Problem(name, error.problems[0].message + (f", or the recipe{recipe}" if recipe else ""))) from None
    raise AssertionError(name)


def _full_config(data: Mapping[str, Any], file: str) -> Model.Config:
    try:
        return Model.Config.from_dict(overrides.nest(data))
    except ConfigError as error:
        raise ConfigError(*(Problem(f"{file}: {p.path}" if p.path else file, p.message) for p in error.problems)) from None


def _changed(named: Named, changes: Mapping[str, Any], scale: str | int | float | None) -> Named:
    config = named.config if scale is None else architectures.scaled(named.config, scale, context=named.context, keep_vocabulary=True)
    problems: list[Problem] = []
    for path, value in changes.items():
        try:
            config = config.override(path.removeprefix("model."), value)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)
    return named._replace(config=config, context=scaled_context(named.context, scale), note=_scale_note(scale))


def _scale_note(scale: str | int | float | None) -> str:
    return "" if scale is None else f"scale {scale}"
