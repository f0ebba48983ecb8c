"""A stack as shapes: each kind of layer once, in a frame that says how often, and what is repeated in turn in a frame around."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from anyformer.inspection import words
from anyformer.inspection.draw_block import AROUND, GAP, Pen, draw_block
from anyformer.inspection.shapes import FILLS, SMALL, Box, Text, outwards
from anyformer.model.skeleton import distinct, period, where
from anyformer.model.stack import Stack
from anyformer.parts.block import Block

EDGE = 14.0  # from a frame to what is in it
MOST_RUNS = 4  # kinds in turn that are drawn in their order; of more, each kind stands once


class Run(NamedTuple):
    block: Block.Config
    copies: str  # `6 ×`, `layers 0, 3, 7`


def draw_stack(pen: Pen, stack: Stack.Config) -> None:
    first, repeated, times, over = _runs(stack)
    for run in first:
        _frame(pen, [run])
    if times == 1 or len(repeated) == 1:
        for run in repeated:
            _frame(pen, [run])
    else:
        _frame(pen, repeated, f"{times:,} ×", over)
    if stack.final_norm is not None:
        pen.box("norm", words.norm(stack.final_norm))


def _runs(stack: Stack.Config) -> tuple[list[Run], list[Run], int, int]:
    """(layers before the pattern, the pattern, how often it is repeated, layers of it that come once more)."""
    pattern = period(stack)
    before = stack.first[: stack.n_layers]
    rest = stack.n_layers - len(before)
    first, repeated = _lengths(before), _lengths(pattern[:rest] if rest < len(pattern) else pattern)
    if len(first) + len(repeated) > MOST_RUNS:
        return [], [Run(block, f"layers {where(stack, block)}") for block in distinct(stack)], 1, 0
    if len(repeated) == 1:
        return first, [Run(pattern[0], f"{rest:,} ×")], 1, 0
    return first, repeated, max(1, rest // len(pattern)), rest % len(pattern) if rest > len(pattern) else 0


def _lengths(blocks: tuple[Block.Config, ...]) -> list[Run]:
    return [Run(block, f"{len(list(group))} ×") for block, group in groupby(blocks)]


def _frame(pen: Pen, runs: list[Run], around: str = "", over: int = 0) -> None:
    """Frames around layers, and one around them all where they are repeated in turn."""
    canvas, at = pen.canvas, len(pen.canvas.shapes)
    pen.rise(GAP + (EDGE if around else 0), arrow=False)
    lower = pen.y - EDGE if around else pen.y
    for i, run in enumerate(runs):
        if i:
            pen.rise(GAP, arrow=False)
        inner, bottom = len(canvas.shapes), pen.y
        pen.y += 2
        canvas.shapes.append(_stub(pen, bottom))
        draw_block(pen, run.block)
        pen.rise(EDGE - 2, arrow=False)
        canvas.behind(inner, _around(pen, bottom, pen.y, 0, FILLS["frame"]))
        _label(pen, run.copies, (bottom + pen.y) / 2, 0)
    if around:
        pen.rise(EDGE, arrow=False)
        label_room = 52.0
        canvas.behind(at, _around(pen, lower, pen.y, label_room, FILLS["outer"]))
        _label(pen, around, (lower + pen.y) / 2, label_room)
        if over:
            sign = 1 if pen.side == "right" else -1
            text = f"then {over} more"
            canvas.add(
                Text(
                    pen.x + sign * (pen.width / 2 + AROUND + EDGE + label_room + 8),
                    (lower + pen.y) / 2 - 16,
                    text,
                    SMALL,
                    "start" if sign > 0 else "end",
                    quiet=True,
                )
            )


def _stub(pen: Pen, bottom: float) -> Box:
    return Box(pen.x - 0.6, bottom, 1.2, 2, "#3c444d", 0, False)


def _around(pen: Pen, lower: float, upper: float, more: float, fill: str) -> Box:
    """Wide enough for the residual lines on one side."""
    near, far = pen.width / 2 + EDGE + (EDGE if more else 0), pen.width / 2 + AROUND + EDGE + more
    left, right = (near, far) if pen.side == "right" else (far, near)
    return Box(pen.x - left, lower, left + right, upper - lower, fill, 12)


def _label(pen: Pen, text: str, y: float, more: float) -> None:
    sign, anchor = outwards(pen.side)
    x = pen.x + sign * (pen.width / 2 + AROUND + EDGE + more + 8)
    small = not text.endswith("×")
    pen.canvas.add(Text(x, y, text, SMALL if small else 14, anchor, bold=not small))
