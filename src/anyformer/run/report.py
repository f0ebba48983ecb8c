"""What is made when training has ended: the best weights' scores on the validation pairs, plots, and what to try next."""

from __future__ import annotations

import json

from anyformer.evaluation import Evaluation
from anyformer.run.banner import duration
from anyformer.run.evaluate import evaluate
from anyformer.run.load import Run
from anyformer.run.prepare import Prepared
from anyformer.run.screen import Screen
from anyformer.training import Result


def finish(run: Run, prepared: Prepared, result: Result, screen: Screen) -> Evaluation:
    """Evaluates the best weights and says how it went."""
    tokens = f"{result.tokens:,} tokens in {duration(result.elapsed)}, {result.tokens / max(result.elapsed, 1e-9):,.0f} tokens/s evaluations included"
    screen.say(f"\n{result.message}: step {result.step:,}, {tokens}")
    found = evaluate(run, pairs=prepared.splits.validation)
    (run.path / "evaluation.json").write_text(json.dumps({"split": "validation", "step": run.step} | found.to_dict(), indent=1) + "\n", encoding="utf-8")
    screen.say(f"\nvalidation, with the weights of {run.step}:\n{found}")
    return found
