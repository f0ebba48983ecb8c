"""ALiBi's slopes as the paper's text and code give them, and its bias as a loop."""

from __future__ import annotations

import math

import pytest
import torch
from places import last, place

from anyformer.errors import ConfigError
from anyformer.parts.alibi import ALiBi, slopes_of


def of_the_paper(n: int) -> list[float]:
    """Section 3 and its footnote: a geometric sequence for powers of two, else the one below and every other one of the one above."""
    if math.log2(n).is_integer():
        return [2 ** (-8 * (i + 1) / n) for i in range(n)]
    below = 2 ** int(math.log2(n))
    return of_the_paper(below) + of_the_paper(2 * below)[0::2][: n - below]


@pytest.mark.parametrize("n_heads", range(1, 18))
def test_slopes(n_heads: int) -> None:
    assert slopes_of(n_heads, 8.0).tolist() == pytest.approx(of_the_paper(n_heads), rel=1e-6)


@pytest.mark.parametrize("bias_max", [8.0, 6.0])
@pytest.mark.parametrize("n_heads", range(1, 18))
def test_slopes_are_those_of_mpts_code_too(n_heads: int, bias_max: float) -> None:
    above = 1 << (n_heads - 1).bit_length()
    slopes = [2 ** (-bias_max * (i + 1) / above) for i in range(above)]
    expected = slopes if above == n_heads else (slopes[1::2] + slopes[::2])[:n_heads]
    assert slopes_of(n_heads, bias_max).tolist() == pytest.approx(expected, rel=1e-6)
    assert len(set(expected)) == n_heads


def test_bias_falls_with_the_distance_either_way() -> None:
    q, k = place([[3, 4, 9], [0, 1, 2]]), place([[0, 3, 4, 9], [2, 0, 1, 7]])
    bias = ALiBi.Config().build(20, 5, 4).bias(q, k)
    assert bias.shape == (2, 5, 3, 4)
    for b in range(2):
        for h, slope in enumerate(of_the_paper(5)):
            for i in range(3):
                for j in range(4):
                    assert bias[b, h, i, j].item() == pytest.approx(-slope * abs(q.position[b, i].item() - k.position[b, j].item()))


def test_scaled_and_steeper() -> None:
    plain = ALiBi.Config().build(20, 5, 4).bias(place(6), place(6))
    torch.testing.assert_close(ALiBi.Config(scaled=True).build(20, 5, 4).bias(place(6), place(6)), plain / 2)
    steep = ALiBi.Config(bias_max=4.0).build(16, 4, 4).bias(place(6), place(6))
    assert steep[0, :, 0, 1].tolist() == pytest.approx([-(2.0**-i) for i in (1, 2, 3, 4)])
    with pytest.raises(ConfigError, match="bias_max"):
        ALiBi.Config(bias_max=0.0)


def test_one_query_has_the_last_row() -> None:
    alibi = ALiBi.Config().build(20, 5, 4)
    assert torch.equal(alibi.bias(last(place(9)), place(9)), alibi.bias(place(9), place(9))[:, :, -1:])
