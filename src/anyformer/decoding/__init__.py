"""Generation: greedy and beam search, sampling, forced scores; `Translator` puts texts through them."""

from anyformer.decoding.beam import beam_search
from anyformer.decoding.context import room_of
from anyformer.decoding.generator import Continuation, Generator
from anyformer.decoding.greedy import greedy
from anyformer.decoding.hypothesis import Hypothesis
from anyformer.decoding.sampling import sample
from anyformer.decoding.scoring import Score
from anyformer.decoding.search_config import SearchConfig
from anyformer.decoding.translator import Candidate, Translation, Translator

__all__ = [
    "Candidate", "Continuation", "Generator", "Hypothesis", "Score", "SearchConfig", "Translation", "Translator", "beam_search", "greedy", "room_of", "sample",
]  # fmt: skip
