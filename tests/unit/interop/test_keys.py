"""Reading config.json: what is used is marked, what is neither used nor inert is named."""

from __future__ import annotations

import pytest

from anyformer.errors import ConversionError
from anyformer.interop.hf.keys import INERT, Keys


def unread(keys: Keys) -> list[str]:
    return [p.path for p in keys.unread(INERT)]


def test_values_defaults_and_types() -> None:
    keys = Keys({"a": 3, "b": None, "c": 2, "list": [1, 2]})
    assert keys.take("a", int) == 3 and keys.take("b", int, 5) == 5 and keys.take("none", float, None) is None
    assert keys.take("c", float) == 2.0 and isinstance(keys.take("c", float), float) and keys.take("list", tuple[int, ...]) == (1, 2)
    assert keys.take_or_none("b", int, 5) is None and keys.take_or_none("gone", int, 5) == 5
    for name, kind, message in (("b", int, "b: is missing"), ("a", str, "a: expected a text, got 3"), ("a", bool, "expected true or false")):
        with pytest.raises(ConversionError, match=message):
            keys.take(name, kind)


def test_only_known_values() -> None:
    keys = Keys({"kind": "odd", "null": None})
    assert keys.expect("null", "even") == "even" and keys.expect("gone", False) is False
    with pytest.raises(ConversionError, match="kind: is 'odd', which is not supported; only 'even', 'plain'"):
        keys.expect("kind", "even", "plain")


def test_what_nobody_read_is_named_with_its_value() -> None:
    keys = Keys({"used": 1, "odd": 2, "null": None, "empty": {}, "use_cache": True, "is_decoder": False, "bos_token_id": 3, "quantization_config": {"bits": 4}})
    keys.take("used", int)
    assert unread(keys) == ["odd", "quantization_config"]
    assert "is 2, and" in str(next(keys.unread(INERT)))
    assert unread(Keys({"is_decoder": True})) == ["is_decoder"]


def test_within_a_mapping() -> None:
    keys = Keys({"rope": {"theta": 1.0, "odd": 2}})
    inner = keys.within("rope")
    assert inner is not None and inner.take("theta", float) == 1.0
    assert unread(keys) == ["rope.odd"] and keys.within("gone") is None
    with pytest.raises(ConversionError, match="expected a mapping"):
        Keys({"rope": 3}).within("rope")
