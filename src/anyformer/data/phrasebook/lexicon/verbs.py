"""Verbs: their forms in English and French, their Chinese, and what they take as subject, object or goal."""

from __future__ import annotations

from anyformer.data.phrasebook.words import FrenchVerb, Modal, Verb


def _er(infinitive: str, weak: str = "", future: str = "", etre: bool = False, reflexive: bool = False) -> FrenchVerb:
    """A verb of the first group. `weak` is its stem before a mute e where that differs (achet-, achèt-)."""
    stem = infinitive.removesuffix("er")
    strong, weak = stem, weak or stem
    nous = {"g": strong + "e", "c": strong[:-1] + "ç"}.get(strong[-1], strong)
    present = (weak + "e", weak + "es", weak + "e", nous + "ons", weak + "ent")
    return FrenchVerb(infinitive, present, future or weak + "er", strong + "é", etre, reflexive)


def _re(infinitive: str, participle: str = "") -> FrenchVerb:
    """A verb like vendre."""
    stem = infinitive.removesuffix("re")
    return FrenchVerb(infinitive, (stem + "s", stem + "s", stem, stem + "ons", stem + "ent"), stem + "r", participle or stem + "u")


def _irregular(infinitive: str, present: str, future: str, participle: str, etre: bool = False) -> FrenchVerb:
    je, tu, il, nous, ils = present.split()
    return FrenchVerb(infinitive, (je, tu, il, nous, ils), future, participle, etre)


AVOIR = _irregular("avoir", "ai as a avons ont", "aur", "eu")
ETRE = _irregular("être", "suis es est sommes sont", "ser", "été")
_ECOUTER, _JOUER, _REGARDER = _er("écouter"), _er("jouer"), _er("regarder")
_APPRENDRE = _irregular("apprendre", "apprends apprends apprend apprenons apprennent", "apprendr", "appris")
_CHOISIR = _irregular("choisir", "choisis choisis choisit choisissons choisissent", "choisir", "choisi")
_CONNAITRE = _irregular("connaître", "connais connais connaît connaissons connaissent", "connaîtr", "connu")
_COMPRENDRE = _irregular("comprendre", "comprends comprends comprend comprenons comprennent", "comprendr", "compris")
_ALLER = _irregular("aller", "vais vas va allons vont", "ir", "allé", etre=True)
_PARLER, _PREPARER, _PORTER = _er("parler"), _er("préparer"), _er("porter")

_DONE = ("past", "future")  # what is over in a moment has no progressive here
_WILLED = ("present", "past", "future")


def _en(forms: str) -> tuple[str, str, str, str]:
    """`eat ate eating`, with the third person where it is irregular: `have has had having`."""
    words = forms.split()
    if len(words) == 4:
        base, third, past, progressive = words
        return base, third, past, progressive
    base, past, progressive = words
    if base.endswith("y") and base[-2] not in "aeou":
        return base, base[:-1] + "ies", past, progressive
    return base, base + ("es" if base.endswith(("s", "sh", "ch", "o", "x")) else "s"), past, progressive


