"""Normalisation of queries and keys, before positions turn them. Shapes: x [B, T, heads, H]."""

from __future__ import annotations

from torch import Tensor

from anyformer.parts.norm import Norm, RMSNorm
from anyformer.parts.part import Part, PartConfig
from anyformer.spec import spec


class QKNorm(Part):
    """Slot: build(n_heads, head_dim); one for the queries, one for the keys (Henry et al. 2020; Dehghani et al. 2023)."""

    class Config(PartConfig):
        norm: Norm.Config


class PerHead(QKNorm):
    """Over each head's features, one scale for all heads (Qwen3, Gemma 3)."""

    @spec
    class Config(QKNorm.Config):
        norm: Norm.Config = RMSNorm.Config()

    def __init__(self, config: Config, n_heads: int, head_dim: int):
        super().__init__()
        self.norm: Norm = config.norm.build(head_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


class FullWidth(QKNorm):
    """Over all heads' features together (OLMo 2)."""

    @spec
    class Config(QKNorm.Config):
        norm: Norm.Config = RMSNorm.Config()

    def __init__(self, config: Config, n_heads: int, head_dim: int):
        super().__init__()
        self.norm: Norm = config.norm.build(n_heads * head_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.flatten(-2)).view_as(x)
