"""Translation, side by side with its peers: training speed, decoding speed and memory on Multi30k English-French.

    bash benchmarks/setup_peers.sh                                        # once: JoeyNMT, CTranslate2, transformers
    python benchmarks/translation.py --data-dir DATA                      # all tables, about 45 minutes
    python benchmarks/translation.py --data-dir DATA --quick              # short windows: does everything run?
    python benchmarks/translation.py --data-dir DATA --only training-1    # one table; see --help for their names
    python benchmarks/translation.py --data-dir DATA --only training-gpu  # one CUDA device

DATA (or the environment's ANYFORMER_DATA) holds multi30k/train.en, train.fr and test_2016_flickr.en. A peer that is not
installed is said to be missing and left out. Leave the machine alone meanwhile; the load before the start is in the result.

What is measured
    The shape of Wu et al. 2021's Transformer-Tiny: 4 + 4 layers, d_model 128, d_ff 256, 4 heads, post-LN, a joint and tied
    vocabulary of 9,537, dropout 0.3, label smoothing 0.1. All toolkits get the same token ids.
    Training: batches of 4,096 tokens a side as each toolkit makes them itself; source and target tokens a second that are
    not padding (the ends of sentences counted, starts not), data loading and optimizer included.
    Decoding: test2016 in batches of 32 sentences of like length, random weights, exactly 20 steps of the decoder forced; sentences a second.
    Memory: the largest resident set of the training process.
How
    Each contender runs in its own process, pinned to its cores, with as many threads, with the allocator told not to give
    memory back. All take turns in short windows; medians and the spread are over windows, ratios are taken within a round.

The last line of standard output is the whole result as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from driver import Contender, Measured, measure
from make_corpus import make

OURS = "anyformer"


def training(corpus: str, cores: int, device: str = "cpu") -> list[Contender]:
    if device == "cuda":
        plain = [
            Contender(f"nn.Transformer loop, bf16, {mode}", "train_plain.py", (corpus, "bf16", "cuda", mode), cores=cores) for mode in ("compiled", "eager")
        ]
        return [Contender(OURS, "train_anyformer.py", (corpus, "auto", "cuda"), cores=cores), *plain]
    return [
        Contender(OURS, "train_anyformer.py", (corpus, "auto", "cpu"), cores=cores),
        Contender("nn.Transformer loop, fp32", "train_plain.py", (corpus, "fp32", "cpu", "eager"), cores=cores),
        Contender("nn.Transformer loop, bf16", "train_plain.py", (corpus, "bf16", "cpu", "eager"), cores=cores),
        Contender("JoeyNMT", "train_joeynmt.py", (corpus,), "joeynmt", cores=cores),
    ]


def matmul(cores: int) -> list[Contender]:
    return [Contender(f"matmul {dtype}", "matmul.py", (dtype,), cores=cores) for dtype in ("fp32", "bf16")]


def decoding(corpus: str) -> list[Contender]:
    return [
        Contender(OURS, "decode_anyformer.py", (corpus, "fp32")),
        Contender(f"{OURS}, bf16", "decode_anyformer.py", (corpus, "bf16")),
        Contender("CTranslate2, fp32", "decode_ctranslate2.py", (corpus, "float32", "1"), "peers"),
        Contender("Hugging Face generate, fp32", "decode_marian.py", (corpus, "fp32"), "peers"),
        Contender("JoeyNMT", "decode_joeynmt.py", (corpus,), "joeynmt"),
    ]


# What anyformer is to reach, as a multiple of each peer.
TRAINING_GOALS = {"nn.Transformer loop, fp32": 2.6, "nn.Transformer loop, bf16": 1.6, "JoeyNMT": 6.0}
DECODING_GOALS = {"CTranslate2, fp32": 1.0, "Hugging Face generate, fp32": 3.0, "JoeyNMT": 10.0}
GPU_GOALS = {"nn.Transformer loop, bf16, compiled": 1.5}
MEMORY_GOAL = 0.5  # of JoeyNMT's
SECOND_CORE_GOAL = 1.8
SECOND_CORE_SHARE = 0.9  # of what a matmul gains


def pick(results: list[Measured], name: str, cores: int | None = None) -> Measured | None:
    """The first of that name (and number of cores) that could be measured."""
    return next((r for r in results if r.contender.name == name and cores in (None, r.contender.cores) and not r.problem), None)


def table(title: str, unit: str, results: list[Measured], goals: dict[str, float]) -> None:
    print(f"\n{title}\n{unit:>46} {'median':>9} {'min':>9} {'max':>9} {'peak MiB':>9}  anyformer is")
    ours = pick(results, OURS)
    for r in results:
        name = f"{r.contender.name} ({r.contender.cores} core{'s' if r.contender.cores > 1 else ''})"
        if r.problem:
            print(f"{name:>46} {r.problem}")
            continue
        row = f"{name:>46} {r.median:9,.1f} {min(r.rates):9,.1f} {max(r.rates):9,.1f} {r.facts.get('peak_mib', 0):9,}"
        goal = goals.get(r.contender.name)
        if ours and goal:
            row += f"  {ours.ratio(r):5.2f} x (goal {goal} x{'' if ours.ratio(r) >= goal else ': missed'})"
        print(row)


def second_core(results: list[Measured]) -> dict[str, float]:
    """What the second core gave to each that ran on one and on two in the same rounds."""
    names = dict.fromkeys(r.contender.name for r in results)
    pairs = {name: (pick(results, name, 2), pick(results, name, 1)) for name in names}
    gains = {name: two.ratio(one) for name, (two, one) in pairs.items() if two and one}
    for name, gain in gains.items():
        print(f"the second core gives {name}: {gain:.2f} x")
    products = [gain for name, gain in gains.items() if name.startswith("matmul")]
    if OURS in gains and products:
        goal = min(SECOND_CORE_GOAL, SECOND_CORE_SHARE * max(products))
        print(f"goal: {SECOND_CORE_GOAL} x, or {SECOND_CORE_SHARE} of what a matmul gains: {goal:.2f} x{'' if gains[OURS] >= goal else ': missed'}")
    return gains


def memory(results: list[Measured]) -> None:
    ours, joeynmt = pick(results, OURS, 1), pick(results, "JoeyNMT", 1)
    if ours and joeynmt:
        share = ours.facts["peak_mib"] / joeynmt.facts["peak_mib"]
        print(f"peak memory of training: {share:.2f} of JoeyNMT's (goal: less than {MEMORY_GOAL}{'' if share < MEMORY_GOAL else ': missed'})")


def machine() -> dict[str, Any]:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("ANYFORMER_DATA"), help="holds multi30k/ (default: ANYFORMER_DATA)")
    parser.add_argument("--only", nargs="+", choices=["training-1", "training-2", "training-gpu", "decoding"], default=["training-1", "training-2", "decoding"])
    parser.add_argument("--skip", nargs="+", default=[], metavar="NAME", help="contenders to leave out, by the beginning of their names")
    parser.add_argument("--rounds", type=int, help="windows a contender (default: 9; quick: 2)")
    parser.add_argument("--window", type=float, help="seconds a window (default: 15; quick: 2)")
    parser.add_argument("--quick", action="store_true", help="only shows that everything runs: the figures are worth little")
    parser.add_argument("--logs", type=Path, help="keep what the contenders print here")
    args = parser.parse_args()
    if not args.data_dir or not (Path(args.data_dir) / "multi30k" / "train.fr").exists():
        parser.error("no multi30k/train.fr in the data folder: give --data-dir or ANYFORMER_DATA")
    rounds, window = args.rounds or (2 if args.quick else 9), args.window or (2.0 if args.quick else 15.0)

    def tell(message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    def run(contenders: list[Contender], *commands: dict[str, Any]) -> list[list[Measured]]:
        chosen = [c for c in contenders if not any(c.name.startswith(name) for name in args.skip)]
        return measure(chosen, [{"seconds": window, **command} for command in commands or ({},)], rounds, window / 2, logs, tell)

    result: dict[str, Any] = {"machine": machine(), "rounds": rounds, "window_seconds": window}

    def keep(name: str, unit: str, measured: list[Measured], goals: dict[str, float], title: str) -> None:
        table(title, unit, measured, goals)
        ours = pick(measured, OURS)
        ratios = {r.contender.name: round(ours.ratio(r), 3) for r in measured if ours and r.contender.name in goals and not r.problem}
        result[name] = {"results": [r.to_dict() for r in measured], "anyformer_over": ratios}

    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder  # contenders end in the middle of their work: what they leave behind goes with this folder
        logs = args.logs or Path(folder)
        logs.mkdir(parents=True, exist_ok=True)
        corpus = str(Path(folder) / "corpus.json")
        make(Path(args.data_dir) / "multi30k").save(Path(corpus))
        if "training-1" in args.only:
            [measured] = run(training(corpus, 1))
            keep("training_1_core", "tokens/s", measured, TRAINING_GOALS, "Training, one core")
            memory(measured)
        if "training-2" in args.only:
            [measured] = run([*training(corpus, 2), training(corpus, 1)[0], *matmul(2), *matmul(1)])
            keep("training_2_cores", "tokens/s (matmul: GFLOP/s)", measured, TRAINING_GOALS, "Training, two cores")
            result["second_core"] = second_core(measured)
        if "training-gpu" in args.only:
            [measured] = run(training(corpus, len(os.sched_getaffinity(0)), "cuda"))
            keep("training_gpu", "tokens/s", measured, GPU_GOALS, "Training, CUDA")
        if "decoding" in args.only:
            beam, greedy = run(decoding(corpus), {"beam": 5}, {"beam": 1})
            keep("decoding_beam_5", "sentences/s", beam, DECODING_GOALS, "Decoding, beam 5, one core")
            keep("decoding_greedy", "sentences/s", greedy, DECODING_GOALS, "Decoding, greedy, one core")
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
