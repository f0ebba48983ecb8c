"""What must hold for every model: cached = full, batched = alone, packed = alone, bf16 close to fp32, nothing left behind."""

from __future__ import annotations

import pytest
import torch

from anyformer import architectures
from anyformer.batch import Batch, pad
from anyformer.model.model import Model
from anyformer.parts.recurrent import Recurrent

VARIANTS = {
    "post": {},
    "pre": {"norm": "pre"},
    "own source vocabulary": {"source_vocab_size": 31},
}
CHANGES = {
    "grouped queries": {"decoder.blocks.*.attention.n_kv_heads": 2, "encoder.blocks.*.attention.n_kv_heads": 1},
    "head_dim": {"decoder.blocks.*.attention.head_dim": 5, "decoder.blocks.*.cross_attention.head_dim": 7},
    "window": {"decoder.blocks.*.attention.mask": "Causal() & Window(left=2)"},
    "gated, RMS": {
        "encoder.blocks.*.feed_forward": {"kind": "GatedMLP", "d_ff": 12},
        "decoder.blocks.*.residual": {"pre": "RMSNorm", "branch": "RMSNorm", "post": None},
    },
    "learned positions": {"embedding.position": {"kind": "Learned", "length": 40}, "embedding.norm": "LayerNorm"},
    "random features": {
        "encoder.blocks.*.attention.mechanism": {"kind": "Performer", "n_features": 20},
        "decoder.blocks.*.attention.mechanism": {"kind": "RFA", "gate": True},
        "decoder.blocks.*.cross_attention.mechanism": {"kind": "RFA", "n_features": 40},
    },
    "latent attention": {
        path: {"kind": "LatentAttention", "n_heads": 3, "kv_rank": 9, "nope_dim": 5, "rope_dim": 2, "value_dim": 6, "mask": mask}
        for path, mask in (("encoder.blocks.*.attention", "Full"), ("decoder.blocks.*.attention", "Causal"), ("decoder.blocks.*.cross_attention", "Full"))
    },
    "no bias, own head": {"head": {"tied": False}, "decoder.blocks.*.attention": {"qkv_bias": False, "out_bias": False}},
}


def build(name: str) -> Model:
    torch.manual_seed(5)
    config = architectures.get("transformer-tiny", vocab_size=31, d_model=24, d_ff=20, n_layers=2, **VARIANTS.get(name, {}))
    for path, value in CHANGES.get(name, {}).items():
        config = config.override(path, value)
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture(params=[*VARIANTS, *CHANGES])
def model(request: pytest.FixtureRequest) -> Model:
    return build(request.param)


SOURCES = [[5, 6, 7, 8, 2], [9, 3, 2]]
TARGETS = [[1, 4, 9, 11], [1, 12, 13, 14, 15, 16]]


def alone(i: int) -> Batch:
    return Batch(tokens=torch.tensor([TARGETS[i]]), source=torch.tensor([SOURCES[i]]))


@torch.no_grad()
def test_batched_equals_alone_with_padding_on_either_side(model: Model) -> None:
    for left in (False, True):
        tokens, segments = pad(TARGETS, 0, left)
        source, source_segments = pad(SOURCES, 0, left)
        side = "any" if left else "right"
        positions = None if not left else (segments.cumsum(1) - 1).clamp(min=0)
        source_positions = None if not left else (source_segments.cumsum(1) - 1).clamp(min=0)
        batch = Batch(tokens, None, None, segments, positions, None, None, source, source_segments, source_positions, side, side)
        logits = model(batch).logits
        for i in range(2):
            assert torch.allclose(logits[i][segments[i] != 0], model(alone(i)).logits[0], atol=1e-5), "left" if left else "right"


