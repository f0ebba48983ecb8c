"""One layer as shapes, drawn upwards around a middle line: norms, sublayers, and how they join the stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anyformer.inspection import draw_labels as labels
from anyformer.inspection.shapes import SMALL, Canvas, Circle, Line, Side, Text
from anyformer.parts.attention import Attention
from anyformer.parts.block import Block, ParallelBlock
from anyformer.parts.feed_forward import FeedForward
from anyformer.parts.residual import Residual

GAP = 20.0  # between two boxes
AROUND = 26.0  # from a box to the line that goes around it
RADIUS = 7.0


@dataclass
class Pen:
    """Draws a stack upwards along `x`; `y` is where the stream has come to."""

    canvas: Canvas
    x: float
    y: float
    width: float  # of its boxes
    side: Side  # on which residual lines run
    d_model: int
    memory: tuple[float, float] | None = None  # where an encoder's output waits: the x of its line, and how high it has come

    @property
    def outside(self) -> float:
        return self.x + (self.width / 2 + AROUND) * (1 if self.side == "right" else -1)

    def rise(self, by: float = GAP, arrow: bool = True) -> None:
        self.canvas.add(Line(((self.x, self.y), (self.x, self.y + by)), arrow))
        self.y += by

    def box(self, fill: str, title: str, details: list[str] | None = None) -> None:
        """A box on the stream, with an arrow into it."""
        self.rise()
        self.y = self.canvas.labelled(self.x, self.y, self.width, fill, title, details or []).top

    def plus(self) -> None:
        self.canvas.add(Line(((self.x, self.y), (self.x, self.y + GAP)), True), Circle(self.x, self.y + GAP + RADIUS, RADIUS, "plus"))
        self.y += GAP + 2 * RADIUS


def draw_block(pen: Pen, block: Block.Config) -> None:
    if isinstance(block, ParallelBlock.Config):
        _parallel(pen, block)
        return
    config: Any = block
    _sublayer(pen, config.residual, block.attention, masked=True)
    if block.cross_attention is not None:
        _sublayer(pen, config.residual, block.cross_attention, crossing=True)
    _sublayer(pen, config.residual, block.feed_forward)


def _sublayer(pen: Pen, join: Residual.Config, part: Attention.Config | FeedForward.Config, masked: bool = False, crossing: bool = False) -> None:
    """post(skip x + gain * branch(f(pre(x)))), from below to above."""
    pen.rise(8, arrow=False)
    start = pen.y
    if join.pre is not None:
        pen.box("norm", labels.norm(join.pre))
        start = pen.y + 6 if join.carry == "normed" else start
    if isinstance(part, Attention.Config):
        _attention(pen, part, masked, crossing)
    else:
        _feed_forward(pen, part)
    if join.branch is not None:
        pen.box("norm", labels.norm(join.branch))
    weights = [f"branch × {join.gain:.4g}"] if join.gain != 1 else []
    if join.post is None:
        pen.plus()
        into = pen.y - RADIUS
        edge = pen.x + (RADIUS if pen.side == "right" else -RADIUS)
    else:
        pen.box("norm", "Add & Norm", [labels.norm(join.post), *weights])
        into = pen.y - 12
        edge = pen.x + pen.width / 2 * (1 if pen.side == "right" else -1)
    pen.canvas.add(Line(((pen.x, start), (pen.outside, start), (pen.outside, into), (edge, into))))
    if join.skip != 1:
        pen.canvas.add(
            Text(pen.outside + (-3 if pen.side == "right" else 3), start + 7, f"× {join.skip:.4g}", SMALL, "end" if pen.side == "right" else "start")
        )


def _attention(pen: Pen, part: Attention.Config, masked: bool, crossing: bool) -> None:
    """Three arrows go in, for values, keys and queries; across, two of them come from the encoder."""
    if crossing:
        pen.rise(8, arrow=False)
    split, top = pen.y + GAP - 12, pen.y + GAP
    third = pen.width / 3.2
    own = (third,) if crossing else (-third, 0.0, third)
    pen.canvas.add(Line(((pen.x, pen.y), (pen.x, split)), False))
    for dx in own:
        pen.canvas.add(Line(((pen.x, split), (pen.x + dx, split), (pen.x + dx, top))))
    if crossing and pen.memory is not None:
        x, _ = pen.memory
        below = split - 5
        pen.canvas.add(Line(((x, pen.memory[1]), (x, below), (pen.x - third, below), (pen.x - third, top))))
        pen.canvas.add(Line(((pen.x - third, below), (pen.x - third / 6, below), (pen.x - third / 6, top))))
        pen.memory = (x, below)
    title, details = labels.attention(part, pen.d_model, masked, pen.width)
    pen.y = pen.canvas.labelled(pen.x, top, pen.width, "attention", title, details).top


def _feed_forward(pen: Pen, part: FeedForward.Config) -> None:
    title, details = labels.feed_forward(part, pen.d_model, pen.width)
    pen.box("feed-forward", title, details)


def _parallel(pen: Pen, block: ParallelBlock.Config) -> None:
    """x + attention(norm(x)) + feed_forward(norm(x)): side by side."""
    pen.rise(8, arrow=False)
    start = pen.y
    if block.feed_forward_norm is None:
        pen.box("norm", labels.norm(block.norm))
    half, apart = pen.width / 2, 12.0
    bottom = pen.y
    tops = []
    for sign, part, norm in ((-1, block.attention, block.norm), (1, block.feed_forward, block.feed_forward_norm)):
        arm = Pen(pen.canvas, pen.x + sign * (half + apart / 2) / 2, bottom + 8, half - apart / 2, pen.side, pen.d_model)
        pen.canvas.add(Line(((pen.x, bottom), (pen.x, bottom + 8), (arm.x, bottom + 8)), False))
        if block.feed_forward_norm is not None and norm is not None:
            arm.box("norm", labels.norm(norm))
        if isinstance(part, Attention.Config):
            _attention(arm, part, masked=True, crossing=False)
        else:
            _feed_forward(arm, part)
        tops.append(arm)
    join = max(arm.y for arm in tops) + GAP
    pen.y = join
    for arm in tops:
        pen.canvas.add(Line(((arm.x, arm.y), (arm.x, join + RADIUS), (pen.x + (RADIUS if arm.x > pen.x else -RADIUS), join + RADIUS))))
    pen.canvas.add(Circle(pen.x, join + RADIUS, RADIUS, "plus"))
    pen.y = join + 2 * RADIUS
    over = pen.y + 10
    pen.canvas.add(Line(((pen.x, pen.y), (pen.x, over)), False), Circle(pen.x, over + RADIUS, RADIUS, "plus"))
    pen.canvas.add(
        Line(((pen.x, start), (pen.outside, start), (pen.outside, over + RADIUS), (pen.x + (RADIUS if pen.side == "right" else -RADIUS), over + RADIUS)))
    )
    pen.y = over + 2 * RADIUS
