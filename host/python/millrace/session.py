# SPDX-License-Identifier: Apache-2.0
"""Sessions: a model on an open device."""
import contextlib
import ctypes
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional

import numpy as np

from . import _interface, arrays
from ._library import Error, Turn, argument_error, lib, record, text_of, to_number
from ._library import check as check_error

if TYPE_CHECKING:
    from .model import Handle, Model
    from .options import Held


class Stats(NamedTuple):
    """What a run took. Cycles are exact; the CPU has none."""

    cycles: int
    device_runs: int
    clock_mhz: float
    microseconds: float  # cycles at that clock, or on the CPU the measured time
    multiplications: int
    multipliers: int
    utilisation: float
    cut_inputs: int  # numbers beyond their ranges, which were cut
    cut_values: int


class Process(NamedTuple):
    """The activity of one hardware process in the last run, in cycles."""

    name: str
    busy: int
    starved: int
    blocked: int
    first_busy: int
    last_busy: int
    cycles_per_step: float


class InputSaturation(NamedTuple):
    """What was cut of one feature since the session was opened."""

    cut: int
    total: int
    low: float
    high: float
    farthest: float


class OperatorSaturation(NamedTuple):
    """What was cut of one operator's values since the session was opened."""

    cut: int
    total: int
    limit: float
    past: float


