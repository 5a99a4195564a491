# SPDX-License-Identifier: Apache-2.0
# The Python package (host/python): the same bits as the command, a network from torch, errors that are exceptions, and
# calls with arguments that nobody means. tests/python_test.sh runs it.
#     python_test.py layout >layout.c     a C program that prints the sizes and offsets of all structs of the header
#     python_test.py FOLDER               the tests; FOLDER has that program, built, and small.millrace
import ctypes
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import unittest
import warnings

import numpy as np

import millrace
from millrace import _interface

TURBOFAN = "tests/data/turbofan_lstm2x25_rul.onnx"
FUZZ_CALLS = 1000
work = pathlib.Path(sys.argv[1])


def structs():
    return {name: kind for name, kind in vars(_interface).items() if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and kind is not ctypes.Structure}


def print_layout():
    print('#include "millrace.h"\n#include <stdio.h>\nint main(void) {')
    for name, kind in structs().items():
        print(f'    printf("{name} %zu\\n", sizeof(struct {name}));')
        for field, _ in kind._fields_:
            print(f'    printf("{name}.{field} %zu\\n", offsetof(struct {name}, {field}));')
    for name, value in vars(_interface).items():
        if name.startswith("MR_") and isinstance(value, int):
            print(f'    printf("{name} %lld\\n", (long long){name});')
    for code, (name, _) in _interface.ERRORS.items():
        print(f'    printf("{name} %d\\n", {name});')
    print("    return 0;\n}")


def walk(features, *axes, seed=3):
    """A random walk, smooth as a sensor is."""
    steps = np.random.default_rng(seed).standard_normal((*axes, features)) * 0.3
    return np.cumsum(steps, axis=-2).clip(-2, 2).astype(np.float32)


