"""Norms against torch, transformers and their definitions; the hand-written way back against autograd."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from anyformer.errors import ConfigError
from anyformer.parts.norm import LayerNorm, Norm, RMSNorm


def randomised(config: Norm.Config, dim: int) -> Norm:
    part = config.build(dim)
    for parameter in part.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return part


@pytest.mark.parametrize(("scale", "bias"), [(True, True), (True, False), (False, False), (False, True)])
def test_layer_norm_is_its_definition(scale: bool, bias: bool) -> None:
    part, x = randomised(LayerNorm.Config(eps=1e-3, scale=scale, bias=bias), 7), torch.randn(2, 3, 7)
    mean = x.mean(-1, keepdim=True)
    expected = (x - mean) / ((x - mean).square().mean(-1, keepdim=True) + 1e-3).sqrt()
    expected = expected * (part.weight if scale else 1) + (part.bias if bias else 0)
    assert torch.allclose(part(x), expected, atol=1e-6)
    assert set(part.state_dict()) == ({"weight"} if scale else set()) | ({"bias"} if bias else set())


def written_out(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    y = x.float() / (x.float().square().mean(-1, keepdim=True) + eps).sqrt()
    return (y if weight is None else y * weight).to(x.dtype)


@pytest.mark.parametrize(("scale", "plus_one"), [(True, False), (True, True), (False, False)])
@pytest.mark.parametrize("shape", [(7,), (5, 7), (2, 3, 4, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rms_norm_and_its_gradients_are_those_of_the_definition(scale: bool, plus_one: bool, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    part = randomised(RMSNorm.Config(eps=1e-2, scale=scale, plus_one=plus_one), 7)
    x, dy = torch.randn(shape).to(dtype).requires_grad_(), torch.randn(shape).to(dtype)
    part(x).backward(dy)
    found = [x.grad.clone(), *(p.grad.clone() for p in part.parameters())]
    x.grad = None
    part.zero_grad()
    expected = written_out(x, None if part.weight is None else part.weight + plus_one, 1e-2)
    assert torch.equal(part(x), expected) or torch.allclose(part(x), expected, atol=1e-6)
    expected.backward(dy)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    for ours, theirs in zip(found, [x.grad, *(p.grad for p in part.parameters())], strict=True):
        assert torch.allclose(ours, theirs, atol=tolerance, rtol=tolerance)
    with torch.no_grad():
        assert torch.equal(part(x), part(x.detach().requires_grad_()))


def test_rms_norm_with_a_frozen_weight_or_input() -> None:
    part, x = randomised(RMSNorm.Config(), 7), torch.randn(4, 7)
    part(x).sum().backward()
    assert part.weight.grad is not None
    weight_gradient, x = part.weight.grad.clone(), x.requires_grad_()
    part.weight.requires_grad_(False)
    part(x).sum().backward()
    assert x.grad is not None and torch.equal(part.weight.grad, weight_gradient)


def test_rms_norm_agrees_with_transformers() -> None:
    gemma = pytest.importorskip("transformers.models.gemma.modeling_gemma").GemmaRMSNorm(7, eps=1e-6)
    llama = pytest.importorskip("transformers.models.llama.modeling_llama").LlamaRMSNorm(7, eps=1e-5)
    x = torch.randn(3, 7)
    for theirs, config in ((gemma, RMSNorm.Config(plus_one=True)), (llama, RMSNorm.Config(eps=1e-5))):
        ours = randomised(config, 7)
        theirs.load_state_dict(ours.state_dict())
        assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def test_plus_one_without_a_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match="how the weight is stored"):
        RMSNorm.Config(scale=False, plus_one=True)
