"""The recipe's section `model`: an architecture's name with what is changed in it, or a full config.

model:
  architecture: transformer-tiny    # a function of `anyformer.architectures`
  d_model: 128                      # an argument of that function
  encoder.n_layers: 6               # any path into the config that it returns
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from anyformer import architectures
from anyformer.errors import AnyformerError, ConfigError, Problem, nearest
from anyformer.model.model import Model
from anyformer.run import overrides
from anyformer.spec import read_value

TRIAL_VOCABULARY = 1000  # stands for the vocabulary while there is none, to check everything else


def resolve(section: Mapping[str, Any], vocab_size: int, source_vocab_size: int | None = None) -> Model.Config:
    """The full config for these vocabularies; `source_vocab_size` is None where both sides share one.

    Raises:
        ConfigError: all problems at once, with their paths in the section.
    """
    if "architecture" not in section:
        return _resolve_full(section, vocab_size)
    name = read_value(str, section["architecture"], "architecture")
    accepted = _arguments(name)
    given, problems = _read_arguments(section, accepted)
    given["vocab_size"] = vocab_size
    if source_vocab_size is not None:
        given["source_vocab_size"] = source_vocab_size
    try:
        config = architectures.get(name, **given)
    except ConfigError as error:
        problems += _told_of_arguments(error.problems, given)
        config = architectures.get(name)  # to check the paths all the same
    for path, value in _paths({k: v for k, v in section.items() if k not in accepted and k != "architecture"}):
        try:
            config = config.override(path, value)
        except ConfigError as error:
            problems += [_with_arguments(p, path, accepted) for p in error.problems]
    if problems:
        raise ConfigError(*problems)
    return config


def problems(section: Mapping[str, Any]) -> list[Problem]:
    """What is wrong in the section as far as it can be known before there is a vocabulary."""
    try:
        resolve(section, section.get("vocab_size", TRIAL_VOCABULARY) if "architecture" not in section else TRIAL_VOCABULARY)
    except AnyformerError as error:
        return [p.under("model") for p in error.problems]
    return []


def change(section: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The section with the value at `path` changed."""
    changed = dict(section)
    if "architecture" in section or path == "architecture":
        overrides.lay(changed, path, value)
        return changed
    config = Model.Config.from_dict(changed, "model")
    try:
        return config.override(path, value).to_dict()
    except ConfigError as error:
        raise ConfigError(*(p.under("model") for p in error.problems)) from None


def _arguments(name: str) -> dict[str, Any]:
    """What the function of this architecture takes, but for the vocabularies, which the tokenizers give: name -> type."""
    hints = typing.get_type_hints(architectures.find(name).make)
    return {k: hints.get(k, Any) for k in architectures.arguments(name) if k not in ("vocab_size", "source_vocab_size")}


def _read_arguments(section: Mapping[str, Any], accepted: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    read: dict[str, Any] = {}
    problems: list[Problem] = []
    for key in (k for k in section if k in accepted):
        try:
            read[key] = read_value(accepted[key], section[key], key)
        except ConfigError as error:
            problems += error.problems
    return read, problems


def _resolve_full(section: Mapping[str, Any], vocab_size: int) -> Model.Config:
    config = Model.Config.from_dict({"vocab_size": vocab_size} | dict(section))
    if config.vocab_size < vocab_size:
        message = f"is {config.vocab_size}, the tokenizer has {vocab_size} pieces; leave it out to take the tokenizer's"
        raise ConfigError(Problem("vocab_size", message))
    return config


def _paths(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path -> value of everything that is changed; a mapping with a `kind` is a value."""
    for key, value in data.items():
        path = f"{above}.{key}" if above else key
        if isinstance(value, Mapping) and "kind" not in value:
            yield from _paths(value, path)
        else:
            yield path, value


def _told_of_arguments(problems: list[Problem], given: Mapping[str, Any]) -> list[Problem]:
    """Problems of fields that an argument has set in many places, once, under the argument's name."""
    told = {Problem(leaf if (leaf := p.path.rpartition(".")[2]) in given else p.path, p.message): None for p in problems}
    return list(told)


def _with_arguments(problem: Problem, path: str, accepted: Mapping[str, Any]) -> Problem:
    """At the top of the section the architecture's own arguments are known names too."""
    if "." not in path and problem.message.startswith("unknown field"):
        return Problem(problem.path, f"unknown field{nearest(path, [*accepted, *Model.Config.__dataclass_fields__])}")
    return problem
