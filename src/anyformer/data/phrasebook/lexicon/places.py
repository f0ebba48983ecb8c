"""Places: where something happens, where somebody goes, lives or comes from."""

from __future__ import annotations

from anyformer.data.phrasebook.lexicon.nouns import COUNTED
from anyformer.data.phrasebook.words import Noun, Place

# English noun, preposition; French underlying form (à le becomes au); Chinese
_PUBLIC = """
    school,at school,to school,à l'école,学校
    station,at the station,to the station,à la gare,火车站
    airport,at the airport,to the airport,à l'aéroport,机场
    market,at the market,to the market,à le marché,市场
    restaurant,at the restaurant,to the restaurant,à le restaurant,餐馆
    library,at the library,to the library,à la bibliothèque,图书馆
    hospital,at the hospital,to the hospital,à l'hôpital,医院
    museum,at the museum,to the museum,à le musée,博物馆
    beach,at the beach,to the beach,à la plage,海边
    hotel,at the hotel,to the hotel,à l'hôtel,酒店
    cinema,at the cinema,to the cinema,à le cinéma,电影院
    office,at the office,to the office,à le bureau,办公室
"""
_ROOMS = """
    kitchen,dans la cuisine,厨房里
    garden,dans le jardin,花园里
    park,dans le parc,公园里
    living room,dans le salon,客厅里
    bedroom,dans la chambre,卧室里
    street,dans la rue,街上
"""
_CITIES = """
    Paris,Paris,巴黎
    Lyon,Lyon,里昂
    London,Londres,伦敦
    Beijing,Pékin,北京
    Shanghai,Shanghai,上海
    Rome,Rome,罗马
    Madrid,Madrid,马德里
    Berlin,Berlin,柏林
"""
_COUNTRIES = """
    France,en France,de France,法国
    China,en Chine,de Chine,中国
    Italy,en Italie,de Italie,意大利
    Spain,en Espagne,de Espagne,西班牙
    Germany,en Allemagne,de Allemagne,德国
    Japan,à le Japon,de le Japon,日本
    Canada,à le Canada,de le Canada,加拿大
    the United States,à les États-Unis,de les États-Unis,美国
"""
_SPOTS = {
    ("on", "sur", "上"): "table chair bed sofa",
    ("under", "sous", "下面"): "table chair bed tree",
    ("in", "dans", "里"): "box bag suitcase car",
    ("behind", "derrière", "后面"): "house tree door sofa",
    ("in front of", "devant", "前面"): "house window door car",
    ("next to", "à côté de", "旁边"): "bed tree lamp window table",
}


def _rows(table: str) -> list[list[str]]:
    return [line.strip().split(",") for line in table.strip().splitlines()]


def _definite(noun: Noun) -> str:
    article = "l'" if noun.fr[0] in "aeiouéê" else "la " if noun.gender == "f" else "le "
    return article + noun.fr


PUBLIC = tuple(Place(name, at, to, fr, zh, zh, "public") for name, at, to, fr, zh in _rows(_PUBLIC))
ROOMS = tuple(Place(en, f"in the {en}", f"to the {en}", fr, zh, zh, "room") for en, fr, zh in _rows(_ROOMS))
CITIES = tuple(Place(en, f"in {en}", f"to {en}", f"à {fr}", zh, zh, "city", f"de {fr}") for en, fr, zh in _rows(_CITIES))
COUNTRIES = tuple(Place(en, f"in {en}", f"to {en}", fr, zh, zh, "country", origin) for en, fr, origin, zh in _rows(_COUNTRIES))
SPOTS = tuple(
    Place(noun, f"{en} the {noun}", "", f"{fr} {_definite(COUNTED[noun])}", "", COUNTED[noun].zh + zh, en)
    for (en, fr, zh), nouns in _SPOTS.items()
    for noun in nouns.split()
)
