"""The corpus: distinct sentence pairs in three splits, of which the test split holds out combinations of words.

Every word of the test split occurs in training, in the same form, but the combinations named by `held_out()` occur in the
test split alone: a model that gets them right has learnt what the words mean, not which sentences there are.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import NamedTuple

from anyformer.data.phrasebook import chinese, english, french, grammar
from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.lexicon import adjectives, nouns, places, times, verbs
from anyformer.data.phrasebook.words import Adjective, Noun, Place, Verb
from anyformer.errors import InputError, Problem, nearest

REALISERS = {"en": english.realise, "fr": french.realise, "zh": chinese.realise}
DEFAULT_SIZE = 60_000
_SMALLEST, _LARGEST = 2_000, 200_000

Pair = tuple[str, str]


class Splits(NamedTuple):
    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]


class HeldOut(NamedTuple):
    """Two words that only the test split has in one sentence, by their English base forms."""

    kind: str  # adjective-noun, verb-object, number-noun, noun-place, verb-place
    first: str
    second: str


_HELD_OUT = {
    "adjective-noun": (
        "red dress, blue hat, green bag, white cat, black umbrella, yellow chair, big dog, small bird, new car, old computer, beautiful house, "
        "expensive watch, cheap coat, heavy suitcase, comfortable bed, fresh peach, delicious pear, clever child, interesting book, good film, "
        "important letter, difficult question, fast train, famous painting, kind teacher, young doctor"
    ),
    "verb-object": (
        "eat apple, eat fish, drink juice, buy bread, buy skirt, sell bicycle, wear tie, wear shirt, read newspaper, write story, look key, "
        "find ticket, choose present, draw horse, wash sweater, repair computer, open window, close box, see elephant, watch monkey, "
        "invite neighbour, help girl, understand word, need knife, lend map, send photo"
    ),
    "number-noun": (
        "five egg, six pencil, seven book, eight orange, nine peach, ten photo, eleven tomato, twelve carrot, twenty ticket, three key, "
        "four horse, two rabbit, three dress, four lamp"
    ),
    "noun-place": "cat sofa, key table, book bag, dog garden, hat suitcase, phone bed",
    "verb-place": "work museum, study library, sing garden, run park, dance restaurant, return hotel, arrive hospital, live Japan",
}


def held_out() -> tuple[HeldOut, ...]:
    """The combinations that no training or validation sentence contains, in any form and in any role."""
    return tuple(HeldOut(kind, *pair.strip().split(" ")) for kind, pairs in _HELD_OUT.items() for pair in pairs.split(","))


_NUMBERS = {english.numeral(n): n for n in range(2, 21)}
_Word = Noun | Adjective | Verb | Place | int


def _words_named(name: str, part: str) -> tuple[_Word, ...]:
    """The lexicon entries that a held-out word stands for."""
    name = {"juice": "orange juice"}.get(name, name)
    match part:
        case "adjective":
            return (adjectives.ADJECTIVES[name],)
        case "number":
            return (_NUMBERS[name],)
        case "verb":
            everything = (*verbs.TRANSITIVE.values(), *verbs.GIVING.values(), *verbs.INTRANSITIVE.values(), *verbs.MOTION.values())
            return tuple(verb for verb in everything if verb.en[0] == name)
        case "place" if name not in nouns.COUNTED:
            return tuple(place for place in (*places.PUBLIC, *places.ROOMS, *places.COUNTRIES) if place.name == name)
    return (nouns.COUNTED[name],) if name in nouns.COUNTED else (nouns.MASS[name],)


def _partners() -> dict[_Word, frozenset[_Word]]:
    partners: dict[_Word, set[_Word]] = {}
    for kind, first, second in held_out():
        left, right = kind.split("-")
        firsts, seconds = _words_named(first, left), _words_named(second, right)
        for a in firsts:
            for b in seconds:
                partners.setdefault(a, set()).add(b)
                partners.setdefault(b, set()).add(a)
    return {word: frozenset(others) for word, others in partners.items()}


_PARTNERS = _partners()
_LANDMARKS = {spot: nouns.COUNTED[spot.name] for spot in places.SPOTS}  # next to the sofa: sofa


@cache
def _words_of_phrase(np: s.NP) -> tuple[_Word, ...]:
    noun = nouns.CONTENT.get(np.noun, np.noun)
    found: tuple[_Word, ...] = (noun,) if np.adjective is None else (noun, np.adjective)
    if np.number:
        found += (np.number,)
    return found + _words_of_phrase(np.owner) if np.owner else found


def _words_of(sentence: s.Sentence) -> list[_Word]:
    found: list[_Word] = []
    for part in sentence:
        kind = part.__class__
        if kind is s.NP:
            found += _words_of_phrase(part)  # type: ignore[arg-type]
        elif kind is s.Action:
            found += _words_of(part)  # type: ignore[arg-type]
        elif part in _LANDMARKS:
            found.append(_LANDMARKS[part])  # type: ignore[index]
        elif part in _PARTNERS and kind is not bool:
            found.append(part)  # type: ignore[arg-type]
    return found


def _held_out_in(sentence: s.Sentence) -> tuple[_Word, _Word] | None:
    """The first held-out combination whose two words are in the sentence."""
    found = _words_of(sentence)
    for word in found:
        partners = _PARTNERS.get(word)
        if partners:
            for other in found:
                if other in partners:
                    return word, other
    return None


_NO_MARKS = str.maketrans("", "", ".,?")


def _forms(text: str, language: str) -> set[str]:
    """The word forms of a text; of a Chinese one, its characters."""
    return set(text) if language == "zh" else set(text.translate(_NO_MARKS).split())


def _check(source: str, target: str, size: int) -> None:
    problems = [
        Problem(name, f"phrasebook has no language '{code}'{nearest(code, REALISERS)}")
        for name, code in (("source", source), ("target", target))
        if code not in REALISERS
    ]
    if source == target:
        problems.append(Problem("target", f"is '{target}' like the source: choose another of {', '.join(REALISERS)}"))
    if not _SMALLEST <= size <= _LARGEST:
        problems.append(Problem("size", f"is {size:,}: choose between {_SMALLEST:,} and {_LARGEST:,} sentence pairs"))
    if problems:
        raise InputError(*problems)


def splits(source: str = "en", target: str = "fr", seed: int = 0, size: int = DEFAULT_SIZE) -> Splits:
    """Training, validation and test pairs `(source, target)`, `size` in all (1,000 or a twentieth of validation, and of test).

    Any two of en, fr, zh. No sentence comes twice on either side, so each side is a function of the other, and the pairs
    of fr-en are those of en-fr turned round. The same seed gives the same pairs on every machine.
    """
    _check(source, target, size)
    turned = source > target
    first, second = sorted((source, target))
    share = min(1_000, size // 20)
    kept, candidates = _draw(first, second, seed, size - share)
    every = len(kept) // share
    validation = kept[: every * share : every]
    train = [pair for i, pair in enumerate(kept) if i % every or i >= every * share]
    test = _balanced(candidates, train, (first, second), share)
    parts = (train, validation, test)
    return Splits(*([(b, a) for a, b in part] for part in parts)) if turned else Splits(*parts)


def _draw(first: str, second: str, seed: int, count: int) -> tuple[list[Pair], dict[tuple[_Word, _Word], list[Pair]]]:
    """Distinct pairs without a held-out combination, and those with one, by combination."""
    one, other = REALISERS[first], REALISERS[second]
    seen: set[str] = set()
    kept: list[Pair] = []
    candidates: dict[tuple[_Word, _Word], list[Pair]] = {}
    for sentence in grammar.sentences(f"phrasebook {seed}"):
        try:
            pair = one(sentence), other(sentence)
        except s.UnsayableError:
            continue
        if pair[0] in seen or pair[1] in seen:
            continue
        seen.update(pair)
        combination = _held_out_in(sentence)
        if combination is not None:
            candidates.setdefault(combination, []).append(pair)
            continue
        kept.append(pair)
        if len(kept) == count:
            return kept, candidates
    raise AssertionError("sentences() never ends")


def _balanced(candidates: dict[tuple[_Word, _Word], list[Pair]], train: list[Pair], languages: tuple[str, str], count: int) -> list[Pair]:
    """Pairs whose words all occur in training, in turn from each combination, so that all are tested alike."""
    one, other = languages
    known = _forms("\n".join(a for a, _ in train), one), _forms("\n".join(b for _, b in train), other)
    rows = [[(a, b) for a, b in pairs if _forms(a, one) <= known[0] and _forms(b, other) <= known[1]] for pairs in candidates.values()]
    deepest = max(map(len, rows), default=0)
    return list(islice((row[i] for i in range(deepest) for row in rows if i < len(row)), count))


def info() -> dict[str, int | str | dict[str, int]]:
    """Counts for a look at the corpus: words by part of speech, constructions, pairs, held-out combinations."""
    tables = {
        "nouns": (nouns.COUNTED, nouns.RELATIVES, (nouns.PARENTS,), nouns.MASS),
        "names": (nouns.NAMES,),
        "pronouns": (nouns.PRONOUNS,),
        "verbs": (verbs.TRANSITIVE, verbs.GIVING, verbs.INTRANSITIVE, verbs.MOTION, verbs.LIKING, verbs.MODALS, verbs.OTHERS),
        "adjectives": (adjectives.ADJECTIVES, (adjectives.TALL,), adjectives.STATES),
        "professions": (adjectives.PROFESSIONS,),
        "places": (places.PUBLIC, places.ROOMS, places.CITIES, places.COUNTRIES),
        "numbers": (range(2, 100),),
        "times": (*(times.TIMES[tense] for tense in ("present", "past", "future", "habit")), times.FREQUENCIES, times.MONTHS, times.DAYS),
        "weather": (times.WEATHERS,),
    }
    words = {part: sum(map(len, rows)) for part, rows in tables.items()}
    share = 1_000
    combinations: dict[str, int] = {}
    for kind, _, _ in held_out():
        combinations[kind] = combinations.get(kind, 0) + 1
    return {
        "languages": ", ".join(REALISERS),
        "words": sum(words.values()),
        "words_by_part": words,
        "templates": len(grammar.CONSTRUCTIONS),
        "pairs": DEFAULT_SIZE,
        "train": DEFAULT_SIZE - 2 * share,
        "validation": share,
        "test": share,
        "held_out": len(held_out()),
        "held_out_by_kind": combinations,
    }
