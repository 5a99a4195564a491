#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make bench`: what the tools take: hlsc, the build of the simulator, and the simulation of sequences of 50 steps.
# All times are processor time (user and system), so that they hold on a machine that does other things too. A simulator
# is built twice: from an empty cache, and where Verilator's runtime has been compiled before, as for any network but the
# first. Prints the machine and a table, and writes build/bench/result.txt.
# Usage, from the repository's root: tests/bench.sh [lstm2x25|lstm4x64|gru2x64...]
set -u
work=build/bench
models=${MODELS:-../shared/models}
millrace=build/millrace
export MILLRACE_CACHE=$PWD/build/bench-cache
sequences=24
[ $# -gt 0 ] || set -- lstm2x25 lstm4x64 gru2x64
rm -rf "$work" "$MILLRACE_CACHE"
mkdir -p "$work" || exit 1

fail() {
    echo "bench: $*" >&2
    exit 1
}

# Processor time of a command, whose output goes to the log.
taken() { # log, command...
    local log=$1 TIMEFORMAT='%U %S'
    shift
    { time "$@" >"$log" 2>&1 || fail "$*: $(head -n 1 "$log")"; } 2>"$work/time"
    tail -n 1 "$work/time" | awk '{ printf "%.3f", $1 + $2 }'
}
field() { sed -n "s/.*\"$1\": *\([0-9.]*\).*/\1/p" "$2" | head -n 1; }

# The numbers of the input change no cycle and no time, so any will do.
one_sequence() { # CSV file of 50 steps
    awk -v rows=50 'BEGIN { for (t = 0; t < rows; t++) for (i = 0; i < 25; i++)
        printf "%.4f%s", (t * 7 + i * 3) % 11 / 11, i < 24 ? "," : "\n" }' >"$1"
}

measure() { # name, ONNX file
    local name=$1 model=$work/$1.millrace hlsc first later one many cycles_one cycles_many generated
    "$millrace" import "$2" -o "$model" >"$work/$name.log" || fail "$2 cannot be imported"
    rm -rf "$MILLRACE_CACHE"
    "$millrace" plan "$model" --steps 50 --json >"$work/$name.plan" || fail "no plan for $name"
    generated=$(ls -d "$MILLRACE_CACHE"/network-hls-*/) || fail "no generated network for $name"
    mkdir -p "$work/$name"
    hlsc=$(taken "$work/$name.log" build/hlsc "${generated}network.c" --top network -o "$work/$name" \
        -I base/contract -I hls/include -I hls/kernels)
    first=$(taken "$work/$name.log" "$millrace" build "$model" --device sim:)
    rm -rf "$MILLRACE_CACHE"
    "$millrace" build "$work/primer.millrace" --lanes 2 --device sim: >"$work/primer.log" 2>&1 ||
        fail "no simulator to begin with"
    later=$(taken "$work/$name.log" "$millrace" build "$model" --device sim:)
    one=$(taken "$work/$name.one" "$millrace" run "$model" --device sim: --input "$work/one.csv" -o "$work/y.npy" --json)
    many=$(taken "$work/$name.many" "$millrace" run "$model" --device sim: --input "$work/many/engines.npy" \
        -o "$work/y.npy" --json)
    cycles_one=$(field cycles "$work/$name.one")
    cycles_many=$(field cycles "$work/$name.many")
    # Opening the model and loading its weights is in both runs, so the difference is simulation alone.
    awk -v name="$name" -v m="$(field multipliers "$work/$name.plan")" -v hlsc="$hlsc" -v first="$first" -v later="$later" \
        -v one="$one" -v many="$many" -v c1="$cycles_one" -v cn="$cycles_many" -v n=$sequences 'BEGIN {
        rate = many > one ? (cn - c1) / (many - one) : 0
        printf "%-8s %11d %8.2f %10.1f %8.1f %8.2f %8d %8.2f %10d %14.0f\n", name, m, hlsc, first, later, one, c1,
            many, cn, rate }'
}

{
    echo "machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, $(uname -sm)"
    echo "tools:   $("${CC:-gcc}" --version | head -n 1); $(clang++ --version 2>/dev/null | head -n 1);" \
        "$("${VERILATOR:-verilator}" --version 2>/dev/null)"
    one_sequence "$work/one.csv"
    mkdir -p "$work/many"
    build/turbofan_demo prepare tests/data/turbofan_norm.json "$work/many" >/dev/null || fail "no inputs"
    "$millrace" import tests/data/turbofan_lstm2x25_rul.onnx -o "$work/primer.millrace" >"$work/primer.log" ||
        fail "no model to begin with"
    echo "seconds of processor time; a simulator is built first on a machine, and later; one and $sequences sequences of" \
        "50 steps, 25 features:"
    printf "%-8s %11s %8s %10s %8s %8s %8s %8s %10s %14s\n" network multipliers hlsc "built" later "1 run" cycles \
        "$sequences runs" cycles "cycles/s"
    for network; do
        file=$models/turbofan_${network}_rul.onnx
        [ "$network" != lstm2x25 ] || file=tests/data/turbofan_lstm2x25_rul.onnx
        if [ -r "$file" ]; then
            measure "${network#lstm}" "$file"
        else
            echo "skipped: ${network#lstm}: $file is absent"
        fi
    done
    echo "growth with the lanes of an unrolled loop:"
    tests/scaling.sh table
} | tee "$work/result.txt"
[ "${PIPESTATUS[0]}" -eq 0 ]
