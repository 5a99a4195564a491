# SPDX-License-Identifier: Apache-2.0
# Networks of torch that give a sequence from one row: autoencoders and forecasts, as people write them (torch_modules.py).
#     torch_decoders_test.py FOLDER [NAME...]    all, or these; FOLDER keeps the files of those that fail
import sys

import torch
from torch import nn

from torch_modules import I, T, main, module


class Autoencoder(nn.Module):
    """The last state at each step of a decoder, and a line on every step of that."""

    def __init__(self, kind=nn.LSTM, hidden=6, code=4, steps=None, **options):
        super().__init__()
        self.steps = steps
        self.encode = kind(I, hidden, batch_first=True, **options)
        self.squeeze = nn.Linear(hidden * (2 if options.get("bidirectional") else 1), code)
        self.decode = kind(code, hidden, batch_first=True)
        self.head = nn.Linear(hidden, I)

    def code(self, x):
        return torch.tanh(self.squeeze(self.encode(x)[0][:, -1]))

    def again(self, code, x):
        return code.unsqueeze(1).repeat(1, self.steps or x.shape[1], 1)

    def forward(self, x):
        return self.head(self.decode(self.again(self.code(x), x))[0])


def autoencoder(name, base=Autoencoder, free=False, opset=13, sim=False, refused=None, **options):
    how = {"free": free, "opset": opset, "sim": sim} | ({"refused": refused} if refused else {})
    made = type(name, (base,), {"__init__": lambda self: base.__init__(self, **options)})
    return module(made, **how)


autoencoder("Plain", sim=True)
autoencoder("PlainFree", free=True)
autoencoder("PlainOld", free=True, opset=9)
autoencoder("Gru", kind=nn.GRU, free=True, opset=17)
autoencoder("Rnn", kind=nn.RNN)
autoencoder("Deep", num_layers=2)
autoencoder("BothWays", bidirectional=True, free=True)
autoencoder("Horizon", steps=T - 3)  # of fewer steps than x, and of more
autoencoder("FarHorizon", steps=T + 5, free=True, sim=True)


class Expanded(Autoencoder):
    def again(self, code, x):
        return code.unsqueeze(1).expand(-1, x.size(1), -1)


autoencoder("Expand", base=Expanded)
autoencoder("ExpandFree", base=Expanded, free=True)
autoencoder("ExpandFree9", base=Expanded, free=True, opset=9)


class ExpandedAs(Autoencoder):
    def again(self, code, x):
        return code[:, None, :].expand(x.size(0), x.size(1), code.size(1))


autoencoder("ExpandAs", base=ExpandedAs, free=True)


@module(free=True)
class StateRepeated(nn.Module):
    """The last state itself, as it comes from the layer."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.LSTM(I, 4, batch_first=True), nn.LSTM(4, I, batch_first=True)

    def forward(self, x):
        _, (h, _) = self.encode(x)
        return self.decode(h[-1].unsqueeze(1).repeat(1, x.shape[1], 1))[0]


@module
class StatePermuted(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.LSTM(I, 4, batch_first=True), nn.LSTM(4, 6, 2, batch_first=True)
        self.head = nn.Linear(6, I)

    def forward(self, x):
        _, (h, _) = self.encode(x)
        return self.head(self.decode(h.permute(1, 0, 2).repeat(1, T, 1))[0])


@module
class TimeFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.GRU(I, 4), nn.GRU(4, I)

    def forward(self, x):
        x = x.transpose(0, 1)
        _, h = self.encode(x)
        return self.decode(h.repeat(x.shape[0], 1, 1))[0].transpose(0, 1)


@module
class Stacked(nn.Module):
    """Wide, narrow, and the same way back."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.LSTM(I, 8, batch_first=True), nn.LSTM(8, 3, batch_first=True)
        self.c, self.d = nn.LSTM(3, 3, batch_first=True), nn.LSTM(3, 8, batch_first=True)
        self.head = nn.Linear(8, I)

    def forward(self, x):
        _, (h, _) = self.b(self.a(x)[0])
        y = self.c(h.squeeze(0).unsqueeze(1).repeat(1, T, 1))[0]
        return self.head(self.d(y)[0].reshape(-1, 8)).reshape(-1, T, I)


@module(free=True)
class WithCode(Autoencoder):
    """The code is given too."""

    def forward(self, x):
        code = self.code(x)
        return self.head(self.decode(self.again(code, x))[0]), code


@module
class BesideX(nn.Module):
    """Each step with what is known of all of them."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.GRU(I, 4, batch_first=True), nn.GRU(4 + I, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        context = self.encode(x)[1][-1].unsqueeze(1).expand(-1, T, -1)
        return self.head(self.decode(torch.cat([x, context], -1))[0])


@module
class OfTheMean(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.LSTM(I, 4, batch_first=True), nn.LSTM(4, 6, batch_first=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.decode(self.encode(x)[0].mean(1, keepdim=True).repeat(1, 4, 1))[0][:, -1])


@module
class Dense(nn.Module):
    """Without a decoder: the row at each step, beside the layer's own."""

    def __init__(self):
        super().__init__()
        self.encode, self.head = nn.LSTM(I, 4, batch_first=True), nn.Linear(8, 2)

    def forward(self, x):
        y, (h, _) = self.encode(x)
        return self.head(torch.cat([y, h[-1].unsqueeze(1).repeat(1, T, 1)], 2))


@module
class LastStepBeside(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.head = nn.LSTM(I, 4, batch_first=True), nn.Linear(4 + I, 2)

    def forward(self, x):
        return self.head(torch.cat([self.encode(x)[0], x[:, -1:].expand(-1, T, -1)], 2))


# ---- refused


@module(refused="repeats rows that come at every step")
class RowsRepeated(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.head = nn.LSTM(I, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encode(x)[0].unsqueeze(1).repeat(1, 3, 1, 1))


@module(refused="repeats what it reads along axis 0")
class SequencesRepeated(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode, self.head = nn.LSTM(I, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encode(x)[0][:, -1].repeat(2, 1))


sys.exit(main())
