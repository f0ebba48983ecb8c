"""Mixtures of experts against loops over tokens written from the papers' equations; nothing is lost, padding counts nowhere."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from anyformer.errors import ConfigError
from anyformer.parts.activation import GELU, Identity, ReLU, SiLU
from anyformer.parts.capacity import CapacityFactor, FixedCapacity
from anyformer.parts.expert_choice import ExpertChoice
from anyformer.parts.experts import grouped_product
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.moe import MoE, OutputGate
from anyformer.parts.place import Place
from anyformer.parts.router import Router
from anyformer.parts.token_choice import Switch, TopK, TopTwo

D, E = 7, 5
EXPERTS = {
    "gated": GatedMLP.Config(d_ff=6),
    "gated, biases": GatedMLP.Config(d_ff=8, activation=Identity(), bias=True),
    "plain": MLP.Config(d_ff=9, bias=False),
    "plain, biases": MLP.Config(d_ff=4, activation=GELU()),
}


def layer(router: Router.Config, expert: MLP.Config | GatedMLP.Config = EXPERTS["gated"], **fields: object) -> MoE:
    torch.manual_seed(3)
    made = MoE.Config(**({"expert": expert, "n_experts": E, "router": router} | fields)).build(D)  # type: ignore[arg-type]
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made.eval()


def place(segment: Tensor | None, length: int) -> Place:
    index = torch.arange(length)
    return Place(index, index.unsqueeze(0), segment)


def one_expert(moe: MoE, e: int, x: Tensor) -> Tensor:
    """Expert e on one token [D], by matrices and vectors."""

    def through(name: str, y: Tensor) -> Tensor:
        part = getattr(moe.experts, name)
        return part.weight[e] @ y + (0 if part.bias is None else part.bias[e])

    hidden = through("up", x)
    hidden = moe.experts.activation(hidden) if moe.experts.gate is None else moe.experts.activation(through("gate", x)) * hidden
    return through("down", hidden)


def scores_of(moe: MoE, x: Tensor) -> Tensor:
    return moe.router.weight @ x + (0 if moe.router.bias is None else moe.router.bias)


def by_hand(moe: MoE, x: Tensor, segment: Tensor | None, choose: object, room: object) -> Tensor:
    """y of a layer whose tokens choose: `choose(scores) -> [(expert, weight)]` in order, `room(length)` places in each expert for a document."""
    y = torch.zeros_like(x)
    for b in range(x.shape[0]):
        row = [1] * x.shape[1] if segment is None else segment[b].tolist()
        for document in set(row) - {0}:
            tokens = [t for t, s in enumerate(row) if s == document]
            chosen = {t: choose(scores_of(moe, x[b, t])) for t in tokens}  # type: ignore[operator]
            left = [room(len(tokens))] * E  # type: ignore[operator]
            for n in range(max(len(c) for c in chosen.values())):
                for t in tokens:
                    expert, weight = chosen[t][n]
                    if left[expert] > 0:
                        left[expert] -= 1
                        y[b, t] += weight * one_expert(moe, expert, x[b, t])
    return y


def best(k: int, normalize: bool = True, sigmoid: bool = False) -> object:
    def choose(scores: Tensor) -> list[tuple[int, Tensor]]:
        p = torch.sigmoid(scores) if sigmoid else scores.exp() / scores.exp().sum()
        order = sorted(range(len(p)), key=lambda e: -p[e].item())[:k]
        total = sum(p[e] for e in order) if normalize else 1
        return [(e, p[e] / total) for e in order]

    return choose


def everything(length: int) -> float:
    return math.inf


SEGMENTS = {
    "whole rows": None,
    "padded": torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 0, 0]]),
    "packed": torch.tensor([[1] * 4 + [2] * 5, [1] * 2 + [2] * 3 + [3] * 3 + [0]]),
}
TOKEN_CHOICE = {
    "Mixtral": (TopK.Config(k=2), best(2), everything),
    "Qwen3-MoE": (TopK.Config(k=3, normalize=False), best(3, normalize=False), everything),
    "sigmoid": (TopK.Config(k=1, score="sigmoid", normalize=False), best(1, False, True), everything),
    "Switch": (Switch.Config(), best(1, False), lambda n: math.ceil(2 * n / E)),
    "Switch, one place": (Switch.Config(capacity=FixedCapacity(tokens=1), bias=True), best(1, False), lambda n: 1),
    "Switch, no drops": (Switch.Config(capacity=CapacityFactor(evaluation=None)), best(1, False), everything),
    "GLaM": (TopTwo.Config(), best(2), lambda n: math.ceil(2 * n / E)),
    "GLaM, small": (TopTwo.Config(capacity=CapacityFactor(evaluation=0.4)), best(2), lambda n: math.ceil(0.8 * n / E)),
}


@pytest.mark.parametrize("expert", EXPERTS)
@pytest.mark.parametrize("segments", SEGMENTS)
@pytest.mark.parametrize("name", TOKEN_CHOICE)
def test_token_choice_is_the_equations_token_by_token(name: str, segments: str, expert: str) -> None:
    router, choose, room = TOKEN_CHOICE[name]
    moe, segment = layer(router, EXPERTS[expert]), SEGMENTS[segments]  # type: ignore[arg-type]
    x = torch.randn(2, 9, D)
    y, aux = moe(x, place(segment, 9))
    expected = by_hand(moe, x, segment, choose, room)
    assert torch.allclose(y, expected, atol=1e-5)
    assert float(aux.loss) == 0 and torch.isclose(aux.load.sum(), torch.tensor(1.0))
    assert ("place" in name or "small" in name) == (float(aux.dropped) > 0) or room is not everything


def test_what_is_dropped_is_nothing_and_counted() -> None:
    moe = layer(Switch.Config(capacity=FixedCapacity(tokens=2)))
    torch.nn.init.zeros_(moe.router.weight)
    x = torch.randn(3, 6, D)
    y, aux = moe(x, place(None, 6))  # all go to expert 0
    assert (y[:, :2] != 0).all() and (y[:, 2:] == 0).all()
    assert torch.isclose(aux.dropped, torch.tensor(4 / 6)) and aux.load.tolist() == [1, 0, 0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(1, 9), st.integers(1, 4), st.one_of(st.none(), st.integers(1, 4)), st.booleans())
def test_every_copy_is_computed_once_or_counted_as_dropped(seed: int, rows: int, length: int, k: int, room: int | None, padded: bool) -> None:
    torch.manual_seed(seed)
    router = TopK.Config(k=k, capacity=None if room is None else FixedCapacity(tokens=room)).build(D, E)
    torch.nn.init.normal_(router.weight)
    segment = torch.randint(0, 3, (rows, length)).sort(dim=1).values if padded else None
    n_real = rows * length if segment is None else int((segment != 0).sum())
    token, groups, weight, aux = router(torch.randn(rows, length, D), segment)
    copies = list(zip(token.tolist(), groups.expert.tolist(), strict=True))
    assert len(set(copies)) == len(copies), "no expert computes a token twice"
    assert all(segment is None or segment.flatten()[t] != 0 for t, _ in copies), "padding is not computed"
    assert groups.ends.tolist() == [sum(e <= other for _, e in copies) for other in range(E)] or sorted(copies, key=lambda c: c[1]) == copies
    assert groups.ends[-1] == len(copies) == len(weight)
    assert round(float(aux.dropped) * k * n_real) == k * n_real - len(copies)
    if room is None:
        assert len(copies) == k * n_real and float(aux.dropped) == 0
    else:
        numbers = torch.zeros(rows, length, dtype=torch.int64) if segment is None else segment
        taken = {}
        for t, e in copies:
            key = (t // length, int(numbers.flatten()[t]), e)
            taken[key] = taken.get(key, 0) + 1
        assert all(n <= room for n in taken.values())
    if n_real:
        assert math.isclose(float(aux.load.sum()), 1, rel_tol=1e-5)


@pytest.mark.parametrize("expert", EXPERTS)
def test_the_way_back_is_that_of_the_equations(expert: str) -> None:
    moe = layer(TopTwo.Config(capacity=CapacityFactor(evaluation=0.5)), EXPERTS[expert])
    x = torch.randn(2, 9, D, requires_grad=True)
    wanted = [x, *moe.parameters()]
    given_ = torch.randn(2, 9, D)
    ours = torch.autograd.grad(moe(x, place(None, 9))[0], wanted, given_)
    theirs = torch.autograd.grad(by_hand(moe, x, None, best(2), lambda n: math.ceil(0.5 * 2 * n / E)), wanted, given_)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, atol=1e-4)


def test_gradients_are_zero_and_not_missing_for_experts_without_tokens() -> None:
    moe = layer(TopK.Config(k=1)).train()
    moe(torch.randn(1, 2, D), place(None, 2))[0].sum().backward()
    used = moe.experts.up.weight.grad.flatten(1).abs().sum(1) > 0
    assert 1 <= int(used.sum()) <= 2
    assert all(p.grad is not None and p.grad.isfinite().all() for p in moe.parameters())


def test_no_tokens_at_all() -> None:
    for router in (TopK.Config(k=2), Switch.Config(), GroupTopK.Config(k=2), ExpertChoice.Config()):
        moe = layer(router)
        y, aux = moe(torch.randn(2, 3, D), place(torch.zeros(2, 3, dtype=torch.int64), 3))
        assert (y == 0).all() and aux.load.isfinite().all() and float(aux.dropped) == 0


@pytest.mark.parametrize("segments", ["padded", "packed"])
def test_where_nothing_may_be_cut_off_it_weighs_nothing(segments: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU and in a compiled graph, where shapes must not depend on data."""
    moe, segment = layer(TopTwo.Config(capacity=CapacityFactor(evaluation=0.5)), EXPERTS["plain, biases"]), SEGMENTS[segments]
    x = torch.randn(2, 9, D, requires_grad=True)
    y, dy = moe(x, place(segment, 9))[0], torch.randn(2, 9, D)
    expected = torch.autograd.grad(y, [x, *moe.parameters()], dy)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    token, *_ = moe.router(x, segment)
    assert len(token) == 2 * 18
    again = moe(x, place(segment, 9))[0]
    assert torch.allclose(again, y, atol=1e-6)
    for found, wanted in zip(torch.autograd.grad(again, [x, *moe.parameters()], dy), expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-5)


