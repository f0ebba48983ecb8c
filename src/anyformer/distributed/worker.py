"""`python -m anyformer.distributed.worker`: one of the processes that `workers` starts; it is told its work on standard input."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback

import torch

from anyformer.distributed.workers import READY, Job
from anyformer.distributed.world import World


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the first process is asked, and tells all
    said = os.dup(1)
    os.dup2(2, 1)  # nobody reads what is printed
    job: Job = pickle.load(sys.stdin.buffer)
    work, given = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    torch.set_num_threads(job.threads)
    os.write(said, READY)
    with World.meet(job.device, job.rank, job.size, job.store) as world:
        world.wait()
        try:
            work(world, *given)
            world.wait()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)  # at once, so that whoever sees the connection break sees why


def _end_with_the_first() -> None:
    """The first process holds the other end of standard input for as long as it lives."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
