# SPDX-License-Identifier: Apache-2.0
# Networks of examples/turbofan, trained by PyTorch, and by `millrace train` in float32 and in whole numbers, on the same
# mini-batches in the same order, each from first weights of its own, by the seed. Of the epoch that validates best: what it
# says of the sequences to validate with, and of the engines to test.
#     train_seeds.py DATA [--seeds 1,2,3] [--epochs 10] [--networks lstm2x25,...]
# DATA is what `turbofan_demo data` wrote. Prints a table in Markdown, and fails where float32 is not within the seeds' spread of
# PyTorch, or whole numbers not within that of both, which is all that is trained in floating point: where the mean over the
# seeds is worse than the worst seed there, and worse by two standard deviations than the mean there.
import argparse
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import torch
from torch import nn

from train_order import batches

RATE, CLIP, BATCH, LIFE = 0.003, 1, 64, 125
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


class Net(nn.Module):
    def __init__(self, description):
        super().__init__()
        hidden = [layer["hidden"] for layer in description["layers"]]
        cells = {layer["cell"] for layer in description["layers"]}
        assert len(set(hidden)) == 1 and len(cells) == 1
        self.rnn = CELLS[cells.pop()](description["inputs"], hidden[0], len(hidden), batch_first=True)
        self.head = nn.Linear(hidden[0], 1)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])[:, 0]


class Task:
    def __init__(self, data, name):
        self.name, self.data = name, data
        self.path = pathlib.Path("examples/turbofan") / f"{name}.json"
        self.description = json.loads(self.path.read_text(encoding="utf-8"))
        self.fails = self.description["heads"][0].get("activation") == "sigmoid"
        self.what = "fails" if self.fails else "life"

    def arrays(self, part):
        return [torch.from_numpy(np.load(self.data / f"{part}_{kind}.npy")) for kind in ("x", self.what)]

    def loss(self, out, y):
        return (nn.functional.binary_cross_entropy_with_logits if self.fails else nn.functional.mse_loss)(out, y)

    def measure(self, out, y):
        """Percent that are right, or the root of the mean squared error in flights."""
        if self.fails:
            return 100 * ((out >= 0) == (y >= 0.5)).float().mean().item()
        return LIFE * nn.functional.mse_loss(out, y).sqrt().item()


def by_torch(task, seed, epochs):
    torch.manual_seed(seed)
    net = Net(task.description)
    x, y = task.arrays("train")
    validate, test = task.arrays("validate"), task.arrays("test")
    optimiser, best = torch.optim.Adam(net.parameters(), RATE), (np.inf,)
    for epoch in range(1, epochs + 1):
        for places in batches(len(x), seed, epoch, BATCH):
            optimiser.zero_grad()
            task.loss(net(x[places]), y[places]).backward()
            nn.utils.clip_grad_norm_(net.parameters(), CLIP)
            optimiser.step()
        with torch.no_grad():
            out = net(validate[0])
            loss = task.loss(out, validate[1]).item()
            if loss < best[0]:
                best = loss, task.measure(out, validate[1]), task.measure(net(test[0]), test[1])
    return best[1:]


def by_millrace(task, arithmetic, seed, epochs):
    model = task.data / f"{task.name}_{arithmetic}.millrace"
    done = subprocess.run(
        ["build/millrace", "train", task.path, "--x", task.data / "train_x.npy", "--y", task.data / f"train_{task.what}.npy"]
        + ["--validate-x", task.data / "validate_x.npy", "--validate-y", task.data / f"validate_{task.what}.npy", "--json"]
        + ["--loss", "bce" if task.fails else "mse", "--rate", str(RATE), "--clip", str(CLIP), "--batch", str(BATCH)]
        + ["--arithmetic", arithmetic, "--epochs", str(epochs), "--seed", str(seed), "-o", model],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    metric = json.loads(done.stdout.splitlines()[-1])["best"]["validation_metric"]
    text = subprocess.run(["build/turbofan_demo", "test", model, task.data, task.what], check=True, capture_output=True, text=True).stdout
    if task.fails:
        right, of = re.search(r"float +(\d+) of (\d+) right", text).groups()
        return 100 * metric, 100 * int(right) / int(of)
    return LIFE * metric, float(re.search(r"float +RMSE ([\d.]+)", text)[1])


def within(task, seen, those):
    """Validation of every seed: is the mean of `seen` no worse than `those` scatter?"""
    sign = -1 if task.fails else 1
    seen, those = sign * np.array(seen), sign * np.array(those)
    return seen.mean() <= max(those.max(), those.mean() + 2 * those.std(ddof=1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--networks", default="lstm2x25")
    options = parser.parse_args()
    seeds, failed, checks = [int(seed) for seed in options.seeds.split(",")], 0, 0
    if len(seeds) < 2:
        parser.error("at least two seeds are needed for a spread")
    torch.set_num_threads(1)
    print("| network | trained by | validation, each seed | mean | engines to test | mean |\n|---|---|---|---|---|---|")
    for name in options.networks.split(","):
        task, floats = Task(options.data, name), []
        for way in "PyTorch", "float32", "int":
            rows = [by_torch(task, seed, options.epochs) if way == "PyTorch" else by_millrace(task, way, seed, options.epochs) for seed in seeds]
            lists = list(zip(*rows))
            cells = (f"{', '.join(f'{number:.2f}' for number in numbers)} | {np.mean(numbers):.2f}" for numbers in lists)
            print(f"| {name} | {way} | {' | '.join(cells)} |", flush=True)
            if floats:
                checks += 1
                if not within(task, lists[0], floats):
                    failed += 1
                    print(f"FAIL: {name}: {way} is not within the spread of {len(floats)} trainings in floating point")
            floats += lists[0]
    print(f"{checks - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
