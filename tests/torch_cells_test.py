# SPDX-License-Identifier: Apache-2.0
# Cells of torch and cells by hand in loops over the steps, exported by torch itself, unrolled or as a Loop: what the
# import makes of the file, in double precision, against torch's own numbers.
#     torch_cells_test.py FOLDER COUNT [SEED]    networks SEED, SEED + 1, ... (1); FOLDER keeps the files of those that fail
import pathlib
import random
import sys
import time
import warnings

import numpy as np
import torch
from torch import nn

import millrace

EXACT = 1e-4  # how far from torch, of the output's scale
N = 3


class HandLSTM(nn.Module):
    """Gates apart, or merged, of x and h or of both behind each other."""

    def __init__(self, inputs, hidden, draw):
        super().__init__()
        self.hidden_size, self.joined, self.merged = hidden, draw.random() < 0.5, draw.random() < 0.5
        self.coupled, self.hard = draw.random() < 0.2, draw.random() < 0.2
        rows, parts = (4 * hidden, 1) if self.merged else (hidden, 4)
        self.x = nn.ModuleList([nn.Linear(inputs + hidden if self.joined else inputs, rows) for _ in range(parts)])
        self.h = nn.ModuleList([nn.Linear(hidden, rows, bias=draw.random() < 0.5) for _ in range(parts)])

    def gate(self, v):
        return nn.functional.hardsigmoid(v) if self.hard else torch.sigmoid(v)

    def forward(self, x, state):
        h, c = state
        both = torch.cat([h, x], 1)
        sums = [a(both) if self.joined else a(x) + b(h) for a, b in zip(self.x, self.h)]
        i, f, o, g = sums[0].chunk(4, 1) if self.merged else sums
        i = self.gate(i)
        f = 1 - i if self.coupled else self.gate(f)
        c = f * c + torch.tanh(g) * i
        return torch.tanh(c) * self.gate(o), c


class HandGRU(nn.Module):
    """The reset gate before or behind the product, and the next state in one of its forms."""

    def __init__(self, inputs, hidden, draw):
        super().__init__()
        self.hidden_size, self.behind, self.form = hidden, draw.random() < 0.5, draw.randint(0, 3)
        self.x = nn.ModuleList([nn.Linear(inputs, hidden) for _ in range(3)])
        self.h = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(3)])

    def forward(self, x, h):
        z = torch.sigmoid(self.x[0](x) + self.h[0](h))
        r = torch.sigmoid(self.h[1](h) + self.x[1](x))
        n = torch.tanh(self.x[2](x) + (r * self.h[2](h) if self.behind else self.h[2](r * h)))
        if self.form == 0:
            return (1 - z) * n + z * h
        if self.form == 1:
            return h + z * (n - h)
        return n + z * (h - n) if self.form == 2 else n - z * n + h * z


CELLS = {
    "LSTMCell": lambda i, h, draw: nn.LSTMCell(i, h, bias=draw.random() < 0.8),
    "GRUCell": lambda i, h, draw: nn.GRUCell(i, h, bias=draw.random() < 0.8),
    "RNNCell": lambda i, h, draw: nn.RNNCell(i, h, nonlinearity=draw.choice(["tanh", "relu"])),
    "HandLSTM": HandLSTM,
    "HandGRU": HandGRU,
}


