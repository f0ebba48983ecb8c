"""What a model is and does: descriptions, differences and drawings of configs; attention maps, losses, positions as pictures.

What draws imports matplotlib, half a second, so everything is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anyformer.inspection.attention import AttentionMaps, attention_of, attention_weights
    from anyformer.inspection.attention_plot import draw_attention
    from anyformer.inspection.loss_plot import draw_losses
    from anyformer.inspection.picture import Picture

__all__ = ["AttentionMaps", "Picture", "attention_of", "attention_weights", "draw_attention", "draw_losses"]

_HOMES = {
    "attention": ("AttentionMaps", "attention_of", "attention_weights"),
    "attention_plot": ("draw_attention",),
    "loss_plot": ("draw_losses",),
    "picture": ("Picture",),
}


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'anyformer.inspection' has no attribute '{name}'")
    return getattr(importlib.import_module(f"anyformer.inspection.{home}"), name)
