"""A large matrix product, the measure of what a second core can give: GFLOP/s. Arguments: fp32|bf16."""

import itertools
import sys

import torch
from windows import Windows

N = 2048

dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[sys.argv[1]]
a, b, out = (torch.randn(N, N).to(dtype) for _ in range(3))
for _ in Windows(threads=torch.get_num_threads()).over(itertools.repeat(2 * N**3 / 1e9), count=float):
    torch.mm(a, b, out=out)
