"""`anyformer generate RUN --prompt "..."`: text from any model that has a decoder, as it is written."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from anyformer.cli import common, search_options, textio

EXAMPLES = """\
  anyformer generate runs/x --prompt "Once upon a time"
  anyformer generate runs/x --prompt "Once upon a time" --temperature 0.8 --top-p 0.95 --seed 7
  anyformer generate runs/x --prompt "Once upon a time" --beam 5 --n-best 3 --scores
  anyformer generate runs/x --input prompts.txt --json
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "generate", "continue a text with a trained or imported model", EXAMPLES)
    parser.add_argument("model", metavar="RUN", help="a run folder")
    parser.add_argument("--prompt", action="append", default=[], metavar="TEXT", help="what to go on from; may be given more than once")
    parser.add_argument("--input", type=Path, metavar="FILE", help="a prompt a line (default: the lines of standard input)")
    parser.add_argument("--output", type=common.output_path, metavar="FILE", help="where the texts go (default: standard output)")
    parser.add_argument("--echo", action="store_true", help="print the prompt before its continuation")
    parser.add_argument("--scores", action="store_true", help="print prompt number, rank, score and text, separated by tabs")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each prompt")
    common.add_model_options(parser)
    search_options.add(parser)
    parser.set_defaults(handler=_generate)


def _generate(args: argparse.Namespace) -> None:
    common.refuse_both(args, "prompt", "input")
    run = common.open_run(args)
    search = search_options.given(args)
    prompts = list(textio.lines(args.prompt, args.input))
    plain = not (args.json or args.scores or args.n_best or args.output)
    if plain and len(prompts) == 1 and search.get("beam", 1) == 1:
        _stream(run, prompts[0], search, args.echo)
        return
    with textio.output(args.output) as out:
        for number, prompt in enumerate(prompts, 1):
            found = run.generate([prompt], **search)[0]
            out.write(_shown(args, number, prompt, found if args.n_best else found[:1]))
            out.flush()


def _stream(run: Any, prompt: str, search: dict[str, Any], echo: bool) -> None:
    """Writes the text while it is made."""

    started = echo

    def tell(text: str) -> None:
        nonlocal started
        sys.stdout.write(text if started else text.lstrip(" "))
        sys.stdout.flush()
        started = True

    if echo:
        tell(prompt)
    run.generate([prompt], on_text=tell, **search)
    tell("\n")


def _shown(args: argparse.Namespace, number: int, prompt: str, ranked: list[Any]) -> str:
    before = prompt if args.echo else ""
    if args.json:
        continuations = [{"rank": i, "score": c.score, "text": c.text} for i, c in enumerate(ranked, 1)]
        return common.json_line({"number": number, "prompt": prompt, "continuations": continuations})
    texts = [before + c.text if args.echo else c.text.lstrip(" ") for c in ranked]
    if not args.scores:
        return "".join(f"{text}\n" for text in texts)
    lines = [" ".join(text.split("\n")) for text in texts]
    return "".join(f"{number}\t{rank}\t{c.score:.4f}\t{line}\n" for rank, (c, line) in enumerate(zip(ranked, lines, strict=True), 1))
