"""Surgery: each function's proof."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor
from variants import WIDTH, attention, block, decoder, encoder, randomised

from anyformer.batch import Batch
from anyformer.errors import ConfigError
from anyformer.model.model import Model
from anyformer.model.stack import Stack
from anyformer.model.surgery import deepen, extend_positions, group_heads, grow_vocabulary, scale_rotary, to_prefix, upcycle
from anyformer.model.surgery.depth import copied
from anyformer.parts.attention import MultiHeadAttention
from anyformer.parts.block import ParallelBlock
from anyformer.parts.capacity import FixedCapacity
from anyformer.parts.embedding import Embedding, Narrow
from anyformer.parts.feed_forward import MLP, GatedMLP
from anyformer.parts.group_top_k import GroupTopK
from anyformer.parts.head import Transform, VocabularyHead
from anyformer.parts.mask import Causal, Full, Prefix, Window
from anyformer.parts.moe import MoE
from anyformer.parts.norm import LayerNorm, RMSNorm
from anyformer.parts.position import Learned, Sinusoidal
from anyformer.parts.qk_norm import FullWidth, PerHead
from anyformer.parts.relative_bias import RelativeBias
from anyformer.parts.residual import post_norm, pre_norm, sandwich_norm
from anyformer.parts.rope_scaling import Linear
from anyformer.parts.rotary import Rotary
from anyformer.parts.token_choice import Switch, TopK, TopTwo

TOKENS = torch.tensor([[1, 4, 9, 11, 6, 3, 8], [1, 12, 13, 14, 15, 16, 8]])


def encoder_decoder(**changes: object) -> Model.Config:
    one = block(attention=MultiHeadAttention.Config(n_heads=4, mask=Full()))
    other = block(attention=attention(n_heads=4), cross_attention=MultiHeadAttention.Config(n_heads=4, mask=Full()))
    return decoder(other, encoder=Stack.Config(n_layers=3, blocks=(one,), final_norm=LayerNorm.Config()), **changes)


def logits(model: Model, tokens: Tensor = TOKENS, **facts: object) -> Tensor:
    if model.encoder is not None and model.decoder is not None:
        facts["source"] = torch.tensor([[5, 6, 7, 2], [9, 3, 4, 2]])
    with torch.no_grad():
        return model(Batch(tokens=tokens, **facts)).logits  # type: ignore[arg-type]


def unchanged(function: object, model: Model) -> Model:
    """The new model; the old one is as it was, and shares no storage with it."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    made: Model = function(model)  # type: ignore[operator]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    ours, theirs = ({t.untyped_storage().data_ptr() for t in m.state_dict().values()} for m in (model, made))
    assert not ours & theirs
    assert Model.Config.from_dict(made.config.to_dict()) == made.config and made.training == model.training
    assert all(p.requires_grad for p in made.parameters())
    return made


# ---- causal to prefix


def test_a_prefix_decoder_is_the_causal_one_where_there_is_no_prefix() -> None:
    model = randomised(decoder(block(attention=attention(position=RelativeBias.Config(n_buckets=8, max_distance=6, bidirectional=False)))))
    made = unchanged(to_prefix, model)
    assert made.config.decoder.blocks[0].attention.mask == Causal() | Prefix()
    assert torch.equal(logits(made), logits(model))
    prefix = torch.zeros(2, 7, dtype=torch.bool)
    prefix[:, :4] = True
    opened, other = logits(made, prefix=prefix), TOKENS.clone()
    other[:, 3] = 20
    assert not torch.allclose(opened[:, 0], logits(made, other, prefix=prefix)[:, 0], atol=1e-3), "the first token sees the end of the prefix"
    assert torch.equal(logits(model, prefix=prefix), logits(model)), "the causal one does not"
    other[:, 3], other[:, 5] = TOKENS[:, 3], 20
    assert torch.allclose(opened[:, :5], logits(made, other, prefix=prefix)[:, :5], atol=1e-6), "and nobody sees what comes after it"
    assert to_prefix(made).config == made.config


