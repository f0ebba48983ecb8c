"""Chinese: measure words, 了 and 没, 正在, 会, 的, questions with 吗, time and place before the verb, full-width marks.

Conventions where English and French show a difference: `the` is 那 with its measure word (那些 in the plural), `this` is 这;
what is going on now takes 正在, habits and states are unmarked; the past takes 了 (没 in the negative), what will
be 会, what somebody is going to do 要 (不打算).
Chinese does not show the number of what somebody owns, so possessives in the plural need a numeral: others are declined.
So is `is not doing` with a place, which would be the same as `did not do`.
"""

from __future__ import annotations

from functools import cache

from anyformer.data.phrasebook import syntax as s
from anyformer.data.phrasebook.words import Noun, Place, Time

_POSSESSOR = {"my": "我", "your": "你", "his": "他", "her": "她", "our": "我们", "their": "他们"}
_COMMA, _QUESTION_MARK, _FULL_STOP = "\uff0c", "\uff1f", "\u3002"  # full-width
_DIGITS = "零一二三四五六七八九十"


def numeral(n: int) -> str:
    """0 to 100; before a measure word use `count`."""
    if n <= 10:
        return _DIGITS[n]
    if n == 100:
        return "一百"
    tens, ones = divmod(n, 10)
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")


def count(n: int) -> str:
    """A numeral before a measure word: two is 两."""
    return "两" if n == 2 else numeral(n)


@cache
def noun_phrase(np: s.NP, bare: bool = False) -> str:
    """With `bare`: without its 一 and measure word, as after a negation."""
    noun = np.noun
    if not np.det:
        return noun.zh
    words = (np.adjective.zh if np.adjective else "") + noun.zh
    match np.det:
        case "bare":
            return words
        case "a" | "some" if bare:
            return words
        case "a":
            return f"一{noun.measure}{words}"
        case "some":
            return f"一些{words}"
        case "number":
            return f"{count(np.number)}{noun.measure}{words}"
        case "the":
            return f"那{'些' if np.plural else noun.measure}{words}"
        case "this":
            return f"这{'些' if np.plural else noun.measure}{words}"
    if np.plural and not np.number and noun.measure:
        raise s.UnsayableError(f"{noun.zh}: the plural of what is owned does not show")
    owner = noun_phrase(np.owner) if np.owner else _POSSESSOR[np.det]
    number = f"{count(np.number)}{noun.measure}" if np.number else ""
    kin = noun.kind == "relative" and len(owner) == 1  # 我妈妈, but 我们的妈妈
    enough = words.removesuffix(noun.zh).endswith("的") and not number  # 我红色的毛衣: one 的 is enough
    return f"{owner}{'' if kin or enough else '的'}{number}{words}"


def _time(time: Time | None) -> str:
    return time.zh if time else ""


def _at(place: Place | None) -> str:
    return f"在{place.zh_at}" if place else ""


def _action(a: s.Action) -> str:
    negative = a.negative
    never = a.frequency is not None and a.frequency.zh == "从不"
    thing = "什么" if a.question == "what" else noun_phrase(a.plain_object, negative or never) if a.plain_object else ""
    where = "哪里" if a.question == "where" else ""
    scene = "" if a.verb.goal else f"在{where}" if where else _at(a.place)
    goal = (where or (a.place.zh if a.place else "")) if a.verb.goal else ""
    start = noun_phrase(a.subject) + _time(a.time) + (a.frequency.zh if a.frequency else "")
    verb, end = a.verb.zh, "吗" if a.question == "whether" else ""
    if a.modal:
        return f"{start}{a.modal.zh_negative if negative else a.modal.zh}{scene}{verb}{goal}{thing}{end}"
    if a.tense == "plan":
        return f"{start}{'不打算' if negative else '要'}{scene}{verb}{goal}{thing}{end}"
    if a.tense == "future":
        return f"{start}{'不会' if negative else '会'}{scene}{_give(a, thing, '') if a.recipient else verb + goal + thing}{end}"
    if a.tense == "past":
        done = "" if negative else "了"
        after = _give(a, thing, done) if a.recipient else f"{verb}{done}{goal}{thing}"
        return f"{start}{'没' if negative else ''}{scene}{after}{end}"
    if not a.progressive:
        no = "没" if verb == "有" else "不"
        return f"{start}{no if negative else ''}{scene}{verb}{goal}{thing}{end}"
    if a.verb.zh_progressive:
        return f"{start}{scene}{a.verb.zh_progressive}{thing}{end}"
    if goal:
        return f"{start}要{verb}{goal}" if where else f"{start}正在{verb}{goal}的路上{end}"  # going there
    if negative and a.place:
        raise s.UnsayableError("没在...: is not doing, or did not do")
    now = "没" if negative else "正"
    return f"{start}{now}{scene or '在'}{verb}{thing}{end}"


def _give(a: s.Action, thing: str, done: str) -> str:
    """What is known comes before the verb with 把; what is new follows the receiver."""
    assert a.object and a.recipient
    receiver = noun_phrase(a.recipient)
    if a.object.det in ("a", "some", "number", "bare"):
        return f"{a.verb.zh}{done}{receiver}{thing}"
    return f"把{thing}{a.verb.zh}{done}{receiver}"


