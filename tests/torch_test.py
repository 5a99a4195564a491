# SPDX-License-Identifier: Apache-2.0
# Random networks of torch.nn, exported by torch itself: what the import makes of the file, in double precision, against
# torch's own numbers, and of some of them cpu: too.
#     torch_test.py FOLDER COUNT [SEED]    networks SEED, SEED + 1, ... (1); FOLDER keeps the files of those that fail
import pathlib
import random
import sys
import time
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence as pack
from torch.nn.utils.rnn import pad_packed_sequence as unpack

import millrace

EXACT, INTEGER = 1e-4, 0.02  # how far from torch, of the output's scale: reference, and cpu:
ON_CPU = 6  # networks
N, T = 3, 7  # of what is run
ACTIVATIONS = {
    "": nn.Identity,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "elu": lambda: nn.ELU(0.7),
    "selu": nn.SELU,
    "softplus": lambda: nn.Softplus(2),
    "hard": nn.Hardsigmoid,
    "one slope": nn.PReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "gelu tanh": lambda: nn.GELU(approximate="tanh"),
    "mish": nn.Mish,
    "hard swish": nn.Hardswish,
    "relu6": nn.ReLU6,
    "hard tanh": lambda: nn.Hardtanh(-0.5, 0.75),
    "log sigmoid": nn.LogSigmoid,
}
CELLS = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "tanh": nn.RNN,
    "relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
}
# How people take one row of all steps. x: rows [N, T, units] or with the steps first; h: last states.
ENDS = {
    "last": lambda net, x, h, c: x[:, -1] if net.batch_first else x[-1],
    "last_kept": lambda net, x, h, c: x[:, -1:].squeeze(1) if net.batch_first else x[-1:].squeeze(0),
    "first": lambda net, x, h, c: x[:, 0] if net.batch_first else x[0],
    "mean": lambda net, x, h, c: x.mean(dim=net.axis),
    "max": lambda net, x, h, c: x.max(dim=net.axis)[0],
    "amax": lambda net, x, h, c: torch.amax(x, dim=net.axis),
    "pool": lambda net, x, h, c: nn.functional.adaptive_avg_pool1d(net.features_first(x), 1).squeeze(-1),
    "every": lambda net, x, h, c: x,
    "state": lambda net, x, h, c: h[-1],
    "min": lambda net, x, h, c: x.min(dim=net.axis)[0],
    "mean_max": lambda net, x, h, c: torch.cat([x.mean(dim=net.axis), x.max(dim=net.axis)[0]], dim=1),
}
OF_ONE = {"only_state": lambda net, x, h, c: h.squeeze(0)}
OF_BOTH = {  # directions
    "states": lambda net, x, h, c: torch.cat([h[-2], h[-1]], dim=1),
    "ends": lambda net, x, h, c: torch.cat([net.row(x, -1)[:, : net.hidden()], net.row(x, 0)[:, net.hidden() :]], dim=1),
}
OF_LSTM = {"cell": lambda net, x, h, c: c[-1]}
# What a row of x at one step, or of all, does beside the layers, where these give one row of a sequence.
BESIDE = {
    "last": lambda net, x: x[:, -1] if net.batch_first else x[-1],
    "first": lambda net, x: x[:, 0] if net.batch_first else x[0],
    "mean": lambda net, x: x.mean(dim=net.axis),
}
# How rows are linked with those of the layer before.
LINKS = {
    "+": lambda x, y: x + y,
    "*": lambda x, y: x * torch.sigmoid(y),
    "max": torch.max,
    "min": torch.minimum,
    "scaled": lambda x, y: 0.7 * x + y * 0.3,
}
# Lengths of the sequences of x, [sequences, steps] or with features behind, whose last steps are MASKED.
MASKED = 0
LENGTHS = {
    "any": lambda x: (x != MASKED).any(-1).sum(1),
    "all": lambda x: (~(x == MASKED).all(dim=-1)).long().sum(dim=1),
    "sum": lambda x: (x.abs().sum(-1) > MASKED).sum(-1),
    "sign": lambda x: torch.sign(x.abs().max(-1)[0]).sum(1).long(),
    "first": lambda x: (x[:, :, 0] != MASKED).sum(dim=1),
    "token": lambda x: (x != MASKED).sum(1),
    "above": lambda x: (x > MASKED).sum(1),
}
WITH_LENGTHS = {"first", "every", "state", "only_state", "states", "cell"}
OWN = {  # of each sequence's own steps, with the batch first
    "last": lambda x, lengths, mask: x[torch.arange(x.shape[0]), lengths - 1],
    "mean": lambda x, lengths, mask: (x * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True),
    "max": lambda x, lengths, mask: x.masked_fill(~mask.unsqueeze(-1), -1e9).max(1)[0],
}