TRANSITIVE = {
    "eat": Verb(_en("eat ate eating"), _er("manger"), "吃", subjects="animal", tenses=_WILLED),
    "drink": Verb(_en("drink drank drinking"), _irregular("boire", "bois bois boit buvons boivent", "boir", "bu"), "喝", subjects="animal", tenses=_WILLED),
    "buy": Verb(_en("buy bought buying"), _er("acheter", "achèt"), "买", tenses=_WILLED),
    "sell": Verb(_en("sell sold selling"), _re("vendre"), "卖"),
    "put on": Verb(_en("wear wore wearing"), _PORTER, "穿", zh_progressive="穿着"),
    "wear": Verb(_en("wear wore wearing"), _PORTER, "戴", zh_progressive="戴着"),
    "read": Verb(_en("read read reading"), _irregular("lire", "lis lis lit lisons lisent", "lir", "lu"), "读"),
    "write": Verb(_en("write wrote writing"), _irregular("écrire", "écris écris écrit écrivons écrivent", "écrir", "écrit"), "写"),
    "look for": Verb(_en("look looked looking"), _er("chercher"), "找", en_tail="for"),
    "find": Verb(_en("find found finding"), _er("trouver"), "找到", tenses=_DONE),
    "choose": Verb(_en("choose chose choosing"), _CHOISIR, "选", tenses=_DONE),
    "draw": Verb(_en("draw drew drawing"), _er("dessiner"), "画"),
    "wash": Verb(_en("wash washed washing"), _er("laver"), "洗"),
    "repair": Verb(_en("repair repaired repairing"), _er("réparer"), "修理"),
    "open": Verb(_en("open opened opening"), _irregular("ouvrir", "ouvre ouvres ouvre ouvrons ouvrent", "ouvrir", "ouvert"), "打开", tenses=_DONE),
    "close": Verb(_en("close closed closing"), _er("fermer"), "关上", tenses=_DONE),
    "see": Verb(_en("see saw seeing"), _irregular("voir", "vois vois voit voyons voient", "verr", "vu"), "看见", tenses=_DONE),
    "watch": Verb(_en("watch watched watching"), _REGARDER, "看"),
    "have": Verb(_en("have has had having"), AVOIR, "有", tenses=("present",), stative=True),
    "need": Verb(_en("need needed needing"), AVOIR, "需要", tenses=("present",), stative=True, fr_tail="besoin", fr_de=True),
    "help": Verb(_en("help helped helping"), _er("aider"), "帮助"),
    "wait for": Verb(_en("wait waited waiting"), _re("attendre"), "等", en_tail="for"),
    "invite": Verb(_en("invite invited inviting"), _er("inviter"), "邀请", tenses=_DONE),
    "thank": Verb(_en("thank thanked thanking"), _er("remercier"), "感谢", tenses=_DONE),
    "know": Verb(_en("know knew knowing"), _CONNAITRE, "认识", tenses=("present",), stative=True),
    "understand": Verb(_en("understand understood understanding"), _COMPRENDRE, "明白", tenses=("present",), stative=True),
}

GIVING = {
    "give": Verb(_en("give gave giving"), _er("donner"), "给", tenses=_DONE),
    "send": Verb(_en("send sent sending"), _er("envoyer", "envoi", "enverr"), "寄给", tenses=_DONE),
    "lend": Verb(_en("lend lent lending"), _er("prêter"), "借给", tenses=_DONE),
}

