"""Architectures by name. A file of this package defines a family or a few: functions that return a `Model.Config`, and their sizes.

    SIZES = {
        "llama-7b": {"d_model": 4096, "n_layers": 32, "n_heads": 32, "d_ff": 11008, "published": "6.7B"},
        ...
    }

    @architecture(SIZES, family="llama", year=2023, kind="causal decoder", context=2048, line="RMSNorm, SwiGLU, rotary", paper="Touvron et al. 2023, LLaMA")
    def llama(*, d_model: int, n_layers: int, n_heads: int, d_ff: int, vocab_size: int = 32000) -> Model.Config: ...

What a size says beside the function's arguments (`FACTS`) is for people and for counting. Files of this package are imported with it.
"""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from anyformer.architectures.scale import scaled
from anyformer.errors import ConfigError, Problem, nearest
from anyformer.model.model import Model
from anyformer.parts.part import MOST, too_large
from anyformer.spec import read_value

Kind = Literal["encoder-decoder", "causal decoder", "prefix decoder", "encoder"]
Make = Callable[..., Model.Config]

FACTS = ("published", "context", "year", "kind", "line", "paper")  # what a size may say of itself, over what its family says


class Architecture(NamedTuple):
    name: str
    family: str
    year: int
    kind: Kind
    line: str  # what is particular about it, in a line
    paper: str
    published: str  # parameters as the paper prints them: `6.7B`; empty where it prints none
    context: int | None  # tokens that it was trained on at once
    make: Make
    size: dict[str, Any]  # keyword arguments of `make`


_KNOWN: dict[str, Architecture] = {}


def architecture(
    sizes: Mapping[str, Any], *, family: str, year: int, kind: Kind, paper: str, line: str = "", context: int | None = None
) -> Callable[[Make], Make]:
    """Registers a function under the names of `sizes`: each holds arguments of the function, and facts of its own (see `FACTS`).

    A fact whose name is also an argument is both: `context` is handed on to a function that has a table of positions to make.
    """
    of_family = {"published": "", "context": context, "year": year, "kind": kind, "line": line, "paper": paper}

    def register(make: Make) -> Make:
        takes = inspect.signature(make).parameters
        for name, size in sizes.items():
            facts = of_family | {k: v for k, v in size.items() if k in FACTS}
            given = {k: v for k, v in size.items() if k not in FACTS or k in takes}
            if "context" in takes and facts["context"] is not None:
                given["context"] = facts["context"]
            assert name not in _KNOWN and facts["kind"] in typing.get_args(Kind), name
            _KNOWN[name] = Architecture(name=name, family=family, make=make, size=given, **facts)  # type: ignore[arg-type]
        return make

    return register


def known(family: str | None = None) -> dict[str, Architecture]:
    """All architectures, or those of a family, by name.

    Raises:
        ConfigError: there is no such family.
    """
    found = {name: a for name, a in _KNOWN.items() if family in (None, a.family)}
    if not found:
        raise ConfigError(Problem("family", f"unknown family '{family}'{nearest(str(family), families())}"))
    return found


def families() -> list[str]:
    return list(dict.fromkeys(a.family for a in _KNOWN.values()))


def find(name: str) -> Architecture:
    """The architecture called `name`; for the bare name of a family its smallest published size, or its first where none was published.

    Raises:
        ConfigError: there is none; the message names the nearest, or the family's sizes.
    """
    if name in _KNOWN:
        return _KNOWN[name]
    if name in families():
        of_family = list(known(name).values())
        return min(of_family, key=lambda a: number(a.published) if a.published else float("inf"))
    raise ConfigError(Problem("architecture", f"unknown architecture '{name}'{_meant(name)}"))


def arguments(name: str) -> dict[str, inspect.Parameter]:
    """What `get(name, ...)` takes by keyword."""
    return dict(inspect.signature(find(name).make).parameters)


def types(name: str) -> dict[str, Any]:
    """The type of each argument."""
    hints = typing.get_type_hints(find(name).make)
    return {argument: hints.get(argument, Any) for argument in arguments(name)}


def get(name: str, *, scale: str | int | float | None = None, **changes: Any) -> Model.Config:
    """The config of `name`; `changes` are keyword arguments of its function (`d_model=128`, `vocab_size=8000`).

    Args:
        scale: after the changes, the same architecture at another size: `tiny`, or parameters without embeddings as `10M` (see `scaled`).

    Raises:
        ConfigError: for an unknown name, an unknown argument, a value of a wrong type, or a config that cannot be; all problems at once.
    """
    found, takes = find(name), types(name)
    problems: list[Problem] = []
    read = dict(found.size)
    for key, value in changes.items():
        if key not in takes:
            problems.append(Problem(key, f"{found.family} takes no such argument{nearest(key, takes)}"))
            continue
        try:
            read[key] = _possible(read_value(takes[key], value, key), key)
        except ConfigError as error:
            problems += error.problems
    try:
        config = found.make(**read)  # without those that cannot be read: what else is wrong is told with them
    except ConfigError as error:
        problems += _told_of_arguments(error.problems, changes)
    if problems:
        raise ConfigError(*problems)
    if scale is None:
        return config
    return scaled(config, scale, context=found.context, keep_vocabulary="vocab_size" in changes)


def _possible(value: Any, key: str) -> Any:
    """Asked here too, so that a size too large is told under the argument's name and nothing is computed from it."""
    if isinstance(value, int) and value > MOST:
        raise ConfigError(Problem(key, too_large(value)))
    return value


def number(text: str) -> float:
    """`6.7B` as 6.7e9."""
    return float(text.rstrip("KMBT")) * {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1], 1)


def _told_of_arguments(problems: list[Problem], given: Mapping[str, Any]) -> list[Problem]:
    """Problems of fields that an argument has set in many places, once, under the argument's name."""
    return list({Problem(leaf if (leaf := p.path.rpartition(".")[2]) in given else p.path, p.message): None for p in problems})


def _meant(name: str) -> str:
    """A hint: the nearest names; for a size that a family has not, those that it has."""
    plain = name.lower().replace("_", "-")
    close = difflib.get_close_matches(plain, [*_KNOWN, *families()], n=3, cutoff=0.6)
    hint = f" (did you mean {_either(dict.fromkeys(close))}?)" if close else ""
    of_family = [family for family in families() if plain.startswith(family + "-")]
    if plain not in _KNOWN and of_family:
        family = max(of_family, key=len)
        return f"{hint}; {family} has {', '.join(known(family))}"
    return hint or "; `anyformer list` names all"


def _either(names: Iterable[str]) -> str:
    quoted = [f"'{n}'" for n in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]
