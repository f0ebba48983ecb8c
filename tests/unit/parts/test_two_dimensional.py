"""GLM's two positions a token."""

from __future__ import annotations

import pytest
import torch

from anyformer.errors import ConfigError
from anyformer.parts.init import Normal
from anyformer.parts.position import Learned, Sinusoidal
from anyformer.parts.two_dimensional import TwoDimensional


def test_adds_the_place_in_the_text_and_in_the_blank() -> None:
    part = TwoDimensional.Config(length=9, span_length=4).build(3)
    part.initialize(Normal(std=1.0))
    position = torch.tensor([[[0, 0], [5, 0], [5, 1], [5, 2], [8, 3]]])
    vectors = part(position)
    for t, (i, j) in enumerate(position[0].tolist()):
        assert torch.equal(vectors[0, t], part.text[i] + part.span[j])
    assert torch.equal(part(torch.tensor([[0, 5]])), vectors[:, :2])


def test_tables() -> None:
    assert TwoDimensional.Config(length=5).build(3).span.shape == (5, 3)
    for bad in ({"length": 0}, {"length": 5, "span_length": 0}):
        with pytest.raises(ConfigError, match=list(bad)[-1]):
            TwoDimensional.Config(**bad)


def test_other_positions_read_the_place_in_the_text() -> None:
    two, one = torch.tensor([[[0, 0], [3, 1], [3, 2]]]), torch.tensor([[0, 3, 3]])
    learned = Learned.Config(length=4).build(6)
    torch.nn.init.normal_(learned.weight)
    for part in (learned, Sinusoidal.Config().build(6)):
        assert torch.equal(part(two), part(one))
