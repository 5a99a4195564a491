# SPDX-License-Identifier: Apache-2.0
# `make bench-train`: what a step of training takes, by the trainers for cpu:, by oneDNN and by PyTorch, where they are there, in
# one run: pinned to so many processors, a step of each in turn, from the same kind of weights on mini-batches of the same
# size. The trainers and oneDNN (build/tests/bench_train) have the same weights and the same mini-batch, so their losses must
# agree, which is looked at.
#     bench_train.py [--seconds 15] [--threads 1,2] [NETWORK...]     seconds for each network
# Prints a table in Markdown: medians of milliseconds, and of those of processor time with one thread, which others on the
# machine disturb less.
import argparse
import os
import statistics
import subprocess
import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    torch = None
    print(f"no torch for {sys.executable} (Debian: python3-torch): PyTorch is left out", file=sys.stderr)

# As in tests/bench_train.c: cell, sequences, steps, inputs, layers, units.
SHAPES = {"S1": ("LSTM", 24, 50, 25, 2, 64), "S2": ("GRU", 64, 100, 170, 3, 512), "S3": ("LSTM", 64, 50, 25, 2, 25)}
SHAPES |= {"S4": ("LSTM", 64, 50, 25, 4, 64), "GRU": ("GRU", 64, 50, 25, 2, 64)}
OURS, ONEDNN = ["float32", "int"], ["onednn-f32", "onednn-bf16"]
ALL = [*OURS, *ONEDNN, "pytorch"]
# Losses of the first two steps are those of float32 so far: whole numbers and bfloat16 round.
NEAR = {"onednn-f32": 1e-3, "onednn-bf16": 2e-2, "int": 2e-2}
WARM, LEAST, MOST = 3, 3, 300


class Torch:
    def __init__(self, shape):
        cell, batch, steps, inputs, layers, units = shape
        torch.manual_seed(1)
        self.rnn, self.head = getattr(nn, cell)(inputs, units, layers, batch_first=True), nn.Linear(units, 1)
        self.optimiser = torch.optim.Adam([*self.rnn.parameters(), *self.head.parameters()], 1e-3)
        self.x, self.y = torch.rand(batch, steps, inputs) - 0.5, torch.rand(batch, 1) - 0.5

    def step(self):
        cpu, begun = time.process_time(), time.perf_counter()
        self.optimiser.zero_grad()
        nn.functional.mse_loss(self.head(self.rnn(self.x)[0][:, -1]), self.y).backward()
        self.optimiser.step()
        return 1e3 * (time.perf_counter() - begun), 1e3 * (time.process_time() - cpu), None


class Program:
    """build/tests/bench_train: the others."""

    def __init__(self, threads):
        self.process = subprocess.Popen(
            ["build/tests/bench_train", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )

    def say(self, name, by):
        self.process.stdin.write(f"{name} {by}\n")
        self.process.stdin.flush()

    def step(self, name, by):
        self.say(name, by)
        words = self.process.stdout.readline().split()
        if not words:
            sys.exit(f"bench_train: {name} by {by} came to no end")
        return None if words == ["none"] else tuple(map(float, words))


def measure(name, threads, seconds, program):
    """{by: [(ms, processor ms, loss), ...]} of steps that took their turns; PyTorch stops behind half of the time, but for two."""
    steps = {by: lambda by=by: program.step(name, by) for by in [*OURS, *ONEDNN]}
    if torch:
        steps["pytorch"] = Torch(SHAPES[name]).step
    found = {by: [] for by in steps}
    begun = time.perf_counter()
    while len(found["float32"]) < WARM + LEAST or (time.perf_counter() - begun < seconds and len(found["float32"]) < MOST):
        for by in list(steps):
            if by == "pytorch" and len(found[by]) >= 2 and sum(step[0] for step in found[by]) > 500 * seconds:
                continue
            step = steps[by]()
            if step is None:
                del steps[by], found[by]
                print(f"{by} has no {name}, or is not there (Debian: libdnnl-dev)", file=sys.stderr)
            else:
                found[by].append(step)
    program.say(name, "end")
    return found


def disagreements(found):
    for by, near in NEAR.items():
        for i in range(2 if by in found else 0):
            loss, due = found[by][i][2], found["float32"][i][2]
            if abs(loss - due) > near * due:
                yield f"{by}: the loss of step {i + 1} is {loss}, and that of float32 {due}"


def ratio(medians, by, over):
    """How many times as long the fastest of `over` takes."""
    times = [medians[other] for other in over if other in medians]
    return f"{min(times) / medians[by]:.2f}" if times else "-"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("networks", nargs="*", default=list(SHAPES))
    options = parser.parse_args()
    processors, failed = sorted(os.sched_getaffinity(0)), 0
    columns = [*ALL, "oneDNN f32 / float32", "PyTorch / float32", "oneDNN best / int"]
    print(f"| network, threads | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for threads in map(int, options.threads.split(",")):
        if threads > len(processors):
            continue
        os.sched_setaffinity(0, processors[-threads:])
        if torch:
            torch.set_num_threads(threads)
        program = Program(threads)
        for name in options.networks:
            found = measure(name, threads, options.seconds, program)
            for text in disagreements(found):
                failed += 1
                print(f"FAIL: {name}: {text}", file=sys.stderr)
            walls, cpus = ({by: statistics.median(step[i] for step in steps[min(WARM, len(steps) - 1) :]) for by, steps in found.items()} for i in (0, 1))
            judged = cpus if threads == 1 else walls
            cells = [f"{walls[by]:.2f}" + (f" ({cpus[by]:.2f})" if threads == 1 else "") if by in walls else "-" for by in ALL]
            cells += [ratio(judged, "float32", ["onednn-f32"]), ratio(judged, "float32", ["pytorch"]), ratio(judged, "int", ONEDNN)]
            print(f"| {name}, {threads} | {' | '.join(cells)} |", flush=True)
        program.process.stdin.close()
        program.process.wait()
    sys.exit(failed > 0)


main()
