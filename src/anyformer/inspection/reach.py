"""What can load a model once it is exported: which Hugging Face class holds it, and which other tools read that class.

The tools' lists are those of their releases that stand in `ENGINES`; what is not on a list is refused by that tool.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from anyformer.errors import ConversionError
from anyformer.interop.hf.save import choose
from anyformer.model.model import Model
from anyformer.model.skeleton import stacks


class Reach(NamedTuple):
    tool: str
    loads: bool
    how: str  # as what it loads, or why not


class Engine(NamedTuple):
    release: str  # whose lists these are
    decoders: str  # model_types that it reads, each kind of model by itself
    both: str = ""  # encoder-decoders
    encoders: str = ""
    no_both: str = "it has no class for this one"  # why an encoder-decoder that is not listed is refused
    no_encoders: str = "it has no class for this one"


ENGINES = {
    "vLLM": Engine(
        "0.14",
        "bloom deepseek_v3 falcon gemma gemma2 gemma3_text glm glm4 gpt2 gpt_bigcode gpt_neox gpt_oss gptj granite llama mistral mixtral mpt olmo2 opt "
        "phi phi3 qwen2 qwen2_moe qwen3 qwen3_moe stablelm starcoder2",
        encoders="bert roberta xlm-roberta",
        no_both="it runs encoder-decoders no more (since 0.11, but for speech)",
    ),
    "llama.cpp": Engine(
        "2026",
        "bloom deepseek_v3 falcon gemma gemma2 gemma3_text glm glm4 gpt2 gpt_bigcode gpt_neox gpt_oss granite llama mistral mixtral mpt olmo2 phi phi3 "
        "qwen2 qwen2_moe qwen3 qwen3_moe stablelm starcoder2",
        both="t5 mt5 umt5",
        encoders="bert roberta xlm-roberta",
    ),
    "CTranslate2": Engine(
        "4.9",
        "bloom codegen falcon gemma gemma2 gemma3_text gpt2 gpt_bigcode gpt_neox gptj llama mistral mpt opt phi phi3 qwen2 qwen3",
        both="bart m2m_100 marian mbart mt5 pegasus t5 umt5",
        encoders="bert xlm-roberta",
    ),
}

# activations that these tools have built in for a class, whatever its config.json says
BUILT_IN = {
    "silu": "deepseek_v3 glm glm4 llama mistral mixtral olmo2 phi3 qwen2 qwen2_moe qwen3 qwen3_moe granite",
    "gelu_pytorch_tanh": "gemma gemma2 gemma3_text",
}

REPEATS = 2  # of a stack's pattern: enough to see what a class can hold, however deep the model


def reach(config: Model.Config) -> list[Reach]:
    """Each tool, whether it loads this model, and as what or why not."""
    try:
        family, data = choose(_short(config))
    except ConversionError as error:
        why = error.problems[0].message + " " + "; ".join(f"{p.path} {p.message}" for p in error.problems[1:])
        return [Reach("transformers", False, why.strip()), *(Reach(tool, False, "it reads what transformers can hold") for tool in ENGINES)]
    return [Reach("transformers", True, f"{family.architectures[0]} ({family.model_type})"), *(_by(tool, family.model_type, data, config) for tool in ENGINES)]


def _by(tool: str, model_type: str, data: dict[str, Any], config: Model.Config) -> Reach:
    engine = ENGINES[tool]
    listed = engine.both if len(stacks(config)) == 2 else engine.decoders if config.encoder is None else engine.encoders
    if model_type not in listed.split():
        why = engine.no_both if len(stacks(config)) == 2 else engine.no_encoders if config.decoder is None else "it has no class for this one"
        return Reach(tool, False, f"{why} ({model_type})")
    act = data.get("hidden_act", data.get("hidden_activation"))
    fixed = next((name for name, types in BUILT_IN.items() if model_type in types.split()), act)
    if act is not None and act != fixed:
        return Reach(tool, False, f"it computes {model_type} with {fixed} always, and this model has {act}")
    if config.decoder is None:
        return Reach(tool, True, f"as {model_type}, for vectors of texts")
    return Reach(tool, True, f"as {model_type}")


def _short(config: Model.Config) -> Model.Config:
    changes: dict[str, Any] = {
        side: dataclasses.replace(stack, n_layers=min(stack.n_layers, len(stack.first) + REPEATS * len(stack.blocks))) for side, stack in stacks(config).items()
    }
    return dataclasses.replace(config, **changes)
