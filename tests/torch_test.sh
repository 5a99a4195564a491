#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Random networks that torch exports, against torch's own numbers (tests/torch_test.py): 60, or 500 with THOROUGH, of
# which the seed is then the clock's. Needs torch for PYTHON (/usr/bin/python3). Run from the repository's root.
set -eu
work=build/torch_test
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
    echo "skipped: torch_test needs torch for $python (Debian: python3-torch)"
    exit 0
fi
rm -rf "$work"
mkdir -p "$work"
export PYTHONPATH="$PWD/build/python" PYTHONDONTWRITEBYTECODE=1
if [ -n "${THOROUGH:-}" ]; then
    "$python" tests/torch_test.py "$work" 500 "$(date +%s)"
else
    "$python" tests/torch_test.py "$work" 60
fi
