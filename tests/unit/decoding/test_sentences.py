"""Texts are cut where a reader would, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyformer.decoding.sentences import lay_out, put_together, sentences


def letters(texts):
    """Counts a token for each character, and one for the end."""
    return [len(t) + 1 for t in texts]


def cut(line):
    return [p.text for p in sentences(line)]


@pytest.mark.parametrize(
    "line, expected",
    [
        ("One dog. Two cats! Three?", ["One dog.", "Two cats!", "Three?"]),
        ("Dr. Smith met J. Doe at 3.5 p.m. in the U.S. on Monday.", ["Dr. Smith met J. Doe at 3.5 p.m. in the U.S. on Monday."]),
        ("Er kam am 3. Mai. Sie nicht.", ["Er kam am 3. Mai.", "Sie nicht."]),
        ("“Go!” she said. He went.", ["“Go!” she said.", "He went."]),
        ("He said “Go.” Then he left…  And so on.", ["He said “Go.”", "Then he left…", "And so on."]),
        ("Il part. Élodie reste.", ["Il part.", "Élodie reste."]),
        ("我爱你。你好吗?我很好!", ["我爱你。", "你好吗?我很好!"]),
        ("我爱你。你好吗？“我很好！”他说。", ["我爱你。", "你好吗？", "“我很好！”", "他说。"]),
        ("。… A", ["。…", "A"]),  # two kinds of stops that end at the same place
        ("... and then?", ["... and then?"]),
        ("", []),
    ],
)
def test_sentences(line, expected):
    assert cut(line) == expected


TEXT = st.text(alphabet="ab. \n,。，！A…\t”(", max_size=60) | st.text(max_size=60)


@settings(deadline=None)
@given(TEXT, st.integers(3, 20))
def test_a_text_that_is_not_changed_comes_back_as_it_was(text, limit):
    layout = lay_out(text, limit, letters)
    assert layout.before + "".join(p.text + p.after for p in layout.pieces) == text
    assert all(p.text and p.text == p.text.strip() for p in layout.pieces)
    assert all(len(p.text) + 1 <= limit for p in layout.pieces)


def test_sentences_are_apart_unless_lines_are_to_stay_whole():
    assert [p.text for p in lay_out(" A b. C d.\n\nE f. \n", 20, letters).pieces] == ["A b.", "C d.", "E f."]
    assert [p.text for p in lay_out(" A b. C d.\n\nE f. \n", 20, letters, apart=False).pieces] == ["A b. C d.", "E f."]
    assert [p.text for p in lay_out("A b. C d.", 9, letters, apart=False).pieces] == ["A b.", "C d."]


def test_long_sentences_are_cut_at_clauses_then_words_then_anywhere():
    assert [p.text for p in lay_out("aaa bbb ccc, ddd eee fff", 14, letters).pieces] == ["aaa bbb ccc,", "ddd eee fff"]
    assert [p.text for p in lay_out("aaaa bbbb cccc dddd", 11, letters).pieces] == ["aaaa bbbb", "cccc dddd"]
    assert [p.text for p in lay_out("我" * 8 + "，" + "你" * 8, 10, letters).pieces] == ["我" * 8 + "，", "你" * 8]
    assert [len(p.text) for p in lay_out("x" * 100, 60, letters).pieces] == [50, 50]


@pytest.mark.parametrize(
    "limit, text, translations, expected",
    [
        (7, "One.  Two.\n\nThree. ", ["Un.", "Deux.", "Trois."], "Un.  Deux.\n\nTrois. "),
        (7, "One. Two.", ["一。", "二。"], "一。二。"),
        (4, "一。二。", ["One.", "Two."], "One. Two."),
        (4, "一。二。\n三。", ["One.", "Two.", "Three."], "One. Two.\nThree."),
        (7, "One. Two.", ["하나", "둘."], "하나 둘."),
    ],
)
def test_translations_are_put_together_as_their_script_wants(limit, text, translations, expected):
    assert put_together(lay_out(text, limit, letters), translations) == expected


LONG = ["word " * 20_000, "x" * 100_000, " " * 100_000, "你好。" * 33_000, "\n" * 100_000, ". " * 50_000, "a." * 50_000, "," * 100_000]


@pytest.mark.parametrize("text", LONG)
def test_a_hundred_thousand_characters_are_cut_in_no_time(text):
    layout = lay_out(text, 100, letters)
    assert layout.before + "".join(p.text + p.after for p in layout.pieces) == text
