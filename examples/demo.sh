#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make demo`: takes an LSTM from ONNX to the simulated FPGA and compares it with the CPU and with floating point.
# CMAPSS=DIR takes NASA's engines (test_FD001.txt, RUL_FD001.txt, train_FD001.txt) instead of made-up ones.
set -eu
work=build/demo
model=$work/turbofan.millrace
export MILLRACE_CACHE="${MILLRACE_CACHE:-build/cache}"

run() {
    echo
    echo "\$ $*"
    "$@"
}

cat <<END
This takes a trained network (two LSTM layers of 25 units and a dense head, ONNX from PyTorch) that tells how many
flights a jet engine has left, turns it into hardware, and runs it in a cycle-exact simulation of the FPGA and on the
CPU. Both must give the same bits. The first run builds the simulator, which takes a minute or two.
END
mkdir -p "$work"
run build/turbofan_demo prepare tests/data/turbofan_norm.json "$work" "${CMAPSS:-}"
run build/millrace import tests/data/turbofan_lstm2x25_rul.onnx --calibrate "$work/calib.npy" -o "$model"
run build/millrace plan "$model" --steps 50
run build/millrace build "$model"
run build/turbofan_demo run "$model" "$work"
