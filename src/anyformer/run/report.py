"""What is made when training has ended: the best weights' scores, the plot of the losses, and what to try next."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from anyformer.errors import AnyformerError, counted
from anyformer.evaluation import Evaluation, MaskedEvaluation
from anyformer.inspection import draw_losses
from anyformer.run.banner import Plan, duration, warmup_note
from anyformer.run.evaluate import compare, find_hidden
from anyformer.run.load import Run
from anyformer.run.prepare import Prepared
from anyformer.run.run_page import write_page
from anyformer.run.screen import Screen
from anyformer.training import Result, read_metrics


def finish(run: Run, plan: Plan, result: Result, screen: Screen) -> Evaluation | None:
    """Evaluates the best weights on the validation pairs, draws the losses, puts all on a page, and says how it went.

    An encoder alone writes nothing to be compared: it finds hidden words, and None is given.
    """
    prepared = plan.prepared
    tokens = f"{counted(result.tokens, 'token')} in {duration(result.elapsed)}, {result.tokens / max(result.elapsed, 1e-9):,.0f} tokens/s with evaluations"
    screen.say(f"\n{result.message}: step {result.step:,}, {tokens}")
    if note := warmup_note(prepared.recipe.train, result.step):
        screen.note(note)
    if run.model.decoder is not None and (told := announcement(prepared, result)):
        screen.say(told)
    found = None if run.model.decoder is None else compare(run, prepared.splits.validation)
    _tell(run, found or find_hidden(run, prepared.splits.validation), screen)
    screen.say(f"run        {run.path}")
    plot = draw_course(run.path)
    if plot:
        screen.say(f"loss plot  {plot}")
    screen.say(f"report     {write_page(run.path, plan, result, {} if found is None else {'validation': found}, plot)}")
    screen.say(next_commands(run, prepared))
    return found


def announcement(prepared: Prepared, result: Result) -> str | None:
    """Where the evaluation is likely to take longer than the training: how much is translated, and what shortens it.

    Reckoned as if each beam wrote the references' tokens at the speed of training: a forward pass for each is cheaper, and steps of one token are dearer.
    """
    how, pairs = prepared.recipe.evaluate, len(prepared.splits.validation)
    n = min(pairs, how.max_sentences or pairs)
    written = n * float(prepared.validation.lengths[:, -1].mean()) * how.search.beam
    if written <= result.tokens:
        return None
    what = f"translating {counted(n, 'validation sentence')} with beam {how.search.beam}"
    return f"{what}, likely longer than the training took; evaluate.max_sentences=N takes fewer"


def _tell(run: Run, found: Evaluation | MaskedEvaluation, screen: Screen) -> None:
    (run.path / "evaluation.json").write_text(json.dumps({"split": "validation", "step": run.step} | found.to_dict(), indent=1) + "\n", encoding="utf-8")
    screen.say(f"\nvalidation, with the weights of {run.step}:\n{found}\n")


def draw_course(folder: Path) -> Path | None:
    """Draws training and validation loss; None where the run was too short to log anything."""
    try:
        return draw_losses(read_metrics(folder / "metrics.jsonl"), folder / "plots" / "loss", folder.name).png
    except AnyformerError:
        return None


def next_commands(run: Run, prepared: Prepared) -> str:
    """Commands to go on with: three, or one for an encoder alone."""
    pairs, split = (prepared.splits.test, "test") if prepared.splits.test else (prepared.splits.validation, "validation")
    path, source = shlex.quote(str(run.path)), shlex.quote(pairs[0][0])
    last = f"generate {path} --prompt {source}" if run.model.encoder is None else f"attention {path} {source}"
    commands: tuple[str, ...] = (f"translate {path} {source}", f"evaluate {path} --split {split}", last)
    if run.model.decoder is None:
        commands = commands[1:2]
    return "\ntry next:\n" + "\n".join(f"  anyformer {command}" for command in commands)