def test_a_prefix_opens_only_causal_masks() -> None:
    wide = unchanged(to_prefix, randomised(decoder(block(attention=attention(mask=Causal() & Window(left=3))))))
    assert wide.config.decoder.blocks[0].attention.mask == (Causal() | Prefix()) & Window(left=3)
    with pytest.raises(ConfigError, match="widen it first"):
        to_prefix(randomised(decoder(block(attention=attention(mask=Causal() & Window(left=3, right=0))))))
    with pytest.raises(ConfigError, match="for decoders"):
        to_prefix(randomised(encoder(block(attention=attention(mask=Full())))))


# ---- upcycling


@pytest.mark.parametrize("router", [None, TopK.Config(k=3, score="sigmoid"), TopTwo.Config(capacity=None), GroupTopK.Config(k=2, n_groups=2, top_groups=1)])
@pytest.mark.parametrize("feed_forward", [MLP.Config(d_ff=20), GatedMLP.Config(d_ff=10, bias=True)])
def test_upcycling_gives_what_the_dense_model_gave(router: object, feed_forward: object) -> None:
    model = randomised(decoder(block(feed_forward=feed_forward)).override("decoder.n_layers", 4))
    made = unchanged(lambda m: upcycle(m, 6, router), model)  # type: ignore[arg-type]
    assert [type(layer.feed_forward) is MoE for layer in made.decoder.layers] == [False, True, False, True]
    assert len(made.config.decoder.blocks) == 2 and made.config.decoder.n_layers == 4
    assert torch.allclose(logits(made), logits(model), atol=2e-5)
    assert not torch.equal(made.decoder.layers[1].feed_forward.router.weight, made.decoder.layers[3].feed_forward.router.weight)
    loads = made(Batch(tokens=TOKENS)).aux
    assert all(int((aux.load > 0).sum()) > 1 for aux in loads), "the routers choose different experts for different tokens"


def test_upcycling_every_layer_of_both_sides() -> None:
    model = randomised(encoder_decoder())
    made = unchanged(lambda m: upcycle(m, 4, every=1, seed=3), model)
    assert torch.allclose(logits(made), logits(model), atol=2e-5)
    assert len(made(Batch(tokens=TOKENS, source=TOKENS)).aux) == 5
    assert torch.equal(
        upcycle(model, 4, every=1, seed=3).state_dict()["encoder.layers.2.feed_forward.router.weight"], made.encoder.layers[2].feed_forward.router.weight
    )


def test_upcycling_refuses_what_would_not_begin_equal() -> None:
    model = randomised(decoder(block()))
    for router in (Switch.Config(), TopK.Config(normalize=False), TopK.Config(capacity=FixedCapacity()), TopTwo.Config(), GroupTopK.Config(k=2, scale=2.5)):
        with pytest.raises(ConfigError, match="take TopK"):
            upcycle(model, 4, router)
    with pytest.raises(ConfigError, match="not of MoE"):
        upcycle(upcycle(model, 4), 4)
    with pytest.raises(ConfigError, match="take a smaller number"):
        upcycle(model, 4, every=3)


# ---- grouped heads


