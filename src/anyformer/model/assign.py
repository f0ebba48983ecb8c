"""Giving a model built on the meta device its numbers, without ever holding them twice."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from anyformer.model.model import Model


def hollow(config: Model.Config) -> Model:
    """The model without storage."""
    with torch.device("meta"):
        return config.build()


class Places:
    """The tensors of a model (parameters and stored buffers) and the names that each has: a tied one has several."""

    def __init__(self, model: nn.Module):
        self.model = model
        self.held: dict[str, Tensor] = dict(model.state_dict(keep_vars=True))
        self._names: dict[int, list[str]] = {}
        for name, tensor in self.held.items():
            self._names.setdefault(id(tensor), []).append(name)

    def put(self, name: str, tensor: Tensor, dtype: torch.dtype | None = None) -> None:
        """Makes `tensor` the one called `name`, under all its names; `dtype`: of parameters, None: as it is.

        It is taken as it stands, but for a part of a larger one, which is copied so that the larger one can go.
        """
        place = self.held[name]
        is_parameter = isinstance(place, nn.Parameter)
        if is_parameter and dtype is not None and tensor.is_floating_point():
            tensor = tensor.to(dtype)
        if not tensor.is_contiguous() or tensor.untyped_storage().nbytes() != tensor.nbytes:
            tensor = tensor.clone(memory_format=torch.contiguous_format)
        made = nn.Parameter(tensor, requires_grad=place.requires_grad) if is_parameter else tensor
        for each in self._names[id(place)]:
            path, _, leaf = each.rpartition(".")
            setattr(self.model.get_submodule(path), leaf, made)

    def finish(self) -> None:
        """Buffers that are not stored (counts since the last step of training) begin at 0; everything else must have been put."""
        stored = {id(t) for t in self.model.state_dict(keep_vars=True).values()}
        for module in self.model.modules():
            for name, buffer in module.named_buffers(recurse=False):
                if buffer.is_meta and id(buffer) not in stored:
                    setattr(module, name, torch.zeros_like(buffer, device="cpu"))
        empty = [n for n, t in (*self.model.named_parameters(), *self.model.named_buffers()) if t.is_meta]
        assert not empty, f"nothing was put into {empty}"


def assign(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Gives every tensor of `model` that of its name. All must be there, of their shapes: that is the caller's to check."""
    places = Places(model)
    for name in places.held:
        places.put(name, tensors[name])
    places.finish()
