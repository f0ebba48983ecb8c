"""Schedules against their published formulas."""

from __future__ import annotations

import math

import pytest

from anyformer.errors import ConfigError
from anyformer.training import Cosine, InverseSqrt, Linear, Noam, Schedule, WarmupStableDecay


def test_noam_is_the_papers_formula() -> None:
    noam = Noam(d_model=512, warmup_steps=4000)
    for step in (1, 100, 4000, 4001, 100_000):
        assert noam.factor(step, 0.0) == pytest.approx(512**-0.5 * min(step**-0.5, step * 4000**-1.5), rel=1e-12)
    assert noam.factor(4000, 0.0) == pytest.approx(6.987712429686843e-04)  # the paper's peak for the base model


def test_noam_takes_the_width_of_the_model() -> None:
    assert Noam(warmup_steps=400).bind(64) == Noam(d_model=64, warmup_steps=400)
    assert Noam(d_model=8).bind(64) == Noam(d_model=8) and Cosine().bind(64) == Cosine()
    with pytest.raises(ConfigError, match="schedule.d_model"):
        Noam().factor(1, 0.0)


def test_inverse_sqrt_is_noam_scaled_to_a_peak_of_one() -> None:
    for step in (1, 10, 400, 900, 10_000):
        assert InverseSqrt(warmup_steps=400).factor(step, 0.3) == pytest.approx(
            Noam(d_model=64, warmup_steps=400).factor(step, 0.3) * math.sqrt(64 * 400), rel=1e-12
        )


@pytest.mark.parametrize("kind", [Cosine, Linear, WarmupStableDecay])
def test_decaying_ones_rise_to_one_and_fall_to_their_end(kind: type[Schedule]) -> None:
    schedule = kind(warmup_steps=10, final=0.1)
    assert schedule.factor(5, 0.0) == pytest.approx(0.5)
    assert schedule.factor(10, 0.0) == pytest.approx(1.0)
    assert schedule.factor(10**6, 1.0) == pytest.approx(0.1)
    falling = [schedule.factor(100, p / 50) for p in range(51)]
    assert all(a >= b for a, b in zip(falling, falling[1:], strict=False))


def test_halfway() -> None:
    assert Cosine().factor(1, 0.5) == pytest.approx(0.5)
    assert Cosine().factor(1, 0.25) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert Linear().factor(1, 0.3) == pytest.approx(0.7)
    wsd = WarmupStableDecay(decay=0.2)
    assert wsd.factor(1, 0.8) == 1.0
    assert wsd.factor(1, 0.85) == pytest.approx(1 - math.sqrt(0.25))


def test_impossible_values_are_refused() -> None:
    for make in (
        lambda: Noam(d_model=0, warmup_steps=0),
        lambda: InverseSqrt(warmup_steps=0),
        lambda: Cosine(warmup_steps=-1, final=2.0),
        lambda: WarmupStableDecay(decay=1.5),
    ):
        with pytest.raises(ConfigError):
            make()
