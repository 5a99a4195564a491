#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Three seeds each of PyTorch, float32 and whole numbers on the same mini-batches (tests/train_seeds.py): the last two are within
# the spread. NETWORKS=lstm2x25,lstm4x64,gru2x64,lstm2x25_fails for more than the first of them, CMAPSS=DIR for NASA's engines
# (../shared/data/cmapss; made-up ones where it is not there). Long run only. Run from the repository's root.
set -eu
work=build/train_seeds_test
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import numpy, torch' 2>/dev/null; then
    echo "skipped: train_seeds_test needs torch for $python (Debian: python3-torch)"
    exit 0
fi
if [ -z "${THOROUGH:-}${NETWORKS:-}" ]; then
    echo "skipped: train_seeds_test takes minutes: in the long run, or with NETWORKS="
    exit 0
fi
[ -n "${CMAPSS:-}" ] || [ ! -e ../shared/data/cmapss ] || CMAPSS=../shared/data/cmapss
mkdir -p "$work"
build/turbofan_demo data tests/data/turbofan_norm.json "$work" ${CMAPSS:+"$CMAPSS"}
exec "$python" tests/train_seeds.py "$work" --networks "${NETWORKS:-lstm2x25}"
