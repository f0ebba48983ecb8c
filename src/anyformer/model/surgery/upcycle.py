"""From a dense model to a mixture of experts: every expert begins as a copy of the layer it replaces (Komatsuzaki et al. 2022)."""

from __future__ import annotations

import torch

from anyformer.errors import ConfigError, Problem
from anyformer.model.model import Model
from anyformer.model.surgery.rebuild import layers_of, rebuilt, with_blocks
from anyformer.parts.block import Block
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.moe import MoE
from anyformer.parts.router import Router
from anyformer.parts.token_choice import TopK

ROUTER_STD = 0.02  # appendix A of the paper


def upcycle(model: Model, n_experts: int, router: Router.Config | None = None, every: int = 2, seed: int = 0) -> Model:
    """The model with `n_experts` experts in every `every`-th layer, from the `every`-th on (the paper: every second).

    Routers are drawn from N(0, 0.02^2). Proof: whatever they choose, the weights of a token's experts sum to 1 and all experts are equal, so the
    outputs are those of `model`, to rounding.

    Args:
        router: None: TopK(k=2), or of one expert k=1.

    Raises:
        ConfigError: the router's weights do not sum to 1, or it drops tokens; or there is no feed-forward layer to copy.
    """
    chosen = router or TopK.Config(k=min(2, n_experts))
    problems = [Problem("every", f"counts layers, so it is at least 1, not {every}")] if every < 1 else []
    if not chosen.sums_to_one:
        why = "drops tokens, or weighs experts so that they do not sum to 1; take TopK (normalize, no capacity), to which outputs begin equal"
        problems.append(Problem("router", f"{chosen.kind()} as given {why}"))
    targets = {(side, i): block for side, _, i, block in layers_of(model.config) if every >= 1 and i % every == every - 1}
    for (side, i), block in targets.items():
        if not isinstance(block.feed_forward, (MLP.Config, GatedMLP.Config)):
            problems.append(Problem(f"{side}.layers.{i}.feed_forward", f"experts are copies of an MLP or a GatedMLP, not of {block.feed_forward.kind()}"))
    if every >= 1 and not targets:
        problems.append(Problem("every", f"no stack has {every} layers; take a smaller number"))
    if problems:
        raise ConfigError(*problems)

    config = model.config
    for side in ("encoder", "decoder"):

        def change(i: int, block: Block.Config, side: str = side) -> Block.Config:
            if (side, i) not in targets:
                return block
            return block.override("feed_forward", MoE.Config(expert=block.feed_forward, n_experts=n_experts, router=chosen))

        config = with_blocks(config, change, sides=(side,))
    tensors = dict(model.state_dict())
    draws = torch.Generator().manual_seed(seed)
    for side, i in targets:
        prefix = f"{side}.layers.{i}.feed_forward."
        for name in [n for n in tensors if n.startswith(prefix)]:
            dense = tensors.pop(name)
            tensors[f"{prefix}experts.{name.removeprefix(prefix)}"] = dense.expand(n_experts, *dense.shape)
            like = dense
        scores = torch.empty(n_experts, config.d_model).normal_(std=ROUTER_STD, generator=draws)
        tensors[f"{prefix}router.weight"] = scores.to(like.device, like.dtype)
        if isinstance(chosen, GroupTopK.Config):
            tensors[f"{prefix}router.correction"] = torch.zeros(n_experts, device=like.device)
    return rebuilt(model, config, tensors)
