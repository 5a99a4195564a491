# SPDX-License-Identifier: Apache-2.0
# Networks described in JSON: the examples of docs/json-models.md, state dicts of PyTorch against PyTorch itself and against
# its own export to ONNX, a cell of a user's own, and what is wrong. tests/json_models_test.sh runs it.
import json
import pathlib
import random
import re
import subprocess
import sys
import unittest
import warnings

import numpy as np

import millrace
from millrace import weights

try:
    import torch
    from torch import nn
except ImportError:
    torch = None

NETWORKS = 40
work = pathlib.Path(sys.argv[1])


def numbers(shape, seed=1, scale=0.4):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def command(*words):
    return subprocess.run(["build/millrace", *map(str, words)], capture_output=True, text=True, check=False)


def lstm(prefix, inputs, hidden, levels=1, bidirectional=False, gates=4):
    """Tensors as torch.nn.LSTM has them."""
    state = {}
    for level in range(levels):
        for end in ("", "_reverse")[: 1 + bidirectional]:
            columns = inputs if level == 0 else hidden * (1 + bidirectional)
            for role, shape in (("weight_ih", (gates * hidden, columns)), ("weight_hh", (gates * hidden, hidden)), ("bias_ih", (gates * hidden,)), ("bias_hh", (gates * hidden,))):
                state[f"{prefix}.{role}_l{level}{end}"] = numbers(shape, len(state))
    return state


class Documents(unittest.TestCase):
    def test_examples_are_imported(self):
        examples = re.findall(r"```json\n(.*?)```", pathlib.Path("docs/json-models.md").read_text(encoding="utf-8"), re.S)
        self.assertEqual(len(examples), 2)
        weights.write(work / "net.safetensors", {**lstm("lstm", 14, 25, 2), "fc.weight": numbers((1, 25)), "fc.bias": numbers(1)})
        trunk = {**lstm("a", 32, 32, 1, True, 3), **lstm("b", 64, 64), "norm.mean": numbers(14), "norm.std": 1 + abs(numbers(14)), "h0": numbers((1, 1, 64), 1, 0.2)}
        trunk.update({"embed.weight": numbers((32, 14)), "embed.bias": numbers(32), "ln.weight": numbers(64), "ln.bias": numbers(64)})
        heads = {"life.weight": numbers((1, 64)), "life.bias": numbers(1), "hidden.weight": numbers((16, 64)), "hidden.bias": numbers(16)}
        weights.write(work / "trunk.safetensors", trunk)
        weights.write(work / "heads.safetensors", {**heads, "fault.weight": numbers((3, 16)), "fault.bias": numbers(3)})
        for index, text in enumerate(examples):
            path = work / f"example{index}.json"
            path.write_text(text, encoding="utf-8")
            done = command("import", path, "-o", work / "example.millrace")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("output '" + ("rul" if index == 0 else "fault") + "'", done.stdout)


