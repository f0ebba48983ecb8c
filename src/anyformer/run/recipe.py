"""The recipe: one typed description of a whole run, read from YAML with changes from the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from anyformer.data import DataConfig, Objective, Translation
from anyformer.data.objectives import CausalLM, MaskedLM
from anyformer.errors import ConfigError, Problem
from anyformer.evaluation import EvaluateConfig
from anyformer.model.model import Model
from anyformer.run import library, model_section, overrides, yaml12
from anyformer.spec import Spec, spec
from anyformer.text import BPE, Tokenization
from anyformer.training.config import TrainConfig


@spec
class Recipe(Spec):
    """What is trained on what. `model` is a full `Model.Config` as data, or `architecture: NAME` with what is changed in it;
    it becomes a `Model.Config` when the vocabulary is known. `run` is what a finished run says of itself; it has no effect.
    """

    data: DataConfig
    tokenizer: Tokenization = BPE()
    model: dict[str, Any]
    objective: Objective = Translation()  # where it is left out, what fits the model's stacks
    train: TrainConfig
    evaluate: EvaluateConfig = EvaluateConfig()
    run: dict[str, Any] | None = None

    def problems(self) -> Iterator[tuple[str, str]]:
        t = self.train
        if not any((t.max_steps, t.max_minutes, t.limits.max_epochs, t.limits.max_tokens)):
            yield "train.max_steps", "training has no end; set at least one of max_steps, max_minutes, limits.max_epochs, limits.max_tokens"


def read_file(name: str, changes: Mapping[str, Any] | None = None) -> tuple[Recipe, str]:
    """The recipe `name` (a file, a run, a packaged name) with `changes` (dotted path -> value), and what its runs are called.

    Raises:
        InputError: there is no such recipe.
        ConfigError: all problems at once; each says the file and line, or that it comes from the command line.
    """
    path = library.find(name)
    document = yaml12.parse(library.read(path), str(path))
    return read(document, str(path), changes or {}), library.name_of(path)


def read(document: yaml12.Document, file: str, changes: Mapping[str, Any]) -> Recipe:
    """The recipe that a YAML document describes, after `changes`."""
    if not isinstance(document.data, Mapping):
        raise ConfigError(Problem(f"{file}:1", "a recipe is a mapping with the sections data, tokenizer, model, objective, train, evaluate"))
    data = overrides.nest(document.data)
    problems: list[Problem] = []
    for path in sorted(changes, key=_breadth):
        try:
            _change(data, path, changes[path])
        except ConfigError as error:
            problems += error.problems
    recipe, found = _checked(data)
    problems += found
    if problems or recipe is None:
        unchanged = set(_checked(overrides.nest(document.data))[1]) if changes else set(problems)
        raise ConfigError(*(_located(p, file, document.lines, p not in unchanged) for p in problems))
    return recipe


def _checked(data: dict[str, Any]) -> tuple[Recipe | None, list[Problem]]:
    """The recipe that plain data describe, and all that is wrong with it."""
    recipe, problems = None, []
    try:
        recipe = Recipe.from_dict({k: v for k, v in data.items() if k != "kind"})
    except ConfigError as error:
        problems += error.problems
    if isinstance(data.get("model"), Mapping):
        problems += model_section.problems(data["model"])
    if recipe is not None and not problems and "objective" not in data:
        recipe = replace(recipe, objective=_fitting(model_section.trial(recipe.model)))
    return recipe, problems


def _fitting(model: Model.Config) -> Objective:
    """What a model of these stacks is trained to do where the recipe does not say."""
    return next(objective for objective in (Translation(), CausalLM(), MaskedLM()) if objective.fits(model))


def _change(data: dict[str, Any], path: str, value: Any) -> None:
    section, _, rest = path.partition(".")
    if section == "model" and rest and isinstance(data.get("model"), dict):
        data["model"] = model_section.change(data["model"], rest, value)
    else:
        overrides.lay(data, path, overrides.nest(value), Recipe)


def _breadth(path: str) -> tuple[int, bool]:
    """Whole sections are laid in before what is in them, and kinds before other fields: the order on the command line does not matter."""
    return path.count("."), not path.endswith(".kind")


def _located(problem: Problem, file: str, lines: Mapping[str, int], changed: bool) -> Problem:
    """The problem with where it comes from: `recipe.yaml:12: train.max_steps`, or, where only a change has made it, `command line: train.max_steps`."""
    path = problem.path
    if changed:
        return Problem(f"command line: {path}", problem.message)
    above = path
    while above and above not in lines:
        above = above.rpartition(".")[0]
    where = f"{file}:{lines.get(above, 1)}"
    return Problem(f"{where}: {path}" if path else where, problem.message)


def as_data(recipe: Recipe) -> dict[str, Any]:
    """The recipe as a mapping of sections, for a file or a report."""
    return {k: v for k, v in recipe.to_dict().items() if k != "kind"}
