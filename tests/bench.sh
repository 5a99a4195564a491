#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make bench`: what the tools take: hlsc, the build of the simulator from an empty cache, and the simulation of
# sequences of 50 steps. Prints the machine and a table, and writes build/bench/result.txt. Run from the root.
set -u
work=build/bench
models=${MODELS:-../shared/models}
millrace=build/millrace
export MILLRACE_CACHE=$PWD/build/bench-cache
sequences=24
rm -rf "$work" "$MILLRACE_CACHE"
mkdir -p "$work" || exit 1

fail() {
    echo "bench: $*" >&2
    exit 1
}

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }'; }
field() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" "$2" | head -n 1; }

# The numbers of the input change no cycle and no time, so any will do.
one_sequence() { # CSV file of 50 steps
    awk -v rows=50 'BEGIN { for (t = 0; t < rows; t++) for (i = 0; i < 25; i++)
        printf "%.4f%s", (t * 7 + i * 3) % 11 / 11, i < 24 ? "," : "\n" }' >"$1"
}

measure() { # name, ONNX file
    local name=$1 model=$work/$1.millrace begin hlsc verilated one many cycles_one cycles_many generated
    "$millrace" import "$2" -o "$model" >"$work/$name.log" || fail "$2 cannot be imported"
    rm -rf "$MILLRACE_CACHE"
    "$millrace" plan "$model" --steps 50 --json >"$work/$name.plan" || fail "no plan for $name"
    generated=$(ls -d "$MILLRACE_CACHE"/network-hls-*/) || fail "no generated network for $name"
    mkdir -p "$work/$name"
    begin=$(now)
    build/hlsc "${generated}network.c" --top network -o "$work/$name" -I base/contract -I hls/include -I hls/kernels \
        >"$work/$name.hlsc.log" 2>&1 || fail "hlsc: $(head -n 1 "$work/$name.hlsc.log")"
    hlsc=$(since "$begin")
    begin=$(now)
    "$millrace" build "$model" --device sim: >"$work/$name.log" || fail "no simulator for $name"
    verilated=$(since "$begin")
    begin=$(now)
    "$millrace" run "$model" --device sim: --input "$work/one.csv" -o "$work/y.npy" --json >"$work/$name.one" ||
        fail "no run of $name"
    one=$(since "$begin")
    begin=$(now)
    "$millrace" run "$model" --device sim: --input "$work/many/engines.npy" -o "$work/y.npy" --json \
        >"$work/$name.many" || fail "no run of $name"
    many=$(since "$begin")
    cycles_one=$(field cycles "$work/$name.one")
    cycles_many=$(field cycles "$work/$name.many")
    # Opening the model and loading its weights is in both runs, so the difference is simulation alone.
    awk -v name="$name" -v m="$(field multipliers "$work/$name.plan")" -v hlsc="$hlsc" -v verilated="$verilated" \
        -v one="$one" -v many="$many" -v c1="$cycles_one" -v cn="$cycles_many" -v n=$sequences 'BEGIN {
        rate = many > one ? (cn - c1) / (many - one) : 0
        printf "%-8s %11d %8.2f %14.1f %10.2f %8d %8.2f %10d %14.0f\n", name, m, hlsc, verilated, one, c1,
            many, cn, rate }'
}

{
    echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(uname -sm)"
    echo "tools:   $("${CC:-gcc}" --version | head -n 1); $(clang++ --version 2>/dev/null | head -n 1);" \
        "$("${VERILATOR:-verilator}" --version 2>/dev/null)"
    one_sequence "$work/one.csv"
    mkdir -p "$work/many"
    build/turbofan_demo prepare tests/data/turbofan_norm.json "$work/many" >/dev/null || fail "no inputs"
    echo "seconds of wall time; one and $sequences sequences of 50 steps, 25 features:"
    printf "%-8s %11s %8s %14s %10s %8s %8s %10s %14s\n" network multipliers hlsc "Verilator" "1 run" cycles \
        "$sequences runs" cycles "cycles/s"
    measure 2x25 tests/data/turbofan_lstm2x25_rul.onnx
    for network in lstm4x64 gru2x64; do
        if [ -r "$models/turbofan_${network}_rul.onnx" ]; then
            measure "${network#lstm}" "$models/turbofan_${network}_rul.onnx"
        else
            echo "skipped: ${network#lstm}: $models/turbofan_${network}_rul.onnx is absent"
        fi
    done
    echo "growth with the lanes of an unrolled loop:"
    tests/scaling.sh table
} | tee "$work/result.txt"
[ "${PIPESTATUS[0]}" -eq 0 ]
