"""The pictures: files that are what they say, text that stays text, fonts that are missed by name."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import matplotlib
import pytest
import torch
from matplotlib.image import imread

from anyformer.errors import InputError
from anyformer.inspection import AttentionMaps, draw_attention, draw_losses, fonts
from anyformer.inspection.loss_plot import read_course

LINES = [
    {"step": 50, "loss": 5.0, "lr": 1e-4, "tokens": 9},
    {"step": 100, "loss": None, "lr": 2e-4},
    {"step": 100, "validation": {"loss": 4.0, "ppl": 54.6}},
    {"step": 150, "loss": 3.0, "lr": 1e-4},
    {"step": 200, "validation": {"loss": 3.5}},
    {"step": 200, "weights": "average", "final": True, "validation": {"loss": 3.25}},
]


def maps_of(source, written, n_layers=2, n_heads=3):
    def weights(queries, keys):
        return tuple(torch.rand(n_heads, queries, keys).softmax(-1) for _ in range(n_layers))

    s, t = len(source), len(written)
    read = ("<s>", *written[:-1])
    return AttentionMaps(weights(s, s), weights(t, t), weights(t, s), source, read, written, "".join(source), "".join(written))


def texts_of(svg):
    return [e.text for e in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_attention_is_drawn_as_png_and_as_svg_whose_text_is_text(tmp_path):
    source, written = ("▁A", "▁ca", "ts", "$5", "</s>"), ("▁Élé", "ment", "我", "喜欢", "</s>")
    before = dict(matplotlib.rcParams)
    made = draw_attention(maps_of(source, written), tmp_path / "new")
    assert dict(matplotlib.rcParams) == before
    assert set(made) == {"encoder", "decoder", "cross"}
    for side, picture in made.items():
        assert picture.png.name == f"attention-{side}.png" and imread(picture.png).shape[0] > 300
        texts = texts_of(picture.svg)
        assert texts.count("head 3") == 1 and texts.count("layer 2") == 1
        for piece in (source if side == "encoder" else written)[:4]:
            assert piece.replace("▁", "_") in texts
    assert texts.count("_A") == 3  # under each head of the last layer


def test_a_missing_font_is_named_and_both_files_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts.font_manager.fontManager, "ttflist", [])
    made = draw_attention(maps_of(("a", "</s>"), ("我", "</s>"), 1, 1), tmp_path)["cross"]
    assert "我" in made.note and "Noto Sans CJK" in made.note and "fonts-noto-cjk" in made.note
    assert made.png.exists() and "我" in texts_of(made.svg)
    assert draw_attention(maps_of(("a", "</s>"), ("é", "</s>"), 1, 1), tmp_path)["cross"].note is None


def test_a_font_is_chosen_for_what_the_first_lacks(monkeypatch):
    held = {"plain": frozenset("ab"), "wide": frozenset("我你"), "other": frozenset("你")}
    entries = [type("Entry", (), {"name": name, "fname": name, "style": "normal"}) for name in ("other", "Noto Sans CJK SC")]
    entries[1].fname = "wide"
    monkeypatch.setattr(fonts.font_manager.fontManager, "ttflist", entries)
    monkeypatch.setattr(fonts.font_manager, "findfont", lambda name: "plain")
    monkeypatch.setattr(fonts, "_letters", lambda path: held[path])
    found = fonts.fonts_for(["ab 我", "你"])
    assert found.families == ["DejaVu Sans", "Noto Sans CJK SC"] and found.missing == "" and found.note is None
    assert fonts.fonts_for(["अ"]).missing == "अ" and "Devanagari" in fonts.fonts_for(["अ"]).note


def test_long_sentences_and_uneven_heads_can_be_drawn(tmp_path):
    maps = maps_of(tuple(f"piece{i}" for i in range(70)), ("a", "</s>"), 1, 2)
    maps.cross[0].resize_(1, 2, 70)
    made = draw_attention(maps, tmp_path)
    assert max(imread(made["encoder"].png).shape) < 9_001


def test_losses_are_read_from_the_lines_of_a_run():
    course = read_course(LINES)
    assert course.train.steps == [50, 100, 150] and course.train.values[2] == 3.0 and course.train.values[1] != course.train.values[1]
    assert course.validation == ([100, 200], [4.0, 3.5]) and course.rate.values == [1e-4, 2e-4, 1e-4]
    assert course.others == [("average", 200, 3.25)]


def test_losses_are_drawn(tmp_path):
    picture = draw_losses(LINES, tmp_path / "plots" / "loss", "my $run$")
    texts = texts_of(picture.svg)
    assert "my $run$" in texts and "learning rate" in texts and "validation, average: 3.250" in texts
    assert "validation, best: 3.500 at step 200" in texts
    assert picture.png == tmp_path / "plots" / "loss.png" and imread(picture.png).shape[1] > 800
    assert draw_losses(LINES[:1], tmp_path / "one").png.exists()
    first = picture.svg.read_bytes()
    assert draw_losses(LINES, tmp_path / "plots" / "loss", "my $run$").svg.read_bytes() == first


def test_a_run_without_a_loss_is_said():
    with pytest.raises(InputError, match="no loss"):
        draw_losses([], "unused")
