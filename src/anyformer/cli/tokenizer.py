"""`anyformer tokenizer train | show | encode | decode | stats`: learn a vocabulary, look into it, use it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyformer.cli import common, textio
from anyformer.errors import ConfigError, InputError, Problem, counted, nearest

if TYPE_CHECKING:
    from anyformer.text import Tokenization, Tokenizer

KINDS = ("BPE", "ByteLevelBPE", "Unigram", "Word", "Character", "Byte")

EXAMPLES = """\
  anyformer tokenizer train a.en a.fr --vocab-size 8000 --lowercase
  anyformer tokenizer show tokenizer.json
  anyformer tokenizer encode tokenizer.json "A man is riding a bicycle."
  anyformer tokenizer encode runs/x --ids < text.txt | anyformer tokenizer decode runs/x
  anyformer tokenizer stats tokenizer.json a.en a.fr
"""

TRAIN_EXAMPLES = """\
  anyformer tokenizer train a.en a.fr --vocab-size 8000 --lowercase
  anyformer tokenizer train chinese.txt.gz --kind unigram --coverage 0.9995 --out zh.json
  zcat big.gz | head -1000000 | anyformer tokenizer train - --kind bpe --vocab-size 32000
"""

ENCODE_EXAMPLES = """\
  anyformer tokenizer encode tokenizer.json "A man is riding a bicycle."
  anyformer tokenizer encode runs/x --side target --json "Un homme fait du vélo."
  anyformer tokenizer encode tokenizer.json --ids < text.txt > ids.txt
"""

DECODE_EXAMPLES = """\
  anyformer tokenizer decode tokenizer.json 262 301 290
  anyformer tokenizer decode tokenizer.json < ids.txt
