"""More layers out of those that there are."""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch

from anyformer.errors import ConfigError, Problem
from anyformer.model.model import Model
from anyformer.model.skeleton import stacks
from anyformer.model.surgery.rebuild import rebuilt, with_layers
from anyformer.parts.block import Block, ParallelBlock, TransformerBlock

Order = Literal["stack", "interleave"]


def deepen(model: Model, times: int = 2, order: Order = "stack", overlap: int = 0, silent: bool = False) -> Model:
    """The model with `times` copies of its layers.

    order "stack": all layers, then all again (Gong et al. 2019); with `overlap`, each copy leaves out the first `overlap` layers, and the one below it
    the last (Kim et al. 2023, SOLAR: 48 layers out of 32, overlap 8). "interleave": every layer, then itself again (Rae et al. 2021, appendix G.3.3).

    Proof: layer i is a copy of layer `copied(L, times, order, overlap)[i]`. With `silent`, what the added layers write into the stream is 0 at first
    (Wu et al. 2024, LLaMA Pro, section 3.1), so the outputs are those of `model`; they learn from there.

    Raises:
        ConfigError: a layer cannot be silent because it changes the stream beside what it adds (post-LN), or overlap takes too much.
    """
    config, tensors = model.config, dict(model.state_dict())
    for side, stack in stacks(config).items():
        old = stack.layers()
        _check(f"{side}.layers", old, times, order, overlap, silent)
        source = copied(len(old), times, order, overlap)
        added = [i for i, layer in enumerate(source) if layer in source[:i]]
        deeper = with_layers(stack, [old[i] for i in source])
        config = dataclasses.replace(config, **{side: deeper})  # type: ignore[arg-type]
        before = {n: t for n, t in tensors.items() if n.startswith(f"{side}.layers.")}
        tensors = {n: t for n, t in tensors.items() if n not in before}
        for i, layer in enumerate(source):
            for name, tensor in before.items():
                if name.startswith(f"{side}.layers.{layer}."):
                    own = name.removeprefix(f"{side}.layers.{layer}.")
                    begin = _silent(own, old[layer]) if silent and i in added else None
                    tensors[f"{side}.layers.{i}.{own}"] = tensor if begin is None else torch.full_like(tensor, begin)
    return rebuilt(model, config, tensors)


def copied(n_layers: int, times: int, order: Order, overlap: int = 0) -> list[int]:
    """For each new layer, the old one that it is a copy of."""
    if order == "interleave":
        return [i for i in range(n_layers) for _ in range(times)]
    return [i for copy in range(times) for i in range(overlap if copy else 0, n_layers - (overlap if copy < times - 1 else 0))]


def _check(path: str, layers: list[Block.Config], times: int, order: Order, overlap: int, silent: bool) -> None:
    problems = []
    if times < 2:
        problems.append(Problem("times", f"deeper means at least 2 copies, not {times}"))
    if not 0 <= overlap < len(layers):
        problems.append(Problem("overlap", f"a copy of {len(layers)} layers can leave out 0 to {len(layers) - 1}, not {overlap}"))
    if overlap and (order == "interleave" or silent):
        problems.append(Problem("overlap", "leaves out layers where whole stacks meet, and a silent copy stands on a whole stack; take overlap: 0"))
    for i, block in enumerate(layers if silent else []):
        if isinstance(block, ParallelBlock.Config):
            continue
        if not isinstance(block, TransformerBlock.Config):
            problems.append(Problem(f"{path}.{i}", f"{block.kind()} has no known way to add nothing; take silent: false"))
        elif block.residual.post is not None or block.residual.skip != 1 or block.residual.carry != "stream":
            problems.append(Problem(f"{path}.{i}.residual", "changes the stream whatever the layer adds to it, so no copy is silent; take silent: false"))
    if problems:
        raise ConfigError(*problems)


def _silent(name: str, block: Block.Config) -> float | None:
    """What this tensor of an added layer begins as, so that the layer writes 0 into the stream; None: as copied."""
    branch = block.residual.branch if isinstance(block, TransformerBlock.Config) else None
    if branch is not None and getattr(branch, "scale", True):  # the norm of what is written: 0 by its weight
        if name.endswith("_residual.branch.weight"):
            return -1.0 if getattr(branch, "plus_one", False) else 0.0
        return 0.0 if name.endswith("_residual.branch.bias") else None
    last = (".out.weight", ".out.bias", ".down.weight", ".down.bias", "_residual.branch.bias")
    return 0.0 if name.endswith(last) else None
