#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Random encoders and decoders that torch exports, against torch's own modules (tests/torch_pairs_test.py): 2, or 60 with
# THOROUGH, of which the seed is then the clock's. Needs torch for PYTHON (/usr/bin/python3). Run from the repository's
# root.
set -eu
work=build/torch_pairs_test
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
    echo "skipped: torch_pairs_test needs torch for $python (Debian: python3-torch)"
    exit 0
fi
rm -rf "$work"
mkdir -p "$work"
export PYTHONPATH="$PWD/build/python" PYTHONDONTWRITEBYTECODE=1
if [ -n "${THOROUGH:-}" ]; then
    "$python" tests/torch_pairs_test.py "$work" 60 "$(date +%s)"
else
    "$python" tests/torch_pairs_test.py "$work" 2
fi
