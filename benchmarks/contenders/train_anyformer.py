"""anyformer's own training loop, with its own batching and as many processes as `anyformer train` starts. Arguments: corpus, auto|fp32|bf16, cpu|cuda."""

import sys

import torch
from anyformer_model import build
from anyformer_training import train
from shape import TOKENS_A_SIDE
from windows import Windows

import anyformer
from anyformer.distributed import workers
from anyformer.run.processes import worthwhile


def main(corpus: str, precision: str, device: str) -> None:
    windows = Windows(torch.cuda.synchronize if device == "cuda" else (lambda: None))
    cores, parameters = torch.get_num_threads(), sum(p.numel() for p in build().parameters())
    processes = worthwhile(cores, TOKENS_A_SIDE, parameters) if device == "cpu" else 1
    windows.facts = {"toolkit": f"anyformer {anyformer.__version__}, torch {torch.__version__}", "parameters": parameters, "processes": processes}
    with workers(processes, train, (corpus, precision, device), cores, device) as world:
        train(world, corpus, precision, device, windows)


main(*sys.argv[1:])
