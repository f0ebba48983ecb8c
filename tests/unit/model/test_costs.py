"""Operations against torch's own counter, keys against a count by hand, bytes against tensors that exist."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.model import count
from anyformer.model.flops import flops_per_token, keys_seen
from anyformer.model.memory import memory, values_kept_per_token
from anyformer.model.model import Model
from anyformer.model.skeleton import distinct, period, skeleton, where
from anyformer.model.stack import Stack
from anyformer.parts.bigbird import BigBird
from anyformer.parts.mask import Causal, Full, Mask, Prefix, Window
from anyformer.parts.place import Place
from anyformer.parts.sparse_masks import Fixed, GlobalTokens, Strided

LENGTH = 48


def tiny(name: str, **changes: Any) -> Model.Config:
    plain = {"dropout": 0.0} if "dropout" in architectures.arguments(name) else {}
    return architectures.get(name, scale="tiny", vocab_size=100, **plain, **changes)


def batch_for(config: Model.Config) -> Batch:
    tokens = torch.randint(0, 100, (1, LENGTH))
    return Batch(tokens=tokens, source=tokens if config.encoder is not None and config.decoder is not None else None)


@pytest.mark.parametrize("name", ["llama-7b", "gpt2", "t5-base", "transformer-base", "palm-8b", "bloom-560m", "roberta-base", "llama2-70b"])
def test_flops_are_those_that_torch_counts(name: str) -> None:
    config = tiny(name)
    model, batch = config.build(), batch_for(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        _ = model(batch).logits
    assert counter.get_total_flops() == LENGTH * flops_per_token(config, LENGTH)


def test_experts_cost_what_the_chosen_ones_cost() -> None:
    config = tiny("mixtral-8x7b")
    [block] = period(config.decoder)  # type: ignore[arg-type]
    expert, d = block.feed_forward.expert, config.d_model  # type: ignore[attr-defined]
    dense = config.override("decoder.blocks.0.feed_forward", expert)
    layers, router = config.decoder.n_layers, 8 * d  # type: ignore[union-attr]
    assert flops_per_token(config, 99) - flops_per_token(dense, 99) == layers * 2 * (3 * d * expert.d_ff + router)
    assert count.parameters(config) - count.active_parameters(config) == layers * 6 * 3 * d * expert.d_ff


def by_hand(mask: Mask, context: int) -> float:
    """Row by row, all pairs."""
    index = torch.arange(context)
    place = Place(index, index.unsqueeze(0), None)
    allowed = mask.allows(place, place, head=0).expand(1, context, context)[0]
    seen = allowed.sum(1).float()
    return float(seen.mean() if allowed.triu(1).any() else seen[-1])


@pytest.mark.parametrize(
    "mask",
    [
        Causal(),
        Full(),
        Window(left=3, right=2),
        Causal() & Window(left=7),
        Causal() | Prefix(),
        Causal() & Strided(stride=8),
        Fixed(block=8, summary=2),
        Window(left=4, right=4) | GlobalTokens(n=2),
        BigBird(block=4),
    ],
    ids=lambda m: m.to_text(),
)
@pytest.mark.parametrize("context", [1, 5, 60])
def test_keys_that_are_seen(mask: Mask, context: int) -> None:
    assert keys_seen(mask, context) == pytest.approx(by_hand(mask, context))


def test_a_long_context_of_a_window_costs_no_more_than_the_window() -> None:
    config = tiny("mistral-7b").override("decoder.blocks.0.attention.mask", "Causal() & Window(left=15)")
    assert flops_per_token(config, 16) == flops_per_token(config, 100_000)


@pytest.mark.parametrize("name", ["llama2-70b", "t5-base", "transformer-base", "deepseek-v3", "mistral-7b"])
def test_cache_bytes_are_those_of_a_cache(name: str) -> None:
    config = tiny(name)
    model = config.build()
    assert config.decoder is not None and model.decoder is not None

    def held(length: int) -> int:
        states = [layer.attention.new_state(1, length, 1, torch.device("cpu"), torch.bfloat16) for layer in model.decoder.layers]  # type: ignore[union-attr]
        return sum(t.nbytes for state in states for t in vars(state).values() if isinstance(t, torch.Tensor))

    assert count.kv_cache_bytes_per_token(config) * 7 == held(9) - held(2) > 0


def test_cache_bytes_by_hand() -> None:
    assert count.kv_cache_bytes_per_token(architectures.get("llama-7b")) == 2 * 2 * 32 * 4096
    assert count.kv_cache_bytes_per_token(architectures.get("mistral-7b")) == 2 * 2 * 32 * 8 * 128
    assert count.kv_cache_bytes_per_token(architectures.get("deepseek-v3")) == 2 * 61 * (512 + 64)
    assert count.kv_cache_bytes_per_token(architectures.get("bert-base")) == 0


@pytest.mark.parametrize("name", ["llama-7b", "gpt2", "t5-base", "transformer-base", "palm-8b"])
def test_what_backward_keeps_is_about_what_is_said(name: str) -> None:
    config = tiny(name)
    model, kept = config.build(), {}
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = (storage.nbytes(), tensor)  # the tensor stays alive, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        _ = model(batch_for(config))
    assert values_kept_per_token(config) == pytest.approx(sum(n for n, _ in kept.values()) / 4 / LENGTH, rel=0.25)


def test_memory_of_weights() -> None:
    found = memory(architectures.get("llama-7b"))
    assert found.weights == {"fp32": 4 * 6738415616, "bf16": 2 * 6738415616, "int8": 6738415616, "int4": 3369207808}
    assert found.training == {"fp32": 16 * 6738415616, "bf16": 16 * 6738415616}


# ---- layers


def test_layers_are_counted_without_being_written_out() -> None:
    a, b, c = (tiny("llama-7b", d_ff=n).decoder.blocks[0] for n in (11008, 5504, 2752))  # type: ignore[union-attr]
    stack = Stack.Config(n_layers=10**9 - 3, first=(c, c), blocks=(a, a, b, a, a, b))
    assert distinct(stack) == {c: 2, a: 666_666_664, b: 333_333_331} and len(period(stack)) == 3
    assert [where(stack, x) for x in (a, b, c)] == ["2 of 3", "4, 7, .. 999999994", "0-1"]
    assert where(Stack.Config(n_layers=7, blocks=(a, b)), b) == "1, 3, 5"
    assert where(Stack.Config(n_layers=3, blocks=(a, b, a, c)), a) == "0, 2"
    assert where(Stack.Config(n_layers=3, blocks=(a,)), a) == "*"


def test_where_names_the_layers_that_there_are() -> None:
    config = tiny("gemma3-1b")
    stack = config.decoder
    assert stack is not None
    for block in distinct(stack):
        at = [i for i, layer in enumerate(stack.layers()) if layer == block]
        assert len(at) == distinct(stack)[block]
    assert len(skeleton(config).layers) == 2


def test_parts_are_named_with_their_layers() -> None:
    names = {part.name for part in count.by_part(dataclasses.replace(architectures.get("deepseek-v3")))}
    assert {"decoder.layers.0-2.feed_forward", "decoder.layers.3-60.feed_forward", "embedding.tokens", "head.tokens", "decoder.final_norm"} <= names
