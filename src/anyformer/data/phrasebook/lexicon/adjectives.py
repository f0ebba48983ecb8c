"""Adjectives, states of people, and professions."""

from __future__ import annotations

from anyformer.data.phrasebook.words import Adjective, Profession, State

_KINDS = {
    "goods": "clothes accessory machine container furniture vehicle",
    "coloured": "clothes accessory container vehicle pen pencil umbrella ball chair sofa door",
    "sizes": "pet animal fruit baked container furniture vehicle house plant opening key knife present ball",
    "aged": "clothes accessory print machine container furniture vehicle transport house pen pencil key umbrella map photo ball knife",
    "pretty": "clothes accessory furniture vehicle house plant pet horse elephant panda writing art photo present",
    "texts": "print writing art",
}


def _feminine(word: str) -> str:
    return word if word.endswith("e") else word + "e"


def _plural(word: str) -> str:
    return word if word.endswith(("s", "x")) else word + "s"


def _forms(spec: str) -> tuple[str, str, str, str, str]:
    """`petit`, `blanc blanche` or all five forms."""
    words = spec.split(" ") if "~" not in spec else [spec.replace("~", " ")] * 5
    if len(words) == 5:
        masculine, vowel, feminine, masculine_plural, feminine_plural = words
        return masculine, vowel, feminine, masculine_plural, feminine_plural
    masculine = words[0]
    feminine = words[1] if len(words) > 1 else _feminine(masculine)
    return masculine, masculine, feminine, _plural(masculine), _plural(feminine)


def _adjective(line: str) -> Adjective:
    en, comparative, fr, place, zh, predicate, kinds = line.strip().split(",")
    names = " ".join(_KINDS.get(kind, kind) for kind in kinds.split())
    better = _forms("meilleur") if en == "good" else None
    return Adjective(en, "" if comparative == "-" else comparative, _forms(fr), better, place == "before", zh, predicate, frozenset(names.split()))


_TABLE = """
    big,bigger,grand,before,大,大,sizes
    small,smaller,petit,before,小,小,sizes
    new,newer,nouveau nouvel nouvelle nouveaux nouvelles,before,新,新,aged
    old,older,vieux vieil vieille vieux vieilles,before,旧,旧,aged
    beautiful,more beautiful,beau bel belle beaux belles,before,漂亮的,漂亮,pretty
    good,better,bon bonne,before,好,好,print writing art machine question idea
    interesting,more interesting,intéressant,after,有趣的,有趣,texts question idea
    famous,more famous,célèbre,after,有名的,有名,print art novel
    expensive,more expensive,cher chère,after,很贵的,贵,goods
    cheap,cheaper,bon~marché,after,便宜的,便宜,goods
    heavy,heavier,lourd,after,很重的,重,container furniture
    long,longer,long longue,before,很长的,长,writing film song word
    polite,more polite,poli,after,有礼貌的,有礼貌,youngster adult
    comfortable,more comfortable,confortable,after,舒服的,舒服,clothes chair bed sofa car train bus plane house
    fast,faster,rapide,after,很快的,快,car bicycle boat train bus plane
    fresh,fresher,frais fraîche,after,新鲜的,新鲜,fruit
    delicious,more delicious,délicieux délicieuse,after,好吃的,好吃,apple pear banana orange peach baked
    clever,cleverer,intelligent,after,聪明的,聪明,youngster cat dog horse elephant monkey
    young,younger,jeune,before,年轻的,年轻,adult
    kind,kinder,gentil gentille,before,善良的,善良,youngster adult
    important,more important,important,after,重要的,重要,idea question word letter
    difficult,more difficult,difficile,after,很难的,难,question word
    red,-,rouge,after,红色的,红色的,coloured apple flower
    blue,-,bleu,after,蓝色的,蓝色的,coloured flower
    green,-,vert,after,绿色的,绿色的,coloured apple
    white,-,blanc blanche,after,白色的,白色的,coloured flower cat dog rabbit horse mouse
    black,-,noir,after,黑色的,黑色的,coloured cat dog rabbit horse mouse
    yellow,-,jaune,after,黄色的,黄色的,coloured flower
"""

ADJECTIVES = {adjective.en: adjective for adjective in map(_adjective, _TABLE.strip().splitlines())}
TALL = Adjective("tall", "taller", _forms("grand"), None, False, "高", "高", frozenset())
YOUNG = ADJECTIVES["young"]


def _state(en: str, fr: str, zh: str) -> State:
    if fr.startswith("avoir "):
        word = fr.removeprefix("avoir ")
        return State(en, (word, word, word, word), True, zh)
    masculine, _, feminine, masculine_plural, feminine_plural = _forms(fr)
    return State(en, (masculine, feminine, masculine_plural, feminine_plural), False, zh)


STATES = {
    "hungry": _state("hungry", "avoir faim", "饿"),
    "thirsty": _state("thirsty", "avoir soif", "渴"),
    "cold": _state("cold", "avoir froid", "冷"),
    "tired": _state("tired", "fatigué", "累"),
    "happy": _state("happy", "heureux heureuse", "高兴"),
    "sad": _state("sad", "triste", "难过"),
    "busy": _state("busy", "occupé", "忙"),
    "nervous": _state("nervous", "nerveux nerveuse", "紧张"),
}
ANIMAL_STATES = tuple(STATES[name] for name in ("hungry", "thirsty", "tired"))


def _profession(en: str, fr: str, zh: str) -> Profession:
    masculine, _, feminine, _, _ = _forms(fr)
    return Profession(en, (masculine, feminine), zh)


PROFESSIONS = (
    _profession("doctor", "médecin médecin", "医生"),
    _profession("teacher", "professeur professeure", "老师"),
    _profession("student", "étudiant", "学生"),
    _profession("nurse", "infirmier infirmière", "护士"),
    _profession("lawyer", "avocat", "律师"),
    _profession("cook", "cuisinier cuisinière", "厨师"),
    _profession("journalist", "journaliste", "记者"),
    _profession("engineer", "ingénieur ingénieure", "工程师"),
    _profession("writer", "écrivain", "作家"),
    _profession("singer", "chanteur chanteuse", "歌手"),
    _profession("baker", "boulanger boulangère", "面包师"),
    _profession("musician", "musicien musicienne", "音乐家"),
)
