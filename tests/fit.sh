#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make fit`: what the networks cost on a card, by Yosys, beside what the planner says; fails where hlsc's report and
# the gates differ. Run from the root.
# TARGET (u55c) is a device of host/devices.def; LANES are options for the planner, such as "--area".
set -u
models=${MODELS:-../shared/models}
target=${TARGET:-u55c}
lanes=${LANES:-}
failed=0

fit() { # name, ONNX file
    local work=build/fit/$1 model=build/fit/$1.millrace
    rm -rf "$work"
    mkdir -p "$work" || return 1
    build/millrace import "$2" -o "$model" >"$work/import.log" || return 1
    # A cache of its own, so that the only network in it is this one. Word splitting of the options is wanted.
    # shellcheck disable=SC2086
    MILLRACE_CACHE=$PWD/$work/cache build/millrace plan "$model" --target "$target" $lanes || return 1
    local rtl
    rtl=$(echo "$work"/cache/network-hls-*/network.sv)
    timeout "${FIT_SECONDS:-3000}" hw/fit/fit.sh --report "${rtl%network.sv}report.json" "$work" "$target" "$rtl" --top network
    local code=$?
    [ $code -ne 124 ] || echo "fit: Yosys was stopped after ${FIT_SECONDS:-3000} s; FIT_SECONDS=N gives it more"
    return $code
}

fit 2x25 tests/data/turbofan_lstm2x25_rul.onnx || { echo "fit: 2x25 failed" && failed=1; }
echo
if [ -r "$models/turbofan_lstm4x64_rul.onnx" ]; then
    fit 4x64 "$models/turbofan_lstm4x64_rul.onnx" || { echo "fit: 4x64 failed" && failed=1; }
else
    echo "skipped: 4x64: $models/turbofan_lstm4x64_rul.onnx is absent"
fi
exit $failed
