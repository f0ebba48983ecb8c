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
    from anyformer.decoding import Generator, SearchConfig, Translator
    from anyformer.errors import AnyformerError, CheckpointError, ConfigError, ConversionError, InputError
    from anyformer.interop import from_hf
    from anyformer.interop.hf.save import save_hf
    from anyformer.model.model import Model
    from anyformer.model.stack import Stack
    from anyformer.model.surgery import deepen, extend_positions, group_heads, grow_vocabulary, scale_rotary, to_prefix, upcycle
    from anyformer.parts.activation import GELU, Identity, QuickGELU, ReLU, ReLU2, Sigmoid, SiLU
    from anyformer.parts.alibi import ALiBi
    from anyformer.parts.attention import MultiHeadAttention
    from anyformer.parts.bigbird import BigBird, GlobalBlocks
    from anyformer.parts.block import ParallelBlock, TransformerBlock
    from anyformer.parts.capacity import CapacityFactor, FixedCapacity
    from anyformer.parts.embedding import Embedding, Narrow
    from anyformer.parts.expert_choice import ExpertChoice
    from anyformer.parts.feed_forward import MLP, GatedMLP
    from anyformer.parts.group_top_k import GroupTopK
    from anyformer.parts.head import Pooler, Transform, VocabularyHead
    from anyformer.parts.init import FanIn, Normal, Xavier
    from anyformer.parts.latent_attention import LatentAttention
    from anyformer.parts.mask import Causal, Full, Prefix, Window
    from anyformer.parts.mechanism import Softmax
    from anyformer.parts.moe import MoE, OutputGate
    from anyformer.parts.norm import LayerNorm, RMSNorm
    from anyformer.parts.performer import Performer
    from anyformer.parts.position import Learned, Sinusoidal
    from anyformer.parts.qk_norm import FullWidth, PerHead
    from anyformer.parts.random_blocks import RandomBlocks
    from anyformer.parts.relative_bias import RelativeBias
    from anyformer.parts.residual import Residual, deep_norm, post_norm, pre_norm, sandwich_norm
    from anyformer.parts.rfa import RFA
    from anyformer.parts.rope_by_pair import Llama3, LongRoPE, YaRN
    from anyformer.parts.rope_scaling import NTK, DynamicNTK
    from anyformer.parts.rotary import Rotary
    from anyformer.parts.shaw import Shaw
    from anyformer.parts.short_texts import WholeIfShort
    from anyformer.parts.sparse_masks import BlockEnds, Dilated, Fixed, GlobalTokens, LocalBlocks, Strided
    from anyformer.parts.token_choice import Switch, TopK, TopTwo
    from anyformer.parts.transformer_xl import TransformerXL
    from anyformer.parts.two_dimensional import TwoDimensional
    from anyformer.run.attend import attention
    from anyformer.run.converting import convert
    from anyformer.run.describe import describe, diff, draw
    from anyformer.run.evaluate import evaluate
    from anyformer.run.exporting import export_hf
    from anyformer.run.importing import import_hf
    from anyformer.run.load import Run, load
    from anyformer.run.recipe import Recipe
    from anyformer.run.train import train
    from anyformer.text import BPE, Byte, ByteLevelBPE, Character, Tokenizer, Unigram, Word

__version__ = "0.1.0"

