"""The course of a training run as a picture: training and validation loss, learning rate."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from anyformer.errors import InputError
from anyformer.inspection.picture import BLUE, FAINT, ORANGE, QUIET, Picture, draw


class Curve(NamedTuple):
    steps: list[int]
    values: list[float]  # NaN where the run had none


class Course(NamedTuple):
    """What the lines of a `metrics.jsonl` say."""

    train: Curve
    validation: Curve
    rate: Curve
    others: list[tuple[str, int, float]]  # (weights, step, validation loss): an average's, for instance


def draw_losses(lines: Sequence[dict[str, Any]], to: str | os.PathLike[str], title: str = "") -> Picture:
    """Writes `<to>.png` and `<to>.svg`.

    Args:
        lines: of `metrics.jsonl`.

    Raises:
        InputError: the lines hold no loss.
    """
    course = read_course(lines)
    if not course.train.steps and not course.validation.steps:
        raise InputError("there is no loss to draw yet: the run has not logged a step")
    return draw(lambda: _figure(course, title), to, [title])


def read_course(lines: Sequence[dict[str, Any]]) -> Course:
    course = Course(Curve([], []), Curve([], []), Curve([], []), [])
    for line in lines:
        step, validation = line["step"], line.get("validation")
        if "loss" in line:
            _add(course.train, step, line["loss"])
        if "lr" in line:
            _add(course.rate, step, line["lr"])
        if validation and line.get("weights"):
            course.others.append((str(line["weights"]), step, _number(validation.get("loss"))))
        elif validation:
            _add(course.validation, step, validation.get("loss"))
    return course


def _add(curve: Curve, step: int, value: float | None) -> None:
    curve.steps.append(step)
    curve.values.append(_number(value))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _figure(course: Course, title: str) -> Figure:
    figure = Figure(figsize=(7.6, 4.9), layout="constrained")
    loss, rate = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
    for axes in (loss, rate):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.02)
    few = len(course.train.steps) < 12
    loss.plot(*course.train, color=BLUE, linewidth=1.3, marker="o" if few else None, markersize=3, label="training")
    _validation(loss, course)
    loss.set_ylabel("loss, nats a token")
    loss.legend(frameon=False, loc="upper right", fontsize=9)
    rate.plot(*course.rate, color=QUIET, linewidth=1.2)
    rate.set_ylim(bottom=0)
    rate.set_ylabel("learning rate")
    rate.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    rate.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1e}".replace("e-0", "e-") if value else "0"))
    rate.set_xlabel("step")
    rate.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    rate.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    figure.align_ylabels()
    if title:
        loss.set_title(title, loc="left", fontsize=11)
    return figure


def _validation(axes: Any, course: Course) -> None:
    """The validation curve with its lowest point named, and what other weights came to."""
    finite = [(value, step) for step, value in zip(*course.validation, strict=True) if math.isfinite(value)]
    if finite:
        value, step = min(finite)
        label = f"validation, best: {value:.3f} at step {step:,}"
        axes.plot(*course.validation, color=ORANGE, linewidth=1.3, marker="o", markersize=3.5, label=label)
        axes.plot([step], [value], "o", color=ORANGE, markersize=8, fillstyle="none")
    for marker, (weights, step, value) in zip("DsP^v", course.others, strict=False):
        axes.plot([step], [value], marker, color=ORANGE, markersize=6, linestyle="none", label=f"validation, {weights}: {value:.3f}")
