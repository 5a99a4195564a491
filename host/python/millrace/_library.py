# SPDX-License-Identifier: Apache-2.0
"""Loads libmillrace and turns its errors into exceptions. All else in this package calls it by `lib`."""
import ctypes
import enum
import os
import pathlib
import threading
import warnings
from typing import Any, Callable, Optional, TypeVar, Union

from . import _interface

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
_Record = TypeVar("_Record")

ErrorCode = enum.IntEnum("ErrorCode", {name[len("MR_ERROR_") :]: code for code, (name, _) in _interface.ERRORS.items()})
ErrorCode.__doc__ = "The library's error codes: ARGUMENT, MEMORY, FILE, MODEL, INPUT, PLAN, BUILD, DEVICE."


class Error(Exception):
    """What failed: `code` says of which kind, `text` is the sentence that says what, where, and what would help."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = ErrorCode(code)
        self.text = text

    def __reduce__(self) -> Any:
        return Error, (int(self.code), self.text)


def argument_error(text: str) -> Error:
    return Error(ErrorCode.ARGUMENT, text)


def _find() -> str:
    """$MILLRACE_LIBRARY, that of this package's own prefix or source tree, else that which the loader finds."""
    given = os.environ.get("MILLRACE_LIBRARY")
    if given:
        return given
    here, name = pathlib.Path(__file__).resolve().parent, f"libmillrace.so.{_interface.SOVERSION}"
    for path in (here.parents[2] / name, here.parents[1] / "libmillrace.so"):
        if path.exists():
            return str(path)
    return name


def _load() -> ctypes.CDLL:
    path = _find()
    try:
        library = ctypes.CDLL(path)
        for name, (result, arguments) in _interface.FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as reason:
        raise ImportError(f"{reason}; libmillrace {_interface.VERSION} is needed: set MILLRACE_LIBRARY to its path") from None
    found = library.mr_version().decode()
    if f"{found}.".startswith(f"{_interface.SOVERSION}."):
        return library
    raise ImportError(f"{path} is version {found} and this package is of {_interface.VERSION}")


lib = _load()
_free = ctypes.CDLL(None).free
_free.restype, _free.argtypes = None, [ctypes.c_void_p]


def version() -> str:
    """The version of the library."""
    return lib.mr_version().decode()


def strerror(code: int) -> str:
    """The general meaning of a code."""
    return lib.mr_strerror(code).decode()


def text_of(value: Optional[bytes]) -> str:
    return value.decode("utf-8", "replace") if value else ""


def take_text(pointer: ctypes.c_char_p) -> str:
    """The text that the library made, which is freed."""
    text = text_of(pointer.value)
    _free(ctypes.cast(pointer, ctypes.c_void_p))
    return text


def to_bytes(value: Any, what: str) -> bytes:
    """A text or path for the library."""
    try:
        raw = os.fsencode(value)
    except (TypeError, UnicodeError):
        raise argument_error(f"{what} is {value!r}, which is no text or path") from None
    if b"\0" in raw:
        raise argument_error(f"{what} has a NUL byte: {value!r}")
    return raw


def to_number(value: Any, what: str, limit: int = 2**32 - 1) -> int:
    """A whole number from 0 to `limit`, which ctypes would cut to its size without a word."""
    try:
        number = value.__index__()
    except (AttributeError, TypeError):
        raise argument_error(f"{what} is {value!r}, which is no whole number") from None
    if not 0 <= number <= limit:
        raise argument_error(f"{what} is {number}; it must be from 0 to {limit}")
    return number


def to_list(values: Any, what: str, item: str) -> "list[Any]":
    """What a sequence holds: `item` says of what it should be one."""
    try:
        if isinstance(values, (str, bytes)):
            raise TypeError
        return list(values)
    except (TypeError, NotImplementedError):  # the latter of a memoryview
        raise argument_error(f"{what}: {values!r} is no list; {item} is needed") from None


def record(kind: Callable[..., _Record], struct: ctypes.Structure) -> _Record:
    """One of this package's tuples from the library's struct of the same members."""
    values = (getattr(struct, field) for field in kind._fields)  # type: ignore[attr-defined]
    return kind(*(text_of(value) if isinstance(value, bytes) or value is None else value for value in values))


def tell(text: str) -> None:
    """A note of the library to a caller that has given no function for it."""
    warnings.warn(text, stacklevel=4)


class Turn:
    """`with` it: a call of a thread that has what is `what` for itself. What the call calls back cannot begin another."""

    def __init__(self, what: str):
        self._what, self._lock, self._owner = what, threading.Lock(), 0

    def __enter__(self) -> None:
        if self._owner == threading.get_ident():
            raise argument_error(f"the {self._what} is in a call: it cannot be used or closed by what that calls back")
        self._lock.acquire()  # pylint: disable=consider-using-with
        self._owner = threading.get_ident()

    def __exit__(self, *_: Any) -> None:
        self._owner = 0
        self._lock.release()


class Callbacks:
    """Python functions that the library calls: an exception in one is kept, and raised when the call is over."""

    def __init__(self) -> None:
        self.raised: Optional[BaseException] = None

    def wrap(self, kind: Any, function: Optional[Callable[..., Any]], convert: Callable[..., Any] = text_of) -> Any:
        if function is None:
            return kind()
        if not callable(function):
            raise argument_error(f"{function!r} cannot be called")

        def call(_context: Any, value: Any) -> None:
            try:
                function(convert(value))
            except BaseException as exception:  # pylint: disable=broad-except
                self.raised = self.raised or exception

        return kind(call)

    def finish(self) -> None:
        raised, self.raised = self.raised, None
        if raised is not None:
            raise raised


def check(code: int, error: _interface.mr_error, folder: str = "") -> None:
    """folder: of this package's own files, of which the sentence shall tell the names alone."""
    if code:
        text = text_of(error.text)
        raise Error(code, text.replace(os.path.join(folder, ""), "") if folder else text)
