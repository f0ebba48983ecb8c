"""`report.html`: a finished run on one page, to keep and to send: scores, course, examples, data, model, and how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anyformer.checkpoint.files import write_text
from anyformer.errors import counted
from anyformer.evaluation import Evaluation
from anyformer.run import folder, html
from anyformer.run.banner import Plan, duration
from anyformer.training import Result, read_metrics

FILE = "report.html"
EXAMPLES = 12  # translations shown, spread over the split


def write_page(run: Path, plan: Plan, result: Result, scores: Mapping[str, Evaluation], plot: Path | None) -> Path:
    """Writes `report.html` into the run's folder.

    Args:
        scores: split -> what the best weights did on it.
        plot: the PNG of the losses, beside which its SVG lies.
    """
    lines = read_metrics(run / "metrics.jsonl")
    course = "" if plot is None else html.picture(plot.with_suffix(".svg").read_bytes(), "training and validation loss")
    parts = [
        html.paragraph(f"{counted(plan.description.parameters, 'parameter')}, trained on {plan.prepared.splits.report.corpus}; {result.message}."),
        html.facts(_facts(result, scores)),
        html.section("Scores", *(_scores(split, found) for split, found in scores.items())),
        html.section("Course", course, _validations(lines)),
        html.section("Examples", *(_examples(split, found) for split, found in scores.items())),
        html.section("As it learned", _progress(run / "samples")),
        html.section("Data", html.preformatted(str(plan.prepared.splits.report)), html.preformatted(str(plan.prepared.train.report))),
        html.section("Model", html.preformatted(plan.description.table())),
        html.section("How it was made", *_origin(run, plan)),
    ]
    write_text(run / FILE, html.page(plan.name, parts))
    return run / FILE


def _facts(result: Result, scores: Mapping[str, Evaluation]) -> Iterator[tuple[str, str]]:
    for split, found in scores.items():
        for metric in found.metrics:
            yield f"{metric.name}, {split}", f"{metric.score:.2f}{' ' + metric.unit if metric.unit else ''}"
    if not scores and result.validation:
        yield from ((f"{name}, validation", f"{value:.4f}") for name, value in result.validation.items())
    yield "steps", f"{result.step:,}"
    yield "tokens", f"{result.tokens:,}"
    yield "of training", duration(result.elapsed)


def _scores(split: str, found: Evaluation) -> str:
    rows = [(m.name, f"{m.score:.2f}{' ' + m.unit if m.unit else ''}", m.signature) for m in found.metrics]
    speed = f"{found.sentences_per_second:,.1f} sentences/s, beam {found.config.search.beam}"
    return html.paragraph(f"{split}: {counted(len(found.pairs), 'sentence')}, {speed}") + html.table(("metric", "score", "signature"), rows, numbers=(1,))


def _validations(lines: list[dict[str, Any]]) -> str:
    rows = [
        (f"{line['step']:,}", line.get("weights", ""), *(f"{value:.4f}" for value in line["validation"].values() if isinstance(value, float)))
        for line in lines
        if line.get("validation")
    ]
    names = [name for name, value in next((line["validation"] for line in lines if line.get("validation")), {}).items() if isinstance(value, float)]
    return html.folded(counted(len(rows), "validation"), html.table(("step", "weights", *names), rows, numbers=(0, *range(2, 2 + len(names))))) if rows else ""


def _examples(split: str, found: Evaluation) -> str:
    n = min(EXAMPLES, len(found.pairs))
    chosen = [i * len(found.pairs) // n for i in range(n)]
    rows = [(*found.pairs[i], found.translations[i]) for i in chosen]
    return html.paragraph(f"{split}, spread evenly") + html.table(("source", "reference", "model"), rows)


def _progress(samples: Path) -> str:
    """What the model made of the first sample sentence at each validation."""
    rows, first = [], ("", "")
    for path in sorted(samples.glob("step-*.txt")):
        said = [(line[2:12].strip(), line[13:]) for line in path.read_text(encoding="utf-8").split("\n")[:3]]
        if [title for title, _ in said] == ["source", "reference", "model"]:
            first = said[0][1], said[1][1]
            rows.append((f"{int(path.stem.removeprefix('step-')):,}", said[2][1]))
    return html.table(("step", f"{first[0]}  →  {first[1]}"), rows, numbers=(0,))


def _origin(run: Path, plan: Plan) -> Iterator[str]:
    made = folder.read_config(run)["run"]
    versions = ", ".join(f"{name} {version}" for name, version in made.get("versions", {}).items() if version)
    rows = [("begun", str(made.get("at", ""))), ("command", str(made.get("command", "")))]
    rows += [(f"resumed {again.get('at', '')}", str(again.get("command", ""))) for again in made.get("resumed", [])]
    rows += [("versions", versions), ("computed by", f"{plan.computer()}, {plan.precision}: {plan.reason}")]
    yield html.table(("", ""), rows)
    yield html.folded("config.yaml, the whole recipe", html.preformatted((run / "config.yaml").read_text(encoding="utf-8")))
