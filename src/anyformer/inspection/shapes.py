"""What block diagrams are made of: boxes, lines, circles and texts, on a plane whose y goes up, as the stream of a model does. In points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Anchor = Literal["start", "middle", "end"]
Side = Literal["left", "right"]

LARGE, SMALL = 12.0, 9.5  # sizes of letters
FILLS = {
    "embedding": "#fbdcdc",
    "attention": "#fde2bb",
    "feed-forward": "#c9e6f4",
    "norm": "#f3f5c4",
    "linear": "#dddff2",
    "softmax": "#cfe9d3",
    "frame": "#f1f2f4",
    "outer": "#fafafb",
    "expert": "#eaf5fb",
}  # close to figure 1 of Vaswani et al.


def outwards(side: Side) -> tuple[int, Anchor]:
    """The sign of x on this side, and how a text is anchored that begins there and goes on outwards."""
    return (1, "start") if side == "right" else (-1, "end")


class Text(NamedTuple):
    x: float
    y: float  # of the middle of the line
    text: str
    size: float = LARGE
    anchor: Anchor = "middle"
    bold: bool = False
    quiet: bool = False


class Box(NamedTuple):
    x: float  # of the left edge
    y: float  # of the lower edge
    width: float
    height: float
    fill: str
    round: float = 5.0
    edge: bool = True

    @property
    def top(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


class Line(NamedTuple):
    points: tuple[tuple[float, float], ...]
    arrow: bool = True


class Circle(NamedTuple):
    x: float
    y: float
    radius: float
    sign: Literal["plus", "wave"]


Shape = Text | Box | Line | Circle


@dataclass
class Canvas:
    """Shapes, back to front."""

    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        self.shapes.extend(shapes)

    def behind(self, at: int, box: Box) -> None:
        """A box behind all shapes from number `at` on."""
        self.shapes.insert(at, box)

    def labelled(self, x: float, y: float, width: float, fill: str, title: str, details: Iterable[str] = ()) -> Box:
        """A box around `x`, standing on `y`, as high as its lines need."""
        lines = list(details)
        height = 24 + 13 * len(lines)
        box = Box(x - width / 2, y, width, height, FILLS[fill])
        first = box.top - (12 if lines else height / 2)
        self.add(box, Text(x, first, title), *(Text(x, first - 14 - 13 * i, line, SMALL, quiet=True) for i, line in enumerate(lines)))
        return box

    def bounds(self) -> tuple[float, float, float, float]:
        """(left, lower, right, upper) of everything."""
        xs, ys = zip(*(point for shape in self.shapes for point in _corners(shape)), strict=True)
        return min(xs), min(ys), max(xs), max(ys)


def _corners(shape: Shape) -> Iterator[tuple[float, float]]:
    if isinstance(shape, Text):
        width = text_width(shape.text, shape.size, shape.bold)
        left = {"start": 0.0, "middle": width / 2, "end": width}[shape.anchor]
        yield from ((shape.x - left, shape.y - shape.size / 2), (shape.x - left + width, shape.y + shape.size / 2))
    elif isinstance(shape, Box):
        yield from ((shape.x, shape.y), (shape.x + shape.width, shape.top))
    elif isinstance(shape, Circle):
        yield from ((shape.x - shape.radius, shape.y - shape.radius), (shape.x + shape.radius, shape.y + shape.radius))
    else:
        yield from shape.points


NARROW, WIDE = "iljtfI.,:;|!'()[] ", "mwMW@%"


def text_width(text: str, size: float, bold: bool = False) -> float:
    """About the width of a text, rather too much than too little: no font is read, and whoever looks at an SVG has another."""
    units = sum(0.36 if c in NARROW else 0.95 if c in WIDE else 0.72 if c.isupper() else 0.62 for c in text)
    return size * units * (1.08 if bold else 1.0)


def wrapped(text: str, width: float, size: float = SMALL) -> list[str]:
    """The text in lines that fit into `width`."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