"""

PATH_HELP = "a tokenizer.json, or a run folder that holds one"


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "tokenizer", "learn a vocabulary from text, look into it, encode and decode", EXAMPLES)
    inner = parser.add_subparsers(metavar="train|show|encode|decode|stats", required=True)
    _register_train(inner)

    show = common.add_verb(
        inner, "show", "what a tokenizer is, and some of its pieces", "  anyformer tokenizer show tokenizer.json\n  anyformer tokenizer show runs/x --json\n"
    )
    show.add_argument("path", type=Path, metavar="PATH", help=PATH_HELP)
    show.add_argument("--json", action="store_true", help="an object instead of lines")
    show.set_defaults(handler=_show)

    encode = common.add_verb(inner, "encode", "text to pieces or ids, a line each", ENCODE_EXAMPLES)
    _add_path_and_side(encode)
    encode.add_argument("text", nargs="*", default=None, metavar="TEXT", help="one or more texts; without: the lines of standard input")
    form = encode.add_mutually_exclusive_group()
    form.add_argument("--ids", action="store_true", help="print ids instead of pieces")
    form.add_argument("--json", action="store_true", help="print an object a line: text, pieces, ids")
    encode.set_defaults(handler=_encode, rest="text")

    decode = common.add_verb(inner, "decode", "ids to text", DECODE_EXAMPLES)
    _add_path_and_side(decode)
    decode.add_argument(
        "ids",
        nargs="*",
        default=None,
        metavar="ID",
        help="the ids of one text; without: a text a line of standard input, its ids separated by spaces or commas",
    )
    decode.set_defaults(handler=_decode, rest="ids")

    stats = common.add_verb(
        inner,
        "stats",
        "how well a vocabulary fits texts",
        "  anyformer tokenizer stats tokenizer.json a.en a.fr\n  anyformer tokenizer stats runs/x --side target - --json < a.fr\n",
    )
    _add_path_and_side(stats)
    stats.add_argument("files", nargs="+", metavar="FILE", help="text files, a text a line, plain or .gz; - is standard input")
    stats.add_argument("--json", action="store_true", help="an object instead of lines")
    stats.set_defaults(handler=_stats, rest="files")


def _register_train(inner: Any) -> None:
    train = common.add_verb(inner, "train", "learn a vocabulary from text files", TRAIN_EXAMPLES)
    train.add_argument("files", nargs="+", metavar="FILE", help="text files, a text a line, plain or .gz; - is standard input")
    train.add_argument("--out", type=common.output_path, default=Path("tokenizer.json"), metavar="FILE", help="what to write (default: tokenizer.json)")
    train.add_argument("--overwrite", action="store_true", help="write even if the file exists")
    train.add_argument("--kind", default="BPE", metavar="KIND", help=f"one of {', '.join(KINDS)} (default: BPE)")
    train.add_argument(
        "--vocab-size",
        type=common.positive,
        metavar="N",
        help="number of ids, exactly, special ones included (default: 8000, or less where the texts cannot give it; word, character: all there are)",
    )
    train.add_argument(
        "--min-frequency", type=common.positive, metavar="N", help="learn only what stands in the text so often (default: 2; word, character: 1)"
    )
    train.add_argument(
        "--coverage", type=float, metavar="SHARE", help="share of the text whose characters the vocabulary must hold (default: 1; for Chinese 0.9995)"
    )
    train.add_argument("--no-byte-fallback", action="store_true", help="characters never seen become <unk> instead of their bytes")
    train.add_argument("--whole-numbers", action="store_true", help="learn numbers as words; otherwise each digit is a piece")
    train.add_argument("--chinese", choices=("characters", "jieba"), help="kind word: what a Chinese word is (default: a character)")
    train.add_argument("--special-token", action="append", metavar="<NAME>", help="a further special token; may be given more than once")
    train.add_argument("--lowercase", action="store_true", help="normalise to lower case")
    train.add_argument("--nfkc", action="store_true", help="normalise by Unicode's NFKC")
    train.add_argument("--moses-punctuation", action="store_true", help="normalise quotes, dashes, spaces and ellipses in the manner of Moses")
    train.add_argument("--collapse-whitespace", action="store_true", help="make each run of white space one space")
    train.add_argument("--json", action="store_true", help="print what was learned as an object")
    train.set_defaults(handler=_train, rest="files")


def _add_path_and_side(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", type=Path, metavar="PATH", help=PATH_HELP)
    parser.add_argument("--side", choices=("source", "target"), default="source", help="which tokenizer of a run that has two (default: source)")


# ---- train


def _train(args: argparse.Namespace) -> int:
    from anyformer.text import statistics, train_to_fit

    if args.out.exists() and not args.overwrite:
        raise InputError(Problem(str(args.out), "exists; give --overwrite to write over it, or another --out"))
    if not args.out.parent.is_dir():
        raise InputError(Problem(str(args.out.parent), "no such folder to write to"))
    scheme = _scheme(args)
    texts = list(_lines(args.files))
    tokenizer = scheme.train(texts) if args.vocab_size else train_to_fit(lambda smaller: smaller.train(texts), scheme)
    tokenizer.save(args.out)
    fit = statistics(tokenizer, texts)
    if args.json:
        common.print_json({"path": str(args.out)} | _summary(tokenizer) | {"statistics": fit.to_dict()})
    else:
        if (asked := scheme.to_dict().get("vocab_size")) not in (None, tokenizer.vocab_size):
            print(f"note: these texts cannot give {asked:,} pieces, so there are less; a --vocab-size is obeyed or refused", file=sys.stderr)
        learned = f"{counted(tokenizer.vocab_size, 'piece')}, learned from {counted(fit.texts, 'text')}"
        print(f"{args.out}: {scheme.kind()}, {learned}, {fit.pieces_per_word:.2f} pieces a word")
    return 0


def _scheme(args: argparse.Namespace) -> Tokenization:
    """The scheme that the options describe; an option that the kind does not have is an error."""
    from anyformer.text import Tokenization

    kind = {name.lower(): name for name in KINDS}.get(args.kind.lower().replace("-", "").replace("_", ""))
    if kind is None:
        raise ConfigError(Problem("--kind", f"unknown kind {args.kind!r}{nearest(args.kind, KINDS)}"))
    options: dict[str, tuple[str, Any]] = {
        "--vocab-size": ("vocab_size", args.vocab_size),
        "--min-frequency": ("min_frequency", args.min_frequency),
        "--coverage": ("character_coverage", args.coverage),
        "--no-byte-fallback": ("byte_fallback", False if args.no_byte_fallback else None),
        "--whole-numbers": ("split_digits", False if args.whole_numbers else None),
        "--chinese": ("chinese", args.chinese),
        "--special-token": ("special_tokens", args.special_token),
    }
    given = {option: pair for option, pair in options.items() if pair[1] is not None}
    fields = Tokenization.from_dict(kind).to_dict()
    problems = [Problem(option, f"kind {kind} has no such option") for option, (name, _) in given.items() if name not in fields]
    if problems:
        raise ConfigError(*problems)
    normalization = {name: getattr(args, name) for name in ("lowercase", "nfkc", "moses_punctuation", "collapse_whitespace")}
    return Tokenization.from_dict({"kind": kind, "normalization": normalization} | dict(given.values()))


def _lines(files: Iterable[str]) -> Iterator[str]:
    from anyformer.text import read_lines

    for file in files:
        yield from textio.lines([], None) if file == "-" else read_lines(file)


# ---- show, encode, decode, stats


def _show(args: argparse.Namespace) -> int:
    source, target = _load_both(args.path)
    summaries = [_summary(source)] if source is target else [{"side": side} | _summary(t) for side, t in (("source", source), ("target", target))]
    if args.json:
        common.print_json(summaries[0] if len(summaries) == 1 else summaries)
        return 0
    for number, summary in enumerate(summaries):
        if number:
            print()
        for name, value in summary.items():
            print(f"{name.replace('_', ' '):16} {_inline(value)}")
    return 0


def _summary(tokenizer: Tokenizer) -> dict[str, Any]:
    from anyformer.text.vocabulary import byte_of

    scheme = tokenizer.scheme.to_dict() if tokenizer.scheme else {"kind": None}
    special = {**tokenizer.special_ids, "<unk>": tokenizer.unk_id}
    learned = [i for i in range(tokenizer.vocab_size) if i not in special.values() and byte_of(tokenizer.token(i)) is None]
    labels = {i: tokenizer.pieces([i])[0] for i in learned}
    return {
        "kind": scheme.pop("kind"),
        "vocab_size": tokenizer.vocab_size,
        "special_tokens": dict(sorted(special.items(), key=lambda item: item[1])),
        "learned_pieces": len(learned),
        "first_pieces": [labels[i] for i in learned[:20]],
        "last_pieces": [labels[i] for i in learned[-20:]],
        "longest_pieces": sorted(labels.values(), key=lambda label: (-len(label), label))[:10],
        "options": {name: value for name, value in scheme.items() if name not in ("vocab_size", "special_tokens")},
    }


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_inline(v)}" for k, v in value.items() if k != "kind")
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _encode(args: argparse.Namespace) -> int:
    tokenizer = _load(args)
    for text in textio.lines(args.text, None):
        ids = tokenizer.encode(text)
        if args.json:
            print(json.dumps({"text": text, "pieces": tokenizer.pieces(ids), "ids": ids}, ensure_ascii=False))
        else:
            print(*(ids if args.ids else tokenizer.pieces(ids)))
    return 0


def _decode(args: argparse.Namespace) -> int:
    tokenizer = _load(args)
    for number, line in enumerate([" ".join(args.ids)] if args.ids else textio.lines([], None), 1):
        where = "ids" if args.ids else f"standard input:{number}"
        words = line.replace(",", " ").strip("[] ").split()
        wrong = next((word for word in words if not (word.isascii() and word.isdigit())), None)
        if wrong is not None:
            raise InputError(Problem(where, f"{wrong[:40]!r} is no id; ids are whole numbers"))
        try:
            print(tokenizer.decode(int(word) for word in words))
        except InputError as error:
            raise InputError(*(Problem(where, p.message) for p in error.problems)) from None
    return 0


def _stats(args: argparse.Namespace) -> int:
    from anyformer.text import statistics

    found = statistics(_load(args), _lines(args.files))
    if args.json:
        common.print_json(found.to_dict())
        return 0
    for name, value in found.to_dict().items():
        if name == "lengths":
            print("pieces a text    " + ", ".join(f"{'longest' if p == '100' else p + ' % have at most'} {n:,}" for p, n in value.items()))
        else:
            text = f"{value:.3%}" if name.endswith("share") else f"{value:.4f}" if isinstance(value, float) else f"{value:,}"
            print(f"{name.replace('_', ' '):21} {text}")
    return 0


def _load(args: argparse.Namespace) -> Tokenizer:
    source, target = _load_both(args.path)
    return source if args.side == "source" else target


def _load_both(path: Path) -> tuple[Tokenizer, Tokenizer]:
    from anyformer.text import Tokenizer, load_pair

    if path.is_dir():
        return load_pair(path)
    tokenizer = Tokenizer.load(path)
    return tokenizer, tokenizer
