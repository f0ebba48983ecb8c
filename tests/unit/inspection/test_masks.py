"""Pictures of masks: the tables, the text, the files, and what the command line takes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch
from masks_by_hand import allowed_by_hand
from matplotlib.image import imread

from anyformer import architectures
from anyformer.cli import main
from anyformer.inspection.mask_plot import draw_masks
from anyformer.inspection.masks import in_text, length_that_shows, of_config, of_mask
from anyformer.parts.mask import Causal, Full, Mask, Prefix, Window
from anyformer.parts.random_blocks import RandomBlocks


def lines(text: str, side: int) -> list[list[bool]]:
    """A text of half blocks read back as a table."""
    rows: list[list[bool]] = []
    for line in text.splitlines():
        codes = [" ▀▄█".index(c) for c in line.ljust(side)]
        rows += [[bool(c & 1) for c in codes], [bool(c & 2) for c in codes]]
    return rows[:side]


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("text", ["Causal()", "Causal() & Window(left=2)", "Window(left=1, right=2) | GlobalTokens(n=1)"])
def test_text_shows_the_pairs(text: str, side: int) -> None:
    mask = Mask.from_text(text)
    assert lines(in_text(of_mask(mask, side).table), side) == allowed_by_hand(mask, None, None, side)


def test_long_texts_are_shown_in_squares() -> None:
    text = in_text(of_mask(Causal() & Window(left=9), 400).table).splitlines()
    assert text[-1] == "(a dot stands for 5 x 5 tokens)" and max(map(len, text[:-1])) == 80 and len(text) == 41


def test_layers_with_one_mask_stand_together() -> None:
    found = of_config(architectures.get("gpt3-125m", window=4), 12)
    assert [seen.layers for seen in found] == [(0, 2, 4, 6, 8, 10), (1, 3, 5, 7, 9, 11)]
    assert found[0].title == "decoder, layers 1, 3, 5, 7, 9, 11 of 12: Causal()"
    assert [int(seen.table.sum()) for seen in found] == [78, 42]
    assert [seen.title for seen in of_config(architectures.get("t5-small"), 4)] == ["encoder: Full()", "decoder: Causal()"]


def test_a_prefix_and_a_head_are_chosen() -> None:
    assert [int(of_mask(Causal() | Prefix(), 8, prefix=n).table.sum()) for n in (None, 1, 8)] == [37, 36, 64]
    mask = RandomBlocks(block=1, n=1, plan=(((1,), (0,)), ((0,), (1,))))
    assert torch.equal(of_mask(mask, 2, head=1).table, torch.eye(2, dtype=torch.bool)) and of_mask(mask, 2, head=2).head == 0
    assert of_mask(mask, 2, head=1).line.startswith("head 2 of 2; 2 of 4 pairs (50%)")


def test_files_are_what_their_ending_says(tmp_path: Path) -> None:
    masks = of_config(architectures.get("gpt3-125m", window=4), 12)
    for name in ("a.png", "a.svg", "b.svg"):
        assert draw_masks(masks, tmp_path / "new" / name) is None
    assert imread(tmp_path / "new" / "a.png").shape[1] > 1000
    texts = {e.text for e in ElementTree.parse(tmp_path / "new" / "a.svg").iter("{http://www.w3.org/2000/svg}text")}
    assert {"query", "key", "78 of 144 pairs (54%); a token sees 1 to 12", "Causal() & Window(left=3)"} <= texts
    assert (tmp_path / "new" / "a.svg").read_bytes() == (tmp_path / "new" / "b.svg").read_bytes()


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mask", "Causal() & Window(left=1)", "--length", "4", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["masks"]
    assert found["rows"] == ["1000", "1100", "0110", "0011"] and found["stack"] is None and found["pairs"] == 7
    assert main(["mask", "gpt2", "decoder.blocks.*.attention.mask=Causal() & Strided(stride=2)", "--length", "6", "-o", str(tmp_path / "x.svg")]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "decoder: Causal() & Strided(stride=2)" and (tmp_path / "x.svg").exists()
    assert main(["mask", "Causal", "--length", "3"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["█▄", "▀▀▀"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Window(left=-1)"], "0 or more"),
        (["Casual()"], "did you mean 'Causal'"),
        (["Causal()", "n_layers=2"], "by itself takes no other name"),
        (["Causal()", "-o", "x.pdf"], "a .png or an .svg"),
        ([], "give one name"),
        (["nobody"], "unknown architecture 'nobody'"),
    ],
)
def test_what_cannot_be_is_said(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mask", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("Causal() & Window(left=255)", 64, 512),
        ("Causal() & Window(left=255)", 512, None),  # it shows already
        ("Causal()", 64, None),
        ("Full()", 64, None),
        ("WholeIfShort(length=704) | BigBird()", 64, 1024),
        ("Causal() & Window(left=1000000)", 64, None),  # no picture is so large
    ],
)
def test_a_length_that_shows_the_mask(text: str, length: int, expected: int | None) -> None:
    mask = Mask.from_text(text)
    assert length_that_shows(mask, length) == expected
    if expected is not None:
        simple = [of_mask(kind, expected).table for kind in (Full(), Causal())]
        assert not any(torch.equal(of_mask(mask, expected).table, table) for table in simple)
