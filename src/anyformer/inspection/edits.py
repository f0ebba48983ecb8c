"""From one config to another as single edits of their data, each under the aspect of a model that it belongs to.

Another kind of part keeps the fields that it shares with the old one: MLP to GatedMLP is one edit, their d_ff another.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

Path = tuple[str | int, ...]

# what is changed first stands first: a step may need those before it
ASPECTS = (
    "shape", "layers", "vocabulary", "depth", "width", "key heads", "block", "positions", "norms", "attention", "feed-forward", "d_ff",
    "biases", "embedding", "head", "dropout", "first weights",
)  # fmt: skip


class Edit(NamedTuple):
    path: Path
    before: Any
    after: Any  # data; where it is another kind of part, the fields that both have are edits of their own

    @property
    def aspect(self) -> str:
        return aspect_of(self.path)


def edits(a: Any, b: Any, path: Path = ()) -> Iterator[Edit]:
    """The edits that make `b` of `a`, plain data of two configs whose stacks have the same layout."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.get("kind") != b.get("kind"):
            yield Edit(path, a, b)
            a = _of_kind(a, b)
        for key in a:
            yield from edits(a[key], b[key], (*path, key))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from edits(x, y, (*path, i))
    elif a != b:
        yield Edit(path, a, b)


def applied(data: dict[str, Any], changes: Sequence[Edit]) -> dict[str, Any]:
    """A copy of the data with these edits made."""
    made = copy.deepcopy(data)
    for edit in changes:
        here: Any = made
        for name in edit.path[:-1]:
            here = here[name]
        here[edit.path[-1]] = _of_kind(here[edit.path[-1]], copy.deepcopy(edit.after))
    return made


def _of_kind(now: Any, wanted: Any) -> Any:
    """What is wanted; of another kind of part only what the present one has not."""
    if not isinstance(now, dict) or not isinstance(wanted, dict):
        return wanted
    return {key: now[key] if key in now and key != "kind" else value for key, value in wanted.items()}


SIZES = {"n_layers": "depth", "vocab_size": "vocabulary", "d_ff": "d_ff", "dropout": "dropout", "init_gain": "first weights", "init": "first weights"}
WIDTHS = {name: "width" for name in ("d_model", "n_heads", "head_dim", "nope_dim", "rope_dim", "value_dim")}
KEYS = {name: "key heads" for name in ("n_kv_heads", "kv_rank", "q_rank")}
NORMS = ("pre", "branch", "post", "norm", "final_norm", "feed_forward_norm", "skip", "gain", "carry", "residual")
BIASES = ("bias", "qkv_bias", "out_bias")


def aspect_of(path: Path) -> str:
    """Which aspect of a model a path into its config belongs to."""
    names = [name for name in path if isinstance(name, str)]
    last = names[-1]
    if path in (("encoder",), ("decoder",)) or last == "cross_attention":
        return "shape"
    if isinstance(path[-1], int) and last in ("blocks", "first"):
        return "block"
    if (found := (SIZES | WIDTHS | KEYS).get(last)) is not None:
        return found
    for name, aspect in (("init", "first weights"), ("head", "head"), ("pooler", "head"), ("position", "positions"), ("qk_norm", "attention")):
        if name in names:
            return aspect
    if last == "padding":
        return "positions"
    if any(name in NORMS for name in names):
        return "norms"
    if last in BIASES:
        return "biases"
    for name, aspect in (("feed_forward", "feed-forward"), ("attention", "attention"), ("cross_attention", "attention")):
        if name in names:
            return aspect
    return "embedding"
