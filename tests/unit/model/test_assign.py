"""Models built on the meta device and given their numbers: the same as built and loaded, tied tensors stay one."""

from __future__ import annotations

import pytest
import torch

from anyformer import architectures
from anyformer.model.assign import Places, assign, hollow
from anyformer.model.model import Model


def config(name: str) -> Model.Config:
    return architectures.get(name, vocab_size=40, d_model=16, n_layers=2, n_heads=2, d_ff=12)


def test_as_built_and_loaded() -> None:
    built = config("transformer-tiny").build()
    given = hollow(config("transformer-tiny"))
    assert all(p.is_meta for p in given.parameters())
    assign(given, built.state_dict())
    assert given.state_dict().keys() == built.state_dict().keys()
    assert all(torch.equal(a, b) for a, b in zip(given.state_dict().values(), built.state_dict().values(), strict=True))
    assert given.head.weight is given.embedding.weight
    assert sum(p.numel() for p in given.parameters()) == sum(p.numel() for p in built.parameters())
    ids = torch.arange(6).view(1, 6)
    assert torch.equal(given.eval().logits(ids, None, ids), built.eval().logits(ids, None, ids))
    given.embedding.weight.data.zero_()  # tied still: one change is seen by all
    assert not given.head.weight.any()


def test_what_is_missing_is_noticed() -> None:
    places = Places(hollow(config("transformer-tiny")))
    places.put("embedding.weight", torch.zeros(40, 16))
    with pytest.raises(AssertionError, match="decoder.layers.1.feed_forward.down.bias"):
        places.finish()


def test_dtype_is_of_parameters() -> None:
    built = config("transformer-tiny").build()
    places = Places(hollow(built.config))
    for name, tensor in built.state_dict().items():
        places.put(name, tensor, torch.bfloat16)
    places.finish()
    assert {p.dtype for p in places.model.parameters()} == {torch.bfloat16}
