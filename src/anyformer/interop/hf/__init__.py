"""Hugging Face checkpoints: a file for each family, which registers itself. The order is that in which `save_hf` tries them."""

from anyformer.interop.hf import llama

__all__ = ["llama"]