class Net(nn.Module):
    def __init__(self, seed):
        super().__init__()
        draw = self.draw = random.Random(seed)
        torch.manual_seed(seed)
        self.features, self.steps = draw.randint(1, 5), draw.randint(2, 7)
        self.batch_first, self.back = draw.random() < 0.6, draw.random() < 0.3
        self.between, self.end = draw.random() < 0.3, draw.choice(["last", "every", "each", "mean"])
        self.cells, self.dense, self.kinds, width = nn.ModuleList(), nn.ModuleList(), [], self.features
        for _ in range(draw.randint(1, 2)):
            kind, hidden = draw.choice(list(CELLS)), draw.randint(1, 6)
            self.dense.append(nn.Sequential(nn.Linear(width, 4), nn.ReLU()) if self.between else nn.Identity())
            self.cells.append(CELLS[kind](4 if self.between else width, hidden, draw))
            self.kinds.append(kind)
            width = hidden
        self.head = nn.Linear(width, draw.randint(1, 3))
        self.eval()

    def forward(self, x):
        count = x.size(0 if self.batch_first else 1)
        states = []
        for cell, kind in zip(self.cells, self.kinds):
            zero = torch.zeros(count, cell.hidden_size, dtype=x.dtype)
            states.append((zero, zero) if "LSTM" in kind else zero)
        rows = [x.new_zeros(0)] * self.steps
        order = range(self.steps - 1, -1, -1) if self.back else range(self.steps)
        for t in order:
            row = x[:, t] if self.batch_first else x[t]
            for i, (cell, dense) in enumerate(zip(self.cells, self.dense)):
                states[i] = cell(dense(row), states[i])
                row = states[i][0] if isinstance(states[i], tuple) else states[i]
            rows[t] = self.head(row) if self.end == "each" else row
        if self.end == "last":
            return self.head(rows[0 if self.back else -1])
        axis = 1 if self.batch_first else 0
        y = torch.stack(rows, axis)
        return y if self.end == "each" else self.head(y.mean(axis) if self.end == "mean" else y)

    def __str__(self):
        return f"{self.features} {' '.join(self.kinds)}{' back' if self.back else ''}{' between' if self.between else ''} {self.end}"


class Scripted(nn.Module):
    """As many steps as there are, in a Loop."""

    def __init__(self, seed):
        super().__init__()
        draw = self.draw = random.Random(seed)
        torch.manual_seed(seed)
        self.features, self.steps, self.batch_first, self.end = draw.randint(1, 5), 5, True, "every"
        self.cell, self.head = nn.LSTMCell(self.features, draw.randint(1, 6)), nn.Linear(1, 1)
        self.head = nn.Linear(self.cell.hidden_size, 2)
        self.hidden = self.cell.hidden_size
        self.eval()

    def forward(self, x):
        h = torch.zeros(x.size(0), self.hidden, dtype=x.dtype)
        c = torch.zeros(x.size(0), self.hidden, dtype=x.dtype)
        rows = []
        for t in range(x.size(1)):
            h, c = self.cell(x[:, t], (h, c))
            rows.append(h)
        return self.head(torch.stack(rows, 1))

    def __str__(self):
        return f"{self.features} scripted LSTMCell"


def check(seed, folder):
    """A sentence of what is wrong, or "", and what the network is."""
    net = Scripted(seed) if seed % 10 == 0 else Net(seed)
    scripted, path, draw = isinstance(net, Scripted), folder / f"{seed}.onnx", net.draw
    shape = (N, net.steps, net.features)
    x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    given = torch.from_numpy(x if net.batch_first else np.ascontiguousarray(x.swapaxes(0, 1)))
    axes = {0 if net.batch_first else 1: "n"}
    if scripted or draw.random() < 0.3:
        axes[1 if net.batch_first else 0] = "t"
    opset = draw.randint(11 if scripted else 9, 16)
    with torch.no_grad():
        torch.onnx.export(
            torch.jit.script(net) if scripted else net,
            (given,),
            str(path),
            opset_version=opset,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": axes} if draw.random() < 0.8 or scripted else None,
        )
        y = net.double()(given.double()).numpy()
    if net.end in ("every", "each") and not net.batch_first:
        y = y.swapaxes(0, 1)
    what = f"{net} opset {opset}"
    try:
        with millrace.import_onnx(path, calibrate=given.numpy(), max_steps=8, note=lambda text: None) as model:
            far = np.abs(model.reference(x).reshape(N, -1) - y.reshape(N, -1)).max() / max(np.abs(y).max(), 1e-3)
            if not far <= EXACT:
                return f"the reference is {far:.2g} of the scale from torch", what
    except millrace.Error as error:
        return str(error), what
    path.unlink()
    return "", what


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(f"torch_cells_test: torch {torch.__version__}, seeds {first} to {first + count - 1}", flush=True)
    failed = 0
    for seed in range(first, first + count):
        begun = time.process_time()
        wrong, what = check(seed, folder)
        failed += wrong != ""
        print(f"{'FAIL: ' if wrong else ''}{seed}  {time.process_time() - begun:.2f} s  {what}" + (f"\n    {wrong}" if wrong else ""), flush=True)
    print(f"{count - failed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