_HOMES = {
    "batch": ("Batch",),
    "decoding": (
        "Generator",
        "SearchConfig",
        "Translator",
    ),
    "errors": (
        "AnyformerError",
        "CheckpointError",
        "ConfigError",
        "ConversionError",
        "InputError",
    ),
    "interop": ("from_hf",),
    "interop.hf.save": ("save_hf",),
    "model.model": ("Model",),
    "model.stack": ("Stack",),
    "model.surgery": (
        "deepen",
        "extend_positions",
        "group_heads",
        "grow_vocabulary",
        "scale_rotary",
        "to_prefix",
        "upcycle",
    ),
    "parts.activation": (
        "GELU",
        "Identity",
        "QuickGELU",
        "ReLU",
        "ReLU2",
        "SiLU",
        "Sigmoid",
    ),
    "parts.alibi": ("ALiBi",),
    "parts.attention": ("MultiHeadAttention",),
    "parts.bigbird": (
        "BigBird",
        "GlobalBlocks",
    ),
    "parts.block": (
        "ParallelBlock",
        "TransformerBlock",
    ),
    "parts.capacity": (
        "CapacityFactor",
        "FixedCapacity",
    ),
    "parts.embedding": (
        "Embedding",
        "Narrow",
    ),
    "parts.expert_choice": ("ExpertChoice",),
    "parts.feed_forward": (
        "GatedMLP",
        "MLP",
    ),
    "parts.group_top_k": ("GroupTopK",),
    "parts.head": (
        "Pooler",
        "Transform",
        "VocabularyHead",
    ),
    "parts.init": (
        "FanIn",
        "Normal",
        "Xavier",
    ),
    "parts.latent_attention": ("LatentAttention",),
    "parts.mask": (
        "Causal",
        "Full",
        "Prefix",
        "Window",
    ),
    "parts.mechanism": ("Softmax",),
    "parts.moe": (
        "MoE",
        "OutputGate",
    ),
    "parts.norm": (
        "LayerNorm",
        "RMSNorm",
    ),
    "parts.performer": ("Performer",),
    "parts.position": (
        "Learned",
        "Sinusoidal",
    ),
    "parts.qk_norm": (
        "FullWidth",
        "PerHead",
    ),
    "parts.random_blocks": ("RandomBlocks",),
    "parts.relative_bias": ("RelativeBias",),
    "parts.residual": (
        "Residual",
        "deep_norm",
        "post_norm",
        "pre_norm",
        "sandwich_norm",
    ),
    "parts.rfa": ("RFA",),
    "parts.rope_by_pair": (
        "Llama3",
        "LongRoPE",
        "YaRN",
    ),
    "parts.rope_scaling": (
        "DynamicNTK",
        "NTK",
    ),
    "parts.rotary": ("Rotary",),
    "parts.shaw": ("Shaw",),
    "parts.short_texts": ("WholeIfShort",),
    "parts.sparse_masks": (
        "BlockEnds",
        "Dilated",
        "Fixed",
        "GlobalTokens",
        "LocalBlocks",
        "Strided",
    ),
    "parts.token_choice": (
        "Switch",
        "TopK",
        "TopTwo",
    ),
    "parts.transformer_xl": ("TransformerXL",),
    "parts.two_dimensional": ("TwoDimensional",),
    "run.attend": ("attention",),
    "run.converting": ("convert",),
    "run.describe": (
        "describe",
        "diff",
        "draw",
    ),
    "run.evaluate": ("evaluate",),
    "run.exporting": ("export_hf",),
    "run.importing": ("import_hf",),
    "run.load": (
        "Run",
        "load",
    ),
    "run.recipe": ("Recipe",),
    "run.train": ("train",),
    "text": (
        "BPE",
        "Byte",
        "ByteLevelBPE",
        "Character",
        "Tokenizer",
        "Unigram",
        "Word",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ALiBi",
    "AnyformerError",
    "BPE",
    "Batch",
    "BigBird",
    "BlockEnds",
    "Byte",
    "ByteLevelBPE",
    "CapacityFactor",
    "Causal",
    "Character",
    "CheckpointError",
    "ConfigError",
    "ConversionError",
    "Dilated",
    "DynamicNTK",
    "Embedding",
    "ExpertChoice",
    "FanIn",
    "Fixed",
    "FixedCapacity",
    "Full",
    "FullWidth",
    "GELU",
    "GatedMLP",
    "Generator",
    "GlobalBlocks",
    "GlobalTokens",
    "GroupTopK",
    "Identity",
    "InputError",
    "LatentAttention",
    "LayerNorm",
    "Learned",
    "Llama3",
    "LocalBlocks",
    "LongRoPE",
    "MLP",
    "MoE",
    "Model",
    "MultiHeadAttention",
    "NTK",
    "Narrow",
    "Normal",
    "OutputGate",
    "ParallelBlock",
    "PerHead",
    "Performer",
    "Pooler",
    "Prefix",
    "QuickGELU",
    "RFA",
    "RMSNorm",
    "RandomBlocks",
    "ReLU",
    "ReLU2",
    "Recipe",
    "RelativeBias",
    "Residual",
    "Rotary",
    "Run",
    "SearchConfig",
    "Shaw",
    "SiLU",
    "Sigmoid",
    "Sinusoidal",
    "Softmax",
    "Stack",
    "Strided",
    "Switch",
    "Tokenizer",
    "TopK",
    "TopTwo",
    "Transform",
    "TransformerBlock",
    "TransformerXL",
    "Translator",
    "TwoDimensional",
    "Unigram",
    "VocabularyHead",
    "WholeIfShort",
    "Window",
    "Word",
    "Xavier",
    "YaRN",
    "architectures",
    "attention",
    "convert",
    "deep_norm",
    "deepen",
    "describe",
    "diff",
    "draw",
    "evaluate",
    "export_hf",
    "extend_positions",
    "from_hf",
    "group_heads",
    "grow_vocabulary",
    "import_hf",
    "load",
    "post_norm",
    "pre_norm",
    "sandwich_norm",
    "save_hf",
    "scale_rotary",
    "to_prefix",
    "train",
    "upcycle",
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
    return sorted({*__all__, *(name for name in globals() if name.startswith("__") and name.endswith("__"))})