# ---- expert choice


@pytest.mark.parametrize("segments", ["whole rows", "padded"])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0, 5.0])
def test_expert_choice(segments: str, factor: float) -> None:
    moe, segment, x = layer(ExpertChoice.Config(capacity_factor=factor)), SEGMENTS[segments], torch.randn(2, 9, D)
    y, aux = moe(x, place(segment, 9))
    real = [(b, t) for b in range(2) for t in range(9) if segment is None or segment[b, t] != 0]
    scores = {at: torch.softmax(scores_of(moe, x[at]), 0) for at in real}
    expected = torch.zeros_like(x)
    for e in range(E):
        for at in sorted(real, key=lambda at: -scores[at][e].item())[: math.ceil(factor * len(real) / E)]:
            expected[at] += scores[at][e] * one_expert(moe, e, x[at])
    assert torch.allclose(y, expected, atol=1e-5)
    assert torch.allclose(aux.load, torch.full((E,), 1 / E))


# ---- DeepSeek-V3


@torch.no_grad()
def test_group_top_k() -> None:
    moe = layer(GroupTopK.Config(k=3, n_groups=3, top_groups=2, scale=2.5), n_experts=9)
    torch.nn.init.normal_(moe.router.correction, std=0.3)
    x, y = torch.randn(2, 9, D), torch.zeros(2, 9, D)
    for b in range(2):
        for t in range(9):
            s = 1 / (1 + torch.exp(-scores_of(moe, x[b, t])))
            biased = s + moe.router.correction
            groups = [range(3 * g, 3 * g + 3) for g in range(3)]
            good = sorted(groups, key=lambda group: -sum(sorted((float(biased[e]) for e in group), reverse=True)[:2]))[:2]
            chosen = sorted((e for group in good for e in group), key=lambda e: -float(biased[e]))[:3]
            total = sum(s[e] for e in chosen)
            y[b, t] = sum(2.5 * s[e] / total * one_expert(moe, e, x[b, t]) for e in chosen)
    assert torch.allclose(moe(x, place(None, 9))[0], y, atol=1e-5)


