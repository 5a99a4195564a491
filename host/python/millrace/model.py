# SPDX-License-Identifier: Apache-2.0
"""Models: import, open, what they are, what they take on a card, and their float reference."""
import ctypes
import inspect
import json
import os
import tempfile
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from . import _interface, arrays, weights
from ._library import Path, argument_error, check, lib, record, take_text, tell, text_of, to_bytes, to_number
from .options import Held, import_options, model_options, plan_options
from .session import Session

_PATH_ROOM = 4096


class Accuracy(NamedTuple):
    """Integers against float on the calibration data, in units of the output; all 0 without such data."""

    outputs: int  # compared numbers
    rms_error: float
    max_error: float
    snr_db: float


class Operator(NamedTuple):
    name: str  # of its hardware process too: "lstm0", "head"
    type: str  # "lstm", "gru", "dense", ...
    inputs: int
    units: int
    recurrent: bool
    limit: float  # its values are held within +-limit; 0 where nothing can be cut
    weight_bits: int
    column_bits: int


class Output(NamedTuple):
    name: str
    width: int  # numbers in a row
    per_step: bool  # a row for every step, else one for the sequence
    steps: int = 0  # of a row for every step: so many for each sequence, or 0: as many as x has


class Handle:
    """Owns the library's model until neither a Model nor a Session needs it."""

    def __init__(self, path: Path, cells: Sequence[Path]):
        error = _interface.mr_error()
        self.raw = None
        held = model_options(cells)
        self.raw = lib.mr_model_open_with(to_bytes(path, "the path of the model"), ctypes.byref(held.struct), ctypes.byref(error))
        if not self.raw:
            check(error.code, error)

    def __del__(self) -> None:
        if self.raw:
            lib.mr_model_close(self.raw)


