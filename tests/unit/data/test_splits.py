import json

import pytest

from anyformer.data import Cleaning, DataConfig, HeldOut, TextFiles, Tsv, load_splits
from anyformer.data.splits import hold_out
from anyformer.errors import ConfigError, InputError

PAIRS = [(f"sentence {i}", f"phrase {i}") for i in range(1000)]


@pytest.fixture
def corpus(write) -> Tsv:
    return Tsv(path=write("all.tsv", "".join(f"{s}\t{t}\n" for s, t in PAIRS)))


def test_holds_out_a_share_by_hash(corpus):
    splits = load_splits(DataConfig(corpus=corpus, validation=HeldOut(share=0.1)))
    assert 60 < len(splits.validation) < 140
    assert sorted(splits.train + splits.validation) == sorted(PAIRS)
    assert splits.test == []


def test_a_sentence_keeps_its_side_when_pairs_are_added():
    part = HeldOut(share=0.1)
    few, many = hold_out(PAIRS[:500], part), hold_out(PAIRS[::-1], part)
    assert set(few[1]) <= set(many[1]) and set(few[0]) <= set(many[0])


def test_all_pairs_of_a_sentence_fall_on_one_side():
    pairs = [(form, f"{i} {j}") for i in range(200) for j, form in enumerate((f"Sentence {i}", f"sentence  {i}", f"SENTENCE {i}"))]
    train, held = hold_out(pairs, HeldOut(share=0.2))
    numbers = [{target.split()[0] for _, target in side} for side in (train, held)]
    assert held and not numbers[0] & numbers[1]


def test_at_most_so_many_are_held_out():
    assert len(hold_out(PAIRS, HeldOut(share=0.5, at_most=7))[1]) == 7


def test_at_least_one_is_held_out_and_one_kept():
    assert [len(side) for side in hold_out(PAIRS[:2], HeldOut(share=0.001))] == [1, 1]
    assert [len(side) for side in hold_out(PAIRS[:2], HeldOut(share=0.999))] == [1, 1]
    with pytest.raises(InputError, match="at least 2"):
        hold_out(PAIRS[:1], HeldOut())


def test_no_pair_stands_in_two_splits(corpus, write):
    validation = TextFiles(source=write("v.en", "sentence 1\nsentence 2\nnew\n\n"), target=write("v.fr", "phrase 1\nphrase 2\nneu\n\n"))
    test = Tsv(path=write("t.tsv", "sentence 2\tphrase 2\nsentence 3\tphrase 3\n"))
    splits = load_splits(DataConfig(corpus=corpus, validation=validation, test=test))
    assert splits.test == [PAIRS[2], PAIRS[3]]
    assert splits.validation == [PAIRS[1], ("new", "neu")]
    assert splits.train == [PAIRS[0], *PAIRS[4:]]
    report = splits.report.splits
    assert report["train"].dropped == {"in another split too": 3}
    assert (report["validation"].read, report["validation"].kept) == (4, 2)
    assert report["validation"].dropped == {"empty": 1, "in another split too": 1}


def test_counts_add_up(write):
    rows = ["a\tb", "a\tb", "\tx", "c\td", "e\t" + "f" * 50]
    report = load_splits(DataConfig(corpus=Tsv(path=write("a.tsv", "\n".join(rows) + "\n")))).report
    parts = report.splits
    assert parts["train"].read + parts["validation"].read == len(rows)
    assert parts["train"].read == parts["train"].kept + sum(parts["train"].dropped.values())
    assert dict(parts["train"].dropped) == {"duplicate": 1, "empty": 1, "length ratio": 1}
    assert "left out: 1 duplicate, 1 empty, 1 length ratio" in report.describe()
    json.dumps(report.to_dict())


def test_only_the_first_pairs(corpus):
    splits = load_splits(DataConfig(corpus=corpus, max_pairs=10))
    assert len(splits.train) == 10
    assert any("max_pairs" in note for note in splits.report.notes)


def test_nothing_left_says_why(corpus, write):
    validation = Tsv(path=write("v.tsv", "a\tb\n"))
    with pytest.raises(InputError, match="1,000 too many words"):
        load_splits(DataConfig(corpus=corpus, validation=validation, cleaning=Cleaning(max_words=1)))


def test_the_section_in_data():
    config = DataConfig.from_dict({"corpus": {"kind": "Tsv", "path": "a.tsv"}, "validation": {"kind": "HeldOut", "share": 0.1}, "cleaning": {"max_ratio": 3}})
    assert config.validation == HeldOut(share=0.1) and config.cleaning == Cleaning(max_ratio=3.0)
    assert DataConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError) as caught:
        DataConfig.from_dict({"corpus": {"kind": "Tsv", "path": "a.tsv", "sorce": 1}, "validation": {"kind": "HeldOut", "share": 2}, "batch_tokens": "many"})
    assert {p.path for p in caught.value.problems} == {"corpus.sorce", "validation.share", "batch_tokens"}


def test_the_limit_is_the_smaller_of_sentence_and_batch():
    assert DataConfig(corpus=Tsv(path="a"), max_length=256, batch_tokens=100).length_limit == 100
    assert DataConfig(corpus=Tsv(path="a"), max_length=50).length_limit == 50
    with pytest.raises(ConfigError):
        DataConfig(corpus=Tsv(path="a"), max_length=1)
