# SPDX-License-Identifier: Apache-2.0
# Modules of torch as people write them, each by hand (torch_modules.py).
#     torch_modules_test.py FOLDER [NAME...]    all, or these; FOLDER keeps the files of those that fail
import sys

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence as pack
from torch.nn.utils.rnn import pad_packed_sequence as unpack

from torch_modules import I, Recurrent, T, main, module


# ---- x beside the layers


@module(free=True)
class StepBeside(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6 + I, 3)

    def forward(self, x):
        return self.head(torch.cat([self.rows(x)[:, -1], x[:, -1]], 1))


@module
class StepInFront(Recurrent):
    """One feature of the last step, added to the prediction; taken before the layer."""

    def __init__(self):
        super().__init__(nn.GRU)
        self.head = nn.Linear(6, 1)

    def forward(self, x):
        last = x[:, -1, :1]
        return last + self.head(self.rows(x)[:, -1])


@module(opset=17)
class FirstStepDense(Recurrent):
    def __init__(self):
        super().__init__()
        self.static, self.head = nn.Linear(I, 4), nn.Linear(10, 2)

    def forward(self, x):
        s = torch.relu(self.static(x[:, 0, :]))
        return self.head(torch.cat((s, self.rows(x)[:, -1, :]), dim=-1))


@module
class MeanBeside(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6 + I, 2)

    def forward(self, x):
        return self.head(torch.cat([self.rows(x)[:, -1], x.mean(1)], 1))


@module
class EveryStepBeside(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6 + I, 2)

    def forward(self, x):
        return self.head(torch.cat([x, self.rows(x)], -1))


@module
class LinearAutoregression(Recurrent):
    """LSTNet's highway: a line over the last steps of x, beside the layer."""

    def __init__(self):
        super().__init__(nn.GRU)
        self.head, self.line = nn.Linear(6, I), nn.Linear(I, I)

    def forward(self, x):
        return self.head(self.rows(x)[:, -1]) + self.line(x[:, -1])


# ---- ends between layers


def between(name, make, opset=13, **how):
    class Between(Recurrent):
        def __init__(self):
            super().__init__()
            self.head = nn.Sequential(nn.Linear(6, 8), make(), nn.Linear(8, 2))

        def forward(self, x):
            return self.head(self.rows(x)[:, -1])

    Between.__name__ = name
    return module(Between, opset=opset, **how)


between("ReLU6", nn.ReLU6)
between("ReLU6Old", nn.ReLU6, opset=9)
between("Hardtanh", lambda: nn.Hardtanh(-0.3, 0.4))
between("GELU", nn.GELU)
between("GELUTanh", lambda: nn.GELU(approximate="tanh"))
between("SiLU", nn.SiLU)
between("Mish", nn.Mish)
between("Hardswish", nn.Hardswish)
between("Hardswish14", nn.Hardswish, opset=14)
between("LeakyReLU", lambda: nn.LeakyReLU(0.2))
between("ELU", lambda: nn.ELU(0.5))
between("PReLU", nn.PReLU)
between("PReLUEach", lambda: nn.PReLU(8))
between("LogSigmoid", nn.LogSigmoid)
between("Tanhshrink", nn.Tanhshrink)
between("Softshrink", lambda: nn.Softshrink(0.1))
between("Hardshrink", lambda: nn.Hardshrink(0.1))
between("GLU", lambda: nn.Sequential(nn.GLU(-1), nn.Linear(4, 8)))
between("Squares", lambda: Lambda(lambda v: v * v))
between("Absolute", lambda: Lambda(torch.abs))
between("Exponential", lambda: Lambda(torch.exp), refused="apply it to the outputs")


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


@module
class ClippedOutput(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return torch.clamp(self.head(self.rows(x)[:, -1]), 0, 1)


@module
class ClippedRows(Recurrent):
    def __init__(self):
        super().__init__(num_layers=1)
        self.next, self.head = nn.LSTM(6, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.next(self.rows(x).clamp(-0.2, 0.2))[0][:, -1])


@module
class ClippedInput(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(torch.clamp(x, -1, 1))[:, -1])


# ---- rows with rows


@module(opset=11, free=True, sim=True)
class Gated(Recurrent):
    """A highway over the layer's rows."""

    def __init__(self):
        super().__init__()
        self.h, self.t, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        y = self.rows(x)
        t = torch.sigmoid(self.t(y))
        return self.head((t * torch.relu(self.h(y)) + (1 - t) * y)[:, -1])


@module(opset=15, free=True)
class MaxOfRows(Recurrent):
    def __init__(self):
        super().__init__(nn.GRU)
        self.a, self.b = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x):
        y = self.rows(x)[:, -1]
        return torch.max(self.a(y), self.b(y))