class Head(nn.Module):
    """One or two linear layers with activations, behind a normalisation now and then."""

    def __init__(self, draw, width):
        super().__init__()
        parts = [nn.LayerNorm(width)] if draw.random() < 0.2 else []
        parts += [nn.Dropout(0.1)] if draw.random() < 0.2 else []
        for _ in range(draw.choice([1, 1, 2])):
            units = draw.randint(1, 6)
            parts += [nn.Linear(width, units, bias=draw.random() < 0.8), ACTIVATIONS[draw.choice(list(ACTIVATIONS))]()]
            width = units
        if draw.random() < 0.15:
            parts.append(nn.Softmax(dim=-1))
        self.parts = nn.Sequential(*parts)
        self.squeezes = width == 1 and draw.random() < 0.5

    def forward(self, x):
        y = self.parts(x)
        return y.squeeze(-1) if self.squeezes else y


class Net(nn.Module):
    """A first layer, a stack of recurrent modules, and heads: all drawn from a seed."""

    def __init__(self, seed):
        super().__init__()
        draw = self.draw = random.Random(seed)
        torch.manual_seed(seed)
        self.batch_first = draw.random() < 0.6
        self.axis = 1 if self.batch_first else 0
        self.tokens = draw.randint(1, 30) if draw.random() < 0.2 else 0
        width = draw.randint(1, 6)
        self.features = 1 if self.tokens else width
        first = draw.random()
        self.first = nn.Embedding(self.tokens, width) if self.tokens else nn.Identity()
        if not self.tokens and first < 0.25:
            units = draw.randint(1, 6)
            self.first = nn.Sequential(nn.Linear(width, units), ACTIVATIONS[draw.choice(list(ACTIVATIONS))]())
            width = units
        self.centre = nn.Parameter(torch.randn(self.features)) if not self.tokens and draw.random() < 0.2 else None
        self.layers, self.normal, self.linked = nn.ModuleList(), nn.ModuleList(), []
        self.kinds = []
        for _ in range(draw.randint(1, 3)):
            kind, both = draw.choice(list(CELLS)), draw.random() < 0.3
            linked = draw.random() < 0.3 and (not both or width % 2 == 0)
            hidden = width // (1 + both) if linked else draw.randint(1, 8)
            count = draw.choice([1, 1, 2])
            self.layers.append(
                CELLS[kind](width, hidden, num_layers=count, bidirectional=both, bias=draw.random() < 0.8, batch_first=self.batch_first)
            )
            link = draw.choice(list(LINKS)) if linked else ""
            self.kinds.append(f"{kind}:{hidden}x{count}{'b' if both else ''}{link}")
            self.linked.append(link)
            width = hidden * (1 + both)
            self.normal.append(nn.LayerNorm(width) if draw.random() < 0.25 else nn.Identity())
        top = self.layers[-1]
        single = top.num_layers * (1 + top.bidirectional) == 1
        plain = not self.linked[-1] and isinstance(self.normal[-1], nn.Identity)
        self.taken = {**ENDS, **(OF_ONE if single else {}), **(OF_BOTH if top.bidirectional else {}), **(OF_LSTM if isinstance(top, nn.LSTM) else {})}
        if not plain:  # halves of rows that are normalised together
            self.taken.pop("ends", None)
        self.ends, self.heads = [], nn.ModuleList()
        for index in range(1 + (draw.random() < 0.3)):
            self.ends.append(self.ends[0] if index and draw.random() < 0.5 else draw.choice(list(self.taken)))
            # A cell state itself, beside an output, is a state that a session keeps.
            bare = index == 0 and self.ends[0] != "cell" and draw.random() < 0.1
            of = top.hidden_size if self.ends[-1] in ("state", "cell") else 2 * width if self.ends[-1] == "mean_max" else width
            self.heads.append(nn.Identity() if bare else Head(draw, of))
        self.mask = None
        known = WITH_LENGTHS | set(OWN if self.batch_first else ())
        if known.issuperset(self.ends) and draw.random() < 0.5 and self.tokens != 1:
            self.mask = draw.choice(list(LENGTHS)[5:] if self.tokens else list(LENGTHS)[:5])
            if set(self.ends) & {"mean", "max"}:  # which take the same mask
                self.mask = "token" if self.tokens else "any"
        self.sorted = draw.random() < 0.3
        self.beside = None
        if not self.tokens and not self.mask and "every" not in self.ends and draw.random() < 0.3:
            self.beside = draw.choice(list(BESIDE))
            self.static = nn.Linear(self.features, 3)
        with torch.no_grad():
            for weights in self.parameters():
                weights.mul_(draw.uniform(0.7, 1.6))
        self.eval()

    def forward(self, x):
        given = x
        if self.mask:
            lengths = LENGTHS[self.mask](x if self.batch_first else x.transpose(0, 1)).cpu()
            mask = x != MASKED if self.tokens else (x != MASKED).any(-1)
        x = self.first(x if self.centre is None else (x - self.centre) / 2)
        h, c = None, None
        for layer, normal, linked in zip(self.layers, self.normal, self.linked):
            if self.mask:
                y, states = layer(pack(x, lengths, batch_first=self.batch_first, enforce_sorted=self.sorted))
                y, _ = unpack(y, batch_first=self.batch_first, total_length=x.shape[self.axis])
            else:
                y, states = layer(x)
            h, c = states if isinstance(layer, nn.LSTM) else (states, None)
            x = normal(LINKS[linked](x, y) if linked else y)
        own = lambda end: OWN[end](x, lengths, mask) if self.mask and end in OWN else self.taken[end](self, x, h, c)
        y = tuple(head(own(end)) for end, head in zip(self.ends, self.heads))
        if self.beside:
            row = BESIDE[self.beside](self, given)
            y = (*y, torch.cat([row, torch.tanh(self.static(row))], -1))
        return y if len(y) > 1 else y[0]

    def hidden(self):
        return self.layers[-1].hidden_size

    def row(self, x, step):
        return x[:, step] if self.batch_first else x[step]

    def features_first(self, x):
        return x.transpose(1, 2) if self.batch_first else x.permute(1, 2, 0)

    def input(self, sequences, steps, seed):
        """[sequences, steps, features], or tokens [sequences, steps]."""
        rng = np.random.default_rng(seed)
        if self.tokens:
            x = rng.integers(1 if self.mask else 0, self.tokens, (sequences, steps)).astype(np.float32)
        else:
            x = rng.standard_normal((sequences, steps, self.features)).astype(np.float32)
        lengths = sorted([steps] + list(rng.integers(1, steps + 1, sequences - 1)), reverse=True)
        for one, length in zip(x, lengths if self.sorted else rng.permutation(lengths)):
            if self.mask:
                one[length:] = MASKED
        return x

    def laid_out(self, x):
        """The same as the module takes it."""
        x = x if self.batch_first else x.swapaxes(0, 1)
        return torch.from_numpy(np.ascontiguousarray(x.astype(np.int64) if self.tokens else x))

    def answer(self, x):
        """In double precision, by name, [sequences, numbers]."""
        given = self.laid_out(x)
        with torch.no_grad():
            y = self.double()(given if self.tokens else given.double())
        self.float()
        y = y if isinstance(y, tuple) else (y,)
        turned = [end == "every" and not self.batch_first for end in self.ends] + [False] * bool(self.beside)
        return {f"y{i}": (v.swapaxes(0, 1) if turn else v).numpy().reshape(len(x), -1) for i, (v, turn) in enumerate(zip(y, turned))}

    def __str__(self):
        lead = f"tokens {self.tokens}" if self.tokens else f"{self.features}" + (" dense" if len(list(self.first.modules())) > 1 else "")
        masked = f" masked {self.mask}{' sorted' if self.sorted else ''}" if self.mask else ""
        return f"{lead} {' '.join(self.kinds)}{masked} -> {' '.join(self.ends)}{' beside ' + self.beside if self.beside else ''}"


