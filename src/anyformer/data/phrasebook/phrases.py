"""Draws people and things: noun phrases whose determiner, number and adjective suit their noun."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from anyformer.data.phrasebook import selection as of
from anyformer.data.phrasebook.lexicon import nouns
from anyformer.data.phrasebook.syntax import NP
from anyformer.data.phrasebook.words import Adjective, Noun

T = TypeVar("T")
_POSSESSIVES = ("my", "your", "our", "their")
YOU = NP(nouns.PRONOUNS["you"])


class Dice:
    """Random choices that are the same on every machine and Python: only `random()` of a seeded generator is drawn on."""

    def __init__(self, seed: str):
        self.random = random.Random(seed).random

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.random() * len(options))]

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def between(self, low: int, high: int) -> int:
        return low + int(self.random() * (high - low + 1))


def person(dice: Dice) -> NP:
    """Somebody, by name, relation or description."""
    roll = dice.random()
    if roll < 0.4:
        return NP(dice.pick(of.NAMES))
    if roll < 0.6:
        return NP(dice.pick(of.RELATIVES), dice.pick(("my", *_POSSESSIVES)))
    if roll < 0.64:
        return NP(nouns.PARENTS, dice.pick(_POSSESSIVES), True)
    if roll < 0.7:
        return NP(dice.pick(of.KNOWN), dice.pick(_POSSESSIVES))
    noun = dice.pick(of.PEOPLE)
    described = adjective(dice, noun, 0.15)
    if roll < 0.87:
        return NP(noun, dice.pick(("the", "the", "this")), False, described)
    return NP(noun, dice.pick(("the", "this")), True, described)


def who(dice: Dice, pronouns: float = 0.55) -> NP:
    """A subject."""
    return NP(dice.pick(of.SUBJECTS)) if dice.chance(pronouns) else person(dice)


def asked(dice: Dice) -> NP:
    """The subject of a question: often you."""
    return YOU if dice.chance(0.3) else who(dice, 0.3)


def somebody_else(dice: Dice, subject: NP) -> NP:
    """An object or a receiver other than the subject."""
    while True:
        if dice.chance(0.4):
            pronoun = dice.pick(of.PRONOUNS)
            first = {pronoun.person, subject.person} <= {0, 3}  # neither `I ... us` nor `we ... me`
            if not first and (pronoun.person != subject.person or pronoun.person == 2):
                return NP(pronoun)
            continue
        det = possessive(subject)
        if det and subject.noun.kind != "relative" and dice.chance(0.3):
            return NP(dice.pick((*of.RELATIVES, *of.KNOWN)), det)
        if dice.chance(0.15):
            return NP(dice.pick(of.PEOPLE), "a")
        other = person(dice)
        if other.noun is not subject.noun:
            return other


def possessive(subject: NP) -> str | None:
    """The possessive that refers back to the subject, where its gender shows in English and French alike."""
    return of.POSSESSIVE_OF.get(subject.noun) if not subject.plural else None


def adjective(dice: Dice, noun: Noun, probability: float) -> Adjective | None:
    options = of.ADJECTIVES_OF[noun]
    return dice.pick(options) if options and dice.chance(probability) else None


def number(dice: Dice, noun: Noun) -> int:
    return dice.pick(of.NUMBERS if noun.kind in of.MANY_KINDS else of.SMALL_NUMBERS)


def owner(dice: Dice) -> NP:
    return NP(dice.pick(of.NAMES)) if dice.chance(0.6) else NP(dice.pick(of.RELATIVES), "my")


def indefinite(dice: Dice, noun: Noun, described: float = 0.45) -> NP:
    """Something new: an apple, some apples, seven apples, a glass of water, water."""
    if not noun.measure:
        return NP(noun, "bare")
    portion = noun.kind.startswith("portion")
    which = None if portion else adjective(dice, noun, described)
    roll = dice.random()
    if roll < 0.55:
        return NP(noun, "a", False, which)
    if roll < 0.72 and not portion:
        return NP(noun, "some", True, which)
    return NP(noun, "number", True, which, number(dice, noun))


def definite(dice: Dice, noun: Noun, described: float = 0.3) -> NP:
    """Something known: the apple, these apples, Marie's apple, my apple."""
    which = adjective(dice, noun, described)
    roll = dice.random()
    if roll < 0.4:
        return NP(noun, "the", False, which)
    if roll < 0.58:
        return NP(noun, "this", False, which)
    if roll < 0.75 or (noun.kind == "animal" and noun not in of.OWNED):
        return NP(noun, dice.pick(("the", "this")), True, which)
    if roll < 0.85:
        return NP(noun, "of", owner=owner(dice))
    return NP(noun, dice.pick(_POSSESSIVES), False, which)


def thing(dice: Dice, noun: Noun, subject: NP, described: float = 0.45) -> NP:
    """Something, new or known; what it is said to belong to may be the subject."""
    if not noun.measure or noun.kind.startswith("portion") or dice.chance(0.5):
        return indefinite(dice, noun, described)
    if noun.kind != "animal" or noun in of.OWNED:
        det = possessive(subject)
        if det and dice.chance(0.3):
            which = adjective(dice, noun, described)
            if dice.chance(0.75):
                return NP(noun, det, False, which)
            return NP(noun, det, True, which, dice.pick(of.SMALL_NUMBERS) if dice.chance(0.6) else 0)
    return definite(dice, noun, described)
