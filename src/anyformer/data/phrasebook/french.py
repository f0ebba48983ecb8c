"""French: gender and number, the place of adjectives, elision, contraction, negation, clitics, past participles.

Conventions where English or Chinese shows no difference: `you` is tu; people named by what they do (teacher, friend) are
masculine, and so are the first and second persons (Je suis fatigué); `they` is ils; yes/no questions take est-ce que.
A time opens a statement and closes a question. Where l' would hide whether it is him or her, the tree is declined.
"""

from __future__ import annotations

import re
from functools import cache

from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.lexicon.verbs import AVOIR, ETRE, MOTION, PREFER
from anyformer.data.phrasebook.words import FrenchVerb, Noun, Time

_GO = MOTION["go"].fr
_DIRECT = {"I": "me", "you": "te", "he": "le", "she": "la", "we": "nous", "they": "les"}
_INDIRECT = _DIRECT | {"he": "lui", "she": "lui", "they": "leur"}
_REFLEXIVE = ("me", "te", "se", "nous", "se")
_POSSESSIVE = {  # masculine, feminine, plural
    "my": ("mon", "ma", "mes"),
    "your": ("ton", "ta", "tes"),
    "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}
_FUTURE = ("ai", "as", "a", "ons", "ont")
_IMPERFECT = ("ais", "ais", "ait", "ions", "aient")
_SMALL = (
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
)
_TENS = ["-", "-", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"]

_VOWEL = "aeiouyéèêâîôœh"  # every h of the lexicon is mute
_ELISION = re.compile(rf"\b([jldnmts]|qu)[ea] (?!huit|onze)(?=[{_VOWEL}AEIÉ])")
_CONTRACTIONS = (("à le ", "au "), ("à les ", "aux "), ("de le ", "du "), ("de les ", "des "))


def numeral(n: int) -> str:
    """0 to 100 in words, counting what is masculine."""
    if n < 20:
        return _SMALL[n]
    if n == 100:
        return "cent"
    tens, ones = divmod(n, 10)
    if tens in (7, 9):  # soixante-dix, quatre-vingt-dix
        ones += 10
    if not ones:
        return _TENS[tens] + ("s" if tens == 8 else "")
    if ones in (1, 11) and tens < 8:
        return f"{_TENS[tens]} et {_SMALL[ones]}"
    return f"{_TENS[tens]}-{_SMALL[ones]}"


def _agree(word: str, gender: str, plural: bool) -> str:
    """A past participle with its e and its s."""
    if gender == "f":
        word += "e"
    return word + "s" if plural and not word.endswith("s") else word


def _form(forms: tuple[str, str, str, str], np: s.NP) -> str:
    """Of masculine, feminine and their plurals, the one that agrees."""
    return forms[2 * np.many + (np.gender == "f")]


def _index(gender: str, plural: bool) -> int:
    """Where an adjective's five forms have the one that agrees."""
    return {("m", False): 0, ("f", False): 2, ("m", True): 3, ("f", True): 4}[gender, plural]


@cache
def noun_phrase(np: s.NP, de: bool = False) -> str:
    """With `de`: what follows the preposition or the negation de, which swallows the indefinite and the partitive article."""
    if not np.det:
        return np.noun.fr
    noun = np.noun.fr_plural if np.plural else np.noun.fr
    before = after = ""
    if np.adjective:
        index = _index(np.gender, np.plural)
        if np.adjective.fr_before:
            before = np.adjective.fr[1 if index == 0 and noun[0] in _VOWEL else index] + " "
        else:
            after = " " + np.adjective.fr[index]
    words = before + noun + after
    article = _article(np, words, bool(before), de)
    owner = f" de {noun_phrase(np.owner)}" if np.owner else ""
    return article + words + owner


def _article(np: s.NP, words: str, adjective_first: bool, de: bool) -> str:
    feminine, vowel = np.gender == "f", words[0] in _VOWEL
    number = numeral(np.number) + " " if np.number else ""
    definite = "les " if np.plural else "la " if feminine else "le "
    match np.det:
        case "the" | "of":
            return definite
        case "a":
            return "une " if feminine else "un "
        case "some":
            return "" if de else "de " if adjective_first else "des "
        case "bare":
            return "" if de else "de " + definite
        case "this":
            return "ces " if np.plural else "cette " if feminine else "cet " if vowel else "ce "
        case "number":
            return number
        case possessor:
            masculine_form, feminine_form, plural_form = _POSSESSIVE[possessor]
            form = plural_form if np.plural else feminine_form if feminine and not vowel else masculine_form
            return f"{form} {number}"


def _conjugate(verb: FrenchVerb, tense: str, person: int) -> str:
    if tense == "present":
        return verb.present[person]
    if tense == "future":
        return verb.future + _FUTURE[person]
    return {"être": "ét", "avoir": "av"}[verb.infinitive] + _IMPERFECT[person]  # the past of a state


def _clause(subject: s.NP, verb: str, tail: str, negative: bool = False, clitic: str = "", negation: str = "pas", adverb: str = "") -> str:
    words = (noun_phrase(subject), "ne" if negative else "", clitic, verb, negation if negative else "", adverb, tail)
    return " ".join(word for word in words if word)


def _ask(clause: str, question: bool) -> str:
    return f"est-ce que {clause} ?" if question else clause


def _timed(clause: str, time: Time | None, question: bool = False) -> str:
    if not time:
        return _ask(clause, question)
    return _ask(f"{clause} {time.fr}", True) if question else f"{time.fr}, {clause}"


def _is_pronoun(np: s.NP | None) -> bool:
    return np is not None and np.noun.kind == "pronoun"


def _complements(a: s.Action, negative: bool) -> str:
    words = [a.verb.fr_tail]
    if a.object and not _is_pronoun(a.object):
        if a.verb.fr_de:
            words.append("de " + noun_phrase(a.object, de=True))
        elif negative and a.object.det in s.INDEFINITE:
            words.append("de " + noun_phrase(_without_article(a.object), de=True))
        else:
            words.append(noun_phrase(a.object))
    if a.recipient and not _is_pronoun(a.recipient):
        words.append("à " + noun_phrase(a.recipient))
    if a.place:
        words.append(a.place.fr)
    return " ".join(word for word in words if word)


def _without_article(np: s.NP) -> s.NP:
    return np._replace(det="bare") if np.det == "a" else np


def _action(a: s.Action) -> str:
    verb, person = a.verb.fr, a.subject.person
    never = a.frequency is not None and a.frequency.fr == "jamais"
    negative = a.negative or never
    clitic = _REFLEXIVE[person] if verb.reflexive else ""
    if a.object and _is_pronoun(a.object):
        clitic = _DIRECT[a.object.noun.en]
        if a.object.noun.person == 2 and verb.infinitive[0] in _VOWEL and (a.modal or a.tense != "past"):
            raise s.UnsayableError(f"l' before {verb.infinitive}: him or her")
    if a.recipient and _is_pronoun(a.recipient):
        clitic = _INDIRECT[a.recipient.noun.en]
    tail, adverb = _complements(a, negative), a.frequency.fr if a.frequency and not never else ""
    negation = "jamais" if never else "pas"
    if a.modal or a.tense == "plan":
        finite = a.modal.fr[person] if a.modal else _GO.present[person]
        clause = _clause(a.subject, finite, f"{clitic} {verb.infinitive} {tail}".strip(), negative, "", negation, adverb)
    elif a.tense == "past":
        participle = verb.participle
        if verb.etre or verb.reflexive:
            participle = _agree(participle, a.subject.gender, a.subject.many)
        elif a.object and _is_pronoun(a.object):
            participle = _agree(participle, a.object.gender, a.object.many)
        auxiliary = ETRE if verb.etre or verb.reflexive else AVOIR
        clause = _clause(a.subject, auxiliary.present[person], f"{participle} {tail}".strip(), negative, clitic, negation, adverb)
    else:
        clause = _clause(a.subject, _conjugate(verb, a.tense, person), tail, negative, clitic, negation, adverb)
    match a.question:
        case "what":
            return f"que {_timed(clause, a.time, True)}"
        case "where":
            return f"où {_timed(clause, a.time, True)}"
        case question:
            return _timed(clause, a.time, bool(question))


def _location(x: s.Location) -> str:
    if x.place is None:
        verb, name = ETRE.present[x.subject.person], noun_phrase(x.subject)
        return f"où est-ce que {name} {verb} ?" if _is_pronoun(x.subject) else f"où {verb} {name} ?"
    return _timed(_clause(x.subject, _conjugate(ETRE, x.tense, x.subject.person), x.place.fr), x.time, x.question)


def _existence(x: s.Existence) -> str:
    if x.negative:
        return f"il ne y a pas de {noun_phrase(x.thing._replace(det='bare'), de=True)} {x.place.fr}"
    return _ask(f"il y a {noun_phrase(x.thing)} {x.place.fr}", x.question)


def _quality(x: s.Quality) -> str:
    adjective = x.adjective.fr[_index(x.subject.gender, x.subject.many)]
    tail = f"très {adjective}" if x.very else adjective
    return _ask(_clause(x.subject, ETRE.present[x.subject.person], tail, x.negative), x.question)


def _feeling(x: s.Feeling) -> str:
    state = _form(x.state.fr, x.subject)
    verb = _conjugate(AVOIR if x.state.avoir else ETRE, x.tense, x.subject.person)
    return _timed(_clause(x.subject, verb, f"très {state}" if x.very else state, x.negative), x.time, x.question)


def _comparison(x: s.Comparison) -> str:
    index = _index(x.subject.gender, x.subject.many)
    adjective, other = x.adjective.fr[index], noun_phrase(x.other)
    if x.equal:
        tail = f"aussi {adjective} que {other}"
    elif x.adjective.fr_comparative:
        tail = f"{x.adjective.fr_comparative[index]} que {other}"
    else:
        tail = f"plus {adjective} que {other}"
    return _clause(x.subject, ETRE.present[x.subject.person], tail)


def _occupation(x: s.Occupation) -> str:
    return _ask(_clause(x.subject, ETRE.present[x.subject.person], x.profession.fr[x.subject.gender == "f"], x.negative), x.question)


_COME = ("viens", "viens", "vient", "venons", "viennent")


def _origin(x: s.Origin) -> str:
    return _ask(_clause(x.subject, _COME[x.subject.person], x.place.fr_from), x.question)


def _generic(noun: Noun) -> str:
    """A whole kind takes the definite article: les chats, le café."""
    return noun_phrase(s.NP(noun, "the", plural=bool(noun.measure)))


def _liking(x: s.Liking) -> str:
    if x.verb is None:
        return _ask(_clause(x.subject, AVOIR.present[x.subject.person], f"peur de {_generic(x.kind)}", x.negative), x.question)
    return _ask(_clause(x.subject, x.verb.fr.present[x.subject.person], _generic(x.kind), x.negative), x.question)


def _preference(x: s.Preference) -> str:
    return _clause(x.subject, PREFER.fr.present[x.subject.person], f"{_generic(x.kind)} à {_generic(x.other)}")


def _age(x: s.Age) -> str:
    verb = AVOIR.present[x.subject.person]
    if x.years:
        return _clause(x.subject, verb, f"{numeral(x.years)} ans")
    name = noun_phrase(x.subject)
    return f"quel âge est-ce que {name} {verb} ?" if _is_pronoun(x.subject) else f"quel âge {verb} {name} ?"


def _price(x: s.Price) -> str:
    verb = "coûtent" if x.subject.many else "coûte"
    return _clause(x.subject, verb, f"{numeral(x.euros)} euros") if x.euros else f"combien {verb} {noun_phrase(x.subject)} ?"


def _how_many(x: s.HowMany) -> str:
    person = x.subject.person
    verb = x.verb.fr.present[person]
    if x.tense == "past":
        verb = f"{AVOIR.present[person]} {_agree(x.verb.fr.participle, x.noun.gender, True)}"
    return f"combien de {x.noun.fr_plural} est-ce que {noun_phrase(x.subject)} {verb} ?"


def _relative(x: s.Relative) -> str:
    head = s.NP(x.noun, "the", x.plural)
    verb = f"{AVOIR.present[x.subject.person]} {_agree(x.verb.fr.participle, x.noun.gender, x.plural)}"
    adjective = x.adjective.fr[_index(x.noun.gender, x.plural)]
    return f"{noun_phrase(head)} que {noun_phrase(x.subject)} {verb} {'sont' if x.plural else 'est'} {adjective}"


def _occasion(x: s.Occasion) -> str:
    return f"aujourd'hui, c'est l'anniversaire de {noun_phrase(x.owner)}, alors {_action(x.action)}"


def _time_of_day(hour: int, minutes: int) -> str:
    hour += minutes == 45
    words = f"{'une' if hour == 1 else numeral(hour)} heure{'s' if hour > 1 else ''}"
    return words + {0: "", 15: " et quart", 30: " et demie", 45: " moins le quart"}[minutes]


def _schedule(x: s.Schedule) -> str:
    thing = x.thing.fr + (f" pour {x.city.fr.removeprefix('à ')}" if x.city else "")
    verb = x.verb.fr.present[2]
    return f"{thing} {verb} à {_time_of_day(x.hour, x.minutes)}" if x.hour else f"à quelle heure {verb} {thing} ?"


def _clock(x: s.Clock) -> str:
    return f"il est {_time_of_day(x.hour, x.minutes)}"


def _date(x: s.Date) -> str:
    day = "1er" if x.day == 1 else str(x.day)
    if x.weekday:
        return f"aujourd'hui, nous sommes le {x.weekday.fr} {day} {x.month.fr}"
    subject = f"l'anniversaire de {noun_phrase(x.owner)}" if x.owner else x.event.fr if x.event else ""
    return f"{subject} est le {day} {x.month.fr}" if x.day else f"quand est {subject} ?"


def _forecast(x: s.Forecast) -> str:
    clause = x.weather.habit[1].format(x.frequency.fr) if x.frequency else x.weather.fr[("past", "present", "future").index(x.tense)]
    return _timed(f"{clause} {x.city.fr}", x.time)


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
    """The sentence in French, after elision and contraction, with its capital and its final mark."""
    text = _ELISION.sub(r"\1'", _CONSTRUCTIONS[type(sentence)](sentence))  # type: ignore[operator]
    for apart, together in _CONTRACTIONS:
        if apart in text:
            text = re.sub(rf"\b{apart}", together, text)
    return text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")
