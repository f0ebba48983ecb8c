"""Pictures of positions: the numbers that are drawn, the files, and what is refused."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

from anyformer import architectures
from anyformer.cli import main
from anyformer.errors import ConfigError, InputError
from anyformer.inspection.position_panels import Curves, Heat, panels_of
from anyformer.inspection.position_plot import draw_positions
from anyformer.inspection.positions import NAMES, Encoding, built_from, encodings_of, named
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.position import InputPosition
from anyformer.spec import field_types


def alone(name: str, **fields) -> Encoding:
    kind = named(name)
    assert kind is not None
    return Encoding("", built_from(kind, fields, 20, 3, 8), 8, 3, 8)


def texts_of(svg: Path) -> list[str | None]:
    return [e.text for e in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")]


KINDS = [*NAMES, *(InputPosition.Config.menu() | AttentionPosition.Config.menu())]


@pytest.mark.parametrize("name", KINDS)
def test_every_encoding_has_a_picture(name: str) -> None:
    """A part that joins a menu is drawn, or tells by name that it cannot be."""
    assert all(isinstance(panel, Heat | Curves) for panel in panels_of(alone(name), 20))


def test_files_are_what_their_ending_says(tmp_path: Path) -> None:
    files = [tmp_path / "new" / name for name in ("a.png", "a.svg", "b.svg")]
    for file in files:
        assert draw_positions([alone("alibi"), alone("t5")], 20, file) is None
    assert imread(files[0]).shape[:2] > (600, 800)
    assert {"ALiBi", "RelativeBias", "bias by distance", "head 3", "bucket of each pair", "query", "key"} <= set(texts_of(files[1]))
    assert files[1].read_bytes() == files[2].read_bytes()


def test_numbers_of_rotary() -> None:
    cosines, product = panels_of(alone("rotary", base=100.0, scaling={"kind": "Linear", "factor": 2.0}), 20)
    assert isinstance(cosines, Heat) and isinstance(product, Curves)
    expected = [[math.cos(p / 2 * 100 ** (-2 * i / 8)) for i in range(4)] for p in range(20)]
    torch.testing.assert_close(cosines.values, torch.tensor(expected), atol=1e-5, rtol=0)
    (_, scaled), (label, plain) = product.ys
    torch.testing.assert_close(scaled, torch.tensor(expected).mean(-1), atol=1e-5, rtol=0)
    assert label == "without scaling" and plain[2].item() == pytest.approx(scaled[4].item(), abs=1e-5)


def test_numbers_of_alibi() -> None:
    by_distance, one_head = panels_of(alone("alibi"), 20)
    assert isinstance(by_distance, Curves) and isinstance(one_head, Heat)
    for (_, values), slope in zip(by_distance.ys, (2**-4, 2**-8, 2**-2), strict=True):
        torch.testing.assert_close(values, -slope * by_distance.x.abs())
    assert one_head.values[3, 7].item() == -(2**-8) * 4 and one_head.title == "bias of head 2 of 3"


def test_numbers_of_t5_and_shaw() -> None:
    buckets, _ = panels_of(alone("t5", n_buckets=6, max_distance=4), 20)
    assert isinstance(buckets, Heat) and buckets.values[10, 6:15].tolist() == [2, 2, 2, 1, 0, 4, 5, 5, 5]
    vectors, _ = panels_of(alone("shaw", max_distance=2), 20)
    assert isinstance(vectors, Heat) and vectors.values[10, 6:15].tolist() == [-2, -2, -2, -1, 0, 1, 2, 2, 2]


def test_what_a_model_has() -> None:
    assert [e.title for e in encodings_of(architectures.get("transformer-base"))] == ["embedding: Sinusoidal"]
    assert [e.title for e in encodings_of(architectures.get("t5-small"))] == [
        "encoder, all layers: RelativeBias",
        "decoder, all layers: RelativeBias(bidirectional=False)",
    ]
    config = architectures.get("t5-small").override("decoder.layers.2.attention.position", "ALiBi").override("encoder.blocks.*.attention.position", None)
    titles = [e.title for e in encodings_of(config)]
    assert titles == ["decoder, layers 1-2, 4-6: RelativeBias(bidirectional=False)", "decoder, layer 3: ALiBi"]
    [first, _] = encodings_of(config)
    assert (first.n_heads, first.head_dim) == (8, 64)


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a.svg"):
        draw_positions([alone("alibi")], 9, tmp_path / "a.gif")
    with pytest.raises(InputError, match="nothing to draw"):
        draw_positions([], 9, tmp_path / "a.svg")
    with pytest.raises(InputError, match="a length of 20"):
        panels_of(alone("learned"), 21)
    with pytest.raises(ConfigError, match="take dim: 6"):
        alone("rotary", dim=7)
    assert list(tmp_path.iterdir()) == []
    assert named("nothing") is None and "length" in field_types(named("learned"))  # type: ignore[arg-type]


# ---- the verb


def test_the_verb_draws_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    assert main(["position", "rotary", "base=100", "--length", "16", "--dim", "8", "-o", "pictures/r.svg"]) == 0
    assert capsys.readouterr().out.split() == ["Rotary(base=100.0)", "pictures/r.svg"] and "Rotary(base=100.0)" in texts_of(tmp_path / "pictures" / "r.svg")
    assert main(["position", "transformer-base", "--length", "16"]) == 0
    assert imread(tmp_path / "position-transformer-base.png").any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give one name"),
        (["rotary", "alibi"], "give one name"),
        (["rotery"], "did you mean 'rotary'"),
        (["transformer-bas"], "did you mean 'transformer-base'"),
        (["rotary", "bse=3"], "did you mean 'base'"),
        (["rotary", "dim=3", "--dim", "8"], "take dim: 2"),
        (["rotary", "-o", "x.pdf"], ".png or an .svg"),
        (["learned", "length=9", "--length", "10"], "take a length of 9"),
        (["t5-small", "--heads", "3"], "a model's sizes are its own"),
        (["alibi", "--length", "0"], "above 0"),
        (["alibi", "--scale", "tiny"], "takes --dim and --heads"),
    ],
)
def test_the_verb_refuses(arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["position", *arguments]) == 2
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told
    assert list(tmp_path.iterdir()) == []
