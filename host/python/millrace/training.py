# SPDX-License-Identifier: Apache-2.0
"""Training: from a network's file, or its description, and arrays to a model."""
import contextlib
import ctypes
import os
import tempfile
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Optional, Union

from . import _interface, weights
from ._library import Path, Turn, argument_error, check, lib, record, tell, to_bytes
from .model import Model
from .options import train_options

Network = Union[Path, "Mapping[str, Any]"]


class Epoch(NamedTuple):
    """What an epoch gave. The metric is the root of the mean squared error, or of the other losses the share that is right;
    not a number (nan) where there is no validation."""

    epoch: int  # from 1
    step: int  # mini-batches since the beginning
    rate: float
    loss: float
    metric: float
    validation_loss: float
    validation_metric: float
    seconds: float
    best: bool  # the best one so far
    cycles: int  # of a device that counts them, and as planned; else 0
    planned_cycles: int
    utilisation: float  # of the lanes of a device that counts cycles


class Progress(NamedTuple):
    """Where an epoch is."""

    epoch: int  # from 1
    epochs: int
    batch: int
    batches: int
    loss: float  # mean over the epoch so far


def _epoch(raw: Any) -> Epoch:
    return record(Epoch, raw)._replace(best=bool(raw.best))


class Training:
    """A training, epoch by epoch: iterating over it does them and gives an Epoch each. What was trained so far can be asked
    for at any time, and after an epoch that failed too. `close`, or the end of a `with`, frees it. Threads may share it:
    their calls come one after the other."""

    def __init__(self, network: Network, x: Any, y: Any, **options: Any):
        """The arguments of `train`."""
        self._raw: Optional[int] = None
        self._turn, error = Turn("training"), _interface.mr_error()
        options.setdefault("note", tell)
        with tempfile.TemporaryDirectory(prefix="millrace-") as folder:  # the library has read all when it is open
            self._held = train_options(folder, x, y, progress_of=lambda told: record(Progress, told.contents), **options)
            if isinstance(network, Mapping):
                path = os.path.join(folder, "net.json")
                weights.write_description(path, network)
            else:
                path = network
            raw = to_bytes(path, "the path of the network")
            self._raw = lib.mr_train_open(raw, ctypes.byref(self._held.struct), ctypes.byref(error))
        if not self._raw or self._held.callbacks.raised:
            self.close()
            self._held.callbacks.finish()
            check(error.code, error, folder)

    @contextlib.contextmanager
    def _call(self) -> Iterator[int]:
        """The library's training, for one call by one thread."""
        with self._turn:
            if not self._raw:
                raise argument_error("the training is closed")
            try:
                yield self._raw
            finally:
                self._held.callbacks.finish()

    def close(self) -> None:
        """Frees it, after a call that another thread is in; a second time does nothing."""
        with self._turn:
            raw, self._raw = self._raw, None
            if raw:
                lib.mr_train_close(raw)

    def __del__(self) -> None:
        raw, self._raw = self._raw, None
        if raw:
            lib.mr_train_close(raw)

    def __enter__(self) -> "Training":
        with self._call():
            return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __iter__(self) -> Iterator[Epoch]:
        return self

    def __next__(self) -> Epoch:
        error, epoch = _interface.mr_error(), _interface.mr_train_epoch()
        with self._call() as raw:
            code = lib.mr_train_next(raw, ctypes.byref(epoch), ctypes.byref(error))
        if code == 0:
            raise StopIteration
        check(min(code, 0), error)
        return _epoch(epoch)

    @property
    def history(self) -> "list[Epoch]":
        """All epochs that were done, those before a resume too."""
        found = []
        with self._call() as raw:
            for index in range(lib.mr_train_epochs(raw)):
                epoch = _interface.mr_train_epoch()
                lib.mr_train_history(raw, index, ctypes.byref(epoch))
                found.append(_epoch(epoch))
        return found

    def export(self, path: Path) -> None:
        """Writes what was trained as an ONNX file: the weights of the best epoch where there is validation, else of the last."""
        self._write(lib.mr_train_export, to_bytes(path, "the path of the ONNX file"))

    def model(self, output: Optional[Path] = None) -> Model:
        """The same as a model, in whole numbers, calibrated with the training data. output: its file; None keeps none."""
        with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
            place = os.path.join(folder, "model.millrace") if output is None else output
            self._write(lib.mr_train_save, to_bytes(place, "output"))
            return Model(place)

    def _write(self, function: Any, path: bytes) -> None:
        error = _interface.mr_error()
        with self._call() as raw:
            code = function(raw, path, ctypes.byref(error))
        check(code, error)


def train(
    network: Network,
    x: Any,
    y: Any,
    output: Optional[Path] = None,
    *,
    export: Optional[Path] = None,
    epoch: Optional[Callable[[Epoch], Any]] = None,
    **options: Any,
) -> Model:
    """Trains a network and gives its model. network: an ONNX file, a model's, or a description in JSON (docs/json-models.md),
    or that as a dict; without weights it begins with drawn ones. x: [sequences, steps, features]; y: a row for each sequence,
    or for each step where the network has an output per step; of classes the number of the class. Each is an array, or the
    path of a .npy or .csv file. output: the model's file, export: an ONNX file; None keeps none. epoch: called with an Epoch
    after each.
    Options: validate, a share of the sequences, or validate_x and validate_y; loss ("mse", "bce", "ce"), optimiser ("adam",
    "sgd"), rate, momentum, clip, l2, dropout; schedule of the rate ("constant", "steps", "cosine"), rate_factor, rate_epochs;
    epochs, batch, patience, seed; arithmetic ("float32", "int"), device, fallback, threads; checkpoint, a folder, and resume;
    progress, called with a Progress after each mini-batch; note, called with what one should know (else it is a warning).
    struct mr_train_options in millrace.h says what they do and what they are where they are not given."""
    with Training(network, x, y, **options) as training:
        for done in training:
            if epoch is not None:
                epoch(done)
        if export is not None:
            training.export(export)
        return training.model(output)
