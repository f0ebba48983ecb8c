"""Text to ids and back, in one file that other tools read too."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken

from anyformer.errors import AnyformerError, InputError, Problem
from anyformer.text import pieces as readable
from anyformer.text.corpus import broken_text
from anyformer.text.scheme import Tokenization
from anyformer.text.vocabulary import BOS, EOS, PAD, SPECIAL_TOKENS

FILE = "tokenizer.json"
_SCHEME = "trained_as"  # in the "model" part of the file, where other readers pass over what they do not know
_SPECIAL = "special_ids"  # likewise, of another tool's tokenizer
_CHUNK = 4096  # texts encoded at a time: what Hugging Face makes of a text is many times its size


class Tokenizer:
    """Cuts text into pieces of a learned vocabulary; made by `scheme.train(texts)` or `Tokenizer.load(path)`.

    No special ids are added when encoding, and text never becomes one: `</s>` in a text is three signs and a letter.
    Ids 0 to 3 are always `<pad> <s> </s> <unk>`, but in an imported one, which says itself which they are.

    Attributes:
        scheme: what it was trained as; None if another tool has made it.
        special: which ids pad, begin, end and unknown have, where they are others; -1 for an unknown that there is not.
        vocab_size: number of ids, special ones included; also `len(tokenizer)`.
    """

    pad_id, bos_id, eos_id, unk_id = range(len(SPECIAL_TOKENS))

    def __init__(self, backend: tokenizers.Tokenizer, scheme: Tokenization | None = None, special: tuple[int, int, int, int] | None = None):
        backend.encode_special_tokens = True
        self.backend = backend
        self.scheme = scheme
        self.special = special
        if special is not None:
            self.pad_id, self.bos_id, self.eos_id, self.unk_id = special
        self.vocab_size: int = backend.get_vocab_size()
        self._segment = scheme.segmenter() if scheme else None

    # ---- text to ids

    def encode(self, text: str) -> list[int]:
        """The ids of a text.

        Raises:
            InputError: the text is no valid Unicode (half a surrogate pair).
        """
        try:
            return self.backend.encode(self._segment(text) if self._segment else text, add_special_tokens=False).ids
        except (TypeError, UnicodeEncodeError):
            raise broken_text(text, "text") from None

    def encode_batch(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of each text, on all cores."""
        texts = list(texts)
        ids: list[list[int]] = []
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            try:
                ready = [self._segment(text) for text in chunk] if self._segment else chunk
                ids += [encoding.ids for encoding in self.backend.encode_batch_fast(ready, add_special_tokens=False)]
            except (TypeError, UnicodeEncodeError):
                for number, text in enumerate(chunk, start + 1):
                    self._check(text, f"text {number}")
                raise
        return ids

    def normalize(self, text: str) -> str:
        """The text as it is seen: what `decode(encode(text))` gives back, where no piece is unknown."""
        return self.scheme.normalization.normalize(text) if self.scheme else self.decode(self.encode(text))

    # ---- ids to text

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids. Special ids are skipped, but for `<unk>`: a word that is lost must be seen.

        Raises:
            InputError: an id that is not in the vocabulary.
        """
        return str(self.backend.decode(self._known(ids), skip_special_tokens=True))

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        return list(self.backend.decode_batch([self._known(ids) for ids in batch], skip_special_tokens=True))

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """A readable label for each id: `▁` for a space, `é[1/2]` for a byte that is half of an é."""
        known = self._known(ids)
        return readable.labels([self.token(i) for i in known], special=self.special_ids.values(), ids=known, byte_level=readable.is_byte_level(self.backend))

    # ---- vocabulary

    def __len__(self) -> int:
        return self.vocab_size

    def token(self, id: int) -> str:
        """The piece as it stands in the file."""
        return str(self.backend.id_to_token(self._known([id])[0]))

    def id(self, token: str) -> int | None:
        """The id of a piece or special token as it stands in the file, or None."""
        found = self.backend.token_to_id(token)
        return None if found is None else int(found)

    @property
    def special_ids(self) -> dict[str, int]:
        """Special token -> id, the named ones too, but `<unk>`, which stands for text."""
        return {token.content: id for id, token in sorted(self.backend.get_added_tokens_decoder().items()) if token.special}

    @functools.cached_property
    def begin(self) -> list[int]:
        """The ids that a model has seen before each text: those of an imported tokenizer; none for our own."""
        return self._marks[0]

    @functools.cached_property
    def end(self) -> list[int]:
        """The ids that an encoder has seen behind each text: the end of sentence, but where an imported tokenizer sets others."""
        return self._marks[1] or [self.eos_id]

    @property
    def _marks(self) -> tuple[list[int], list[int]]:
        """What the file's own post-processor sets around a text; our own files have none."""
        marked = self.backend.encode("a", add_special_tokens=True)
        text = [i for i, special in enumerate(marked.special_tokens_mask) if not special]
        return (marked.ids[: text[0]], marked.ids[text[-1] + 1 :]) if text else ([], [])

    def _known(self, ids: Iterable[int]) -> list[int]:
        known = [int(i) for i in ids]
        if known and not (min(known) >= 0 and max(known) < self.vocab_size):
            wrong = next(i for i in known if not 0 <= i < self.vocab_size)
            raise InputError(f"id {wrong} is not in the vocabulary, which has the ids 0 to {self.vocab_size - 1}")
        return known

    def _check(self, text: str, where: str) -> None:
        try:
            self.backend.encode(text, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError):
            raise broken_text(text, where) from None

    # ---- files

    def to_json(self) -> str:
        """The content of tokenizer.json, in the format of Hugging Face `tokenizers`; what it was trained as stands in `model.trained_as`."""
        data = json.loads(self.backend.to_str())
        if self.scheme:
            data["model"] = {"type": data["model"]["type"], _SCHEME: self.scheme.to_dict()} | data["model"]
        if self.special:
            data["model"] = {"type": data["model"]["type"], _SPECIAL: list(self.special)} | data["model"]
        return json.dumps(data, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str, name: str = FILE) -> Tokenizer:
        """The tokenizer that `to_json` wrote; `name` is what errors call it."""
        try:
            data = json.loads(text)
            scheme, special = data["model"].pop(_SCHEME, None), data["model"].pop(_SPECIAL, None)
            backend = tokenizers.Tokenizer.from_str(json.dumps(data))
            if special is not None:
                return cls(backend, special=tuple(int(i) for i in special))  # type: ignore[arg-type]
            return _checked(cls(backend, None if scheme is None else Tokenization.from_dict(scheme, "model." + _SCHEME)), name)
        except AnyformerError as error:
            raise InputError(*(Problem(name, str(p)) for p in error.problems)) from None
        except Exception as error:  # the reader in Rust raises nothing narrower
            reason = str(error) or type(error).__name__
            raise InputError(
                Problem(name, f"is damaged or no tokenizer: {reason[:200]}; copy it anew, or train it again with `anyformer tokenizer train`")
            ) from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes one tokenizer.json, whole or not at all."""
        path = Path(path)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            beside.write_text(self.to_json(), encoding="utf-8", newline="\n")
            os.replace(beside, path)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Reads a tokenizer.json, or that of a folder.

        Raises:
            InputError: there is none, it is damaged, or it does not begin with `<pad> <s> </s> <unk>`.
        """
        path = Path(path) / FILE if Path(path).is_dir() else Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(Problem(str(path), "no such file; `anyformer tokenizer train` makes one")) from None
        except UnicodeDecodeError as error:
            raise InputError(Problem(str(path), f"is damaged or no tokenizer: not UTF-8 at byte {error.start}")) from None
        return cls.from_json(text, str(path))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.to_json() == other.to_json()

    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return Tokenizer.from_json, (self.to_json(),)

    def __repr__(self) -> str:
        return f"Tokenizer({self.scheme.kind() if self.scheme else 'of another tool'}, vocab_size={self.vocab_size})"