def test_the_bias_brings_balance() -> None:
    torch.manual_seed(0)
    router = GroupTopK.Config(k=2, rate=0.01).build(8, 6).train()
    torch.nn.init.normal_(router.weight)
    skew = torch.randn(8) * 2  # all tokens alike: some experts have far too much
    loads = []
    for step in range(300):
        loads.append(router(skew + torch.randn(4, 64, 8), None).aux.load)
        router.after_step(step)
    before, after = (torch.stack(part).mean(0).max() * 6 for part in (loads[:5], loads[-50:]))
    assert before > 2.0 and after < 1.15
    assert (router.counted == 0).all()


def test_the_bias_is_kept_with_the_weights_and_moves_only_in_training() -> None:
    router = GroupTopK.Config(k=2).build(D, E).train()
    torch.nn.init.normal_(router.weight)
    assert set(router.state_dict()) == {"weight", "correction"} and set(dict(router.named_parameters())) == {"weight"}
    router.eval()(torch.randn(2, 3, D), None)
    assert (router.counted == 0).all()
    router.train()(torch.randn(2, 3, D), torch.tensor([[1, 1, 0], [1, 1, 1]]))
    counted = router.counted.clone()
    assert float(counted.sum()) == 2 * 5
    router.after_step(1)
    assert torch.allclose(router.correction, 0.001 * torch.sign(2.0 - counted))


