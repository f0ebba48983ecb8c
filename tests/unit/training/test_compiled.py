"""Layers compiled one by one: the same numbers, one code for layers that are alike, and the model left as it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.loss import cross_entropy
from anyformer.parts.block import Block
from anyformer.training.compiled import CompiledLayers


def _batch(rows: int, length: int, source_length: int, padded: int) -> Batch:
    """`padded`: of the first row's source."""
    tokens, source = torch.randint(4, 50, (rows, length)), torch.randint(4, 50, (rows, source_length))
    segments = torch.ones(rows, source_length, dtype=torch.int64)
    segments[0, source_length - padded :] = 0
    given = {"source_segments": segments, "source_padding": "right"} if padded else {}
    return Batch(tokens=tokens, targets=tokens, weights=torch.ones(rows, length), source=source, **given)


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> CompileCounter:
    counter, compile = CompileCounter(), torch.compile
    torch._dynamo.reset()
    monkeypatch.setattr(torch, "compile", lambda forward, **given: compile(forward, backend=counter, **given))
    return counter


def test_the_same_numbers_from_few_codes(counter: CompileCounter) -> None:
    torch.manual_seed(0)
    model = architectures.get("transformer-tiny", d_model=16, n_heads=2, d_ff=32, n_layers=4, vocab_size=50, dropout=0.0).build()
    compiled, gradients = CompiledLayers(model), []
    for batch in (_batch(3, 7, 9, 2), _batch(5, 30, 11, 0), _batch(2, 20, 25, 4), _batch(4, 9, 30, 0), _batch(4, 30, 12, 3)):
        for forward in (model, compiled):
            model.zero_grad()
            loss = cross_entropy(forward(batch), batch)
            loss.total.backward()
            gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        torch.testing.assert_close(*gradients[-2:])
    assert 2 <= counter.frame_count <= 4  # an encoder's layer and a decoder's, with and without padding; 8 layers and 5 shapes


def test_other_calls_see_the_model_as_it_is_written(counter: CompileCounter) -> None:
    model = architectures.get("transformer-tiny", d_model=16, n_heads=2, d_ff=32, n_layers=2, vocab_size=50, dropout=0.0).build()
    compiled, batch = CompiledLayers(model), _batch(3, 7, 9, 2)
    compiled(batch)
    seen = counter.frame_count
    model.eval()
    with torch.no_grad():
        model(batch)
    assert counter.frame_count == seen
    assert not any("forward" in vars(layer) for layer in model.modules() if isinstance(layer, Block))


def test_a_model_without_layers_is_compiled_whole(counter: CompileCounter) -> None:
    linear: Any = torch.nn.Linear(3, 2)
    x = torch.randn(4, 3)
    torch.testing.assert_close(CompiledLayers(linear)(x), linear(x))
    assert counter.frame_count == 1
