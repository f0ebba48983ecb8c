"""Pieces as people read them: whole letters where a piece is only some bytes of one, visible spaces."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache

import tokenizers

from anyformer.text.vocabulary import byte_of


def labels(tokens: Sequence[str], ids: Sequence[int], special: Collection[int], byte_level: bool) -> list[str]:
    """A label for each token: the characters that it is part of, with `[1/3]` for the first of three parts of one."""
    made = [""] * len(tokens)
    start = 0
    while start < len(tokens):
        if ids[start] in special:
            made[start] = tokens[start]
            start += 1
            continue
        end = next((i for i in range(start, len(tokens)) if ids[i] in special), len(tokens))
        made[start:end] = _of_bytes([_bytes(token, byte_level) for token in tokens[start:end]])
        start = end
    return made


def is_byte_level(backend: tokenizers.Tokenizer) -> bool:
    """Whether the vocabulary writes bytes as letters, in the manner of GPT-2."""
    return "ByteLevel" in repr(backend.decoder)


def _bytes(token: str, byte_level: bool) -> bytes:
    if byte_level:
        return bytes(byte_letters()[c] for c in token)
    byte = byte_of(token)
    return token.encode() if byte is None else bytes([byte])


def _of_bytes(chunks: list[bytes]) -> list[str]:
    """The label of each chunk of one stretch of text."""
    owner = [i for i, chunk in enumerate(chunks) for _ in chunk]  # byte -> the chunk it is in
    made = [""] * len(chunks)
    at = 0
    for character, length in _characters(b"".join(chunks)):
        parts = sorted(set(owner[at : at + length]))
        for n, chunk in enumerate(parts, 1):
            made[chunk] += character if len(parts) == 1 else f"{character}[{n}/{len(parts)}]"
        at += length
    return made


def _characters(data: bytes) -> list[tuple[str, int]]:
    """Each character as it is shown, and its length in bytes; bytes that are no UTF-8 show as `<0xE9>`."""
    found = data.decode("utf-8", "surrogateescape")
    return [(f"<0x{ord(c) - 0xDC00:02X}>", 1) if "\udc80" <= c <= "\udcff" else (_visible(c), len(c.encode())) for c in found]


def _visible(character: str) -> str:
    if character == " ":
        return "▁"
    return character if character.isprintable() else character.encode("unicode_escape").decode()


@cache
def byte_letters() -> dict[str, int]:
    """Letter -> byte, of GPT-2's table: printable bytes of Latin-1 are themselves, the others letters from U+0100 on in their order."""
    themselves = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in themselves]
    return {chr(b): b for b in themselves} | {chr(0x100 + n): b for n, b in enumerate(others)}
