"""The abstract syntax: what a sentence says, before any language says it.

Each sentence type is one construction that all three realisers (`english`, `french`, `chinese`) know. A tree holds only
what is visible in every language, or what a convention of the realisers fixes.
"""

from __future__ import annotations

from typing import NamedTuple

from anyformer.data.phrasebook.words import Adjective, Modal, Noun, Phrase, Place, Profession, State, Time, Verb, Weather

POSSESSIVES = ("my", "your", "his", "her", "our", "their")
INDEFINITE = ("a", "some", "bare")  # what French turns into `de` under negation


class NP(NamedTuple):
    """A noun phrase. `det` is a, the, this, some, number, bare (mass), a possessive, of (with `owner`), or "" (names, pronouns)."""

    noun: Noun
    det: str = ""
    plural: bool = False
    adjective: Adjective | None = None
    number: int = 0
    owner: NP | None = None

    @property
    def person(self) -> int:
        """An index into conjugations: je, tu, il/elle, nous, ils/elles."""
        return 4 if self.plural else self.noun.person

    @property
    def gender(self) -> str:
        return self.noun.gender

    @property
    def many(self) -> bool:
        return self.plural or self.noun.person > 2


class Action(NamedTuple):
    """Somebody does something: the tenses, negation and questions of all lexical verbs."""

    subject: NP
    verb: Verb
    tense: str = "present"  # past, present, future (will), plan (is going to)
    object: NP | None = None
    recipient: NP | None = None
    place: Place | None = None
    time: Time | None = None
    frequency: Phrase | None = None
    negative: bool = False
    question: str = ""  # "", "whether", "what", "where"
    modal: Modal | None = None

    @property
    def habitual(self) -> bool:
        return self.frequency is not None or (self.time is not None and self.time.tense == "habit")

    @property
    def progressive(self) -> bool:
        """English and Chinese mark what is going on now; habits, wishes and states they leave unmarked."""
        if self.tense != "present" or self.verb.stative or self.modal or self.habitual:
            return False
        return not (self.negative and self.object)

    @property
    def plain_object(self) -> NP | None:
        """The object as English and Chinese have it: they leave out `some` in a habit (reads books, every day)."""
        if self.object and self.object.det == "some" and self.habitual:
            return self.object._replace(det="bare")
        return self.object


class Location(NamedTuple):
    """Where somebody or something is; without a place: the question where."""

    subject: NP
    place: Place | None
    time: Time | None = None
    tense: str = "present"
    question: bool = False


class Existence(NamedTuple):
    """There is a cat on the chair."""

    thing: NP
    place: Place
    negative: bool = False
    question: bool = False


class Quality(NamedTuple):
    subject: NP
    adjective: Adjective
    very: bool = False
    negative: bool = False
    question: bool = False


class Feeling(NamedTuple):
    subject: NP
    state: State
    tense: str = "present"
    time: Time | None = None
    very: bool = False
    negative: bool = False
    question: bool = False


class Comparison(NamedTuple):
    """The dog is bigger than the cat; with `equal`: as big as."""

    subject: NP
    adjective: Adjective
    other: NP
    equal: bool = False


class Occupation(NamedTuple):
    subject: NP
    profession: Profession
    negative: bool = False
    question: bool = False


class Origin(NamedTuple):
    subject: NP
    place: Place
    question: bool = False


class Liking(NamedTuple):
    """Somebody likes a kind of thing: cats, coffee. `verb` None: is afraid of."""

    subject: NP
    verb: Verb | None
    kind: Noun
    negative: bool = False
    question: bool = False


class Preference(NamedTuple):
    subject: NP
    kind: Noun
    other: Noun


class Age(NamedTuple):
    subject: NP
    years: int  # 0: the question how old


class Price(NamedTuple):
    subject: NP
    euros: int  # 0: the question how much


class HowMany(NamedTuple):
    subject: NP
    verb: Verb
    noun: Noun
    tense: str


class Relative(NamedTuple):
    """The dress that Marie bought is beautiful."""

    noun: Noun
    plural: bool
    subject: NP
    verb: Verb
    adjective: Adjective


class Occasion(NamedTuple):
    """Today is Marie's birthday, so ...: the one place where to him and to her can be told apart in French."""

    owner: NP
    action: Action


class Schedule(NamedTuple):
    """The museum opens at half past nine."""

    thing: Phrase
    city: Place | None
    verb: Verb
    hour: int  # 1 to 11; 0: the question when
    minutes: int = 0  # 0, 15, 30 or 45


class Clock(NamedTuple):
    hour: int
    minutes: int


class Date(NamedTuple):
    """When somebody's birthday (`owner`) or an event is; with a weekday instead: what day it is today."""

    month: Phrase
    day: int
    owner: NP | None = None
    event: Phrase | None = None
    weekday: Phrase | None = None


class Forecast(NamedTuple):
    weather: Weather
    tense: str
    city: Place
    time: Time | None = None
    frequency: Phrase | None = None


Sentence = (
    Action
    | Location
    | Existence
    | Quality
    | Feeling
    | Comparison
    | Occupation
    | Origin
    | Liking
    | Preference
    | Age
    | Price
    | HowMany
    | Relative
    | Occasion
    | Schedule
    | Clock
    | Date
    | Forecast
)


class UnsayableError(ValueError):
    """A tree that a language cannot say without losing a distinction that another language makes."""
