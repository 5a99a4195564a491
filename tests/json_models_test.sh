#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Networks without ONNX: tests/json_models_test.py. Run from the repository's root.
set -eu
work=build/json_models_test
mkdir -p "$work"
export PYTHONPATH="$PWD/build/python" PYTHONDONTWRITEBYTECODE=1
"${PYTHON:-python3}" tests/json_models_test.py "$work"
