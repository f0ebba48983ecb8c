"""Shapes as an SVG whose text stays text."""

from __future__ import annotations

from html import escape

from anyformer.inspection.shapes import Box, Canvas, Circle, Line, Shape, Text

INK, QUIET, EDGE, LINE = "#1b1f24", "#5d6670", "#8a929b", "#3c444d"
MARGIN = 18.0
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0f}" height="{h:.0f}" viewBox="0 0 {w:.0f} {h:.0f}" '
    "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    f'<path d="M0,0.8 L7.2,4 L0,7.2 z" fill="{LINE}"/></marker></defs>\n'
    '<rect width="100%" height="100%" fill="#ffffff"/>\n'
)


def to_svg(canvas: Canvas) -> str:
    left, lower, right, upper = canvas.bounds()
    made = HEAD.format(w=right - left + 2 * MARGIN, h=upper - lower + 2 * MARGIN)
    return made + "".join(_shape(shape, MARGIN - left, upper + MARGIN) + "\n" for shape in canvas.shapes) + "</svg>\n"


def _shape(shape: Shape, dx: float, dy: float) -> str:
    """One element; y goes down in SVG."""
    if isinstance(shape, Text):
        weight = ' font-weight="bold"' if shape.bold else ""
        place = f'x="{shape.x + dx:.1f}" y="{dy - shape.y + 0.35 * shape.size:.1f}" text-anchor="{shape.anchor}"'
        return f'<text {place} font-size="{shape.size:g}"{weight} fill="{QUIET if shape.quiet else INK}">{escape(shape.text)}</text>'
    if isinstance(shape, Box):
        edge = f'stroke="{EDGE}"' if shape.edge else 'stroke="none"'
        size = f'width="{shape.width:.1f}" height="{shape.height:.1f}" rx="{shape.round:g}"'
        return f'<rect x="{shape.x + dx:.1f}" y="{dy - shape.top:.1f}" {size} fill="{shape.fill}" {edge}/>'
    if isinstance(shape, Circle):
        return _circle(shape.x + dx, dy - shape.y, shape)
    points = " ".join(f"{x + dx:.1f},{dy - y:.1f}" for x, y in shape.points)
    return f'<polyline points="{points}" fill="none" stroke="{LINE}" stroke-width="1.2" stroke-linejoin="round"{_end(shape)}/>'


def _end(line: Line) -> str:
    return ' marker-end="url(#arrow)"' if line.arrow else ""


def _circle(x: float, y: float, shape: Circle) -> str:
    r = shape.radius
    if shape.sign == "plus":
        inner = f"M{x - r:.1f},{y:.1f} h{2 * r:.1f} M{x:.1f},{y - r:.1f} v{2 * r:.1f}"
    else:
        inner = f"M{x - r:.1f},{y:.1f} c{0.36 * r:.1f},{-0.8 * r:.1f} {0.64 * r:.1f},{-0.8 * r:.1f} {r:.1f},0 s{0.64 * r:.1f},{0.8 * r:.1f} {r:.1f},0"
    return f'<g fill="#ffffff" stroke="{LINE}" stroke-width="1.2"><circle cx="{x:.1f}" cy="{y:.1f}" r="{r:g}"/><path d="{inner}" fill="none"/></g>'
