"""Adam with decoupled weight decay, by torch's fused kernel.

torch.optim.AdamW calls the same kernel, but making one imports torch's compiler, which takes as long as importing torch.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


class AdamMoments:
    """m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  w <- (1 - lr * decay) w - lr * m' / (sqrt(v') + eps), m' and v' corrected for their
    start at zero (Kingma and Ba 2015 algorithm 1; Loshchilov and Hutter 2019 algorithm 2). The decay falls on matrices only.

    `state`: parameter name -> quantity -> tensor; `step` counts the updates.
    """

    keys = ("exp_avg", "exp_avg_sq")

    def __init__(self, named: Mapping[str, nn.Parameter], betas: tuple[float, float], eps: float, weight_decay: float):
        self.named = dict(named)
        self.state = {name: {key: torch.zeros_like(p) for key in self.keys} for name, p in self.named.items()}
        self.step_count = torch.zeros((), device=next(iter(self.named.values())).device)
        self._betas, self._eps, self._weight_decay = betas, eps, weight_decay

    @torch.no_grad()
    def step(self, lr: float) -> None:
        self.step_count += 1
        for matrices in (True, False):
            names = [name for name, p in self.named.items() if p.grad is not None and (p.ndim >= 2 and not name.endswith("bias")) == matrices]
            if names:
                self._update(names, lr, self._weight_decay if matrices else 0.0)

    def _update(self, names: list[str], lr: float, weight_decay: float) -> None:
        torch._fused_adamw_(
            [self.named[n] for n in names],
            [p.grad for n in names if (p := self.named[n]).grad is not None],
            [self.state[n]["exp_avg"] for n in names],
            [self.state[n]["exp_avg_sq"] for n in names],
            [],
            [self.step_count] * len(names),
            lr=lr,
            beta1=self._betas[0],
            beta2=self._betas[1],
            weight_decay=weight_decay,
            eps=self._eps,
            amsgrad=False,
            maximize=False,
        )
