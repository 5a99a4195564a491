# SPDX-License-Identifier: Apache-2.0
# Trains the encoder and the decoder of examples/dates.c on dates that are drawn: "3 march 2021", "mar 3 2021",
# "march 3rd 2021" and others become "2021-03-03". Writes encoder.onnx and decoder.onnx, and dates.npy for calibration.
#     python3 train.py [FOLDER [STEPS]]
import datetime
import pathlib
import random
import sys
import warnings

import numpy as np
import torch
from torch import nn

SOURCE = " 0123456789abcdefghijlmnoprstuvy"  # 32 symbols: what is written
SAID = "0123456789-"  # and what is said, and behind it:
FIRST, STOP = len(SAID), len(SAID) + 1
LONGEST = len("september 30th 2000")
HIDDEN, WIDTH = 64, 16
MONTHS = "january february march april may june july august september october november december".split()
FIRST_DAY, DAYS = datetime.date(1930, 1, 1), 40000


def ordinal(day):
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def draw(random_):
    date = FIRST_DAY + datetime.timedelta(random_.randrange(DAYS))
    month = MONTHS[date.month - 1]
    month = month[:3] if random_.random() < 0.4 else month
    day = ordinal(date.day) if random_.random() < 0.4 else str(date.day)
    written = random_.choice([f"{day} {month} {date.year}", f"{month} {day} {date.year}", f"{date.year} {month} {day}"])
    return written, date.isoformat()


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.gru = nn.Embedding(len(SOURCE), WIDTH), nn.GRU(WIDTH, HIDDEN, batch_first=True)

    def forward(self, source):  # [N, T] -> [1, N, HIDDEN]
        return self.gru(self.embed(source))[1]

    def packed(self, source, lengths):
        rows = nn.utils.rnn.pack_padded_sequence(self.embed(source), lengths, batch_first=True, enforce_sorted=False)
        return self.gru(rows)[1]


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.gru = nn.Embedding(STOP + 1, WIDTH), nn.GRU(WIDTH, HIDDEN, batch_first=True)
        self.scores = nn.Linear(HIDDEN, STOP + 1)

    def forward(self, token, state):  # [N, T], [1, N, HIDDEN] -> [N, T, tokens], [1, N, HIDDEN]
        h, state = self.gru(self.embed(token), state)
        return self.scores(h), state


def batch(random_, count):
    pairs = [draw(random_) for _ in range(count)]
    source = torch.zeros(count, LONGEST, dtype=torch.long)
    for n, (written, _) in enumerate(pairs):
        source[n, : len(written)] = torch.tensor([SOURCE.index(c) for c in written])
    said = torch.tensor([[SAID.index(c) for c in iso] + [STOP] for _, iso in pairs])
    token = torch.cat([torch.full((count, 1), FIRST), said[:, :-1]], 1)
    return source, torch.tensor([len(written) for written, _ in pairs]), token, said


def right(encoder, decoder, random_, count=500):
    source, lengths, _, said = batch(random_, count)
    with torch.no_grad():
        state, token, good = encoder.packed(source, lengths), torch.full((count, 1), FIRST), torch.ones(count, dtype=bool)
        for t in range(said.shape[1]):
            scores, state = decoder(token, state)
            token = scores.argmax(-1)
            good &= token[:, 0] == said[:, t]
    return good.float().mean().item()


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    torch.manual_seed(1)
    random_ = random.Random(1)
    encoder, decoder = Encoder(), Decoder()
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimiser = torch.optim.Adam(parameters)
    slower = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, steps)
    for step in range(1, steps + 1):
        source, lengths, token, said = batch(random_, 256)
        scores, _ = decoder(token, encoder.packed(source, lengths))
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), said.flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1)
        optimiser.step()
        slower.step()
        if step % 200 == 0:
            print(f"step {step}: loss {loss.item():.4f}, {100 * right(encoder, decoder, random_):.1f} % right", flush=True)
    warnings.filterwarnings("ignore")
    encoder.eval(), decoder.eval()
    rows = {0: "sequences", 1: "steps"}
    torch.onnx.export(encoder, source[:1], folder / "encoder.onnx", input_names=["written"], output_names=["state"],
                      dynamic_axes={"written": rows, "state": {1: "sequences"}})
    torch.onnx.export(decoder, (token[:1], torch.zeros(1, 1, HIDDEN)), folder / "decoder.onnx",
                      input_names=["token", "state"], output_names=["scores", "next"],
                      dynamic_axes={"token": rows, "state": {1: "sequences"}, "scores": rows, "next": {1: "sequences"}})
    # Sequences of one length, each with as many of its own letters as that.
    chosen = [written for written in (draw(random_)[0] for _ in range(4000)) if len(written) == 12][:64]
    np.save(folder / "dates.npy", np.array([[SOURCE.index(c) for c in written] for written in chosen], np.float32))


main()
