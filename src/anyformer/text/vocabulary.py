"""Which ids mean what: the special tokens that every vocabulary begins with, then the named ones, then the bytes.

0 <pad>   1 <s> (begin)   2 </s> (end)   3 <unk>   then a scheme's own special tokens   then <0x00> ... <0xFF>   then the pieces
"""

from __future__ import annotations

import re

PAD, BOS, EOS, UNK = "<pad>", "<s>", "</s>", "<unk>"
SPECIAL_TOKENS = (PAD, BOS, EOS, UNK)
BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_NAMED = re.compile(r"<[^<>\s]*\w[^<>\s]*>")


def byte_of(token: str) -> int | None:
    """The byte that a byte token such as `<0xE9>` stands for; None for every other token."""
    found = _BYTE.fullmatch(token)
    return int(found[1], 16) if found else None


def reserved_tokens(named: tuple[str, ...], byte_fallback: bool) -> list[str]:
    """What stands before the learned pieces, in the order of ids."""
    return [*SPECIAL_TOKENS, *named, *(BYTE_TOKENS if byte_fallback else ())]


def problem_with_name(token: str) -> str | None:
    """Why `token` cannot be a named special token, or None.

    The brackets keep it apart from text: no piece that is learned from text crosses a `<` or a `>`.
    """
    if not _NAMED.fullmatch(token):
        return f"{token!r} must be written in angle brackets and without spaces, such as <extra_0>"
    if token in SPECIAL_TOKENS:
        return f"{token} is there already: every vocabulary begins with {' '.join(SPECIAL_TOKENS)}"
    if token in BYTE_TOKENS:
        return f"{token} is the name of a byte"
    return None
