"""Weights of other tools, in and out, exactly: `from_hf(folder)` and `save_hf(model, folder)`."""

from anyformer.interop import hf  # importing the families registers them
from anyformer.interop.hf.load import from_hf
from anyformer.interop.hf.save import save_hf

__all__ = ["from_hf", "hf", "save_hf"]
