"""The encodings of positions that a model has, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from anyformer.errors import ConfigError, Problem
from anyformer.model.model import Model
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.embedding import Embedding
from anyformer.parts.part import PartConfig
from anyformer.parts.position import InputPosition
from anyformer.spec import field_types

NAMES = {  # as people say
    "sinusoidal": "Sinusoidal",
    "learned": "Learned",
    "two-dimensional": "TwoDimensional",
    "rotary": "Rotary",
    "rope": "Rotary",
    "alibi": "ALiBi",
    "t5": "RelativeBias",
    "relative-bias": "RelativeBias",
    "shaw": "Shaw",
    "transformer-xl": "TransformerXL",
}


class Encoding(NamedTuple):
    """One way of telling positions, with the sizes that it is built for."""

    where: str  # "decoder, layers 1-12"; empty for one that stands for itself
    config: InputPosition.Config | AttentionPosition.Config
    dim: int  # features of the embedding
    n_heads: int
    head_dim: int

    @property
    def title(self) -> str:
        """`decoder, all layers: Rotary(base=500000.0)`"""
        what = repr(self.config).replace(".Config", "").removesuffix("()")
        return f"{self.where}: {what}" if self.where else what


def named(name: str) -> type[PartConfig] | None:
    """The encoding called so: one of `NAMES`, or the kind of any other; None: there is none."""
    kinds = InputPosition.Config.menu() | AttentionPosition.Config.menu()  # type: ignore[operator]
    by_name = {kind.lower(): config for kind, config in kinds.items()}
    return by_name.get(NAMES.get(name.lower(), name).lower())


def built_from(config: type[PartConfig], fields: dict[str, Any], length: int, n_heads: int, head_dim: int) -> Any:
    """An encoding by itself from fields of its config; a table has `length` rows unless they say otherwise.

    Raises:
        ConfigError: fields that are not its own, or that do not go with these heads.
    """
    table = {"length": length} if "length" in field_types(config) else {}
    made = config.from_dict({"kind": config.kind(), **table, **fields})
    misfits = made.misfits(n_heads, head_dim) if isinstance(made, AttentionPosition.Config) else []
    if misfits:
        raise ConfigError(*(Problem(field, message) for field, message in misfits))
    return made


def encodings_of(config: Model.Config) -> list[Encoding]:
    """All different ones of a model: what is added to its embeddings, then what its attention does, stack by stack."""
    found = []
    embeddings = {"embedding": config.embedding, "encoder's embedding": config.encoder_embedding}
    for where, embedding in embeddings.items():
        if isinstance(embedding, Embedding.Config) and embedding.position is not None:
            inner = embedding.narrow is not None and embedding.narrow.widen == "sum"
            found.append(Encoding(where, embedding.position, embedding.narrow.dim if inner else config.d_model, 1, config.d_model))  # type: ignore[union-attr]
    for name in ("encoder", "decoder"):
        stack = getattr(config, name)
        if stack is None:
            continue
        layers: dict[tuple[AttentionPosition.Config, int, int], list[int]] = {}
        for i, block in enumerate(stack.layers(), 1):
            if block.attention.position is not None:
                layers.setdefault((block.attention.position, *block.attention.heads(config.d_model)), []).append(i)
        for (position, n_heads, head_dim), numbers in layers.items():
            found.append(Encoding(f"{name}, {_ranges(numbers, stack.n_layers)}", position, config.d_model, n_heads, head_dim))
    return found


def _ranges(numbers: Sequence[int], n_layers: int) -> str:
    """`layers 1-5, 7-11`; `all layers`."""
    if len(numbers) == n_layers:
        return "all layers"
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    shown = [str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs]
    return ("layers " if len(numbers) > 1 else "layer ") + ", ".join(shown if len(shown) <= 6 else [*shown[:5], "..."])
