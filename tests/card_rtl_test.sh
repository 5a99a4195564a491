#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The card's kernel (hw/card) in Verilator with all assertions, against bare networks: two LSTM networks of hlsc whose
# elements of x have 16 and 80 bits, a network that echoes elements of other widths and has state streams, and one with
# memories of its own; then
# rules of AXI that are broken on purpose and must be noticed. Prints the seed; takes it as its first argument.
# Run from the repository's root.
set -u
seed=${1:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
usual=4000
[ -z "${THOROUGH:-}" ] || usual=10000
transactions=${2:-$usual} # random ones, of each echo; an LSTM, which simulates slowly, has a fifth
networks=${NETWORKS:-lstm16 lstm80 echo24 echo520 recall}
work=build/card_rtl_test
failed=0
mkdir -p "$work" || exit 1
MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
export MILLRACE_CACHE
echo "card_rtl_test: seed $seed"

fail() {
    echo "FAIL: $*"
    failed=1
}

lstm() { # folder, inputs, hidden, outputs, columns a cycle
    build/hlsc tests/card/lstm.c --top network -o "$1" -I base/contract -I hls/include -I hls/kernels -D CARD_INPUTS="$2" \
        -D CARD_HIDDEN="$3" -D CARD_OUTPUTS="$4" -D CARD_LC="$5"
}

shape() { # x bits, y bits, processes, a line more
    echo "\`define MR_X_BITS $1"
    echo "\`define MR_Y_BITS $2"
    echo "\`define MR_PROCESSES $3"
    echo "\`define MR_SHAPE_HASH 128'hffeeddccbbaa99887766554433221100"
    echo "\`define MR_CLOCK_KHZ 300000"
    echo "$4"
}

build() { # network: its RTL and shape in $work/network/gen, and the program
    gen=$work/$1/gen memories=0
    mkdir -p "$gen" || return
    case $1 in
    lstm16) lstm "$gen" 3 4 1 1 && shape 16 32 5 "\`define MR_STATE
\`define MR_PROBES 2" >"$gen/mr_network.svh" ;;
    lstm80) lstm "$gen" 5 5 3 5 && shape 80 32 5 "\`define MR_STATE
\`define MR_FEEDBACK
\`define MR_PROBES 2" >"$gen/mr_network.svh" ;;
    recall)
        memories=3
        build/hlsc tests/card/recall.c --top network -o "$gen" -I base/contract -I hls/include -I hls/kernels &&
            shape 32 32 2 "\`define MR_STATE
\`define MR_MEMORIES 3
\`define MR_MEMORY_LIST \`MR_MEMORY(0, 512, 256) \`MR_MEMORY(1, 64, 256) \`MR_MEMORY(2, 64, 5)
\`define MR_WORD_LIST \`MR_WORD(kept, 576, 0, 2) \`MR_WORD(sums, 64, 2, 1)" >"$gen/mr_network.svh"
        ;;
    echo*)
        bits=${1#echo}
        sed "s/@BITS@/$bits/g" tests/card/echo.sv >"$gen/network.sv" &&
            shape "$bits" "$bits" 2 "\`define MR_STATE" >"$gen/mr_network.svh"
        ;;
    esac || return
    tests/card/build_kernel.sh "$gen" "$work/$1/obj" -GWATCHDOG=3000 -CFLAGS -DMR_MEMORIES=$memories >"$work/$1/build.log" 2>&1
}

# The generated files are those of the description.
for file in sv:hw/card/mr_registers_pkg.sv h:hw/card/mr_registers.h md:docs/registers.md; do
    if build/make_registers hw/registers.json "${file%%:*}" | cmp -s - "${file#*:}"; then
        echo "pass: ${file#*:} is that of hw/registers.json"
    else
        fail "${file#*:} is not that of hw/registers.json; run make registers"
    fi
done

for network in $networks; do
    mkdir -p "$work/$network"
    if ! build "$network"; then
        fail "$network: does not build: $(grep -m 3 '^%\|rror' "$work/$network/build.log")"
        continue
    fi
    golden=$network count=$transactions
    case $network in lstm*) golden=$work/$network/gen count=$((transactions / 5)) ;; esac
    log=$work/$network/test.log
    timeout 300 "$work/$network/obj/card_rtl_test" "$seed" "$count" "$golden" >"$log" 2>&1
    code=$?
    sed "s/^\(pass\|FAIL\): /\1: $network: /" "$log"
    [ $code -eq 0 ] || fail "$network: ended with code $code (seed $seed)"
done

# breach number, what the rule says
breach() {
    log=$work/breach$1.log
    timeout 60 "$work/$network/obj/card_rtl_test" "$seed" 0 "$network" "$1" >"$log" 2>&1
    if grep -q "$2" "$log"; then echo "pass: a broken rule is noticed: $2"; else fail "breach $1 was not noticed as '$2': $log"; fi
}
network=echo24
if [ -x "$work/$network/obj/card_rtl_test" ]; then
    breach 1 "R: RLAST at the wrong beat"
    breach 2 "R: a beat that no burst waits for"
    breach 3 "B: an answer before the burst is complete"
    breach 4 "AR: an offer was withdrawn"
    breach 5 "AR: an offer changed while it waited"
fi
exit $failed
