"""A small corpus in three languages, and one scheme of each kind that can be learned from it."""

from __future__ import annotations

from anyformer.text import BPE, Byte, ByteLevelBPE, Character, Tokenization, Unigram, Word

CORPUS = [
    "A man is riding a bicycle, and a woman is walking.",
    "Two dogs are playing in the snow (near the house).",
    "The man's bicycle isn't in the house; the dogs are!",
    "Un homme fait du vélo, et une femme marche.",
    "Deux chiens jouent dans la neige près de la maison.",
    "L'homme n'est pas à la maison : où est l'été ?",
    "我们在学习中文。我们喜欢学习。",
    "他在房子里学习中文，狗在雪里。",
    "In 1999 there were 12 dogs and 7 men.",
] * 3

SCHEMES: dict[str, Tokenization] = {
    "BPE": BPE(vocab_size=420),
    "ByteLevelBPE": ByteLevelBPE(vocab_size=360),
    "Unigram": Unigram(vocab_size=440),
    "Word": Word(),
    "Character": Character(),
    "Byte": Byte(),
}
LOSSLESS = [kind for kind in SCHEMES if kind != "Word"]
