"""The mean of several steps' weights (Vaswani et al. 2017 section 6.1 averages the last 5 or 20)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from torch import Tensor

from anyformer.checkpoint.step import load_step
from anyformer.errors import CheckpointError, Problem


def average_steps(paths: Sequence[Path], fixed: Collection[str] = ()) -> dict[str, Tensor]:
    """Mean of the model tensors of the given steps, summed in float64; what is named in `fixed` (random features, whose mean would be none)
    or is no floating-point tensor is taken from the last.

    Raises:
        CheckpointError: a step is damaged, or the steps are not of one model.
    """
    if not paths:
        raise CheckpointError("there is no step to average")
    mean: dict[str, Tensor] = {}
    for path in paths:
        tensors = load_step(path).tensors("model")
        if mean and (tensors.keys() != mean.keys() or any(tensors[k].shape != mean[k].shape for k in mean)):
            raise CheckpointError(Problem(str(path), f"is of another model than {paths[0].name}: they cannot be averaged"))
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and name not in fixed:
                share = tensor.double() / len(paths)
                mean[name] = share if name not in mean else mean[name].add_(share)
            else:
                mean[name] = tensor
    return {name: mean[name].to(tensor.dtype).clone() for name, tensor in tensors.items()}
