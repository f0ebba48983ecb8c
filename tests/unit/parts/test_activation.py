"""Activations against transformers' table and their definitions."""

from __future__ import annotations

import math

import pytest
import torch

from anyformer.parts.activation import GELU, Activation, Identity, QuickGELU, ReLU, ReLU2, Sigmoid, SiLU

THEIRS = {
    "relu": ReLU(),
    "gelu": GELU(),
    "gelu_python": GELU(),
    "gelu_new": GELU(tanh=True),
    "gelu_fast": GELU(tanh=True),
    "gelu_pytorch_tanh": GELU(tanh=True),
    "quick_gelu": QuickGELU(),
    "silu": SiLU(),
    "swish": SiLU(),
    "relu2": ReLU2(),
    "sigmoid": Sigmoid(),
    "linear": Identity(),
}


@pytest.mark.parametrize("name", THEIRS)
def test_agrees_with_transformers(name: str) -> None:
    table = pytest.importorskip("transformers.activations").ACT2FN
    x = torch.linspace(-9, 9, 1001, dtype=torch.float64)
    assert torch.allclose(THEIRS[name](x), table[name](x), atol=1e-12)


DEFINITIONS = {
    ReLU(): lambda x: max(0.0, x),
    GELU(): lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    GELU(tanh=True): lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    QuickGELU(): lambda x: x / (1 + math.exp(-1.702 * x)),
    SiLU(): lambda x: x / (1 + math.exp(-x)),
    ReLU2(): lambda x: max(0.0, x) ** 2,
    Sigmoid(): lambda x: 1 / (1 + math.exp(-x)),
    Identity(): lambda x: x,
}


@pytest.mark.parametrize("activation", DEFINITIONS, ids=str)
def test_is_its_definition(activation: Activation) -> None:
    x = torch.linspace(-6, 6, 49, dtype=torch.float64)
    expected = torch.tensor([DEFINITIONS[activation](value) for value in x.tolist()], dtype=torch.float64)
    assert torch.allclose(activation(x), expected, atol=1e-12)
    assert Activation.from_dict(activation.to_dict()) == activation


def test_every_activation_is_tested() -> None:
    assert {type(a) for a in DEFINITIONS} == set(Activation.menu().values())
