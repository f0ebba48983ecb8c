"""Tokenizers beside the weights: theirs read into ours, ours written so that `AutoTokenizer` reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tokenizers

from anyformer.errors import ConversionError, Problem
from anyformer.interop.hf.family import read_json
from anyformer.text import Tokenizer

FILE, CONFIG = "tokenizer.json", "tokenizer_config.json"


# ---- reading


def read_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a checkpoint's folder.

    Raises:
        ConversionError: there is no tokenizer.json, and `transformers` cannot make one of the files either.
    """
    backend = _backend(folder)
    config, generation = read_json(folder / "config.json"), _optional(folder / "generation_config.json")
    named = _optional(folder / "special_tokens_map.json") | _optional(folder / CONFIG)

    def id_of(*names: str) -> int | None:
        """The first that is given: a number in generation_config.json or config.json, or a token's name."""
        for name in names:
            for said in (generation.get(f"{name}_id"), config.get(f"{name}_id")):
                number = said[0] if isinstance(said, list) and said else said
                if isinstance(number, int) and number >= 0:
                    return number
            token = named.get(name)
            text = token.get("content") if isinstance(token, dict) else token
            if isinstance(text, str) and (found := backend.token_to_id(text)) is not None:
                return int(found)
        return None

    begins = ("decoder_start_token", "bos_token") if config.get("is_encoder_decoder") else ("bos_token", "cls_token")
    end = id_of("eos_token", "sep_token")
    begin, padding, unknown = id_of(*begins), id_of("pad_token"), id_of("unk_token")
    end = -1 if end is None else end
    padding = max(end, 0) if padding is None else padding
    return Tokenizer(backend, special=(padding, end if begin is None else begin, end, -1 if unknown is None else unknown))


def _backend(folder: Path) -> tokenizers.Tokenizer:
    if (folder / FILE).is_file():
        try:
            return tokenizers.Tokenizer.from_file(str(folder / FILE))
        except Exception as error:  # the reader in Rust raises nothing narrower
            raise ConversionError(Problem(str(folder / FILE), f"is damaged or no tokenizer: {str(error)[:200]}")) from None
    try:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True).backend_tokenizer
    except Exception as error:  # not installed, or any of what its readers raise
        way = "save it with `AutoTokenizer.from_pretrained(...).save_pretrained(FOLDER)`, or import without (--without-tokenizer)"
        raise ConversionError(Problem(str(folder), f"has no {FILE}, and no other files of a tokenizer that can be read ({_short(error)}); {way}")) from None


def _short(error: Exception) -> str:
    return (str(error).strip().split("\n")[0] or type(error).__name__)[:120]


def _optional(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


# ---- writing


def write_tokenizer(folder: Path, tokenizer: Tokenizer, ends: bool) -> None:
    """tokenizer.json, tokenizer_config.json and special_tokens_map.json; `ends`: an encoder reads texts with the end of sentence behind them.

    Raises:
        ConversionError: it does in Python what the file cannot say.
    """
    if tokenizer.scheme is not None and tokenizer.scheme.segmenter() is not None:
        raise ConversionError(
            Problem("tokenizer", "cuts words in Python before it encodes (jieba), which tokenizer.json cannot say; export without a tokenizer")
        )
    data = json.loads(tokenizer.to_json())
    for ours in ("trained_as", "special_ids"):
        data["model"].pop(ours, None)
    if ends and tokenizer.special is None:
        data["post_processor"] = _ending(tokenizer)
    ids = {"pad": tokenizer.pad_id, "bos": tokenizer.bos_id, "eos": tokenizer.eos_id, "unk": tokenizer.unk_id}
    named = {f"{name}_token": tokenizer.token(i) for name, i in ids.items() if i >= 0}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **named, "clean_up_tokenization_spaces": False, "split_special_tokens": True}
    settings |= {"model_max_length": int(1e30)}  # what transformers takes for "no limit"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((FILE, data), (CONFIG, settings), ("special_tokens_map.json", named)):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _ending(tokenizer: Tokenizer) -> dict[str, Any]:
    """The post-processor that sets the end of sentence behind each text."""
    end = {"SpecialToken": {"id": tokenizer.token(tokenizer.eos_id), "type_id": 0}}
    texts = [{"Sequence": {"id": side, "type_id": 0}} for side in ("A", "B")]
    known = {"id": tokenizer.token(tokenizer.eos_id), "ids": [tokenizer.eos_id], "tokens": [tokenizer.token(tokenizer.eos_id)]}
    return {"type": "TemplateProcessing", "single": [texts[0], end], "pair": [texts[0], end, texts[1], end], "special_tokens": {known["id"]: known}}


def generation_ids(tokenizer: Tokenizer | None, has_encoder: bool) -> dict[str, Any]:
    """Special ids for config.json and generation_config.json; null without a tokenizer, for the classes' defaults are those of other vocabularies."""
    names = ("bos", "eos", "pad")
    if tokenizer is None:
        return {f"{name}_token_id": None for name in names}
    ids: dict[str, Any] = {f"{name}_token_id": _or_none(getattr(tokenizer, f"{name}_id")) for name in names}
    return ids | ({"decoder_start_token_id": ids["bos_token_id"]} if has_encoder else {})


def never_written(tokenizer: Tokenizer) -> list[int]:
    """What our searches never write."""
    return sorted({i for i in (tokenizer.pad_id, tokenizer.bos_id, tokenizer.unk_id) if i >= 0 and i != tokenizer.eos_id})


def _or_none(number: int) -> int | None:
    return None if number < 0 else number
