# SPDX-License-Identifier: Apache-2.0
"""A network without ONNX: its description as a JSON file, and named tensors as a safetensors file."""
import json
import struct
from typing import Any, Mapping

import numpy as np

from ._library import argument_error

_TYPES = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8", "b1": "BOOL"}

_WIDTHS = {kind: int(code[1]) for code, kind in _TYPES.items()}
_WIDTHS["BF16"] = 2


def _bytes_of(name: str, value: Any) -> "tuple[str, list[int], bytes]":
    """Type, shape and bytes of a numpy array, a torch tensor, or what numpy makes an array of."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().contiguous()
        if str(value.dtype) == "torch.bfloat16":  # which numpy does not have
            import torch  # pylint: disable=import-outside-toplevel

            return "BF16", list(value.shape), value.view(torch.int16).numpy().tobytes()
        value = value.numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as reason:
        raise argument_error(f"the tensor {name!r} is no array: {reason}") from None
    kind = _TYPES.get(array.dtype.str[1:])
    if kind is None:
        raise argument_error(f"the tensor {name!r} has elements of type {array.dtype}; real numbers are needed")
    return kind, list(array.shape), array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def write(path: str, state: Mapping[str, Any]) -> None:
    """Writes the tensors, wide numbers first so that all are aligned."""
    if not isinstance(state, Mapping):
        raise argument_error(f"{type(state).__name__} is no mapping of names to tensors")
    tensors = sorted(((str(name), *_bytes_of(str(name), value)) for name, value in state.items()), key=lambda tensor: -_WIDTHS[tensor[1]])
    header, at = {}, 0
    for name, kind, shape, data in tensors:
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, _, _, data in tensors:
            file.write(data)


def write_description(path: str, description: Mapping[str, Any]) -> None:
    """Writes what docs/json-models.md describes."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(description, file, allow_nan=False)
    except (TypeError, ValueError) as reason:
        raise argument_error(f"the description cannot be written as JSON: {reason}") from None
