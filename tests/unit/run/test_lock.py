"""One training at a time in a run folder: real processes, one of them killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anyformer.errors import InputError
from anyformer.run import lock

HOLD = """
import sys; from pathlib import Path; from anyformer.run import lock
with lock.hold(Path(sys.argv[1])):
    print('held', flush=True); sys.stdin.read()
"""


def other(folder: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until its input ends."""
    made = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert made.stdout is not None and made.stdout.readline() == "held\n"
    return made


def test_a_second_process_is_refused_and_told_who_the_first_is(tmp_path):
    with other(tmp_path) as process:
        assert f"process {process.pid} on {socket.gethostname()}" in str(lock.holder(tmp_path))
        with pytest.raises(InputError, match=f"process {process.pid} on "), lock.hold(tmp_path):
            pass
        assert lock.holder(tmp_path), "who was refused must not have taken it away"
    assert lock.holder(tmp_path) is None and list(tmp_path.iterdir()) == []


def test_a_killed_process_holds_nothing(tmp_path):
    with other(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (tmp_path / lock.FILE).exists() and lock.holder(tmp_path) is None
    with lock.hold(tmp_path):
        assert f"process {os.getpid()} " in str(lock.holder(tmp_path))
    assert lock.holder(tmp_path) is None


def test_of_many_at_once_only_one_is_in(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 20.0)
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with lock.hold(tmp_path):
                inside += 1
                most = max(most, inside)
                threading.Event().wait(0.002)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert (most, inside) == (1, 0) and lock.holder(tmp_path) is None
