"""Normalization agrees with Python's unicodedata and does what Moses does."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyformer.text import Normalization

latin_and_chinese = st.text(
    st.characters(max_codepoint=0x24F) | st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF) | st.characters(min_codepoint=0xFF00, max_codepoint=0xFFEF)
)


@given(st.text())
def test_the_default_changes_nothing(text: str) -> None:
    assert Normalization().normalize(text) == text


@given(latin_and_chinese)
def test_nfkc_is_unicodes(text: str) -> None:
    assert Normalization(nfkc=True).normalize(text) == unicodedata.normalize("NFKC", text)


@given(latin_and_chinese)
def test_lowercase_is_pythons(text: str) -> None:
    assert Normalization(lowercase=True).normalize(text) == text.lower()


@given(st.text())
def test_collapsed_whitespace(text: str) -> None:
    collapsed = Normalization(collapse_whitespace=True).normalize(text)
    assert "  " not in collapsed and collapsed == collapsed.strip(" ")
    assert Normalization(collapse_whitespace=True).normalize(collapsed) == collapsed


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("“a” „b“ ‘c’ l’été", '"a" "b" \'c\' l\'été'),
        ("« Oui »", '"Oui"'),
        ("«\u00a0Oui\u00a0»", '"Oui"'),
        ("Quoi\u00a0? Non\u202f! Si : 5\u00a0%", "Quoi? Non! Si: 5%"),
        ("a – b—c", "a - b - c"),
        ("— Bonjour", "- Bonjour"),
        ("fin…", "fin..."),
        ("a\u3000b  c\u2009d", "a b c d"),
        ("a\u200bb\ufeff\u00adc", "abc"),
        ("``a''", '"a"'),
        ("它——这是", "它 - 这是"),
    ],
)
def test_moses_punctuation(text: str, normal: str) -> None:
    assert Normalization(moses_punctuation=True).normalize(text) == normal
    assert Normalization(moses_punctuation=True).normalize(normal) == normal


@pytest.mark.parametrize("text", ["„Ja“ – gut…", "Il dit «\u00a0Oui\u00a0» et l’été arrive\u00a0: enfin\u00a0!", "the dog’s toy — red", "a  b ; c"])
def test_agrees_with_sacremoses(text: str) -> None:
    moses = pytest.importorskip("sacremoses").MosesPunctNormalizer("cs")  # of its languages the one without rules for the order of quote and comma
    assert Normalization(moses_punctuation=True).normalize(text).strip() == moses.normalize(text).strip()


def test_steps_are_taken_in_their_order() -> None:
    assert Normalization(moses_punctuation=True, nfkc=True, lowercase=True).normalize("´Ａ´ …") == "'a' ..."