class Session:
    """A model on an open device, as Model.session gives it. Threads may share it: their calls come one after the other.
    `close`, or the end of a `with`, frees the device."""

    device: str  # what it runs on, for people; behind a failure the fallback
    slots: int  # sequences that have their turns in the network, each with a state
    stats: Optional[Stats] = None  # of the last run or step

    def __init__(self, model: "Model", handle: "Handle", device: bytes, held: "Held"):
        self._raw: Optional[int] = None
        self._handle, self._held, self._model = handle, held, model
        self._turn = Turn("session")
        error = _interface.mr_error()
        self._raw = lib.mr_session_open(handle.raw, device, ctypes.byref(held.struct), ctypes.byref(error))
        if not self._raw or held.callbacks.raised:
            self.close()
            held.callbacks.finish()
            check_error(error.code, error)
        self.slots = lib.mr_session_slots(self._raw)
        self.device = text_of(lib.mr_session_device(self._raw))

    @contextlib.contextmanager
    def _call(self) -> Iterator[int]:
        """The library's session, for one call by one thread."""
        with self._turn:
            try:
                if not self._raw:
                    raise argument_error("the session is closed")
                yield self._raw
            finally:
                if self._raw:  # a fallback may have gone on
                    self.device = text_of(lib.mr_session_device(self._raw))
                self._held.callbacks.finish()

    def _check(self, raw: int, code: int) -> None:
        if code:
            raise Error(code, text_of(lib.mr_session_error(raw)))

    def close(self) -> None:
        """Frees the device, after a call that another thread is in; a second time does nothing."""
        with self._turn:
            raw, self._raw = self._raw, None
            if raw:
                lib.mr_session_close(raw)

    def __del__(self) -> None:
        raw, self._raw = self._raw, None
        if raw:
            lib.mr_session_close(raw)

    def __enter__(self) -> "Session":
        with self._call():
            return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def run(self, x: Any, go_on: bool = False, lengths: Any = None) -> Any:
        """Runs whole sequences. x: [sequences, steps, features], or [steps, features] for one; of one feature, or of tokens,
        also [sequences, steps] and [steps] (but [K, 1] is one sequence of K steps); float32 and contiguous, else it is
        copied. Gives [sequences, width], of an output that has a row for every step [sequences, steps, width]; without
        the first axis for one sequence; of a network of several outputs a dict of such arrays by name.
        go_on: sequence i starts from the state of slot i and not from zero, so there are as many as slots at most.
        lengths: [sequences] steps that each has, of those in x; what stands behind them is of no effect."""
        rows, single = arrays.take_rows(x, self._model.features)
        if lengths is None:
            return self._run(rows, single, go_on)
        if go_on:
            raise argument_error("sequences with lengths begin anew: go_on is not possible")
        return self._run(rows, single, False, arrays.lengths_of(lengths, len(rows)))

    def step(self, x: Any) -> Any:
        """One more step of the sequence in slot 0. x: [features], of one feature the number as well. Gives [width], as if the sequence ended here; of a network
        of several outputs a dict of such arrays by name."""
        row = arrays.take(x, "x")
        if row.ndim == 0 and self._model.features == 1:
            row = row.reshape(1)
        if row.shape != (self._model.features,):
            raise argument_error(f"x has shape {list(row.shape)}; a step is [{self._model.features}]")
        y = self._run(row.reshape(1, 1, -1), True, True)
        return {name: part.reshape(-1) for name, part in y.items()} if isinstance(y, dict) else y.reshape(-1)

    def encode(self, x: Any) -> None:
        """Of a model with an encoder: reads one sequence, [steps, encoder_features], or [steps] of a single one, from whose
        end the decoder, which all other calls are of, goes on."""
        rows = arrays.take(x, "x")
        width = self._model.encoder_features
        rows = rows.reshape(-1, 1) if rows.ndim == 1 and width == 1 else rows
        if rows.ndim != 2 or (width and rows.shape[1] != width):
            raise argument_error(f"x has shape {list(rows.shape)}; the encoder takes [steps, {width}]")
        stats = _interface.mr_stats()
        with self._call() as raw:
            self._check(raw, lib.mr_session_encode(raw, arrays.pointer(rows), len(rows), ctypes.byref(stats)))
            self.stats = record(Stats, stats)

    def generate(self, first: int, most: int, stop: Optional[int] = None) -> np.ndarray:
        """Tokens that the device gives one after the other, each of which it takes as its next input by itself, of a network
        from a token (an embedding) to an arg-max: at most `most` of them, up to and with the token `stop`. Goes on from the
        state that the calls before left, with the token `first`. Gives int32 [tokens]."""
        first, most = to_number(first, "first", 2**31 - 1), to_number(most, "most")
        if most < 1:
            raise argument_error(f"most is {most}; ask for 1 token or more")
        tokens, count, stats = np.zeros(most, np.int32), ctypes.c_uint64(), _interface.mr_stats()
        with self._call() as raw:
            pointer = tokens.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
            last = -1 if stop is None else to_number(stop, "stop", 2**31 - 1)
            code = lib.mr_session_generate(raw, first, last, most, pointer, ctypes.byref(count), ctypes.byref(stats))
            self._check(raw, code)
            self.stats = record(Stats, stats)
        return tokens[: count.value].copy()

    def _run(self, rows: Any, single: bool, go_on: bool, lengths: Any = None) -> Any:
        numbers = lib.mr_model_numbers(self._handle.raw, rows.shape[1])
        results, stats = arrays.Results(self._model.outputs, numbers, rows, single), _interface.mr_stats()
        flags = _interface.MR_RUN_CONTINUE if go_on else 0
        with self._call() as raw:
            x, y, sizes = arrays.pointer(rows), arrays.pointer(results.y), rows.shape[:2]
            if lengths is None:
                code = lib.mr_session_run(raw, x, *sizes, flags, y, ctypes.byref(stats))
            else:
                code = lib.mr_session_run_lengths(raw, x, *sizes, lengths, y, ctypes.byref(stats))
            self._check(raw, code)
            self.stats = record(Stats, stats)
        return results.parts()

    def run_states(
        self, x: Any, states: Optional[np.ndarray] = None, lengths: Any = None
    ) -> "tuple[Any, np.ndarray]":
        """Runs any number of sequences, each of which goes on from a state of its own; thousands share one device so.
        x: [sequences, steps, features]. states: [sequences, bytes] uint8 as a call before gave them, a row of zeros for a
        sequence that has not begun; None where none has. lengths: [sequences] steps that each has, as `run` takes them.
        Gives what `run` gives, and the states behind the last steps."""
        rows, single = arrays.take_rows(x, self._model.features)
        if single:
            raise argument_error("x is one sequence; those with states are [sequences, steps, features]")
        steps = None if lengths is None else arrays.lengths_of(lengths, len(rows))
        numbers = lib.mr_model_numbers(self._handle.raw, rows.shape[1])
        results, stats = arrays.Results(self._model.outputs, numbers, rows, False), _interface.mr_stats()
        with self._call() as raw:
            new = arrays.states_of(states, len(rows), lib.mr_session_state_size(raw))
            given = (raw, arrays.pointer(rows), *rows.shape[:2])
            made = (new.ctypes.data, arrays.pointer(results.y), ctypes.byref(stats))
            if steps is None:
                code = lib.mr_session_run_states(*given, *made)
            else:
                code = lib.mr_session_run_states_lengths(*given, steps, *made)
            self._check(raw, code)
            self.stats = record(Stats, stats)
        return results.parts(), new

    def reset(self, slot: Optional[int] = None) -> None:
        """The next step starts from a zero state, in all slots or in one."""
        with self._call() as raw:
            if slot is None:
                lib.mr_session_reset(raw)
            else:
                self._check(raw, lib.mr_session_reset_slot(raw, to_number(slot, "slot")))

    def save(self, slot: int = 0) -> bytes:
        """The state of a slot, which fits every slot of every session of the same model, on any device."""
        with self._call() as raw:
            state = ctypes.create_string_buffer(lib.mr_session_state_size(raw))
            self._check(raw, lib.mr_session_save_slot(raw, to_number(slot, "slot"), state, len(state)))
            return state.raw

    def restore(self, state: bytes, slot: int = 0) -> None:
        """The next step goes on from a state that was saved. That of another model is refused."""
        try:
            given = bytes(memoryview(state))
        except TypeError:
            raise argument_error(f"a state is bytes, not {type(state).__name__}") from None
        with self._call() as raw:
            self._check(raw, lib.mr_session_restore_slot(raw, to_number(slot, "slot"), given, len(given)))

    def processes(self) -> "list[Process]":
        """What each hardware process did in the last run; empty on the CPU."""
        return self._list(Process, _interface.mr_process_info, lib.mr_session_process)

    def input_saturation(self) -> "list[InputSaturation]":
        """What was cut of each feature."""
        return self._list(InputSaturation, _interface.mr_input_saturation, lib.mr_session_input_saturation)

    def operator_saturation(self) -> "list[OperatorSaturation]":
        """What was cut of each of the model's operators."""
        return self._list(OperatorSaturation, _interface.mr_operator_saturation, lib.mr_session_operator_saturation)

    def _list(self, kind: Any, struct: Any, function: Any) -> Any:
        found = []
        with self._call() as raw:
            info = struct()
            while function(raw, len(found), ctypes.byref(info)) == 0:
                found.append(record(kind, info))
        return found
