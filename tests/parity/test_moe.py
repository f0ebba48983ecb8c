"""Our mixtures of experts against transformers' blocks, all parameters randomised, odd sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from transformers import DeepseekV3Config, MixtralConfig, Qwen2MoeConfig, Qwen3MoeConfig, SwitchTransformersConfig
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3MoE
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock
from transformers.models.qwen2_moe.modeling_qwen2_moe import Qwen2MoeSparseMoeBlock
from transformers.models.qwen3_moe.modeling_qwen3_moe import Qwen3MoeSparseMoeBlock
from transformers.models.switch_transformers.modeling_switch_transformers import SwitchTransformersSparseMLP

from anyformer.parts.activation import GELU
from anyformer.parts.capacity import FixedCapacity
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.moe import MoE, OutputGate
from anyformer.parts.place import Place
from anyformer.parts.token_choice import Switch, TopK

D, F, E = 21, 13, 10


def randomised(block: nn.Module) -> nn.Module:
    torch.manual_seed(11)
    for tensor in [*block.parameters(), *block.buffers()]:
        nn.init.normal_(tensor, std=0.4)
    return block.eval()


def check(ours: MoE, theirs: nn.Module, weights: dict[str, Tensor], batch: int = 3, length: int = 17) -> None:
    """Equal outputs and equal gradients of the input; `weights` are all of ours."""
    assert {n: t.shape for n, t in weights.items()} == {n: t.shape for n, t in ours.state_dict().items()}
    ours.load_state_dict(weights)
    x = torch.randn(batch, length, D, requires_grad=True)
    index = torch.arange(length)
    y, expected = ours.eval()(x, Place(index, index.unsqueeze(0), None))[0], theirs(x)
    scale = max(1.0, float(expected.detach().abs().max()))
    assert (y - expected).abs().max() <= 1e-5 * scale
    dy = torch.randn_like(y)
    dx, expected_dx = (torch.autograd.grad(out, x, dy)[0] for out in (y, expected))
    assert (dx - expected_dx).abs().max() <= 1e-5 * max(1.0, float(expected_dx.abs().max()))


def gated(experts: nn.Module) -> dict[str, Tensor]:
    gate, up = experts.gate_up_proj.chunk(2, dim=1)
    return {"experts.gate.weight": gate, "experts.up.weight": up, "experts.down.weight": experts.down_proj}


def shared(mlp: nn.Module, prefix: str = "shared.") -> dict[str, Tensor]:
    return {f"{prefix}{name}.weight": getattr(mlp, f"{name}_proj").weight for name in ("gate", "up", "down")}


@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_mixtral(k: int) -> None:
    theirs = randomised(MixtralSparseMoeBlock(MixtralConfig(hidden_size=D, intermediate_size=F, num_local_experts=E, num_experts_per_tok=k)))
    ours = MoE.Config(expert=GatedMLP.Config(d_ff=F), n_experts=E, router=TopK.Config(k=k)).build(D)
    check(ours, theirs, gated(theirs.experts) | {"router.weight": theirs.gate.weight})


@pytest.mark.parametrize("normalize", [True, False])
def test_qwen3(normalize: bool) -> None:
    config = Qwen3MoeConfig(
        hidden_size=D, moe_intermediate_size=F, num_experts=E, num_experts_per_tok=3, norm_topk_prob=normalize, hidden_act="gelu_pytorch_tanh"
    )
    theirs = randomised(Qwen3MoeSparseMoeBlock(config))
    expert = GatedMLP.Config(d_ff=F, activation=GELU(tanh=True))
    ours = MoE.Config(expert=expert, n_experts=E, router=TopK.Config(k=3, normalize=normalize)).build(D)
    check(ours, theirs, gated(theirs.experts) | {"router.weight": theirs.gate.weight})


def test_qwen2_with_its_gated_shared_expert() -> None:
    config = Qwen2MoeConfig(
        hidden_size=D, moe_intermediate_size=F, shared_expert_intermediate_size=9, num_experts=E, num_experts_per_tok=3, norm_topk_prob=False
    )
    theirs = randomised(Qwen2MoeSparseMoeBlock(config))
    always = OutputGate.Config(inner=GatedMLP.Config(d_ff=9))
    ours = MoE.Config(expert=GatedMLP.Config(d_ff=F), n_experts=E, router=TopK.Config(k=3, normalize=False), shared=always).build(D)
    weights = gated(theirs.experts) | shared(theirs.shared_expert, "shared.inner.")
    check(ours, theirs, weights | {"router.weight": theirs.gate.weight, "shared.gate.weight": theirs.shared_expert_gate.weight})


@pytest.mark.parametrize("capacity", [1, 2, 3, 64])
@pytest.mark.parametrize("bias", [False, True])
def test_switch_drops_the_same_tokens(capacity: int, bias: bool) -> None:
    config = SwitchTransformersConfig(d_model=D, d_ff=F, num_experts=E, expert_capacity=capacity, router_bias=bias)
    theirs = randomised(SwitchTransformersSparseMLP(config))
    router = Switch.Config(capacity=FixedCapacity(tokens=capacity), bias=bias)
    ours = MoE.Config(expert=MLP.Config(d_ff=F, bias=False), n_experts=E, router=router).build(D)
    experts = [theirs.experts[f"expert_{e}"] for e in range(E)]
    weights = {"router.weight": theirs.router.classifier.weight} | ({"router.bias": theirs.router.classifier.bias} if bias else {})
    weights |= {"experts.up.weight": torch.stack([e.wi.weight for e in experts]), "experts.down.weight": torch.stack([e.wo.weight for e in experts])}
    check(ours, theirs, weights)
    index = torch.arange(17)
    dropped = float(ours(torch.randn(3, 17, D), Place(index, index.unsqueeze(0), None))[1].dropped)
    assert (dropped > 0.05) == (capacity < 64), "with little capacity something must be dropped, or the test shows nothing"


@pytest.mark.parametrize(("groups", "top", "k"), [(1, 1, 4), (5, 2, 3), (2, 1, 5), (5, 5, 10)])
@pytest.mark.parametrize("normalize", [True, False])
def test_deepseek_v3(groups: int, top: int, k: int, normalize: bool) -> None:
    config = DeepseekV3Config(
        hidden_size=D,
        moe_intermediate_size=F,
        n_routed_experts=E,
        n_shared_experts=2,
        num_experts_per_tok=k,
        n_group=groups,
        topk_group=top,
        norm_topk_prob=normalize,
        routed_scaling_factor=2.5,
    )
    theirs = randomised(DeepseekV3MoE(config))
    router = GroupTopK.Config(k=k, n_groups=groups, top_groups=top, normalize=normalize, scale=2.5)
    ours = MoE.Config(expert=GatedMLP.Config(d_ff=F), n_experts=E, router=router, shared=GatedMLP.Config(d_ff=2 * F)).build(D)
    weights = {"router.weight": theirs.gate.weight, "router.correction": theirs.gate.e_score_correction_bias}
    check(ours, theirs, weights | gated(theirs.experts) | shared(theirs.shared_experts))
