import pytest

from anyformer.data import Cleaning
from anyformer.errors import ConfigError


def test_each_reason_is_counted_once():
    cleaning = Cleaning(max_words=3, max_characters=20, max_ratio=4.0)
    good = ("a b", "c d")
    pairs = [good, ("", "x"), ("x", ""), ("a b c d", "x y z"), ("x" * 21, "y" * 20), ("a", "bcdef"), good, ("a", "bcde")]
    kept, dropped = cleaning.clean(pairs)
    assert kept == [good, ("a", "bcde")]
    assert dropped == {"empty": 2, "too many words": 1, "too many characters": 1, "length ratio": 1, "duplicate": 1}


def test_the_ratio_counts_bytes():
    """Ten Chinese characters and thirty English letters are a fair pair; the counts of characters are 1 to 3."""
    assert Cleaning(max_ratio=1.5).fault(("x" * 30, "我" * 10)) is None


def test_limits_can_be_switched_off():
    cleaning = Cleaning(max_words=None, max_characters=None, max_ratio=None, duplicates="keep")
    pairs = [("a", "b " * 5000)] * 2
    assert cleaning.clean(pairs) == (pairs, {})


@pytest.mark.parametrize("wrong", [{"max_words": 0}, {"max_characters": -1}, {"max_ratio": 0.5}, {"max_ratio": float("nan")}])
def test_impossible_limits_are_refused(wrong):
    with pytest.raises(ConfigError):
        Cleaning(**wrong)
