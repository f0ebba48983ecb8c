"""The run's steps during training: which are saved, which are kept, which is the best."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from anyformer.checkpoint import latest_step, point_at, remove_partial, remove_step, save_step, step_names
from anyformer.distributed import World
from anyformer.errors import AnyformerError, CheckpointError, Problem
from anyformer.training.config import BestSteps, Checkpoints

Parts = Mapping[str, Mapping[str, Tensor]]


class Store:
    """Saves by the first process; the others wait, and hear of a failure.

    A step is regular if a run in one go would have saved it too. Another (saved by Ctrl-C or at the end) stays only until the next, so that what
    is rolled back to and averaged does not depend on how often a run was interrupted.
    """

    def __init__(self, folder: Path, config: Checkpoints, world: World):
        self.folder = Path(folder)
        self._config = config
        self._world = world

    def begin(self, resumed: bool) -> None:
        """Tidies what a killed process left.

        Raises:
            CheckpointError: a fresh run would write among the steps of another.
        """
        problem = None
        if self._world.first:
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_partial(self.folder)
            if not resumed and latest_step(self.folder) is not None:
                problem = f"{self.folder} holds the steps of a run already: resume it, or take another folder"
        problem = self._world.share(problem)
        if problem:
            raise CheckpointError(problem)

    def save(self, name: str, parts: Parts, state: Mapping[str, Any]) -> Path:
        """Writes one step (or `average`, `ema`), updates `latest` and `best`, and removes what need not be kept."""
        problems = None
        if self._world.first:
            try:
                save_step(self.folder, name, parts, state)
                self._tidy()
            except AnyformerError as error:
                problems = error.problems
            except OSError as error:
                problems = [Problem(str(self.folder), str(error.strerror))]
        problems = self._world.share(problems)
        if problems:
            last = latest_step(self.folder)
            raise CheckpointError(*problems, *([Problem("", f"the last good step is {last.name}: resume the run to go on from it")] if last else []))
        return self.folder / name

    def last_regular(self) -> Path | None:
        """The step to roll back to."""
        for name in reversed(step_names(self.folder)):
            if self.facts(name).get("regular"):
                return self.folder / name
        return None

    def to_average(self) -> list[Path]:
        """The steps that the config wants averaged, in the order of training."""
        wanted = self._config.average
        names = step_names(self.folder)
        if wanted is None or not names:
            return []
        names = [n for n in names if self.facts(n).get("step") and (n == names[-1] or self.facts(n).get("regular"))]  # not step 0: it is untrained
        if isinstance(wanted, BestSteps):
            names = sorted(self._by_loss(names)[: wanted.count], key=names.index)
        return [self.folder / n for n in names[-wanted.count :]]

    def facts(self, name: str) -> dict[str, Any]:
        """What `state.json` of a step (or of `average`, `ema`) says; empty where it is not there."""
        path = self.folder / name / "state.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))["state"]  # type: ignore[no-any-return]
        except (OSError, ValueError, KeyError):
            return {}

    def _tidy(self) -> None:
        names = step_names(self.folder)
        if not names:
            return
        last = names[-1]
        regular = [n for n in names if self.facts(n).get("regular")]
        everything = [*names, *(n for n in ("average", "ema") if self.facts(n))]
        best = self._by_loss(everything)[:1]
        keep = {last, *self._by_loss(names)[:1], *(p.name for p in self.to_average())}
        keep |= set(regular if self._config.keep is None else regular[-self._config.keep :])
        for name in names:
            if name not in keep:
                remove_step(self.folder, name)
        point_at(self.folder, "latest", last)
        if best:
            point_at(self.folder, "best", best[0])

    def _by_loss(self, names: list[str]) -> list[str]:
        """Those with a validation loss, the lowest first; of equal ones the earlier."""
        losses = {name: (self.facts(name).get("validation") or {}).get("loss") for name in names}
        known = {name: loss for name, loss in losses.items() if isinstance(loss, float) and math.isfinite(loss)}
        return sorted(known, key=lambda n: known[n])
