"""Nouns, names and pronouns: English, its plural, French, its plural, gender, Chinese, measure word."""

from __future__ import annotations

from anyformer.data.phrasebook.words import Noun

_COUNTED = {
    "youngster": """
        boy boys garçon garçons m 男孩 个
        girl girls fille filles f 女孩 个
        child children enfant enfants m 孩子 个
    """,
    "adult": """
        man men homme hommes m 男人 个
        woman women femme femmes f 女人 个
        student students étudiant étudiants m 学生 个
        teacher teachers professeur professeurs m 老师 位
        doctor doctors médecin médecins m 医生 位
        neighbour neighbours voisin voisins m 邻居 个
        friend friends ami amis m 朋友 个
        tourist tourists touriste touristes m 游客 位
    """,
    "pet": """
        cat cats chat chats m 猫 只
        dog dogs chien chiens m 狗 只
        rabbit rabbits lapin lapins m 兔子 只
        bird birds oiseau oiseaux m 鸟 只
        tortoise tortoises tortue tortues f 乌龟 只
    """,
    "animal": """
        horse horses cheval chevaux m 马 匹
        mouse mice souris souris f 老鼠 只
        cow cows vache vaches f 奶牛 头
        elephant elephants éléphant éléphants m 大象 头
        monkey monkeys singe singes m 猴子 只
        panda pandas panda pandas m 熊猫 只
    """,
    "fruit": """
        apple apples pomme pommes f 苹果 个
        pear pears poire poires f 梨 个
        banana bananas banane bananes f 香蕉 根
        orange oranges orange oranges f 橙子 个
        peach peaches pêche pêches f 桃子 个
        tomato tomatoes tomate tomates f 西红柿 个
        carrot carrots carotte carottes f 胡萝卜 根
        egg eggs œuf œufs m 鸡蛋 个
    """,
    "baked": """
        cake cakes gâteau gâteaux m 蛋糕 个
        sandwich sandwiches sandwich sandwichs m 三明治 个
    """,
    "clothes": """
        dress dresses robe robes f 连衣裙 条
        skirt skirts jupe jupes f 短裙 条
        shirt shirts chemise chemises f 衬衫 件
        coat coats manteau manteaux m 大衣 件
        sweater sweaters pull pulls m 毛衣 件
    """,
    "accessory": """
        hat hats chapeau chapeaux m 帽子 顶
        scarf scarves écharpe écharpes f 围巾 条
        tie ties cravate cravates f 领带 条
        watch watches montre montres f 手表 块
    """,
    "print": """
        book books livre livres m 书 本
        newspaper newspapers journal journaux m 报纸 份
        dictionary dictionaries dictionnaire dictionnaires m 词典 本
    """,
    "writing": """
        letter letters lettre lettres f 信 封
        story stories histoire histoires f 故事 个
        novel novels roman romans m 小说 本
    """,
    "tool": """
        pen pens stylo stylos m 钢笔 支
        pencil pencils crayon crayons m 铅笔 支
        key keys clé clés f 钥匙 把
        umbrella umbrellas parapluie parapluies m 雨伞 把
        ticket tickets billet billets m 票 张
        map maps carte cartes f 地图 张
        photo photos photo photos f 照片 张
        ball balls ballon ballons m 球 个
        present presents cadeau cadeaux m 礼物 份
        knife knives couteau couteaux m 刀 把
    """,
    "machine": """
        phone phones téléphone téléphones m 手机 部
        computer computers ordinateur ordinateurs m 电脑 台
        lamp lamps lampe lampes f 灯 盏
    """,
    "container": """
        bag bags sac sacs m 包 个
        box boxes boîte boîtes f 盒子 个
        suitcase suitcases valise valises f 行李箱 个
    """,
    "furniture": """
        table tables table tables f 桌子 张
        chair chairs chaise chaises f 椅子 把
        bed beds lit lits m 床 张
        sofa sofas canapé canapés m 沙发 张
    """,
    "vehicle": """
        car cars voiture voitures f 汽车 辆
        bicycle bicycles vélo vélos m 自行车 辆
        boat boats bateau bateaux m 船 条
    """,
    "transport": """
        train trains train trains m 火车 趟
        bus buses bus bus m 公共汽车 辆
        plane planes avion avions m 飞机 架
    """,
    "plant": """
        flower flowers fleur fleurs f 花 朵
        tree trees arbre arbres m 树 棵
    """,
    "art": """
        film films film films m 电影 部
        song songs chanson chansons f 歌 首
        painting paintings tableau tableaux m 画 幅
    """,
    "house": "house houses maison maisons f 房子 栋",
    "opening": """
        door doors porte portes f 门 扇
        window windows fenêtre fenêtres f 窗户 扇
    """,
    "idea": """
        question questions question questions f 问题 个
        word words mot mots m 词 个
        idea ideas idée idées f 主意 个
    """,
}

