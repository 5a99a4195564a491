# SPDX-License-Identifier: Apache-2.0
# What the tests of torch's modules share: a module as people write it, exported by torch itself, is imported; what the import
# makes of the file in double precision is compared with torch's own numbers, and cpu: with what the import states. Those that
# are refused are so by a sentence that names what the module says here.
import pathlib
import sys
import time
import warnings

import numpy as np
import torch
from torch import nn

import millrace

EXACT, INTEGER = 1e-4, 0.02  # how far the reference, and cpu:, may be from torch, of the output's scale
N, T, I = 3, 7, 5  # sequences, steps and features of what is run
MODULES = {}


def module(function=None, **how):
    """Makes a case of a class. how: opset, free (axes), tokens, sim (too), refused (a part of the sentence)."""
    if function is None:
        return lambda f: module(f, **how)
    MODULES[function.__name__] = (function, how)
    return function


class Recurrent(nn.Module):
    """A layer over [N, T, I], which the cases below build on."""

    def __init__(self, kind=nn.LSTM, hidden=6, **options):
        super().__init__()
        self.layer = kind(I, hidden, batch_first=True, **options)

    def rows(self, x):
        return self.layer(x)[0]


def export(made, how, path, x, outputs):
    names = ["y"] if outputs == 1 else [f"y{i}" for i in range(outputs)]
    axes = {"x": {0: "n", 1: "t"}} if how.get("free") else None
    with torch.no_grad():
        torch.onnx.export(
            made, (x,), str(path), opset_version=how.get("opset", 13), input_names=["x"], output_names=names, dynamic_axes=axes
        )


def by_name(got):
    return got if isinstance(got, dict) else {"y": got}


def compare(got, wanted, most):
    """Of an output's scale, or beyond what is allowed, inf."""
    if set(got) != set(wanted) or any(got[name].size != wanted[name].size for name in wanted):
        return np.inf
    return max(np.abs(got[n].reshape(-1) - wanted[n].reshape(-1)).max() / most(n, wanted[n]) for n in wanted)


def check(name, folder):
    """What is wrong, or "", and what was seen."""
    make, how = MODULES[name]
    torch.manual_seed(7)
    made = make().eval()
    rng = np.random.default_rng(3)
    tokens = how.get("tokens", 0)
    x = (rng.integers(1, tokens, (N, T)) if tokens else rng.standard_normal((N, T, I))).astype(np.float32)
    given = torch.from_numpy(x.astype(np.int64) if tokens else x)
    with torch.no_grad():
        y = made.double()(given if tokens else given.double())
    made.float()
    y = y if isinstance(y, tuple) else (y,)
    wanted = {f"y{i}" if len(y) > 1 else "y": v.numpy() for i, v in enumerate(y)}
    path = folder / f"{name}.onnx"
    export(made, how, path, given, len(y))
    rows = x[..., None] if tokens else x
    scale = lambda _, v: max(np.abs(v).max(), 1e-3)
    try:
        with millrace.import_onnx(path, calibrate=x, note=lambda text: None) as model:
            if "refused" in how:
                return "is imported, and was to be refused", ""
            far = compare(by_name(model.reference(rows)), wanted, scale)
            if not far <= EXACT:
                return f"the reference is {far:.2g} of the scale from torch", ""
            stated = model.accuracy.max_error
            for device in ("cpu:", "sim:") if how.get("sim") else ("cpu:",):
                with model.session(device) as session:
                    got = by_name(session.run(rows))
                # the import looked at the same data, and at float32's own error
                far = compare(got, wanted, lambda n, v: 1.01 * stated + EXACT * scale(n, v))
                if not far <= 1 or not compare(got, wanted, scale) <= INTEGER:
                    return f"{device} is {far:.2g} times as far from torch as stated", ""
            path.unlink()
            return "", f"{model.accuracy.snr_db:.0f} dB"
    except millrace.Error as error:
        path.unlink()
        text = str(error)
        named = "node '" in text or "layer " in text
        right = named and how.get("refused", "nothing") in text
        return "" if right else text, "refused"


def main():
    """All modules, or those named behind the folder: the exit status."""
    folder = pathlib.Path(sys.argv[1])
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    failed = 0
    names = sys.argv[2:] or list(MODULES)
    for name in names:
        begun = time.process_time()
        wrong, seen = check(name, folder)
        failed += wrong != ""
        print(f"{'FAIL: ' if wrong else ''}{name}  {time.process_time() - begun:.2f} s  {seen}{wrong}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return failed > 0