def assemble(
    scheme: Tokenization,
    model: tokenizers.models.Model,
    *,
    normalizer: Sequence[tokenizers.normalizers.Normalizer] = (),
    pre_tokenizer: tokenizers.pre_tokenizers.PreTokenizer | None = None,
    decoder: Sequence[tokenizers.decoders.Decoder] = (),
) -> Tokenizer:
    """A tokenizer from its parts; special tokens are named to Hugging Face, but for <unk>, which stands for text."""
    backend = tokenizers.Tokenizer(model)
    if normalizer:
        backend.normalizer = tokenizers.normalizers.Sequence(list(normalizer))
    if pre_tokenizer is not None:
        backend.pre_tokenizer = pre_tokenizer
    backend.decoder = tokenizers.decoders.Sequence(list(decoder))
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in (PAD, BOS, EOS, *scheme.special_tokens)])
    return Tokenizer(backend, scheme)


def _checked(tokenizer: Tokenizer, name: str) -> Tokenizer:
    """`tokenizer`, if its ids mean what the whole package takes them to mean."""
    found = [tokenizer.backend.id_to_token(i) for i in range(len(SPECIAL_TOKENS))]
    if tuple(found) != SPECIAL_TOKENS:
        raise InputError(Problem(name, f"ids 0 to 3 must be {' '.join(SPECIAL_TOKENS)}, not {' '.join(str(t) for t in found)}"))
    if any(tokenizer.backend.id_to_token(i) is None for i in range(tokenizer.vocab_size)):
        raise InputError(Problem(name, f"the {tokenizer.vocab_size:,} ids have gaps"))
    return tokenizer
