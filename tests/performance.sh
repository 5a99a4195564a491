#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make performance`: the cycles of networks behind the card's shell, in Verilator with memory that answers at full rate
# after 100 cycles: from the kernel's start to the first output, per step, in batches and by the ring, and beside the
# same network without the shell (tests/card/card_rtl_test.cpp measures; docs/performance.md keeps the figures).
# Of a network from tokens to tokens also what a token takes that the card feeds back.
# Usage, from the repository's root: tests/performance.sh [MODEL.onnx...]; without one: 2x25, the one of examples/text, and 4x64
# and GRU 2x64 of ../shared/models.
set -u
work=build/performance
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
[ $# -gt 0 ] || set -- tests/data/turbofan_lstm2x25_rul.onnx examples/text/licence.onnx ../shared/models/turbofan_lstm4x64_rul.onnx \
    ../shared/models/turbofan_gru2x64_rul.onnx

fail() {
    echo "FAIL: $*"
    exit 1
}

measure() { # ONNX file
    local name cache gen x_lc y_lc processes probes
    name=$(basename "$1" .onnx)
    cache=$PWD/$work/$name/cache gen=$work/$name/gen
    mkdir -p "$gen" "$cache" || exit 1
    build/millrace import "$1" -o "$work/$name/model.millrace" >/dev/null || fail "$1 cannot be imported"
    rm -rf "$cache"/network-hls-*
    MILLRACE_CACHE=$cache build/millrace plan "$work/$name/model.millrace" --steps 50 --json >"$work/$name/plan.json" ||
        fail "no plan for $name"
    cp "$cache"/network-hls-*/network* "$cache"/network-hls-*/report.json "$gen" || fail "no generated network for $name"
    x_lc=$(sed -n 's/^void network(.* hls_stream(vec\([0-9]*\)_t) \*x,$/\1/p' "$gen/network.c")
    y_lc=$(sed -n 's/^ *hls_stream(vec\([0-9]*\)_t) \*y,.*/\1/p' "$gen/network.c")
    processes=$(sed -n 's/^    \([a-z0-9]*\)(.*command.*);$/\1/p' "$gen/network.c" | wc -l)
    cat >"$gen/mr_network.svh" <<END
\`define MR_STATE
\`define MR_X_BITS $((16 * x_lc))
\`define MR_Y_BITS $((y_lc ? 16 * y_lc : 32))
\`define MR_PROCESSES $processes
\`define MR_SHAPE_HASH 128'd0
\`define MR_CLOCK_KHZ 300000
END
    if grep -q '"token_cycles"' "$work/$name/plan.json"; then echo "\`define MR_FEEDBACK" >>"$gen/mr_network.svh"; fi
    # A kernel without probes has no port for them.
    probes=$(grep -o 'P(' <<<"$(sed -n 's/^#define KERNEL_PROBES(P)//p' "$gen/network_ports.h")" | wc -l)
    [ "$probes" -eq 0 ] || echo "\`define MR_PROBES $probes" >>"$gen/mr_network.svh"
    tests/card/build_kernel.sh "$gen" "$work/$name/obj" >"$work/$name/build.log" 2>&1 ||
        fail "$name does not build: $work/$name/build.log"
    echo "$name: $(sed -n 's/^\/\/ Generated from a plan: //p' "$gen/network.c")"
    "$work/$name/obj/card_rtl_test" 1 0 "$gen" || fail "$name: the card costs too much, or its bits differ"
}

for model; do
    if [ -e "$model" ]; then
        measure "$model"
    else
        echo "skipped: $model is absent"
    fi
done
