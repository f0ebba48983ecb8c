"""torch.compile, a layer at a time: layers that are alike share the code, so a model of any depth starts as fast as one of its layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from anyformer.parts.block import Block


class CompiledLayers:
    """Calls `model` with its layers compiled; one without layers is compiled whole. Other calls of the model see it as it is written."""

    def __init__(self, model: nn.Module):
        self.called = False  # whether a call has begun: the first one compiles
        self._model = model
        layers: list[nn.Module] = [m for m in model.modules() if isinstance(m, Block)] or [model]
        self._forwards = [(layer, torch.compile(layer.forward, dynamic=True)) for layer in layers]

    def __call__(self, *arguments: Any) -> Any:
        self.called = True
        try:
            for layer, forward in self._forwards:
                vars(layer)["forward"] = forward
            return self._model(*arguments)
        finally:
            for layer, _ in self._forwards:
                vars(layer).pop("forward", None)
