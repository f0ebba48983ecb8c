"""Every pair of parts works, or is refused with a reason when the config is made; none fails later."""

from __future__ import annotations

import itertools

import pytest
import torch
from variants import FIELDS, HEADS, VOCAB, WIDTH, randomised

from anyformer.batch import Batch
from anyformer.errors import ConfigError
from anyformer.model.model import Model
from anyformer.parts.guarantees import guarantees_of

BASE = {
    "vocab_size": VOCAB,
    "d_model": WIDTH,
    "embedding": {},
    "head": {"kind": "VocabularyHead"},
    "decoder": {
        "n_layers": 2,
        "final_norm": "LayerNorm",
        "blocks": [
            {
                "kind": "TransformerBlock",
                "attention": {"kind": "MultiHeadAttention", "n_heads": HEADS, "mask": "Causal()"},
                "feed_forward": {"kind": "MLP", "d_ff": 20},
                "residual": {"pre": "LayerNorm"},
            }
        ],
    },
}
MASKS = ["Causal()", "Causal() | Prefix()", "Causal() & Window(left=2)", "Window(left=2, right=2)", "Full()"]
BLOCK = "decoder.blocks.0"


def menus() -> dict[str, tuple[str, list[object]]]:
    """What can be chosen where: name -> (path into the config, choices)."""
    from anyformer.parts.attention import Attention
    from anyformer.parts.attention_position import AttentionPosition
    from anyformer.parts.feed_forward import FeedForward
    from anyformer.parts.mechanism import Mechanism
    from anyformer.parts.norm import Norm
    from anyformer.parts.position import InputPosition
    from anyformer.parts.qk_norm import QKNorm

    def kinds(slot: type) -> list[object]:
        return [{"kind": kind, **FIELDS.get(kind, {})} for kind in slot.menu()]  # type: ignore[attr-defined]

    residuals = [{"pre": "RMSNorm"}, {"post": "LayerNorm"}, {"pre": "LayerNorm", "branch": "LayerNorm"}, {"post": "LayerNorm", "skip": 2.0, "init_gain": 0.5}]
    parallel = {"kind": "ParallelBlock", "attention": BASE["decoder"]["blocks"][0]["attention"], "feed_forward": {"kind": "MLP", "d_ff": 20}, "norm": "RMSNorm"}  # type: ignore[index]
    return {
        "block": (BLOCK, [parallel]),
        "attention": (f"{BLOCK}.attention", [k | {"mask": "Causal()"} for k in kinds(Attention.Config)]),  # type: ignore[operator]
        "mask": (f"{BLOCK}.attention.mask", list(MASKS)),
        "position": (f"{BLOCK}.attention.position", kinds(AttentionPosition.Config)),
        "mechanism": (f"{BLOCK}.attention.mechanism", kinds(Mechanism.Config)),
        "query-key norm": (f"{BLOCK}.attention.qk_norm", kinds(QKNorm.Config)),
        "key heads": (f"{BLOCK}.attention.n_kv_heads", [1]),
        "feed-forward": (f"{BLOCK}.feed_forward", kinds(FeedForward.Config)),
        "residual": (f"{BLOCK}.residual", residuals),
        "norm": ("decoder.final_norm", kinds(Norm.Config)),
        "input position": ("embedding.position", kinds(InputPosition.Config)),
        "narrow table": ("embedding.narrow", [{"dim": 9}]),
        "head": ("head", [{"kind": "VocabularyHead", "tied": False, "softcap": 5.0}]),
        "encoder": ("encoder", [BASE["decoder"]]),
    }


def pairs() -> list[tuple[tuple[str, object], tuple[str, object]]]:
    chosen = [(path, choice) for path, choices in menus().values() for choice in choices]
    return [(a, b) for a, b in itertools.combinations(chosen, 2) if a[0] != b[0]]


def build(*changes: tuple[str, object]) -> Model.Config:
    """The base with these changes, outer paths first, so that the order of the two never matters."""
    config = Model.Config.from_dict(BASE)
    for path, value in sorted(changes, key=lambda c: c[0].count(".")):
        config = config.override(path, value)
    return config


def try_out(config: Model.Config) -> None:
    model = randomised(config, 0.1)
    tokens = torch.tensor([[1, 4, 9, 11, 6], [1, 12, 13, 14, 15]])
    counted = torch.arange(5).expand(2, 5)
    two = type(model.embedding.position).__name__ == "TwoDimensional"
    positions = torch.stack([counted, counted], -1) if two else counted
    output = model(Batch(tokens=tokens, positions=positions))
    assert output.logits.isfinite().all()
    (output.logits.square().mean() + sum(aux.loss for aux in output.aux)).backward()
    if "cached" not in guarantees_of(config):
        return
    with torch.no_grad():
        cache = model.new_cache(2, 8)
        steps = [model(Batch(tokens=tokens[:, t : t + 1], positions=positions[:, t : t + 1]), cache=cache).logits for t in range(5)]
    assert (torch.cat(steps, 1) - output.logits).abs().max() < 1e-4 * max(1.0, float(output.logits.detach().abs().max()))


def test_every_pair_of_parts_works_or_is_refused_with_a_reason() -> None:
    faults, worked, refused = [], 0, 0
    for one, other in pairs():
        try:
            config = build(one, other)
        except ConfigError as error:
            refused += 1
            if not all(p.path and len(p.message) > 20 for p in error.problems):
                faults.append(f"{one} with {other}: refused without a reason: {error}")
            continue
        try:
            try_out(config)
            worked += 1
        except Exception as error:  # every other fault is what this test looks for
            faults.append(f"{one} with {other}: {type(error).__name__}: {error}")
    assert not faults, "\n".join(faults[:20]) + f"\n{len(faults)} faults, {worked} pairs work, {refused} are refused"
    assert worked > 200 and refused > 20


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([(f"{BLOCK}.attention.mask", "Full()")], "join it to Causal()"),
        ([("encoder", BASE["decoder"])], "give its blocks a cross_attention"),
        ([(f"{BLOCK}.cross_attention", {"kind": "MultiHeadAttention", "n_heads": HEADS})], "needs an encoder to attend to"),
        ([(f"{BLOCK}.attention.n_heads", 5)], "take 4 heads, or give head_dim"),
    ],
)
def test_what_cannot_be_says_why_and_what_to_do(changes: list[tuple[str, object]], says: str) -> None:
    with pytest.raises(ConfigError, match=says.replace("(", r"\(").replace(")", r"\)")):
        build(*changes)
