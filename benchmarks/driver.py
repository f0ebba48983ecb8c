"""Runs contenders side by side: each in its own process, all of them in turns on the same cores.

The machine's speed drifts (other guests, frequency), so figures of different minutes must not be compared. All contenders
start and stay in memory; a round gives each of them one window, in turn, and ratios are taken within a round.
"""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HOME = Path(os.environ.get("ANYFORMER_BENCH", Path.home() / ".cache" / "anyformer-bench"))  # where setup_peers.sh puts the environments

# glibc returns large blocks to the kernel and faults them in again at the next step; every toolkit gains when it is told not to.
ALLOCATOR = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
PATIENCE = 600  # seconds that a contender may take to start or to end a window


class ContenderError(Exception):
    """A contender that cannot be measured: its environment is missing, or it died."""


@dataclass(frozen=True)
class Contender:
    name: str
    script: str  # in contenders/
    arguments: tuple[str, ...] = ()
    environment: str = ""  # of setup_peers.sh; empty: the interpreter that runs this
    cores: int = 1


@dataclass
class Measured:
    """What came of a contender. Rates are work a second, one a round."""

    contender: Contender
    rates: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)  # its last words: peak_mib, toolkit, precision
    problem: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.rates)

    def ratio(self, other: Measured) -> float:
        """How many times as fast as the other: the median over the rounds that both have."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.rates, other.rates, strict=False))

    def to_dict(self) -> dict[str, Any]:
        if self.problem:
            return {"name": self.contender.name, "cores": self.contender.cores, "problem": self.problem}
        rates = {"median": self.median, "min": min(self.rates), "max": max(self.rates), "windows": len(self.rates)}
        return {"name": self.contender.name, "cores": self.contender.cores} | {k: round(v, 3) for k, v in rates.items()} | self.facts


class Worker:
    """A contender's process; see contenders/windows.py for what is said between the two."""

    def __init__(self, contender: Contender, log: Path):
        python = Path(sys.executable) if not contender.environment else HOME / contender.environment / "bin" / "python"
        if not python.exists():
            raise ContenderError("not installed: bash benchmarks/setup_peers.sh")
        cpus = sorted(os.sched_getaffinity(0))[: contender.cores]
        if len(cpus) < contender.cores:
            raise ContenderError(f"needs {contender.cores} cores, there are {len(cpus)}")
        threads = {name: str(contender.cores) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")} | {"TOKENIZERS_PARALLELISM": "false"}
        source = {} if contender.environment else {"PYTHONPATH": os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])}
        self._log = log
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                [str(python), str(HERE / "contenders" / contender.script), *contender.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=os.environ | ALLOCATOR | threads | source,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            )
        try:
            self._hear()
        except ContenderError:
            self.kill()
            raise

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died; hearing says of what
        return self._hear()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            last = self._log.read_text(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise ContenderError(f"{'died' if ready else f'silent for {PATIENCE} s'}: {last[0]}")
        return json.loads(line)


def measure(
    contenders: Sequence[Contender], commands: Sequence[dict[str, Any]], rounds: int, warm_up: float, logs: Path, tell: Callable[[str], None]
) -> list[list[Measured]]:
    """Rounds of windows in turns: one list of results for each command. A contender that fails is left out, with its problem."""
    results = [[Measured(c) for c in contenders] for _ in commands]
    workers: dict[int, Worker] = {}

    def attempt(action: Callable[..., None], i: int, *rest: Any) -> None:
        try:
            action(i, *rest)
        except ContenderError as error:
            tell(f"{contenders[i].name}: {error}")
            for result in results:
                result[i].problem = str(error)
            if i in workers:
                workers.pop(i).kill()

    def start(i: int) -> None:
        tell(f"starting {contenders[i].name}")
        workers[i] = Worker(contenders[i], logs / f"{i}-{contenders[i].script}.log")
        for command in commands:
            workers[i].ask({**command, "seconds": warm_up})

    def one_window(i: int, command: dict[str, Any], result: list[Measured]) -> None:
        answer = workers[i].ask(command)
        result[i].rates.append(answer["amount"] / answer["seconds"])

    def stop(i: int) -> None:
        facts = workers[i].ask({"end": True})
        for result in results:
            result[i].facts = facts
        workers.pop(i).kill()

    try:
        for i in range(len(contenders)):
            attempt(start, i)
        for n in range(rounds):
            tell(f"round {n + 1} of {rounds}")
            for command, result in zip(commands, results, strict=True):
                for i in list(workers):
                    attempt(one_window, i, command, result)
        for i in list(workers):
            attempt(stop, i)
    finally:
        for worker in workers.values():
            worker.kill()
    return results
