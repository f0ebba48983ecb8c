"""The grammar: draws sentences (abstract syntax trees) whose words go together.

What a language would not show is left out: `his` and `her` always belong to the subject, because French `son` tells them
apart in no other way, and `to him` and `to her` only follow the person they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anyformer.data.phrasebook import phrases
from anyformer.data.phrasebook import selection as of
from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.lexicon import adjectives, nouns, places, times, verbs
from anyformer.data.phrasebook.phrases import Dice
from anyformer.data.phrasebook.words import Time

_PRESENT_OR_NOT = ("present", "present", "past", "future")


def _when(dice: Dice, tense: str, probability: float) -> Time | None:
    return dice.pick(times.TIMES[tense]) if dice.chance(probability) else None


def _circumstances(dice: Dice, action: s.Action) -> s.Action:
    """A time or a frequency that suits the tense."""
    if action.tense != "present":
        return action._replace(time=_when(dice, action.tense, 0.5))
    thing = action.object
    once = thing is not None and thing.noun.kind in of.THING_KINDS and thing.det not in ("bare", "some")
    if action.verb.stative or action.negative or (once and action.verb not in of.WEARING):
        return action
    roll = dice.random()
    if roll < 0.25:
        return action._replace(time=dice.pick(times.TIMES["habit"]))
    if roll < 0.5:
        return action._replace(frequency=dice.pick(times.FREQUENCIES[:3] if action.question else times.FREQUENCIES))
    return action


# ---- what people and animals do


def _transitive(dice: Dice) -> s.Sentence:
    """Somebody does something to something."""
    verb = dice.pick(of.WITH_THINGS)
    noun, tense = dice.pick(of.THINGS_OF[verb]), dice.pick(verb.tenses)
    if verb.subjects == "animal" and noun.kind in ("fruit", "food") and dice.chance(0.1):
        return s.Action(phrases.definite(dice, dice.pick(of.ANIMALS)), verb, tense, phrases.indefinite(dice, noun, 0.0))
    roll = dice.random()
    question, negative = "whether" if roll < 0.12 else "", 0.12 <= roll < 0.25
    subject = phrases.asked(dice) if question else phrases.who(dice)
    habit = tense == "present" and not verb.stative and dice.chance(0.4)
    if verb in of.WEARING:
        subject = s.NP(dice.pick(of.NAMES)) if subject.many else subject
        own = phrases.possessive(subject)
        noun = dice.pick(tuple(n for n in of.THINGS_OF[verb] if n not in of.WOMENS or own == "her"))
        thing = s.NP(noun, dice.pick(("a", "a", "this", own or "the")), False, phrases.adjective(dice, noun, 0.4))
    elif habit and noun.kind != "transport" and not noun.kind.startswith("portion"):
        thing = s.NP(noun, "some", True, phrases.adjective(dice, noun, 0.2)) if noun.measure else s.NP(noun, "bare")
    elif verb in of.OF_WHAT_IS_NEW:
        thing = phrases.indefinite(dice, noun)
    elif noun.kind == "transport":
        thing = s.NP(noun, "the")
    elif verb in of.OF_WHAT_IS_KNOWN or (noun.kind == "pet" and verb.en_tail == "for"):
        thing = s.NP(noun, dice.pick(("the", "the", "this")), dice.chance(0.3), phrases.adjective(dice, noun, 0.3))
    else:
        thing = phrases.thing(dice, noun, subject)
    if negative:
        if noun.kind.startswith("portion") or (noun.measure and tense == "present" and not verb.stative):
            negative = False
        elif noun.measure and verb in of.LACKED and dice.chance(0.6):
            thing = s.NP(noun, "a")
        elif thing.det in ("a", "some", "number") or thing.number:
            negative = False
    return _circumstances(dice, s.Action(subject, verb, tense, thing, negative=negative, question=question))


def _with_person(dice: Dice) -> s.Sentence:
    """Somebody does something to somebody, often with a clitic in French."""
    verb = dice.pick(of.WITH_PEOPLE)
    tense, roll = dice.pick(verb.tenses), dice.random()
    question = "whether" if roll < 0.12 else ""
    negative = 0.12 <= roll < 0.27 and (tense != "present" or verb.stative)
    subject = phrases.asked(dice) if question else phrases.who(dice)
    action = s.Action(subject, verb, tense, phrases.somebody_else(dice, subject), negative=negative, question=question)
    return _circumstances(dice, action)


def _giving(dice: Dice) -> s.Sentence:
    verb = dice.pick(of.GIVING)
    question = "whether" if dice.chance(0.12) else ""
    subject = phrases.asked(dice) if question else phrases.who(dice)
    receiver = phrases.somebody_else(dice, subject)
    if receiver.noun.en in ("he", "she"):
        receiver = s.NP(nouns.PRONOUNS["they"]) if subject.person < 3 else s.NP(nouns.PRONOUNS["you"])
    tense = dice.pick(verb.tenses)
    thing = phrases.thing(dice, dice.pick(of.THINGS_OF[verb]), subject, 0.25)
    return s.Action(subject, verb, tense, thing, receiver, time=_when(dice, tense, 0.3), question=question)


def _activity(dice: Dice) -> s.Sentence:
    """Somebody does something, perhaps somewhere."""
    roll = dice.random()
    question, negative = "whether" if roll < 0.12 else "where" if roll < 0.15 else "", 0.15 <= roll < 0.3
    if not question and dice.chance(0.2):
        verb, subject = dice.pick(of.FOR_ANIMALS), phrases.definite(dice, dice.pick(of.ANIMALS))
        lying = subject.noun.kind == "pet" and verb.en[0] != "play"
        scenes = of.RESTING_PLACES if lying else of.GARDENS
    else:
        verb, subject = dice.pick(of.ACTIVE), phrases.asked(dice) if question else phrases.who(dice)
        scenes = of.SCENES_OF[verb]
        question = "" if question == "where" and not scenes else question
    tense = dice.pick(verb.tenses)
    place = dice.pick(scenes) if scenes and question != "where" and dice.chance(0.6) else None
    action = s.Action(subject, verb, tense, place=place, negative=negative, question=question)
    return action if question == "where" else _circumstances(dice, action)


def _speaking(dice: Dice) -> s.Sentence:
    roll = dice.random()
    question = "whether" if roll < 0.25 else ""
    subject = phrases.asked(dice) if question else phrases.who(dice)
    return s.Action(subject, dice.pick(of.SPOKEN), negative=0.25 <= roll < 0.45, question=question)


def _motion(dice: Dice) -> s.Sentence:
    verb = dice.pick(tuple(verbs.MOTION.values()))
    tense, lived = dice.pick(verb.tenses), verb.stative
    if lived:
        place = dice.pick(places.CITIES + places.COUNTRIES)
    else:
        place = dice.pick(places.PUBLIC if dice.chance(0.5) else places.CITIES if verb.goal == "at" else places.CITIES + places.COUNTRIES)
    roll = dice.random()
    question = "whether" if roll < 0.15 else "where" if roll < 0.22 and verb.en[0] in ("go", "live") else ""
    negative = 0.25 <= roll < 0.37 and (lived or tense != "present")
    subject = phrases.asked(dice) if question else phrases.who(dice)
    action = s.Action(subject, verb, tense, place=None if question == "where" else place, negative=negative, question=question)
    if question == "where" or (tense == "present" and place.kind != "public"):
        return action
    return _circumstances(dice, action)


def _modal(dice: Dice) -> s.Sentence:
    """What somebody wants to do, must or can do."""
    modal, roll = dice.pick(tuple(verbs.MODALS.values())), dice.random()
    question, negative = "whether" if roll < 0.2 else "", 0.2 <= roll < 0.38 and modal.en[0] != "must"
    subject = phrases.asked(dice) if question else phrases.who(dice)
    base = s.Action(subject, verbs.MOTION["go"], negative=negative, question=question, modal=modal)
    roll = dice.random()
    if roll < 0.35:
        verb = dice.pick(of.ACTIVE)
        scenes = of.SCENES_OF[verb]
        return base._replace(verb=verb, place=dice.pick(scenes) if scenes and dice.chance(0.6) else None)
    if roll < 0.5:
        return base._replace(place=dice.pick(places.PUBLIC + places.CITIES))
    verb = dice.pick(of.WANTED)
    if verb in of.WITH_PEOPLE:
        return base._replace(verb=verb, object=phrases.somebody_else(dice, subject))
    noun = dice.pick(of.THINGS_OF[verb])
    if negative:
        thing = s.NP(noun, "the", False, phrases.adjective(dice, noun, 0.3)) if noun.measure else s.NP(noun, "bare")
        return base._replace(verb=verb, object=thing, negative=not noun.kind.startswith("portion"))
    if verb in of.OF_WHAT_IS_KNOWN:
        return base._replace(verb=verb, object=s.NP(noun, dice.pick(("the", "this")), False, phrases.adjective(dice, noun, 0.3)))
    new = verb in of.OF_WHAT_IS_NEW
    return base._replace(verb=verb, object=phrases.indefinite(dice, noun) if new else phrases.thing(dice, noun, subject))


def _what(dice: Dice) -> s.Sentence:
    """What is Paul reading?"""
    verb = dice.pick(of.ASKED_ABOUT)
    tense = dice.pick(verb.tenses)
    return s.Action(phrases.asked(dice), verb, tense, time=None if tense == "present" else _when(dice, tense, 0.5), question="what")


def _how_many(dice: Dice) -> s.Sentence:
    verb = dice.pick(of.COUNTED_BY)
    noun = dice.pick(tuple(n for n in of.THINGS_OF[verb] if n.kind in of.MANY_KINDS))
    return s.HowMany(phrases.asked(dice), verb, noun, "present" if verb.stative else "past")


def _occasion(dice: Dice) -> s.Sentence:
    owner, gift = phrases.owner(dice), dice.pick(of.GIFTS)
    giver = s.NP(nouns.PRONOUNS[dice.pick(("I", "we"))])
    receiver = s.NP(nouns.PRONOUNS["he" if owner.gender == "m" else "she"])
    if gift in of.WOMENS and owner.gender == "m":
        gift = nouns.COUNTED["book"]
    thing = s.NP(gift, "a", False, dice.pick(of.GIFTS_OF[gift]) if of.GIFTS_OF[gift] and dice.chance(0.4) else None)
    return s.Occasion(owner, s.Action(giver, verbs.GIVING["give"], "future", thing, receiver))


# ---- where things are, and what they are like


def _location(dice: Dice) -> s.Sentence:
    roll = dice.random()
    if roll < 0.55:
        noun = dice.pick(of.PLACED)
        subject = phrases.definite(dice, noun)
        return s.Location(subject, dice.pick(of.SPOTS_OF[noun]) if roll < 0.45 else None, question=roll < 0.06)
    if roll < 0.6:
        return s.Location(phrases.asked(dice)._replace(adjective=None), None)
    tense = dice.pick(_PRESENT_OR_NOT)
    place = dice.pick(of.SCENES + places.CITIES)
    return s.Location(phrases.who(dice), place, None if tense == "present" else dice.pick(times.TIMES[tense]), tense, roll > 0.94)


def _existence(dice: Dice) -> s.Sentence:
    noun, roll = dice.pick(of.PLACED), dice.random()
    place = dice.pick(of.SPOTS_OF[noun])
    if roll < 0.15:
        return s.Existence(s.NP(noun, "some", True), place, negative=True)
    return s.Existence(phrases.indefinite(dice, noun), place, question=roll > 0.85)


def _quality(dice: Dice) -> s.Sentence:
    adjective, roll = dice.pick(of.QUALITIES), dice.random()
    subject = phrases.definite(dice, dice.pick(of.DESCRIBED[adjective]), 0.0)
    return s.Quality(subject, adjective, roll < 0.2 and adjective.gradable, 0.2 <= roll < 0.35, 0.35 <= roll < 0.5)


def _feeling(dice: Dice) -> s.Sentence:
    roll = dice.random()
    question, negative, very = roll < 0.15, 0.15 <= roll < 0.3, 0.3 <= roll < 0.45
    if roll > 0.9:
        return s.Feeling(phrases.definite(dice, dice.pick(of.ANIMALS)), dice.pick(adjectives.ANIMAL_STATES))
    subject = phrases.asked(dice) if question else phrases.who(dice)
    tense = "present" if question or negative else dice.pick(_PRESENT_OR_NOT)
    time = None if tense == "present" else dice.pick(times.TIMES[tense])
    return s.Feeling(subject, dice.pick(tuple(adjectives.STATES.values())), tense, time, very, negative, question)


def _comparison(dice: Dice) -> s.Sentence:
    equal = dice.chance(0.3)
    if dice.chance(0.35):
        subject = phrases.person(dice)._replace(adjective=None)
        other = phrases.person(dice)._replace(adjective=None)
        if subject.noun is other.noun or subject.plural or other.plural:
            return _comparison(dice)
        return s.Comparison(subject, dice.pick((adjectives.TALL, adjectives.YOUNG)), other, equal)
    adjective = dice.pick(of.GRADABLE)
    noun = dice.pick(of.DESCRIBED[adjective])
    other_noun = dice.pick(tuple(n for n in of.DESCRIBED[adjective] if n.kind == noun.kind))
    other = s.NP(other_noun, dice.pick(("my", "your", "our")) if other_noun is noun else "the")
    if other_noun is noun and noun.kind in ("animal", *of.HUMAN_KINDS):
        return _comparison(dice)
    return s.Comparison(s.NP(noun, dice.pick(("the", "this"))), adjective, other, equal)


def _occupation(dice: Dice) -> s.Sentence:
    roll = dice.random()
    if roll < 0.4:
        subject = s.NP(dice.pick(of.NAMES))
    else:
        subject = s.NP(dice.pick(of.RELATIVES), dice.pick(("my", "your"))) if roll < 0.65 else s.NP(dice.pick(of.SPEAKERS))
    roll = dice.random()
    return s.Occupation(subject, dice.pick(adjectives.PROFESSIONS), roll < 0.15, 0.15 <= roll < 0.3)


def _origin(dice: Dice) -> s.Sentence:
    return s.Origin(phrases.who(dice), dice.pick(places.CITIES + places.COUNTRIES), dice.chance(0.15))


def _liking(dice: Dice) -> s.Sentence:
    roll = dice.random()
    question, negative = roll < 0.2, 0.2 <= roll < 0.4
    subject = phrases.asked(dice) if question else phrases.who(dice)
    if dice.chance(0.2):
        return s.Liking(subject, None, dice.pick(of.ANIMALS), negative, question)
    verb = verbs.LIKING["like"] if negative or question else dice.pick(tuple(verbs.LIKING.values()))
    return s.Liking(subject, verb, dice.pick(of.LIKED), negative, question)


def _preference(dice: Dice) -> s.Sentence:
    kind = dice.pick(of.LIKED)
    others = tuple(noun for noun in of.LIKED if noun.kind == kind.kind and noun is not kind)
    return s.Preference(phrases.who(dice), kind, dice.pick(others)) if others else _preference(dice)


def _relative(dice: Dice) -> s.Sentence:
    verb = dice.pick(of.FINISHED)
    noun = dice.pick(tuple(n for n in of.THINGS_OF[verb] if n.measure and of.ADJECTIVES_OF[n]))
    return s.Relative(noun, dice.chance(0.25), phrases.who(dice, 0.4), verb, dice.pick(of.ADJECTIVES_OF[noun]))


# ---- numbers, hours, dates, weather


def _age(dice: Dice) -> s.Sentence:
    if dice.chance(0.08):
        return s.Age(phrases.asked(dice)._replace(adjective=None), 0)
    subject = phrases.who(dice, 0.35)._replace(adjective=None)
    return s.Age(subject, dice.between(*of.AGES.get(subject.noun.en, (5, 99))))


def _price(dice: Dice) -> s.Sentence:
    noun = dice.pick(of.PRICED)
    return s.Price(phrases.definite(dice, noun, 0.3), 0 if dice.chance(0.1) else dice.between(*of.PRICES[noun.kind]))


def _schedule(dice: Dice) -> s.Sentence:
    roll, city = dice.random(), None
    if roll < 0.4:
        thing, verb = dice.pick(times.TRANSPORTS), dice.pick((verbs.LEAVE, verbs.ARRIVE))
        city = dice.pick(places.CITIES) if verb is verbs.LEAVE and dice.chance(0.8) else None
    elif roll < 0.6:
        thing, verb = dice.pick(times.SHOWS), verbs.START
    else:
        thing, verb = dice.pick(times.SHOPS), dice.pick((verbs.OPEN_UP, verbs.CLOSE_DOWN))
    return s.Schedule(thing, city, verb, 0) if dice.chance(0.2) else s.Schedule(thing, city, verb, *_hour(dice))


def _hour(dice: Dice) -> tuple[int, int]:
    minutes = dice.pick((0, 15, 30, 45))
    return dice.between(1, 10 if minutes == 45 else 11), minutes


def _clock(dice: Dice) -> s.Sentence:
    return s.Clock(*_hour(dice))


def _date(dice: Dice) -> s.Sentence:
    (month, days), roll = dice.pick(times.MONTHS), dice.random()
    day = 0 if roll < 0.12 else dice.between(1, days)
    if roll > 0.7:
        return s.Date(month, day, weekday=dice.pick(times.DAYS))
    if dice.chance(0.5):
        return s.Date(month, day, owner=phrases.owner(dice))
    return s.Date(month, day, event=dice.pick(times.EVENTS))


def _forecast(dice: Dice) -> s.Sentence:
    weather, city = dice.pick(times.WEATHERS), dice.pick(places.CITIES + places.COUNTRIES)
    if dice.chance(0.2):
        return s.Forecast(weather, "present", city, frequency=dice.pick(times.FREQUENCIES[:3]))
    tense = dice.pick(("present", "past", "future"))
    return s.Forecast(weather, tense, city, _when(dice, tense, 0.6 if tense == "present" else 1.0))


# Each construction with its share. Small ones run dry before the corpus is full: their repetitions are drawn anew.
CONSTRUCTIONS: tuple[tuple[Callable[[Dice], s.Sentence], int], ...] = (
    (_transitive, 330),
    (_with_person, 70),
    (_giving, 60),
    (_activity, 190),
    (_speaking, 12),
    (_motion, 70),
    (_modal, 80),
    (_what, 15),
    (_how_many, 12),
    (_occasion, 15),
    (_location, 50),
    (_existence, 50),
    (_quality, 75),
    (_feeling, 45),
    (_comparison, 55),
    (_occupation, 25),
    (_origin, 15),
    (_liking, 40),
    (_preference, 15),
    (_relative, 45),
    (_age, 65),
    (_price, 60),
    (_schedule, 22),
    (_clock, 3),
    (_date, 30),
    (_forecast, 26),
)
_DRAWN = tuple(construction for construction, share in CONSTRUCTIONS for _ in range(share))


def sentences(seed: str) -> Iterator[s.Sentence]:
    """An endless stream of sentences, some of which come again."""
    dice = Dice(seed)
    while True:
        yield dice.pick(_DRAWN)(dice)
