"""French: agreement, elision, contraction, negation, the place of adjectives and clitics."""

import pytest

from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.french import noun_phrase, numeral, realise
from anyformer.data.phrasebook.lexicon import adjectives, nouns, places, times, verbs
from anyformer.data.phrasebook.syntax import NP, Action

A = adjectives.ADJECTIVES
N = {**nouns.COUNTED, **nouns.RELATIVES, **nouns.MASS, **nouns.NAMES, **nouns.PRONOUNS}
V = {**verbs.TRANSITIVE, **verbs.INTRANSITIVE, **verbs.MOTION, **verbs.GIVING}
ME, YOU, HE, SHE, WE, THEY = (NP(noun) for noun in nouns.PRONOUNS.values())
PAUL, MARIE, ANNA = NP(N["Paul"]), NP(N["Marie"]), NP(N["Anna"])
GIRLS = NP(N["girl"], "the", True)


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (1, "un"),
        (16, "seize"),
        (17, "dix-sept"),
        (20, "vingt"),
        (21, "vingt et un"),
        (22, "vingt-deux"),
        (61, "soixante et un"),
        (70, "soixante-dix"),
        (71, "soixante et onze"),
        (72, "soixante-douze"),
        (79, "soixante-dix-neuf"),
        (80, "quatre-vingts"),
        (81, "quatre-vingt-un"),
        (90, "quatre-vingt-dix"),
        (91, "quatre-vingt-onze"),
        (99, "quatre-vingt-dix-neuf"),
        (100, "cent"),
    ],
)
def test_numerals(n, words):
    assert numeral(n) == words