# ---- losses


def test_the_balance_loss_by_hand() -> None:
    moe = layer(Switch.Config(jitter=0.0, balance_loss=0.5, z_loss=0.0, capacity=None)).train()
    x, segment = torch.randn(2, 9, D), SEGMENTS["padded"]
    assert segment is not None
    p = torch.stack([torch.softmax(scores_of(moe, x[b, t]), 0) for b in range(2) for t in range(9) if segment[b, t]])
    f = torch.stack([(p.argmax(1) == e).float().mean() for e in range(E)])
    aux = moe(x, place(segment, 9))[1]
    assert torch.isclose(aux.loss, 0.5 * E * sum(f[e] * p[:, e].mean() for e in range(E)), atol=1e-6)
    assert torch.allclose(aux.load, f)


def test_the_balance_loss_of_k_experts_is_transformers() -> None:
    theirs = pytest.importorskip("transformers.models.mixtral.modeling_mixtral").load_balancing_loss_func
    moe, x = layer(TopK.Config(k=2, balance_loss=0.7)).train(), torch.randn(2, 9, D)
    scores = moe.router.scores(x)
    mask = SEGMENTS["padded"]
    assert torch.isclose(moe(x, place(None, 9))[1].loss, 0.7 * theirs((scores,), E, 2), atol=1e-6)
    assert torch.isclose(moe(x, place(mask, 9))[1].loss, 0.7 * theirs((scores,), E, 2, (mask != 0).long()), atol=1e-6)


def test_two_experts_balance_first_choices_only() -> None:
    moe, x = layer(TopTwo.Config(balance_loss=1.0, z_loss=0.0)).train(), torch.randn(2, 9, D)
    p = torch.softmax(moe.router.scores(x), -1)
    first = torch.nn.functional.one_hot(p.argmax(1), E).float().mean(0)
    assert torch.isclose(moe(x, place(None, 9))[1].loss, E * (first * p.mean(0)).sum(), atol=1e-6)


@torch.no_grad()
def test_the_z_loss_by_hand() -> None:
    moe, segment = layer(TopK.Config(k=1, z_loss=0.25)).train(), SEGMENTS["padded"]
    assert segment is not None
    x = torch.randn(2, 9, D)
    each = [math.log(sum(math.exp(float(s)) for s in scores_of(moe, x[b, t]))) ** 2 for b in range(2) for t in range(9) if segment[b, t]]
    assert math.isclose(float(moe(x, place(segment, 9))[1].loss), 0.25 * sum(each) / len(each), rel_tol=1e-5)


