"""The encoder-decoder against `torch.nn.Transformer`, an implementation of the same paper by others."""

from __future__ import annotations

import math

import pytest
import torch
from comparing import assert_equal_logits, padded_pairs, randomise
from torch import Tensor, nn

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.model.model import Model

VOCAB, D, HEADS, D_FF, LAYERS = 37, 30, 5, 44, 3
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # their encoder says why it takes its slow path


def ours(norm: str) -> Model:
    return architectures.get("transformer-base", vocab_size=VOCAB, d_model=D, n_heads=HEADS, d_ff=D_FF, n_layers=LAYERS, norm=norm).build().eval()


def theirs(model: Model, norm: str) -> nn.Transformer:
    """nn.Transformer with our weights."""
    other = nn.Transformer(D, HEADS, LAYERS, LAYERS, D_FF, norm_first=norm == "pre", batch_first=True)
    if norm == "post":  # it puts a norm after each stack whatever the layers do; the paper has none
        other.encoder.norm = other.decoder.norm = None
    state = {}
    for side in ("encoder", "decoder"):
        stack = getattr(model, side)
        for i, layer in enumerate(stack.layers):
            at = f"{side}.layers.{i}"
            attentions = {"self_attn": layer.attention} | ({"multihead_attn": layer.cross_attention} if side == "decoder" else {})
            for name, attention in attentions.items():
                for kind in ("weight", "bias"):
                    state[f"{at}.{name}.in_proj_{kind}"] = torch.cat([getattr(p, kind) for p in (attention.query, attention.key, attention.value)])
                    state[f"{at}.{name}.out_proj.{kind}"] = getattr(attention.out, kind)
            joins = [layer.attention_residual, *([layer.cross_attention_residual] if side == "decoder" else []), layer.feed_forward_residual]
            for n, join in enumerate(joins, start=1):
                place = join.pre if norm == "pre" else join.post
                state |= {f"{at}.norm{n}.weight": place.weight, f"{at}.norm{n}.bias": place.bias}
            for name, linear in (("linear1", layer.feed_forward.up), ("linear2", layer.feed_forward.down)):
                state |= {f"{at}.{name}.weight": linear.weight, f"{at}.{name}.bias": linear.bias}
        if norm == "pre":
            state |= {f"{side}.norm.weight": stack.final_norm.weight, f"{side}.norm.bias": stack.final_norm.bias}
    other.load_state_dict(state)
    return other.eval()


def their_logits(other: nn.Transformer, model: Model, batch: Batch) -> Tensor:
    table = model.embedding.weight

    def embed(ids: Tensor) -> Tensor:
        position = torch.arange(ids.shape[1]).unsqueeze(1)
        rate = torch.exp(torch.arange(0, D, 2) * (-math.log(10000.0) / D))
        encoding = torch.zeros(ids.shape[1], D)
        encoding[:, 0::2], encoding[:, 1::2] = torch.sin(position * rate), torch.cos(position * rate)
        return table[ids] * math.sqrt(D) + encoding

    hidden_source, hidden_target = batch.source_segments == 0, batch.segments == 0
    later = torch.triu(torch.ones(batch.tokens.shape[1], batch.tokens.shape[1], dtype=torch.bool), 1)
    memory = other.encoder(embed(batch.source), src_key_padding_mask=hidden_source)
    decoded = other.decoder(embed(batch.tokens), memory, tgt_mask=later, tgt_key_padding_mask=hidden_target, memory_key_padding_mask=hidden_source)
    return decoded @ table.T


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("fast_path", [True, False])
def test_equal_logits(norm: str, fast_path: bool) -> None:
    torch.manual_seed(1)
    model = ours(norm)
    randomise(model)
    batch = padded_pairs(VOCAB, [7, 3, 9, 1], [5, 8, 2, 1])
    torch.backends.mha.set_fastpath_enabled(fast_path)
    try:
        with torch.no_grad():
            assert_equal_logits(model(batch).logits, their_logits(theirs(model, norm), model, batch), batch.segments)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_equal_gradients() -> None:
    torch.manual_seed(2)
    model = ours("pre").train()
    for part in model.modules():
        if hasattr(part, "p"):
            part.p = 0.0
    randomise(model)
    other = theirs(model, "pre")
    batch = padded_pairs(VOCAB, [6, 4], [5, 7])
    real = (batch.segments != 0).unsqueeze(-1)
    (model(batch).logits * real).square().mean().backward()
    mine = model.encoder.layers[0].feed_forward.up.weight.grad.clone()
    (their_logits(other, model, batch) * real).square().mean().backward()
    his = other.encoder.layers[0].linear1.weight.grad
    assert (mine - his).norm() <= 1e-4 * his.norm()


def test_a_wrong_mask_would_be_seen() -> None:
    """The comparison notices one exchanged part: without it, equality would prove nothing."""
    torch.manual_seed(3)
    model = ours("post")
    randomise(model)
    wrong = model.config.override("decoder.blocks.0.attention.mask", "Causal() & Window(left=1)").build().eval()
    wrong.load_state_dict(model.state_dict())
    batch = padded_pairs(VOCAB, [7, 3], [5, 8])
    with torch.no_grad(), pytest.raises(AssertionError):
        assert_equal_logits(wrong(batch).logits, their_logits(theirs(model, "post"), model, batch), batch.segments)
