"""Forward passes beside transformers: the same shapes and the same weights, on one core, in fp32 and bf16.

    python benchmarks/forward.py [--only gpt2 llama t5 bert] [--rounds 5] [--layers 12]

Models are as large as GPT-2 124M; LLaMA's, T5's and BERT's shapes at about that size. Weights are random, drawn by transformers and read by
`anyformer.from_hf`, and the logits are compared before anything is timed; both sides give them in the dtype of the weights. Both take turns; the
figure is the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

import anyformer as af

WIDE: dict[str, Any] = {"hidden_size": 768, "num_attention_heads": 12, "vocab_size": 32000}


def theirs(name: str, layers: int) -> Any:
    """A model of transformers; its class chooses its own attention (SDPA where it can)."""
    if name == "gpt2":
        return hf.GPT2LMHeadModel(hf.GPT2Config(n_layer=layers))
    if name == "llama":
        config = hf.LlamaConfig(**WIDE, num_hidden_layers=layers, intermediate_size=2048, num_key_value_heads=4, max_position_embeddings=2048)
        return hf.LlamaForCausalLM(config)
    if name == "t5":
        return hf.T5ForConditionalGeneration(hf.T5Config(d_model=768, d_ff=3072, num_heads=12, num_layers=layers // 2))
    return hf.BertForMaskedLM(hf.BertConfig(num_hidden_layers=layers))


def inputs(model: Any, rows: int, length: int) -> dict[str, torch.Tensor]:
    ids = torch.randint(10, 1000, (rows, length))
    return {"input_ids": ids, "decoder_input_ids": ids} if model.config.is_encoder_decoder else {"input_ids": ids}


def compare(name: str, layers: int, rows: int, length: int, rounds: int, dtype: torch.dtype) -> dict[str, Any]:
    torch.manual_seed(0)
    peer = theirs(name, layers).eval()
    with tempfile.TemporaryDirectory() as folder:
        peer.save_pretrained(folder)
        ours = af.from_hf(folder)
    given = inputs(peer, rows, length)
    with torch.inference_mode():
        exact = peer(**given).logits
        difference = float((ours.logits(**given) - exact).abs().max() / exact.abs().max().clamp(min=1))
        assert difference < 1e-5, f"{name}: logits differ by {difference}"
        peer, ours = peer.to(dtype), ours.to(dtype)
        sides: dict[str, Callable[[], Any]] = {"anyformer": lambda: ours.logits(**given), "transformers": lambda: peer(**given).logits}
        seconds: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(rounds + 1):
            for side, run in sides.items():
                started = time.perf_counter()
                run()
                if turn:  # the first warms up
                    seconds[side].append(time.perf_counter() - started)
    medians = {side: statistics.median(times) for side, times in seconds.items()}
    tokens = rows * length * (2 if peer.config.is_encoder_decoder else 1)
    return {
        "model": name,
        "dtype": str(dtype).removeprefix("torch."),
        "tokens_per_second": {side: round(tokens / median, 1) for side, median in medians.items()},
        "ratio": round(medians["transformers"] / medians["anyformer"], 3),
        "difference": difference,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=["gpt2", "llama", "t5", "bert"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--rows", type=int, default=2)
    parser.add_argument("--length", type=int, default=256)
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = []
    print(f"{'model':<8} {'dtype':<9} {'anyformer':>12} {'transformers':>13} {'ratio':>7}   tokens/s on one core")
    for name in args.only:
        for dtype in (torch.float32, torch.bfloat16):
            row = compare(name, args.layers, args.rows, args.length, args.rounds, dtype)
            speed = row["tokens_per_second"]
            print(f"{name:<8} {row['dtype']:<9} {speed['anyformer']:>12,.0f} {speed['transformers']:>13,.0f} {row['ratio']:>7.2f}", flush=True)
            found.append(row)
    versions = {"torch": torch.__version__, "transformers": hf.__version__}
    print(json.dumps({"benchmark": "forward", "rows": args.rows, "length": args.length, "layers": args.layers, "versions": versions, "results": found}))


if __name__ == "__main__":
    main()
