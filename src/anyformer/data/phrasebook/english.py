"""English: a/an, the third person -s, do-support, the progressive, irregular plurals and verbs."""

from __future__ import annotations

from functools import cache

from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.words import Noun, Time, Verb

_OBJECT = {"I": "me", "you": "you", "he": "him", "she": "her", "we": "us", "they": "them"}
_SMALL = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_NOT = {"am": "am not", "must": "must not", "can": "can't", "will": "won't"}
_DONT = {base: f"{base}n't" for base in ("is", "are", "was", "were", "do", "does", "did")} | _NOT


def numeral(n: int) -> str:
    """0 to 100 in words."""
    if n < 20:
        return _SMALL[n]
    tens, ones = divmod(n, 10)
    if n == 100:
        return "one hundred"
    return _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")


def _a(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


@cache
def noun_phrase(np: s.NP) -> str:
    if not np.det:
        return np.noun.en
    words = np.noun.en_plural if np.plural else np.noun.en
    if np.adjective:
        words = f"{np.adjective.en} {words}"
    number = f"{numeral(np.number)} " if np.number else ""
    match np.det:
        case "a":
            return _a(words)
        case "bare":
            return words
        case "number":
            return number + words
        case "this":
            return f"{'these' if np.plural else 'this'} {words}"
        case "of" if np.owner:
            return f"{noun_phrase(np.owner)}'s {words}"
        case det:
            return f"{det} {number}{words}"


def _object(np: s.NP) -> str:
    return _OBJECT[np.noun.en] if np.noun.kind == "pronoun" else noun_phrase(np)


def _agreement(np: s.NP) -> int:
    """0: I, 1: third person singular, 2: all others."""
    if np.many:
        return 2
    return (0, 2, 1)[np.noun.person]


def _be(tense: str, agreement: int) -> str:
    return {"present": ("am", "is", "are"), "past": ("was", "was", "were"), "future": ("will", "will", "will")}[tense][agreement]


@cache
def _verb_group(verb: Verb, tense: str, progressive: bool, agreement: int, support: bool) -> tuple[str, str]:
    """The auxiliary ("" if none) and the main verb; `support`: a negation or a question needs an auxiliary."""
    base, third, past, ing = verb.en
    if progressive:
        return _be("present", agreement), ing
    if tense == "future":
        return "will", base
    if tense == "plan":
        return _be("present", agreement), f"going to {base}"
    if not support:
        return "", past if tense == "past" else third if agreement == 1 else base
    return "did" if tense == "past" else "does" if agreement == 1 else "do", base


def _modal_group(a: s.Action, agreement: int, support: bool) -> tuple[str, str]:
    assert a.modal
    base, third = a.modal.en
    if a.modal.auxiliary:
        return base, a.verb.en[0]
    if support:
        return "does" if agreement == 1 else "do", f"{base} to {a.verb.en[0]}"
    return "", f"{third if agreement == 1 else base} to {a.verb.en[0]}"


def _action(a: s.Action) -> str:
    agreement = _agreement(a.subject)
    support = a.negative or bool(a.question)
    auxiliary, main = _modal_group(a, agreement, support) if a.modal else _verb_group(a.verb, a.tense, a.progressive, agreement, support)
    if a.negative:
        auxiliary = _DONT[auxiliary]
    subject = noun_phrase(a.subject)
    words = [auxiliary, subject] if a.question else [subject, auxiliary]
    if a.question in ("what", "where"):
        words.insert(0, a.question)
    words += (a.frequency.en if a.frequency else "", main, a.verb.en_tail)
    if a.recipient and a.recipient.noun.kind == "pronoun":
        words.append(_object(a.recipient))
    if a.plain_object:
        words.append(_object(a.plain_object))
    if a.recipient and a.recipient.noun.kind != "pronoun":
        words.append(f"to {noun_phrase(a.recipient)}")
    if a.place:
        words.append(a.place.en_to if a.verb.goal == "to" else a.place.en)
    if a.time:
        words.append(a.time.en)
    return " ".join(word for word in words if word) + ("?" if a.question else "")


def _copula(subject: s.NP, tail: str, tense: str = "present", negative: bool = False, question: bool = False) -> str:
    be = _be(tense, _agreement(subject))
    if negative:
        be = _DONT[be]
    if tense == "future":
        tail = f"be {tail}"
    name = noun_phrase(subject)
    return f"{be} {name} {tail}?" if question else f"{name} {be} {tail}"


def _location(x: s.Location) -> str:
    if x.place is None:
        return f"where {_be('present', _agreement(x.subject))} {noun_phrase(x.subject)}?"
    return _copula(x.subject, x.place.en + _after(x.time), x.tense, question=x.question)


def _after(time: Time | None) -> str:
    return f" {time.en}" if time else ""


def _existence(x: s.Existence) -> str:
    be = "are" if x.thing.plural else "is"
    if x.negative:
        return f"there {be} no {x.thing.noun.en_plural if x.thing.plural else x.thing.noun.en} {x.place.en}"
    tail = f"{noun_phrase(x.thing)} {x.place.en}"
    if x.question and x.thing.det == "some":
        tail = "any " + tail.removeprefix("some ")
    return f"{be} there {tail}?" if x.question else f"there {be} {tail}"


def _quality(x: s.Quality) -> str:
    return _copula(x.subject, ("very " if x.very else "") + x.adjective.en, "present", x.negative, x.question)


def _feeling(x: s.Feeling) -> str:
    return _copula(x.subject, ("very " if x.very else "") + x.state.en + _after(x.time), x.tense, x.negative, x.question)


def _comparison(x: s.Comparison) -> str:
    other = noun_phrase(x.other)
    return _copula(x.subject, f"as {x.adjective.en} as {other}" if x.equal else f"{x.adjective.en_comparative} than {other}")


def _occupation(x: s.Occupation) -> str:
    return _copula(x.subject, _a(x.profession.en), "present", x.negative, x.question)


def _simple(subject: s.NP, forms: tuple[str, str], tail: str, negative: bool = False, question: bool = False) -> str:
    """A clause in the simple present."""
    third, name = _agreement(subject) == 1, noun_phrase(subject)
    do = "does" if third else "do"
    if question:
        return f"{do} {name} {forms[0]} {tail}?"
    return f"{name} {do}n't {forms[0]} {tail}" if negative else f"{name} {forms[third]} {tail}"


def _origin(x: s.Origin) -> str:
    return _simple(x.subject, ("come", "comes"), f"from {x.place.en.removeprefix('in ')}", question=x.question)


def _generic(noun: Noun) -> str:
    return noun.en_plural


def _liking(x: s.Liking) -> str:
    if x.verb is None:
        return _copula(x.subject, f"afraid of {_generic(x.kind)}", "present", x.negative, x.question)
    return _simple(x.subject, x.verb.en[:2], _generic(x.kind), x.negative, x.question)


def _preference(x: s.Preference) -> str:
    return _simple(x.subject, ("prefer", "prefers"), f"{_generic(x.kind)} to {_generic(x.other)}")


def _age(x: s.Age) -> str:
    if not x.years:
        return f"how old {_be('present', _agreement(x.subject))} {noun_phrase(x.subject)}?"
    return _copula(x.subject, f"{numeral(x.years)} years old")


def _price(x: s.Price) -> str:
    if not x.euros:
        return f"how much {'do' if x.subject.many else 'does'} {noun_phrase(x.subject)} cost?"
    return f"{noun_phrase(x.subject)} {'cost' if x.subject.many else 'costs'} {numeral(x.euros)} euros"


def _how_many(x: s.HowMany) -> str:
    auxiliary, main = _verb_group(x.verb, x.tense, False, _agreement(x.subject), True)
    return f"how many {x.noun.en_plural} {auxiliary} {noun_phrase(x.subject)} {main}?"


def _relative(x: s.Relative) -> str:
    noun = x.noun.en_plural if x.plural else x.noun.en
    return f"the {noun} that {noun_phrase(x.subject)} {x.verb.en[2]} {'are' if x.plural else 'is'} {x.adjective.en}"


def _occasion(x: s.Occasion) -> str:
    return f"today is {noun_phrase(x.owner)}'s birthday, so {_action(x.action)}"


def _time_of_day(hour: int, minutes: int) -> str:
    match minutes:
        case 15:
            return f"a quarter past {numeral(hour)}"
        case 30:
            return f"half past {numeral(hour)}"
        case 45:
            return f"a quarter to {numeral(hour + 1)}"
    return f"{numeral(hour)} o'clock"


def _schedule(x: s.Schedule) -> str:
    thing = f"the {x.thing.en}" + (f" {x.city.en_to}" if x.city else "")
    if not x.hour:
        return f"what time does {thing} {x.verb.en[0]}?"
    return f"{thing} {x.verb.en[1]} at {_time_of_day(x.hour, x.minutes)}"


def _clock(x: s.Clock) -> str:
    return f"it is {_time_of_day(x.hour, x.minutes)}"


def _date(x: s.Date) -> str:
    date = f"{x.month.en} {x.day}"
    if x.weekday:
        return f"today is {x.weekday.en}, {date}"
    subject = f"{noun_phrase(x.owner)}'s birthday" if x.owner else f"the {x.event.en if x.event else ''}"
    return f"{subject} is on {date}" if x.day else f"when is {subject}?"


def _forecast(x: s.Forecast) -> str:
    clause = x.weather.habit[0].format(x.frequency.en) if x.frequency else x.weather.en[("past", "present", "future").index(x.tense)]
    return f"{clause} {x.city.en}{_after(x.time)}"


_CONSTRUCTIONS = {
    s.Action: _action,
    s.Location: _location,
    s.Existence: _existence,
    s.Quality: _quality,
    s.Feeling: _feeling,
    s.Comparison: _comparison,
    s.Occupation: _occupation,
    s.Origin: _origin,
    s.Liking: _liking,
    s.Preference: _preference,
    s.Age: _age,
    s.Price: _price,
    s.HowMany: _how_many,
    s.Relative: _relative,
    s.Occasion: _occasion,
    s.Schedule: _schedule,
    s.Clock: _clock,
    s.Date: _date,
    s.Forecast: _forecast,
}


def realise(sentence: s.Sentence) -> str:
    """The sentence in English, with its capital and its full stop or question mark."""
    text = _CONSTRUCTIONS[type(sentence)](sentence)  # type: ignore[operator]
    return text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")
