#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `make fit`: what the networks cost on a card, by Yosys, beside what the planner says; fails where hlsc's report and
# the gates differ, and where loads, LUTs or carry between registers, or what lacks a register, are in the way of the
# clock. Run from the root.
# ENGINES (of S1, S2, S3, S4, GRU) are training engines of docs/training-engine.md, taken instead of the networks. Of these Yosys
# makes multipliers and memories alone, which takes minutes.
# TARGET (u55c) is a device of base/contract/devices.def; LANES are options for the planner, such as "--area".
set -u
models=${MODELS:-../shared/models}
target=${TARGET:-u55c}
lanes=${LANES:-}
engines=${ENGINES:-}
failed=0

# The slowest paths of each process by hlsc's delays, from its report, one key a line.
paths() { # report.json
    awk '
    function value() { sub(/^[^:]*: */, ""); gsub(/[",]/, ""); return $0 }
    /"budget_ns":/ { budget = value() }
    /"name":/ { name = value() }
    /"first_issue":/ { process = name; names[++count] = name }
    /"control":/ { in_control = 1 }
    in_control && /"kind":/ { kind[process] = value() }
    in_control && /"ns":/ { control[process] = value(); in_control = 0 }
    /"stage_ns":/ { in_stages = 1; next }
    in_stages && /\]/ { in_stages = 0 }
    in_stages { ns = $0 + 0; if (ns > data[process]) data[process] = ns }
    /"invariant_ns":/ { ns = value() + 0; if (ns > data[process]) data[process] = ns }
    END {
        printf "slowest paths by the model, of %.2f ns without routing:\n", budget
        for (i = 1; i <= count; i++) {
            p = names[i]
            printf "  %-12s data %.2f, control %.2f (%s)\n", p, data[p], control[p], kind[p]
            if (data[p] > budget || control[p] > budget) late = late " " p
        }
        if (late) print "fit: longer than the period:" late
        exit late != ""
    }' "$1"
}

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
    paths "${rtl%network.sv}report.json" || return 1
    gates "$work" "${FIT_SECONDS:-3000}" --paths
}

gates() { # folder of whose cache it is, seconds, options of fit.sh
    local work=$1 seconds=$2 rtl code
    shift 2
    rtl=$(echo "$work"/cache/network-hls-*/network.sv)
    timeout "$seconds" hw/fit/fit.sh --report "${rtl%network.sv}report.json" "$@" "$work" "$target" "$rtl" --top network
    code=$?
    [ $code -ne 124 ] || echo "fit: Yosys was stopped after $seconds s; FIT_SECONDS=N gives it more"
    return $code
}

engine() { # name, cell, layers, units, sequences of a mini-batch, multipliers in the lanes, inputs, steps
    local work=build/fit/$1 layers='{"cell": "'$2'", "hidden": '$4'}'
    rm -rf "$work"
    mkdir -p "$work" || return 1
    echo "{\"inputs\": $7, \"layers\": [$(yes "$layers" | sed "$3q" | paste -sd,)], \"heads\": [{\"outputs\": 1}]}" >"$work/net.json"
    local plan=(build/millrace train "$work/net.json" --batch "$5" --plan "$8" --multipliers "$6" --target "$target")
    "${plan[@]}" && MILLRACE_CACHE=$PWD/$work/cache "${plan[@]}" --platform hw -o "$work/project" >"$work/build.log" &&
        gates "$work" "${FIT_SECONDS:-6000}" --blocks
}

networks() {
    fit 2x25 tests/data/turbofan_lstm2x25_rul.onnx || { echo "fit: 2x25 failed" && failed=1; }
    echo
    if [ -r "$models/turbofan_lstm4x64_rul.onnx" ]; then
        fit 4x64 "$models/turbofan_lstm4x64_rul.onnx" || { echo "fit: 4x64 failed" && failed=1; }
    else
        echo "skipped: 4x64: $models/turbofan_lstm4x64_rul.onnx is absent"
    fi
}

[ -n "$engines" ] || networks
for name in $engines; do
    case $name in
    S1) shape="lstm 2 64 24 3328 25 50" ;;
    S2) shape="gru 3 512 64 7680 170 100" ;;
    S3) shape="lstm 2 25 64 2048 25 50" ;;
    S4) shape="lstm 4 64 64 6656 25 50" ;;
    GRU) shape="gru 2 64 64 3072 25 50" ;;
    *) echo "fit: no engine $name; known are S1, S2, S3, S4 and GRU" && failed=1 && continue ;;
    esac
    # shellcheck disable=SC2086
    engine "$name" $shape || { echo "fit: $name failed" && failed=1; }
done
exit $failed
