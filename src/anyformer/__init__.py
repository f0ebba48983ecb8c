"""anyformer: one set of parts, every Transformer, from raw text to a trained, evaluated and inspected model.

    import anyformer as af

    config = af.architectures.get("transformer-base", vocab_size=8000)    # a Model.Config: data, printable, comparable
    config = config.override("encoder.n_layers", 12)
    print(af.describe(config))                                            # parameters by part, operations, memory
    model = config.build()                                                # a torch.nn.Module

    run = af.train("multi30k-en-fr", {"train.max_minutes": 20})           # a recipe, with changes
    run = af.load("runs/multi30k-en-fr-1")
    run.translate(["A man is riding a bicycle."], beam=5)

The verbs (`train`, `load`, `describe`, `evaluate`, `attention`) do what the command line's do. Everything is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anyformer import architectures
    from anyformer.batch import Batch
    from anyformer.decoding import SearchConfig, Translator
    from anyformer.errors import AnyformerError, CheckpointError, ConfigError, ConversionError, InputError
    from anyformer.model.model import Model
    from anyformer.model.stack import Stack
    from anyformer.parts.activation import GELU, Identity, ReLU, ReLU2, Sigmoid, SiLU
    from anyformer.parts.attention import MultiHeadAttention
    from anyformer.parts.block import TransformerBlock
    from anyformer.parts.embedding import Embedding
    from anyformer.parts.feed_forward import MLP, GatedMLP
    from anyformer.parts.head import VocabularyHead
    from anyformer.parts.init import Normal, Xavier
    from anyformer.parts.mask import Causal, Full, Prefix, Window
    from anyformer.parts.norm import LayerNorm, RMSNorm
    from anyformer.parts.position import Learned, Sinusoidal
    from anyformer.parts.residual import Residual, post_norm, pre_norm
    from anyformer.run.attend import attention
    from anyformer.run.describe import describe
    from anyformer.run.evaluate import evaluate
    from anyformer.run.load import Run, load
    from anyformer.run.recipe import Recipe
    from anyformer.run.train import train
    from anyformer.text import BPE, Byte, Character, Tokenizer, Unigram, Word

__version__ = "0.1.0"

_HOMES = {
    "batch": ("Batch",),
    "decoding": ("SearchConfig", "Translator"),
    "errors": ("AnyformerError", "CheckpointError", "ConfigError", "ConversionError", "InputError"),
    "model.model": ("Model",),
    "model.stack": ("Stack",),
    "parts.activation": ("GELU", "Identity", "ReLU", "ReLU2", "Sigmoid", "SiLU"),
    "parts.attention": ("MultiHeadAttention",),
    "parts.block": ("TransformerBlock",),
    "parts.embedding": ("Embedding",),
    "parts.feed_forward": ("MLP", "GatedMLP"),
    "parts.head": ("VocabularyHead",),
    "parts.init": ("Normal", "Xavier"),
    "parts.mask": ("Causal", "Full", "Prefix", "Window"),
    "parts.norm": ("LayerNorm", "RMSNorm"),
    "parts.position": ("Learned", "Sinusoidal"),
    "parts.residual": ("Residual", "post_norm", "pre_norm"),
    "run.attend": ("attention",),
    "run.describe": ("describe",),
    "run.evaluate": ("evaluate",),
    "run.load": ("Run", "load"),
    "run.recipe": ("Recipe",),
    "run.train": ("train",),
    "text": ("BPE", "Byte", "Character", "Tokenizer", "Unigram", "Word"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BPE",
    "AnyformerError",
    "Batch",
    "Byte",
    "Causal",
    "Character",
    "CheckpointError",
    "ConfigError",
    "ConversionError",
    "Embedding",
    "Full",
    "GELU",
    "GatedMLP",
    "Identity",
    "InputError",
    "LayerNorm",
    "Learned",
    "MLP",
    "Model",
    "MultiHeadAttention",
    "Normal",
    "Prefix",
    "RMSNorm",
    "ReLU",
    "ReLU2",
    "Recipe",
    "Residual",
    "Run",
    "SearchConfig",
    "SiLU",
    "Sigmoid",
    "Sinusoidal",
    "Stack",
    "Tokenizer",
    "TransformerBlock",
    "Translator",
    "Unigram",
    "VocabularyHead",
    "Window",
    "Word",
    "Xavier",
    "architectures",
    "attention",
    "describe",
    "evaluate",
    "load",
    "post_norm",
    "pre_norm",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "architectures":
        return importlib.import_module("anyformer.architectures")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'anyformer' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"anyformer.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
