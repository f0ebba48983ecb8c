"""Which device and precision to use, from what the user asked for."""

from __future__ import annotations

from typing import Literal

import torch

from anyformer.errors import InputError, Problem


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`; `auto` is a GPU where there is one.

    Raises:
        InputError: there is no such device here; says which there are.
    """
    here = available()
    if name == "auto":
        return torch.device(here[-1])
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in here:
        raise InputError(Problem("--device", f"there is no device '{name}' here; there is {', '.join(here)}"))
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise InputError(Problem("--device", f"there is no '{name}' here; there are {torch.cuda.device_count()} GPUs, counted from 0"))
    return device


def available() -> list[str]:
    """The kinds of device there are here, the fastest last."""
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.append("mps")
    if torch.cuda.is_available():
        found.append("cuda")
    return found


def precision_for(asked: Literal["auto", "fp32", "bf16"], device: torch.device) -> Literal["fp32", "bf16"]:
    """What to decode in: fp32 on a CPU, where single rows gain nothing from bf16; bf16 on a GPU that has it."""
    if asked != "auto":
        return asked
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
