"""Runs `anyformer` and Python files as real programs without starting an interpreter for each: a process that has everything imported forks one.

python program_server.py FOLDER      # makes FOLDER/anyformer and FOLDER/python, prints "ready", serves until its input ends

With FOLDER first in PATH, shell commands run as they would otherwise: arguments, streams, pipes, working folder and exit code are their own.
Training is made tiny: `TINY` is laid over every recipe, so that what a page shows is run as it stands, but for its size.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

TINY: dict[str, Any] = {
    "model.d_model": 32,
    "model.n_layers": 1,
    "model.n_heads": 2,
    "model.d_ff": 32,
    "train.max_steps": 4,
    "train.save_every": 4,
    "train.evaluate_every": 4,
    "evaluate.samples": 1,
    "evaluate.max_sentences": 4,
    "evaluate.search.max_length": 6,
}
TINY_RESUMED = {"train.max_steps": 6}

_CLIENT = """\
#!{python} -SE
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
socket.send_fds(server, [json.dumps([{program!r}, sys.argv[1:], os.getcwd()]).encode()], [0, 1, 2])
answer = server.recv(16)
sys.exit(int(answer) if answer else 70)
"""


def main() -> None:
    folder = Path(sys.argv[1])
    preload()
    address = str(folder / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(16)
    for program in ("anyformer", "python"):
        script = folder / program
        script.write_text(_CLIENT.format(python=sys.executable, address=address, program=program), encoding="utf-8")
        script.chmod(0o755)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a child: it answers for itself
    print("ready", flush=True)
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve(connection)
        connection.close()


def preload() -> None:
    """Everything that a verb imports when it runs."""
    import anyformer.cli
    import anyformer.run.attend
    import anyformer.run.demo
    import anyformer.run.describe
    import anyformer.run.evaluate
    import anyformer.run.train

    assert anyformer.cli.main


def serve(connection: socket.socket) -> None:
    """Becomes the program that is asked for; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    program, arguments, folder = json.loads(request)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin, sys.stdout, sys.stderr = open(0, closefd=False), open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115  as an interpreter does
    os.chdir(folder)
    code = 1
    try:
        code = run(program, arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    connection.sendall(str(code).encode())
    os._exit(0)


def run(program: str, arguments: list[str]) -> int:
    sys.argv = [program, *arguments]
    if program == "anyformer":
        from anyformer.cli import main as anyformer_main

        return anyformer_main(tiny_arguments(arguments))
    import anyformer

    full = anyformer.train
    anyformer.train = lambda recipe=None, changes=None, **given: full(recipe, tiny_changes(changes or {}), **given)  # type: ignore[assignment]
    sys.path.insert(0, os.getcwd())  # as an interpreter does with the folder of its script
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


def tiny_changes(changes: dict[str, Any]) -> dict[str, Any]:
    """With what makes a run tiny; an architecture that is named has sizes of its own."""
    return changes | {key: value for key, value in TINY.items() if not (key.startswith("model.") and "model" in changes)}


def tiny_arguments(arguments: list[str]) -> list[str]:
    if arguments[:1] not in (["train"], ["demo"]):
        return arguments
    changes = TINY_RESUMED if "--resume" in arguments else TINY
    return [*arguments, *(f"{key}={value}" for key, value in changes.items())]


if __name__ == "__main__":
    main()
