"""Names of activations."""

from __future__ import annotations

from anyformer.errors import ConversionError, Problem, nearest
from anyformer.parts.activation import GELU, Activation, ReLU, ReLU2, SiLU

_OURS: dict[str, Activation] = {
    "relu": ReLU(),
    "gelu": GELU(),
    "gelu_new": GELU(tanh=True),
    "gelu_pytorch_tanh": GELU(tanh=True),
    "gelu_fast": GELU(tanh=True),  # the same formula with its constant rounded to 0.7978845608
    "silu": SiLU(),
    "swish": SiLU(),
    "relu2": ReLU2(),
}


def read_activation(name: str, key: str = "hidden_act") -> Activation:
    if name not in _OURS:
        raise ConversionError(Problem(key, f"the activation '{name}' is not supported{nearest(name, _OURS)}"))
    return _OURS[name]


def write_activation(activation: Activation, prefer: str = "gelu_new") -> str:
    """Their name; `prefer` chooses among equal ones."""
    names = [name for name, ours in _OURS.items() if ours == activation]
    if not names:
        raise ConversionError(Problem("activation", f"{activation} has no name in transformers"))
    return prefer if prefer in names else names[0]
