"""`describe(x)`: how large a model is, by part, before or after it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyformer import architectures
from anyformer.model import count, flops
from anyformer.model.model import Model
from anyformer.run import folder, library, model_section, recipe
from anyformer.run.load import Run, read_recipe

CONTEXT = 128  # keys that a token attends to, for the operations
VOCABULARY = 32_000  # for an architecture or recipe of which no vocabulary is known


@dataclass(frozen=True)
class Description:
    """How large a model is. `str` makes a table, `to_dict` data for JSON."""

    title: str
    config: Model.Config
    parts: tuple[count.Count, ...]
    parameters: int
    flops_per_token: int  # forward, with `CONTEXT` keys
    kv_cache_bytes: int  # a token, bf16
    note: str = ""

    @property
    def training_bytes(self) -> int:
        """Weights, gradients and two moments of Adam in fp32; activations come on top."""
        return 16 * self.parameters

    def to_dict(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "parameters": self.parameters,
            "parts": [part._asdict() for part in self.parts],
            "flops_per_token": self.flops_per_token,
            "flops_context": CONTEXT,
            "weights_bytes": 4 * self.parameters,
            "training_bytes": self.training_bytes,
            "kv_cache_bytes_per_token": self.kv_cache_bytes,
            "note": self.note,
            "config": self.config.to_dict(),
        }

    def table(self) -> str:
        """Parameters by part, a line each."""
        width = max(len(part.name) for part in self.parts)
        digits = len(f"{self.parameters:,}")
        lines = []
        for part in self.parts:
            layers = f"  {part.copies} x {part.parameters // part.copies:,}" if part.copies > 1 else ""
            lines.append(f"  {part.name:<{width}}  {part.parameters:>{digits},}  {100 * part.parameters / self.parameters:5.1f} %{layers}")
        lines.append(f"  {'all':<{width}}  {self.parameters:>{digits},}")
        return "\n".join(lines)

    def __str__(self) -> str:
        lines = [self.title + (f" ({self.note})" if self.note else ""), self.table()]
        lines.append(f"  forward: {number(self.flops_per_token)}FLOP a token with {CONTEXT} keys; KV cache: {size(self.kv_cache_bytes)} a token in bf16")
        lines.append(f"  memory: weights {size(4 * self.parameters)} in fp32; training {size(self.training_bytes)} with gradients and Adam, activations on top")
        return "\n".join(lines)


def describe(thing: str | Path | Model.Config | Model | Run, **changes: Any) -> Description:
    """How large `thing` is.

    Args:
        thing: a model or its config, a `Run`, or a name: an architecture's, a recipe's, a run's folder.
        changes: keyword arguments of the architecture (`vocab_size=8000`), where it is one.
    """
    if isinstance(thing, Run):
        return of_config(thing.config, str(thing.path))
    if isinstance(thing, Model):
        return of_config(thing.config, "model")  # type: ignore[arg-type]
    if isinstance(thing, Model.Config):
        return of_config(thing, "config")
    return _of_name(str(thing), changes)


def of_config(config: Model.Config, title: str, note: str = "") -> Description:
    """The description of a config; nothing is allocated."""
    parts = tuple(count.by_part(config))
    return Description(title, config, parts, count.parameters(config), flops.flops_per_token(config, CONTEXT), count.kv_cache_bytes_per_token(config), note)


def _of_name(name: str, changes: dict[str, Any]) -> Description:
    if folder.is_run(Path(name)):
        return of_config(Model.Config.from_dict(read_recipe(Path(name)).model, "model"), name)
    families = {a.family for a in architectures.known().values()}
    if name in architectures.known() or name in families:
        found = architectures.find(name)
        return of_config(architectures.get(name, **changes), found.name, found.paper)
    if changes or not _is_recipe(name):
        architectures.find(name)  # raises, with the nearest known name
    made, _ = recipe.read_file(name)
    size_of = getattr(made.tokenizer, "vocab_size", VOCABULARY)
    shared = None if made.tokenizer.joint else size_of
    return of_config(model_section.resolve(made.model, size_of, shared), name, f"with {size_of:,} pieces")


def _is_recipe(name: str) -> bool:
    return Path(name).is_file() or Path(name).stem in library.packaged()


def number(value: float) -> str:
    """`12.3 M`: three digits and a unit's prefix."""
    for prefix in ("", "k", "M", "G", "T"):
        if value < 1000:
            return f"{value:.3g} {prefix}"
        value /= 1000
    return f"{value:.3g} P"


def size(n_bytes: float) -> str:
    """`12.3 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n_bytes < 1024:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1024
    return f"{n_bytes:.3g} TiB"
