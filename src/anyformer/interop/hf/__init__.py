"""Hugging Face checkpoints: a file for each family, which registers itself when imported here.

The order is that in which `save_hf` tries them: where several can hold a model, the plainest comes first.
"""

# isort: off
from anyformer.interop.hf import llama
from anyformer.interop.hf import mistral
from anyformer.interop.hf import qwen2
from anyformer.interop.hf import qwen3
from anyformer.interop.hf import gemma
from anyformer.interop.hf import gemma2
from anyformer.interop.hf import gemma3_text
from anyformer.interop.hf import olmo2
from anyformer.interop.hf import phi3
from anyformer.interop.hf import glm
from anyformer.interop.hf import glm4
from anyformer.interop.hf import mixtral
from anyformer.interop.hf import qwen3_moe
from anyformer.interop.hf import qwen2_moe
from anyformer.interop.hf import deepseek_v3
from anyformer.interop.hf import gpt2
from anyformer.interop.hf import gpt_neo
from anyformer.interop.hf import gptj
from anyformer.interop.hf import gpt_neox
from anyformer.interop.hf import opt
from anyformer.interop.hf import bloom
from anyformer.interop.hf import mpt
from anyformer.interop.hf import falcon
from anyformer.interop.hf import t5
from anyformer.interop.hf import mt5
from anyformer.interop.hf import switch_transformers
from anyformer.interop.hf import bart
from anyformer.interop.hf import bert
# isort: on

__all__ = [
    "bart",
    "bert",
    "bloom",
    "deepseek_v3",
    "falcon",
    "gemma",
    "gemma2",
    "gemma3_text",
    "glm",
    "glm4",
    "gpt2",
    "gpt_neo",
    "gpt_neox",
    "gptj",
    "llama",
    "mistral",
    "mixtral",
    "mpt",
    "mt5",
    "olmo2",
    "opt",
    "phi3",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "switch_transformers",
    "t5",
]
