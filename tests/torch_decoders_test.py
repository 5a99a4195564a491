# SPDX-License-Identifier: Apache-2.0
# Networks of torch that give a sequence from one row, or from an encoder's states: autoencoders and forecasts, as people write
# them (torch_modules.py).
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


autoencoder("Plain")
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


# ---- a decoder whose states are the encoder's last ones


class Seq2Seq(nn.Module):
    """A forecast: the encoder's states, the last step of x at each step, a line on every one."""

    def __init__(self, kind=nn.LSTM, hidden=6, steps=4, layers=1, width=I, **options):
        super().__init__()
        self.steps, self.width = steps, width
        self.encode = kind(I, hidden, layers, batch_first=True, **options)
        self.decode = kind(width, hidden, layers, batch_first=True, **options)
        self.head = nn.Linear(hidden * (2 if options.get("bidirectional") else 1), 2)

    def fed(self, x, y, h):
        return x[:, -1:].repeat(1, self.steps, 1)

    def start(self, state):
        return state

    def forward(self, x):
        y, state = self.encode(x)
        h = state[0] if isinstance(state, tuple) else state
        return self.head(self.decode(self.fed(x, y, h), self.start(state))[0])


class OfH(Seq2Seq):
    def fed(self, x, y, h):
        return h[-1].unsqueeze(1).repeat(1, self.steps, 1)


class Zeros(Seq2Seq):
    def fed(self, x, y, h):
        return torch.zeros(x.shape[0], self.steps, self.width, dtype=x.dtype)


class ZerosAsX(Seq2Seq):
    def fed(self, x, y, h):
        return torch.zeros_like(x)


class Again(Seq2Seq):
    """The decoder reads the same steps again."""

    def fed(self, x, y, h):
        return x


class OnlyH(Again):
    def start(self, state):
        return state[0], torch.zeros_like(state[1])


class Joined(OfH):
    """Both directions of the encoder, by a line, and its last layer alone."""

    def __init__(self, hidden=6, kind=nn.LSTM, **options):
        super().__init__(kind, hidden, width=2 * hidden, **options)
        self.encode = kind(I, hidden, batch_first=True, bidirectional=True)
        self.of_h, self.of_c = nn.Linear(2 * hidden, hidden), nn.Linear(2 * hidden, hidden)

    def fed(self, x, y, h):
        return torch.cat([h[0], h[1]], 1).unsqueeze(1).expand(-1, self.steps, -1)

    def start(self, state):
        join = lambda line, s: torch.tanh(line(torch.cat([s[0], s[1]], 1))).unsqueeze(0)
        return (join(self.of_h, state[0]), join(self.of_c, state[1])) if isinstance(state, tuple) else join(self.of_h, state)


class Expanded0(Seq2Seq):
    """The encoder's last layer for all of the decoder's."""

    def __init__(self, **options):
        super().__init__(nn.GRU, layers=2, **options)

    def start(self, state):
        return torch.stack([state[-1], state[-1]])


autoencoder("SeqLstm", base=Seq2Seq, sim=True)
autoencoder("SeqLstmFree", base=Seq2Seq, free=True)
autoencoder("SeqLstmOld", base=Seq2Seq, free=True, opset=9)
autoencoder("SeqGru", base=Seq2Seq, kind=nn.GRU, free=True, opset=17)
autoencoder("SeqRnn", base=Seq2Seq, kind=nn.RNN)
autoencoder("SeqDeep", base=Seq2Seq, layers=2, free=True)
autoencoder("SeqDeepGru", base=Seq2Seq, kind=nn.GRU, layers=3)
autoencoder("SeqBothWays", base=Seq2Seq, bidirectional=True, layers=2)
autoencoder("SeqOfH", base=OfH, width=6, free=True)
autoencoder("SeqZeros", base=Zeros, width=1)
autoencoder("SeqZerosFree", base=Zeros, width=3, free=True)
autoencoder("SeqZerosAsX", base=ZerosAsX, kind=nn.GRU, free=True)
autoencoder("SeqAgain", base=Again, free=True)
autoencoder("SeqOnlyH", base=OnlyH)
autoencoder("SeqJoined", base=Joined)
autoencoder("SeqJoinedGru", base=Joined, kind=nn.GRU, free=True)
autoencoder("SeqExpanded", base=Expanded0)


@module(free=True)
class SeqScaled(nn.Module):
    """Not of the same widths: a line from state to state, h beside c, and a code as an output."""

    def __init__(self):
        super().__init__()
        self.encode, self.decode = nn.LSTM(I, 5, batch_first=True), nn.GRU(5, 7, batch_first=True)
        self.line, self.head = nn.Linear(10, 7), nn.Linear(7, 2)

    def forward(self, x):
        _, (h, c) = self.encode(x)
        code = torch.tanh(self.line(torch.cat([h, c], 2)))
        y, _ = self.decode(h.permute(1, 0, 2).expand(-1, T - 2, -1), code)
        return self.head(y), code.squeeze(0)


# ---- a decoder that reads what it gave


class FedBack(nn.Module):
    """K steps, one by one, each of which reads what the one before gave."""

    def __init__(self, kind=nn.GRU, steps=3, layers=1, width=1, wrap=None):
        super().__init__()
        self.steps, self.width, self.wrap = steps, width, wrap
        self.encode = kind(I, 6, layers, batch_first=True)
        self.decode = kind(width, 6, layers, batch_first=True)
        self.head = nn.Linear(6, width)

    def first(self, x):
        return x[:, -1:, : self.width]

    def forward(self, x):
        state, y, made = self.encode(x)[1], self.first(x), []
        for _ in range(self.steps):
            y, state = self.decode(y, state)
            y = self.head(y)
            made.append(y)
        return torch.cat(made, 1)


class FedZeros(FedBack):
    def first(self, x):
        return torch.zeros(x.shape[0], 1, self.width, dtype=x.dtype)


class FedRows(FedBack):
    """The rows without the axis of their one step between."""

    def forward(self, x):
        state, y, made = self.encode(x)[1], x[:, -1, : self.width], []
        for _ in range(self.steps):
            h, state = self.decode(y.unsqueeze(1), state)
            y = self.head(h[:, 0])
            made.append(y)
        return torch.stack(made, 1)


autoencoder("FedGru", base=FedBack, free=True)
autoencoder("FedLstm", base=FedBack, kind=nn.LSTM, width=2)
autoencoder("FedAll", base=FedBack, kind=nn.RNN, width=I, steps=4, free=True)
autoencoder("FedDeep", base=FedBack, layers=2, steps=2)
autoencoder("FedZeros", base=FedZeros, kind=nn.LSTM, steps=2)
autoencoder("FedRows", base=FedRows, free=True)
autoencoder("FedLong", base=FedBack, steps=24, free=True)
autoencoder("FedTooLong", base=FedBack, steps=33, free=True, refused="one operator more than the 128")


# ---- refused


class Beside(Again):
    def start(self, state):
        return state[0], torch.full_like(state[1], 0.25)


autoencoder("SeqBesideConstant", base=Beside, refused="starts from a row of a layer and from a constant")


class Ramp(Seq2Seq):
    def fed(self, x, y, h):
        return torch.arange(4, dtype=x.dtype).view(1, 4, 1).expand(x.shape[0], -1, -1)


autoencoder("SeqRamp", base=Ramp, width=1, refused="constants that are not the same at each step")


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
