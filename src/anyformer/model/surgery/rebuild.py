"""What all surgery shares: configs changed layer by layer, and a model made of another's tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from anyformer.model.assign import assign, hollow
from anyformer.model.model import Model
from anyformer.model.skeleton import period, stacks
from anyformer.model.stack import Stack
from anyformer.parts.block import Block

Change = Callable[[int, Block.Config], Block.Config]


def rebuilt(model: Model, config: Model.Config, tensors: Mapping[str, Tensor]) -> Model:
    """The model of `config` with these tensors, copied: on the device of `model`, in its mode."""
    made = hollow(config)
    wanted = {name: tensor.shape for name, tensor in made.state_dict().items()}
    given = {name: tensor.shape for name, tensor in tensors.items()}
    assert wanted == given, {name: (wanted.get(name), given.get(name)) for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name)}
    assign(made, {name: tensor.detach().clone() for name, tensor in tensors.items()})
    return made.to(model.embedding.weight.device).train(model.training)


def with_blocks(config: Model.Config, change: Change, sides: tuple[str, ...] = ("encoder", "decoder")) -> Model.Config:
    """The config with `change(i, block)` in place of layer i's block, in the stacks of these sides."""
    changed: dict[str, Any] = {
        side: with_layers(stack, [change(i, block) for i, block in enumerate(stack.layers())]) for side, stack in stacks(config).items() if side in sides
    }
    return dataclasses.replace(config, **changed)


def with_layers(stack: Stack.Config, layers: list[Block.Config]) -> Stack.Config:
    """The stack of these layers, as the shortest pattern that repeats to them."""
    written_out = dataclasses.replace(stack, n_layers=len(layers), blocks=tuple(layers), first=())
    return dataclasses.replace(written_out, blocks=period(written_out))


def layers_of(config: Model.Config) -> Iterator[tuple[str, str, int, Block.Config]]:
    """(side, prefix of its tensors' names, number, config) of every layer."""
    for side, stack in stacks(config).items():
        for i, block in enumerate(stack.layers()):
            yield side, f"{side}.layers.{i}.", i, block
