"""What goes with what: the nouns that each verb and adjective takes, and who or what is where."""

from __future__ import annotations

from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.lexicon import adjectives, nouns, places, verbs
from anyformer.data.phrasebook.words import Noun, Place, Verb

HUMAN_KINDS = ("youngster", "adult")
COMMON = (*nouns.COUNTED.values(), *nouns.MASS.values(), *nouns.PORTIONS.values())


def _selected(kinds: frozenset[str]) -> tuple[Noun, ...]:
    """The nouns that are of one of these kinds, or are named themselves."""
    return tuple(noun for noun in COMMON if noun.kind in kinds or noun.en in kinds)


def _named(table: dict[str, Noun], names: str) -> tuple[Noun, ...]:
    return tuple(table[name] for name in names.split())


NAMES = tuple(nouns.NAMES.values())
SPEAKERS = tuple(nouns.PRONOUNS[name] for name in ("I", "you", "he", "she"))
PRONOUNS = tuple(nouns.PRONOUNS.values())
SUBJECTS = (*PRONOUNS, *(nouns.PRONOUNS[name] for name in ("I", "you", "we")))  # whose verb forms are theirs alone
RELATIVES = tuple(nouns.RELATIVES.values())
KNOWN = _named(nouns.COUNTED, "friend neighbour")  # always somebody's
PEOPLE = tuple(noun for noun in nouns.of_kinds(*HUMAN_KINDS) if noun not in KNOWN) + _named(nouns.COUNTED, "girl woman")  # as many women as men
ANIMALS = nouns.of_kinds("pet", "animal")
OWNED = (*nouns.of_kinds("pet"), *_named(nouns.COUNTED, "horse cow"))
SMALL_NUMBERS, NUMBERS = (2, 3, 4), (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20)
MANY_KINDS = ("fruit", "baked", "print", "tool", "plant", "pet", "animal")  # what is counted in more than two or three

# Whose gender both English and French show: what is theirs is `his` or `her`.
POSSESSIVE_OF = {
    **{noun: "his" if noun.gender == "m" else "her" for noun in (*NAMES, *RELATIVES, *_named(nouns.COUNTED, "boy girl man woman"))},
    **dict(zip(PRONOUNS, s.POSSESSIVES, strict=True)),
}

# ---- verbs, by what they take: kinds of noun, or nouns
_PORTABLE = "clothes accessory print tool machine container"
_OBJECTS = {
    "eat": "fruit baked food portion-of-food",
    "drink": "drink portion-of-drink",
    "buy": f"fruit baked food drink portion-of-food portion-of-drink portion-of-fruit furniture vehicle house painting flower {_PORTABLE}",
    "sell": "fruit furniture vehicle house clothes accessory machine",
    "put on": "clothes",
    "wear": "accessory",
    "read": "book newspaper writing",
    "write": "writing",
    "look for": f"pet {_PORTABLE}",
    "find": f"pet {_PORTABLE}",
    "choose": "clothes accessory print tool art furniture flower",
    "draw": "pet animal plant house vehicle fruit",
    "wash": "clothes vehicle apple pear peach tomato carrot",
    "repair": "machine vehicle furniture opening",
    "open": "opening container letter",
    "close": "opening container",
    "see": "pet animal youngster adult",
    "watch": "film pet animal",
    "have": "pet vehicle house question idea accessory print tool machine container",
    "need": "tool machine container furniture clothes fruit",
    "help": "youngster adult relative",
    "wait for": "youngster adult relative transport",
    "invite": "youngster adult relative",
    "thank": "youngster adult relative",
    "know": "youngster adult relative",
    "understand": "question word story",
    "give": f"painting fruit flower {_PORTABLE}",
    "send": "print writing photo clothes accessory",
    "lend": "vehicle clothes accessory print machine container pen pencil umbrella map ball knife key",
}
_SCENES = {
    "sleep": "bedroom,hotel,garden,living room",
    "rest": "garden,park,hotel,beach,bedroom,living room",
    "play": "garden,park,school,beach,street,living room",
    "run": "park,beach,street",
    "work": "hotel,restaurant,hospital,library,office,museum,market,airport,station,school,garden",
    "dance": "street,living room,restaurant,hotel,garden",
    "sing": "street,school,garden,kitchen,restaurant",
    "swim": "beach,hotel",
    "study": "library,school,bedroom,living room,office",
    "cook": "kitchen,restaurant,hotel,garden",
    "walk": "park,garden,beach,street,market",
}
_TAKING = {verbs.TRANSITIVE.get(name) or verbs.GIVING[name]: frozenset(kinds.split()) for name, kinds in _OBJECTS.items()}
TRANSITIVE = tuple(verbs.TRANSITIVE.values())
GIVING = tuple(verbs.GIVING.values())
OBJECTS = {verb: _selected(kinds) for verb, kinds in _TAKING.items()}
WITH_PEOPLE = tuple(verb for verb in TRANSITIVE if "adult" in _TAKING[verb])
WITH_THINGS = tuple(verb for verb in TRANSITIVE if _TAKING[verb] - {*HUMAN_KINDS, "relative"})
THINGS_OF = {verb: tuple(noun for noun in OBJECTS[verb] if noun.kind not in HUMAN_KINDS) for verb in (*WITH_THINGS, *GIVING)}
ACTIVE = tuple(verb for verb in verbs.INTRANSITIVE.values() if not verb.stative)
SPOKEN = tuple(verb for verb in verbs.INTRANSITIVE.values() if verb.stative)
FOR_ANIMALS = tuple(verb for verb in ACTIVE if verb.subjects == "animal")
THING_KINDS = frozenset(noun.kind for noun in COMMON if noun.kind not in HUMAN_KINDS)
WEARING = (verbs.TRANSITIVE["put on"], verbs.TRANSITIVE["wear"])


