#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Networks that give a sequence from one row, as torch exports them (tests/torch_decoders_test.py). Needs torch for PYTHON (/usr/bin/python3).
# Run from the repository's root.
set -eu
work=build/torch_decoders_test
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
    echo "skipped: torch_decoders_test needs torch for $python (Debian: python3-torch)"
    exit 0
fi
rm -rf "$work"
mkdir -p "$work"
PYTHONPATH="$PWD/build/python" PYTHONDONTWRITEBYTECODE=1 "$python" tests/torch_decoders_test.py "$work"
