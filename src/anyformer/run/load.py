"""`load(path)`: a trained run, ready to translate. Reads the folder and nothing else; nothing is unpickled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from anyformer.checkpoint import find_step, load_step, step_name
from anyformer.decoding import Continuation, Generator, Score, Translation, Translator, room_of
from anyformer.errors import AnyformerError, CheckpointError, ConfigError, Problem
from anyformer.model.assign import assign, hollow
from anyformer.model.model import Model
from anyformer.run import folder, yaml12
from anyformer.run.device import choose_device, precision_for
from anyformer.run.recipe import Recipe, read
from anyformer.text import Tokenizer, load_pair


@dataclass(frozen=True)
class Run:
    """A model with its tokenizers and the recipe that made it.

        run = anyformer.load("runs/x")
        run.translate(["A man is riding a bicycle."], beam=5)

    Attributes:
        path: the run's folder.
        step: name of the saved step whose weights these are (`step-000500`, `average`).
        recipe: the whole resolved recipe.
        model: the `Model`, in evaluation mode.
    """

    path: Path
    step: str
    recipe: Recipe
    model: Model
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    translator: Translator

    @property
    def config(self) -> Model.Config:
        return self.model.config  # type: ignore[no-any-return]

    @property
    def tokenizer(self) -> Tokenizer:
        """The target's tokenizer; of both sides where they share one."""
        return self.target_tokenizer

    def translate(self, texts: Sequence[str], *, batch_size: int = 32, **search: Any) -> list[str]:
        """The best translation of each text. `search`: fields of `SearchConfig` (`beam=5`, `length_penalty=1.0`, `temperature=0.8`, ...)."""
        return [t.text for t in self.translator.translate(texts, batch_size=batch_size, **search)]

    def generate(self, prompts: Sequence[str], *, batch_size: int = 8, on_text: Callable[[str], None] | None = None, **search: Any) -> list[list[Continuation]]:
        """What the model writes after each prompt, best first; arguments as of `Generator.generate` (`temperature=0.8`, `beam=5`, `max_length=100`)."""
        return self.generator.generate(prompts, batch_size=batch_size, on_text=on_text, **search)

    @property
    def generator(self) -> Generator:
        end = self.source_tokenizer.end if self.model.encoder is not None else []
        return Generator(
            self.model, self.source_tokenizer, begin=self.source_tokenizer.begin, end=end, room=room_of(self.model), precision=self.translator.precision
        )

    def translate_n_best(self, texts: Sequence[str], *, batch_size: int = 32, **search: Any) -> list[Translation]:
        """As `translate`, with scores, ids and the other candidates (`n_best=3`)."""
        return self.translator.translate(texts, batch_size=batch_size, **search)

    def stream(self, lines: Iterable[str], *, batch_size: int = 32, window: int = 16, **search: Any) -> Iterator[Translation]:
        """Translates lines as they come, in constant memory."""
        return self.translator.stream(lines, batch_size=batch_size, window=window, **search)

    def score(self, pairs: Sequence[tuple[str, str]], *, batch_size: int = 32) -> list[Score]:
        """The log-probability of each given translation: pairs of source and target."""
        return self.translator.score(pairs, batch_size=batch_size)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, step={self.step!r})"


def load(path: str | Path, *, step: str | int | None = None, device: str = "auto", precision: Literal["auto", "fp32", "bf16"] = "auto") -> Run:
    """Opens a run.

    Args:
        path: a run's folder, such as `runs/multi30k-en-fr-1`.
        step: `best`, `latest`, `average`, `ema`, or a number; None: the best by validation loss, averages included.
        device: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: `auto` takes fp32 on a CPU and bf16 on a GPU that has it.

    Raises:
        InputError: there is no such run.
        CheckpointError: the folder is damaged, incomplete or of another format version.
    """
    where = folder.open_run(path)
    recipe = read_recipe(where)
    chosen = choose_device(device)
    try:
        source, target = load_pair(where)
    except AnyformerError as error:
        raise CheckpointError(*error.problems) from None
    found = find_weights(where, step)
    model = load_model(recipe, where, found)
    if precision_for(precision, chosen) == "fp32":
        model.float()
    model.to(chosen).eval()
    for side, size in (("target", config_sizes(model)[1]), ("source", config_sizes(model)[0])):
        tokenizer = target if side == "target" else source
        if tokenizer.vocab_size > size:
            raise CheckpointError(Problem(str(where), f"the {side} tokenizer has {tokenizer.vocab_size} pieces, the model {size}: they are not of one run"))
    translator = Translator(
        model,
        source,
        target,
        search=recipe.evaluate.search,
        max_source_length=recipe.data.length_limit,
        precision=precision_for(precision, chosen),
    )
    return Run(where, found.name, recipe, model, source, target, translator)


def read_recipe(where: Path, changes: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe that a run's config.yaml holds, with the model resolved; `changes` as in `anyformer train`."""
    data = folder.read_config(where)
    try:
        return read(yaml12.Document(data, {}), str(where / "config.yaml"), changes or {})
    except ConfigError as error:
        raise error if changes else CheckpointError(*error.problems) from None


def load_model(recipe: Recipe, where: Path, step: Path) -> Model:
    """The model of a run with the weights of a step, as they are stored; they are in memory once."""
    model = build_model(recipe, where)
    load_weights(model, load_step(step).tensors("model"), step)
    return model


def build_model(recipe: Recipe, where: Path) -> Model:
    """The model of a run's config, on the meta device: `load_weights` gives it its weights."""
    try:
        return hollow(Model.Config.from_dict(recipe.model, "model"))
    except ConfigError as error:
        raise CheckpointError(*(Problem(f"{where / 'config.yaml'}: {p.path}", p.message) for p in error.problems)) from None


def load_weights(model: Model, tensors: dict[str, torch.Tensor], where: Path) -> None:
    """Fills the model; every tensor must be there, of its shape, and nothing else.

    Raises:
        CheckpointError: lists every tensor that is missing, unknown or of another shape.
    """
    wanted = model.state_dict()
    problems = [Problem(name, "is missing") for name in wanted if name not in tensors]
    problems += [Problem(name, "is no part of this model") for name in tensors if name not in wanted]
    problems += [
        Problem(name, f"has shape {list(tensors[name].shape)}, the config makes {list(tensor.shape)}")
        for name, tensor in wanted.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    if problems:
        raise CheckpointError(Problem(str(where), "is of another config than the run's config.yaml"), *problems[:10])
    assign(model, tensors)


def config_sizes(model: Model) -> tuple[int, int]:
    """(source, target) entries of the model's embeddings."""
    config: Model.Config = model.config  # type: ignore[assignment]
    own = config.encoder_embedding
    return (own.vocab_size if own and own.vocab_size else config.vocab_size), config.vocab_size


def find_weights(where: Path, step: str | int | None) -> Path:
    """The folder of the step that `load(where, step=step)` opens."""
    name = "best" if step is None else str(step)
    return find_step(where, step_name(int(name)) if name.isdigit() else name)
