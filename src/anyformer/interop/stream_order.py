"""The same model with the features of its residual stream in another order.

Every map reads and writes the stream, norms and sums treat its features alike: in whatever order they stand, as long as all parts agree, the model
computes the same. So sinusoids that are interleaved (Vaswani et al. 2017) can be told to tools that know only halves (Marian, Pegasus).
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from anyformer.model.assign import Places, hollow
from anyformer.model.model import Model
from anyformer.parts.position import Sinusoidal

# which dimension of a tensor is the stream; None: it has none
_DIMENSIONS: list[tuple[str, int | None]] = [
    (r"(encoder_)?embedding\.weight|head\.weight", 1),
    (r".*\.(query|key|value|up|gate)\.weight", 1),
    (r".*\.(query|key|value|up|gate)\.bias|head\.bias", None),
    (r".*\.(out|down)\.(weight|bias)", 0),
    (r"(.*_residual\.(pre|post|branch)|(encoder|decoder)\.final_norm|(encoder_)?embedding\.norm)\.(weight|bias)", 0),
]


def in_halves(model: Model) -> Model | None:
    """A model that computes the same and has all sines before all cosines; None: its sinusoids are not interleaved, or it has parts of another kind."""
    config: Model.Config = model.config  # type: ignore[assignment]
    changed = config
    for name in ("embedding", "encoder_embedding"):
        embedding = getattr(config, name)
        position = None if embedding is None else embedding.position
        if isinstance(position, Sinusoidal.Config) and position.layout == "interleaved":
            changed = changed.override(f"{name}.position", {"layout": "halves"})
        elif embedding is not None:
            return None
    held = model.state_dict()
    dimensions = {name: _dimension(name) for name in held}
    if (
        changed == config
        or any(d is not None and held[name].shape[d] != config.d_model for name, d in dimensions.items() if d != -1)
        or -1 in dimensions.values()
    ):
        return None
    order = torch.cat([torch.arange(0, config.d_model, 2), torch.arange(1, config.d_model, 2)])
    places = Places(hollow(changed))
    for name, tensor in held.items():
        places.put(name, _ordered(tensor, dimensions[name], order))
    places.finish()
    made: Model = places.model.train(model.training)  # type: ignore[assignment]
    return made


def _dimension(name: str) -> int | None:
    """Of the tensor of this name; -1: it is not known."""
    return next((dimension for pattern, dimension in _DIMENSIONS if re.fullmatch(pattern, name)), -1)


def _ordered(tensor: Tensor, dimension: int | None, order: Tensor) -> Tensor:
    return tensor.detach().clone() if dimension is None else tensor.detach().index_select(dimension, order.to(tensor.device))
