#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make bench-train`: what a step of training takes in milliseconds, by the trainers for cpu: and, where PYTHON
# (/usr/bin/python3) has it, by PyTorch: S1 LSTM 2 x 64 with 24 sequences, S3 LSTM 2 x 25, S4 LSTM 4 x 64, GRU 2 x 64 with 64,
# each of 50 steps of 25 features. The shortest of many steps, and the mean of processor time, which others on the machine
# disturb less.
set -eu
count=${1:-50}
echo "| network | by | threads | ms a step, the shortest | ms of processor time |"
echo "|---|---|---|---|---|"
{
    build/tests/bench_train "$count"
    python=${PYTHON:-/usr/bin/python3}
    if "$python" -c 'import torch' 2>/dev/null; then
        "$python" tests/bench_train.py "$count"
    else
        echo "no torch for $python (Debian: python3-torch): PyTorch is left out" >&2
    fi
} | while read -r network by threads ms processor; do
    echo "| $network | $by | $threads | $ms | $processor |"
done
