"""phrasebook: the embedded corpus, written for this project. Everyday English, French and Chinese from one grammar.

    train, validation, test = splits(source="en", target="fr", seed=0)

A synchronous grammar: `grammar` draws what is said (abstract syntax, `syntax`), `english`, `french` and `chinese` each say
it, with their own agreement, word order and orthography, and `splits` makes the corpus of it. The words are in `lexicon`.
"""

from anyformer.data.phrasebook.splits import DEFAULT_SIZE, HeldOut, Splits, held_out, info, splits

__all__ = ["DEFAULT_SIZE", "HeldOut", "Splits", "held_out", "info", "splits"]