@module
class MinOfRows(Recurrent):
    def __init__(self):
        super().__init__(nn.GRU)
        self.a, self.b = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x):
        y = self.rows(x)[:, -1]
        return torch.minimum(self.a(y), self.b(y))


@module
class ScaledSkip(Recurrent):
    def __init__(self):
        super().__init__(nn.GRU, I)
        self.second, self.head = nn.GRU(I, I, batch_first=True), nn.Linear(I, 2)

    def forward(self, x):
        y = x + 0.5 * self.rows(x)
        return self.head((0.7 * y + self.second(y)[0] * 0.3)[:, -1])


@module
class LearnedSkip(Recurrent):
    def __init__(self):
        super().__init__(nn.LSTM, I)
        self.scale, self.head = nn.Parameter(torch.tensor(0.3)), nn.Linear(I, 2)
        self.each = nn.Parameter(torch.rand(I))

    def forward(self, x):
        return self.head((x * self.each + self.scale * self.rows(x))[:, -1])


@module
class BothWaysProduct(Recurrent):
    """Halves of a bidirectional layer multiplied."""

    def __init__(self):
        super().__init__(bidirectional=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        _, (h, _) = self.layer(x)
        return self.head(h[0] * h[1])


@module
class BothWaysMax(Recurrent):
    def __init__(self):
        super().__init__(bidirectional=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        a, b = self.rows(x).chunk(2, -1)
        return self.head(torch.max(a, b).mean(1))


@module
class BothWaysSum(Recurrent):
    def __init__(self):
        super().__init__(bidirectional=True)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        y = self.rows(x)
        return self.head((y[:, :, :6] + y[:, :, 6:])[:, -1])


@module
class SqueezeExcite(Recurrent):
    def __init__(self):
        super().__init__(nn.GRU)
        self.down, self.up, self.head = nn.Linear(6, 2), nn.Linear(2, 6), nn.Linear(6, 2)

    def forward(self, x):
        y = self.rows(x)[:, -1]
        return self.head(y * torch.sigmoid(self.up(torch.relu(self.down(y)))))


# ---- as people write them


@module(opset=17)
class NormedStack(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm0, self.a, self.norm1 = nn.LayerNorm(I), nn.LSTM(I, 6, batch_first=True), nn.LayerNorm(6)
        self.b, self.norm2, self.head = nn.LSTM(6, 6, batch_first=True), nn.LayerNorm(6), nn.Linear(6, 1)

    def forward(self, x):
        y = self.norm1(self.a(self.norm0(x))[0])
        y = y + self.norm2(self.b(y)[0])
        return self.head(y[:, -1]).squeeze(-1)


@module(opset=11)
class TimeFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.GRU(I, 6, 2), nn.Linear(6, 3)

    def forward(self, x):
        y, h = self.layer(x.permute(1, 0, 2))
        return F.log_softmax(self.head(F.relu(h[-1])), dim=1)


@module
class BatchNormed(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(I), nn.LSTM(I, 6, batch_first=True)
        self.head = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
        for norm in (self.norm, self.head[1]):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)
        return self.head(self.layer(y)[0][:, -1, :])


@module(opset=12, free=True)
class TwoTowers(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.LSTM(I, 4, batch_first=True), nn.GRU(I, 5, batch_first=True)
        self.head = nn.Sequential(nn.Linear(9, 6), nn.Tanh(), nn.Linear(6, 2), nn.Sigmoid())

    def forward(self, x):
        return self.head(torch.cat([self.a(x)[0][:, -1], self.b(x)[1][0]], 1))


@module
class SplitFeatures(nn.Module):
    """Some of the features go to one layer, the others to another."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = nn.LSTM(2, 4, batch_first=True), nn.LSTM(I - 2, 4, batch_first=True), nn.Linear(8, 2)

    def forward(self, x):
        return self.head(torch.cat([self.a(x[..., :2])[0], self.b(x[..., 2:])[0]], 2)[:, -1])


@module
class ManyHeads(Recurrent):
    def __init__(self):
        super().__init__(nn.GRU, 6, num_layers=2)
        self.kind, self.life, self.steps = nn.Linear(6, 4), nn.Linear(6, 1), nn.Linear(6, 2)

    def forward(self, x):
        y, h = self.layer(x)
        return F.softmax(self.kind(h[-1]), -1), F.softplus(self.life(y[:, -1])), self.steps(y)


@module(opset=17, free=True)
class PooledBoth(Recurrent):
    def __init__(self):
        super().__init__(bidirectional=True)
        self.head = nn.Linear(36, 2)

    def forward(self, x):
        y = self.rows(x)
        return self.head(torch.cat([y.mean(1), y.max(1).values, y[:, -1]], 1))


@module
class AveragePool(Recurrent):
    def __init__(self):
        super().__init__()
        self.pool, self.head = nn.AdaptiveMaxPool1d(1), nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.pool(self.rows(x).permute(0, 2, 1)).flatten(1))


@module
class HiddenFlattened(Recurrent):
    def __init__(self):
        super().__init__(num_layers=2, bidirectional=True)
        self.head = nn.Linear(24, 2)

    def forward(self, x):
        _, (h, _) = self.layer(x)
        return self.head(h.permute(1, 0, 2).reshape(x.shape[0], -1))


@module(opset=14, free=True)
class HiddenAndCell(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 2)

    def forward(self, x):
        _, (h, c) = self.layer(x)
        return self.head(torch.cat([h[-1], c[-1]], dim=1))


@module
class StateTwice(Recurrent):
    """h and c of an encoder, each to two heads."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 2), nn.Linear(6, 3)
        self.c, self.d = nn.Linear(6, 2), nn.Linear(6, 3)

    def forward(self, x):
        _, (h, c) = self.layer(x)
        return self.a(h[0]) + self.c(c[0]), self.b(h[0]) + self.d(c[0])


@module(refused="so cut sequences before they are given to the network")
class Windowed(Recurrent):
    """The last steps alone."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(x[:, -4:])[:, -1])


@module
class Forecast(Recurrent):
    """A linear layer to many steps of several values."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 12)

    def forward(self, x):
        return self.head(self.rows(x)[:, -1]).view(-1, 4, 3)


@module
class FlattenedSteps(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6 * T, 2)

    def forward(self, x):
        return self.head(self.rows(x).flatten(1))


@module(tokens=11)
class TiedWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.layer = nn.Embedding(11, 6), nn.LSTM(6, 6, batch_first=True)
        self.head = nn.Linear(6, 11)
        self.head.weight = self.words.weight

    def forward(self, x):
        return self.head(self.layer(self.words(x))[0])


@module(tokens=11)
class PaddedWords(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(11, 6, padding_idx=0)
        self.layer, self.head = nn.GRU(6, 4, bidirectional=True, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        lengths = (x != 0).sum(1).cpu()
        packed = pack(self.words(x), lengths, batch_first=True, enforce_sorted=False)
        _, h = self.layer(packed)
        return self.head(torch.cat([h[0], h[1]], 1))


@module(opset=16)
class Normalised(Recurrent):
    """Mean and deviation as buffers, and the output back in its unit."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 1)
        self.register_buffer("mean", torch.randn(I))
        self.register_buffer("deviation", torch.rand(I) + 0.5)

    def forward(self, x):
        return self.head(self.rows((x - self.mean) / self.deviation)[:, -1]) * 12.5 + 100


@module
class ZeroStates(Recurrent):
    def __init__(self):
        super().__init__(num_layers=2)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        h0 = torch.zeros(2, x.size(0), 6, dtype=x.dtype)
        c0 = torch.zeros(2, x.size(0), 6, dtype=x.dtype)
        y, _ = self.layer(x, (h0, c0))
        return self.head(y[:, -1, :])


@module(refused="start from smaller ones")
class LearnedState(Recurrent):
    def __init__(self):
        super().__init__(nn.GRU)
        self.h0, self.head = nn.Parameter(torch.randn(1, 1, 6)), nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.layer(x, self.h0.expand(-1, x.size(0), -1).contiguous())[0][:, -1])


@module(opset=16, free=True)
class Residuals(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(I, 6)
        self.layers = nn.ModuleList(nn.GRU(6, 6, batch_first=True) for _ in range(3))
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        y = torch.tanh(self.first(x))
        for layer in self.layers:
            y = y + F.dropout(layer(y)[0], 0.2, self.training)
        return self.head(y.mean(dim=1))


@module(opset=15)
class DenselyLinked(nn.Module):
    """Each layer reads all rows before it."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.LSTM(I + 4 * i, 4, batch_first=True) for i in range(3))
        self.head = nn.Linear(I + 12, 2)

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)[0]], -1)
        return self.head(x[:, -1])


@module
class Reversed(Recurrent):
    def __init__(self):
        super().__init__()
        self.back, self.head = nn.LSTM(I, 6, batch_first=True), nn.Linear(12, 2)

    def forward(self, x):
        a, b = self.rows(x), self.back(torch.flip(x, [1]))[0]
        return self.head(torch.cat([a, torch.flip(b, [1])], -1))


@module
class Ensemble(nn.Module):
    def __init__(self):
        super().__init__()
        self.nets = nn.ModuleList(nn.GRU(I, 4, batch_first=True) for _ in range(3))
        self.heads = nn.ModuleList(nn.Linear(4, 2) for _ in range(3))

    def forward(self, x):
        return torch.stack([h(n(x)[0][:, -1]) for n, h in zip(self.nets, self.heads)]).mean(0)


@module(refused="so cut sequences before they are given to the network")
class Differences(Recurrent):
    """Steps less those before them."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(x[:, 1:] - x[:, :-1])[:, -1])


@module(refused="is a convolution over several steps")
class Convolved(Recurrent):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv1d(I, I, 3, padding=1), nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(self.conv(x.transpose(1, 2)).transpose(1, 2))[:, -1])


@module
class PointConvolved(Recurrent):
    """Kernels of one step are linear layers."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv1d(I, I, 1), nn.Conv1d(6, 2, 1)

    def forward(self, x):
        return self.head(self.rows(self.conv(x.transpose(1, 2)).transpose(1, 2)).transpose(1, 2)).transpose(1, 2)


@module(refused="goes along another axis than the features")
class Attention(Recurrent):
    def __init__(self):
        super().__init__()
        self.score, self.head = nn.Linear(6, 1), nn.Linear(6, 2)

    def forward(self, x):
        y = self.rows(x)
        w = F.softmax(self.score(y), dim=1)
        return self.head((w * y).sum(1))


@module(refused="(attention), which this version does not have")
class DotAttention(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        y, (h, _) = self.layer(x)
        w = F.softmax(torch.bmm(y, h[-1].unsqueeze(2)).squeeze(2), 1)
        return self.head(torch.bmm(y.transpose(1, 2), w.unsqueeze(2)).squeeze(2))


@module(refused="takes one step that is not the first or last")
class MiddleStep(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(x)[:, 3])


@module(sim=True)
class LastTwoSteps(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 2)

    def forward(self, x):
        return self.head(self.rows(x)[:, -2:].flatten(1))


@module(refused="not rows of layers")
class StandardDeviation(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(x).std(1))


@module
class SumPool(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(x).sum(1))


@module
class MinPool(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.rows(x).min(1)[0])


@module
class EinsumHead(Recurrent):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(6, 2))

    def forward(self, x):
        return torch.einsum("bth,ho->bto", self.rows(x), self.w)


@module(refused="apply it to the outputs")
class CosineHead(Recurrent):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return F.normalize(self.head(self.rows(x)[:, -1]), dim=-1)


@module(refused="do this with x before it is given to the network")
class Detrended(Recurrent):
    """Less the last step, and added behind (NLinear, RevIN without deviation)."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, I)

    def forward(self, x):
        last = x[:, -1:, :].detach()
        return self.head(self.rows(x - last)[:, -1]) + last.squeeze(1)


sys.exit(main())
