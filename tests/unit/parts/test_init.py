"""How parameters begin, against the papers' standard deviations."""

from __future__ import annotations

import pytest
import torch

from anyformer import architectures
from anyformer.batch import Batch


@pytest.mark.parametrize(("name", "scale"), [("t5-small", "unscaled"), ("glam-0.1b", "unscaled"), ("palm-8b", "scaled")])
def test_fan_in_has_the_scale_in_the_queries_where_scores_have_none(name: str, scale: str) -> None:
    """T5's code: queries N(0, 1 / (d_model * head_dim)), keys and values N(0, 1 / d_model), outputs N(0, 1 / (n_heads * head_dim))."""
    torch.manual_seed(0)
    d, n_heads, head_dim = 128, 4, 16
    model = architectures.get(name, d_model=d, n_layers=1, n_heads=n_heads, head_dim=head_dim, d_ff=256, vocab_size=64).build()
    attention = model.decoder.layers[0].attention
    query = (d * head_dim) ** -0.5 if scale == "unscaled" else d**-0.5
    for part, std in ((attention.query, query), (attention.key, d**-0.5), (attention.value, d**-0.5), (attention.out, (n_heads * head_dim) ** -0.5)):
        assert part.weight.std().item() == pytest.approx(std, rel=0.06)
    assert model.embedding.weight.std().item() == pytest.approx(1, rel=0.05)
    assert model.decoder.layers[0].feed_forward.down.weight.std().item() == pytest.approx(256**-0.5, rel=0.05)


@pytest.mark.parametrize(("name", "std", "sublayers"), [("gpt2", 0.02, 6), ("opt-125m", 0.006, 6), ("gpt1", 0.02, 1)])
def test_what_joins_the_stream_begins_smaller(name: str, std: float, sublayers: int) -> None:
    """Radford et al. 2019, section 2.3: by 1 / sqrt(sublayers); GPT did not."""
    torch.manual_seed(0)
    model = architectures.get(name, d_model=128, n_layers=3, n_heads=4, d_ff=256, vocab_size=64).build()
    layer = model.decoder.layers[2]
    for part in (layer.attention.out, layer.feed_forward.down):
        assert part.weight.std().item() == pytest.approx(std / sublayers**0.5, rel=0.05)
    for part in (layer.attention.value, layer.feed_forward.up, model.embedding):
        assert part.weight.std().item() == pytest.approx(std, rel=0.05)


@pytest.mark.parametrize(("name", "tied", "std"), [("t5-v1.1-small", False, 128**-0.5), ("ul2-20b", False, 128**-0.5), ("t5-small", True, 1.0)])
def test_a_head_of_its_own_is_a_matrix_and_logits_begin_about_one_wide(name: str, tied: bool, std: float) -> None:
    """T5 1.1's code draws `logits_dense` by fan-in, the embedding from N(0, 1)."""
    torch.manual_seed(0)
    model = architectures.get(name, d_model=128, n_layers=2, n_heads=4, head_dim=16, d_ff=256, vocab_size=300).build().eval()
    assert model.embedding.weight.std().item() == pytest.approx(1, rel=0.05)
    assert (model.head.weight is model.embedding.weight) == tied and model.head.weight.std().item() == pytest.approx(std, rel=0.05)
    tokens = torch.randint(4, 300, (4, 20))
    with torch.no_grad():
        assert model(Batch(tokens=tokens, source=tokens)).logits.std().item() == pytest.approx(1, rel=0.2)