@torch.no_grad()
def test_the_loss_within_sequences_by_hand() -> None:
    moe, segment, x = layer(GroupTopK.Config(k=2, balance_loss=0.3)).train(), SEGMENTS["padded"], torch.randn(2, 9, D)
    assert segment is not None
    losses = []
    for b in range(2):
        s = [torch.sigmoid(scores_of(moe, x[b, t])) for t in range(9) if segment[b, t]]
        chosen = [one.topk(2).indices.tolist() for one in s]
        f = [E / (2 * len(s)) * sum(e in c for c in chosen) for e in range(E)]
        p = [sum(float(one[e] / one.sum()) for one in s) / len(s) for e in range(E)]
        losses.append(sum(a * b for a, b in zip(f, p, strict=True)))
    assert math.isclose(float(moe(x, place(segment, 9))[1].loss), 0.3 * sum(losses) / 2, rel_tol=1e-5)


def test_losses_move_the_router_towards_balance() -> None:
    torch.manual_seed(1)
    moe = layer(Switch.Config(balance_loss=1.0, jitter=0.0, capacity=None)).train()
    x = torch.randn(8, 16, D) + 2 * torch.randn(D)
    optimizer = torch.optim.Adam(moe.router.parameters(), lr=0.02)
    before = float(moe(x, place(None, 16))[1].load.max())
    for _ in range(100):
        optimizer.zero_grad()
        moe(x, place(None, 16))[1].loss.backward()
        optimizer.step()
    after = float(moe(x, place(None, 16))[1].load.max())
    assert before > 0.4 and after < 0.3


# ---- chance


def test_jitter_is_drawn_in_training_only_and_from_the_seed() -> None:
    moe, x, at = layer(Switch.Config(jitter=0.5, balance_loss=0.0, capacity=None)), torch.randn(4, 9, D), place(None, 9)
    assert torch.equal(moe(x, at)[0], moe(x, at)[0])
    moe.train()
    torch.manual_seed(1)
    first = moe(x, at)[0]
    assert not torch.equal(first, moe(x, at)[0])
    torch.manual_seed(1)
    assert torch.equal(first, moe(x, at)[0])
    quiet = layer(Switch.Config(jitter=0.0, balance_loss=0.0, capacity=None))
    assert torch.equal(quiet.train()(x, at)[0], moe.eval()(x, at)[0])


@torch.no_grad()
def test_the_second_expert_is_used_as_often_as_twice_its_weight() -> None:
    router = TopTwo.Config(second="sampled", capacity=None).build(D, E)
    torch.nn.init.normal_(router.weight, std=0.5)
    x = torch.randn(1, 1, D).expand(1, 4000, D)
    weight = torch.softmax(router.scores(x[:, :1]), -1).topk(2).values[0]
    wanted = min(1.0, 2 * float(weight[1] / weight.sum()))
    assert len(router.eval()(x, None).token) == 8000
    found = len(router.train()(x, None).token) / 4000 - 1
    assert abs(found - wanted) < 0.03 and 0.1 < wanted < 0.95


# ---- shared experts, precision, building


@pytest.mark.parametrize("gated", [False, True])
def test_shared_experts_compute_every_token(gated: bool) -> None:
    inner = GatedMLP.Config(d_ff=4)
    moe = layer(TopK.Config(k=2), shared=OutputGate.Config(inner=inner) if gated else inner)
    x, at = torch.randn(2, 4, D), place(torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]]), 4)
    shared = (moe.shared.inner if gated else moe.shared)(x, at)[0]
    shared = torch.sigmoid(moe.shared.gate(x)) * shared if gated else shared
    y, moe.shared = moe(x, at)[0], None
    assert torch.allclose(y, moe(x, at)[0] + shared, atol=1e-6)


def test_bf16_is_close_and_routes_in_fp32() -> None:
    moe, x = layer(TopK.Config(k=2), MLP.Config(d_ff=12, activation=SiLU())), torch.randn(2, 30, D).bfloat16()
    y = moe(x, place(None, 30))[0]
    exact = moe(x.float(), place(None, 30))[0]
    assert y.dtype == torch.bfloat16 and (y.float() - exact).norm() / exact.norm() < 0.02
    y.sum().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in moe.parameters())