def _verbs(names: str) -> tuple[Verb, ...]:
    return tuple(verbs.TRANSITIVE[name.replace("_", " ")] for name in names.split())


OF_WHAT_IS_NEW = _verbs("have need write")  # their objects are indefinite
OF_WHAT_IS_KNOWN = _verbs("open close understand")  # theirs are definite
LACKED = _verbs("buy have need write find see draw eat")  # what goes with `not ... a`
ASKED_ABOUT = _verbs("buy eat drink read write look_for find choose draw sell repair")
FINISHED = _verbs("buy choose read write find sell wash repair")  # the dress that Marie bought
COUNTED_BY = _verbs("have buy find draw")  # how many
WANTED = _verbs("eat drink buy sell read write find choose help invite repair wash open close draw watch")

# ---- adjectives
DESCRIBED = {adjective: tuple(noun for noun in _selected(adjective.kinds) if noun not in KNOWN) for adjective in adjectives.ADJECTIVES.values()}
ADJECTIVES_OF = {noun: tuple(adjective for adjective in DESCRIBED if noun in DESCRIBED[adjective]) for noun in COMMON}
QUALITIES = tuple(DESCRIBED)
GRADABLE = tuple(adjective for adjective in DESCRIBED if adjective.gradable)
WOMENS = _named(nouns.COUNTED, "dress skirt")

# ---- places
SCENES = (*places.PUBLIC, *places.ROOMS)
SCENES_OF = {verb: tuple(place for place in SCENES if place.name in _SCENES.get(name, "").split(",")) for name, verb in verbs.INTRANSITIVE.items()}
OUTDOORS = tuple(place for place in places.SPOTS if place.name in ("house", "tree", "car", "window", "door"))
RESTING_PLACES = tuple(place for place in places.SPOTS if place.name in ("chair", "bed", "sofa", "table", "tree", "house"))
GARDENS = tuple(place for place in places.ROOMS if place.name in ("garden", "park"))
SMALL = nouns.of_kinds("accessory", "clothes", "print", "tool", "machine", "fruit")
LARGE = (*nouns.of_kinds("pet", "container"), *_named(nouns.COUNTED, "car bicycle chair"))
_INSIDE = ("table", "chair", "bed", "sofa", "box", "bag", "suitcase", "window", "lamp", "car")


def _may_be_at(noun: Noun, place: Place) -> bool:
    if place.name == noun.en:
        return False
    if noun in SMALL:
        return place.name in _INSIDE and place.kind in ("on", "under", "in", "next to")
    if noun.kind in ("vehicle", "furniture", "animal"):
        return place in OUTDOORS and place.kind != "in" and place.name not in ("window", "door")
    return not (noun.kind == "container" and place.name in ("box", "bag", "suitcase"))


SPOTS_OF = {noun: tuple(place for place in places.SPOTS if _may_be_at(noun, place)) for noun in dict.fromkeys((*SMALL, *LARGE))}
PLACED = tuple(SPOTS_OF)

# ---- kinds of things that people like, sell, give
LIKED = (*ANIMALS, *nouns.of_kinds("fruit", "baked", "food", "drink", "print"), *_named(nouns.COUNTED, "film flower"))
PRICED = tuple(
    noun
    for noun in nouns.of_kinds("clothes", "accessory", "print", "tool", "machine", "container", "fruit", "baked")
    if noun.en not in ("photo", "key", "present")
)
PRICES = {
    "fruit": (2, 9),
    "baked": (2, 12),
    "print": (3, 60),
    "tool": (2, 80),
    "clothes": (15, 99),
    "accessory": (10, 99),
    "machine": (20, 99),
    "container": (10, 99),
}
GIFTS = (*nouns.of_kinds("clothes", "accessory", "machine"), *_named(nouns.COUNTED, "book dictionary bicycle flower painting ball pen cat dog"))
GIFTS_OF = {gift: tuple(a for a in ADJECTIVES_OF[gift] if a.en not in ("old", "cheap", "heavy", "small")) for gift in GIFTS}
AGES = {
    "grandmother": (60, 99),
    "grandfather": (60, 99),
    "mother": (30, 75),
    "father": (30, 75),
    "parents": (30, 75),
    "aunt": (25, 80),
    "uncle": (25, 80),
    "boy": (4, 15),
    "girl": (4, 15),
    "child": (2, 15),
    "student": (18, 30),
    "teacher": (25, 65),
    "doctor": (28, 70),
}
