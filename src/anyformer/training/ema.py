"""Exponential moving average of the weights (Polyak and Juditsky 1992; Tan and Le 2019 use it throughout)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """mean <- mean + (1 - d) (weights - mean) with d = min(decay, (1 + step) / (10 + step)), so that the start is soon forgotten."""

    def __init__(self, model: nn.Module, decay: float):
        self._decay = decay
        self._parameters = dict(model.named_parameters())
        self._model = model
        self._means = {name: p.detach().clone() for name, p in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self._means.values()), list(self._parameters.values()), 1 - decay)

    def tensors(self) -> dict[str, Tensor]:
        """A whole `state_dict` of the model with the means in place of the parameters."""
        by_memory = {p.data_ptr(): self._means[name] for name, p in self._parameters.items()}
        return {name: by_memory.get(value.data_ptr(), value) for name, value in self._model.state_dict().items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        for name, mean in self._means.items():
            mean.copy_(tensors[name])


@contextmanager
def weights_of(model: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """The model with other weights, for as long as the block runs."""
    own = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(tensors)
    try:
        yield
    finally:
        model.load_state_dict(own)
