"""Pieces of a page of HTML that needs nothing but itself: no script, no style sheet, no picture or font from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --quiet: #5d6670; --line: #d9dde2; --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --quiet: #a3adb8; --line: #3a424b; --accent: #7fb2ea; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: .2rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
p.quiet, td.quiet, th { color: var(--quiet); } th { text-align: left; font-weight: 600; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .25rem .7rem .25rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.facts { display: flex; flex-wrap: wrap; gap: 1.6rem; margin: 1.2rem 0; } .facts b { display: block; font-size: 1.5rem; color: var(--accent); }
pre { overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; } img { max-width: 100%; height: auto; background: #fff; } summary { cursor: pointer; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page; `parts` are HTML, the title is text."""
    head = f'<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>'
    body = "\n".join(part for part in parts if part)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n'


def section(title: str, *parts: str) -> str:
    """A heading and what stands under it; nothing where there is nothing."""
    inner = "\n".join(part for part in parts if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{inner}\n</section>" if inner else ""


def paragraph(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>' if text else ""


def facts(named: Iterable[tuple[str, str]]) -> str:
    """Large figures with their names, side by side."""
    return '<div class="facts">\n' + "\n".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for name, value in named) + "\n</div>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Rows of text, each in its own direction of writing; `numbers`: columns that are aligned on the right."""
    if not rows:
        return ""
    lines = ["<table>", "<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"]
    for row in rows:
        cells = (f'<td class="number">{escape(c)}</td>' if i in numbers else f'<td dir="auto">{escape(c)}</td>' for i, c in enumerate(row))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*lines, "</table>"])


def preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>" if text else ""


def folded(title: str, inner: str) -> str:
    """What is shown when its title is clicked."""
    return f"<details>\n<summary>{escape(title)}</summary>\n{inner}\n</details>" if inner else ""


def picture(svg: bytes, described: str) -> str:
    """An SVG inside the page, on its own, so that its style is not the page's."""
    return f'<img alt="{escape(described)}" src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}">'
