# SPDX-License-Identifier: Apache-2.0
"""numpy arrays to and from the library: float32, contiguous, and copied only where they are not."""
import ctypes
from typing import Any

import numpy as np

from ._library import argument_error, to_list, to_number

_FLOAT = ctypes.POINTER(ctypes.c_float)


def take(value: Any, what: str) -> np.ndarray:
    """`value` as contiguous float32: itself where it is, else a copy. Raises where numbers would lose their meaning."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as reason:
        raise argument_error(f"{what} is no array: {reason}") from None
    if array.dtype.kind not in "fiub":
        raise argument_error(f"{what} has elements of type {array.dtype}; real numbers are needed")
    with np.errstate(over="ignore"):  # infinity is refused by the library, which says where
        return np.ascontiguousarray(array, dtype=np.float32).reshape(array.shape)


def take_rows(value: Any, features: int, what: str = "x") -> "tuple[np.ndarray, bool]":
    """[sequences, steps, features], and whether the array was one sequence, [steps, features]. A lone feature, or a token,
    needs no axis: [sequences, steps], or [steps]; two axes of which the last has size 1 are one sequence."""
    array = take(value, what)
    if features == 1 and (array.ndim == 1 or (array.ndim == 2 and array.shape[1] != 1)):
        array = array[..., np.newaxis]
    if array.ndim not in (2, 3) or array.shape[-1] != features:
        raise argument_error(
            f"{what} has shape {list(array.shape)}; the network takes [sequences, steps, {features}], or [steps, {features}] for one sequence"
            + (", and of its one feature [sequences, steps] and [steps]" if features == 1 else "")
        )
    if array.size == 0:
        raise argument_error(f"{what} has shape {list(array.shape)}: it needs a sequence and a step at least")
    return (array, False) if array.ndim == 3 else (array[np.newaxis], True)


def lengths_of(values: Any, count: int) -> Any:
    """[count] steps of each sequence."""
    lengths = [to_number(value, "a length", 2**64 - 1) for value in to_list(values, "lengths", "a whole number for each sequence")]
    if len(lengths) != count:
        raise argument_error(f"there are {len(lengths)} lengths for {count} sequences")
    return (ctypes.c_uint64 * count)(*lengths)


def states_of(value: Any, count: int, size: int) -> np.ndarray:
    """A copy of `count` states of `size` bytes, zeros for None."""
    if value is None:
        return np.zeros((count, size), np.uint8)
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.shape != (count, size):
        shape = f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__
        raise argument_error(f"states are {shape}; uint8 [{count}, {size}] is needed")
    return value.copy(order="C")


def pointer(array: np.ndarray) -> Any:
    return array.ctypes.data_as(_FLOAT)


class Results:
    """Room for what a call gives, which the library fills: one array, of which each output is a view."""

    def __init__(self, outputs: Any, numbers: int, rows: np.ndarray, single: bool):
        """outputs: the model's; numbers: that one sequence gives."""
        self._outputs, self._single = outputs, single
        self._sequences, self._steps = rows.shape[:2]
        self.y = np.empty(self._sequences * numbers, np.float32)

    def parts(self) -> Any:
        found, at = {}, 0
        for output in self._outputs:
            each = (output.steps or self._steps,) if output.per_step else ()
            shape = (self._sequences, *each, output.width)
            count = int(np.prod(shape))
            part = self.y[at : at + count].reshape(shape)
            found[output.name] = part[0] if self._single else part
            at += count
        return found if len(found) > 1 else next(iter(found.values()))
