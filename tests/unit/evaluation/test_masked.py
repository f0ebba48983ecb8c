"""How well an encoder finds hidden words: against a loop over rows and positions."""

from __future__ import annotations

import json
import math

import pytest
import torch

from anyformer import architectures
from anyformer.batch import Batch
from anyformer.data import TokenizedPairs, evaluation_batches
from anyformer.data.objectives import BoundMasked, MaskedLM
from anyformer.errors import InputError
from anyformer.evaluation import evaluate_masked
from anyformer.model.model import Model
from anyformer.text import Byte

PAIRS = [("Two dogs play.", "Deux chiens."), ("A man.", "Un homme."), ("A cat sleeps on a mat.", "Un chat dort sur un tapis."), ("A", "B")]
TOKENS = 70  # a batch: two batches of these pairs


@pytest.fixture(scope="module", params=["bert-base", "roformer-small"])
def model(request: pytest.FixtureRequest) -> Model:
    torch.manual_seed(4)
    built = architectures.get(request.param, scale="30K", vocab_size=objective().target_tokenizer.vocab_size).build()
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return built


def objective(limit: int | None = 60) -> BoundMasked:
    tokenizer = Byte().train(text for pair in PAIRS for text in pair)
    return MaskedLM(share=0.3).bind(tokenizer, tokenizer, limit)


@torch.no_grad()
def by_loop(model: Model, bound: BoundMasked, seed: int) -> tuple[float, int, int]:
    """Nats, hits and hidden tokens, of each row alone and unpadded, one position at a time."""
    model.eval()
    examples = TokenizedPairs.build(PAIRS, bound)
    nats, hits, tokens = 0.0, 0, 0
    groups = evaluation_batches(examples.lengths, TOKENS)
    assert len(groups) > 1
    for group in groups:
        batch = bound.collate([examples[i] for i in group], seed)
        assert batch.targets is not None and batch.weights is not None and batch.token_types is not None
        for row, i in enumerate(group):
            n = int(examples.lengths[i][0])
            alone = Batch(tokens=batch.tokens[row : row + 1, :n], token_types=batch.token_types[row : row + 1, :n])
            scores = model(alone).logits[0].double().tolist()
            for t in range(n):
                if batch.weights[row, t]:
                    wanted = int(batch.targets[row, t])
                    nats += math.log(sum(math.exp(score) for score in scores[t])) - scores[t][wanted]
                    hits += scores[t].index(max(scores[t])) == wanted
                    tokens += 1
    return nats, hits, tokens


@pytest.mark.parametrize("seed", [0, 5])
def test_it_is_what_a_loop_finds(model: Model, seed: int) -> None:
    found = evaluate_masked(model.train(), objective(), PAIRS, batch_tokens=TOKENS, seed=seed)
    nats, hits, tokens = by_loop(model, objective(), seed)
    assert found.tokens == tokens > 20 and found.found == hits and found.nats == pytest.approx(nats, rel=1e-5)
    assert found["loss"] == pytest.approx(nats / tokens, rel=1e-5) and found["perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-4)
    assert found["accuracy"] == pytest.approx(100 * hits / tokens)


def test_figures_repeat_and_another_seed_hides_others(model: Model) -> None:
    def scores(seed: int = 0, pairs: list[tuple[str, str]] = PAIRS) -> dict[str, float]:
        return evaluate_masked(model, objective(), pairs, batch_tokens=TOKENS, seed=seed).scores

    torch.manual_seed(1)
    first = scores()
    torch.manual_seed(2)
    assert scores() == first != scores(1)
    model.train()
    scores()
    assert model.training, "the model is left as it was"


def test_what_was_cut_and_left_out_is_counted(model: Model) -> None:
    done: list[tuple[int, int]] = []
    found = evaluate_masked(model, objective(20), PAIRS, batch_tokens=40, max_sentences=3, progress=lambda n, of: done.append((n, of)))
    assert found.sentences == 3 and found.cut == 2 and done[-1] == (3, 3)
    data = json.loads(json.dumps(found.to_dict()))
    assert set(data["metrics"]) == {"loss", "perplexity", "accuracy"} and data["hidden"] == {"tokens": found.tokens, "seed": 0}
    assert "no BLEU" in data["left_out"]["metrics"] and "no BLEU" in str(found) and "2 cut" in str(found)
    with pytest.raises(InputError, match="no sentence pairs"):
        evaluate_masked(model, objective(), [], batch_tokens=40)