INTRANSITIVE = {
    "sleep": Verb(_en("sleep slept sleeping"), _irregular("dormir", "dors dors dort dormons dorment", "dormir", "dormi"), "睡觉", subjects="animal"),
    "rest": Verb(_en("rest rested resting"), _er("reposer", reflexive=True), "休息", subjects="animal"),
    "play": Verb(_en("play played playing"), _JOUER, "玩", subjects="animal"),
    "run": Verb(_en("run ran running"), _irregular("courir", "cours cours court courons courent", "courr", "couru"), "跑步"),
    "work": Verb(_en("work worked working"), _er("travailler"), "工作"),
    "dance": Verb(_en("dance danced dancing"), _er("danser"), "跳舞"),
    "sing": Verb(_en("sing sang singing"), _er("chanter"), "唱歌"),
    "swim": Verb(_en("swim swam swimming"), _er("nager"), "游泳"),
    "study": Verb(_en("study studied studying"), _er("étudier"), "学习"),
    "cook": Verb(_en("cook cooked cooking"), _er("cuisiner"), "做饭"),
    "walk": Verb(_en("walk walked walking"), _er("promener", "promèn", reflexive=True), "散步"),
    "play football": Verb(_en("play played playing"), _JOUER, "踢足球", en_tail="football", fr_tail="à le football"),
    "play tennis": Verb(_en("play played playing"), _JOUER, "打网球", en_tail="tennis", fr_tail="à le tennis"),
    "play chess": Verb(_en("play played playing"), _JOUER, "下棋", en_tail="chess", fr_tail="à les échecs"),
    "play the piano": Verb(_en("play played playing"), _JOUER, "弹钢琴", en_tail="the piano", fr_tail="de le piano"),
    "play the guitar": Verb(_en("play played playing"), _JOUER, "弹吉他", en_tail="the guitar", fr_tail="de la guitare"),
    "listen to the radio": Verb(_en("listen listened listening"), _ECOUTER, "听广播", en_tail="to the radio", fr_tail="la radio"),
    "watch television": Verb(_en("watch watched watching"), _REGARDER, "看电视", en_tail="television", fr_tail="la télévision"),
    "make dinner": Verb(_en("make made making"), _PREPARER, "做晚饭", en_tail="dinner", fr_tail="le dîner"),
    "make breakfast": Verb(_en("make made making"), _PREPARER, "做早饭", en_tail="breakfast", fr_tail="le petit déjeuner"),
    "learn French": Verb(_en("learn learned learning"), _APPRENDRE, "学法语", en_tail="French", fr_tail="le français"),
    "learn Chinese": Verb(_en("learn learned learning"), _APPRENDRE, "学中文", en_tail="Chinese", fr_tail="le chinois"),
    "learn English": Verb(_en("learn learned learning"), _APPRENDRE, "学英语", en_tail="English", fr_tail="l'anglais"),
    "speak French": Verb(_en("speak spoke speaking"), _PARLER, "说法语", en_tail="French", fr_tail="français", stative=True, tenses=("present",)),
    "speak Chinese": Verb(_en("speak spoke speaking"), _PARLER, "说中文", en_tail="Chinese", fr_tail="chinois", stative=True, tenses=("present",)),
    "speak English": Verb(_en("speak spoke speaking"), _PARLER, "说英语", en_tail="English", fr_tail="anglais", stative=True, tenses=("present",)),
}

MOTION = {
    "go": Verb(_en("go went going"), _ALLER, "去", goal="to", tenses=("present", "past", "future")),
    "return": Verb(_en("return returned returning"), _er("retourner", etre=True), "回到", goal="to", tenses=_DONE),
    "arrive": Verb(_en("arrive arrived arriving"), _er("arriver", etre=True), "到", goal="at", tenses=_DONE),
    "live": Verb(_en("live lived living"), _er("habiter"), "住在", goal="at", tenses=("present",), stative=True),
}

LIKING = {
    "like": Verb(_en("like liked liking"), _er("aimer"), "喜欢", stative=True),
    "love": Verb(_en("love loved loving"), _er("adorer"), "非常喜欢", stative=True),
    "hate": Verb(_en("hate hated hating"), _er("détester"), "讨厌", stative=True),
}
PREFER = Verb(_en("prefer preferred preferring"), _er("préférer", "préfèr", "préférer"), "更喜欢", stative=True)

LEAVE = Verb(_en("leave left leaving"), _irregular("partir", "pars pars part partons partent", "partir", "parti", etre=True), "出发")
ARRIVE = MOTION["arrive"]
START = Verb(_en("start started starting"), _er("commencer"), "开始")
OPEN_UP = Verb(_en("open opened opening"), TRANSITIVE["open"].fr, "开门")
CLOSE_DOWN = Verb(_en("close closed closing"), TRANSITIVE["close"].fr, "关门")
OTHERS = (PREFER, LEAVE, START, OPEN_UP, CLOSE_DOWN)

MODALS = {
    "want": Modal(("want", "wants"), ("veux", "veux", "veut", "voulons", "veulent"), "想", "不想"),
    "must": Modal(("must", "must"), ("dois", "dois", "doit", "devons", "doivent"), "必须", "不必", auxiliary=True),
    "can": Modal(("can", "can"), ("peux", "peux", "peut", "pouvons", "peuvent"), "可以", "不能", auxiliary=True),
}