def _location(x: s.Location) -> str:
    subject = noun_phrase(x.subject)
    if x.place is None:
        return f"{subject}在哪里"
    will = "会" if x.tense == "future" else ""
    return f"{subject}{_time(x.time)}{will}{_at(x.place)}{'吗' if x.question else ''}"


def _existence(x: s.Existence) -> str:
    if x.negative:
        return f"{x.place.zh_at}没有{x.thing.noun.zh}"
    return f"{x.place.zh_at}有{noun_phrase(x.thing, bare=x.question and x.thing.det == 'some')}{'吗' if x.question else ''}"


def _predicate(adjective: str, very: bool, negative: bool, question: bool, will: str = "") -> str:
    """很累, 非常累, 不累, 累吗; 是红色的, 不是红色的, 是红色的吗."""
    end = "吗" if question else ""
    if adjective.endswith("的"):
        return f"{'不' if negative else ''}是{adjective}{end}"
    if negative:
        return f"不{will}{adjective}{end}"
    degree = "非常" if very else "" if question else "很"
    return f"{will}{degree}{adjective}{end}"


def _quality(x: s.Quality) -> str:
    return noun_phrase(x.subject) + _predicate(x.adjective.zh_predicate, x.very, x.negative, x.question)


def _feeling(x: s.Feeling) -> str:
    will = "会" if x.tense == "future" else ""
    return noun_phrase(x.subject) + _time(x.time) + _predicate(x.state.zh, x.very, x.negative, x.question, will)


def _comparison(x: s.Comparison) -> str:
    subject, other, adjective = noun_phrase(x.subject), noun_phrase(x.other), x.adjective.zh_predicate
    return f"{subject}和{other}一样{adjective}" if x.equal else f"{subject}比{other}{adjective}"


def _occupation(x: s.Occupation) -> str:
    return f"{noun_phrase(x.subject)}{'不' if x.negative else ''}是{x.profession.zh}{'吗' if x.question else ''}"


def _origin(x: s.Origin) -> str:
    return f"{noun_phrase(x.subject)}来自{x.place.zh}{'吗' if x.question else ''}"


def _generic(noun: Noun) -> str:
    return noun.zh


def _liking(x: s.Liking) -> str:
    verb = x.verb.zh if x.verb else "怕"
    return f"{noun_phrase(x.subject)}{'不' if x.negative else ''}{verb}{_generic(x.kind)}{'吗' if x.question else ''}"


def _preference(x: s.Preference) -> str:
    return f"比起{_generic(x.other)}{_COMMA}{noun_phrase(x.subject)}更喜欢{_generic(x.kind)}"


def _age(x: s.Age) -> str:
    subject = noun_phrase(x.subject)
    return f"{subject}{count(x.years)}岁" if x.years else f"{subject}多大"


def _price(x: s.Price) -> str:
    subject = noun_phrase(x.subject)
    return f"{subject}{count(x.euros)}欧元" if x.euros else f"{subject}多少钱"


def _how_many(x: s.HowMany) -> str:
    return f"{noun_phrase(x.subject)}{x.verb.zh}{'了' if x.tense == 'past' else ''}几{x.noun.measure}{x.noun.zh}"


def _relative(x: s.Relative) -> str:
    head = noun_phrase(s.NP(x.noun, "the", x.plural))
    return f"{noun_phrase(x.subject)}{x.verb.zh}的{head}{_predicate(x.adjective.zh_predicate, False, False, False)}"


def _occasion(x: s.Occasion) -> str:
    return f"今天是{noun_phrase(x.owner)}的生日{_COMMA}所以{_action(x.action)}"


def _time_of_day(hour: int, minutes: int) -> str:
    if minutes == 45:
        return f"差一刻{count(hour + 1)}点"
    return f"{count(hour)}点" + {0: "", 15: "一刻", 30: "半"}[minutes]


def _schedule(x: s.Schedule) -> str:
    thing = (f"去{x.city.zh}的" if x.city else "") + x.thing.zh
    return f"{thing}{_time_of_day(x.hour, x.minutes) if x.hour else '几点'}{x.verb.zh}"


def _clock(x: s.Clock) -> str:
    return f"现在{_time_of_day(x.hour, x.minutes)}"


def _date(x: s.Date) -> str:
    date = f"{x.month.zh}{x.day}日"
    if x.weekday:
        return f"今天是{date}{_COMMA}{x.weekday.zh}"
    subject = f"{noun_phrase(x.owner)}的生日" if x.owner else x.event.zh if x.event else ""
    return f"{subject}是{date}" if x.day else f"{subject}是什么时候"


def _forecast(x: s.Forecast) -> str:
    weather = x.weather
    clause = weather.habit[2].format(x.frequency.zh) if x.frequency else weather.zh[("past", "present", "future").index(x.tense)]
    return f"{x.city.zh}{_time(x.time)}{clause}"


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


def asks(sentence: s.Sentence) -> bool:
    """Whether the sentence is a question."""
    match sentence:
        case s.HowMany() | s.Location(place=None) | s.Age(years=0) | s.Price(euros=0) | s.Schedule(hour=0) | s.Date(day=0):
            return True
    return bool(getattr(sentence, "question", False))


def realise(sentence: s.Sentence) -> str:
    """The sentence in Chinese; raises UnsayableError where it would not show what the other languages show."""
    return _CONSTRUCTIONS[type(sentence)](sentence) + (_QUESTION_MARK if asks(sentence) else _FULL_STOP)  # type: ignore[operator]
