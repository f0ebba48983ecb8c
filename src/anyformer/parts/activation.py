"""Element-wise non-linearities of the feed-forward layers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from anyformer.spec import Spec, spec


class Activation(Spec):
    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError


@spec
class ReLU(Activation):
    """max(0, x) (Vaswani et al. 2017, equation 2)."""

    def __call__(self, x: Tensor) -> Tensor:
        return F.relu(x)


@spec
class GELU(Activation):
    """x * Phi(x) (Hendrycks & Gimpel 2016); `tanh` is their approximation, which GPT-2, BLOOM and T5 1.1 use."""

    tanh: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        return F.gelu(x, approximate="tanh" if self.tanh else "none")


@spec
class QuickGELU(Activation):
    """x * sigmoid(1.702 x), the coarser approximation of GELU (Hendrycks & Gimpel 2016, section 2; CLIP)."""

    def __call__(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


@spec
class SiLU(Activation):
    """x * sigmoid(x), also Swish (Elfwing et al. 2017; Ramachandran et al. 2017)."""

    def __call__(self, x: Tensor) -> Tensor:
        return F.silu(x)


@spec
class ReLU2(Activation):
    """max(0, x)^2 (So et al. 2021, Primer)."""

    def __call__(self, x: Tensor) -> Tensor:
        return F.relu(x).square()


@spec
class Sigmoid(Activation):
    """The gate of the original GLU (Dauphin et al. 2017)."""

    def __call__(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


@spec
class Identity(Activation):
    """No non-linearity: the gate of the bilinear layer (Shazeer 2020)."""

    def __call__(self, x: Tensor) -> Tensor:
        return x
