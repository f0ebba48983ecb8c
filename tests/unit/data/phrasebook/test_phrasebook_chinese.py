"""Chinese: measure words, aspect, the order of time, place and verb, questions."""

import pytest

from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.chinese import numeral, realise
from anyformer.data.phrasebook.lexicon import adjectives, nouns, places, times, verbs
from anyformer.data.phrasebook.syntax import NP, Action

A = adjectives.ADJECTIVES
N = {**nouns.COUNTED, **nouns.RELATIVES, **nouns.MASS, **nouns.NAMES}
V = {**verbs.TRANSITIVE, **verbs.INTRANSITIVE, **verbs.MOTION, **verbs.GIVING}
ME, YOU, HE, SHE, WE, THEY = (NP(noun) for noun in nouns.PRONOUNS.values())
PAUL = NP(N["Paul"])
PARK = places.ROOMS[2]


@pytest.mark.parametrize(("n", "words"), [(2, "二"), (10, "十"), (12, "十二"), (20, "二十"), (22, "二十二"), (100, "一百")])
def test_numerals(n, words):
    assert numeral(n) == words


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (Action(PAUL, V["eat"], object=NP(N["apple"], "a")), "保罗正在吃一个苹果。"),
        (Action(PAUL, V["eat"], "past", NP(N["apple"], "number", True, None, 2)), "保罗吃了两个苹果。"),
        (Action(HE, V["run"], place=PARK), "他正在公园里跑步。"),
        (Action(HE, V["run"], "past", place=PARK, time=times.TIMES["past"][0]), "他昨天在公园里跑步了。"),
        (Action(HE, V["run"], "past", negative=True), "他没跑步。"),
        (Action(HE, V["read"], frequency=times.NEVER, object=NP(N["newspaper"], "some", True)), "他从不读报纸。"),
        (Action(HE, V["run"], frequency=times.OFTEN), "他经常跑步。"),
        (Action(SHE, V["buy"], "past", NP(N["dress"], "a", False, A["red"]), question="whether"), "她买了一条红色的连衣裙吗\uff1f"),
        (Action(SHE, V["buy"], "past", NP(N["dress"], "a"), negative=True), "她没买连衣裙。"),
        (Action(SHE, V["have"], object=NP(N["car"], "a"), negative=True), "她没有汽车。"),
        (Action(SHE, V["see"], "future", NP(N["panda"], "the", True)), "她会看见那些熊猫。"),
        (Action(SHE, V["sing"], "plan", time=times.TIMES["future"][0]), "她明天要唱歌。"),
        (Action(SHE, V["put on"], object=NP(N["coat"], "her", False, A["red"])), "她穿着她红色的大衣。"),
        (Action(SHE, V["go"], place=places.PUBLIC[1]), "她正在去火车站的路上。"),
        (Action(YOU, V["go"], question="where"), "你要去哪里\uff1f"),
        (Action(YOU, V["live"], question="where"), "你住在哪里\uff1f"),
        (Action(HE, V["give"], "past", NP(N["book"], "a"), ME), "他给了我一本书。"),
        (Action(HE, V["lend"], "past", NP(N["book"], "this"), ME), "他把这本书借给了我。"),
        (s.Location(NP(N["key"], "the"), places.SPOTS[0]), "那把钥匙在桌子上。"),
        (s.Location(NP(N["mother"], "my"), PARK), "我妈妈在公园里。"),
        (s.Location(NP(N["mother"], "our"), None), "我们的妈妈在哪里\uff1f"),
        (s.Existence(NP(N["cat"], "a"), places.SPOTS[1]), "椅子上有一只猫。"),
        (s.Existence(NP(N["book"], "some", True), places.SPOTS[1], negative=True), "椅子上没有书。"),
        (s.Quality(NP(N["dog"], "the"), A["white"], question=True), "那只狗是白色的吗\uff1f"),
        (s.Quality(NP(N["dress"], "this", True), A["beautiful"]), "这些连衣裙很漂亮。"),
        (s.Comparison(NP(N["dog"], "the"), A["big"], NP(N["cat"], "the"), equal=True), "那只狗和那只猫一样大。"),
        (s.Preference(PAUL, N["tea"], N["coffee"]), "比起咖啡\uff0c保罗更喜欢茶。"),
        (s.Relative(N["book"], False, PAUL, V["buy"], A["interesting"]), "保罗买的那本书很有趣。"),
        (s.Age(PAUL, 2), "保罗两岁。"),
        (s.Schedule(times.TRANSPORTS[0], places.CITIES[3], verbs.LEAVE, 2, 30), "去北京的火车两点半出发。"),
        (s.Date(times.MONTHS[4][0], 3, weekday=times.DAYS[0]), "今天是5月3日\uff0c星期一。"),
    ],
)
def test_sentences(sentence, text):
    assert realise(sentence) == text


@pytest.mark.parametrize(
    "sentence",
    [
        Action(HE, V["find"], "past", NP(N["key"], "his", True)),  # 他的钥匙: one, or more?
        Action(HE, V["sleep"], place=PARK, negative=True),  # 没在公园里睡觉: is not, or did not?
    ],
)
def test_what_chinese_does_not_show_is_declined(sentence):
    with pytest.raises(s.UnsayableError):
        realise(sentence)


def test_a_numeral_shows_the_plural():
    assert realise(Action(HE, V["find"], "past", NP(N["key"], "his", True, None, 2))) == "他找到了他的两把钥匙。"
