# SPDX-License-Identifier: Apache-2.0
"""Millrace: trained recurrent networks on an FPGA pipeline, its cycle-exact simulation, or the CPU, with the same bits.

    import millrace, numpy as np
    with millrace.import_onnx("net.onnx", calibrate=typical) as model:    # typical: float32 [sequences, steps, features]
        with model.session("sim:", progress=print) as session:
            y = session.run(x)                                            # x as typical; y: [sequences, width]
            print(session.stats.cycles, model.plan(len(x), x.shape[1])["cycles"])

What fails raises `Error`, with the library's code and sentence. Arrays that are float32 and contiguous go to the library
and come from it without a copy. docs/python.md is a short guide; millrace.h says what the numbers mean.
"""
from ._library import Error, ErrorCode, strerror, version
from .devices import Device, devices
from .model import Accuracy, Model, Operator, Output, import_onnx, import_state_dict, import_torch, open
from .options import Lanes
from .session import InputSaturation, OperatorSaturation, Process, Session, Stats
from .training import Epoch, Progress, Training, train

__version__ = version()
__all__ = [
    "Accuracy",
    "Device",
    "Epoch",
    "Error",
    "ErrorCode",
    "InputSaturation",
    "Lanes",
    "Model",
    "Operator",
    "OperatorSaturation",
    "Output",
    "Process",
    "Progress",
    "Session",
    "Stats",
    "Training",
    "devices",
    "import_onnx",
    "import_state_dict",
    "import_torch",
    "open",
    "strerror",
    "train",
    "version",
]