@pytest.mark.parametrize("qk_norm", [None, PerHead.Config(), FullWidth.Config()])
@pytest.mark.parametrize("want", [1, 2, 3])
def test_equal_heads_may_be_one(want: int, qk_norm: object) -> None:
    """The model whose key heads stand as often as there are queries for them, put together again, is what it was."""
    few = randomised(decoder(block(attention=attention(n_heads=6, n_kv_heads=want, head_dim=5, qk_norm=qk_norm, position=Rotary.Config(dim=4)))))
    weights, many = few.state_dict(), few.config.override("decoder.blocks.0.attention.n_kv_heads", None).build().eval()
    for name, tensor in weights.items():
        if ".attention.key" in name or ".attention.value" in name:
            heads = want if tensor.shape[0] == 5 * want else 1
            if heads == want and not (tensor.shape[0] == 5 and "norm" in name and isinstance(qk_norm, PerHead.Config)):
                weights[name] = tensor.unflatten(0, (want, 5)).repeat_interleave(6 // want, 0).flatten(0, 1)
    many.load_state_dict(weights)
    assert torch.allclose(logits(many), logits(few), atol=1e-5)
    made = unchanged(lambda m: group_heads(m, want), many)
    assert made.decoder.layers[0].attention.key.weight.shape[0] == 5 * want
    assert torch.allclose(logits(made), logits(few), atol=1e-5)


def test_heads_are_pooled_by_their_mean_everywhere() -> None:
    model = randomised(encoder_decoder())
    made = group_heads(model, 2)
    for side, parts in (("encoder", ["attention"]), ("decoder", ["attention", "cross_attention"])):
        for layer, old in zip(getattr(made, side).layers, getattr(model, side).layers, strict=True):
            for part in parts:
                for name in ("key", "value"):
                    mine, his = getattr(getattr(layer, part), name), getattr(getattr(old, part), name)
                    size = WIDTH // 4
                    first = (his.weight[:size] + his.weight[size : 2 * size]) / 2
                    assert torch.allclose(mine.weight[:size], first) and mine.weight.shape == (2 * size, WIDTH)
                    assert torch.allclose(mine.bias[size:], (his.bias[2 * size : 3 * size] + his.bias[3 * size :]) / 2)
    assert logits(made).isfinite().all()
    with pytest.raises(ConfigError, match="take one of 1, 2, 4"):
        group_heads(model, 3)


# ---- more vocabulary


HEADS = {
    "tied": {},
    "own head": {"head": VocabularyHead.Config(tied=False, bias=True)},
    "narrow": {"embedding": Embedding.Config(narrow=Narrow(dim=10)), "head": VocabularyHead.Config(transform=Transform.Config(bias=False), bias=True)},
}


@pytest.mark.parametrize("name", HEADS)
def test_old_logits_stay_and_new_ones_are_their_mean(name: str) -> None:
    model = randomised(decoder(block(), **HEADS[name]))
    made = unchanged(lambda m: grow_vocabulary(m, 36), model)
    before, after = logits(model), logits(made)
    assert after.shape[-1] == 36
    assert torch.allclose(after[..., :31], before, atol=1e-6)
    assert torch.allclose(after[..., 31:], before.mean(-1, keepdim=True).expand(-1, -1, 5), atol=1e-4)
    assert (made.head.weight is made.embedding.weight) == (model.head.weight is model.embedding.weight)
    assert logits(made, TOKENS + 19).isfinite().all()


def test_given_rows_are_taken() -> None:
    model = randomised(decoder(block(), head=VocabularyHead.Config(tied=False)))
    rows, head_rows = torch.randn(2, WIDTH), torch.randn(2, WIDTH)
    made = grow_vocabulary(model, 33, rows, head_rows)
    assert torch.equal(made.embedding.weight[31:], rows) and torch.equal(made.head.weight[31:], head_rows)
    for call, says in (
        (lambda: grow_vocabulary(model, 30), "does not grow to 30"),
        (lambda: grow_vocabulary(model, 34, rows), "the new entries are"),
        (lambda: grow_vocabulary(randomised(decoder(block())), 33, rows, head_rows), "tied to the embedding"),
        (lambda: grow_vocabulary(model, 34, table="encoder_embedding"), "one table for all"),
    ):
        with pytest.raises(ConfigError, match=says):
            call()


def test_a_vocabulary_of_the_source_grows_alone() -> None:
    own = encoder_decoder(encoder_embedding=Embedding.Config(vocab_size=12, position=Sinusoidal.Config()))
    model = randomised(own)
    made = grow_vocabulary(model, 15, table="encoder_embedding")
    assert made.encoder_embedding.weight.shape[0] == 15 and made.embedding.weight.shape[0] == 31
    assert torch.allclose(made.encoder_embedding.weight[12:], model.encoder_embedding.weight.mean(0).expand(3, -1), atol=1e-6)
    assert torch.equal(logits(made), logits(model))
    shared = randomised(encoder_decoder(encoder_embedding=Embedding.Config(position=Sinusoidal.Config())))
    made = grow_vocabulary(shared, 40)
    assert made.encoder_embedding.weight is made.embedding.weight and made.embedding.weight is made.head.weight
    assert torch.allclose(logits(made)[..., :31], logits(shared), atol=1e-6)


# ---- longer texts


def test_scaled_rotary_positions_are_the_old_ones_further_apart() -> None:
    model = randomised(decoder(block(attention=attention(position=Rotary.Config()))))
    made = unchanged(lambda m: scale_rotary(m, Linear(factor=4.0)), model)
    at = torch.arange(7).unsqueeze(0)
    assert torch.allclose(logits(made, positions=4 * at), logits(model, positions=at), atol=1e-5)
    assert not torch.allclose(logits(made), logits(model), atol=1e-3)
    assert torch.equal(logits(scale_rotary(made, None)), logits(model))
    assert scale_rotary(model, None, base=5e5).config.decoder.blocks[0].attention.position == Rotary.Config(base=5e5)
    with pytest.raises(ConfigError, match="extend_positions"):
        scale_rotary(randomised(decoder(block())), Linear(factor=2.0))


@pytest.mark.parametrize("offset", [0, 2])
def test_a_table_of_positions_is_repeated_or_stretched(offset: int) -> None:
    model = randomised(decoder(block(), embedding=Embedding.Config(position=Learned.Config(length=7, offset=offset))))
    at, table = torch.arange(7).unsqueeze(0), model.embedding.position.weight
    made = unchanged(lambda m: extend_positions(m, 19), model)
    assert torch.equal(logits(made), logits(model)), "texts of the old length give what they gave"
    assert torch.equal(logits(made, positions=at + 7), logits(model)) and logits(made, positions=at + 12).isfinite().all()
    assert torch.equal(made.embedding.position.weight[:offset], table[:offset]) and made.embedding.position.weight.shape[0] == 19 + offset
    made = extend_positions(model, 13, "stretch")
    assert torch.allclose(logits(made, positions=2 * at), logits(model), atol=1e-5)
    between = (table[offset + 2] + table[offset + 3]) / 2
    assert torch.allclose(made.embedding.position.weight[offset + 5], between, atol=1e-6)
    with pytest.raises(ConfigError, match="does not shrink"):
        extend_positions(model, 6)
    with pytest.raises(ConfigError, match="no learned table"):
        extend_positions(randomised(decoder(block())), 9)


# ---- more layers


QUIET = {
    "pre-LN": decoder(block()),
    "sandwich": decoder(block(residual=sandwich_norm(LayerNorm.Config()))),
    "sandwich, 1 + w": decoder(block(residual=sandwich_norm(RMSNorm.Config(plus_one=True)))),
    "sandwich without weights": decoder(block(residual=sandwich_norm(RMSNorm.Config(scale=False)))),
    "sandwich, bias only": decoder(block(residual=sandwich_norm(LayerNorm.Config(scale=False)))),
    "parallel": decoder(ParallelBlock.Config(attention=attention(), feed_forward=MLP.Config(d_ff=9), norm=LayerNorm.Config())),
    "experts": decoder(
        block(
            feed_forward=MoE.Config(expert=MLP.Config(d_ff=9), n_experts=4, router=GroupTopK.Config(k=2), shared=GatedMLP.Config(d_ff=5, bias=True)),
            attention=attention(position=RelativeBias.Config(n_buckets=8, max_distance=6)),
        )
    ),
    "both sides": encoder_decoder(),
    "first layer of its own": decoder(block()).override("decoder.first", [block(feed_forward=GatedMLP.Config(d_ff=12), residual=pre_norm(RMSNorm.Config()))]),
}


@pytest.mark.parametrize("order", ["stack", "interleave"])
@pytest.mark.parametrize("name", QUIET)
def test_silent_layers_change_nothing_and_learn(name: str, order: str) -> None:
    model = randomised(QUIET[name])
    made = unchanged(lambda m: deepen(m, 3, order, silent=True), model)  # type: ignore[arg-type]
    assert len(made.decoder.layers) == 6
    assert torch.allclose(logits(made), logits(model), atol=1e-5)
    made.train()
    facts = {"source": TOKENS} if made.encoder is not None else {}
    made(Batch(tokens=TOKENS, **facts)).logits.square().sum().backward()  # type: ignore[arg-type]
    added = [i for i in range(6) if (i >= 2 if order == "stack" else i % 3)]
    for i in added:
        gradients = [p.grad for n, p in made.decoder.layers[i].named_parameters() if n.endswith((".out.weight", "down.weight", "branch.weight"))]
        assert sum(float(g.abs().sum()) for g in gradients if g is not None) > 0, i


ORDERS = [
    (2, "stack", 0, [0, 1, 2, 3, 0, 1, 2, 3]),
    (2, "interleave", 0, [0, 0, 1, 1, 2, 2, 3, 3]),
    (2, "stack", 1, [0, 1, 2, 1, 2, 3]),
    (3, "stack", 0, [0, 1, 2, 3] * 3),
]


@pytest.mark.parametrize(("times", "order", "overlap", "expected"), ORDERS)
def test_layers_are_copies_in_the_order_that_is_said(times: int, order: str, overlap: int, expected: list[int]) -> None:
    windowed = block(attention=attention(mask=Causal() & Window(left=2)))
    kinds = (block(), windowed, block(residual=post_norm(LayerNorm.Config())), block(feed_forward=GatedMLP.Config(d_ff=7)))
    config = decoder(block())
    model = randomised(dataclasses.replace(config, decoder=dataclasses.replace(config.decoder, n_layers=4, blocks=kinds)))
    made = unchanged(lambda m: deepen(m, times, order, overlap), model)  # type: ignore[arg-type]
    assert copied(4, times, order, overlap) == expected  # type: ignore[arg-type]
    layers = made.config.decoder.layers()
    for i, source in enumerate(expected):
        assert layers[i] == kinds[source]
        for name, tensor in model.decoder.layers[source].state_dict().items():
            assert torch.equal(tensor, made.decoder.layers[i].state_dict()[name])
    if overlap == 0 and order == "stack":
        assert made.config.decoder.blocks == kinds, "the pattern is written once"
    assert copied(32, 2, "stack", 8) == [*range(24), *range(8, 32)], "SOLAR's 48 layers"  # type: ignore[arg-type]


def test_what_cannot_be_silent_or_left_out_is_refused() -> None:
    post = randomised(decoder(block(residual=post_norm(LayerNorm.Config()))))
    with pytest.raises(ConfigError, match="silent: false"):
        deepen(post, silent=True)
    assert logits(deepen(post)).isfinite().all()
    for options in ({"times": 1}, {"overlap": 2}, {"overlap": 1, "order": "interleave"}, {"overlap": 1, "silent": True}):
        with pytest.raises(ConfigError):
            deepen(randomised(decoder(block())), **options)  # type: ignore[arg-type]


def test_surgery_after_surgery() -> None:
    """What one makes another takes, and what promises to change nothing changes nothing together either."""
    model = randomised(decoder(block(attention=attention(position=Rotary.Config()))))
    made = grow_vocabulary(to_prefix(upcycle(deepen(model, silent=True), 4)), 40)
    assert torch.allclose(logits(made)[..., :31], logits(model), atol=2e-5)
