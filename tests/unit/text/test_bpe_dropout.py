from collections import Counter

import pytest
from text_examples import CORPUS

from anyformer.errors import ConfigError
from anyformer.text import BPE, Tokenizer
from anyformer.text.bpe_dropout import WAYS, BpeDropout

BPES = ("BPE", "ByteLevelBPE")
TEXT = "The old man, who is 42, reads “l'été” to 猫 and 𝄞."


@pytest.mark.parametrize("kind", BPES)
def test_without_dropout_it_is_the_tokenizer(trained, kind):
    dropout = BpeDropout(trained[kind], 0.0, seed=0)
    for text in [*CORPUS, TEXT, "", " ", "\n\n a"]:
        ids = trained[kind].encode(text)
        assert dropout.resample(ids, range(len(ids))) == ids


@pytest.mark.parametrize("kind", BPES)
def test_the_text_stays_the_same_and_the_pieces_do_not(trained, kind):
    tokenizer = trained[kind]
    dropout = BpeDropout(tokenizer, 0.3, seed=0)
    for text in [*CORPUS, TEXT]:
        ids = tokenizer.encode(text)
        cuts = [dropout.resample(ids, [way] * len(ids)) for way in range(WAYS)]
        assert {tokenizer.decode(cut) for cut in cuts} == {tokenizer.decode(ids)}
        assert len({tuple(cut) for cut in cuts}) > 3


def test_almost_all_left_out_gives_characters(trained):
    tokenizer = trained["BPE"]
    ids = tokenizer.encode("the table")
    assert BpeDropout(tokenizer, 0.9999999, seed=0).resample(ids, [0] * len(ids)) == [tokenizer.id(c) for c in " the table"]


def two_merges() -> tuple[Tokenizer, list[int]]:
    """A tokenizer that joins a and b, then the space and ab; and its ids of `ab`."""
    tokenizer = BPE(vocab_size=11, byte_fallback=False).train(["xab yab ab ab"])
    ids = tokenizer.encode("ab")
    assert [tokenizer.token(i) for i in ids] == [" ab"] and tokenizer.token(9) == "ab"
    return tokenizer, ids


def test_each_possible_merge_is_left_out_with_its_share():
    """Of a word of two letters and its space, `ab` first: what the merges (a, b), (' ', ab) and none of them leave, by section 3.1."""
    tokenizer, ids = two_merges()
    p = 0.3
    seen = Counter(tuple(BpeDropout(tokenizer, p, seed=seed).resample(ids, [way])) for seed in range(250) for way in range(WAYS))
    n = 250 * WAYS
    apart, half, whole = (seen[tuple(map(tokenizer.id, cut))] / n for cut in ((" ", "a", "b"), (" ", "ab"), (" ab",)))
    assert apart == pytest.approx(p, abs=0.02)
    assert half == pytest.approx((1 - p) * p, abs=0.02)
    assert whole == pytest.approx((1 - p) ** 2, abs=0.02)


def test_the_draw_is_the_same_on_every_machine():
    """A change of these numbers breaks the resuming of runs with BPE-dropout."""
    tokenizer, ids = two_merges()
    dropout = BpeDropout(tokenizer, 0.5, seed=7)
    assert [len(dropout.resample(ids, [way])) for way in range(6)] == [3, 3, 1, 3, 3, 3]


def test_unknown_ids_and_marks_stay(trained):
    tokenizer = trained["BPE"]
    ids = [*tokenizer.encode("table 𝄞"), tokenizer.eos_id]
    cut = BpeDropout(tokenizer, 0.9999999, seed=0).resample(ids, [0] * len(ids))
    assert cut[-1] == tokenizer.eos_id and tokenizer.decode(cut) == "table 𝄞"


def test_only_bpe_has_merges(trained):
    with pytest.raises(ConfigError, match=r"bpe_dropout: leaves out merges of BPE, and the tokenizer Unigram has none; set it to 0"):
        BpeDropout(trained["Unigram"], 0.1, seed=0)
    with pytest.raises(ConfigError, match="below 1; got 1"):
        BpeDropout(trained["BPE"], 1, seed=0)


def test_a_loaded_tokenizer_is_cut_as_before(trained, tmp_path):
    trained["BPE"].save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path)
    ids = again.encode(TEXT)
    ways = list(range(len(ids)))
    assert BpeDropout(again, 0.2, seed=3).resample(ids, ways) == BpeDropout(trained["BPE"], 0.2, seed=3).resample(ids, ways)
