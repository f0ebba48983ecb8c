"""When and how often: adverbs of time, days, months, hours and the weather."""

from __future__ import annotations

from anyformer.data.phrasebook.words import Phrase, Time, Weather

_TIMES = """
    today,aujourd'hui,今天,present
    now,maintenant,现在,present
    yesterday,hier,昨天,past
    last night,hier soir,昨晚,past
    this morning,ce matin,今天早上,past
    last week,la semaine dernière,上个星期,past
    tomorrow,demain,明天,future
    tonight,ce soir,今晚,future
    tomorrow morning,demain matin,明天早上,future
    next week,la semaine prochaine,下个星期,future
    every day,tous les jours,每天,habit
    every morning,tous les matins,每天早上,habit
    every evening,tous les soirs,每天晚上,habit
"""
_DAYS = """
    Monday,lundi,一
    Tuesday,mardi,二
    Wednesday,mercredi,三
    Thursday,jeudi,四
    Friday,vendredi,五
    Saturday,samedi,六
    Sunday,dimanche,天
"""
_MONTHS = """
    January,janvier,31
    February,février,29
    March,mars,31
    April,avril,30
    May,mai,31
    June,juin,30
    July,juillet,31
    August,août,31
    September,septembre,30
    October,octobre,31
    November,novembre,30
    December,décembre,31
"""


def _rows(table: str) -> list[list[str]]:
    return [line.strip().split(",") for line in table.strip().splitlines()]


DAYS = tuple(Phrase(en, fr, f"星期{zh}") for en, fr, zh in _rows(_DAYS))
MONTHS = tuple((Phrase(en, fr, f"{number}月"), int(days)) for number, (en, fr, days) in enumerate(_rows(_MONTHS), 1))
_ALL = (
    *(Time(en, fr, zh, tense) for en, fr, zh, tense in _rows(_TIMES)),
    *(Time(f"last {day.en}", f"{day.fr} dernier", f"上个{day.zh}", "past") for day in DAYS),
    *(Time(f"next {day.en}", f"{day.fr} prochain", f"下个{day.zh}", "future") for day in DAYS),
    *(Time(f"on {day.en}s", f"le {day.fr}", f"每个{day.zh}", "habit") for day in DAYS),
)
TIMES = {tense: tuple(time for time in _ALL if time.tense == tense) for tense in ("present", "past", "future", "habit")}
TIMES["plan"] = TIMES["future"]

OFTEN, ALWAYS, SOMETIMES = Phrase("often", "souvent", "经常"), Phrase("always", "toujours", "总是"), Phrase("sometimes", "parfois", "有时")
NEVER = Phrase("never", "jamais", "从不")
FREQUENCIES = (OFTEN, ALWAYS, SOMETIMES, NEVER)

WEATHERS = (
    Weather(
        ("it rained", "it is raining", "it will rain"),
        ("il a plu", "il pleut", "il pleuvra"),
        ("下雨了", "正在下雨", "会下雨"),
        ("it {} rains", "il pleut {}", "{}下雨"),
    ),
    Weather(
        ("it snowed", "it is snowing", "it will snow"),
        ("il a neigé", "il neige", "il neigera"),
        ("下雪了", "正在下雪", "会下雪"),
        ("it {} snows", "il neige {}", "{}下雪"),
    ),
    Weather(
        ("it was hot", "it is hot", "it will be hot"),
        ("il faisait chaud", "il fait chaud", "il fera chaud"),
        ("很热", "很热", "会很热"),
        ("it is {} hot", "il fait {} chaud", "{}很热"),
    ),
    Weather(
        ("it was cold", "it is cold", "it will be cold"),
        ("il faisait froid", "il fait froid", "il fera froid"),
        ("很冷", "很冷", "会很冷"),
        ("it is {} cold", "il fait {} froid", "{}很冷"),
    ),
    Weather(
        ("the weather was nice", "the weather is nice", "the weather will be nice"),
        ("il faisait beau", "il fait beau", "il fera beau"),
        ("天气很好", "天气很好", "天气会很好"),
        ("the weather is {} nice", "il fait {} beau", "天气{}很好"),
    ),
    Weather(
        ("it was windy", "it is windy", "it will be windy"),
        ("il y avait du vent", "il y a du vent", "il y aura du vent"),
        ("风很大", "风很大", "风会很大"),
        ("it is {} windy", "il y a {} du vent", "风{}很大"),
    ),
)

# Things on a calendar: English, French, Chinese
EVENTS = (
    Phrase("party", "la fête", "聚会"),
    Phrase("concert", "le concert", "音乐会"),
    Phrase("exam", "l'examen", "考试"),
    Phrase("match", "le match", "比赛"),
    Phrase("meeting", "la réunion", "会议"),
    Phrase("wedding", "le mariage", "婚礼"),
)
SHOPS = (
    Phrase("museum", "le musée", "博物馆"),
    Phrase("library", "la bibliothèque", "图书馆"),
    Phrase("restaurant", "le restaurant", "餐馆"),
    Phrase("bank", "la banque", "银行"),
    Phrase("shop", "le magasin", "商店"),
    Phrase("market", "le marché", "市场"),
)
SHOWS = (*EVENTS[:2], *EVENTS[3:5], Phrase("film", "le film", "电影"), Phrase("class", "le cours", "课"))
TRANSPORTS = (Phrase("train", "le train", "火车"), Phrase("bus", "le bus", "公共汽车"), Phrase("plane", "l'avion", "飞机"))