class Model:
    """A network in whole numbers, as `import_onnx`, `import_state_dict`, `import_torch` and `open` give it. It does not change, so any number
    of threads may use it. `close`, or the end of a `with`, lets go of it; sessions on it go on."""

    name: str
    input_name: str
    features: int  # F: numbers in a step of x
    steps: int  # T that the network was exported with, 0 when left open; any T may be run
    layout: str  # axes of x in the imported file: "NTF"; here x is [sequences, steps, features] in any case
    parameters: int
    encoder_features: int  # numbers in a step of what its encoder reads (Session.encode); 0: it has none
    encoder_name: str
    layers: int  # recurrent ones
    outputs: "list[Output]"
    operators: "list[Operator]"
    accuracy: Accuracy  # of all outputs

    def __init__(self, path: Path, cells: Sequence[Path] = ()):
        self._handle: Optional[Handle] = Handle(path, cells)
        raw, info = self._handle.raw, _interface.mr_model_info()
        lib.mr_model_info(raw, ctypes.byref(info))
        self.name, self.input_name = text_of(info.name), text_of(info.input_name)
        self.features, self.steps, self.layers, self.parameters = info.inputs, info.steps, info.layers, info.parameters
        self.layout = text_of(lib.mr_model_layout(raw))
        source = ctypes.c_char_p()
        self.encoder_features = lib.mr_model_encoder(raw, ctypes.byref(source))
        self.encoder_name = text_of(source.value) if self.encoder_features else ""
        self.outputs, self.operators = [], []
        for index in range(info.output_count):
            output = _interface.mr_output_info()
            lib.mr_model_output(raw, index, ctypes.byref(output))
            self.outputs.append(Output(text_of(output.name), output.width, bool(output.per_step), output.steps))
        for index in range(info.operators):
            operator = _interface.mr_operator_info()
            lib.mr_model_operator(raw, index, ctypes.byref(operator))
            self.operators.append(record(Operator, operator)._replace(recurrent=bool(operator.recurrent)))
        accuracy = _interface.mr_accuracy_info()
        lib.mr_model_accuracy(raw, _interface.MR_ALL, ctypes.byref(accuracy))
        self.accuracy = record(Accuracy, accuracy)

    def close(self) -> None:
        """Lets go of the model; a second time does nothing."""
        self._handle = None

    def __enter__(self) -> "Model":
        self._open_handle()
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<millrace.Model {self.name!r}: {self.features} features, {self.layers} layers, {self.parameters} parameters>"

    def _open_handle(self) -> Handle:
        handle = self._handle
        if handle is None:
            raise argument_error("the model is closed")
        return handle

    def session(self, device: str = "auto:", **options: Any) -> Session:
        """Opens a device with the model on it: "cpu:", "sim:", "xrt:0", or "auto:", a card with an image of this network
        where one is there, else the CPU. The first use of a shape builds what the device needs, which takes up to minutes;
        progress=print tells. Options: lanes (a way, a number, or one for each layer), passes, h_first, slots, target, threads,
        budget, dsps, step_cycles, within_ns, within_steps, progress, note, fallback, limit_ms, trace, bitstreams; for
        verification idle_chance, stall_chance and seed. struct mr_options in millrace.h says what they do."""
        handle = self._open_handle()
        return Session(self, handle, to_bytes(device, "the device"), plan_options(**options))

    def plan(self, sequences: int = 1, steps: Optional[int] = None, **options: Any) -> "dict[str, Any]":
        """What the network will take on the target: lanes, exact cycles for so many sequences of so many steps (those that
        it was exported with, else 1), multipliers, memories. Nothing is built. Options as of `session`."""
        steps = self.steps or 1 if steps is None else steps
        count, length = to_number(sequences, "sequences", 2**64 - 1), to_number(steps, "steps", 2**64 - 1)
        handle, held, error, text = self._open_handle(), plan_options(**options), _interface.mr_error(), ctypes.c_char_p()
        code = lib.mr_plan(handle.raw, ctypes.byref(held.struct), count, length, ctypes.byref(text), None, ctypes.byref(error))
        report = take_text(text)
        held.callbacks.finish()
        check(code, error)
        return json.loads(report)

    def build(self, device: str = "sim:", **options: Any) -> str:
        """Builds what the device needs, so that `session` finds it in the cache. Gives its place there."""
        return self._build(lib.mr_build, to_bytes(device, "the device"), plan_options(**options))

    def build_image(self, platform: str = "hw_emu", output: Optional[Path] = None, **options: Any) -> str:
        """Builds the image of an emulated card ("hw_emu"), or writes a folder with what Vitis needs ("hw"). output: a folder
        or a file. Gives the place of the image or folder."""
        place = None if output is None else to_bytes(output, "output")
        return self._build(lib.mr_build_image, to_bytes(platform, "platform"), plan_options(**options), place)

    def _build(self, function: Any, what: bytes, held: Held, *place: Optional[bytes]) -> str:
        path, error = ctypes.create_string_buffer(_PATH_ROOM), _interface.mr_error()
        handle = self._open_handle()
        code = function(handle.raw, what, ctypes.byref(held.struct), *place, path, _PATH_ROOM, ctypes.byref(error))
        held.callbacks.finish()
        check(code, error)
        return os.fsdecode(path.value)

    def reference(self, x: Any) -> Any:
        """The same network in double precision, from a zero state. x and the result as of Session.run."""
        handle, error = self._open_handle(), _interface.mr_error()
        rows, single = arrays.take_rows(x, self.features)
        results = arrays.Results(self.outputs, lib.mr_model_numbers(handle.raw, rows.shape[1]), rows, single)
        code = lib.mr_model_reference(handle.raw, arrays.pointer(rows), *rows.shape[:2], arrays.pointer(results.y), ctypes.byref(error))
        check(code, error)
        return results.parts()


def open(path: Path, cells: Sequence[Path] = ()) -> Model:  # pylint: disable=redefined-builtin
    """Reads a model file. cells: the files of the cells of your own that it has (docs/own-cell.md)."""
    return Model(path, cells)


