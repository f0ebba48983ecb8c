"""The page on guarantees says what the parts say, and forgets none."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest
from variants import SLOTS

from anyformer.parts.guarantees import ALL, guarantees_of
from anyformer.parts.mask import Mask
from anyformer.parts.part import PartConfig
from anyformer.parts.rope_scaling import RopeScaling
from anyformer.parts.rotary import Rotary
from anyformer.run import yaml12
from anyformer.spec import Spec

EITHER = pytest.mark.parametrize("page", [pages.ROOT / "docs" / "guarantees.md", pages.ROOT / "docs" / "zh" / "guarantees.md"], ids=["English", "Chinese"])


def rows(page: Path) -> list[tuple[Spec, frozenset[str]]]:
    """The parts of the table, and what it says does not hold for them."""
    found = re.findall(r"^\| `([^`]+)` \| (`[^|]+`) \|", page.read_text(encoding="utf-8"), re.M)
    return [(part(text), frozenset(re.findall(r"`(\w+)`", lacks))) for text, lacks in found]


def part(text: str) -> Spec:
    if not text.startswith("{"):
        return Mask.from_text(text)
    data = yaml12.parse_value(text)
    [menu] = [menu for menu, _ in SLOTS.values() if data["kind"] in menu.menu()]
    return menu.from_dict(data)


@EITHER
def test_the_table_says_what_the_parts_say(page: Path) -> None:
    assert len(rows(page)) >= 10
    for made, lacks in rows(page):
        assert guarantees_of(made) == ALL - lacks, made


@EITHER
def test_no_part_that_promises_less_is_left_out(page: Path) -> None:
    """Parts that say something of their own: in their class, or by their values."""
    own = set()
    for menu, _ in SLOTS.values():
        for kind, config in menu.menu().items():
            says = getattr(config, "guarantees", None)
            of_class = getattr(getattr(config, "part", None), "guarantees", ALL)
            if says not in (None, PartConfig.guarantees, Mask.guarantees) or isinstance(of_class, frozenset) and of_class != ALL:
                own.add(kind)
    named = {made.kind() for made, _ in rows(page)}
    assert own - named <= {"And", "Or", "Fixed", "Strided"} and "Rotary" in named, own - named
    scalings = {made.scaling.kind() for made, _ in rows(page) if isinstance(made, Rotary.Config) and made.scaling}
    assert scalings == {kind for kind, scaling in RopeScaling.menu().items() if scaling.reads_length}
