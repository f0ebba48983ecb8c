"""Rotary against a loop over the paper's pairs, and what follows from it."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
from places import place
from torch import Tensor

from anyformer.errors import ConfigError
from anyformer.parts import rotation
from anyformer.parts.place import Place
from anyformer.parts.rope_by_pair import LongRoPE, YaRN
from anyformer.parts.rope_scaling import DynamicNTK, Linear
from anyformer.parts.rotary import Rotary

Pairing = Literal["halves", "neighbours"]
both = pytest.mark.parametrize("pairing", ["halves", "neighbours"])


def turned(x: Tensor, position: Tensor, base: float, width: int, pairing: Pairing) -> Tensor:
    """Su et al. 2021, equation 34, number by number: x [B, N, T, H], position [B, T]."""
    y = x.clone()
    for b in range(x.shape[0]):
        for t in range(x.shape[2]):
            for i in range(width // 2):
                angle = position[b, t].item() * base ** (-2 * i / width)
                m, n = (2 * i, 2 * i + 1) if pairing == "neighbours" else (i, i + width // 2)
                y[b, :, t, m] = x[b, :, t, m] * math.cos(angle) - x[b, :, t, n] * math.sin(angle)
                y[b, :, t, n] = x[b, :, t, n] * math.cos(angle) + x[b, :, t, m] * math.sin(angle)
    return y


@both
@pytest.mark.parametrize("config", [Rotary.Config(), Rotary.Config(dim=4, base=50.0), Rotary.Config(fraction=0.25), Rotary.Config(dim=2)])
def test_turns_pairs_by_their_position(config: Rotary.Config, pairing: Pairing) -> None:
    rotary = Rotary.Config(base=config.base, dim=config.dim, fraction=config.fraction, pairing=pairing).build(24, 3, 8)
    x, position = torch.randn(2, 3, 5, 8), torch.tensor([[0, 1, 2, 3, 4], [0, 0, 7, 90, 2000]])
    expected = turned(x, position, config.base, config.width(8), pairing)
    torch.testing.assert_close(rotary.rotate(x, rotary.tables(place(position))), expected, atol=2e-4, rtol=0)
    early = torch.tensor([[0, 1, 2, 3, 4]]).expand(2, -1)
    torch.testing.assert_close(rotary.rotate(x, rotary.tables(place(early[:1]))), turned(x, early, config.base, config.width(8), pairing), atol=1e-6, rtol=0)


@both
def test_products_depend_on_the_distance_only(pairing: Pairing) -> None:
    rotary = Rotary.Config(pairing=pairing).build(24, 3, 8)
    q, k = torch.randn(1, 3, 1, 8), torch.randn(1, 3, 1, 8)

    def product(i: int, j: int) -> Tensor:
        return (rotary.rotate(q, rotary.tables(place([i]))) * rotary.rotate(k, rotary.tables(place([j])))).sum(-1)

    torch.testing.assert_close(product(3, 1), product(103, 101), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(product(3, 1), product(1, 3), atol=1e-2)


@both
@pytest.mark.parametrize("width", [8, 4])
def test_fast_and_plain_ways_agree_with_gradients(pairing: Pairing, width: int) -> None:
    """Eager CPUs take another way than compilers and GPUs; heads are views of one projection, where a pair may begin anywhere."""
    joined = torch.randn(2, 6, 37, requires_grad=True)
    x = joined[..., 1:25].unflatten(-1, (3, 8)).transpose(1, 2)  # strides and offset are odd
    cos, sin = torch.randn(1, 1, 6, width // 2), torch.randn(1, 1, 6, width // 2)
    plain = rotation._halves if pairing == "halves" else rotation._neighbours
    expected = torch.cat([plain(x[..., :width], cos, sin), x[..., width:]], -1)
    upstream = torch.randn_like(expected)
    (expected_gradient,) = torch.autograd.grad(expected, joined, upstream)
    found = rotation.turn(x, cos, sin, pairing)
    (gradient,) = torch.autograd.grad(found, joined, upstream)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient, expected_gradient)


@both
def test_bf16_is_rounded_once(pairing: Pairing) -> None:
    rotary = Rotary.Config(pairing=pairing).build(24, 3, 8)
    x = torch.randn(2, 3, 50, 8).bfloat16().requires_grad_()
    found = rotary.rotate(x, rotary.tables(place(50)))
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, rotary.rotate(x.float(), rotary.tables(place(50))).bfloat16(), atol=0, rtol=0)
    found.float().sum().backward()
    assert x.grad is not None and x.grad.dtype == torch.bfloat16


def test_of_two_positions_the_first_counts() -> None:
    rotary, index = Rotary.Config().build(24, 3, 8), torch.arange(4)
    two = Place(index, torch.tensor([[[0, 0], [1, 0], [1, 1], [1, 2]]]), None)
    for found, expected in zip(rotary.tables(two), rotary.tables(place([0, 1, 1, 1])), strict=True):
        assert torch.equal(found, expected)


def test_nothing_is_stored() -> None:
    rotary = Rotary.Config(scaling=YaRN(factor=4.0, trained_length=64)).build(24, 3, 8)
    rotary.tables(place(9))
    assert not [v for v in vars(rotary).values() if isinstance(v, Tensor)] and not rotary.state_dict() and not list(rotary.buffers())


@pytest.mark.parametrize(
    ("config", "head_dim", "field", "says"),
    [
        (Rotary.Config(), 7, "dim", "take dim: 6"),
        (Rotary.Config(dim=12), 8, "dim", "take dim: 8"),
        (Rotary.Config(dim=3), 8, "dim", "take dim: 2"),
        (Rotary.Config(fraction=0.1), 8, "fraction", "take dim: 2"),
        (Rotary.Config(), 1, "", "2 or more"),
        (Rotary.Config(scaling=LongRoPE(short_factor=(1.0,), long_factor=(2.0, 3.0), trained_length=9)), 4, "scaling.short_factor", "2 pairs"),
    ],
)
def test_widths_that_cannot_be_are_refused(config: Rotary.Config, head_dim: int, field: str, says: str) -> None:
    [(found, message)] = config.misfits(3, head_dim)
    assert found == field and says in message
    assert Rotary.Config().misfits(3, 8) == [] and Rotary.Config(dim=6).misfits(3, 7) == []


def test_values_that_cannot_be_are_refused() -> None:
    for bad in ({"base": 1.0}, {"dim": 4, "fraction": 0.5}, {"fraction": 0.0}, {"fraction": 1.5}):
        with pytest.raises(ConfigError, match=next(iter(bad))):
            Rotary.Config(**bad)


def test_what_a_scaling_that_reads_the_length_gives_up() -> None:
    assert Rotary.Config(scaling=Linear(factor=2.0)).guarantees() == Rotary.guarantees
    assert Rotary.Config(scaling=DynamicNTK(factor=2.0, trained_length=8)).guarantees() == {"causal"}
    rotary = Rotary.Config(scaling=DynamicNTK(factor=2.0, trained_length=8)).build(24, 3, 8)
    alone, beside = rotary.tables(place(8)), rotary.tables(place([list(range(8)), list(range(8, 16))]))
    assert not torch.allclose(alone[0][0], beside[0][0])  # which is why
