# SPDX-License-Identifier: Apache-2.0
# Encoders and decoders of torch.nn, exported by torch: what the decoder says to a sequence on cpu: is what torch's own
# modules say, unless two scores are nearly the same; and pairs that do not fit are refused with a sentence.
#     torch_pairs_test.py FOLDER [COUNT [SEED]]
import pathlib
import random
import sys
import warnings

import numpy as np
import torch
from torch import nn

import millrace

TOKENS, SEQUENCES, STEPS, SAID = 9, 4, 7, 6
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
NEAR = 0.05  # scores so near to each other may change places


class Encoder(nn.Module):
    """States of one direction or of two, as they are or through a dense layer."""

    def __init__(self, draw):
        super().__init__()
        self.cell, self.layers = draw.choice(list(CELLS)), draw.choice([1, 1, 2])
        self.units, self.both = draw.randint(2, 8), draw.random() < 0.3
        self.tokens, self.batch_first = draw.random() < 0.6, draw.random() < 0.7
        width = draw.randint(1, 5)
        self.embed = nn.Embedding(TOKENS, width) if self.tokens else nn.Identity()
        self.features = 1 if self.tokens else width
        self.bridges = self.layers == 1 and (self.both or draw.random() < 0.4)
        self.joins = self.both and draw.random() < 0.5  # the directions side by side, without a dense layer
        inner = self.units if not self.both or not self.joins else max(1, self.units // 2)
        self.inner = inner
        self.rnn = CELLS[self.cell](
            width, inner, num_layers=self.layers, bidirectional=self.both, batch_first=self.batch_first
        )
        if self.joins:
            self.units = 2 * inner
        both = 2 * inner if self.both else inner
        self.bridge = nn.ModuleList([nn.Linear(both, self.units) for _ in range(2)])
        self.squashes = draw.random() < 0.5
        self.gives_steps = draw.random() < 0.3
        if self.both:
            self.layers_given = 1
        else:
            self.layers_given = self.layers

    def row(self, state, which):  # [layers * directions, N, H] -> [layers, N, units]
        if self.both:
            state = torch.cat([state[-2], state[-1]], -1)
            if not self.joins:
                state = self.bridge[which](state)
                state = torch.tanh(state) if self.squashes else state
            return state.unsqueeze(0)
        if self.bridges:
            state = self.bridge[which](state[0])
            return (torch.tanh(state) if self.squashes else state).unsqueeze(0)
        return state

    def forward(self, x):
        steps, state = self.rnn(self.embed(x))
        states = state if self.cell == "lstm" else (state,)
        rows = tuple(self.row(s, i) for i, s in enumerate(states))
        return (steps, *rows) if self.gives_steps else rows


class Decoder(nn.Module):
    def __init__(self, draw, encoder):
        super().__init__()
        self.batch_first, self.cell = draw.random() < 0.7, encoder.cell
        width = draw.randint(2, 6)
        self.embed = nn.Embedding(TOKENS, width)
        self.rnn = CELLS[encoder.cell](
            width, encoder.units, num_layers=encoder.layers_given, batch_first=self.batch_first
        )
        self.scores = nn.Linear(encoder.units, TOKENS)
        self.end = draw.choice(["scores", "softmax", "log_softmax", "argmax"])
        self.last = draw.random() < 0.3

    def forward(self, token, *state):
        h, state = self.rnn(self.embed(token), state if self.cell == "lstm" else state[0])
        if self.last:
            h = h[:, -1] if self.batch_first else h[-1]
        y = self.scores(h)
        if self.end == "softmax":
            y = y.softmax(-1)
        if self.end == "log_softmax":
            y = y.log_softmax(-1)
        if self.end == "argmax":
            y = y.argmax(-1)
        return (y, *(state if self.cell == "lstm" else (state,)))


class Scores(nn.Module):
    """The decoder's scores themselves, whatever its end."""

    def __init__(self, decoder):
        super().__init__()
        self.of = decoder

    def forward(self, token, state):
        h, state = self.of.rnn(self.of.embed(token), state if self.of.cell == "lstm" else state[0])
        return self.of.scores(h), (state if self.of.cell == "lstm" else (state,))


def export(module, arguments, path, inputs, outputs, batch_first):
    n, t = (0, 1) if batch_first else (1, 0)
    axes = {inputs[0]: {n: "sequences", t: "steps"}}
    axes.update({name: {1: "sequences"} for name in inputs[1:]})
    torch.onnx.export(module, arguments, str(path), input_names=inputs, output_names=outputs, dynamic_axes=axes)


def x_of(encoder, generator, sequences=SEQUENCES):
    if encoder.tokens:
        return generator.integers(0, TOKENS, (sequences, STEPS, 1)).astype(np.float32)
    return generator.normal(0, 1, (sequences, STEPS, encoder.features)).astype(np.float32)


def given_to(encoder, x):
    x = torch.tensor(x[..., 0]).long() if encoder.tokens else torch.tensor(x)
    return x if encoder.batch_first else x.transpose(0, 1)


def check(folder, seed):
    draw = random.Random(seed)
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    encoder = Encoder(draw).eval()
    decoder = Decoder(draw, encoder).eval()
    named = draw.random() < 0.5
    fields = ["h", "c"] if encoder.cell == "lstm" else ["h"]
    given = [f"{f}_n" for f in fields]
    if named:
        draw.shuffle(fields)
        taken = [f"{f}_n" for f in ("h", "c")[: len(fields)]]
    else:
        taken = [f"initial_{f}" for f in ("h", "c")[: len(given)]]
    x = x_of(encoder, generator)
    export(
        encoder, given_to(encoder, x), folder / "encoder.onnx", ["x"],
        ["steps", *given] if encoder.gives_steps else given, encoder.batch_first,
    )
    zeros = [torch.zeros(encoder.layers_given, 2, encoder.units) for _ in given]
    token = torch.zeros((2, 3) if decoder.batch_first else (3, 2), dtype=torch.long)
    export(
        decoder, (token, *zeros), folder / "decoder.onnx", ["token", *taken], ["y", *(f"next_{f}" for f in taken)],
        decoder.batch_first,
    )
    calibration = x_of(encoder, generator, 32)
    np.save(folder / "x.npy", calibration if encoder.batch_first else np.swapaxes(calibration, 0, 1))
    model = folder / "model.millrace"
    millrace.import_onnx(
        folder / "encoder.onnx", model, decoder=str(folder / "decoder.onnx"), calibrate=str(folder / "x.npy"),
        decode_steps=SAID, force=True,
    )
    scores = Scores(decoder)
    with torch.no_grad(), millrace.open(model) as m, m.session("cpu:") as session:
        for n in range(SEQUENCES):
            session.encode(x[n])
            said = [int(t) for t in session.generate(0, most=SAID)]
            state = encoder(given_to(encoder, x[n : n + 1]))
            state = state[1:] if encoder.gives_steps else state
            before = 0
            for t in said:
                y, state = scores(torch.tensor([[before]]), state)
                y = y.flatten()
                assert y[t] >= y.max() - NEAR * (y.max() - y.min()), f"token {t} with the scores {y}"
                before = t


def main():
    folder = pathlib.Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 12
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    warnings.filterwarnings("ignore")
    failed = 0
    for seed in range(first, first + count):
        place = folder / str(seed)
        place.mkdir(parents=True, exist_ok=True)
        try:
            check(place, seed)
        except Exception as problem:  # of any kind: the next seed is of interest all the same
            failed += 1
            print(f"FAIL: seed {seed}: {type(problem).__name__}: {problem}")
    print(f"{count - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