def export(net, seed, path):
    """Gives the axes of what it was exported with, how many steps it takes, and how it was done."""
    draw, opset = net.draw, net.draw.randint(10 if net.mask else 9, 17)
    batch, steps = draw.choice([1, 2, 3]), draw.choice([T, T, 1 + T // 2, 1])
    batch, steps = (N, T) if draw.random() < 0.3 else (batch, steps)
    axes = dict(zip(("sequences", "steps") if net.batch_first else ("steps", "sequences"), (0, 1)))
    free = draw.choice([(), ("sequences",), ("sequences", "steps"), ("sequences", "steps")])
    names = [f"y{i}" for i in range(len(net.heads) + bool(net.beside))]
    dynamic = {"x": {axes[axis]: axis for axis in free}}
    for name, end in zip(names, net.ends + ["beside"]):
        dynamic[name] = dynamic["x"] if end == "every" else {0: "sequences"} if "sequences" in free else {}
    with torch.no_grad():
        torch.onnx.export(
            net,
            (net.laid_out(net.input(batch, steps, seed)),),
            str(path),
            opset_version=opset,
            input_names=["x"],
            output_names=names,
            dynamic_axes=dynamic if free else None,
        )
    return batch, steps, T if "steps" in free else steps, f"opset {opset} {batch}x{steps} open: {','.join(free) or '-'}{'' if net.batch_first else ' time first'}"


def by_name(got, count):
    return {name: y.reshape(count, -1) for name, y in (got if isinstance(got, dict) else {"y0": got}).items()}


def distance(got, wanted):
    """The greatest distance, of the largest number of its output."""
    if got.keys() != wanted.keys() or any(got[name].shape != wanted[name].shape for name in wanted):
        return np.inf
    worst = [np.abs(got[name] - wanted[name]).max() / max(np.abs(wanted[name]).max(), 1e-3) for name in wanted]
    return float(max(worst)) if np.isfinite(worst).all() else np.inf


def check(seed, folder, on_cpu):
    """A sentence of what is wrong, or "", and what the network is."""
    net = Net(seed)
    path = folder / f"{seed}.onnx"
    batch, steps, most, how = export(net, seed, path)
    shape = f"{net} {how}"
    x = net.input(N, most, seed + 1)
    rows = x[..., None] if net.tokens else x
    wanted = net.answer(x)
    typical = net.laid_out(net.input(batch, steps, seed + 2) if not on_cpu else x).numpy()
    try:
        with millrace.import_onnx(path, calibrate=typical.astype(np.float32), max_steps=T, note=lambda text: None) as model:
            far = distance(by_name(model.reference(rows), N), wanted)
            if far > EXACT:
                return f"the reference is {far:.2g} of the scale from torch", shape
            if on_cpu:
                with model.session("cpu:") as session:
                    far = distance(by_name(session.run(rows), N), wanted)
                if far > INTEGER:
                    return f"cpu: is {far:.2g} of the scale from torch", shape
    except millrace.Error as error:
        return str(error), shape
    path.unlink()
    return "", shape


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    print(f"torch_test: torch {torch.__version__}, seeds {first} to {first + count - 1}", flush=True)
    failed = 0
    for seed in range(first, first + count):
        begun = time.process_time()
        wrong, shape = check(seed, folder, seed < first + ON_CPU)
        failed += wrong != ""
        print(f"{'FAIL: ' if wrong else ''}{seed}  {time.process_time() - begun:.2f} s  {shape}" + (f"\n    {wrong}" if wrong else ""), flush=True)
    print(f"{count - failed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