@torch.no_grad()
def test_packed_equals_alone(model: Model) -> None:
    lengths, source_lengths = [len(t) for t in TARGETS], [len(s) for s in SOURCES]
    batch = Batch(
        tokens=torch.tensor([sum(TARGETS, [])]),
        segments=torch.tensor([[1] * lengths[0] + [2] * lengths[1]]),
        positions=torch.tensor([[*range(lengths[0]), *range(lengths[1])]]),
        source=torch.tensor([sum(SOURCES, [])]),
        source_segments=torch.tensor([[1] * source_lengths[0] + [2] * source_lengths[1]]),
        source_positions=torch.tensor([[*range(source_lengths[0]), *range(source_lengths[1])]]),
        packed=True,
    )
    logits = model(batch).logits[0]
    assert torch.allclose(logits[: lengths[0]], model(alone(0)).logits[0], atol=1e-5)
    assert torch.allclose(logits[lengths[0] :], model(alone(1)).logits[0], atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("pieces", [[1] * 6, [4, 2], [2, 1, 3]])
def test_cached_equals_full(model: Model, pieces: list[int]) -> None:
    source, source_segments = pad(SOURCES, 0)
    tokens = torch.tensor([[1, 4, 9, 11, 3, 8], [1, 12, 13, 14, 15, 16]])
    batch = Batch(tokens=tokens, source=source, source_segments=source_segments, source_padding="right")
    full = model(batch).logits
    cache = model.new_cache(2, 8, model.encode(batch))
    steps = [model(Batch(tokens=piece), cache=cache).logits for piece in tokens.split(pieces, 1)]
    assert torch.allclose(torch.cat(steps, 1), full, atol=1e-5)


@torch.no_grad()
def test_a_cache_can_be_reordered_and_cut(model: Model) -> None:
    source, source_segments = pad(SOURCES, 0)
    batch = Batch(tokens=torch.ones(2, 1, dtype=torch.int64), source=source, source_segments=source_segments, source_padding="right")
    memory = model.encode(batch)
    cache = model.new_cache(4, 8, memory)  # two hypotheses a source
    rows = torch.tensor([[1, 4, 9], [1, 5, 6], [1, 12, 13], [1, 7, 8]])
    model(Batch(tokens=rows), cache=cache)
    if isinstance(cache.layers[0].own, Recurrent):
        with pytest.raises(ValueError, match="cannot be cut"):
            cache.truncate(2)
        cache = model.new_cache(4, 8, memory)
        model(Batch(tokens=rows[:, :2]), cache=cache)
    else:
        cache.truncate(2)
    cache.reorder(torch.tensor([3, 2]), torch.tensor([1]))  # only the second sentence goes on, its hypotheses exchanged
    stepped = model(Batch(tokens=torch.tensor([[20], [21]])), cache=cache).logits[:, 0]
    for row, tokens in ((0, [1, 7, 20]), (1, [1, 12, 21])):
        expected = model(Batch(tokens=torch.tensor([tokens]), source=torch.tensor([SOURCES[1]]))).logits[0, -1]
        assert torch.allclose(stepped[row], expected, atol=1e-5)


def test_every_parameter_has_a_gradient_and_nothing_is_left_on_the_model(model: Model) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    attributes = {name: set(vars(part)) for name, part in model.named_modules()}
    tokens, segments = pad(TARGETS, 0)
    source, source_segments = pad(SOURCES, 0)
    batch = Batch(tokens=tokens, segments=segments, source=source, source_segments=source_segments, padding="right", source_padding="right")
    model(batch).logits[segments != 0].square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
    with torch.no_grad():
        model(Batch(tokens=tokens), cache=model.new_cache(2, 8, model.encode(batch)))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert attributes == {name: set(vars(part)) for name, part in model.named_modules()}


@torch.no_grad()
def test_bf16_is_close_and_asked_for_by_autocast(model: Model) -> None:
    exact = model(alone(0)).hidden
    with torch.autocast("cpu", torch.bfloat16):
        near = model(alone(0)).hidden
    assert near.dtype == torch.bfloat16 and exact.dtype == torch.float32
    assert (near.float() - exact).norm() / exact.norm() < 0.05


def test_config_round_trip_builds_the_same_shapes(model: Model) -> None:
    again = Model.Config.from_dict(model.config.to_dict()).build()
    assert {n: t.shape for n, t in again.state_dict().items()} == {n: t.shape for n, t in model.state_dict().items()}
