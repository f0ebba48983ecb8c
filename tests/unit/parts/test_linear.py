"""Linear maps: oneDNN's path and the joined products give what F.linear gives, forward and backward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from anyformer.parts import onednn
from anyformer.parts.linear import Linear, apply_together


@pytest.fixture(params=[True, False])
def path(request: pytest.FixtureRequest):
    if request.param and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        pytest.skip("this torch has no oneDNN linear")
    onednn.use(["short", "square", "wide"] if request.param else [])
    yield request.param
    onednn.use(None)


@pytest.mark.parametrize("bias", [True, False])
def test_forward_and_backward(path: bool, bias: bool) -> None:
    torch.manual_seed(0)
    linear = Linear(24, 40, bias)
    torch.nn.init.normal_(linear.weight)
    x = torch.randn(3, 5, 24, requires_grad=True)
    out = linear(x)
    grad = torch.randn_like(out)
    found = torch.autograd.grad(out, [x, *linear.parameters()], grad)
    expected_out = F.linear(x, linear.weight, linear.bias)
    expected = torch.autograd.grad(expected_out, [x, *linear.parameters()], grad)
    assert torch.allclose(out, expected_out, atol=1e-5)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("rows", [3, 600])
@pytest.mark.parametrize("biases", [(True, True), (False, False), (True, False)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_together_equals_alone(rows: int, biases: tuple[bool, bool], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    maps = [Linear(8, width, bias) for width, bias in zip((12, 6), biases, strict=True)]
    for m in maps:
        torch.nn.init.normal_(m.weight)
    x = torch.randn(rows, 8, dtype=dtype)
    for joined, linear in zip(apply_together(x, maps), maps, strict=True):
        assert torch.allclose(joined.float(), linear(x).float(), atol=1e-5 if dtype == torch.float32 else 0.1)


SHAPES = ("short", "square", "wide")


@pytest.mark.parametrize(("share", "chosen"), [(0.8, SHAPES), (0.95, ()), (1.0, ()), (float("inf"), ())])
def test_onednn_is_chosen_where_it_gains(share: float, chosen: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "share_of_time", lambda shape: share)
    monkeypatch.setattr(onednn, "_fixed", None)
    onednn._gaining.cache_clear()
    try:
        assert onednn.chosen() == chosen
        onednn.use(["wide"])  # what a run has recorded
        assert onednn.chosen() == ("wide",)
    finally:
        onednn._gaining.cache_clear()


@pytest.mark.parametrize(("rows", "d_out", "shape"), [(64, 8, "short"), (65, 8, "square"), (64, 4096, "wide"), (1, 4096, "wide")])
def test_the_way_is_chosen_by_the_shape(rows: int, d_out: int, shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(onednn, "_product", lambda *given: calls.append(1) or F.linear(*given))
    x, weight = torch.randn(rows, 16), torch.randn(d_out, 16)
    try:
        for chosen in SHAPES:
            onednn.use([chosen])
            before = len(calls)
            with torch.inference_mode():
                onednn.fast_linear(x.view(1, rows, 16), weight, None)
            assert len(calls) - before == (chosen == shape)
    finally:
        onednn.use(None)


def test_no_rows_go_there_and_back(path: bool) -> None:
    linear = Linear(24, 40)
    linear(torch.randn(0, 24)).sum().backward()
    assert linear.weight.grad is not None and not linear.weight.grad.any()