def import_onnx(path: Path, output: Optional[Path] = None, **options: Any) -> Model:
    """Turns an ONNX file, or a description in JSON (docs/json-models.md), into a model, whole numbers. output: its model file;
    None keeps none.
    Options: calibrate, typical input laid out as the file takes it: an array, or the path of a .npy or .csv file (from it
    come the formats of inputs and states, and the accuracy); method ("max", "percentile", "mse"), percentile; statistics,
    a file with the range of each feature; ranges, {feature: (low, high)}, None for all; precision ("w16a16", "w8a16",
    "w8a8", one for each layer with commas, "auto"), and for "auto" tolerance and trial, called with a Trial;
    decoder, the ONNX file of a decoder, whose encoder the file then is, and with calibrate first_token and decode_steps;
    cells, the files of cells of your own; max_steps, of a network with a layer that reads from the end; force; note,
    called with what one should know (else it is a warning). struct mr_import_options in millrace.h says what they do."""
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        options.setdefault("note", tell)
        held, error = import_options(folder, **options), _interface.mr_error()
        place = os.path.join(folder, "model.millrace") if output is None else output
        code = lib.mr_import_with(
            to_bytes(path, "the path of the network's file"), to_bytes(place, "output"), ctypes.byref(held.struct), ctypes.byref(error)
        )
        held.callbacks.finish()
        check(code, error, folder)
        return Model(place, options.get("cells", ()))


def import_state_dict(
    description: "Mapping[str, Any]", state: "Mapping[str, Any]", output: Optional[Path] = None, *, name: str = "net", **options: Any
) -> Model:
    """Imports a network without ONNX: what docs/json-models.md describes, as a dict, and its weights by their names, arrays or
    tensors, as `module.state_dict()` has them. name: of the model. Other arguments as of `import_onnx`."""
    if not isinstance(description, Mapping):
        raise argument_error(f"{type(description).__name__} is no mapping; a description has inputs, layers and heads")
    if "weights" in description:
        raise argument_error("the description names files of weights, which stand in `state` here; import_onnx takes files")
    if not name or os.path.basename(name) != name:
        raise argument_error(f"{name!r} is no name of a model")
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        path = os.path.join(folder, f"{name}.json")
        weights.write(os.path.join(folder, "state"), state)
        weights.write_description(path, {**description, "weights": "state"})
        return import_onnx(path, output, **options)


def import_torch(
    module: Any, example: Any, output: Optional[Path] = None, *, output_names: Optional[Sequence[str]] = None, **options: Any
) -> Model:
    """Exports a torch.nn.Module by torch.onnx and imports it. example: an input, a tensor or an array of three axes, in the
    module's own order, [sequences, steps, features] with batch_first. output_names: "y", of several "y0", "y1" and so on,
    where none are given. Other arguments as of `import_onnx`. Needs torch."""
    try:
        import torch  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise argument_error("import_torch needs torch, which is not installed here; import_onnx takes files") from None
    if not isinstance(module, torch.nn.Module):
        raise argument_error(f"{type(module).__name__} is no torch.nn.Module")
    tensor, training = torch.as_tensor(example), module.training
    given: "dict[str, Any]" = {"input_names": ["x"], "dynamic_axes": {"x": {0: "axis0", 1: "axis1"}}}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        given["dynamo"] = False  # the other exporter needs packages of its own
    with tempfile.TemporaryDirectory(prefix="millrace-") as folder:
        path = os.path.join(folder, f"{type(module).__name__}.onnx")
        try:
            with torch.no_grad():
                result = module.eval()(tensor)
            names = [f"y{i}" for i in range(len(result))] if isinstance(result, (tuple, list)) else ["y"]
            torch.onnx.export(module, (tensor,), path, output_names=list(output_names or names), **given)
        finally:
            module.train(training)
        return import_onnx(path, output, **options)
