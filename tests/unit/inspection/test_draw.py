"""Block diagrams: what is in them is what is in the config, text stays text, nothing overlaps, and every architecture can be drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from matplotlib import image

from anyformer import architectures
from anyformer.cli import main
from anyformer.errors import InputError
from anyformer.inspection.draw import diagram, draw
from anyformer.inspection.shapes import Box, Canvas, Circle, Line, Text, text_width, wrapped
from anyformer.inspection.shapes_svg import to_svg
from anyformer.parts.residual import deep_norm

ONE_EACH = [architectures.find(family).name for family in architectures.families()]
EVERY = [pytest.param(name, marks=() if name in ONE_EACH else pytest.mark.slow) for name in architectures.known()]


def texts(canvas: Canvas) -> list[str]:
    return [shape.text for shape in canvas.shapes if isinstance(shape, Text)]


def test_figure_1() -> None:
    """What Vaswani et al. show, from below to above, once for each side."""
    canvas = diagram(architectures.get("transformer-base"), "transformer-base")
    by_height = sorted((shape for shape in canvas.shapes if isinstance(shape, Text) and shape.size == 12), key=lambda t: t.y)
    left, right = ([t.text for t in by_height if (t.x < 150) == is_left] for is_left in (True, False))
    encoder = ["Inputs", "Input Embedding", "Multi-Head Attention", "Add & Norm", "Feed Forward", "Add & Norm"]
    decoder = ["Outputs (shifted right)", "Output Embedding", "Masked Multi-Head Attention", "Add & Norm", "Multi-Head Attention", "Add & Norm"]
    assert left == encoder and right == [*decoder, "Feed Forward", "Add & Norm", "Linear", "Softmax", "Probabilities", "Output"]
    assert texts(canvas).count("6 ×") == 2 and {"8 heads × 64", "512 → 2,048 → 512, ReLU", "37,000 × 512, times √512"} <= set(texts(canvas))
    waves = [s for s in canvas.shapes if isinstance(s, Circle) and s.sign == "wave"]
    assert len(waves) == 2 and texts(canvas).count("Positional") == 2
    assert sum(isinstance(s, Circle) and s.sign == "plus" for s in canvas.shapes) == 2  # the norms stand after the sums, in boxes


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("gpt2", {"LayerNorm", "learned, 1,024 places", "12 ×", "12 heads × 64", "768 → 3,072 → 768, GELU (tanh)", "768 → 50,257, the embedding's table"}),
        ("t5-small", {"relative bias, 32 buckets up to 128", "scores not scaled", "Masked Multi-Head Attention"}),
        ("bert-base", {"Pooler", "2 types of tokens", "Add & Norm"}),
        ("llama2-70b", {"Masked Grouped-Query Attention", "64 heads × 128, 8 KV heads", "rotary, base 10,000", "Gated Feed Forward"}),
        ("gemma3-1b", {"5 ×", "1 ×", "4 ×", "then 2 more", "Causal() & Window(left=511)"}),
        ("deepseek-v3", {"3 ×", "58 ×", "Mixture of Experts", "Masked Latent Attention"}),
        ("switch-base-8", {"6 ×", "1 ×", "router: Switch", "Feed Forward"}),
        ("opt-350m", {"512 → 1,024", "1,024 → 512"}),
    ],
)
def test_the_numbers_of_this_config(name: str, there: set[str]) -> None:
    assert there <= set(texts(diagram(architectures.get(name), name)))


def test_deep_norm_shows_its_weight() -> None:
    config = architectures.get("transformer-base")
    norm = config.encoder.blocks[0].residual.post  # type: ignore[union-attr]
    changed = config.override("encoder.blocks.0.residual", deep_norm(norm, 6, 6, "encoder"))
    assert texts(diagram(changed)).count(f"× {0.81 * (6**4 * 6) ** (1 / 16):.4g}") == 2


def test_parallel_sublayers_stand_side_by_side() -> None:
    canvas = diagram(architectures.get("palm-8b"))
    box = {title: next(b for b, t in _titled(canvas) if t == title) for title in ("Masked Multi-Query Attention", "Gated Feed Forward")}
    attention, feed_forward = box.values()
    assert attention.y == feed_forward.y and attention.x + attention.width < feed_forward.x


def _titled(canvas: Canvas) -> list[tuple[Box, str]]:
    """Each box, and the text that was written into it."""
    found = []
    for i, shape in enumerate(canvas.shapes[:-1]):
        after = canvas.shapes[i + 1]
        if isinstance(shape, Box) and isinstance(after, Text):
            found.append((shape, after.text))
    return found


@pytest.mark.parametrize("name", EVERY)
def test_every_architecture_can_be_drawn_and_nothing_overlaps(name: str) -> None:
    canvas = diagram(architectures.get(name), name)
    boxes = [box for box, _ in _titled(canvas)]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a.x + a.width <= b.x or b.x + b.width <= a.x or a.top <= b.y or b.top <= a.y
            assert apart, f"{a} and {b}"
    for shape in canvas.shapes:
        around = [box for box in boxes if isinstance(shape, Text) and box.x <= shape.x <= box.x + box.width and box.y <= shape.y <= box.top]
        assert not around or not isinstance(shape, Text) or text_width(shape.text, shape.size) <= around[0].width, shape.text
    root = ElementTree.fromstring(to_svg(canvas))
    written = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert written == texts(canvas) and name in written


def test_files(tmp_path: Path) -> None:
    config = architectures.get("bert-base")
    svg, png = draw(config, tmp_path / "new" / "x.svg", "bert"), draw(config, str(tmp_path / "x.png"), "bert")
    left, lower, right, upper = diagram(config, "bert").bounds()
    height, width = image.imread(png).shape[:2]
    assert width / height == pytest.approx((right - left + 36) / (upper - lower + 36), rel=0.02)
    assert "LayerNorm</text>" in svg.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="written as .svg or .png"):
        draw(config, tmp_path / "x.pdf")


def test_texts_with_signs_of_their_own_in_svg() -> None:
    canvas = Canvas([Text(0, 0, "a < b & c"), Line(((0.0, 0.0), (1.0, 1.0)))])
    assert "a &lt; b &amp; c" in to_svg(canvas)


def test_long_details_are_broken_not_cut() -> None:
    text = "Window(left=64, right=64) | GlobalTokens(n=64) | RandomBlocks(block=64)"
    lines = wrapped(text, 120)
    assert " ".join(lines) == text and all(text_width(line, 9.5) <= 120 or " " not in line for line in lines)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["draw", "gpt2", "n_layers=3", "--scale", "tiny"]) == 0
    assert capsys.readouterr().out == "gpt2.svg\n" and "gpt2 (scale tiny)" in (tmp_path / "gpt2.svg").read_text(encoding="utf-8")
    assert main(["draw", "gpt2", "-o", "y.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": "y.png"} and (tmp_path / "y.png").stat().st_size > 10_000
    assert main(["draw", "gpt2", "-o", "y.txt"]) == 2 and "written as .svg or .png" in capsys.readouterr().err