@pytest.mark.parametrize("d_in", [1, 4, 7, 16])
@pytest.mark.parametrize("d_out", [1, 8, 13])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("ends", [[0, 0, 0], [0, 0, 6], [2, 2, 6], [1, 5, 6]], ids=str)
def test_grouped_product(d_in: int, d_out: int, dtype: torch.dtype, ends: list[int]) -> None:
    x, weight = torch.randn(ends[-1], d_in).to(dtype), torch.randn(3, d_out, d_in).to(dtype)
    starts = [0, *ends[:-1]]
    expected = torch.cat([x[a:b] @ weight[e].t() for e, (a, b) in enumerate(zip(starts, ends, strict=True))])
    found = grouped_product(x, weight, torch.tensor(ends, dtype=torch.int32))
    assert found.shape == expected.shape and torch.allclose(found, expected, atol=1e-5 if dtype == torch.float32 else 0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", ["Mixtral", "Switch, one place", "GLaM, small"])
@pytest.mark.parametrize("expert", EXPERTS)
def test_a_gpu_gives_what_a_cpu_gives(name: str, expert: str) -> None:
    moe, segment, x = layer(TOKEN_CHOICE[name][0], EXPERTS[expert]), SEGMENTS["packed"], torch.randn(2, 9, D)  # type: ignore[arg-type]
    dy = torch.randn(2, 9, D)
    expected = [moe(x, place(segment, 9))[0]]
    expected += torch.autograd.grad(expected[0], list(moe.parameters()), dy)
    moe.cuda()
    at = Place(*(None if t is None else t.cuda() for t in (place(segment, 9).index, place(segment, 9).position, segment)))  # type: ignore[arg-type]
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.bfloat16, 0.05)):
        y = moe(x.cuda().to(dtype), at)[0]
        found = [y, *torch.autograd.grad(y, list(moe.parameters()), dy.cuda().to(dtype))]
        for ours, wanted in zip(found, expected, strict=True):
            assert (ours.float().cpu() - wanted).norm() <= tolerance * max(1.0, float(wanted.norm()))


def test_all_of_switch_c_stands_on_the_meta_device_at_once() -> None:
    config = MoE.Config(expert=MLP.Config(d_ff=6144, activation=ReLU(), bias=False), n_experts=2048, router=Switch.Config())
    with torch.device("meta"):
        layers = [config.build(2080) for _ in range(15)]
    assert sum(p.numel() for part in layers for p in part.parameters()) == 15 * (2048 * 2 * 2080 * 6144 + 2048 * 2080)


def test_configs_come_back_from_data() -> None:
    for router, *_ in TOKEN_CHOICE.values():
        config = MoE.Config(expert=EXPERTS["plain"], n_experts=E, router=router, shared=OutputGate.Config(inner=EXPERTS["gated"]))
        assert MoE.Config.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"router": TopK.Config(k=6)}, "take at most 5"),
        ({"router": TopTwo.Config(), "n_experts": 1}, "take at most 1"),
        ({"router": GroupTopK.Config(k=2, n_groups=3)}, "do not divide into 3 groups; take"),
        ({"router": GroupTopK.Config(k=4, n_groups=3), "n_experts": 9}, "hold 3 experts"),
        ({"router": ExpertChoice.Config(capacity_factor=6.0)}, "take at most 5"),
        ({"n_experts": 0}, "at least one expert"),
        ({"expert": OutputGate.Config(inner=MLP.Config(d_ff=3))}, "an MLP or a GatedMLP"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        MoE.Config(**({"expert": EXPERTS["plain"], "n_experts": E, "router": TopK.Config()} | fields))  # type: ignore[arg-type]


def test_values_out_of_range_are_refused() -> None:
    for make in (
        lambda: TopK.Config(k=0),
        lambda: TopK.Config(z_loss=-1.0),
        lambda: Switch.Config(jitter=1.0),
        lambda: CapacityFactor(training=0.0),
        lambda: FixedCapacity(tokens=0),
        lambda: GroupTopK.Config(n_groups=2, top_groups=3),
        lambda: ExpertChoice.Config(capacity_factor=0.0),
        lambda: OutputGate.Config(inner=MoE.Config(expert=EXPERTS["plain"], n_experts=2, router=TopK.Config())),
    ):
        with pytest.raises(ConfigError):
            make()
