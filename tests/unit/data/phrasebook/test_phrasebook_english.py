"""English: articles, the third person, do-support, the progressive, irregular forms."""

import pytest

from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.english import numeral, realise
from anyformer.data.phrasebook.lexicon import adjectives, nouns, places, times, verbs
from anyformer.data.phrasebook.syntax import NP, Action

A = adjectives.ADJECTIVES
N = {**nouns.COUNTED, **nouns.RELATIVES, **nouns.MASS, **nouns.NAMES}
V = {**verbs.TRANSITIVE, **verbs.INTRANSITIVE, **verbs.MOTION, **verbs.GIVING}
ME, YOU, HE, SHE, WE, THEY = (NP(noun) for noun in nouns.PRONOUNS.values())
PAUL = NP(N["Paul"])


@pytest.mark.parametrize(("n", "words"), [(7, "seven"), (12, "twelve"), (20, "twenty"), (21, "twenty-one"), (99, "ninety-nine"), (100, "one hundred")])
def test_numerals(n, words):
    assert numeral(n) == words


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (Action(PAUL, V["eat"], object=NP(N["apple"], "a")), "Paul is eating an apple."),
        (Action(PAUL, V["eat"], object=NP(N["orange"], "a", False, A["fresh"])), "Paul is eating a fresh orange."),
        (Action(PAUL, V["eat"], object=NP(N["meat"], "bare"), frequency=times.OFTEN), "Paul often eats meat."),
        (Action(ME, V["eat"], object=NP(N["meat"], "bare"), negative=True), "I don't eat meat."),
        (Action(ME, V["sleep"], negative=True), "I am not sleeping."),
        (Action(HE, V["study"], time=times.TIMES["habit"][0]), "He studies every day."),
        (Action(SHE, V["watch"], frequency=times.ALWAYS, object=NP(N["film"], "some", True)), "She always watches films."),
        (Action(SHE, V["buy"], "past", NP(N["dress"], "a"), question="whether"), "Did she buy a dress?"),
        (Action(WE, V["buy"], "future", NP(N["house"], "this"), negative=True), "We won't buy this house."),
        (Action(THEY, V["draw"], "plan", NP(N["mouse"], "number", True, None, 2)), "They are going to draw two mice."),
        (Action(HE, V["give"], "past", NP(N["knife"], "the", True), ME), "He gave me the knives."),
        (Action(HE, V["give"], "past", NP(N["knife"], "the"), PAUL), "He gave the knife to Paul."),
        (Action(HE, V["go"], "past", place=places.COUNTRIES[7], question="whether"), "Did he go to the United States?"),
        (Action(HE, V["go"], modal=verbs.MODALS["want"], place=places.PUBLIC[0], question="whether"), "Does he want to go to school?"),
        (Action(HE, V["swim"], modal=verbs.MODALS["can"], negative=True), "He can't swim."),
        (Action(YOU, V["live"], question="where"), "Where do you live?"),
        (Action(YOU, V["read"], question="what"), "What are you reading?"),
        (s.Existence(NP(N["box"], "some", True), places.SPOTS[0], question=True), "Are there any boxes on the table?"),
        (s.Comparison(NP(N["dog"], "the"), A["clever"], NP(N["cat"], "the")), "The dog is cleverer than the cat."),
        (s.Liking(SHE, None, N["mouse"]), "She is afraid of mice."),
        (s.Schedule(times.SHOPS[0], None, verbs.OPEN_UP, 8, 45), "The museum opens at a quarter to nine."),
        (s.Price(NP(N["hat"], "this", True), 85), "These hats cost eighty-five euros."),
    ],
)
def test_sentences(sentence, text):
    assert realise(sentence) == text
