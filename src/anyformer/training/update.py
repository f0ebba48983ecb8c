"""One update: forward and backward of the micro batches, clipping, the optimizer."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from anyformer.batch import Batch
from anyformer.distributed import World, sum_gradients
from anyformer.training.compiled import CompiledLayers
from anyformer.training.config import Precision
from anyformer.training.optimizers import Optimizers


class LossSums(Protocol):
    """What a loss gives: sums over the targets that count, on the device."""

    @property
    def total(self) -> Tensor: ...  # scalar to go backward from

    @property
    def nats(self) -> Tensor: ...  # scalar: -log p of the targets, unsmoothed

    @property
    def experts(self) -> Tensor | None: ...  # [3]: `parts.auxiliary.summary`, where there are experts


LossFunction = Callable[[Callable[..., Any], Batch], LossSums]


class Taken(NamedTuple):
    """What an update leaves to read, on the device: reading it at each step would make the host wait for the GPU."""

    nats: Tensor  # of this process
    experts: Tensor | None  # [3], the micro batches' mean
    grad_norm: Tensor  # of all, before clipping


class Updater:
    """Computes updates of `model`. Gradients are those of the mean over all targets of the step, however they are split.

    With `compile`, the first failure of the compiled model is told through `say`, and the model runs as it is written from then on.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: LossFunction,
        optimizers: Optimizers,
        precision: Precision,
        clip: float | None,
        compile: bool,
        world: World,
        say: Callable[[str], None],
    ):
        self._model, self._loss, self._optimizers, self._world, self._clip, self._say = model, loss, optimizers, world, clip, say
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._device = self._parameters[0].device
        self._precision = precision
        self._compiled = CompiledLayers(model) if compile else None

    def take(self, batches: list[Batch], weight: float, lr: float, seed: int) -> Taken:
        """Updates the parameters.

        Args:
            weight: sum of the targets' weights over all micro batches of all processes.
            seed: of every random number drawn in the step.
        """
        nats, experts = self._backward(batches, weight, seed)
        sum_gradients(self._parameters, self._world)
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        if self._clip is not None:
            torch._foreach_mul_(gradients, (self._clip / (norm + 1e-6)).clamp(max=1.0))
        self._optimizers.set_rate(lr)
        with self.autocast():  # Muon's matrix products, too, are of the run's precision; sums and states stay fp32
            self._optimizers.step()
        self._optimizers.clear_gradients()
        return Taken(nats, experts, norm)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """The precision of the run, for forward passes; parameters stay fp32."""
        return torch.autocast(self._device.type, torch.bfloat16) if self._precision == "bf16" else contextlib.nullcontext()

    def _backward(self, batches: list[Batch], weight: float, seed: int) -> tuple[Tensor, Tensor | None]:
        if self._compiled is None:
            return self._sum_gradients_of(self._model, batches, weight, seed)
        if not self._compiled.called:
            self._say("compiling the layers: the first step takes minutes on a CPU")
        try:
            return self._sum_gradients_of(self._compiled, batches, weight, seed)
        except Exception as error:  # whatever the compiler or its kernels raise; an error of the model's own comes again below
            self._compiled = None
            reason = next(iter(str(error).strip().splitlines()), "")
            self._say(f"torch.compile failed, so the model runs without it ({type(error).__name__}: {reason[:200]})")
            self._optimizers.clear_gradients()
            return self._sum_gradients_of(self._model, batches, weight, seed)

    def _sum_gradients_of(self, forward: Callable[..., Any], batches: list[Batch], weight: float, seed: int) -> tuple[Tensor, Tensor | None]:
        seed_generators(self._device, seed)
        nats: list[Tensor] = []
        experts: list[Tensor] = []
        for batch in batches:
            with self.autocast():
                loss = self._loss(forward, batch)
            (loss.total / weight).backward()
            nats.append(loss.nats.detach().float())
            if loss.experts is not None:
                experts.append(loss.experts)
        return torch.stack(nats).sum(), torch.stack(experts).mean(0) if experts else None


def seed_of(seed: int, cursor: int, rank: int) -> int:
    """A number for each (seed, batch, process): no generator's state need be saved, and none is correlated with another."""
    return int.from_bytes(hashlib.blake2b(f"{seed},{cursor},{rank}".encode(), digest_size=8).digest(), "little") >> 1


def seed_generators(device: torch.device, seed: int) -> None:
    """Seeds the generators that a step on `device` draws from. torch.manual_seed would format a stack trace for each absent kind of device."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
