"""Muon: momentum whose every matrix is replaced by the nearest orthogonal one (Jordan et al. 2024, "Muon: an optimizer for hidden layers")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from anyformer.distributed import World, sum_tensors

# x -> a x + b x^3 + c x^5 with the slope at 0 as steep as possible: five rounds bring every singular value between 0.7 and 1.2.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalize(matrices: Tensor, rounds: int = 5) -> Tensor:
    """U V^T of each matrix U S V^T, nearly, by a Newton-Schulz iteration; in bf16 on a GPU, as Jordan does, and where a run computes in bf16.

    matrices [.., m, n] -> same shape and type.
    """
    x = matrices.reshape(-1, *matrices.shape[-2:]).to(_working_type(matrices))
    with torch.autocast(x.device.type, enabled=False):  # it would take the norm in fp32, and cast before each product
        x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
        wide = x.shape[-2] <= x.shape[-1]
        x = x if wide else x.mT
        for _ in range(rounds):
            square = torch.bmm(x, x.mT)  # [N, m, m], the smaller side
            factor = torch.baddbmm(square, square, square, beta=_B, alpha=_C)
            x = torch.baddbmm(x, factor, x, beta=_A)
    return (x if wide else x.mT).reshape(matrices.shape).to(matrices.dtype)


def _working_type(matrices: Tensor) -> torch.dtype:
    """Under autocast its type for all of the iteration: cast to and fro around each product, it takes nearly twice as long."""
    kind = matrices.device.type
    if torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return torch.bfloat16 if matrices.is_cuda else matrices.dtype


class OrthogonalMomentum:
    """w <- (1 - lr * weight_decay) w - lr * 0.2 sqrt(max(m, n)) * orthogonalize(nesterov momentum), for parameters [.., m, n].

    Matrices of one shape are iterated together: the single ones are too small to fill a matmul. Several processes, whose gradients are the same by
    then, each iterate a share of them. `state`: parameter name -> quantity -> tensor.
    """

    keys = ("momentum",)

    def __init__(self, named: Mapping[str, nn.Parameter], momentum: float, weight_decay: float, world: World | None = None):
        self.named = dict(named)
        self.state = {name: {"momentum": torch.zeros_like(p)} for name, p in self.named.items()}
        self._momentum, self._weight_decay, self._world = momentum, weight_decay, world or World()

    @torch.no_grad()
    def step(self, lr: float) -> None:
        alike: dict[tuple[Any, ...], list[str]] = defaultdict(list)
        for name, p in self.named.items():
            if p.grad is not None:
                alike[(p.shape, p.device)].append(name)
        for names in alike.values():
            self._update(names, lr)

    def _update(self, names: list[str], lr: float) -> None:
        parameters: list[Tensor] = [self.named[n] for n in names]
        gradients = [p.grad for p in parameters if p.grad is not None]
        buffers = [self.state[n]["momentum"] for n in names]
        torch._foreach_lerp_(buffers, gradients, 1 - self._momentum)
        ahead = torch._foreach_lerp(gradients, buffers, self._momentum)
        directions = self._directions(torch.stack(ahead)).unbind(0)
        scale = 0.2 * max(parameters[0].shape[-2:]) ** 0.5
        torch._foreach_mul_(parameters, 1 - lr * self._weight_decay)
        torch._foreach_add_(parameters, directions, alpha=-lr * scale)

    def _directions(self, matrices: Tensor) -> Tensor:
        """Each matrix made orthogonal, by one of the processes. [.., m, n] -> same shape"""
        if self._world.size == 1:
            return orthogonalize(matrices)
        single = matrices.reshape(-1, *matrices.shape[-2:])
        made = torch.zeros_like(single)
        mine = slice(self._world.rank, None, self._world.size)
        made[mine] = orthogonalize(single[mine])
        sum_tensors([made], self._world)
        return made.view_as(matrices)
