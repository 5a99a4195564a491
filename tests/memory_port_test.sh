#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What serves a memory of a network on a card (mr_memory_parts, mr_memory_port) in Verilator, with all assertions, for
# words that are a part of a beat and words of several; where THOROUGH is set for more of them, and longer. Prints the seed; takes it as its first
# argument. Run from the repository's root.
set -u
seed=${1:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
widths="90 1248" runs=40
[ -z "${THOROUGH:-}" ] || widths="1 90 512 513 1248 1600" runs=1000
work=build/memory_port_test
failed=0
export CCACHE_DIR="${CCACHE_DIR:-${MILLRACE_CACHE:-$PWD/build/cache}/objects}"
echo "memory_port_test: seed $seed"

network() { # bits of a word: its parts, for mr_network.svh
    parts=$((($1 + 511) / 512)) part=0 left=$1
    echo "\`define MR_MEMORIES $parts"
    printf '%s' "\`define MR_MEMORY_LIST"
    while [ "$part" -lt "$parts" ]; do
        printf ' `MR_MEMORY(%d, %d, 3000)' "$part" "$((left < 512 ? left : 512))"
        part=$((part + 1)) left=$((left - 512))
    done
    printf '\n`define MR_WORD_LIST `MR_WORD(word, %d, 0, %d)\n' "$1" "$parts"
}

build() { # bits of a word
    network "$1" >"$work/$1/mr_network.svh"
    # Word splitting of the file list is wanted.
    # shellcheck disable=SC2046
    "${VERILATOR:-verilator}" --cc --exe --build --assert -Wall -O3 -j 2 -Ihw/include "-I$work/$1" -GBITS="$1" --Mdir "$work/$1" \
        --top-module memory_port_bench \
        -MAKEFLAGS "CXX=${CXX:-clang++} VM_PARALLEL_BUILDS=0 OPT_FAST=-O2 OBJCACHE='\$(if \$(filter verilated%,\$@),$(command -v ccache))'" \
        -CFLAGS "-std=c++17 -DMR_BITS=$1 -DMR_MEMORIES=$((($1 + 511) / 512)) -iquote $PWD/sim/card -iquote $PWD/tests/card" -o memory_port_test \
        hw/lint/waivers.vlt hw/card/*_pkg.sv $(ls hw/card/*.sv | grep -v '_pkg\|millrace.sv') hw/rtl/*.sv \
        tests/card/memory_port_bench.sv "$PWD/tests/card/memory_port_test.cpp"
}

for bits in $widths; do
    mkdir -p "$work/$bits" || exit 1
    if ! build "$bits" >"$work/$bits/build.log" 2>&1; then
        echo "FAIL: words of $bits bits: does not build: $(grep -m 3 '^%\|rror' "$work/$bits/build.log")"
        failed=1
    elif ! timeout 300 "$work/$bits/memory_port_test" "$seed" "$runs"; then
        echo "FAIL: words of $bits bits (seed $seed)"
        failed=1
    fi
done
exit $failed
