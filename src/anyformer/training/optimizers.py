"""Optimizers as configs, and `Optimizers`: what a config builds, with its state by parameter name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from anyformer.distributed import World
from anyformer.errors import CheckpointError, Problem
from anyformer.spec import Spec, spec
from anyformer.training.adamw import AdamMoments
from anyformer.training.muon import OrthogonalMomentum


class Optimizer(Spec):
    """The menu of optimizers."""

    lr: float

    def build(self, model: nn.Module, world: World | None = None) -> Optimizers:
        """`world`: the processes that share the work of an update; None: this one alone."""
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

    Defaults: betas and eps of Vaswani et al. 2017 section 5.3.
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.98)
    eps: float = 1e-9
    weight_decay: float = 0.0

    def build(self, model: nn.Module, world: World | None = None) -> Optimizers:
        return Optimizers([AdamMoments(_trained(model), self.betas, self.eps, self.weight_decay)], self.lr)


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

    def build(self, model: nn.Module, world: World | None = None) -> Optimizers:
        named = _trained(model)
        matrices = {name: p for name, p in named.items() if is_hidden_matrix(name, p)}
        rest = {name: p for name, p in named.items() if name not in matrices}
        rules: list[Rule] = []
        if matrices:
            rules.append(OrthogonalMomentum(matrices, self.momentum, self.weight_decay, world))
        if rest:
            rules.append(AdamMoments(rest, self.betas, self.eps, self.weight_decay))
        return Optimizers(rules, self.lr)


_NOT_HIDDEN = ("head", "lm_head", "generator", "position", "bias", "table", "router")


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a parameter maps hidden states to hidden states: two or more dimensions, and no embedding, head, position table or router by name."""
    words = name.split(".")
    return parameter.ndim >= 2 and not any("embed" in word or word in _NOT_HIDDEN for word in words)


Rule = AdamMoments | OrthogonalMomentum


class Optimizers:
    """One or more update rules that share the parameters of a model, and the learning rate."""

    def __init__(self, rules: list[Rule], lr: float):
        self.rules = rules
        self._lr = lr

    def set_rate(self, lr: float) -> None:
        self._lr = lr

    def step(self) -> None:
        for rule in self.rules:
            rule.step(self._lr)

    def clear_gradients(self) -> None:
        for rule in self.rules:
            for p in rule.named.values():
                p.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """The state as `<parameter>/<quantity>` -> tensor (`encoder.layers.0.w/exp_avg`), and Adam's `step`. The tensors are those in use."""
        found = {f"{name}/{key}": value for rule in self.rules for name, state in rule.state.items() for key, value in state.items()}
        counts = [rule.step_count for rule in self.rules if isinstance(rule, AdamMoments)]
        return found | ({"step": counts[0]} if counts else {})

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` gave.

        Raises:
            CheckpointError: it is of another optimizer or another model.
        """
        own = self.tensors()
        wrong = [
            name for name in [*own, *(n for n in tensors if n not in own)] if name not in own or name not in tensors or own[name].shape != tensors[name].shape
        ]
        if wrong:
            first = Problem(wrong[0], f"and {len(wrong) - 1} more: the checkpoint's state is of another optimizer or model; resume with those of its run")
            raise CheckpointError(first)
        for name, value in tensors.items():
            own[name].copy_(value)


def _trained(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
