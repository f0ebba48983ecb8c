"""A config as a block diagram, like figure 1 of "Attention Is All You Need": from the embeddings below to the probabilities above."""

from __future__ import annotations

import os
from pathlib import Path

from anyformer.errors import InputError, Problem
from anyformer.inspection import words
from anyformer.inspection.draw_block import AROUND, GAP, RADIUS, Pen
from anyformer.inspection.draw_stack import draw_stack
from anyformer.inspection.shapes import SMALL, Canvas, Circle, Line, Text, outwards
from anyformer.inspection.shapes_svg import to_svg
from anyformer.model.count import parameters
from anyformer.model.model import Model
from anyformer.model.skeleton import stacks
from anyformer.parts.block import ParallelBlock
from anyformer.parts.embedding import Embedding
from anyformer.parts.head import VocabularyHead
from anyformer.parts.position import Sinusoidal

WIDTH, WIDE = 232.0, 440.0  # of boxes; where two sublayers stand side by side
BETWEEN = 120.0  # the columns


def draw(config: Model.Config, path: str | os.PathLike[str], name: str = "") -> Path:
    """Writes the diagram as SVG or PNG, as the name of the file ends.

    Raises:
        InputError: it ends in something else.
    """
    to = Path(path)
    if to.suffix.lower() not in (".svg", ".png"):
        raise InputError(Problem(str(to), "a drawing is written as .svg or .png; give the file one of these endings"))
    canvas = diagram(config, name)
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.suffix.lower() == ".svg":
        to.write_text(to_svg(canvas), encoding="utf-8")
    else:
        from anyformer.inspection.shapes_png import to_png  # matplotlib, half a second

        to_png(canvas, to)
    return to


def diagram(config: Model.Config, name: str = "") -> Canvas:
    canvas = Canvas()
    both = len(stacks(config)) == 2
    memory: tuple[float, float] | None = None
    x = 0.0
    tops = []
    for side, stack in stacks(config).items():
        parallel = any(isinstance(block, ParallelBlock.Config) for block in (*stack.first, *stack.blocks))
        pen = Pen(canvas, x, 0.0, WIDE if parallel else WIDTH, "left" if side == "encoder" else "right", config.d_model, memory)
        embedding = config.encoder_embedding if side == "encoder" and config.encoder_embedding is not None else config.embedding
        _embed(pen, embedding, config, ("Inputs" if side == "encoder" else "Outputs (shifted right)") if both else "Tokens")
        draw_stack(pen, stack)
        if both and side == "encoder":
            gutter = x + pen.width / 2 + BETWEEN / 2
            pen.canvas.add(Line(((pen.x, pen.y), (pen.x, pen.y + 14), (gutter, pen.y + 14)), False))
            memory = (gutter, pen.y + 14)
        else:
            _head(pen, config)
        tops.append(pen.y)
        x += pen.width + BETWEEN + AROUND
    left, _, right, upper = canvas.bounds()
    middle = (left + right) / 2 if both else 0.0
    if name:
        canvas.add(Text(middle, upper + 38, name, 16, bold=True))
    canvas.add(Text(middle, upper + 20, f"{parameters(config):,} parameters, width {config.d_model:,}", SMALL + 1, quiet=True))
    return canvas


def _embed(pen: Pen, embedding: Embedding.Config, config: Model.Config, below: str) -> None:
    canvas, narrow = pen.canvas, embedding.narrow
    canvas.add(Text(pen.x, pen.y, below, quiet=False))
    pen.y += 10
    rows, dim = embedding.vocab_size or config.vocab_size, config.d_model if narrow is None else narrow.dim
    title = {"Inputs": "Input Embedding", "Outputs (shifted right)": "Output Embedding"}.get(below, "Embedding")
    pen.box("embedding", title, [f"{rows:,} × {dim:,}" + (f", times √{config.d_model:,}" if embedding.scale_by_sqrt_dim else "")])
    if narrow is not None and narrow.widen == "tokens":
        pen.box("linear", "Linear", [f"{dim:,} → {config.d_model:,}"])
    if embedding.position is not None or embedding.token_types:
        _add_positions(pen, embedding)
    if embedding.norm is not None:
        pen.box("norm", words.norm(embedding.norm))
    if narrow is not None and narrow.widen == "sum":
        pen.box("linear", "Linear", [f"{dim:,} → {config.d_model:,}"])


def _add_positions(pen: Pen, embedding: Embedding.Config) -> None:
    """What is added to the tokens' vectors, from outside."""
    pen.plus()
    at, (sign, anchor) = pen.y - RADIUS, outwards(pen.side)
    canvas, from_ = pen.canvas, pen.x + sign * (pen.width / 2 + 4)
    lines = [words.position(embedding.position)] if embedding.position is not None else []
    lines += [f"{embedding.token_types} type{'s' if embedding.token_types > 1 else ''} of tokens"] if embedding.token_types else []
    beyond = from_ + sign * 4
    if isinstance(embedding.position, Sinusoidal.Config):
        canvas.add(Circle(from_ - sign * 9, at, 9, "wave"))
        canvas.add(Line(((from_ - sign * 18, at), (pen.x + sign * RADIUS, at))))
        canvas.add(Text(beyond, at + 6, "Positional", SMALL + 1, anchor), Text(beyond, at - 6, "Encoding", SMALL + 1, anchor))
        return
    canvas.add(Line(((from_, at), (pen.x + sign * RADIUS, at))))
    canvas.add(Text(beyond, at + 6 * len(lines), "Position Embedding" if embedding.position is not None else "Type Embedding", SMALL + 1, anchor))
    canvas.add(*(Text(beyond, at + 6 * len(lines) - 12 * (i + 1), line, SMALL, anchor, quiet=True) for i, line in enumerate(lines)))


def _head(pen: Pen, config: Model.Config) -> None:
    head = config.head
    if config.pooler is not None:
        sign, at = outwards(pen.side)[0], pen.y + 10
        pen.rise(10, arrow=False)
        x = pen.x + sign * (pen.width + 24)
        pen.canvas.add(Line(((pen.x, at), (x, at), (x, at + GAP))))
        pen.canvas.labelled(x, at + GAP, 130, "linear", "Pooler", ["first token, tanh"])
    if isinstance(head, VocabularyHead.Config):
        rows, dim = config.embedding.vocab_size or config.vocab_size, config.d_model
        if head.transform is not None:
            narrow = config.embedding.narrow
            dim = dim if narrow is None else narrow.dim
            act = [words.activation(head.transform.activation)] if head.transform.activation.kind() != "Identity" else []
            pen.box("linear", "Linear", [", ".join([f"{config.d_model:,} → {dim:,}", *act])])
            if head.transform.norm is not None:
                pen.box("norm", words.norm(head.transform.norm))
        details = [f"{dim:,} → {rows:,}, " + ("the embedding's table" if head.tied else "its own table")]
        more = [f"× {head.scale:.4g}"] if head.scale != 1 else []
        more += ["bias"] if head.bias else []
        more += [f"capped at {head.softcap:g}"] if head.softcap is not None else []
        pen.box("linear", "Linear", details + ([", ".join(more)] if more else []))
    else:
        pen.box("linear", words.brief(head))
    pen.box("softmax", "Softmax")
    pen.rise()
    pen.canvas.add(Text(pen.x, pen.y + 26, "Output"), Text(pen.x, pen.y + 10, "Probabilities"))
    pen.y += 36
