"""Import and export against transformers: seconds and peak memory on a random LLaMA, side by side.

    python benchmarks/interop.py                      # 1.1B parameters, bf16
    python benchmarks/interop.py --size tiny          # seconds, to try it out
    python benchmarks/interop.py --dtype fp32 --rounds 5

Each measurement is a process of its own, the contenders in turn, the files in the page cache. Memory is what the process held at most beyond what it held
after its imports, as a multiple of the weights' bytes. Prints a table and one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIZES = {
    "tiny": {"vocab_size": 1000, "d_model": 64, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "d_ff": 172},
    "100m": {"vocab_size": 32000, "d_model": 768, "n_layers": 8, "n_heads": 12, "n_kv_heads": 4, "d_ff": 2048},
    "1b": {"vocab_size": 32000, "d_model": 2048, "n_layers": 18, "n_heads": 32, "n_kv_heads": 8, "d_ff": 7168},
}
TASKS = ("import", "export")
CONTENDERS = ("anyformer", "transformers")


# ---- one measurement, in a process of its own


def measure(contender: str, task: str, folder: str, out: str) -> dict[str, float]:
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    load, save = _functions(contender)
    before = _forget_peak()
    start = time.perf_counter()
    model = load(folder)
    touched = sum(float(p.flatten()[::1024].float().sum()) for p in model.parameters())  # what is only mapped is not loaded
    seconds = time.perf_counter() - start
    if task == "export":
        start = time.perf_counter()
        save(model, out)
        seconds = time.perf_counter() - start
    n_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    return {"seconds": seconds, "copies": (_memory("VmHWM") - before) / n_bytes, "bytes": n_bytes, "sum": touched}


def _functions(contender: str) -> tuple[Any, Any]:
    if contender == "anyformer":
        from anyformer.interop import from_hf, save_hf

        return from_hf, save_hf
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    import transformers.models.llama.modeling_llama  # noqa: F401 (imported when first used, which is no part of loading)

    return lambda folder: AutoModelForCausalLM.from_pretrained(folder, dtype="auto"), lambda model, out: model.save_pretrained(out)


def _forget_peak() -> int:
    """Bytes that the process holds now; from here on the peak is counted anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(which: str) -> int:
    return next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(which))


# ---- all of them, in turn


def make_checkpoint(folder: Path, size: str, dtype: str) -> None:
    import torch

    from anyformer import architectures
    from anyformer.interop import save_hf
    from anyformer.model.assign import Places, hollow

    model = hollow(architectures.get("llama-7b", **SIZES[size]))
    places = Places(model)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in places.held.items():
        places.put(name, torch.empty(tensor.shape).normal_(std=0.02, generator=generator).to(getattr(torch, dtype)))
    save_hf(model, folder)


def run(contender: str, task: str, folder: Path, scratch: Path) -> dict[str, float]:
    out = scratch / f"{contender}-{task}"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, __file__, "--measure", contender, task, str(folder), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    shutil.rmtree(out, ignore_errors=True)
    if done.returncode:
        raise SystemExit(f"{contender} {task} failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="1b")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--rounds", type=int, default=4, help="each takes its turn to be first; best an even number (default: 4)")
    parser.add_argument("--measure", nargs=4, metavar=("CONTENDER", "TASK", "FOLDER", "OUT"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure)))
        return
    dtype = {"fp32": "float32", "bf16": "bfloat16"}[args.dtype]
    results: dict[str, dict[str, list[dict[str, float]]]] = {task: {c: [] for c in CONTENDERS} for task in TASKS}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        make_checkpoint(scratch / "model", args.size, dtype)
        for number in range(args.rounds + 1):  # the first round fills the page cache and is not counted
            for task in TASKS:
                for contender in CONTENDERS[:: 1 if number % 2 else -1]:  # whoever comes second writes into pages that the first has just freed
                    found = run(contender, task, scratch / "model", scratch)
                    if number:
                        results[task][contender].append(found)
    report(results, args)


def report(results: dict[str, dict[str, list[dict[str, float]]]], args: argparse.Namespace) -> None:
    summary: dict[str, Any] = {"benchmark": "interop", "size": args.size, "dtype": args.dtype, "rounds": args.rounds}
    summary["bytes"] = int(results["import"]["anyformer"][0]["bytes"])
    print(f"{'':10}{'':14}{'seconds':>10}{'memory':>10}   weights: {summary['bytes'] / 1e9:.2f} GB")
    for task in TASKS:
        for contender in CONTENDERS:
            rows = results[task][contender]
            summary[f"{task}_{contender}"] = {key: statistics.median(row[key] for row in rows) for key in ("seconds", "copies")}
            print(f"{task:10}{contender:14}{summary[f'{task}_{contender}']['seconds']:10.3f}{summary[f'{task}_{contender}']['copies']:9.2f}x")
        pairs = zip(results[task]["anyformer"], results[task]["transformers"], strict=True)
        summary[f"{task}_speed_ratio"] = statistics.median(theirs["seconds"] / ours["seconds"] for ours, theirs in pairs)
        print(f"{task:10}{'as fast':14}{summary[f'{task}_speed_ratio']:9.2f}x as transformers")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
