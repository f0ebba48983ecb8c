"""Long texts: sparse and linear attention beside dense attention in the same model, time and memory.

    python benchmarks/long_context.py                          # BigBird at 4,096 tokens, Performer at 1k to 16k
    python benchmarks/long_context.py --only bigbird --layers 12 --rounds 5
    python benchmarks/long_context.py --only window --lengths 2048 8192
    python benchmarks/long_context.py --quick                  # tiny sizes: does everything run?
    python benchmarks/long_context.py --only bigbird --device cuda --dtype bf16

What is measured
    A row of random tokens through layers of the size of BERT-base (Performer: of its paper's regular size), the embedding and the last norm included,
    the head left out. "forward" is one pass without gradients, "training" one pass there and back. "attention" is what happens between queries, keys and
    values alone, in one layer, its plan included. The dense contender is the same model with the mask Full(), or with softmax in place of random features.
How
    Each measurement is a process of its own on one core (or one GPU), contenders in turn, so that ratios are taken within a round; of a process's steps
    the fastest counts. Memory is what a step needs at most beyond what the process held before it.

Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driver import ALLOCATOR

TASKS = ("attention", "forward", "training")
LENGTHS = {"bigbird": [4096], "window": [4096], "performer": [1024, 2048, 4096, 8192, 16384]}
DENSE_UP_TO = 8192  # tokens; beyond, dense attention takes minutes a step


# ---- one measurement, in a process of its own


def measure(case: dict[str, Any]) -> dict[str, float]:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    step, end = (attention_step if case["task"] == "attention" else model_step)(case)
    step()  # warms up: compiles, fills caches
    end()
    before = _forget_peak(case["device"])
    seconds = []
    for _ in range(case["steps"]):
        started = time.perf_counter()
        step()
        end()
        seconds.append(time.perf_counter() - started)
    return {"seconds": min(seconds), "bytes": _peak(case["device"]) - before}


def model_step(case: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import torch

    from anyformer import Batch

    model = config_of(case).build().to(case["device"])
    batch = Batch(tokens=torch.randint(5, 100, (1, case["length"]), device=case["device"]))
    context = torch.autocast(case["device"], torch.bfloat16, enabled=case["dtype"] == "bf16")

    def forward() -> Any:
        with context:
            return model(batch).hidden

    def training() -> None:
        forward().float().square().mean().backward()
        model.zero_grad()

    model.train(case["task"] == "training")
    return (training if case["task"] == "training" else torch.no_grad()(forward)), _wait(case["device"])


def attention_step(case: dict[str, Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import torch

    from anyformer.parts.lowering import Facts
    from anyformer.parts.place import place_of

    attention = config_of(case).encoder.layers()[0].attention  # type: ignore[union-attr]
    part = attention.build(case["d_model"]).to(case["device"]).eval()
    dtype = torch.bfloat16 if case["dtype"] == "bf16" else torch.float32
    heads, width = attention.heads(case["d_model"])
    q, k, v = (torch.randn(1, heads, case["length"], width, device=case["device"], dtype=dtype) for _ in range(3))
    x = torch.randn(1, case["length"], case["d_model"], device=case["device"], dtype=dtype)
    place = place_of(torch.zeros(1, case["length"], dtype=torch.int64, device=case["device"]), None, None)

    @torch.no_grad()
    def step() -> Any:
        plan = part.lower(None, Facts(place, place, "none", False, dtype))
        return part.mechanism(q, k, v, x, plan, width**-0.5)

    return step, _wait(case["device"])


def config_of(case: dict[str, Any]) -> Any:
    """The encoder that is measured; dense: with the mask Full() and softmax."""
    from anyformer import architectures

    sizes = {name: case[name] for name in ("d_model", "n_heads", "d_ff", "n_layers")}
    if case["what"] == "performer":
        config = architectures.get("performer", **sizes, vocab_size=128, dropout=0.0)
    else:
        config = architectures.get("bigbird", **sizes, vocab_size=128, context=case["length"], dropout=0.0).override("pooler", None)
    attention = "encoder.blocks.*.attention"
    if case["contender"] == "dense":
        return config.override(f"{attention}.mask", "Full()").override(f"{attention}.mechanism", {"kind": "Softmax"})
    if case["what"] == "window":
        return config.override(f"{attention}.mask", f"Window(left={case['reach']}, right={case['reach']})")
    return config.override(f"{attention}.mask", f"BigBird(block={case['block']})") if case["what"] == "bigbird" else config


def _wait(device: str) -> Callable[[], Any]:
    import torch

    return torch.cuda.synchronize if device == "cuda" else lambda: None


def _forget_peak(device: str) -> int:
    """Bytes that are held now; from here on the peak is counted anew."""
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _peak(device: str) -> int:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return _memory("VmHWM")


def _memory(which: str) -> int:
    return next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))


# ---- all of them, in turn


def run(case: dict[str, Any]) -> dict[str, float]:
    core = min(os.sched_getaffinity(0))
    # memory that was freed goes back to the system, so that a step's peak is its own; ALLOCATOR would keep it
    kept = {} if case["device"] == "cpu" and case["steps"] == 1 else ALLOCATOR
    environment = os.environ | kept | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--measure", json.dumps(case)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if done.returncode:
        raise SystemExit(f"{case} failed:\n{done.stderr[-2000:]}")
    if done.stderr.strip():
        print(done.stderr.strip().splitlines()[-1], file=sys.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(case: dict[str, Any], rounds: int) -> dict[str, Any]:
    """Both contenders in turn; dense attention is left out where it would take minutes."""
    contenders = [case["what"], "dense"] if case["length"] <= case["dense_up_to"] else [case["what"]]
    found: dict[str, list[dict[str, float]]] = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            timed = run({**case, "contender": contender})
            found[contender].append(timed | {"bytes": run({**case, "contender": contender, "steps": 1})["bytes"]})
    row: dict[str, Any] = {key: case[key] for key in ("what", "task", "length")}
    for contender, rows in found.items():
        name = "dense" if contender == "dense" else "sparse"
        row |= {f"{name}_seconds": statistics.median(r["seconds"] for r in rows), f"{name}_bytes": statistics.median(r["bytes"] for r in rows)}
    if "dense" in found:
        pairs = list(zip(found["dense"], found[case["what"]], strict=True))
        row["times_as_fast"] = statistics.median(dense["seconds"] / sparse["seconds"] for dense, sparse in pairs)
        row["share_of_memory"] = statistics.median(sparse["bytes"] / max(dense["bytes"], 1) for dense, sparse in pairs)
    return row


def print_row(row: dict[str, Any]) -> None:
    def cell(key: str, scale: float) -> str:
        return f"{row[key] * scale:>12,.1f}" if key in row else f"{'':>12}"

    measured = "".join(cell(f"{name}_{unit}", scale) for unit, scale in (("seconds", 1e3), ("bytes", 1 / 2**20)) for name in ("sparse", "dense"))
    ratios = f"{row['times_as_fast']:>9.2f}x{row['share_of_memory']:>9.2f}" if "times_as_fast" in row else ""
    print(f"{row['what']:10}{row['task']:10}{row['length']:>8,}{measured}{ratios}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=LENGTHS, default=["bigbird", "performer"])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--lengths", nargs="+", type=int, help="tokens (default: bigbird and window 4,096, performer 1,024 to 16,384)")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a process")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--quick", action="store_true", help="only shows that everything runs: the figures are worth little")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(json.loads(args.measure))))
        return
    fixed: dict[str, Any] = {"d_model": 768, "n_heads": 12, "d_ff": 3072, "n_layers": args.layers, "block": 64, "reach": 128, "dense_up_to": DENSE_UP_TO}
    fixed |= {"device": args.device, "dtype": args.dtype, "steps": args.steps}
    rounds = 1 if args.quick else args.rounds
    if args.quick:
        fixed |= {"d_model": 32, "n_heads": 2, "d_ff": 64, "n_layers": 1, "steps": 1, "reach": 32, "dense_up_to": 768}
    print(f"{'':10}{'':10}{'tokens':>8}{'ms':>12}{'dense':>12}{'MiB':>12}{'dense':>12}{'as fast':>10}{'memory':>9}")
    rows = []
    for what in args.only:
        sizes = {"d_model": 512, "n_heads": 8, "d_ff": 2048} if what == "performer" and not args.quick else {}
        for length in args.lengths or ([768, 1024] if args.quick else LENGTHS[what]):
            for task in args.tasks:
                rows.append(compare(fixed | sizes | {"what": what, "task": task, "length": length}, rounds))
                print_row(rows[-1])
    machine = {"machine": platform.machine(), "python": platform.python_version(), "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d %H:%M")}
    print(json.dumps({"benchmark": "long_context", "layers": fixed["n_layers"], "dtype": args.dtype, "device": args.device, "results": rows} | machine))


if __name__ == "__main__":
    main()
