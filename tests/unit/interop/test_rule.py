"""Rules: which names they take, with layers, kinds of parameter and sides."""

from __future__ import annotations

from anyformer.interop.ops import COPY, Fused, Stacked
from anyformer.interop.rule import Rule, bind, matching, rule
from anyformer.interop.surplus import Dropped

OURS = [
    "e.weight",
    "layers.0.q.weight",
    "layers.0.q.bias",
    "layers.0.k.weight",
    "layers.11.q.weight",
    "layers.11.k.weight",
    "layers.11.x",
    "layers.1.q.weights",
]


def test_a_rule_holds_for_all_layers_and_parameters_that_there_are() -> None:
    found = bind([rule("h.{i}.query.{p}", "layers.{i}.q.{p}")], OURS)
    assert [(r.theirs[0], r.ours[0]) for r in found] == [
        ("h.0.query.weight", "layers.0.q.weight"),
        ("h.0.query.bias", "layers.0.q.bias"),
        ("h.11.query.weight", "layers.11.q.weight"),
    ]


def test_all_of_ours_must_be_there() -> None:
    op = Fused((1, 1))
    found = bind([rule("h.{i}.qk.{p}", ("layers.{i}.q.{p}", "layers.{i}.k.{p}"), op)], OURS)
    assert [r.ours for r in found] == [("layers.0.q.weight", "layers.0.k.weight"), ("layers.11.q.weight", "layers.11.k.weight")]


def test_dots_are_dots() -> None:
    assert bind([rule("x", "e.weight")], ["e.weight", "eXweight"]) == [Rule(("x",), ("e.weight",), COPY)]


def test_sides_and_experts() -> None:
    found = bind([rule("model.{s}.{i}.{e}.w", "{s}.layers.{i}.experts", Stacked(2))], ["encoder.layers.3.experts", "neither.layers.3.experts"])
    assert [r.theirs for r in found] == [("model.encoder.3.0.w", "model.encoder.3.1.w")]


def test_surplus_is_matched_by_their_names() -> None:
    r = rule("h.{i}.mask", op=Dropped("computed"))
    assert bind([r], OURS) == [r]
    assert matching(r, ["h.0.mask", "h.7.mask", "h.7.mask2", "g.mask"]) == [("h.0.mask",), ("h.7.mask",)]
