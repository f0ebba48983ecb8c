"""tokenizer.json: written whole, read back equal, read alike by other tools, refused when damaged."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import tokenizers
from text_examples import CORPUS, SCHEMES

from anyformer.errors import InputError
from anyformer.text import BPE, Normalization, Tokenizer, Word

TEXTS = [*CORPUS[:9], "", "  two  spaces \n", "Zürich 猫 🙂 hello , world !", "我 love 你"]


@pytest.mark.parametrize("kind", SCHEMES)
def test_saved_and_loaded_it_is_the_same(trained: dict[str, Tokenizer], kind: str, tmp_path: Path) -> None:
    tokenizer = trained[kind]
    tokenizer.save(tmp_path / "tokenizer.json")
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]
    for loaded in (Tokenizer.load(tmp_path / "tokenizer.json"), Tokenizer.load(tmp_path), pickle.loads(pickle.dumps(tokenizer))):
        assert loaded == tokenizer and loaded.scheme == SCHEMES[kind]
        assert loaded.encode_batch(TEXTS) == tokenizer.encode_batch(TEXTS)
        assert loaded.encode("<s>") == tokenizer.encode("<s>")


@pytest.mark.parametrize("kind", SCHEMES)
def test_other_tools_read_it_alike(trained: dict[str, Tokenizer], kind: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer, path = trained[kind], tmp_path / "tokenizer.json"
    tokenizer.save(path)
    plain = tokenizers.Tokenizer.from_file(str(path))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path), clean_up_tokenization_spaces=False)
    assert len(fast) == plain.get_vocab_size() == len(tokenizer)
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert plain.encode(text).ids == ids
        assert fast(text)["input_ids"] == ids
        framed = [1, *ids, 2, 0]
        assert plain.decode(framed) == fast.decode(framed, skip_special_tokens=True) == tokenizer.decode(framed) == tokenizer.decode(ids)


def test_the_normalization_is_in_the_file(tmp_path: Path) -> None:
    tokenizer = BPE(vocab_size=420, normalization=Normalization(nfkc=True, lowercase=True, moses_punctuation=True, collapse_whitespace=True)).train(CORPUS)
    tokenizer.save(tmp_path / "tokenizer.json")
    plain = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "  “The ＭＡＮ”…   IS — here "
    assert plain.encode(text).ids == tokenizer.encode(text)
    assert plain.decode(plain.encode(text).ids) == tokenizer.normalize(text) == '"the man"... is - here'


def test_offsets_point_into_the_text(trained: dict[str, Tokenizer]) -> None:
    for kind in ("BPE", "Unigram", "Word"):
        found = trained[kind].backend.encode("the man 我们")
        assert found.offsets[-1][1] == 10 and all(start <= end for start, end in found.offsets)


def test_a_file_written_anew_by_another_tool_still_works(trained: dict[str, Tokenizer], tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    trained["BPE"].backend.save(str(path))
    loaded = Tokenizer.load(path)
    assert loaded.scheme is None
    assert loaded.encode_batch(TEXTS) == trained["BPE"].encode_batch(TEXTS)
    assert loaded.normalize(" a  B") == " a  B"


def test_a_scheme_is_kept_with_its_options(tmp_path: Path) -> None:
    scheme = Word(joint=False, min_frequency=2, normalization=Normalization(lowercase=True), special_tokens=("<fr>",))
    scheme.train(CORPUS).save(tmp_path / "t.json")
    assert Tokenizer.load(tmp_path / "t.json").scheme == scheme


def test_a_file_that_is_damaged_is_refused_by_name(trained: dict[str, Tokenizer], tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    good = trained["BPE"].to_json()

    def refused(content: bytes, why: str) -> None:
        path.write_bytes(content)
        with pytest.raises(InputError, match=why) as caught:
            Tokenizer.load(path)
        assert caught.value.problems[0].path == str(path)

    refused(good.encode()[: len(good) // 2], "is damaged or no tokenizer")
    refused(b"", "is damaged or no tokenizer")
    refused(b"[]", "is damaged or no tokenizer")
    refused(b"{}", "is damaged or no tokenizer")
    refused(b"\xff\xfe", "not UTF-8 at byte 0")
    data = json.loads(good)
    del data["model"]["vocab"]["an"]
    refused(json.dumps(data).encode(), "is damaged or no tokenizer")
    data = json.loads(good)
    data["model"]["trained_as"]["kind"] = "BPF"
    refused(json.dumps(data).encode(), "did you mean 'BPE'")
    data = json.loads(good)
    data["model"]["vocab"]["zzz"] = data["model"]["vocab"].pop("。")
    data["model"]["vocab"]["zzz"] += 1000
    refused(json.dumps(data).encode(), "gaps")


def test_a_vocabulary_with_other_special_ids_is_refused(tmp_path: Path) -> None:
    other = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[PAD]": 0, "a": 1}, unk_token="[PAD]"))
    other.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError, match=r"ids 0 to 3 must be <pad> <s> </s> <unk>, not \[PAD\] a"):
        Tokenizer.load(tmp_path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        Tokenizer.load(tmp_path / "tokenizer.json")


def test_a_file_that_cannot_be_written_leaves_the_old_one(trained: dict[str, Tokenizer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained["Byte"].save(tmp_path / "tokenizer.json")
    before = (tmp_path / "tokenizer.json").read_bytes()

    def full(self: Path, *args: object, **more: object) -> int:
        with open(self, "w") as file:
            file.write("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        trained["BPE"].save(tmp_path / "tokenizer.json")
    assert (tmp_path / "tokenizer.json").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]