_RELATIVES = """
    mother mère f 妈妈
    father père m 爸爸
    sister sœur f 姐姐
    brother frère m 哥哥
    grandmother grand-mère f 奶奶
    grandfather grand-père m 爷爷
    aunt tante f 阿姨
    uncle oncle m 叔叔
    daughter fille f 女儿
    son fils m 儿子
"""

_MASS = {
    "food": """
        bread,pain,m,面包
        rice,riz,m,米饭
        meat,viande,f,肉
        fish,poisson,m,鱼
        cheese,fromage,m,奶酪
        chocolate,chocolat,m,巧克力
        salad,salade,f,沙拉
        ice cream,glace,f,冰淇淋
    """,
    "drink": """
        water,eau,f,水
        tea,thé,m,茶
        coffee,café,m,咖啡
        milk,lait,m,牛奶
        orange juice,jus d'orange,m,橙汁
        wine,vin,m,葡萄酒
        beer,bière,f,啤酒
    """,
}

_PORTIONS = """
    cup,cups,tasse,tasses,f,杯,portion-of-drink,tea coffee
    glass,glasses,verre,verres,m,杯,portion-of-drink,water milk wine
    bottle,bottles,bouteille,bouteilles,f,瓶,portion-of-drink,water wine beer
    piece,pieces,morceau,morceaux,m,块,portion-of-food,bread meat cheese chocolate
    kilo,kilos,kilo,kilos,m,公斤,portion-of-fruit,apple pear banana orange tomato carrot
"""

_NAMES = """
    Paul m 保罗
    Thomas m 托马斯
    Lucas m 卢卡斯
    Daniel m 丹尼尔
    Marie f 玛丽
    Julie f 朱莉
    Anna f 安娜
    Emma f 艾玛
"""

_PRONOUNS = """
    I je m 我 0
    you tu m 你 1
    he il m 他 2
    she elle f 她 2
    we nous m 我们 3
    they ils m 他们 4
"""


def _rows(table: str, separator: str | None = None) -> list[list[str]]:
    return [line.strip().split(separator) for line in table.strip().splitlines()]


def _portion(row: list[str], what: Noun) -> Noun:
    en, en_plural, fr, fr_plural, gender, measure, kind, _ = row
    en_what, fr_what = what.en_plural, what.fr_plural
    fr_what = f"d'{fr_what}" if fr_what[0] in "aeo" else f"de {fr_what}"
    return Noun(f"{en} of {en_what}", f"{en_plural} of {en_what}", f"{fr} {fr_what}", f"{fr_plural} {fr_what}", gender, what.zh, measure, kind)


COUNTED = {
    en: Noun(en, en_plural, fr, fr_plural, gender, zh, measure, kind)
    for kind, table in _COUNTED.items()
    for en, en_plural, fr, fr_plural, gender, zh, measure in _rows(table)
}
RELATIVES = {en: Noun(en, en, fr, fr, gender, zh, "", "relative") for en, fr, gender, zh in _rows(_RELATIVES)}
PARENTS = Noun("parents", "parents", "parents", "parents", "m", "父母", "", "relative")
MASS = {en: Noun(en, en, fr, fr, gender, zh, "", kind) for kind, table in _MASS.items() for en, fr, gender, zh in _rows(table, ",")}
_CONTENTS = [(row, (COUNTED | MASS)[content]) for row in _rows(_PORTIONS, ",") for content in row[-1].split()]
CONTENT = {_portion(row, what): what for row, what in _CONTENTS}  # a glass of water: water
PORTIONS = {portion.en: portion for portion in CONTENT}
NAMES = {name: Noun(name, name, name, name, gender, zh, "", "name") for name, gender, zh in _rows(_NAMES)}
PRONOUNS = {en: Noun(en, en, fr, fr, gender, zh, "", "pronoun", int(person)) for en, fr, gender, zh, person in _rows(_PRONOUNS)}


def of_kinds(*kinds: str) -> tuple[Noun, ...]:
    """The common nouns of these kinds, in the order of the tables."""
    return tuple(n for n in (*COUNTED.values(), *MASS.values(), *PORTIONS.values()) if n.kind in kinds)
