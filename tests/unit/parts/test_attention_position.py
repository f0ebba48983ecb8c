"""What holds for every position inside attention, present and future: a part that joins the slot is tested here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from places import last, place
from torch import Tensor

from anyformer.parts import alibi, rotary, shaw
from anyformer.parts.attention_position import AttentionPosition
from anyformer.parts.init import Normal
from anyformer.parts.place import Place
from anyformer.parts.rope_scaling import RopeScaling

FIELDS: dict[str, dict[str, Any]] = {  # small enough for short texts to meet every part of them
    "RelativeBias": {"n_buckets": 6, "max_distance": 5},
    "Shaw": {"max_distance": 3},
}
SCALING: dict[str, dict[str, Any]] = {
    "Linear": {"factor": 2.0},
    "NTK": {"factor": 2.0},
    "DynamicNTK": {"factor": 2.0, "trained_length": 100},
    "YaRN": {"factor": 2.0, "trained_length": 30},
    "LongRoPE": {"short_factor": (1.0, 1.5), "long_factor": (2.0, 3.0), "trained_length": 100},
}
CONFIGS = [config(**FIELDS.get(kind, {})) for kind, config in AttentionPosition.Config.menu().items()]
CONFIGS += [config(**FIELDS.get(kind, {}), bidirectional=False) for kind, config in AttentionPosition.Config.menu().items() if hasattr(config, "bidirectional")]
CONFIGS += [rotary.Rotary.Config(scaling=scaling(**SCALING.get(kind, {}))) for kind, scaling in RopeScaling.menu().items()]
CONFIGS += [rotary.Rotary.Config(dim=2, pairing="neighbours"), alibi.ALiBi.Config(scaled=True), shaw.Shaw.Config(max_distance=2, sides="keys")]
every = pytest.mark.parametrize("config", CONFIGS, ids=repr)

N, H, D, T = 3, 4, 12, 12


def built(config: AttentionPosition.Config) -> AttentionPosition:
    part = config.build(D, N, H)
    for module in part.modules():
        if hasattr(module, "initialize"):
            module.initialize(Normal(std=0.7))
    for name, parameter in part.named_parameters():
        if name.endswith("relative.weight"):
            torch.nn.init.normal_(parameter, std=0.5)
    return part


def attention(part: AttentionPosition, q: Tensor, k: Tensor, v: Tensor, at_q: Place, at_k: Place, allowed: Tensor) -> Tensor:
    """The equation that all attention implements, as it stands: allowed [1|B, T, S]."""
    if "rotate" in part.uses:
        q, k = (part.rotate(x, part.tables(at) or ()) for x, at in ((q, at_q), (k, at_k)))
    products = q @ k.transpose(-1, -2)
    added = part.scores(q, k, at_q, at_k)
    scores = (products if added is None else products + added) * H**-0.5
    bias = part.bias(at_q, at_k)
    scores = (scores if bias is None else scores + bias).masked_fill(~allowed.unsqueeze(1), float("-inf"))
    weights = scores.softmax(-1).to(v.dtype)
    values = part.values(weights, at_q, at_k)
    return weights @ v if values is None else weights @ v + values


def causal(n: int) -> Tensor:
    return torch.ones(1, n, n).tril().bool()


def inputs(rows: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    return torch.randn(rows, N, T, H), torch.randn(rows, N, T, H), torch.randn(rows, N, T, H)


@every
def test_says_what_it_uses(config: AttentionPosition.Config) -> None:
    part, at, (q, k, _) = built(config), place(T), inputs()
    weights = torch.rand(2, N, T, T)
    given = {
        "rotate": part.tables(at),
        "bias": part.bias(at, at),
        "scores": part.scores(q, k, at, at),
        "values": part.values(weights, at, at),
    }
    answers = {name for name, answer in given.items() if answer is not None}
    assert answers <= part.uses and (answers or part.uses == set())
    assert part.uses - answers <= {"values"}  # which Shaw's keys alone leave out
    if answers & {"bias"}:
        assert given["bias"].shape == (1, N, T, T) and given["bias"].dtype == torch.float32  # type: ignore[union-attr]


@every
def test_position_makes_a_difference(config: AttentionPosition.Config) -> None:
    part, (q, k, v) = built(config), inputs()
    everywhere = place([0] * T)
    assert not torch.allclose(attention(part, q, k, v, place(T), place(T), causal(T)), attention(part, q, k, v, everywhere, everywhere, causal(T)), atol=1e-2)


@every
def test_only_distances_count(config: AttentionPosition.Config) -> None:
    part, (q, k, v) = built(config), inputs()
    moved = place(list(range(30, 30 + T)))
    torch.testing.assert_close(attention(part, q, k, v, moved, moved, causal(T)), attention(part, q, k, v, place(T), place(T), causal(T)), atol=2e-4, rtol=1e-4)


@every
def test_a_step_of_decoding_is_the_last_row(config: AttentionPosition.Config) -> None:
    part, (q, k, v) = built(config), inputs(1)
    whole, at = attention(part, q, k, v, place(T), place(T), causal(T)), place(T)
    for n in (1, 3):
        step = attention(part, q[:, :, -n:], k, v, last(at, n), at, causal(T)[:, -n:])
        torch.testing.assert_close(step, whole[:, :, -n:], atol=1e-5, rtol=1e-4)


@every
def test_padded_on_the_left_is_alone(config: AttentionPosition.Config) -> None:
    part, (q, k, v), n = built(config), inputs(), 7
    position = torch.tensor([list(range(T)), [0] * (T - n) + list(range(n))])
    real = torch.arange(T) >= torch.tensor([[0], [T - n]])
    found = attention(part, q, k, v, place(position), place(position), causal(T) & (real[:, None, :] | torch.eye(T).bool()))
    alone = attention(part, q[1:, :, -n:], k[1:, :, -n:], v[1:, :, -n:], place(n), place(n), causal(n))
    torch.testing.assert_close(found[1:, :, -n:], alone, atol=1e-5, rtol=1e-4)


@every
def test_packed_documents_are_alone(config: AttentionPosition.Config) -> None:
    part, (q, k, v) = built(config), inputs(1)
    lengths = [5, T - 5]
    at = place([i for n in lengths for i in range(n)])
    document = torch.tensor([d for d, n in enumerate(lengths) for _ in range(n)])
    found = attention(part, q, k, v, at, at, causal(T) & (document[:, None] == document))
    pieces = [attention(part, *(x[:, :, b:e] for x in (q, k, v)), place(e - b), place(e - b), causal(e - b)) for b, e in ((0, 5), (5, T))]
    torch.testing.assert_close(found, torch.cat(pieces, 2), atol=1e-5, rtol=1e-4)


@every
def test_gradients_reach_every_parameter(config: AttentionPosition.Config) -> None:
    part, given = built(config), [x.requires_grad_() for x in inputs()]
    attention(part, *given, place(T), place(T), torch.ones(1, T, T).bool()).square().sum().backward()  # type: ignore[arg-type]
    for name, tensor in [*part.named_parameters(), *zip("qkv", given, strict=True)]:
        assert tensor.grad is not None and tensor.grad.abs().sum() > 0, name


@every
def test_bf16_is_close(config: AttentionPosition.Config) -> None:
    part, (q, k, v) = built(config), inputs()
    wide = attention(part, q.bfloat16().float(), k.bfloat16().float(), v.bfloat16().float(), place(T), place(T), causal(T))
    narrow = attention(part, q.bfloat16(), k.bfloat16(), v.bfloat16(), place(T), place(T), causal(T))
    assert narrow.dtype == torch.bfloat16
    assert (narrow.float() - wide).abs().mean() < 0.03 * wide.abs().mean()


@every
def test_holds_no_constants(config: AttentionPosition.Config) -> None:
    """What is computed from the config is computed when asked for: a model's state is its parameters."""
    part = built(config)
    before = {name for name, _ in part.named_parameters()}
    attention(part, *inputs(), place(T), place(T), causal(T))
    assert set(part.state_dict()) == before
    assert not [value for module in part.modules() for value in vars(module).values() if isinstance(value, Tensor)]


@every
def test_goes_through_data(config: AttentionPosition.Config) -> None:
    assert AttentionPosition.Config.from_dict(config.to_dict()) == config and hash(config) == hash(AttentionPosition.Config.from_dict(config.to_dict()))
    assert config.misfits(N, H) == []
