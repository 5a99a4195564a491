# SPDX-License-Identifier: Apache-2.0
"""Keyword arguments to the library's option structs."""
import ctypes
import numbers
import os
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _interface, arrays
from ._library import Callbacks, Path, argument_error, record, text_of, to_bytes, to_list, to_number

# A way to choose the columns that each layer takes per cycle ("balanced", "latency", "area", "step", "throughput"), or the
# columns themselves: for all layers, or for each.
Lanes = Union[str, int, Sequence[int]]
_CHOICES = {name[len("MR_LANES_") :].lower(): value for name, value in vars(_interface).items() if name.startswith("MR_LANES_")}
_METHODS = {name[len("MR_CALIBRATION_") :].lower(): value for name, value in vars(_interface).items() if name.startswith("MR_CALIBRATION_")}
_NUMBERS = ("idle_chance", "stall_chance", "limit_ms", "step_cycles", "within_ns", "within_steps", "budget", "dsps", "slots", "threads")
_TEXTS = ("target", "trace", "fallback", "bitstreams")
_LOSSES = {"mse": _interface.MR_TRAIN_MSE, "bce": _interface.MR_TRAIN_BCE, "ce": _interface.MR_TRAIN_CE}
_OPTIMISERS = {"adam": _interface.MR_TRAIN_ADAM, "sgd": _interface.MR_TRAIN_SGD}
_SCHEDULES = {"constant": _interface.MR_TRAIN_CONSTANT, "steps": _interface.MR_TRAIN_STEPS, "cosine": _interface.MR_TRAIN_COSINE}
_TRAIN_REALS = ("validate", "rate", "rate_factor", "momentum", "clip", "l2", "dropout")
_TRAIN_NUMBERS = ("rate_epochs", "epochs", "batch", "patience", "threads", "build_image", "multipliers")
_TRAIN_TEXTS = ("arithmetic", "device", "bitstreams", "target", "fallback", "checkpoint")


def _fields(kind: Any) -> "dict[str, Any]":
    return {name: field for name, field in kind._fields_}


def _word(table: Mapping[str, int], value: Any, what: str) -> int:
    if value not in table:
        raise argument_error(f"{what} is {value!r}; known are {', '.join(sorted(table))}")
    return table[value]


class Held(NamedTuple):
    """A struct for the library and what must live as long as it does."""

    struct: Any
    callbacks: Callbacks
    alive: Tuple[Any, ...] = ()


def _counts(values: Any, what: str) -> Any:
    counts = to_list(values, what, "a whole number for each layer")
    return (ctypes.c_uint32 * len(counts))(*(to_number(count, what) for count in counts))


def plan_options(
    *,
    lanes: Lanes = "balanced",
    passes: Optional[Sequence[int]] = None,
    h_first: Optional[Sequence[bool]] = None,
    progress: Optional[Callable[[str], Any]] = None,
    note: Optional[Callable[[str], Any]] = None,
    seed: int = 0,
    **others: Any,
) -> Held:
    """struct mr_options. `others`: those of its members that are numbers or texts, by their names there."""
    options = _interface.mr_options(size=ctypes.sizeof(_interface.mr_options), seed=to_number(seed, "seed", 2**64 - 1))
    callbacks, alive = Callbacks(), []
    for name, value in others.items():
        if name in _NUMBERS:
            setattr(options, name, to_number(value, name))
        elif name in _TEXTS:
            setattr(options, name, None if value is None else to_bytes(value, name))
        else:
            raise argument_error(f"{name} is no option; known are lanes, passes, h_first, progress, note, seed, {', '.join(_TEXTS + _NUMBERS)}")
    if isinstance(lanes, str):
        options.choice = _word({name: value for name, value in _CHOICES.items() if name != "given"}, lanes, "lanes")
    else:
        columns = _counts([lanes] if isinstance(lanes, numbers.Integral) else lanes, "lanes")
        options.choice, options.lanes, options.lane_count = _CHOICES["given"], columns, len(columns)
        alive.append(columns)
    for name, values in (("passes", passes), ("h_first", h_first)):
        if values is None:
            continue
        each = _counts(values, name)
        if isinstance(lanes, str) or len(each) != options.lane_count:
            raise argument_error(f"{name}: it is for other layers than lanes; give both for each layer")
        setattr(options, name, each)
        alive.append(each)
    fields = _fields(_interface.mr_options)
    options.progress = callbacks.wrap(fields["progress"], progress)
    options.note = callbacks.wrap(fields["note"], note)
    return Held(options, callbacks, tuple(alive))


class Trial(NamedTuple):
    """What one precision gives on the calibration data, of those that precision="auto" tries."""

    precision: str
    within: bool  # each number is within the tolerance
    refused: str  # a sentence where it is not possible
    errors: "dict[str, float]"  # relative error of each number of the outputs, by its name


def _trial(pointer: Any) -> Trial:
    trial = pointer.contents
    errors = {text_of(each.name): each.relative_error for each in trial.each[: trial.outputs]} if trial.outputs else {}
    return Trial(text_of(trial.precision), bool(trial.within), text_of(trial.refused), errors)


def _ranges(ranges: "Mapping[Any, tuple[float, float]]") -> Any:
    given = (_interface.mr_range * len(ranges))()
    for place, (feature, limits) in zip(given, ranges.items()):
        place.feature = _interface.MR_ALL if feature is None else to_number(feature, "the feature of a range")
        try:
            place.low, place.high = limits
        except (TypeError, ValueError, NotImplementedError):
            raise argument_error(f"the range of feature {feature} is {limits!r}; two numbers are needed") from None
    return given


