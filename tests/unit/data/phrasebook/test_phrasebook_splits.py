"""The corpus: size, distinct and unambiguous pairs, splits that hold out what they say."""

import hashlib
import re
import time
from functools import cache

import pytest

from anyformer.data import phrasebook
from anyformer.data.phrasebook import grammar
from anyformer.data.phrasebook.lexicon import adjectives, nouns, verbs
from anyformer.data.phrasebook.splits import REALISERS
from anyformer.data.phrasebook.syntax import UnsayableError
from anyformer.errors import InputError

GOLDEN = "a56fa98874c946f7"
PAIRS = [("en", "fr"), ("en", "zh"), ("fr", "zh")]


@cache
def corpus(source, target):
    return phrasebook.splits(source, target)


def words(text):
    """The word forms of a sentence; of Chinese, its characters."""
    if re.search("[\u4e00-\u9fff]", text):
        return set(text)
    return set(re.sub(r"[.,?]", "", text).split())


@pytest.mark.parametrize("pair", PAIRS)
def test_sizes(pair):
    train, validation, test = corpus(*pair)
    assert (len(train), len(validation), len(test)) == (58_000, 1_000, 1_000)


@pytest.mark.parametrize("pair", PAIRS)
def test_each_side_is_a_function_of_the_other_and_no_sentence_is_in_two_splits(pair):
    everything = [p for split in corpus(*pair) for p in split]
    assert len({source for source, _ in everything}) == len({target for _, target in everything}) == len(everything)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_grammar_itself_is_unambiguous(pair):
    """No tree was dropped for an ambiguity: whatever is drawn, the same words on one side mean the same on the other."""
    one, other = (REALISERS[code] for code in pair)
    forward, back = {}, {}
    for sentence, _ in zip(grammar.sentences("unambiguous"), range(20_000), strict=False):
        try:
            source, target = one(sentence), other(sentence)
        except UnsayableError:
            continue
        assert forward.setdefault(source, target) == target
        assert back.setdefault(target, source) == source


@pytest.mark.parametrize("pair", PAIRS)
def test_every_word_of_the_test_split_is_seen_in_training(pair):
    train, _, test = corpus(*pair)
    for side in (0, 1):
        seen = set().union(*(words(p[side]) for p in train))
        assert set().union(*(words(p[side]) for p in test)) <= seen


def _forms(name, part):
    """The English forms of a held-out word, from the lexicon."""
    if part in ("noun", "object"):
        noun = {**nouns.COUNTED, **nouns.MASS, "juice": nouns.MASS["orange juice"]}[name]
        return {noun.en.split()[-1], noun.en_plural.split()[-1]}
    if part == "verb":
        entries = [v for t in (verbs.TRANSITIVE, verbs.GIVING, verbs.INTRANSITIVE, verbs.MOTION) for v in t.values() if v.en[0] == name]
        return {form for v in entries for form in v.en}
    if part == "adjective":
        comparative = adjectives.ADJECTIVES[name].en_comparative
        return {name, comparative.split()[-1] if comparative else name}
    return {name}


@pytest.mark.parametrize("target", ["fr", "zh"])
def test_held_out_combinations_are_in_no_other_split(target):
    train, validation, test = corpus("en", target)
    combinations = [[_forms(word, part) for word, part in zip((first, second), kind.split("-"), strict=True)] for kind, first, second in phrasebook.held_out()]

    def held(text):
        found = words(text)
        return [i for i, (a, b) in enumerate(combinations) if found & a and found & b]

    assert not [source for source, _ in train + validation if held(source)]
    tested = [held(source) for source, _ in test]
    assert all(tested)
    assert {i for found in tested for i in found} == set(range(len(combinations)))


def test_held_out_words_are_frequent_in_training():
    train, _, _ = corpus("en", "fr")
    counts = {}
    for source, _ in train:
        for word in words(source):
            counts[word] = counts.get(word, 0) + 1
    for kind, *pair in phrasebook.held_out():
        for word, part in zip(pair, kind.split("-"), strict=True):
            assert sum(counts.get(form, 0) for form in _forms(word, part)) >= 40, (kind, word)


def test_a_pair_turned_round_has_the_same_sentences():
    for there, back in zip(corpus("en", "fr"), phrasebook.splits("fr", "en"), strict=True):
        assert [(b, a) for a, b in there] == back


def test_the_seed_decides():
    one, again, other = (phrasebook.splits("en", "fr", seed=seed, size=2_000) for seed in (3, 3, 4))
    assert one == again
    assert one.train != other.train


def test_the_same_corpus_on_every_machine():
    text = "\n".join("\t".join(pair) for split in corpus("en", "zh") for pair in split)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == GOLDEN


def test_it_is_quick():
    start = time.process_time()
    phrasebook.splits("en", "fr", seed=1)
    assert time.process_time() - start < 4  # 1.6 s on one core of a server


def test_mixed_scripts_stay_apart():
    for english, chinese in (pair for split in corpus("en", "zh") for pair in split):
        assert english.isascii()
        assert not re.search(r"[A-Za-z.,?! ]", chinese)
    for _, french in (pair for split in corpus("en", "fr") for pair in split):
        assert not re.search(r"  |\b([jldnmts]|qu)e (?!onze)[aeiouéèêàâîôœ]|\b(à|de) les? (?!huit|onze)", french), french


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"source": "de"}, "source"),
        ({"target": "english"}, "target"),
        ({"source": "fr"}, "target"),
        ({"size": 10}, "size"),
        ({"size": 10**7}, "size"),
    ],
)
def test_what_there_is_not_is_refused(arguments, field):
    with pytest.raises(InputError) as refusal:
        phrasebook.splits(**arguments)
    assert [problem.path for problem in refusal.value.problems] == [field]


def test_info_counts():
    info = phrasebook.info()
    assert info["words"] == sum(info["words_by_part"].values()) >= 250
    assert info["pairs"] == info["train"] + info["validation"] + info["test"] >= 50_000
    assert info["held_out"] == sum(info["held_out_by_kind"].values()) == len(set(phrasebook.held_out()))
