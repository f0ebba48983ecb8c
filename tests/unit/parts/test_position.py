"""Added positions against the paper's formula, value by value."""

from __future__ import annotations

import math

import pytest
import torch

from anyformer.parts.position import Learned, Sinusoidal


@pytest.mark.parametrize("dim", [8, 7])
def test_sinusoidal_is_the_papers(dim: int) -> None:
    table = Sinusoidal.Config().build(dim)(torch.tensor([[0, 3, 11]]))
    for row, position in enumerate((0, 3, 11)):
        for i in range(dim):
            angle = position / 10000 ** (2 * (i // 2) / dim)
            assert table[0, row, i].item() == pytest.approx(math.sin(angle) if i % 2 == 0 else math.cos(angle), abs=1e-6)


def test_halves_are_the_same_values_in_another_order() -> None:
    position = torch.arange(5).unsqueeze(0)
    paper, halves = Sinusoidal.Config().build(6)(position), Sinusoidal.Config(layout="halves").build(6)(position)
    assert torch.equal(halves, torch.cat([paper[..., 0::2], paper[..., 1::2]], -1))


def test_learned_reads_its_table_from_the_offset() -> None:
    learned = Learned.Config(length=4, offset=2).build(3)
    torch.nn.init.normal_(learned.weight)
    assert torch.equal(learned(torch.tensor([[0, 3]])), learned.weight[[2, 5]].unsqueeze(0))