def cell_paths(cells: Sequence[Path]) -> Any:
    """[count] paths of the files of cells."""
    paths = to_list(cells, "cells", "a list of paths")
    return (ctypes.c_char_p * len(paths))(*(to_bytes(path, "the path of a cell") for path in paths))


def model_options(cells: Sequence[Path]) -> Held:
    """struct mr_model_options."""
    paths = cell_paths(cells)
    options = _interface.mr_model_options(size=ctypes.sizeof(_interface.mr_model_options), cells=paths, cell_count=len(paths))
    return Held(options, Callbacks(), (paths,))


def _data_path(folder: str, data: Any, what: str) -> Optional[bytes]:
    """The file of data: that which is named, or one in `folder`, with the name `what`, that an array is written to."""
    if data is None or isinstance(data, (str, bytes, os.PathLike)):
        return None if data is None else to_bytes(data, what)
    array, path = arrays.take(data, what), os.path.join(folder, what)
    with open(path, "wb") as file:
        np.save(file, array)
    return to_bytes(path, what)


def import_options(
    folder: str,
    *,
    cells: Sequence[Path] = (),
    calibrate: Union[None, Path, np.ndarray] = None,
    method: str = "default",
    percentile: float = 0,
    statistics: Optional[Path] = None,
    ranges: "Optional[Mapping[Any, tuple[float, float]]]" = None,
    precision: Optional[str] = None,
    tolerance: float = 0,
    max_steps: int = 0,
    decoder: Optional[Path] = None,
    first_token: int = 0,
    decode_steps: int = 0,
    force: bool = False,
    note: Optional[Callable[[str], Any]] = None,
    trial: Optional[Callable[[Trial], Any]] = None,
) -> Held:
    """struct mr_import_options. Calibration data that is an array goes through a file in `folder`."""
    fields, callbacks = _fields(_interface.mr_import_options), Callbacks()
    options = _interface.mr_import_options(size=ctypes.sizeof(_interface.mr_import_options), force=bool(force))
    try:
        options.percentile, options.tolerance = percentile, tolerance
    except TypeError:
        raise argument_error("percentile and tolerance must be numbers") from None
    options.max_steps = to_number(max_steps, "max_steps")
    options.decoder = None if decoder is None else to_bytes(decoder, "decoder")
    options.first_token = to_number(first_token, "first_token")
    options.decode_steps = to_number(decode_steps, "decode_steps")
    options.calibration_method = _word(_METHODS, method, "method")
    options.precision = None if precision is None else to_bytes(precision, "precision")
    options.statistics = None if statistics is None else to_bytes(statistics, "statistics")
    alive = _ranges(ranges or {})
    options.ranges, options.range_count = alive, len(alive)
    paths = cell_paths(cells)
    options.cells, options.cell_count = paths, len(paths)
    options.calibration = _data_path(folder, calibrate, "calibrate")
    options.note = callbacks.wrap(fields["note"], note)
    options.trial = callbacks.wrap(fields["trial"], trial, _trial)
    return Held(options, callbacks, (alive, paths))


def train_options(
    folder: str,
    x: Any,
    y: Any,
    *,
    validate_x: Any = None,
    validate_y: Any = None,
    loss: str = "mse",
    optimiser: str = "adam",
    schedule: str = "constant",
    resume: bool = False,
    seed: int = 0,
    progress: Optional[Callable[[Any], Any]] = None,
    progress_of: Callable[[Any], Any],
    note: Optional[Callable[[str], Any]] = None,
    **others: Any,
) -> Held:
    """struct mr_train_options. Arrays go through files in `folder`. progress_of: what the library tells of a mini-batch as
    `progress` takes it. `others`: those of its members that are numbers or texts, by their names there."""
    fields, callbacks = _fields(_interface.mr_train_options), Callbacks()
    options = _interface.mr_train_options(size=ctypes.sizeof(_interface.mr_train_options), seed=to_number(seed, "seed", 2**64 - 1))
    for name, value in others.items():
        if name in _TRAIN_REALS:
            try:
                setattr(options, name, value)
            except TypeError:
                raise argument_error(f"{name} is {value!r}, which is no number") from None
        elif name in _TRAIN_NUMBERS:
            setattr(options, name, to_number(value, name))
        elif name in _TRAIN_TEXTS:
            setattr(options, name, None if value is None else to_bytes(value, name))
        else:
            known = ", ".join(_TRAIN_TEXTS + _TRAIN_NUMBERS + _TRAIN_REALS)
            raise argument_error(f"{name} is no option; known are validate_x, validate_y, loss, optimiser, schedule, resume, seed, progress, note, {known}")
    options.loss, options.optimiser = _word(_LOSSES, loss, "loss"), _word(_OPTIMISERS, optimiser, "optimiser")
    options.schedule, options.resume = _word(_SCHEDULES, schedule, "schedule"), bool(resume)
    options.progress, options.note = callbacks.wrap(fields["progress"], progress, progress_of), callbacks.wrap(fields["note"], note)
    options.x, options.y = _data_path(folder, x, "x"), _data_path(folder, y, "y")
    options.validate_x, options.validate_y = _data_path(folder, validate_x, "validate_x"), _data_path(folder, validate_y, "validate_y")
    return Held(options, callbacks)