class StateDict(unittest.TestCase):
    def setUp(self):
        self.description = {"inputs": 3, "layers": [{"cell": "lstm", "hidden": 4}], "heads": [{"outputs": 2, "name": "out"}]}
        self.state = {**lstm("lstm", 3, 4), "fc.weight": numbers((2, 4)), "fc.bias": numbers(2)}

    def test_arrays_are_a_state(self):
        with millrace.import_state_dict(self.description, self.state, work / "state.millrace", name="rul") as model:
            self.assertEqual((model.name, model.features, model.outputs[0].name), ("rul", 3, "out"))
            h, c, x = np.zeros(4), np.zeros(4), numbers((5, 3), 9)
            for row in x.astype(float):
                s = self.state
                i, f, g, o = np.split(s["lstm.weight_ih_l0"] @ row + s["lstm.bias_ih_l0"] + s["lstm.weight_hh_l0"] @ h + s["lstm.bias_hh_l0"], 4)
                c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
                h = np.tanh(c) / (1 + np.exp(-o))
            self.assertLess(abs(model.reference(x) - (self.state["fc.weight"] @ h + self.state["fc.bias"])).max(), 1e-6)

    def test_names_of_keras(self):
        description = {
            "inputs": 3,
            "layers": [{"cell": "lstm", "hidden": 4}, {"cell": "gru", "hidden": 5, "bidirectional": True, "weights": {"prefix": "both/forward_gru/gru_cell", "reverse": "both/backward_gru/gru_cell"}}],
            "heads": [{"outputs": 2}],
        }
        state = {**lstm("a", 3, 4), **lstm("b", 4, 5, 1, True, 3), "c.weight": numbers((2, 10)), "c.bias": numbers(2)}
        places = {"": "both/forward_gru/gru_cell", "_reverse": "both/backward_gru/gru_cell"}
        own = {"model/dense/kernel": state["c.weight"].T, "model/dense/bias": state["c.bias"]}
        for prefix, end, to in (("a", "", "model/lstm/lstm_cell"), *(("b", end, to) for end, to in places.items())):
            parts = [state[f"{prefix}.{role}_l0{end}"] for role in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            if prefix == "b":  # r z n becomes z r h
                parts = [np.concatenate([np.split(part, 3)[i] for i in (1, 0, 2)]) for part in parts]
            bias = np.stack(parts[2:]) if prefix == "b" else parts[2].astype(float) + parts[3]
            own.update({f"{to}/kernel": parts[0].T, f"{to}/recurrent_kernel": parts[1].T, f"{to}/bias": bias})
        millrace.import_state_dict(description, own, work / "keras.millrace").close()
        description["layers"][1].pop("weights")
        millrace.import_state_dict(description, state, work / "torch.millrace").close()
        self.assertEqual((work / "keras.millrace").read_bytes(), (work / "torch.millrace").read_bytes())

    def test_activations_and_clip(self):
        own = {
            "linear": lambda x: x,
            "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
            "tanh": np.tanh,
            "relu": lambda x: np.maximum(x, 0),
            "softsign": lambda x: x / (1 + abs(x)),
            "hard_sigmoid": lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0, 1),
            "leaky_relu": lambda x, alpha=0.01: np.where(x < 0, alpha * x, x),
            "scaled_tanh": lambda x, alpha=1, beta=1: alpha * np.tanh(beta * x),
        }
        x, state = numbers((2, 6, 3), 5, 1), self.state
        w, r = (state[f"lstm.weight_{part}_l0"].astype(float) for part in ("ih", "hh"))
        bias = state["lstm.bias_ih_l0"].astype(float) + state["lstm.bias_hh_l0"]
        for layer in (
            {"gate_activation": "hard_sigmoid", "activation": "relu"},
            {"gate_activation": {"name": "hard_sigmoid", "alpha": 0.25, "beta": 0.4}, "activation": "softsign", "output_activation": "tanh"},
            {"activation": {"name": "scaled_tanh", "alpha": 0.5, "beta": 0.75}, "output_activation": {"name": "leaky_relu", "alpha": 0.125}},
            {"gate_activation": "relu", "activation": "linear", "output_activation": "sigmoid"},
            {"clip": 0.5},
        ):
            most, functions = layer.get("clip", np.inf), []
            for key, usual in (("gate_activation", "sigmoid"), ("activation", "tanh"), ("output_activation", layer.get("activation", "tanh"))):
                given = layer.get(key, usual)
                given = {"name": given} if isinstance(given, str) else dict(given)
                functions.append(lambda v, function=own[given.pop("name")], given=given: function(np.clip(v, -most, most), **given))
            gate, candidate, output = functions
            description = {"inputs": 3, "layers": [{"cell": "lstm", "hidden": 4, **layer}], "heads": [{"return": "all"}]}
            with self.subTest(layer=layer), millrace.import_state_dict(description, state, note=str) as model:
                h, c, rows = np.zeros((2, 4)), np.zeros((2, 4)), []
                for t in range(6):
                    i, f, g, o = np.split(x[:, t] @ w.T + h @ r.T + bias, 4, axis=1)
                    c = gate(f) * c + gate(i) * candidate(g)
                    h = gate(o) * output(c)
                    rows.append(h)
                self.assertLess(abs(model.reference(x) - np.stack(rows, axis=1)).max(), 1e-5)

    def test_types_of_weights(self):
        state = {name: value.astype(np.float16) for name, value in self.state.items()}
        small = millrace.import_state_dict(self.description, state, work / "half.millrace")
        state = {name: value.astype(np.float64) for name, value in state.items()}
        wide = millrace.import_state_dict(self.description, state, work / "wide.millrace")
        small.close(), wide.close()
        self.assertEqual((work / "half.millrace").read_bytes(), (work / "wide.millrace").read_bytes())

    def test_what_is_wrong(self):
        whole = {**self.state, "fc.weight": np.ones((2, 4), int)}
        for description, state, said in (
            (3, self.state, "int is no mapping"),
            (self.description, 3, "int is no mapping"),
            ({**self.description, "weights": "x"}, self.state, "stand in `state`"),
            ({**self.description, "heads": {1}}, self.state, "cannot be written as JSON"),
            ({**self.description, "inputs": float("nan")}, self.state, "cannot be written as JSON"),
            (self.description, {**self.state, "a": np.array(["x"])}, "'a' has elements of type"),
            (self.description, whole, "I64"),
            (self.description, {}, "finds no recurrent layer"),
            ({**self.description, "layer": []}, self.state, "did you mean 'layers'"),
        ):
            with self.assertRaisesRegex(millrace.Error, said):
                millrace.import_state_dict(description, state)
        with self.assertRaisesRegex(millrace.Error, "no name of a model"):
            millrace.import_state_dict(self.description, self.state, name="a/b")

    def test_files_of_weights_are_not_overwritten(self):
        weights.write(work / "own.safetensors", self.state)
        (work / "own.json").write_text(json.dumps({**self.description, "weights": "own.safetensors"}), encoding="utf-8")
        done = command("import", work / "own.json", "-o", work / "own.safetensors")
        self.assertEqual(done.returncode, 1)
        self.assertIn("would be overwritten", done.stderr)
        done = command("import", work / "own.json", "-o", work / "own.json")
        self.assertEqual(done.returncode, 1)
        (work / "own.pt").write_bytes(b"PK\3\4" + bytes(22) + b"\x0c\0\0\0net/data.pkl")
        (work / "odd.json").write_text(json.dumps({**self.description, "weights": "own.pt"}), encoding="utf-8")
        done = command("import", work / "odd.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("safetensors.torch.save_file(model.state_dict()", done.stderr)
        (work / "odd.json").write_text(json.dumps({**self.description, "weights": "none.safetensors"}), encoding="utf-8")
        self.assertIn("none.safetensors", command("import", work / "odd.json").stderr)

    def test_own_cell(self):
        state = {"c.weight_ih_l0": numbers((10, 3)), "c.weight_hh_l0": numbers((10, 5), 2), "c.bias_ih_l0": numbers(10), "c.bias_hh_l0": numbers(10, 3)}
        description = {"inputs": 3, "layers": [{"cell": "mgu", "hidden": 5}], "heads": [{}]}
        with millrace.import_state_dict(description, state, cells=["examples/cells/mgu.c"]) as model:
            self.assertEqual(model.operators[0].type, "mgu")
            with model.session("cpu:") as session:
                x = numbers((2, 6, 3), 5)
                self.assertLess(abs(session.run(x) - model.reference(x)).max(), 1e-2)
        with self.assertRaisesRegex(millrace.Error, "--cell adds a cell of your own"):
            millrace.import_state_dict(description, state)


class Drawn:
    """A random network of PyTorch, and its description."""

    def __init__(self, seed, projected=False):
        draw = random.Random(seed)
        torch.manual_seed(seed)
        self.tokens = draw.random() < 0.2
        self.features = 7 if self.tokens else draw.randint(1, 6)
        width, layers, modules = self.features, [], nn.ModuleDict()
        self.steps = []
        named = draw.random() < 0.5

        def add(layer, name, module, kind):
            if named and module is not None:
                layer["weights"] = f"parts.{name}"
            if module is not None:
                modules[name] = module
            layers.append(layer)
            self.steps.append((kind, name))

        if self.tokens:
            width = draw.randint(2, 5)
            add({"embedding": width}, "table", nn.Embedding(7, width), "plain")
        elif draw.random() < 0.3:
            width = draw.randint(2, 6)
            add({"dense": width, "activation": "tanh"}, "before", nn.Linear(self.features, width), "tanh")
        if draw.random() < 0.3:
            add({"layer_norm": True}, "norm", nn.LayerNorm(width), "plain")
            nn.init.normal_(modules["norm"].weight)
        for index in range(draw.randint(1, 2)):
            kind = "lstm" if projected else draw.choice(["lstm", "gru", "rnn"])
            hidden, levels, both, bias = draw.randint(2, 7), draw.randint(1, 2), draw.random() < 0.3, draw.random() < 0.8
            given = {"num_layers": levels, "bidirectional": both, "bias": bias, "batch_first": True, "dropout": 0.1 * (levels > 1)}
            layer = {"cell": kind, "hidden": hidden, "layers": levels, "bidirectional": both, "dropout": 0.1}
            if kind == "rnn":
                given["nonlinearity"] = layer["activation"] = draw.choice(["tanh", "relu"])
            if projected:
                given["proj_size"] = layer["proj_size"] = draw.randint(1, hidden - 1)
            # Sizes of their own, so that each is found.
            add(layer, f"core{index}", {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind](width, hidden, **given), "core")
            layer["weights"] = f"parts.core{index}"
            width = layer.get("proj_size", hidden) * (1 + both)
        self.layers, self.width, self.last = layers, width, layers[-1]
        self.take = draw.choice(["last", "first", "mean", "max", "all", "state"])
        self.outputs, self.end = draw.randint(1, 4), draw.choice(["linear", "softmax", "sigmoid", "log_softmax", "relu"])
        modules["out"] = nn.Linear(width, self.outputs)
        self.module = self.make(modules)
        self.description = {
            "inputs": {"tokens": 7} if self.tokens else self.features,
            "layers": layers,
            "heads": [{"return": self.take, "outputs": self.outputs, "activation": self.end, "weights": "parts.out"}],
        }

    def make(self, modules):
        drawn = self

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.parts = modules

            def forward(self, x):
                state = None
                for kind, name in drawn.steps:
                    x = self.parts[name](x)
                    if kind == "core":
                        x, state = x
                    elif kind == "tanh":
                        x = torch.tanh(x)
                h = state[0] if isinstance(state, tuple) else state
                both = drawn.last["bidirectional"]
                if drawn.take == "state":
                    x = torch.cat([h[-2], h[-1]], 1) if both else h[-1]
                elif drawn.take != "all":
                    x = {"last": lambda: x[:, -1], "first": lambda: x[:, 0], "mean": lambda: x.mean(1), "max": lambda: x.max(1)[0]}[drawn.take]()
                x = self.parts["out"](x)
                ends = {"softmax": nn.Softmax(-1), "log_softmax": nn.LogSoftmax(-1), "sigmoid": nn.Sigmoid(), "relu": nn.ReLU()}
                return ends[drawn.end](x) if drawn.end in ends else x

        return Net().eval()

    def input(self, seed):
        if self.tokens:
            return np.random.default_rng(seed).integers(0, 7, (3, 5))
        return numbers((3, 5, self.features), seed, 1)


@unittest.skipIf(torch is None, "torch is not installed")
class Torch(unittest.TestCase):
    def test_state_dicts_compute_what_torch_does(self):
        for seed in range(NETWORKS):
            net = Drawn(seed)
            x = net.input(seed)
            with self.subTest(seed=seed, description=net.description):
                with torch.no_grad():
                    expected = net.module(torch.from_numpy(x)).numpy()
                with millrace.import_state_dict(net.description, net.module.state_dict()) as model:
                    own = model.reference(x.astype(np.float32)[..., np.newaxis] if net.tokens else x)
                self.assertEqual(own.shape, expected.shape)
                self.assertLess(abs(own - expected).max(), 1e-4)

    def test_projections(self):
        folded = kept = 0
        for seed in range(NETWORKS):
            net = Drawn(seed, projected=True)
            x = net.input(seed)
            with self.subTest(seed=seed, description=net.description):
                with torch.no_grad():
                    expected = net.module(torch.from_numpy(x)).numpy()
                with millrace.import_state_dict(net.description, net.module.state_dict()) as model:
                    x = x.astype(np.float32)[..., np.newaxis] if net.tokens else x
                    self.assertLess(abs(model.reference(x) - expected).max(), 1e-4)
                    others = 1 + sum("dense" in layer for layer in net.layers)
                    left = sum(operator.type == "dense" for operator in model.operators) - others
                    folded += left < sum(operator.type == "lstm" for operator in model.operators)
                    kept += left > 0
        self.assertGreater(folded, 3)
        self.assertGreater(kept, 3)

    def test_projected_states(self):
        torch.manual_seed(1)
        net, x = nn.LSTM(3, 12, proj_size=4, bidirectional=True, batch_first=True), numbers((3, 5, 3), 7, 1)
        h0, c0 = numbers((2, 1, 4), 8, 0.05), numbers((2, 1, 12), 9, 1)
        layer = {"cell": "lstm", "hidden": 12, "proj_size": 4, "bidirectional": True, "start": {"h": h0.tolist(), "c": c0.tolist()}}
        description = {"inputs": 3, "layers": [layer], "heads": [{"return": "all"}, {"return": "state"}, {"return": "cell"}]}
        with torch.no_grad():
            y, (h, c) = net(torch.from_numpy(x), (torch.from_numpy(h0).repeat(1, 3, 1), torch.from_numpy(c0).repeat(1, 3, 1)))
        with millrace.import_state_dict(description, net.state_dict()) as model, model.session("cpu:") as session:
            for name, expected in (("y0", y), ("y1", torch.cat([h[0], h[1]], 1)), ("y2", torch.cat([c[0], c[1]], 1))):
                self.assertLess(abs(model.reference(x)[name] - expected.numpy()).max(), 1e-5)
                self.assertLess(abs(session.run(x)[name] - expected.numpy()).max(), 1e-3)
        layer["start"] = {"h": 5}
        with self.assertRaisesRegex(millrace.Error, "start from a smaller one"):
            millrace.import_state_dict(description, net.state_dict())
        del layer["start"], layer["proj_size"]
        with self.assertRaisesRegex(millrace.Error, "layers.0. "):
            millrace.import_state_dict(description, net.state_dict())
        layer["weights"], state = "lstm", {f"lstm.{name}": value for name, value in net.state_dict().items()}
        with self.assertRaisesRegex(millrace.Error, "has a projection in its weights; say its proj_size"):
            millrace.import_state_dict(description, state)

    def test_onnx_and_json_give_the_same_bytes(self):
        same = 0
        for seed in range(NETWORKS):
            net = Drawn(seed)
            if net.take == "max":
                continue  # exported as an operator that gives the places too
            x, axes = torch.from_numpy(net.input(seed)), {0: "n", 1: "t"}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(net.module, (x[:1],), str(work / "net.onnx"), input_names=["x"], output_names=["y"], dynamic_axes={"x": axes, "y": {0: "n"}}, opset_version=17)
                weights.write(work / "same.safetensors", net.module.state_dict())
                (work / "net.json").write_text(json.dumps({**net.description, "weights": "same.safetensors"}), encoding="utf-8")
                for kind in ("onnx", "json"):
                    millrace.import_onnx(work / f"net.{kind}", work / f"{kind}.millrace").close()
            with self.subTest(seed=seed, description=net.description):
                self.assertEqual((work / "onnx.millrace").read_bytes(), (work / "json.millrace").read_bytes())
            same += 1
        self.assertGreater(same, NETWORKS // 2)

    def test_bfloat16(self):
        net = nn.LSTM(3, 4).bfloat16()
        description = {"inputs": 3, "layers": [{"cell": "lstm", "hidden": 4}], "heads": [{}]}
        millrace.import_state_dict(description, net.state_dict(), work / "brain.millrace").close()
        millrace.import_state_dict(description, net.float().state_dict(), work / "float.millrace").close()
        self.assertEqual((work / "brain.millrace").read_bytes(), (work / "float.millrace").read_bytes())


def main():
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed > 0


sys.exit(main())
