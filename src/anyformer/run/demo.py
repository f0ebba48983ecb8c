"""`demo()`: the whole path in minutes, on the embedded corpus: train, put to the test, look inside."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from anyformer.evaluation import Evaluation
from anyformer.run.attend import attention
from anyformer.run.evaluate import compare
from anyformer.run.report import draw_course
from anyformer.run.run_page import write_page
from anyformer.run.screen import Screen
from anyformer.run.train import Show, Trained, train

RECIPE = "phrasebook-en-fr"
SHOWN = 10  # held-out sentences printed


def demo(
    changes: Mapping[str, Any] | None = None,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    precision: Literal["auto", "fp32", "bf16"] = "auto",
    processes: int | None = None,
    show: Show = "stdout",
) -> tuple[Trained, Evaluation | None]:
    """Trains English to French on the embedded phrasebook and shows what came of it; (what was trained, its scores on held-out sentences)."""
    screen = Screen(show)
    screen.say("This trains a small Transformer to translate English into French, from nothing, on sentences that a grammar writes.\n")
    trained = train(RECIPE, changes, out=out, device=device, precision=precision, processes=processes, show=show, report=False)
    if trained.path is None or trained.result is None or not trained.result.finished:
        return trained, None
    run = trained.load(device=device)
    pairs = trained.plan.prepared.splits.test
    screen.say(f"\n{trained.result.message}. Now {len(pairs):,} held-out sentences, in which known words meet in ways that were never trained on:\n")
    found = compare(run, pairs)
    screen.say(f"{found}\n")
    step = max(len(pairs) // SHOWN, 1)
    for (source, reference), made in list(zip(found.pairs, found.translations, strict=True))[::step][:SHOWN]:
        screen.say(f"  English    {source}\n  reference  {reference}\n  model      {made}{'' if made == reference else '   <- differs'}\n")
    sentence = pairs[0][0]
    pictures = attention(run, sentence).pictures
    plot = draw_course(run.path)
    report = write_page(run.path, trained.plan, trained.result, {"test": found}, plot)
    screen.say(f"run        {run.path}\nreport     {report}\nlosses     {plot}")
    for side, picture in pictures.items():
        screen.say(f"{side:<10} {picture.png}")
    path, recipe = shlex.quote(str(run.path)), "multi30k-en-fr"
    screen.say("\ntry next:")
    screen.say(f"  anyformer translate {path} {shlex.quote('My sister has two black cats.')} --n-best 3 --scores")
    screen.say(f"  anyformer attention {path} {shlex.quote('We do not eat the big red apple.')}")
    screen.say(f"  anyformer train {recipe} train.max_minutes=20      # real sentences; or --source YOURS.en --target YOURS.fr")
    return trained, found
