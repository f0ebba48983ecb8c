"""A config with everything written out that it may leave to defaults, so that equal models compare equal."""

from __future__ import annotations

from typing import Any

from anyformer.model.model import Model
from anyformer.model.stack import Stack

_TRAINING_ONLY = ("init", "init_gain", "dropout", "balance_loss", "z_loss", "jitter", "rate")


def canonical(config: Model.Config) -> dict[str, Any]:
    """Plain data: every layer by itself, numbers of heads and scales filled in, and without what matters in training only (dropout, init, routers' losses)."""
    data = config.to_dict()
    for name in ("encoder", "decoder"):
        stack: Stack.Config | None = getattr(config, name)
        if stack is not None:
            data[name] = {"layers": [layer.to_dict() for layer in stack.layers()], "final_norm": data[name]["final_norm"]}
    return _filled(data, config.d_model)  # type: ignore[no-any-return]


def _filled(data: Any, d_model: int) -> Any:
    if isinstance(data, list):
        return [_filled(item, d_model) for item in data]
    if not isinstance(data, dict):
        return data
    data = {key: _filled(value, d_model) for key, value in data.items() if key not in _TRAINING_ONLY}
    if data.get("kind") == "MultiHeadAttention":
        data["n_kv_heads"] = data["n_kv_heads"] or data["n_heads"]
        data["head_dim"] = data["head_dim"] or d_model // data["n_heads"]
        data["scale"] = data["head_dim"] ** -0.5 if data["scale"] is None else data["scale"]
        data["position"] = _turned(data["position"], data["head_dim"])
    return data


def _turned(position: Any, head_dim: int) -> Any:
    """Rotary positions with the number of features that they turn; a share of the head says the same in many ways."""
    if not isinstance(position, dict) or position.get("kind") != "Rotary" or position["dim"] is not None:
        return position
    return position | {"dim": int(head_dim * position["fraction"]), "fraction": 1.0}
