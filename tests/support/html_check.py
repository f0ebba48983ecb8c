"""Reads a page of HTML: whether every tag is closed, whether anything is fetched from elsewhere, and what text it shows."""

from __future__ import annotations

import re
from collections import defaultdict
from html.parser import HTMLParser

_VOID = {"meta", "img", "br", "link"}
_FETCHED = {"src", "href", "srcset", "data", "poster", "action", "background"}


class Page(HTMLParser):
    """Fills `problems`, `tags`, `text` and `attributes`."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.attributes: dict[str, list[str]] = defaultdict(list)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            self.attributes[name].append(value or "")
            if name in _FETCHED and not (value or "").startswith(("data:", "#")):
                self.problems.append(f"{tag} fetches {value}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"{tag} is closed where {self.open[-1:]} is open")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"]:
            self.problems += [f"the style fetches {found}" for found in re.findall(r"url\([^)]*|@import[^;]*", data)]
        else:
            self.text += data


def read(page: str) -> Page:
    found = Page()
    found.feed(page)
    found.close()
    found.problems += [f"{tag} is not closed" for tag in found.open]
    return found
