#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Training in float32 beside PyTorch's (tests/train_torch_test.py): the same first weights and the same mini-batches give the
# same losses and weights. Needs torch for PYTHON (/usr/bin/python3). Run from the repository's root.
set -eu
work=build/train_torch_test
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy, onnx, torch' 2>/dev/null; then
    echo "skipped: train_torch_test needs torch and onnx for $python (Debian: python3-torch, python3-onnx)"
    exit 0
fi
rm -rf "$work"
mkdir -p "$work"
if [ -n "${THOROUGH:-}" ]; then
    exec "$python" tests/train_torch_test.py "$work" 40 "$(date +%s)"
fi
exec "$python" tests/train_torch_test.py "$work" 5
