"""Sinusoids told as halves: the same function, and so the Transformer of 2017 exports as Marian, its pre-norm variant as Pegasus."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anyformer import architectures
from anyformer.interop import from_hf, save_hf
from anyformer.interop.hf.check import check_export
from anyformer.interop.stream_order import in_halves
from anyformer.model.model import Model


def model(norm: str, **more: int) -> Model:
    torch.manual_seed(0)
    made = architectures.get("transformer-tiny", norm=norm, vocab_size=41, d_model=18, n_layers=2, n_heads=3, d_ff=20, **more).build().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.3)
    return made


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("vocabularies", [{}, {"source_vocab_size": 37}])
@torch.no_grad()
def test_it_computes_the_same(norm: str, vocabularies: dict[str, int]) -> None:
    before = model(norm, **vocabularies)
    after = in_halves(before)
    assert after is not None and after.config != before.config
    source, target = torch.randint(0, 37, (2, 7)), torch.randint(0, 41, (2, 5))
    torch.testing.assert_close(after.logits(source, None, target), before.logits(source, None, target), rtol=0, atol=1e-5)
    assert not torch.equal(after.embedding.weight, before.embedding.weight)


def test_what_is_in_halves_or_has_no_sinusoids_stays() -> None:
    halves = in_halves(model("post"))
    assert halves is not None and in_halves(halves) is None
    assert in_halves(architectures.get("llama-7b", vocab_size=31, d_model=16, n_layers=2, n_heads=2, d_ff=12).build()) is None


@pytest.mark.parametrize(("norm", "family"), [("post", "marian"), ("pre", "pegasus")])
def test_exports(norm: str, family: str, tmp_path: Path) -> None:
    before = model(norm)
    save_hf(before, tmp_path)
    assert f'"{family}"' in (tmp_path / "config.json").read_text()
    assert check_export(before, tmp_path).greedy_tokens > 0
    source, target = torch.randint(0, 41, (2, 7)), torch.randint(0, 41, (2, 5))
    with torch.no_grad():
        torch.testing.assert_close(from_hf(tmp_path).logits(source, None, target), before.logits(source, None, target), rtol=0, atol=1e-5)
