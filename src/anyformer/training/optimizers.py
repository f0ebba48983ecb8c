"""Optimizers as configs, and `Optimizers`: what a config builds, with its state by parameter name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from anyformer.errors import CheckpointError, Problem
from anyformer.spec import Spec, spec
from anyformer.training.muon import OrthogonalMomentum

Hidden = Callable[[str, nn.Parameter], bool]


class Optimizer(Spec):
    """The menu of optimizers."""

    lr: float

    def build(self, model: nn.Module) -> Optimizers:
        raise NotImplementedError

    def problems(self) -> Iterator[tuple[str, str]]:
        for name in ("lr", "eps"):
            if not getattr(self, name) > 0:
                yield name, f"must be above 0, is {getattr(self, name)}"
        for i, beta in enumerate(self.betas):  # type: ignore[attr-defined]
            if not 0 <= beta < 1:
                yield f"betas.{i}", f"must be at least 0 and below 1, is {beta}"
        if not self.weight_decay >= 0:  # type: ignore[attr-defined]
            yield "weight_decay", f"must be at least 0, is {self.weight_decay}"  # type: ignore[attr-defined]


@spec
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Kingma and Ba 2015; Loshchilov and Hutter 2019), which falls on matrices only.

    Defaults: betas and eps of Vaswani et al. 2017 section 5.3. torch's fused kernel where the device has one.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-9
    weight_decay: float = 0.0

    def build(self, model: nn.Module) -> Optimizers:
        named = _trained(model)
        return Optimizers(named, [_adamw(list(named.values()), self.lr, self.betas, self.eps, self.weight_decay)])


@spec
class Muon(Optimizer):
    """Orthogonalised momentum for the hidden matrices (Jordan et al. 2024), AdamW for embeddings, head, norms and biases.

    A matrix's update is scaled by 0.2 sqrt(max(rows, columns)), the root mean square that an AdamW update has, so that one `lr` and one
    `weight_decay` serve both (Liu et al. 2025 section 2.2).
    """

    lr: float = 1e-3
    momentum: float = 0.95
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-9
    weight_decay: float = 0.0

    def problems(self) -> Iterator[tuple[str, str]]:
        yield from super().problems()
        if not 0 <= self.momentum < 1:
            yield "momentum", f"must be at least 0 and below 1, is {self.momentum}"

    def build(self, model: nn.Module) -> Optimizers:
        named = _trained(model)
        matrices = [p for name, p in named.items() if is_hidden_matrix(name, p)]
        chosen = set(matrices)
        rest = [p for p in named.values() if p not in chosen]
        parts: list[torch.optim.Optimizer] = []
        if matrices:
            parts.append(OrthogonalMomentum(matrices, self.lr, self.momentum, self.weight_decay))
        if rest:
            parts.append(_adamw(rest, self.lr, self.betas, self.eps, self.weight_decay))
        return Optimizers(named, parts)


_NOT_HIDDEN = ("head", "lm_head", "generator", "position", "bias", "table", "router")


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a parameter maps hidden states to hidden states: two or more dimensions, and no embedding, head, position table or router by name."""
    words = name.split(".")
    return parameter.ndim >= 2 and not any("embed" in word or word in _NOT_HIDDEN for word in words)


class Optimizers:
    """One or more torch optimizers that share the parameters of a model, the learning rate and one state by parameter name."""

    def __init__(self, named: Mapping[str, nn.Parameter], parts: list[torch.optim.Optimizer]):
        self.parts = parts
        self._named = dict(named)
        self._names: dict[Tensor, str] = {p: name for name, p in named.items()}

    def set_rate(self, lr: float) -> None:
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = lr

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def clear_gradients(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """The state as `<parameter>/<quantity>` -> tensor (`encoder.layers.0.w/exp_avg`)."""
        return {f"{self._names[p]}/{key}": value for part in self.parts for p, state in part.state.items() for key, value in state.items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Replaces the whole state by what `tensors` gave.

        Raises:
            CheckpointError: it is of another optimizer or another model.
        """
        by_name: dict[str, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            parameter, _, key = name.rpartition("/")
            by_name.setdefault(parameter, {})[key] = value.clone()
        unknown = sorted(by_name.keys() - self._named.keys())
        if unknown:
            raise CheckpointError(*(Problem(name, "has a state in the checkpoint's optimizer and is no parameter here") for name in unknown[:5]))
        for part in self.parts:
            wanted = part.state_keys if isinstance(part, OrthogonalMomentum) else _ADAM_KEYS  # what a parameter's state must have
            parameters = [p for group in part.param_groups for p in group["params"]]
            state = {i: by_name[self._names[p]] for i, p in enumerate(parameters) if self._names[p] in by_name}
            for i, values in state.items():
                shapes = {v.shape for k, v in values.items() if k != "step"}
                if values.keys() != wanted or shapes != {parameters[i].shape}:
                    raise CheckpointError(Problem(self._names[parameters[i]], "the checkpoint's state is of another optimizer: resume with the one of its run"))
            part.load_state_dict({"state": state, "param_groups": part.state_dict()["param_groups"]})


_ADAM_KEYS = {"step", "exp_avg", "exp_avg_sq"}


def _trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _adamw(parameters: list[nn.Parameter], lr: float, betas: tuple[float, float], eps: float, weight_decay: float) -> torch.optim.Optimizer:
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [g for g in groups if g["params"]]
    try:
        return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, fused=True)
    except RuntimeError:  # this device has no fused kernel
        return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, foreach=True)
