"""A model filled from another tool's tensors by rules, and given back by the same rules. All misfits are found before a tensor is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from anyformer.errors import ConversionError, Problem
from anyformer.interop.checkpoint_files import TensorFiles
from anyformer.interop.rule import Rule, bind, matching
from anyformer.interop.surplus import Dropped
from anyformer.interop.writing import Planned
from anyformer.model.assign import Places


def fill(model: nn.Module, rules: Sequence[Rule], files: TensorFiles, dtype: torch.dtype | None = None) -> list[str]:
    """Gives every tensor of `model`, built on the meta device, its numbers; one tensor at a time is in memory twice.

    Args:
        dtype: of the parameters; None: as stored.
    Returns:
        what was left out, and why.
    Raises:
        ConversionError: lists every tensor, theirs or ours, that has no rule, is missing, or has another shape.
    """
    places = Places(model)
    held = places.held
    bound = bind(rules, held)
    pairs, surplus = [r for r in bound if r.ours], [(r, m) for r in bound if not r.ours for m in matching(r, files.shapes)]
    _check(held, pairs, surplus, files)
    notes: dict[str, int] = {}
    for r, names in surplus:
        if isinstance(r.op, Dropped):
            note = f"left out {r.theirs[0]}: {r.op.note}"
            notes[note] = notes.get(note, 0) + 1
            continue
        try:
            r.op.read([files.load(n) for n in names])
        except ValueError as error:
            raise ConversionError(Problem(names[0], str(error))) from None
    for r in pairs:
        for name, tensor in zip(r.ours, r.op.read([files.load(n) for n in r.theirs]), strict=True):
            places.put(name, tensor, dtype)
    places.finish()
    return [f"{note} ({count} tensors)" for note, count in notes.items()]


def plan_writing(model: nn.Module, rules: Sequence[Rule]) -> list[Planned]:
    """Their tensors, made one rule at a time when they are written.

    Raises:
        ConversionError: lists every tensor of ours that has no rule.
    """
    held = Places(model).held
    bound = bind(rules, held)
    without = _uncovered(held, bound)
    if without:
        raise ConversionError(*(Problem(name, "has no place there: no rule for this tensor") for name in without))
    return [planned for r in bound for planned in _plan(r, held)]


def _plan(r: Rule, held: dict[str, Tensor]) -> Iterator[Planned]:
    shapes = r.op.write([_hollow(held[name]) for name in r.ours])
    made: list[Tensor] = []  # of this rule, while its tensors are written

    def make(i: int) -> Tensor:
        if not made:
            made.extend(r.op.write([held[name].detach() for name in r.ours]))
        tensor = made[i]
        if i == len(made) - 1:
            made.clear()
        return tensor

    for i, (name, shape) in enumerate(zip(r.theirs, shapes, strict=False)):
        yield Planned(name, tuple(shape.shape), shape.dtype, lambda i=i: make(i))  # type: ignore[misc]


def _check(held: dict[str, Tensor], pairs: list[Rule], surplus: list[tuple[Rule, tuple[str, ...]]], files: TensorFiles) -> None:
    problems = [Problem(name, "is in our model, and no rule says where it comes from") for name in _uncovered(held, pairs)]
    taken = {n for r in pairs for n in r.theirs} | {names[0] for _, names in surplus}
    problems += [Problem(name, "is in the file, and no rule says where it belongs") for name in files.shapes if name not in taken]
    for r in pairs:
        missing = [n for n in r.theirs if n not in files.shapes]
        problems += [Problem(name, f"is missing in the file (for {', '.join(r.ours)})") for name in missing]
        if not missing:
            expected = [tuple(t.shape) for t in r.op.write([_hollow(held[name]) for name in r.ours])]
            found = [files.shapes[n] for n in r.theirs]
            problems += [
                Problem(n, f"has shape {list(f)} in the file, the config makes {list(e)}") for n, f, e in zip(r.theirs, found, expected, strict=True) if f != e
            ]
    if problems:
        raise ConversionError(*problems)


def _uncovered(held: dict[str, Tensor], rules: Sequence[Rule]) -> list[str]:
    """Names of tensors that no rule has, under any of their names."""
    covered = {id(held[name]) for r in rules for name in r.ours}
    return list({id(t): name for name, t in reversed(held.items()) if id(t) not in covered}.values())[::-1]


def _hollow(tensor: Tensor) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
