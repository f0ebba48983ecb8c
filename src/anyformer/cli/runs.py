"""`anyformer runs list`: what has been trained here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from anyformer.cli import common
from anyformer.errors import CheckpointError
from anyformer.run import folder, lock

EXAMPLES = """\
  anyformer runs list
  anyformer runs list /data/experiments --json
"""


def register(verbs: Any) -> None:
    parser = common.add_verb(verbs, "runs", "list the runs of this folder", EXAMPLES)
    inner = parser.add_subparsers(metavar="list", required=True)
    listing = common.add_verb(inner, "list", "the runs, oldest first")
    listing.add_argument("root", nargs="?", type=Path, default=folder.RUNS, metavar="FOLDER", help="where the runs lie (default: runs)")
    listing.add_argument("--json", action="store_true", help="a list of objects instead of lines")
    listing.set_defaults(handler=_list)


def _list(args: argparse.Namespace) -> None:
    rows = [_row(path) for path in folder.runs(args.root)]
    if args.json:
        common.print_json(rows)
        return
    if not rows:
        print(f"no runs in {args.root}; `anyformer demo` makes one")
    width = max((len(r["path"]) for r in rows), default=0)
    for row in rows:
        shown = [f"{row['path']:<{width}}", str(row["created"])[:16].replace("T", " ")]
        if row["step"] is not None:
            shown.append(f"step {row['step']:>7,}")
        if row["loss"] is not None:
            shown.append(f"loss {row['loss']:.3f}")
        print("  ".join([*shown, row["state"]]).rstrip())


def _row(path: Path) -> dict[str, Any]:
    metrics = folder.last_metrics(path)
    try:
        made = folder.read_config(path)["run"]
        state = "" if (path / "latest").exists() else "nothing saved yet"
        if who := lock.holder(path):
            state = f"in training by {who}"
    except CheckpointError as error:
        made, state = {}, str(error.problems[0].message)
    return {
        "path": str(path),
        "created": made.get("at", ""),
        "step": metrics.get("step"),
        "loss": metrics.get("loss"),
        "command": made.get("command"),
        "state": state,
    }