class Interface(unittest.TestCase):
    def test_structs_are_those_of_the_compiler(self):
        text = subprocess.run([work / "layout"], check=True, capture_output=True, text=True).stdout
        seen = 0
        for name, number in (line.split() for line in text.splitlines()):
            if "." in name:
                struct, field = name.split(".")
                expected = getattr(getattr(_interface, struct), field).offset
            elif name in structs():
                expected = ctypes.sizeof(getattr(_interface, name))
            elif name.startswith("MR_ERROR_"):
                expected = next(code for code, (known, _) in _interface.ERRORS.items() if known == name)
            else:
                expected = getattr(_interface, name)
            self.assertEqual(int(number), expected, name)
            seen += 1
        self.assertGreater(seen, 100)

    def test_every_function_of_the_header_is_there(self):
        header = pathlib.Path("host/include/millrace.h").read_text(encoding="utf-8")
        self.assertEqual(header.count("\nMR_API "), len(_interface.FUNCTIONS))

    def test_module_shows_version_and_devices(self):
        text = subprocess.run([sys.executable, "-m", "millrace"], check=True, capture_output=True, text=True).stdout
        self.assertIn(millrace.__version__, text.splitlines()[0])
        for device in millrace.devices():
            self.assertIn(f"\n{device.uri} ", text)
        self.assertIn("cpu:", [device.uri for device in millrace.devices()])

    def test_errors_have_names(self):
        self.assertEqual(millrace.ErrorCode.MODEL, -4)
        self.assertEqual(millrace.strerror(0), "success")

    def test_another_library_is_refused(self):
        environment = dict(os.environ, MILLRACE_LIBRARY="libm.so.6")
        done = subprocess.run([sys.executable, "-c", "import millrace"], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("ImportError", done.stderr)


class Turbofan(unittest.TestCase):
    """The network from its file to predictions, as docs/python.md has it."""

    def test_sim_and_cpu_are_the_command(self):
        typical, x = walk(25, 16, 50), walk(25, 3, 12, seed=4)
        told, noted = [], []
        with millrace.import_onnx(TURBOFAN, work / "turbofan.millrace", calibrate=typical, note=noted.append) as model:
            with model.session("sim:", progress=told.append) as sim, model.session("cpu:") as cpu:
                y, z = sim.run(x), cpu.run(x)
                plan = model.plan(*x.shape[:2])
                self.assertEqual(sim.stats.cycles, plan["cycles"])
                self.assertEqual(cpu.stats.cycles, 0)
                self.assertIn("lstm0", [process.name for process in sim.processes()])
                self.assertEqual(cpu.processes(), [])
                self.assertEqual(sim.input_saturation()[24].total, 36)
                self.assertEqual(sim.operator_saturation()[0], cpu.operator_saturation()[0])
                sim.run(x[:1, :5])  # moved from one device to the other in mid-sequence
                cpu.restore(sim.save())
                self.assertTrue(np.array_equal(cpu.run(x[0, 5:], go_on=True), y[0]))
            self.assertTrue(np.array_equal(y, z))
            self.assertLess(abs(model.reference(x) - y).max(), 1e-3)
            self.assertGreater(model.accuracy.snr_db, 60)
        self.assertTrue(told)
        np.save(work / "x.npy", x)
        subprocess.run(["build/millrace", "run", work / "turbofan.millrace", work / "x.npy", "--device", "cpu:", "-o", work / "y.npy"], check=True)
        self.assertTrue(np.array_equal(np.load(work / "y.npy"), y))

    def test_options_reach_the_planner(self):
        with millrace.import_onnx(TURBOFAN, ranges={None: (-3, 3)}, precision="w8a8") as model:
            self.assertEqual(model.operators[0].weight_bits, 8)
            self.assertEqual(model.plan(1, 50, lanes="latency")["mode"], "latency")
            self.assertLess(model.plan(8, 50, lanes=5, slots=4)["cycles"], model.plan(8, 50, lanes=5)["cycles"])
            self.assertGreater(model.plan(1, 50, lanes=[1, 2])["cycles"], model.plan(1, 50, lanes=[5, 5])["cycles"])
            self.assertEqual(model.plan(1, 50, lanes="balanced", target="u50")["target"], "u50")
            layers = model.plan(1, 50, lanes=[4, 4], passes=[1, 2], h_first=[False, True])["layers"]
            self.assertEqual([(layer["passes"], layer["h_first"]) for layer in layers], [(1, False), (2, True)])
            with self.assertRaisesRegex(millrace.Error, "u99"):
                model.plan(target="u99")

    def test_precision_by_tolerance(self):
        trials = []
        with millrace.import_onnx(TURBOFAN, calibrate=walk(25, 8, 20), precision="auto", tolerance=0.5, trial=trials.append, note=lambda text: None):
            self.assertEqual([trial.precision for trial in trials[:3]], ["w8a8", "w8a16", "w16a16"])
            self.assertEqual(list(trials[2].errors), ["y"])
            self.assertTrue(trials[2].within)
            self.assertLess(trials[2].errors["y"], trials[0].errors["y"])


class Small(unittest.TestCase):
    """A small network of several outputs, on the CPU."""

    @classmethod
    def setUpClass(cls):
        cls.model = millrace.open(work / "small.millrace")
        cls.x = walk(cls.model.features, 5, 9)

    def setUp(self):
        self.session = self.model.session("cpu:")

    def tearDown(self):
        self.session.close()

    def assert_same(self, one, other):
        self.assertEqual(list(one), list(other))
        for name in one:
            self.assertTrue(np.array_equal(one[name], other[name]), name)

    def test_model_tells_what_it_is(self):
        self.assertGreater(len(self.model.outputs), 1)
        self.assertEqual(self.model.accuracy.outputs, 0)
        y = self.session.run(self.x)
        for output in self.model.outputs:
            rows = (5, 9) if output.per_step else (5,)
            self.assertEqual(y[output.name].shape, (*rows, output.width))
            self.assertEqual(self.session.run(self.x[0])[output.name].shape, (*rows[1:], output.width))

    def test_any_layout_gives_the_same_bits(self):
        y = self.session.run(self.x)
        self.assert_same(self.session.run(self.x.astype(np.float64)), y)
        self.assert_same(self.session.run(self.x.astype(">f4")), y)
        self.assert_same(self.session.run(self.x.tolist()), y)
        self.assert_same(self.session.run(np.asfortranarray(self.x)), y)
        self.assert_same(self.session.run(np.repeat(self.x, 2, axis=1)[:, ::2]), y)
        read_only = self.x.copy()
        read_only.flags.writeable = False
        self.assert_same(self.session.run(read_only), y)

    def test_contiguous_floats_are_not_copied(self):
        self.assertTrue(np.shares_memory(millrace.arrays.take(self.x, "x"), self.x))
        self.assertTrue(np.shares_memory(millrace.arrays.take_rows(self.x[0], self.model.features)[0], self.x))
        parts = list(self.session.run(self.x).values())
        self.assertIs(parts[0].base, parts[1].base)

    def test_steps_are_the_sequence(self):
        y = self.session.run(self.x[0])
        self.session.reset()
        steps = [self.session.step(row) for row in self.x[0]]
        for output in self.model.outputs:
            got = np.stack([step[output.name] for step in steps])
            self.assertTrue(np.array_equal(got if output.per_step else got[-1], y[output.name]))

    def test_tokens_are_fed_back(self):
        with millrace.import_onnx("examples/text/licence.onnx", work / "licence.millrace") as model, model.session("cpu:") as session:
            whole = session.generate(5, 20)
            session.reset()
            part = session.generate(5, np.int64(7))
            self.assertEqual([*part, *session.generate(part[-1], 13)], list(whole))
            session.reset()
            end = list(whole).index(whole[9]) + 1
            self.assertEqual(list(session.generate(5, 20, stop=int(whole[9]))), list(whole[:end]))
            session.reset()
            token, loop = 5, []
            while len(loop) < 20:
                token = int(session.step([token])["next"][0])
                loop.append(token)
            self.assertEqual(loop, list(whole))
            for arguments in ((5, 0), (5, -1), (5, 2**40), (-1, 3), (4000, 3), (5, 3, 4000), (5, 3, -7), (5.5, 3), ("a", 3), (5, None), (5, 3, 1.5), (2**40, 3)):
                with self.assertRaises(millrace.Error, msg=str(arguments)):
                    session.generate(*arguments)
        with self.assertRaisesRegex(millrace.Error, "is no token but numbers of a step"):
            self.session.generate(0, 3)

    def test_state_is_saved_and_restored(self):
        self.session.run(self.x[0, :4])
        state = self.session.save()
        y = self.session.run(self.x[0, 4:], go_on=True)
        self.session.restore(bytearray(state))
        self.assert_same(self.session.run(self.x[0, 4:], go_on=True), y)
        with self.model.session("cpu:", slots=2) as other:
            other.restore(state, slot=1)
            twice = other.run(np.stack([self.x[1, :5], self.x[0, 4:]]), go_on=True)
            self.assert_same({name: part[1] for name, part in twice.items()}, y)
        for wrong in (state[:-1], b"", bytes(len(state)), state + b"0"):
            with self.assertRaises(millrace.Error) as caught:
                self.session.restore(wrong)
            self.assertEqual(caught.exception.code, millrace.ErrorCode.ARGUMENT)

    def test_sequences_of_different_lengths(self):
        lengths = [9, 3, 1, 9, 5]
        y = self.session.run(self.x, lengths=lengths)
        for i, length in enumerate(lengths):
            for name, part in self.session.run(self.x[i, :length]).items():
                got = y[name][i, :length] if y[name].ndim == 3 else y[name][i]
                self.assertTrue(np.array_equal(got, part), (i, name))
        for wrong in (lengths[1:], 3, memoryview(self.x), [10] * 5, [0] * 5, ["a"] * 5):
            with self.assertRaises(millrace.Error) as caught:
                self.session.run(self.x, lengths=wrong)
            self.assertEqual(caught.exception.code, millrace.ErrorCode.ARGUMENT)
        with self.assertRaisesRegex(millrace.Error, "go_on"):
            self.session.run(self.x, True, lengths)

    def test_sequences_with_states_of_their_own(self):
        y = self.session.run(self.x)
        first, states = self.session.run_states(self.x[:, :4])
        order = np.array([3, 1, 4, 0, 2])
        with self.model.session("cpu:", slots=2) as other:
            rest, _ = other.run_states(self.x[order, 4:], states[order])
        for output in self.model.outputs:
            got = rest[output.name][np.argsort(order)]
            whole = np.concatenate([first[output.name], got], axis=1) if output.per_step else got
            self.assertTrue(np.array_equal(whole, y[output.name]), output.name)
        # Of different lengths: the rest goes on where each ended.
        lengths = np.array([4, 1, 3, 4, 2])
        first, states = self.session.run_states(self.x[:, :4], None, lengths)
        tail = np.stack([np.resize(x[n:], x.shape) for x, n in zip(self.x, lengths)])
        rest, _ = self.session.run_states(tail, states, lengths=self.x.shape[1] - lengths)
        for output in self.model.outputs:
            for i, n in enumerate(lengths):
                got, wanted = rest[output.name][i], y[output.name][i]
                if output.per_step:
                    got = np.concatenate([first[output.name][i][:n], got[: len(wanted) - n]])
                self.assertTrue(np.array_equal(got, wanted), output.name)
        with self.assertRaisesRegex(millrace.Error, "5 sequences"):
            self.session.run_states(self.x, states, [1])
        for wrong in (states[:3], states.astype(np.int8), states[:, 1:], b"", states[:, ::-1]):
            with self.assertRaises(millrace.Error) as caught:
                self.session.run_states(self.x, wrong)
            self.assertEqual(caught.exception.code, millrace.ErrorCode.ARGUMENT)

    def test_what_is_wrong_raises(self):
        nan = self.x.copy()
        nan[1, 2, 1] = np.nan
        argument = millrace.ErrorCode.ARGUMENT
        for code, said, call in (
            (argument, "shape", lambda: self.session.run(self.x[..., 1:])),
            (argument, "shape", lambda: self.session.run(self.x[0, 0])),
            (argument, "at least", lambda: self.session.run(self.x[:0])),
            (argument, "at least", lambda: self.model.reference(self.x[:, :0])),
            (argument, "one sequence", lambda: self.session.run(self.x, go_on=True)),
            (argument, "complex", lambda: self.session.run(self.x.astype(complex))),
            (argument, "no array|of type", lambda: self.session.run([[1, 2], [3]])),
            (argument, "of type", lambda: self.session.run("x")),
            (argument, "a step is", lambda: self.session.step(self.x[0])),
            (argument, "slot", lambda: self.session.save(slot=1)),
            (argument, "from 0", lambda: self.session.reset(slot=-1)),
            (argument, "whole number", lambda: self.session.reset(slot="a")),
            (argument, "bytes", lambda: self.session.restore("abc")),
            (argument, "no option", lambda: self.model.session("cpu:", lane=3)),
            (argument, "lanes", lambda: self.model.session("cpu:", lanes="fast")),
            (argument, "h_first", lambda: self.model.session("cpu:", lanes=[1, 1], h_first=[True])),
            (argument, "from 0 to", lambda: self.model.plan(2**64)),
            (argument, "NUL", lambda: millrace.open("a\0b")),
            (argument, "called", lambda: self.model.session("cpu:", progress=3)),
            (millrace.ErrorCode.INPUT, "sequence 1, step 2, feature 1", lambda: self.session.run(nan)),
            (millrace.ErrorCode.INPUT, "infinite", lambda: self.session.run(self.x.astype(float) * 1e300)),
            (millrace.ErrorCode.DEVICE, "gpu:", lambda: self.model.session("gpu:")),
            (millrace.ErrorCode.DEVICE, "no card", lambda: self.model.session("xrt:15")),
            (millrace.ErrorCode.MODEL, "nothing.millrace", lambda: millrace.open(work / "nothing.millrace")),
            (millrace.ErrorCode.MODEL, "nothing.onnx", lambda: millrace.import_onnx(work / "nothing.onnx")),
            (millrace.ErrorCode.FILE, "no_folder", lambda: millrace.import_onnx(TURBOFAN, work / "no_folder/x.millrace", note=lambda text: None)),
        ):
            with self.subTest(said), self.assertRaisesRegex(millrace.Error, said) as caught:
                call()
            self.assertEqual(caught.exception.code, code, caught.exception)
        self.session.run(self.x)  # none of it harmed the session

    def test_one_feature_needs_no_axis(self):
        cell = {"cell": "rnn", "hidden": 2, "weights": {"weight_ih": [[1, 0.5], [0, -1]], "weight_hh": [[0.5, 0], [0.25, 0.5]]}}
        table = {"embedding": 2, "weights": {"weight": [[0.1, 0.2], [0.3, -0.4], [-0.5, 0.6]]}}
        narrow = {**cell, "weights": {**cell["weights"], "weight_ih": [[1], [-1]]}}
        heads = [{"name": "last"}, {"name": "all", "return": "all"}]
        for description, x in (
            ({"inputs": 1, "layers": [narrow], "heads": heads}, walk(1, 4, 7)),
            ({"inputs": {"tokens": 3}, "layers": [table, cell], "heads": heads}, np.random.default_rng(1).integers(0, 3, (4, 7, 1))),
        ):
            with millrace.import_state_dict(description, {"unused": np.zeros(1)}, note=str) as model, model.session("cpu:") as session:
                y = session.run(x)
                self.assertEqual((y["last"].shape, y["all"].shape), ((4, 2), (4, 7, 2)))
                self.assert_same(session.run(x[..., 0]), y)
                self.assert_same(session.run_states(x[..., 0])[0], y)
                self.assert_same(model.reference(x[..., 0]), model.reference(x))
                one = {name: part[2] for name, part in y.items()}
                self.assert_same(session.run(x[2, :, 0]), one)
                self.assert_same(session.run(x[2]), one)  # [steps, 1]
                session.reset()
                for row in x[2, :, 0]:
                    last = session.step(row)
                self.assertTrue(np.array_equal(last["last"], one["last"]))
                for wrong in (x[0, 0, 0], x[..., np.newaxis], np.zeros((2, 3, 4)), x[:0, :, 0], x[0, :0, 0]):
                    with self.assertRaises(millrace.Error):
                        session.run(wrong)

    def test_closed_ones_raise(self):
        model = millrace.open(work / "small.millrace")
        session = model.session("cpu:")
        model.close()
        model.close()
        with self.assertRaisesRegex(millrace.Error, "closed"):
            model.plan()
        with self.assertRaisesRegex(millrace.Error, "closed"):
            model.__enter__()
        self.assert_same(session.run(self.x), self.session.run(self.x))  # it has the model still
        session.close()
        session.close()
        for call in (lambda: session.run(self.x), lambda: session.step(self.x[0, 0]), session.save, session.reset, session.processes, session.__enter__):
            with self.assertRaisesRegex(millrace.Error, "closed"):
                call()

    def test_exceptions_of_callbacks_come_out(self):
        def fail(text):
            raise KeyError(text)

        with self.assertRaises(KeyError):
            self.model.session("hls:", progress=fail)
        with self.assertRaises(KeyError):
            millrace.import_onnx(TURBOFAN, calibrate=np.zeros((1, 4, 25), np.float32), note=fail)

    def test_threads_take_turns(self):
        expected = [self.session.run(x) for x in self.x]
        session, wrong, closed = self.model.session("cpu:"), [], []

        def work_on(index):
            try:
                for _ in range(200):
                    y = session.run(self.x[index])
                    if any(not np.array_equal(y[name], expected[index][name]) for name in y):
                        wrong.append(index)
            except millrace.Error as error:
                closed.append(error.text)

        threads = [threading.Thread(target=work_on, args=(index,)) for index in range(len(self.x))]
        for thread in threads:
            thread.start()
        threads[0].join(0.2)
        session.close()  # while they run
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        self.assertTrue(all("closed" in text for text in closed), closed)

    def test_any_argument_raises_or_works(self):
        seed = int(os.environ.get("MR_SEED", random.randrange(2**32)))
        print("seed", seed)
        draw = random.Random(seed)
        x = self.x

        def thing():
            return draw.choice(
                (
                    None, True, -1, 0, 1, 2**31, 2**64, 1.5, float("nan"), "", "cpu:", "a\0", b"\xff", object(), [], {}, [[]], x, x[0], x[0, 0],
                    x[::-1], x[:, ::3], x[:, :0], x[:0], x.astype(np.int8), x.astype(bool), x.astype("O"), x.astype("M8[s]"), x.T, np.empty((0, 0, 0)),
                    np.float32(1), np.array(1.0), np.broadcast_to(np.float32(1), (3, 4, x.shape[2])), np.ma.masked_array(x), memoryview(x), self.session.save(),
                    bytes(self.session.save()[:-8]) + b"12345678", lambda: 1, millrace.Error, np.zeros((2, 3, x.shape[2]), [("a", "f4")]),
                )
            )  # fmt: skip

        calls = {
            "run": lambda s, m: s.run(thing(), thing(), draw.choice((None, thing()))), "step": lambda s, m: s.step(thing()), "reset": lambda s, m: s.reset(thing()),
            "states": lambda s, m: s.run_states(thing(), draw.choice((None, thing()))), "save": lambda s, m: s.save(thing()), "restore": lambda s, m: s.restore(thing(), draw.choice((0, thing()))),
            "plan": lambda s, m: m.plan(thing(), thing()), "lanes": lambda s, m: m.plan(1, 1, lanes=thing(), passes=thing(), h_first=thing()),
            "options": lambda s, m: m.plan(1, 1, **{draw.choice(("slots", "budget", "dsps", "target", "note", "seed", "trace")): thing()}),
            "reference": lambda s, m: m.reference(thing()), "open": lambda s, m: millrace.open(thing()), "session": lambda s, m: m.session(thing()).close(),
            "ranges": lambda s, m: millrace.import_onnx(TURBOFAN, ranges={draw.choice((None, 0, 1)): thing()}, note=lambda text: None),
            "cells": lambda s, m: millrace.open(work / "small.millrace", cells=thing()),
            "train": lambda s, m: millrace.Training(Train.NET, thing(), thing(), validate_x=draw.choice((None, thing())), **{draw.choice(("rate", "epochs", "loss", "threads", "seed", "device", "note", "resume")): thing()}),
            "import": lambda s, m: millrace.import_onnx(thing(), calibrate=thing(), percentile=thing(), precision=thing()),
        }  # fmt: skip
        done = {name: 0 for name in calls}
        for _ in range(FUZZ_CALLS):
            name = draw.choice(list(calls))
            try:
                calls[name](self.session, self.model)
                done[name] += 1
            except (millrace.Error, TypeError, ValueError, OverflowError):
                pass
        self.assertGreater(sum(done.values()), 0)  # some arguments are right
        self.session.reset()
        with self.model.session("cpu:") as fresh:
            self.assert_same(self.session.run(x), fresh.run(x))


class Train(unittest.TestCase):
    """Training: the bits of the command, and what goes wrong."""

    NET = {"inputs": 3, "layers": [{"cell": "gru", "hidden": 8}], "heads": [{"name": "sum", "outputs": 1}]}

    @classmethod
    def setUpClass(cls):
        cls.x = walk(3, 90, 7)
        cls.y = cls.x[:, :, 0].mean(axis=1)

    def test_it_is_the_command(self):
        np.save(work / "train_x.npy", self.x)
        np.save(work / "train_y.npy", self.y)
        (work / "net.json").write_text(json.dumps(self.NET), encoding="utf-8")  # which is the name of the network
        done, progress = [], []
        for arithmetic in "float32", "int":
            options = {"validate": 0.2, "rate": 0.01, "clip": 1.0, "epochs": 4, "batch": 16, "seed": 2**63, "schedule": "cosine", "arithmetic": arithmetic}
            with millrace.train(
                self.NET, self.x, self.y, work / "mine.millrace", export=work / "mine.onnx", epoch=done.append, progress=progress.append, **options
            ) as model:
                self.assertGreater(model.accuracy.snr_db, 40)
                self.assertEqual(model.outputs, [millrace.Output("sum", 1, False)])
            words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
            files = ["--x", work / "train_x.npy", "--y", work / "train_y.npy", "-o", work / "its.millrace", "--export", work / "its.onnx"]
            told = subprocess.run(["build/millrace", "train", work / "net.json", *files, *words, "--json"], check=True, capture_output=True, text=True).stdout
            self.assertEqual((work / "mine.onnx").read_bytes(), (work / "its.onnx").read_bytes())
            with millrace.open(work / "mine.millrace") as mine, millrace.open(work / "its.millrace") as its:
                self.assertTrue(np.array_equal(mine.reference(self.x), its.reference(self.x)))
            lines = [json.loads(line) for line in told.splitlines()][:-1]
            self.assertEqual([{**line, "seconds": 0} for line in lines], [{**epoch._asdict(), "seconds": 0} for epoch in done])
            self.assertEqual(len(progress), 4 * 5)
            self.assertEqual(progress[-1][:4], (4, 4, 5, 5))
            self.assertAlmostEqual(progress[-1].loss, done[-1].loss)
            self.assertLess(done[-1].validation_loss, done[0].validation_loss)
            done.clear()
            progress.clear()

    def test_it_goes_on(self):
        options = {"batch": 32, "arithmetic": "int", "validate_x": self.x[:20], "validate_y": self.y[:20].tolist()}
        folder = work / "train_checkpoint"
        shutil.rmtree(folder, ignore_errors=True)
        with millrace.Training(self.NET, self.x, self.y, epochs=2, checkpoint=folder, **options) as first:
            self.assertEqual([epoch.epoch for epoch in first], [1, 2])
        with millrace.Training(self.NET, self.x, self.y, epochs=4, checkpoint=folder, resume=True, **options) as rest:
            self.assertEqual([epoch.epoch for epoch in rest], [3, 4])
            got = [epoch._replace(seconds=0) for epoch in rest.history]
            with millrace.Training(self.NET, self.x, self.y, epochs=4, **options) as whole:
                self.assertEqual([epoch._replace(seconds=0) for epoch in whole], got)
                with rest.model() as one, whole.model() as other:
                    self.assertTrue(np.array_equal(one.reference(self.x), other.reference(self.x)))

    def test_a_model_is_trained_on(self):
        classes = (self.x[:, -1, 0] > 0).astype(int) + (self.x[:, -1, 0] > 0.5)
        net = {**self.NET, "heads": [{"outputs": 3, "activation": "softmax"}]}
        with millrace.Training(net, self.x, classes, loss="ce", epochs=30, rate=0.02, patience=0) as training:
            before = list(training)[0]
            training.export(work / "classes.onnx")
        with millrace.Training(work / "classes.onnx", self.x, classes, loss="ce", epochs=1, optimiser="sgd", rate=1e-3, momentum=0.9) as training:
            after = next(training)
        self.assertLess(after.loss, before.loss / 2)
        self.assertTrue(np.isnan(after.validation_loss))

    def test_what_is_wrong_raises(self):
        nan = self.x.copy()
        nan[41, 2, 1] = np.nan
        code = millrace.ErrorCode
        for wanted, said, arguments in (
            (code.INPUT, r"^x holds NaN at index \[41, 2, 1\]", {"x": nan}),
            (code.INPUT, r"^y has the shape \[8\]", {"y": self.y[:8]}),
            (code.INPUT, r"0 to 1", {"y": self.y + 7, "loss": "bce", "network": {**self.NET, "heads": [{"outputs": 1, "activation": "sigmoid"}]}}),
            (code.INPUT, "diverges|not finite", {"optimiser": "sgd", "rate": 1e6, "clip": 0.0, "epochs": 50, "y": self.y * 1e4}),
            (code.ARGUMENT, "of type", {"x": self.x.astype(complex)}),
            (code.ARGUMENT, "files of x and y", {"y": None}),
            (code.ARGUMENT, "no option", {"epoch_count": 3}),
            (code.ARGUMENT, "known are", {"loss": "mae"}),
            (code.ARGUMENT, "known are", {"schedule": "linear"}),
            (code.ARGUMENT, "no number", {"rate": "fast"}),
            (code.ARGUMENT, "the rate is", {"rate": -1}),
            (code.ARGUMENT, "no whole number", {"epochs": 1.5}),
            (code.ARGUMENT, "from 0 to", {"batch": -1}),
            (code.ARGUMENT, "nothing trains in int8", {"arithmetic": "int8"}),
            (code.ARGUMENT, "patience needs", {"patience": 2}),
            (code.ARGUMENT, "called", {"progress": 3}),
            (code.ARGUMENT, "path", {"network": 3}),
            (code.ARGUMENT, "written as JSON", {"network": {"inputs": object()}}),
            (code.MODEL, "hidden", {"network": {"inputs": 3, "layers": [{"cell": "gru"}]}}),
            (code.FILE, "nothing.onnx", {"network": "nothing.onnx"}),
            (code.FILE, "nothing.npy", {"x": "nothing.npy"}),
        ):
            given = {"network": self.NET, "x": self.x, "y": self.y, "epochs": 1, **arguments}
            with self.subTest(said), self.assertRaisesRegex(millrace.Error, said) as caught:
                millrace.train(**given)
            self.assertEqual(caught.exception.code, wanted, caught.exception)

    def test_callbacks(self):
        def fail(told):
            raise KeyError(told.epoch)

        with self.assertRaises(KeyError):
            millrace.train(self.NET, self.x, self.y, progress=fail)
        with self.assertRaises(KeyError):
            millrace.train(self.NET, self.x, self.y, epoch=fail)
        with millrace.Training(self.NET, self.x, self.y, progress=lambda told: training.close()) as training:
            with self.assertRaisesRegex(millrace.Error, "calls back"):
                next(training)
            training.close()
            for call in (lambda: next(training), lambda: training.history, lambda: training.export("a.onnx"), training.model, training.__enter__):
                with self.assertRaisesRegex(millrace.Error, "closed"):
                    call()


class Torch(unittest.TestCase):
    def test_module_becomes_a_model(self):
        try:
            import torch
            from torch import nn
        except ImportError:
            self.skipTest("torch is not installed")
        torch.manual_seed(1)
        warnings.simplefilter("ignore")  # of its exporter

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.gru, self.head = nn.GRU(4, 6, batch_first=True), nn.Linear(6, 2)

            def forward(self, x):
                return self.head(self.gru(x)[0][:, -1])

        net, x = Net(), torch.from_numpy(walk(4, 6, 10))
        with millrace.import_torch(net, x[:1], calibrate=x.numpy()) as model, model.session("cpu:") as session:
            self.assertTrue(net.training)
            self.assertEqual(model.outputs, [millrace.Output("y", 2, False)])
            self.assertLess(abs(session.run(x.numpy()) - net(x).detach().numpy()).max(), 1e-3)
        with self.assertRaisesRegex(millrace.Error, "no torch.nn.Module"):
            millrace.import_torch(3, x)
        self.own_cell(torch)

    def own_cell(self, torch):
        """The function of docs/own-cell.md."""
        text = pathlib.Path("docs/own-cell.md").read_text(encoding="utf-8")
        names = {"torch": torch}
        exec(text.split("```python\n")[1].split("```")[0], names)  # pylint: disable=exec-used

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.w, self.r, self.b = (torch.nn.Parameter(torch.randn(1, *shape) / 2) for shape in ((10, 4), (10, 5), (20,)))

            def forward(self, x):
                return names["MguLayer"].apply(x, self.w, self.r, self.b)[0]

        net, x = Net(), torch.from_numpy(walk(4, 6, 10))
        with millrace.import_torch(net, x.transpose(0, 1), cells=["examples/cells/mgu.c"]) as model:
            self.assertEqual(model.layout, "TNF")
            with model.session("cpu:") as session:
                self.assertLess(abs(session.run(x) - net(x.transpose(0, 1)).detach().numpy()).max(), 1e-3)


def main():
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return failed > 0


if sys.argv[1] == "layout":
    print_layout()
else:
    sys.exit(main())
