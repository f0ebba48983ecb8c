"""The recipe's section `model`: an architecture's name with what is changed in it, or a full config.

model:
  architecture: transformer-tiny    # a function of `anyformer.architectures`
  scale: 10M                        # the same architecture at another size: tiny, or parameters without embeddings
  d_model: 128                      # an argument of that function, before the scale
  encoder.n_layers: 6               # any path into the config that it returns, after the scale
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anyformer import architectures
from anyformer.errors import AnyformerError, ConfigError, Problem, nearest
from anyformer.model.model import Model
from anyformer.run import overrides
from anyformer.spec import read_value

TRIAL_VOCABULARY = 1000  # stands for the vocabulary while there is none, to check everything else


def resolve(section: Mapping[str, Any], vocab_size: int | None, source_vocab_size: int | None = None) -> Model.Config:
    """The full config for these vocabularies; `source_vocab_size` is None where both sides share one, `vocab_size` where the section's own counts.

    Raises:
        ConfigError: all problems at once, with their paths in the section.
    """
    if "architecture" not in section:
        return _resolve_full(section, vocab_size)
    name = read_value(str, section["architecture"], "architecture")
    accepted = _arguments(name)
    given: dict[str, Any] = {key: section[key] for key in section if key in accepted}
    if vocab_size is not None:
        given["vocab_size"] = vocab_size
    if source_vocab_size is not None:
        given["source_vocab_size"] = source_vocab_size
    problems: list[Problem] = []
    try:
        config = architectures.get(name, scale=section.get("scale"), **given)
    except ConfigError as error:
        problems += error.problems
        config = architectures.get(name)  # to check the paths all the same
    for path, value in _paths({k: v for k, v in section.items() if k not in accepted and k not in ("architecture", "scale")}):
        try:
            config = config.override(path, value)
        except ConfigError as error:
            problems += [_with_arguments(p, path, accepted) for p in error.problems]
    if problems:
        raise ConfigError(*problems)
    return config


def trial(section: Mapping[str, Any]) -> Model.Config:
    """The config with a vocabulary that stands for the one to come."""
    return resolve(section, section.get("vocab_size", TRIAL_VOCABULARY) if "architecture" not in section else TRIAL_VOCABULARY)


def problems(section: Mapping[str, Any]) -> list[Problem]:
    """What is wrong in the section as far as it can be known before there is a vocabulary."""
    try:
        trial(section)
    except AnyformerError as error:
        return [p.under("model") for p in error.problems]
    return []


def change(section: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The section with the value at `path` changed."""
    changed = dict(section)
    if "architecture" in section or path in ("architecture", "scale"):
        overrides.lay(changed, path, value)
        return changed
    scale = {"scale": changed.pop("scale")} if "scale" in changed else {}
    config = Model.Config.from_dict(changed, "model")
    try:
        return config.override(path, value).to_dict() | scale
    except ConfigError as error:
        raise ConfigError(*(p.under("model") for p in error.problems)) from None


def _arguments(name: str) -> set[str]:
    """What the function of this architecture takes, but for the vocabularies, which the tokenizers give."""
    return set(architectures.arguments(name)) - {"vocab_size", "source_vocab_size"}


def _resolve_full(section: Mapping[str, Any], vocab_size: int | None) -> Model.Config:
    fields = {k: v for k, v in section.items() if k != "scale"}
    config = Model.Config.from_dict(({} if vocab_size is None else {"vocab_size": vocab_size}) | fields)
    if vocab_size is not None and config.vocab_size < vocab_size:
        message = f"is {config.vocab_size}, the tokenizer has {vocab_size} pieces; leave it out to take the tokenizer's"
        raise ConfigError(Problem("vocab_size", message))
    return architectures.scaled(config, section["scale"], keep_vocabulary=True) if section.get("scale") is not None else config


def _paths(data: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path -> value of everything that is changed; a mapping with a `kind` is a value."""
    for key, value in data.items():
        path = f"{above}.{key}" if above else key
        if isinstance(value, Mapping) and "kind" not in value:
            yield from _paths(value, path)
        else:
            yield path, value


def _with_arguments(problem: Problem, path: str, accepted: set[str]) -> Problem:
    """At the top of the section the architecture's own arguments are known names too."""
    if "." not in path and problem.message.startswith("unknown field"):
        return Problem(problem.path, f"unknown field{nearest(path, [*accepted, 'scale', *Model.Config.__dataclass_fields__])}")
    return problem
