"""`anyformer data list | show | get`: the corpora known by name, and what is in one, or in your own files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyformer.cli import common
from anyformer.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from anyformer.data import Corpus
    from anyformer.data.named import NamedCorpus

EXAMPLES = """\
  anyformer data list
  anyformer data show multi30k --source en --target de
  anyformer data show my.en my.fr --count 10          own files, aligned by line
  anyformer data show pairs.tsv --source 2 --target 1
  anyformer data get phrasebook --out phrases          as text files
"""


GET_EXAMPLES = """\
  anyformer data get multi30k
  anyformer data get phrasebook --source en --target zh --out phrases
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "data", "list, show and get corpora", EXAMPLES)
    inner = parser.add_subparsers(metavar="list|show|get", required=True)

    listing = common.add_verb(inner, "list", "the corpora known by name")
    listing.add_argument("--json", action="store_true", help="a list of objects instead of lines")
    listing.set_defaults(handler=_list)

    show = common.add_verb(inner, "show", "counts, licence and first pairs of a corpus, cleaned with the default settings", EXAMPLES)
    show.add_argument("corpus", nargs="+", metavar="NAME|FILE", help="a name; or two files aligned by line; or one .tsv or .jsonl file; plain or gzip")
    _add_direction(show)
    show.add_argument("--split", choices=("train", "validation", "test"), default="train", help="whose pairs to show (default: train)")
    show.add_argument("--count", type=common.positive, default=5, metavar="N", help="how many pairs (default: 5)")
    show.add_argument("--json", action="store_true", help="an object instead of lines")
    show.set_defaults(handler=_show, rest="corpus")

    get = common.add_verb(inner, "get", "find or download a corpus, or write it as text files", GET_EXAMPLES)
    get.add_argument("corpus", metavar="NAME", help="a name that `anyformer data list` shows")
    _add_direction(get)
    get.add_argument("--out", type=Path, metavar="FOLDER", help="write one text file for each split and language into this folder")
    get.add_argument("--json", action="store_true", help="an object instead of lines")
    get.set_defaults(handler=_get)


def _add_direction(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", metavar="LANGUAGE", help="of a named corpus; of a file the column (number or name) or the JSON field")
    parser.add_argument("--target", metavar="LANGUAGE", help="likewise")


def _list(args: argparse.Namespace) -> int:
    from anyformer.data.named import CORPORA

    rows = [_info(corpus) | {"here": corpus.place(args.data_dir) is not None, "place": corpus.place(args.data_dir)} for corpus in CORPORA.values()]
    if args.json:
        common.print_json(rows)
        return 0
    for row in rows:
        place = f"  here: {row['place']}" if row["here"] else "  not here: `anyformer data get` finds it or says how"
        print(f"{row['name']}  {', '.join(row['languages'])}{place}\n    {row['description']}\n    licence: {row['licence']}; from {row['home']}")
    return 0


def _show(args: argparse.Namespace) -> int:
    from anyformer.data import DataConfig, load_splits
    from anyformer.data.named import CORPORA

    corpus = _corpus(args)
    splits = load_splits(DataConfig(corpus=corpus), args.data_dir)
    pairs = getattr(splits, args.split)[: args.count]
    named = CORPORA.get(args.corpus[0])
    info = {} if named is None else _info(named) | ({} if named.contents is None else {"contents": named.contents()})
    if args.json:
        common.print_json(info | splits.report.to_dict() | {"pairs": [{"source": s, "target": t} for s, t in pairs]})
        return 0
    print(splits.report.describe())
    if info:
        print(f"  {info['description']}\n  licence: {info['licence']}; from {info['home']}")
    if "contents" in info:
        print("\n".join(f"  {name}: {_shown(value)}" for name, value in info["contents"].items()))
    print(f"\nfirst pairs of {args.split}:" if pairs else f"\nno {args.split} pairs")
    for source, target in pairs:
        print(f"  {source}\n    {target}")
    return 0


def _get(args: argparse.Namespace) -> int:
    from anyformer.data.locate import cache_dir

    corpus = _named(args.corpus)
    out = args.out or (cache_dir() / corpus.name if corpus.generate else None)
    paths = _export(corpus, args, out) if out else list(corpus.fetch(corpus.languages, args.data_dir).values())
    if args.json:
        common.print_json(_info(corpus) | {"files": [str(path) for path in paths]})
        return 0
    print("\n".join(str(path) for path in paths))
    print(f"licence: {corpus.licence}")
    return 0


def _export(corpus: NamedCorpus, args: argparse.Namespace, out: Path) -> list[Path]:
    """Writes train.en, train.fr, ... and returns their paths; a file with another content is never written over."""
    from anyformer.data import Named
    from anyformer.data.locate import write_whole

    direction = _direction(corpus, args)
    texts = {
        out / f"{split}.{language}": "".join(f"{pair[side]}\n" for pair in pairs).encode()
        for split, pairs in Named(name=corpus.name, source=direction[0], target=direction[1]).read(args.data_dir).items()
        for side, language in enumerate(direction)
    }
    taken = [path for path, text in texts.items() if path.exists() and path.read_bytes() != text]
    if taken:
        raise InputError(*(Problem(str(path), "exists and holds something else; choose another --out") for path in taken))
    out.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        write_whole(path, text)
    return list(texts)


def _corpus(args: argparse.Namespace) -> Corpus:
    from anyformer.data import Jsonl, Named, TextFiles, Tsv
    from anyformer.data.named import CORPORA

    names = args.corpus
    if len(names) > 2:
        raise InputError(f"give a name, or one or two files; got {len(names)}: {' '.join(names)}")
    if len(names) == 2:
        return TextFiles(source=names[0], target=names[1])
    if names[0] in CORPORA or not Path(names[0]).exists() and not Path(names[0]).suffix:
        direction = _direction(_named(names[0]), args)
        return Named(name=names[0], source=direction[0], target=direction[1])
    if names[0].removesuffix(".gz").endswith((".jsonl", ".json", ".ndjson")):
        return Jsonl(path=names[0], source=args.source or "source", target=args.target or "target")
    return Tsv(path=names[0], source=_column(args.source or "1"), target=_column(args.target or "2"))


def _named(name: str) -> NamedCorpus:
    from anyformer.data.named import CORPORA

    if name not in CORPORA:
        raise InputError(f"no corpus is called '{name}'{nearest(name, CORPORA)}")
    return CORPORA[name]


def _direction(corpus: NamedCorpus, args: argparse.Namespace) -> tuple[str, str]:
    source = args.source or next(language for language in corpus.languages if language != args.target)
    return source, args.target or next(language for language in corpus.languages if language != source)


def _column(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{sum(value.values()):,} ({', '.join(f'{name} {n:,}' for name, n in value.items())})"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _info(corpus: NamedCorpus) -> dict[str, Any]:
    return {"name": corpus.name, "description": corpus.description, "languages": list(corpus.languages), "licence": corpus.licence, "home": corpus.home}
