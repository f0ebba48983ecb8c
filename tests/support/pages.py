"""The documentation as data: blocks of code, links, headings and the words set as code of every Markdown page.

Marks that tests act on are comments on the line before a block: `<!-- run -->` (the block is executed, see
tests/docs/test_examples.py) and `<!-- tree -->` (a tree of files).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def translation_of(page: Path) -> Path:
    """The Chinese version of an English page."""
    return ROOT / "README.zh-CN.md" if page.name == "README.md" else page.parent / "zh" / page.name


PAGES = [*ENGLISH, *map(translation_of, ENGLISH)]

_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>\w*)\n(?P<code>.*?)^(?P=fence)$", re.M | re.S)
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    page: Path
    line: int  # of its first line of code, from 1
    language: str
    mark: str  # what the comment before it says: "run", "tree"; "" without one
    code: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def plain(self) -> list[str]:
        """The lines without comments and without what they leave empty."""
        lines = (_COMMENT.sub("", line).rstrip() for line in self.code.splitlines())
        return [line for line in lines if line]

    def commands(self) -> list[str]:
        """The shell commands of a block, continued lines joined."""
        return "\n".join(self.plain()).replace("\\\n", " ").split("\n")


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in these languages, or all."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rsplit("\n", 2)
        mark = re.fullmatch(r"<!-- (\w+) -->", before[-2]) if len(before) > 1 else None
        line = text[: match.start("code")].count("\n") + 1
        found.append(Block(page, line, match["language"], mark[1] if mark else "", match["code"]))
    return [b for b in found if not languages or b.language in languages]


def prose(page: Path) -> str:
    """The text without blocks of code."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def code_spans(page: Path) -> list[str]:
    """What stands between single backticks in the text."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def links(page: Path) -> list[str]:
    """The targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]+`", "", prose(page)))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of headings: lower case, letters, digits, hyphens and underscores, hyphens for spaces."""
    made = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        kept = (c for c in heading.strip().lower() if c in " -_" or unicodedata.category(c)[0] in "LN")
        made.add("".join(kept).replace(" ", "-"))
    return made
