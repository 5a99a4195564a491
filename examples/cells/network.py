# SPDX-License-Identifier: Apache-2.0
# Writes an ONNX file with a layer of a cell that is no operator of ONNX, and input for it: what docs/own-cell.md works with.
# The weights are random; it needs numpy alone, so it also shows how such a file is built.
# Usage: python3 network.py CELL GATES NET.onnx X.npy
import sys

import numpy as np

FEATURES, UNITS, OUTPUTS, OPSET = 6, 12, 2, 13


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value) -> bytes:
    """A field of a protocol buffer: a number, a text, or a message that is made."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, array: np.ndarray) -> bytes:
    kind = 7 if array.dtype == np.int64 else 1
    return b"".join(field(1, n) for n in array.shape) + field(2, kind) + field(8, name) + field(9, array.tobytes())


def attribute(name: str, value) -> bytes:
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + b"".join(field(8, n) for n in value) + field(20, 7)


def node(kind: str, inputs: str, outputs: str, domain: str = "", **attributes) -> bytes:
    return (
        b"".join(field(1, name) for name in inputs.split())
        + b"".join(field(2, name) for name in outputs.split(" "))
        + field(3, outputs.split()[-1])
        + field(4, kind)
        + b"".join(field(5, attribute(name, value)) for name, value in attributes.items())
        + (field(7, domain) if domain else b"")
    )


def value(name: str, *axes) -> bytes:
    shape = b"".join(field(1, field(1 if isinstance(axis, int) else 2, axis)) for axis in axes)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def network(cell: str, gates: int, random: np.random.Generator) -> bytes:
    def weights(*shape):
        return (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    nodes = [
        node("Transpose", "x", "steps", perm=(1, 0, 2)),
        # As ONNX's own recurrent layers: W [1, gates * units, features], R [1, gates * units, units], B [1, 2 * gates * units]:
        # biases of x, then of h. It gives the hidden states of all steps [T, 1, N, units], and the last one [1, N, units].
        node(cell, "steps W R B", " last", domain="millrace", hidden_size=UNITS),
        node("Squeeze", "last first", "h"),
        node("Gemm", "h M c", "y", transB=1),
    ]
    numbers = {
        "W": weights(1, gates * UNITS, FEATURES),
        "R": weights(1, gates * UNITS, UNITS),
        "B": 0.1 * weights(1, 2 * gates * UNITS),
        "first": np.zeros(1, np.int64),
        "M": weights(OUTPUTS, UNITS),
        "c": weights(OUTPUTS),
    }
    graph = (
        b"".join(field(1, made) for made in nodes)
        + field(2, cell)
        + b"".join(field(5, tensor(name, array)) for name, array in numbers.items())
        + field(11, value("x", "sequences", "time", FEATURES))
        + field(12, value("y", "sequences", OUTPUTS))
    )
    opsets = field(8, field(2, OPSET)) + field(8, field(1, "millrace") + field(2, 1))
    return field(1, 8) + field(7, graph) + opsets


def main() -> None:
    if len(sys.argv) != 5:
        sys.exit("Usage: network.py CELL GATES NET.onnx X.npy")
    cell, gates, path, input_path = sys.argv[1:]
    random = np.random.default_rng(7)
    with open(path, "wb") as file:
        file.write(network(cell, int(gates), random))
    walk = np.cumsum(0.3 * random.standard_normal((8, 20, FEATURES)), axis=1)
    np.save(input_path, walk.clip(-2, 2).astype(np.float32))


main()
