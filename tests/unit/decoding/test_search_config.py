from __future__ import annotations

import pytest

from anyformer.decoding.search_config import SearchConfig
from anyformer.errors import ConfigError


@pytest.mark.parametrize(
    "fields, wrong",
    [
        ({"beam": 0}, "beam"),
        ({"beam": 2, "n_best": 3}, "n_best"),
        ({"beam": 5, "temperature": 1.0}, "beam"),
        ({"top_k": 3}, "top_k"),
        ({"top_p": 0.9}, "top_p"),
        ({"top_p": 0.0, "temperature": 1.0}, "top_p"),
        ({"temperature": -1.0}, "temperature"),
        ({"min_length": 9, "max_length": 8}, "min_length"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
        ({"length_penalty": float("nan")}, "length_penalty"),
        ({"max_length_relative": (-1.0, 2.0)}, "max_length_relative"),
    ],
)
def test_what_cannot_be_is_refused_and_named(fields, wrong):
    with pytest.raises(ConfigError) as error:
        SearchConfig(**fields)
    assert wrong in [p.path for p in error.value.problems]


def test_all_problems_are_said_at_once():
    with pytest.raises(ConfigError) as error:
        SearchConfig(beam=0, top_k=2, max_length=0)
    assert {p.path for p in error.value.problems} >= {"beam", "top_k", "max_length"}


def test_it_reads_back_from_data():
    config = SearchConfig(beam=4, n_best=2, max_length_relative=(1.5, 3.0))
    assert SearchConfig.from_dict(config.to_dict()) == config


def test_limits():
    config = SearchConfig(max_length=20, max_length_relative=(1.5, 3.0), min_length=5)
    assert [config.limit(n) for n in (0, 4, 100)] == [5, 9, 20]