@pytest.mark.parametrize(
    ("np", "words"),
    [
        (NP(N["car"], "a", False, A["red"]), "une voiture rouge"),
        (NP(N["car"], "a", False, A["new"]), "une nouvelle voiture"),
        (NP(N["bird"], "a", False, A["beautiful"]), "un bel oiseau"),
        (NP(N["computer"], "this", False, A["new"]), "ce nouvel ordinateur"),
        (NP(N["umbrella"], "this", False, A["old"]), "ce vieux parapluie"),
        (NP(N["computer"], "this"), "cet ordinateur"),
        (NP(N["scarf"], "my"), "mon écharpe"),
        (NP(N["scarf"], "her", False, A["beautiful"]), "sa belle écharpe"),
        (NP(N["dress"], "some", True, A["white"]), "des robes blanches"),
        (NP(N["dress"], "some", True, A["small"]), "de petites robes"),
        (NP(N["newspaper"], "this", True), "ces journaux"),
        (NP(N["horse"], "number", True, A["black"], 3), "trois chevaux noirs"),
        (NP(N["cake"], "the", True, A["good"]), "les bons gâteaux"),
        (NP(N["coat"], "a", False, A["cheap"]), "un manteau bon marché"),
        (NP(N["cat"], "their", True), "leurs chats"),
    ],
)
def test_noun_phrases(np, words):
    assert noun_phrase(np) == words


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        # elision and contraction
        (Action(ME, V["eat"], object=NP(N["orange"], "the")), "Je mange l'orange."),
        (Action(ME, V["help"], object=ANNA), "J'aide Anna."),
        (Action(SHE, V["need"], object=NP(N["umbrella"], "a")), "Elle a besoin d'un parapluie."),
        (Action(SHE, V["need"], object=NP(N["pen"], "the")), "Elle a besoin du stylo."),
        (Action(SHE, V["need"], object=NP(N["apple"], "some", True)), "Elle a besoin de pommes."),
        (Action(ME, V["need"], object=NP(N["egg"], "number", True, None, 8)), "J'ai besoin de huit œufs."),
        (Action(PAUL, V["go"], place=places.PUBLIC[3]), "Paul va au marché."),
        (Action(PAUL, V["go"], place=places.PUBLIC[0]), "Paul va à l'école."),
        (s.Origin(THEY, places.COUNTRIES[5]), "Ils viennent du Japon."),
        (s.Origin(ANNA, places.COUNTRIES[2]), "Anna vient d'Italie."),
        (s.Origin(ANNA, places.COUNTRIES[7]), "Anna vient des États-Unis."),
        (s.Location(NP(N["cat"], "of", owner=ANNA), places.SPOTS[-5]), "Le chat d'Anna est à côté du lit."),
        (s.Preference(WE, N["tea"], N["coffee"]), "Nous préférons le thé au café."),
        (s.Liking(HE, None, N["dog"], negative=True), "Il n'a pas peur des chiens."),
        # partitive, and de after a negation
        (Action(HE, V["drink"], object=NP(N["water"], "bare")), "Il boit de l'eau."),
        (Action(HE, V["eat"], object=NP(N["meat"], "bare")), "Il mange de la viande."),
        (Action(HE, V["eat"], object=NP(N["rice"], "bare"), negative=True), "Il ne mange pas de riz."),
        (Action(HE, V["drink"], object=NP(N["water"], "bare"), frequency=times.NEVER), "Il ne boit jamais d'eau."),
        (Action(HE, V["buy"], "past", NP(N["dress"], "a"), negative=True), "Il n'a pas acheté de robe."),
        (Action(HE, V["buy"], "past", NP(N["dress"], "this"), negative=True), "Il n'a pas acheté cette robe."),
        (s.Existence(NP(N["apple"], "some", True), places.SPOTS[0], negative=True), "Il n'y a pas de pommes sur la table."),
        # être, reflexives, participles
        (Action(GIRLS, V["go"], "past", place=places.PUBLIC[1]), "Les filles sont allées à la gare."),
        (Action(MARIE, V["walk"], "past", negative=True), "Marie ne s'est pas promenée."),
        (Action(WE, V["rest"], time=times.TIMES["habit"][0]), "Tous les jours, nous nous reposons."),
        (Action(HE, V["help"], "past", SHE), "Il l'a aidée."),
        (Action(HE, V["see"], "past", THEY), "Il les a vus."),
        (s.Relative(N["dress"], True, MARIE, V["buy"], A["beautiful"]), "Les robes que Marie a achetées sont belles."),
        (s.HowMany(YOU, V["buy"], N["apple"], "past"), "Combien de pommes est-ce que tu as achetées ?"),
        # clitics
        (Action(MARIE, V["wait for"], object=ME), "Marie m'attend."),
        (Action(PAUL, V["give"], "past", NP(N["book"], "a"), THEY), "Paul leur a donné un livre."),
        (Action(PAUL, V["give"], "past", NP(N["book"], "a"), NP(N["teacher"], "the")), "Paul a donné un livre au professeur."),
        (Action(ME, V["find"], object=SHE, modal=verbs.MODALS["want"]), "Je veux la trouver."),
        (Action(PAUL, V["walk"], modal=verbs.MODALS["must"]), "Paul doit se promener."),
        # tenses and questions
        (Action(THEY, V["find"], "future", NP(N["key"], "the")), "Ils trouveront la clé."),
        (Action(SHE, V["sing"], "plan", time=times.TIMES["future"][0]), "Demain, elle va chanter."),
        (Action(SHE, V["sing"], "past", question="where"), "Où est-ce qu'elle a chanté ?"),
        (Action(ANNA, V["read"], question="what"), "Qu'est-ce qu'Anna lit ?"),
        (s.Feeling(SHE, adjectives.STATES["tired"], "past", times.TIMES["past"][0]), "Hier, elle était fatiguée."),
        (s.Feeling(SHE, adjectives.STATES["hungry"], very=True), "Elle a très faim."),
        (s.Comparison(NP(N["cake"], "this"), A["good"], NP(N["cake"], "my")), "Ce gâteau est meilleur que mon gâteau."),
        (s.Occupation(MARIE, adjectives.PROFESSIONS[3]), "Marie est infirmière."),
        (s.Age(MARIE, 0), "Quel âge a Marie ?"),
        (s.Schedule(times.TRANSPORTS[0], places.CITIES[2], verbs.LEAVE, 1, 15), "Le train pour Londres part à une heure et quart."),
        (s.Schedule(times.SHOPS[0], None, verbs.OPEN_UP, 8, 45), "Le musée ouvre à neuf heures moins le quart."),
        (s.Date(times.MONTHS[4][0], 1, owner=ANNA), "L'anniversaire d'Anna est le 1er mai."),
    ],
)
def test_sentences(sentence, text):
    assert realise(sentence) == text


def test_him_and_her_before_a_vowel_are_declined():
    with pytest.raises(s.UnsayableError):
        realise(Action(PAUL, V["wait for"], object=HE))
