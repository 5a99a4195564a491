#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Turbofan networks on cpu:, sim: and an emulated card by the real XRT libraries: the same bytes, in whole sequences and
# step by step. NASA's test engines and the second network are those of ../shared/models.
# Usage, from the repository's root: tests/card_models_test.sh [long]; long takes the large networks and GRU too, and all
# sequences step by step.
set -u
work=build/card_models_test
models=${MODELS:-../shared/models}
millrace=build/millrace
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
export MILLRACE_BITSTREAMS=$work/bitstreams
rm -rf "$work"
mkdir -p "$work/bitstreams" || exit 1
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

run() { # device, options...: the output's name is the device's
    local device=$1
    shift
    "$millrace" run "$model" --device "$device" -o "$work/${device%%:*}.npy" "$@" \
        >"$work/$device.log" 2>&1 || fail "$name on $device: $(tail -n 1 "$work/$device.log")"
}

same() { # what
    if cmp -s "$work/cpu.npy" "$work/sim.npy" && cmp -s "$work/cpu.npy" "$work/xrt.npy"; then
        echo "pass: $name: $1: cpu:, sim: and xrt:0 give the same bits"
    else
        fail "$name: $1: the outputs differ: $work/{cpu,sim,xrt}.npy"
    fi
}

awk 'BEGIN { for (t = 0; t < 50; t++) for (i = 0; i < 25; i++)
    printf "%.4f%s", (t * 7 + i * 3) % 11 / 5.5 - 1, i < 24 ? "," : "\n" }' >"$work/x.csv"
x=$models/turbofan_test_x.npy calibrate="--calibrate $models/turbofan_calib_x.npy"
if [ ! -e "$x" ]; then
    echo "skipped: $models is absent: one network, on numbers that are no engine's"
    x=$work/x.csv calibrate=
fi
# 5,000 steps take minutes, as each goes through three processes.
steps=$work/x.csv
[ "${1:-}" != long ] || steps=$x
files="tests/data/turbofan_lstm2x25_rul.onnx $models/turbofan_lstm2x25_fail30.onnx"
[ "${1:-}" != long ] || files="$files $models/turbofan_lstm4x64_rul.onnx $models/turbofan_lstm4x64_fail30.onnx \
    $models/turbofan_gru2x64_rul.onnx"
for file in $files; do
    name=$(basename "$file" .onnx)
    [ -e "$file" ] || continue
    model=$work/$name.millrace
    # Word splitting of the option is wanted.
    # shellcheck disable=SC2086
    "$millrace" import "$file" $calibrate -o "$model" >"$work/import.log" 2>&1 ||
        fail "$name: $(tail -n 1 "$work/import.log")"
    "$millrace" build "$model" --target u55c --platform hw_emu >"$work/build.log" 2>&1 ||
        fail "$name: $(tail -n 1 "$work/build.log")"
    for device in cpu: sim: xrt:0; do run "$device" --input "$x"; done
    same "whole sequences"
    grep -q 'an emulated u55c' "$work/xrt:0.log" || fail "$name did not run on an emulated card"
    for device in cpu: sim: xrt:0; do run "$device" --input "$steps" --steps; done
    same "step by step"
done
exit $failed
