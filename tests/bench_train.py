# SPDX-License-Identifier: Apache-2.0
# The same steps as tests/bench_train.c by PyTorch; the same columns. bench_train.py [COUNT]
import sys
import time

import torch
from torch import nn

SHAPES = [("S1", nn.LSTM, 24, 50, 25, 2, 64), ("S3", nn.LSTM, 64, 50, 25, 2, 25)]
SHAPES += [("S4", nn.LSTM, 64, 50, 25, 4, 64), ("GRU", nn.GRU, 64, 50, 25, 2, 64)]


def measure(name, cell, batch, steps, inputs, layers, units, threads, count):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    rnn, head = cell(inputs, units, layers, batch_first=True), nn.Linear(units, 1)
    optimiser = torch.optim.Adam([*rnn.parameters(), *head.parameters()], 1e-3)
    x, y, best = torch.rand(batch, steps, inputs) - 0.5, torch.rand(batch, 1) - 0.5, 1e30
    for i in range(-3, count):
        if i == 0:
            start = time.process_time()
        begun = time.perf_counter()
        optimiser.zero_grad()
        nn.functional.mse_loss(head(rnn(x)[0][:, -1]), y).backward()
        optimiser.step()
        best = min(best, time.perf_counter() - begun)
    print(f"{name} pytorch {threads} {best * 1e3:.3f} {(time.process_time() - start) / count * 1e3:.3f}", flush=True)


for shape in SHAPES:
    for threads in 1, 2:
        measure(*shape, threads, int(sys.argv[1]) if len(sys.argv) > 1 else 20)
