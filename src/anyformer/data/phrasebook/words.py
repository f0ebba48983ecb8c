"""What the lexicon holds: one entry is one meaning, with all its forms in English, French and Chinese.

Entries are compared by identity, so they are cheap keys: each exists once, in `lexicon`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False, slots=True)
class Noun:
    """A noun, a name or a personal pronoun. `kind` is the class that verbs and adjectives select it by."""

    en: str
    en_plural: str
    fr: str
    fr_plural: str
    gender: str  # of the French noun, or of the person: "m" or "f"
    zh: str
    measure: str  # the Chinese measure word; "" for what is not counted
    kind: str
    person: int = 2  # an index into conjugations: je, tu, il/elle, nous, ils


@dataclass(frozen=True, eq=False, slots=True)
class Adjective:
    """`fr` has five forms: masculine, masculine before a vowel, feminine, masculine plural, feminine plural."""

    en: str
    en_comparative: str
    fr: tuple[str, str, str, str, str]
    fr_comparative: tuple[str, str, str, str, str] | None  # None: plus + adjective
    fr_before: bool  # stands before its noun
    zh: str  # before a noun, with its 的 where it takes one
    zh_predicate: str  # after 很 (or after 是 where it ends in 的)
    kinds: frozenset[str]  # nouns that it can describe

    @property
    def gradable(self) -> bool:
        return bool(self.en_comparative)


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """How somebody is: `tired`, or with avoir in French, `hungry` (avoir faim)."""

    en: str
    fr: tuple[str, str, str, str]  # masculine, feminine, and their plurals
    avoir: bool
    zh: str


@dataclass(frozen=True, eq=False, slots=True)
class FrenchVerb:
    infinitive: str
    present: tuple[str, str, str, str, str]  # je, tu, il/elle, nous, ils/elles
    future: str  # the stem that -ai, -as, -a, -ons, -ont are added to
    participle: str
    etre: bool = False  # passé composé with être
    reflexive: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Verb:
    """A verb, or a fixed phrase such as `play football` (then with what follows the verb in `_tail`)."""

    en: tuple[str, str, str, str]  # base, third person, past, -ing
    fr: FrenchVerb
    zh: str
    subjects: str = "human"  # or "animal": animals do it too
    tenses: tuple[str, ...] = ("present", "present", "past", "plan")
    stative: bool = False  # English has no progressive of it
    goal: str = ""  # "to" or "at": takes a place as its complement
    en_tail: str = ""
    fr_tail: str = ""
    fr_de: bool = False  # its object follows `de`: avoir besoin de
    zh_progressive: str = ""  # 穿着; otherwise 正在 + verb


@dataclass(frozen=True, eq=False, slots=True)
class Modal:
    en: tuple[str, str]  # base, third person
    fr: tuple[str, str, str, str, str]
    zh: str
    zh_negative: str
    auxiliary: bool = False  # must, can: no do-support and no `to`


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """`en`/`fr`/`zh_at` say where something happens, `en_to` where somebody goes, `fr_from` where somebody comes from."""

    name: str
    en: str
    en_to: str
    fr: str
    zh: str
    zh_at: str
    kind: str
    fr_from: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Time:
    en: str
    fr: str
    zh: str
    tense: str  # the tense it asks for, or "habit"


@dataclass(frozen=True, eq=False, slots=True)
class Phrase:
    """A word or expression that has one form in each language."""

    en: str
    fr: str
    zh: str


@dataclass(frozen=True, eq=False, slots=True)
class Profession:
    en: str
    fr: tuple[str, str]  # masculine, feminine
    zh: str


@dataclass(frozen=True, eq=False, slots=True)
class Weather:
    """Whole clauses by tense: past, present, future. In English and French the place follows, in Chinese it comes before."""

    en: tuple[str, str, str]
    fr: tuple[str, str, str]
    zh: tuple[str, str, str]
    habit: tuple[str, str, str]  # English, French (with {} for the adverb), Chinese
