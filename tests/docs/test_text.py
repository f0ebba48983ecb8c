"""What the documentation names is there: files, headings, commands, options, keys of recipes, names in the code."""

from __future__ import annotations

import argparse
import functools
import re
import shlex
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pages
import pytest

from anyformer import architectures
from anyformer.cli import app
from anyformer.data import HeldOut
from anyformer.data.phrasebook import DEFAULT_SIZE, held_out
from anyformer.model.model import Model
from anyformer.run import overrides, own_files, recipe, yaml12
from anyformer.run.recipe import Recipe
from anyformer.spec import Spec, field_types
from anyformer.text import Normalization
from anyformer.training import Rollback

SECTIONS = ("data", "tokenizer", "model", "objective", "train", "evaluate")

every_page = pytest.mark.parametrize("page", pages.PAGES, ids=[str(p.relative_to(pages.ROOT)) for p in pages.PAGES])


# ---- files


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in pages.links(page):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in pages.anchors(target), f"{page.name}: {link}; there is {sorted(pages.anchors(target))}"


@pytest.mark.parametrize("page", [pages.ROOT / "README.md", pages.ROOT / "README.zh-CN.md"], ids=["English", "Chinese"])
def test_tree_names_every_file(page: Path) -> None:
    [block] = [b for b in pages.blocks(page) if b.mark == "tree"]
    above: list[str] = []
    named = set()
    for line in block.code.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        assert name == "src/anyformer/" or line.split(maxsplit=1)[1:], f"{name} says nothing"
        above[depth:] = [name]
        named.add("".join(above))
    package = pages.ROOT / "src" / "anyformer"
    there = {p.relative_to(pages.ROOT).as_posix() for p in package.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    folders = {f"{p.rpartition('/')[0]}/" for p in there}
    wanted = {p for p in there if not p.endswith("/__init__.py")} | folders | {"src/anyformer/__init__.py"}
    assert named == wanted, f"{page.name} does not name {sorted(wanted - named)}, and names {sorted(named - wanted)}, which are not there"


# ---- commands


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """(where, arguments) of every `anyformer ...` in blocks and in the text; ends of lines such as `| head` are cut off."""
    for block in pages.blocks(page, "bash"):
        for line in block.commands():
            yield from ((block.where, arguments) for arguments in _calls(line))
    for span in pages.code_spans(page):
        yield from ((page.name, arguments) for arguments in _calls(span))


def _calls(line: str) -> Iterator[list[str]]:
    words = shlex.split(re.sub(r"^\$ ", "", line))
    for i, word in enumerate(words):
        if word == "anyformer" and (i == 0 or words[i - 1] in ("|", "-m")):
            arguments = words[i + 1 :]
            end = next((j for j, w in enumerate(arguments) if w in ("|", ">", "<", "&&", ";")), len(arguments))
            yield arguments[:end]


ALL_COMMANDS = [(page, where, arguments) for page in pages.ENGLISH for where, arguments in commands(page)]


@pytest.mark.parametrize(("page", "where", "arguments"), ALL_COMMANDS, ids=[f"{w}-{' '.join(a)}"[:80] for _, w, a in ALL_COMMANDS])
def test_commands_are_understood(page: Path, where: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    if not arguments or len(arguments) == 1 and not arguments[0].startswith("-"):  # a verb is named, not called
        assert set(arguments) <= set(app.VERBS)
        return
    read: list[argparse.Namespace] = []
    monkeypatch.setattr(app, "_run", lambda args: read.append(args) or 0)
    assert app.main(arguments) == 0, f"{where}: anyformer {' '.join(arguments)}\n{capsys.readouterr().err}"
    if arguments[0] not in ("train", "demo"):
        return
    [args] = read
    names, changes = [a for a in args.arguments if "=" not in a], overrides.read(a for a in args.arguments if "=" in a)
    known = {"demo": "phrasebook-en-fr"}.get(arguments[0], names[0] if names else "own-small")
    recipe.read_file("own-small" if known == "mine.yaml" else known, changes)


def test_every_verb_is_in_the_readme() -> None:
    for page in (pages.ROOT / "README.md", pages.ROOT / "README.zh-CN.md"):
        assert set(re.findall(r"^\| `anyformer (\w+)` \|", page.read_text(encoding="utf-8"), re.M)) == set(app.VERBS)


def test_defaults_that_the_text_gives_in_words() -> None:
    """If this fails, put training.md, data.md and tokenizers.md right, in both languages."""
    spikes = Rollback()
    assert (spikes.factor, spikes.window, spikes.limit) == (3.0, 128, 5)  # training.md, When training goes wrong
    assert (HeldOut().share, HeldOut().at_most) == (0.02, 2000)  # data.md, Validation
    assert own_files.LARGE == 20_000_000  # training.md, Recipes
    assert DEFAULT_SIZE == 60_000  # data.md, The phrasebook
    assert {("red", "dress"), ("four", "horse")} <= {(pair.first, pair.second) for pair in held_out()}  # likewise
    assert Normalization() == Normalization(moses_punctuation=False, nfkc=False, lowercase=False, collapse_whitespace=False)  # tokenizers.md


# ---- options, keys and names in the text


@functools.cache
def options() -> set[str]:
    def of(parser: argparse.ArgumentParser) -> Iterator[str]:
        for action in parser._actions:
            yield from action.option_strings
            if isinstance(action, argparse._SubParsersAction):
                for child in action.choices.values():
                    yield from of(child)

    return set(of(app._parser()))


@every_page
def test_options_exist(page: Path) -> None:
    named = {word.partition("=")[0] for span in pages.code_spans(page) if span.startswith("--") for word in span.split() if re.match(r"--\w", word)}
    assert named <= options(), f"{page.name}: {sorted(named - options())}"


def _leads_somewhere(hint: Any, names: list[str]) -> bool:
    """Whether dotted names lead to a field, by the types; any choice of a menu will do."""
    if not names:
        return True
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_leads_somewhere(h, names) for h in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return (names[0] == "*" or names[0].isdigit()) and _leads_somewhere(typing.get_args(hint)[0], names[1:])
    if not (isinstance(hint, type) and issubclass(hint, Spec)):
        return False
    return any(names[0] in field_types(c) and _leads_somewhere(field_types(c)[names[0]], names[1:]) for c in hint.menu().values())


def is_key(path: str) -> bool:
    section, *names = path.split(".")
    if section != "model":
        return names == ["kind"] or _leads_somewhere(field_types(Recipe)[section], names)
    arguments = {argument for name in architectures.known() for argument in architectures.arguments(name)} | {"architecture"}
    unrolled = [".".join(names).replace(".layers.", ".blocks.")]
    return names[0] in arguments or any(_leads_somewhere(Model.Config, p.split(".")) for p in unrolled)


def test_a_wrong_key_is_seen() -> None:
    assert is_key("train.step.accumulate") and is_key("model.encoder.blocks.*.attention.n_heads") and is_key("train.schedule.decay")
    assert not is_key("train.accumulate") and not is_key("model.encoder.blocks.*.n_heads") and not is_key("data.batch_size")


@every_page
def test_keys_of_recipes_exist(page: Path) -> None:
    keys = [span.partition("=")[0] for span in pages.code_spans(page) if re.match(rf"({'|'.join(SECTIONS)})\.[a-z]", span)]
    keys = [key for key in keys if not key.endswith((".json", ".safetensors"))]
    assert [key for key in keys if not is_key(key)] == [], page.name


@every_page
def test_pieces_of_recipes_are_accepted(page: Path) -> None:
    for block in pages.blocks(page, "yaml"):
        data = yaml12.parse(block.code).data
        changes = {f"{section}.{key}": value for section, fields in data.items() if "kind" not in fields for key, value in fields.items()}
        recipe.read_file("own-small", changes | {section: fields for section, fields in data.items() if "kind" in fields})


@functools.cache
def words_of_the_project() -> set[str]:
    places = [pages.ROOT / name for name in ("src", "tests/unit", "tests/e2e", "tests/support", "benchmarks", "Makefile", "pyproject.toml")]
    files = [p for place in places for p in ([place] if place.is_file() else place.rglob("*")) if p.suffix in (".py", ".yaml", ".toml", "")]
    texts = [p.read_text(encoding="utf-8") for p in files if p.is_file()]
    names = [p.relative_to(pages.ROOT).as_posix() for p in pages.ROOT.glob("*/**/*.py")]
    return {word for text in [*texts, *names] for word in re.findall(r"\w+", text)}


ELSEWHERE = {"git", "pip", "source", "bin", "activate", "install", "af", "help", "torchrun", "nproc"}  # words of other programs, and the usual alias


@every_page
def test_names_in_the_text_are_names_in_the_code(page: Path) -> None:
    """A renamed class, function, field or file is noticed where the text still has the old name."""
    spans = [span for span in pages.code_spans(page) if re.fullmatch(r"[\w./*-]+(\(\))?", span)]
    words = {word for span in spans for word in re.findall(r"[A-Za-z_]\w+", span)}
    unknown = {w for w in words if w not in words_of_the_project() and w not in ELSEWHERE and not re.fullmatch(r"step|\d+", w)}
    assert unknown == set(), page.name
