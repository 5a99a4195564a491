# SPDX-License-Identifier: Apache-2.0
# Random networks that torch exports, trained by `millrace train` and by torch.optim on the same mini-batches in the same
# order (train_order.py): the loss of each epoch and every weight agree to float32. torch has two biases where ONNX has one
# sum, so the second ones that only add to it stay at 0.
#     train_torch_test.py FOLDER [COUNT [SEED]]
import json
import pathlib
import random
import subprocess
import sys
import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from train_order import batches

EPOCHS = 4
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
ORDER = {"lstm": [0, 2, 3, 1], "gru": [1, 0, 2], "rnn": [0]}  # where torch's gates are in ONNX


class Net(nn.Module):
    def __init__(self, draw):
        super().__init__()
        self.kind, self.features = draw.choice(list(CELLS)), draw.randint(1, 6)
        self.hidden, self.layers = draw.randint(2, 20), draw.randint(1, 3)
        more = {"nonlinearity": draw.choice(["tanh", "relu"])} if self.kind == "rnn" else {}
        self.rnn = CELLS[self.kind](self.features, self.hidden, self.layers, batch_first=True, **more)
        self.loss, self.every = draw.choice(["mse", "bce", "ce"]), draw.random() < 0.4
        self.outputs = draw.randint(2, 4) if self.loss == "ce" else draw.randint(1, 3)
        self.head = nn.Linear(self.hidden, self.outputs)
        self.only = {}  # of a bias over h the rows that are not there twice
        for name, parameter in self.rnn.named_parameters():
            if name.startswith("bias_hh"):
                rows = torch.zeros_like(parameter)
                if self.kind == "gru":
                    rows[2 * self.hidden :] = 1
                parameter.data *= rows
                parameter.register_hook(lambda gradient, rows=rows: gradient * rows)

    def forward(self, x):
        rows = self.rnn(x)[0]
        return self.head(rows if self.every else rows[:, -1])


def loss_of(net, out, y):
    if net.loss == "mse":
        return nn.functional.mse_loss(out, y)
    if net.loss == "bce":
        return nn.functional.binary_cross_entropy_with_logits(out, y)
    return nn.functional.cross_entropy(out.flatten(0, -2), y.flatten().long())


def exported_weights(path, net):
    """By torch's names, from an ONNX file that was written by the command."""
    graph = onnx.load(path).graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = {}
    cells = [n for n in graph.node if n.op_type == net.kind.upper()]
    for layer, node in enumerate(cells):
        w, r, b = (values[node.input[i]][0] for i in (1, 2, 3))
        gates = len(ORDER[net.kind])

        def turned(rows):
            return rows.reshape(gates, net.hidden, -1)[ORDER[net.kind]].reshape(rows.shape)

        found[f"rnn.weight_ih_l{layer}"], found[f"rnn.weight_hh_l{layer}"] = turned(w), turned(r)
        of_x, of_h = turned(b[: gates * net.hidden]), turned(b[gates * net.hidden :])
        found[f"bias_l{layer}"] = of_x + of_h if net.kind != "gru" else np.concatenate([of_x, of_h])
    return found


def torch_weights(net):
    found = {}
    for layer in range(net.layers):
        for name in "weight_ih", "weight_hh":
            found[f"rnn.{name}_l{layer}"] = getattr(net.rnn, f"{name}_l{layer}").detach().numpy()
        x, h = (getattr(net.rnn, f"bias_{way}_l{layer}").detach().numpy() for way in ("ih", "hh"))
        found[f"bias_l{layer}"] = x + h if net.kind != "gru" else np.concatenate([x, h])
    return found


def compare(folder, draw):
    torch.manual_seed(draw.randint(0, 10**6))
    net = Net(draw)
    sequences, steps = draw.randint(2, 40), draw.randint(2, 12)
    x = torch.rand(sequences, steps, net.features) * 2 - 1
    rows = (sequences, steps) if net.every else (sequences,)
    y = torch.randint(0, net.outputs, rows).float() if net.loss == "ce" else torch.rand(*rows, net.outputs)
    np.save(folder / "x.npy", x.numpy())
    np.save(folder / "y.npy", y.numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = {"x": {0: "n", 1: "t"}, "y": {0: "n", 1: "t"} if net.every else {0: "n"}}
        torch.onnx.export(net, x, folder / "net.onnx", input_names=["x"], output_names=["y"], dynamic_axes=axes)
    sgd, rate = draw.random() < 0.5, 0.01
    momentum, l2 = draw.choice([0, 0.9]) if sgd else 0, draw.choice([0, 0.01])
    clip, batch, seed = draw.choice([0, 0.1]), draw.choice([sequences, (sequences + 2) // 3]), draw.randint(0, 2**64 - 1)
    about = f"{net.kind} {net.layers} x {net.hidden}, {net.loss}, {'sgd' if sgd else 'adam'}, {sequences} x {steps} by {batch}"
    done = subprocess.run(
        ["build/millrace", "train", folder / "net.onnx", "--x", folder / "x.npy", "--y", folder / "y.npy", "--json"]
        + ["--loss", net.loss, "--rate", str(rate), "--epochs", str(EPOCHS), "--batch", str(batch), "--seed", str(seed)]
        + ["--optimiser", "sgd" if sgd else "adam", "--l2", str(l2), "--export", folder / "out.onnx"]
        + (["--momentum", str(momentum)] if sgd else [])
        + (["--clip", str(clip)] if clip else []),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return f"{about}: {done.stderr}"
    given = [json.loads(line)["loss"] for line in done.stdout.splitlines()[:EPOCHS]]
    # torch adds L2 of a bias over h that stays at 0, which changes nothing.
    parameters = list(net.parameters())
    optimiser = (
        torch.optim.SGD(parameters, rate, momentum=momentum, weight_decay=l2)
        if sgd
        else torch.optim.Adam(parameters, rate, weight_decay=l2)
    )
    for epoch in range(EPOCHS):
        mean = 0
        for places in batches(sequences, seed, epoch + 1, batch):
            optimiser.zero_grad()
            loss = loss_of(net, net(x[places]), y[places])
            mean += loss.item() * len(places) / sequences
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(parameters, clip)
            optimiser.step()
        if abs(mean - given[epoch]) > 2e-5 * max(1, abs(mean)):
            return f"{about}: loss {given[epoch]} of epoch {epoch + 1}, not {mean}"
    trained = exported_weights(str(folder / "out.onnx"), net)
    for name, due in torch_weights(net).items():
        # Adam moves a weight whose gradient is all rounding as far as any other.
        apart = np.abs(trained[name] - due)
        if np.quantile(apart, 0.98) > 2e-5 or (sgd and apart.max() > 2e-5):
            return f"{about}: {name} is {apart.max():.3g} apart"
    return None


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    torch.set_num_threads(1)
    print(f"seed {seed}")
    failed = 0
    for i in range(count):
        wrong = compare(folder, random.Random(seed + i))
        if wrong:
            failed += 1
            print(f"FAIL: seed {seed + i}: {wrong}")
    print(f"{count - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
