#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Cells in loops over the steps that torch exports, against its own numbers (tests/torch_cells_test.py): 40, or 400 with THOROUGH, of
# which the seed is then the clock's. Needs torch for PYTHON (/usr/bin/python3). Run from the repository's root.
set -eu
work=build/torch_cells_test
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
    echo "skipped: torch_cells_test needs torch for $python (Debian: python3-torch)"
    exit 0
fi
rm -rf "$work"
mkdir -p "$work"
export PYTHONPATH="$PWD/build/python" PYTHONDONTWRITEBYTECODE=1
if [ -n "${THOROUGH:-}" ]; then
    "$python" tests/torch_cells_test.py "$work" 400 "$(date +%s)"
else
    "$python" tests/torch_cells_test.py "$work" 40
fi
