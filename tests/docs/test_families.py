"""The page on weights names every family that is read and written, and no other."""

from __future__ import annotations

import re

import pages

from anyformer.interop.hf.family import families


def test_every_family_is_named() -> None:
    for page in (pages.ROOT / "docs" / "interop.md", pages.ROOT / "docs" / "zh" / "interop.md"):
        rows = [line for line in page.read_text(encoding="utf-8").splitlines() if re.match(r"\| (decoder|encoder|解码器|编码器|带专家)", line)]
        assert set(re.findall(r"`([\w-]+)`", "".join(rows))) == set(families()), page.name
