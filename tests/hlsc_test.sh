#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hlsc on the kernels of tests/kernels and on LSTM layers: C and RTL give the same (hlsc check, which also lints the
# RTL), other tools read the RTL, compiling twice gives the same bytes, and what cannot be compiled is refused in words.
# With THOROUGH more runs of each kernel, more layers, and Yosys reads all of them; without it each kernel and cell, each kind
# of memory, passes, slots and ports are there.
# Usage, from the repository's root: tests/hlsc_test.sh [seed]. Work files: build/hlsc_test.
set -u
seed=${1:-1}
hlsc=${HLSC:-build/hlsc}
work=build/hlsc_test
yosys=${YOSYS:-yosys}
iverilog=${IVERILOG:-iverilog}
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
# Many simulators that run shortly.
export MILLRACE_OPTIMISE=0
runs=8 lanes_runs=2
[ -z "${THOROUGH:-}" ] || runs=12 lanes_runs=12
rm -rf "$work"
mkdir -p "$work/verdicts" || exit 1
echo "hlsc_test: seed $seed"

verdict() { # file's name, "pass" or "FAIL", sentence
    printf '%s: %s\n' "$2" "$3" >"$work/verdicts/$1"
    cat "$work/verdicts/$1"
}

# agree NAME FILE TOP OPTION...: hlsc check.
agree() {
    local name=$1 file=$2 top=$3
    shift 3
    if timeout 200 "$hlsc" check "$file" --top "$top" -I base/contract -I hls/include -I hls/kernels --seed "$seed" "$@" \
        >"$work/$name.log" 2>&1; then
        verdict "agree-$name" pass "$name: $(tail -n 1 "$work/$name.log")"
    else
        verdict "agree-$name" FAIL "$name: $(tail -n 1 "$work/$name.log")"
    fi
}

# The tools that define SYNTHESIS take other forms of some RTL: Verilator as one of them, with a model of DSP48E2.
cat >"$work/synthesis" <<SCRIPT
#!/bin/sh
exec "${MILLRACE_VERILATOR:-verilator}" -DSYNTHESIS -Wno-fatal "\$@" "$PWD/tests/hw_dsp48e2.sv"
SCRIPT
chmod +x "$work/synthesis"
agree_synthesised() { # as agree
    MILLRACE_VERILATOR=$PWD/$work/synthesis agree "$@"
}

# The simulators of networks have memory and multipliers of lanes merged to loops.
cat >"$work/merged" <<SCRIPT
#!/bin/sh
exec "${MILLRACE_VERILATOR:-verilator}" -DMR_MERGED_LANES "\$@"
SCRIPT
chmod +x "$work/merged"
agree_merged() { # as agree
    MILLRACE_VERILATOR=$PWD/$work/merged agree "$@"
}

# same NAME FILE TOP: the same bytes from a copy in another folder. They are in $work/NAME/a/gen.
same() {
    local name=$1 file=$2 top=$3 a=$work/$1/a/gen b=$work/$1/elsewhere/deeper/b/gen here=$PWD copy
    copy=$work/$1/elsewhere/deeper/$(basename "$file")
    mkdir -p "$(dirname "$copy")"
    cp "$file" "$copy"
    if ! "$hlsc" "$file" --top "$top" -I base/contract -I hls/include -I hls/kernels -I hls/examples -o "$a" >"$work/$name.compile.log" 2>&1 ||
        ! (cd "$(dirname "$copy")" && "$here/$hlsc" "$(basename "$file")" --top "$top" -I "$here/hls/include" \
            -I "$here/base/contract" -I "$here/hls/kernels" -I "$here/hls/examples" -o b/gen) >>"$work/$name.compile.log" 2>&1; then
        verdict "compile-$name" FAIL "$name does not compile: $(tail -n 1 "$work/$name.compile.log")"
        return 1
    fi
    # Only the model says where its source is.
    if diff -r -x "*_model.c" "$a" "$b" >/dev/null && cmp -s <(grep -v '^#include' "$a/${top}_model.c") \
        <(grep -v '^#include' "$b/${top}_model.c"); then
        verdict "same-$name" pass "$name: the same bytes twice, and from another folder"
    else
        verdict "same-$name" FAIL "$name: two compilations differ"
    fi
}

# Of AMD's cells the RTL has two, and Yosys reads all for as long as a kernel.
cells=$work/dsp48e2.il
! command -v "$yosys" >/dev/null ||
    "$yosys" -q -p "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v; select =DSP48E2 =LUT1; write_rtlil -selected $cells" >"$work/cells.log" 2>&1

by_yosys() { # name, top: without a warning
    local name=$1 top=$2 a=$work/$1/a/gen
    if command -v "$yosys" >/dev/null; then
        # The one warning that is waived: arrays of values between lanes are no memories. -defer: with the kernel's
        # parameters only.
        timeout 100 "$yosys" -q -w 'Replacing memory .* with list of registers' \
            -p "read_rtlil $cells; read_verilog -defer -sv -I hw/include $a/$top.sv hw/rtl/*.sv; hierarchy -check -top $top; proc; check -assert" \
            >"$work/$name.yosys.log" 2>&1
        if [ $? -eq 0 ] && ! grep -q '^Warning' "$work/$name.yosys.log"; then
            verdict "yosys-$name" pass "$name: Yosys reads it without a warning"
        else
            verdict "yosys-$name" FAIL "$name in Yosys: $(grep -m 1 -E 'ERROR|Warning' "$work/$name.yosys.log")"
        fi
    else
        echo "skip: $name in Yosys: there is no '$yosys'"
    fi
}

by_icarus() { # name, top
    local name=$1 top=$2 a=$work/$1/a/gen
    if command -v "$iverilog" >/dev/null; then
        if timeout 60 "$iverilog" -g2012 -Ihw/include -s "$top" -o "$work/$name.vvp" "$a/$top.sv" hw/rtl/*.sv \
            >"$work/$name.iverilog.log" 2>&1; then
            verdict "icarus-$name" pass "$name: Icarus compiles it"
        else
            verdict "icarus-$name" FAIL "$name in Icarus: $(grep -m 1 -i error "$work/$name.iverilog.log")"
        fi
    else
        echo "skip: $name in Icarus: there is no '$iverilog'"
    fi
}

# readable NAME FILE TOP: `same`, and Yosys and Icarus read it.
readable() {
    same "$@" || return
    by_yosys "$1" "$3"
    by_icarus "$1" "$3"
}
# What Yosys reads for seconds it reads in the thorough run only.
readable_thorough() {
    same "$@" || return
    [ -z "${THOROUGH:-}" ] || by_yosys "$1" "$3"
    by_icarus "$1" "$3"
}

# rates NAME FILE TOP "PROCESS=CYCLES..." OPTION...: what a row takes each process at full speed.
rates() {
    local name=$1 file=$2 top=$3 wanted=$4 measured
    shift 4
    timeout 200 "$hlsc" cosim "$file" --top "$top" -I base/contract -I hls/include -I hls/kernels --seed "$seed" --runs 2 \
        --set command=2 --set rows=10,30 "$@" >"$work/$name.rates.log" 2>&1
    measured=$(awk '$1 == "process" && $3 == "busy" {
        sub(":", "", $2)
        if ($2 in first) printf "%s%s=%g", separator, $2, ($4 - first[$2]) / 20; else { first[$2] = $4; next }
        separator = " "
    }' "$work/$name.rates.log")
    if [ "$measured" = "$wanted" ]; then
        verdict "rates-$name" pass "$name: cycles per row: $measured"
    else
        verdict "rates-$name" FAIL "$name: cycles per row: $measured, not $wanted"
    fi
}

# A layer alone, with LC columns a cycle: weights by command 1, then runs; with slots a group that is not full, one
# behind whole ones, and states that were kept.
layer() { # readable or readable_thorough, cell, its header, inputs, hidden, LC, bits of weights and columns, more definitions, slots
    local read=$1
    shift
    local name=$1_$3_$4_$5_w$6a$7 slots=${9:-1} takes="" gives="" file some more
    local -a runs=(--runs 5 --set "command=1,2,3,4,2" --set "flags=0,1,0,0,0" --set "steps=0,3,0,0,5" --set "total=0,9,0,0,10")
    if [ "$slots" -gt 1 ]; then
        name=${name}_slots$slots takes="uint32_t sequences, " gives="sequences, " some=$((slots - 1)) more=$((3 * slots + 2))
        runs=(--runs 7 --vectors 5000 --set "command=1,2,2,3,4,2,2" --set "flags=0,1,1,0,0,0,0" --set "steps=0,3,2,0,0,3,1"
            --set "sequences=0,1,$more,0,0,$some,$slots" --set "total=0,3,$((2 * more)),0,0,$((3 * some)),$slots")
    fi
    file=$work/$name.c
    cat >"$file" <<KERNEL
#include "frame/words.h"
MR_VECTOR($5)
#include "cells/$2.h"
#define LAYER layer
#define LAYER_CELL $1
#define LAYER_INPUTS $3
#define LAYER_HIDDEN $4
#define LAYER_LC $5
#define LAYER_WEIGHT_BITS $6
#define LAYER_COLUMN_BITS $7
#define LAYER_SLOTS $slots
${8:-}
#include "frame/layer.h"
void $name(hls_stream(beat_t) *weights, hls_stream(vec$5_t) *x, hls_stream(vec$5_t) *h,
           hls_stream(unit_state_t) *state, uint32_t command, ${takes}uint32_t steps, uint32_t total, uint32_t flags) {
    HLS(dataflow)
    layer(weights, x, h, state, command, ${gives}steps, total, flags);
}
KERNEL
    agree "$name" "$file" "$name" "${runs[@]}"
    [ -z "${THOROUGH:-}" ] || agree_merged "${name}_merged" "$file" "$name" "${runs[@]}" # as networks_test simulates them
    [ "$7" = 16 ] || [ -z "${THOROUGH:-}" ] || agree_synthesised "${name}_synthesised" "$file" "$name" "${runs[@]}"
    $read "$name" "$file" "$name"
}

kernel() { # name, vectors, and readable_thorough instead of readable
    agree "$1" "tests/kernels/$1.c" "$1" --vectors "$2" --runs "$runs"
    ${3:-readable} "$1" "tests/kernels/$1.c" "$1"
}

# Two chains at a time; each Verilator build would take all cores for a part of its time only.
(
    kernel arithmetic 300 readable_thorough
    kernel arrays 300 readable_thorough
    kernel loops 300
    kernel flow 500
    agree flow_crossing tests/kernels/flow.c flow -D CROSSING=9 --vectors 500
    kernel steps 300 readable_thorough
    agree nests tests/kernels/nests.c nests --runs 8 --vectors 300 --set n=5 --set k=1,2,0,3,7,8,4,15 --set m=2,1,0,3 \
        --set wide=1,2,3,70,0,300
    readable nests tests/kernels/nests.c nests
    layer readable_thorough lstm lstm 3 9 2 16 16 "#define LAYER_CELL_EXPONENT 1"
    layer readable rnn_tanh rnn 5 9 2 16 16 "#define LAYER_MEMORY lutram
#define LAYER_REST_FROM 4
#define LAYER_REST_MEMORY bram"
    layer readable_thorough lstm lstm 3 8 2 8 8 "#define LAYER_PASSES 3" 4
    layer readable_thorough rnn_relu rnn 30 9 2 16 16 "#define LAYER_PASSES 5"
    layer readable_thorough gru_reset_first gru_reset_first 20 5 1 8 8 "" 2
    layer readable_thorough lstm lstm 7 18 3 16 16 "#define LAYER_PORTS 2
#define LAYER_MEMORY uram
#define LAYER_REST_FROM 11
#define LAYER_REST_MEMORY bram"
    layer readable_thorough gru gru 9 11 2 8 8 "#define LAYER_H_FIRST 1
#define LAYER_PASSES 3"
    # Other mixtures of cells, bits, passes and slots.
    if [ -n "${THOROUGH:-}" ]; then
        layer readable gru gru 9 7 5 16 16 "" 16
        layer readable gru gru 9 7 5 16 16
        layer readable rnn_relu rnn 14 7 3 16 16
        layer readable gru_reset_first gru_reset_first 20 5 1 16 16
        layer readable lstm lstm 5 7 3 8 8
        layer readable gru gru 3 5 2 8 8
        layer readable gru_reset_first gru_reset_first 3 5 2 8 8
        layer readable rnn_tanh rnn 3 7 4 8 16
        layer readable lstm lstm 3 16 3 16 16 "#define LAYER_PASSES 2"
        layer readable lstm lstm 3 8 2 8 8 "#define LAYER_PASSES 3"
        layer readable gru gru 9 7 1 8 8 "#define LAYER_PASSES 4" 16
        layer readable gru gru 9 7 1 16 16 "#define LAYER_PASSES 4"
        layer readable lstm lstm 7 9 2 16 16 "" 4
        layer readable lstm lstm 9 10 4 8 8 "#define LAYER_PORTS 2
#define LAYER_MEMORY bram"
        layer readable gru gru 5 11 2 8 16 "#define LAYER_PORTS 2
#define LAYER_MEMORY uram"
        layer readable gru gru 3 7 3 8 8 "#define LAYER_PORTS 2"
        layer readable lstm lstm 4 9 2 16 16 "#define LAYER_H_FIRST 1"
        layer readable lstm lstm 2 26 2 16 16 "#define LAYER_H_FIRST 1
#define LAYER_PASSES 2
#define LAYER_PORTS 2"
        layer readable gru_reset_first gru_reset_first 5 7 3 8 8 "#define LAYER_H_FIRST 1"
    fi
    agree layers tests/kernels/layers.c layers --runs 5 --set command=1,2,3,4,2 --set steps=0,3,0,0,5 --set total=0,9,0,0,10 \
        --set flags=0,1,0,0,0
    readable_thorough layers tests/kernels/layers.c layers
) &
first=$!
(
    kernel control 200
    kernel memory 200
    kernel pairs 300
    agree_synthesised pairs_synthesised tests/kernels/pairs.c pairs --vectors 300
    kernel loads 40
    agree_synthesised loads_synthesised tests/kernels/loads.c loads --vectors 40
    agree_synthesised many_banks tests/kernels/many_banks.c many_banks --runs 6 --set command=0,1,2,1,0,2 --set n=0,25,0,300,0,0 \
        --vectors 300
    readable_thorough many_banks tests/kernels/many_banks.c many_banks
    agree tiles tests/kernels/tiles.c tiles --runs 3 --set command=1,2 --set n=0,300,7 --vectors 5000
    agree dies tests/kernels/dies.c dies --runs 3 --set command=1,2 --set n=0,300,7 --vectors 1200
    agree_synthesised dies_synthesised tests/kernels/dies.c dies --runs 3 --set command=1,2 --set n=0,300,7 --vectors 1200
    [ -z "${THOROUGH:-}" ] || agree_synthesised tiles_synthesised tests/kernels/tiles.c tiles --runs 3 --set command=1,2 --set n=0,300,7 --vectors 5000
    readable_thorough tiles tests/kernels/tiles.c tiles
    agree joined tests/kernels/joined.c joined --runs 3 --set n=300,131,400
    [ -z "${THOROUGH:-}" ] || agree joined_far tests/kernels/joined.c joined -D LANES=25 -D STEP=13 -D COLUMNS=8 --runs 3 --set n=300,131,400
    agree joined_dies tests/kernels/joined.c joined -D LANES=20 -D STEP=3 -D CROSSING=3 --runs 3 --set n=300,131,400
    agree_synthesised joined_synthesised tests/kernels/joined.c joined -D LANES=20 --runs 3 --set n=300,131,400
    agree_merged joined_merged tests/kernels/joined.c joined -D LANES=21 --runs 3 --set n=300,131,400
    readable joined tests/kernels/joined.c joined
    kernel reduce 300 readable_thorough
    kernel state 200
    agree lanes tests/kernels/lanes.c lanes --vectors 20 --runs "$lanes_runs" # of 4,000 cycles
    readable_thorough lanes tests/kernels/lanes.c lanes
    kernel banks 300 readable_thorough
    kernel ports 200
    agree_merged ports_merged tests/kernels/ports.c ports --vectors 200
    agree_synthesised parts tests/kernels/parts.c parts --vectors 200
    [ -z "${THOROUGH:-}" ] || agree_merged parts_merged tests/kernels/parts.c parts --vectors 200
    agree one_address tests/kernels/one_address.c one_address --target up5k --vectors 200
    agree arithmetic_up5k tests/kernels/arithmetic.c arithmetic --target up5k --vectors 200
    kernel ends 300
    kernel recurrence 200 readable_thorough
    kernel chains 200 readable_thorough
    kernel scatter 100 readable_thorough
    agree counts tests/kernels/counts.c counts --runs 14 --set a=0,1,2,3,4,5,7,8,9,255,254,16,33,100 \
        --set b=0,1,2,1,0,9,7,6,255,0,253,17,33,100
    kernel diamond 300 readable_thorough
    kernel probes 300 readable_thorough
    kernel fuzz_found 50 readable_thorough
    agree invariants tests/kernels/invariants.c invariants --runs 8 --vectors 300
    readable invariants tests/kernels/invariants.c invariants
    kernel thousands 20 readable_thorough
    kernel picks 300 readable_thorough
    kernel idioms 300 readable_thorough
    agree dense tests/kernels/dense.c dense --runs 5 --vectors 300 --set command=1,2,1,2 --set rows=0,1,0,40,100
    [ -z "${THOROUGH:-}" ] || agree_merged dense_merged tests/kernels/dense.c dense --runs 5 --vectors 300 --set command=1,2,1,2 --set rows=0,1,0,40,100
    readable_thorough dense tests/kernels/dense.c dense
    rates dense tests/kernels/dense.c dense "linear_numbers=7 tanh_numbers=5 relu_number=2 linear_vectors=4 relu_vectors=8 tanh_vectors=5 sigmoid_vector=3 softplus_numbers=6 elu_vectors=5 hard_vectors=2 swish_numbers=3 mish_vectors=2"
    agree argmax tests/kernels/argmax.c argmax --runs 4 --set command=1,2 --set rows=0,1,2,10
    readable_thorough argmax tests/kernels/argmax.c argmax
    rates argmax tests/kernels/argmax.c argmax "argmax1=1 argmax2=2 argmax7=7 argmax1000=1000"
    agree softmax tests/kernels/softmax.c softmax_rows --runs 4 --set command=1,2 --set rows=0,1,2,40
    readable_thorough softmax tests/kernels/softmax.c softmax_rows
    rates softmax tests/kernels/softmax.c softmax_rows "softmax1=3 softmax2=6 softmax7=21 softmax10=30 softmax10_steep=30 softmax33=99 softmax33_flat=99 softmax200=600"
    agree embedding tests/kernels/embedding.c embedding --runs 4 --set command=1,2,1,2 --set rows=0,1,0,40
    readable_thorough embedding tests/kernels/embedding.c embedding
    rates embedding tests/kernels/embedding.c embedding "embed1=1 embed7=3 embed4=1 embed_large=5"
    agree layer_norm tests/kernels/layer_norm.c layer_norm --runs 4 --set command=1,2 --set rows=0,1,2,9
    readable_thorough layer_norm tests/kernels/layer_norm.c layer_norm
    rates layer_norm tests/kernels/layer_norm.c layer_norm "norm1=2 norm2=2 norm7=6 norm64=32 norm300=300"
    agree pool tests/kernels/pool.c pool --runs 6 --vectors 200 --set command=1,2,2,2,2,2 --set steps=1,3,5,2,1,7 \
        --set total=3,6,20,10,8,28
    readable_thorough pool tests/kernels/pool.c pool
    agree glue tests/kernels/glue.c glue --runs 6 --vectors 100 --set command=1,2 --set sequences=0,1,2,8,2,8 --set steps=0,1,3,5,7,4 \
        --set rows=0,1,6,40,14,32
    readable_thorough glue tests/kernels/glue.c glue
    agree arrange tests/kernels/arrange.c arrange --runs 6 --vectors 100 --set command=1,2,2,2,2,2 --set steps=1,3,5,2,1,4 \
        --set rows=3,6,20,10,8,28
    readable_thorough arrange tests/kernels/arrange.c arrange
    agree slots tests/kernels/slots.c slots --runs 7 --vectors 300 --set command=2 --set sequences=1,2,4,5,8,14,16 \
        --set steps=3,1,5,2,1,2,3 --set total=3,2,20,10,8,28,48
    readable_thorough slots tests/kernels/slots.c slots
    rates glue tests/kernels/glue.c glue "unpack1=1 unpack7=7 unpack10=10 unpack2=2 fork1=1 fork8=3 fork_numbers=3 gather_all=7 gather_steps=6 gather_lasts=3 gather_mixed=6 gather_one=1 gather_vectors=4.5 trunk_fork=3 trunk_unpack=8 trunk_last=3 trunk_dense=3.5 trunk_softmax=6 trunk_gather=10" \
        --set steps=2 --set sequences=5,15
    kernel reset 100
    agree train_cells tests/kernels/train_cells.c train_cells --runs 3 --vectors 100 --set n=100,0,7
    agree external tests/kernels/external.c external --runs 8 --vectors 40
    readable external tests/kernels/external.c external
    agree leaves tests/kernels/leaves.c leaves --runs 16 --vectors 300 --set n=5,4,0,1,7 --set at=0,1,2,3,4,5,6,7,0,1,2,3
) &
second=$!
wait $first
wait $second

# A reset in the middle of a run brings back the registers' first values.
if command -v "$iverilog" >/dev/null; then
    "$iverilog" -g2012 -Ihw/include -s hlsc_reset_tb -o "$work/reset_tb.vvp" tests/hlsc_reset_tb.sv \
        "$work/reset/a/gen/reset.sv" hw/rtl/*.sv >"$work/reset_tb.log" 2>&1
    timeout 100 vvp "$work/reset_tb.vvp" >>"$work/reset_tb.log" 2>&1
    if tail -n 1 "$work/reset_tb.log" | grep -q '^pass'; then
        verdict reset-tb pass "resets in the middle of a run, $(tail -n 1 "$work/reset_tb.log")"
    else
        verdict reset-tb FAIL "resets in the middle of a run: $(tail -n 1 "$work/reset_tb.log")"
    fi
fi

# Options reach the model too, and the cache keeps builds of other options apart.
for n in 3 4; do
    printf '#include "hls.h"\nHLS_STREAM_OF(int16_t)\nvoid times(hls_stream(int16_t) *a, hls_stream(int16_t) *b, uint32_t n) {\n    for (uint32_t i = 0; i < n; i++) {\n        HLS(pipeline II=1)\n        hls_write(int16_t, b, (int16_t)(hls_read(int16_t, a) * FACTOR));\n    }\n}\n' >"$work/times.c"
    agree "times$n" "$work/times.c" times -D FACTOR=$n --vectors 50
    if "$hlsc" "$work/times.c" --top times -I hls/include -D FACTOR=$n -D UNUSED -D 'TWICE(x)=2*(x)' -o "$work/times$n" \
        >"$work/times$n.model.log" 2>&1 &&
        printf '#if FACTOR != %d || UNUSED != 1 || TWICE(3) != 6\n#error other options\n#endif\n' $n >>"$work/times$n/times_model.c" &&
        "${CC:-gcc}" -std=c11 -Wno-unknown-pragmas -fsyntax-only -I hls/include -I base/contract "$work/times$n/times_model.c" \
            >>"$work/times$n.model.log" 2>&1; then
        verdict "times$n-model" pass "times$n: the model that is written has the options of its source"
    else
        verdict "times$n-model" FAIL "times$n: the model that is written: $(tail -n 1 "$work/times$n.model.log")"
    fi
done

# Claims that are asserted: right, and wrong, which the RTL's assertions tell.
claims() { # which one is broken
    timeout 200 "$hlsc" check tests/kernels/claims.c --top claims -I hls/include --vectors 100 --set n=9,30,0,100 \
        --set broken="$1" --seed "$seed" >"$work/claims$1.log" 2>&1
}
if claims 0; then
    verdict claims pass "$(tail -n 1 "$work/claims0.log")"
else
    verdict claims FAIL "$(tail -n 1 "$work/claims0.log")"
fi
readable claims tests/kernels/claims.c claims
broken=0
for process in passes banks lanes tiles groups; do
    broken=$((broken + 1))
    claims $broken
    if [ $? -eq 1 ] && grep -q "Assertion failed in kernel.claims.i_$process.*was read less than" "$work/claims$broken.log"; then
        verdict "claims-$process" pass "a broken claim of $process is told by its assertion in the RTL"
    else
        verdict "claims-$process" FAIL "a broken claim of $process: $(tail -n 1 "$work/claims$broken.log")"
    fi
done

# Scalars that decide are often 0, 1, 2 and beside the constants that they meet; those that are data have all their bits.
printf '#include "hls.h"\nHLS_STREAM_OF(int32_t)\nvoid edges(hls_stream(int32_t) *out, uint32_t n, int32_t data) {\n    for (uint32_t i = 0; i < (n & 63); i++)\n        hls_write(int32_t, out, data ^ (int32_t)i);\n}\n' >"$work/edges.c"
"$hlsc" cosim "$work/edges.c" --top edges -I hls/include --runs 64 --seed "$seed" >"$work/edges.log" 2>&1
code=$?
drawn=$(sed -n 's/.*, n=\([0-9]*\), data=\([0-9]*\)).*/\1 \2/p' "$work/edges.log" | awk '
    $1 <= 2 { small++ } $1 >= 62 && $1 <= 65 { near++ } $2 > 4000000000 { high++ }
    END { print (NR == 64 && small >= 10 && near >= 6 && high >= 4 ? "often" : "runs " NR ", small " small ", near " near ", high " high) }')
if [ $code -eq 0 ] && [ "$drawn" = often ]; then
    verdict edges pass "scalars are often at the edges"
else
    verdict edges FAIL "scalars at the edges: $drawn: $(tail -n 1 "$work/edges.log")"
fi

# Files: what is read is no device without an end and is not written over; outputs follow links.
refused() { # name, text, command...
    local name=$1 text=$2
    shift 2
    timeout 60 "$@" >"$work/$name.log" 2>&1
    if [ $? -eq 1 ] && grep -qF -- "$text" "$work/$name.log"; then
        verdict "$name" pass "$name: $(tail -n 1 "$work/$name.log")"
    else
        verdict "$name" FAIL "$name: $(tail -n 1 "$work/$name.log")"
    fi
}
printf '#include "hls.h"\nHLS_STREAM_OF(int32_t)\nvoid pass(hls_stream(int32_t) *in, hls_stream(int32_t) *out) {\n    hls_write(int32_t, out, hls_read(int32_t, in));\n}\n' >"$work/pass.c"
cp "$work/edges.c" "$work/edges_model.c"
echo 5 >"$work/pass.txt"
refused source-device "is not a file" "$hlsc" /dev/zero --top edges -o "$work/device"
refused source-kept "is the kernel" "$hlsc" "$work/edges_model.c" --top edges -I hls/include -o "$work"
refused input-device "it is a device" "$hlsc" cosim "$work/pass.c" --top pass -I hls/include --input in=/dev/zero
refused input-kept "this run reads it" "$hlsc" cosim "$work/pass.c" --top pass -I hls/include --input "in=$work/pass.txt" \
    --output "out=$work/pass.txt"
ln -s edges.txt "$work/link.txt"
"$hlsc" cosim "$work/edges.c" --top edges -I hls/include --set n=3 --set data=7 --output "out=$work/link.txt" >/dev/null 2>&1
if cmp -s "$work/edges.c" "$work/edges_model.c" && [ "$(cat "$work/pass.txt")" = 5 ] && [ -L "$work/link.txt" ] &&
    [ "$(tr '\n' ' ' <"$work/edges.txt")" = "7 6 5 " ]; then
    verdict files pass "files that are read stay, and links are followed"
else
    verdict files FAIL "files that are read stay, and links are followed"
fi

# What stands at the names of the outputs: a link is followed and the mode kept; a folder refuses all of them. hls.h is
# found without -I.
printf '#include "hls.h"\nHLS_STREAM_OF(uint16_t)\nvoid one(hls_stream(uint16_t) *out) {\n    hls_write(uint16_t, out, 1);\n}\n' >"$work/one.c"
mkdir -p "$work/one" "$work/two/report.txt"
: >"$work/elsewhere.sv"
chmod 600 "$work/elsewhere.sv"
ln -s ../elsewhere.sv "$work/one/one.sv"
"$hlsc" "$work/one.c" --top one -o "$work/one" >"$work/one.log" 2>&1
first=$?
"$hlsc" "$work/one.c" --top one -o "$work/two" >>"$work/one.log" 2>&1
second=$?
if [ $first -eq 0 ] && [ $second -eq 1 ] && [ -L "$work/one/one.sv" ] && grep -q "module one" "$work/elsewhere.sv" &&
    [ "$(stat -c %a "$work/elsewhere.sv")" = 600 ] && [ "$(ls -A "$work/two")" = report.txt ] &&
    grep -q "two/report.txt cannot be written: it is a folder; choose another folder" "$work/one.log"; then
    verdict places pass "links at the outputs' names are followed"
else
    verdict places FAIL "links at the outputs' names: $(tail -n 1 "$work/one.log")"
fi

# Without descriptors the C compiler is not what is missing.
(ulimit -n 4 && "$hlsc" "$work/one.c" --top one -o "$work/one") >"$work/few.log" 2>&1
if [ $? -eq 1 ] && grep -q 'could not be run on it: Too many open files' "$work/few.log"; then
    verdict few pass "a lack of descriptors is told"
else
    verdict few FAIL "a lack of descriptors: $(tail -n 1 "$work/few.log")"
fi

# Without the RTL no Verilator is needed, and the schedule's cycles are those that the RTL has.
cycles=$(sed -n 's/.* \([0-9]* cycles\).*/\1/p' "$work/flow.log")
MILLRACE_VERILATOR=/nowhere "$hlsc" check tests/kernels/flow.c --top flow -I hls/include --seed "$seed" --vectors 500 --runs "$runs" --no-rtl \
    >"$work/no-rtl.log" 2>&1
first=$?
"$hlsc" cosim tests/kernels/flow.c --top flow -I hls/include --no-rtl >"$work/no-rtl.cosim.log" 2>&1
second=$?
if [ $first -eq 0 ] && [ $second -eq 2 ] && grep -q -- "--no-rtl is for hlsc check" "$work/no-rtl.cosim.log" &&
    grep -q "$cycles: C, operations and schedule agree" "$work/no-rtl.log"; then
    verdict no-rtl pass "without the RTL: $(tail -n 1 "$work/no-rtl.log")"
else
    verdict no-rtl FAIL "without the RTL: $(tail -n 1 "$work/no-rtl.log")"
fi

# A kernel that does not end ends in words, and leaves nothing in the cache.
printf '#include "hls.h"\nHLS_STREAM_OF(uint16_t)\nvoid endless(hls_stream(uint16_t) *out, uint16_t n) {\n    uint16_t i = n | 1;\n    while (i != 0)\n        i |= 2;\n    hls_write(uint16_t, out, i);\n}\n' >"$work/endless.c"
folders=$(ls -d "$MILLRACE_CACHE"/check-* 2>/dev/null | wc -l)
timeout 60 "$hlsc" check "$work/endless.c" --top endless -I hls/include --limit 2 >"$work/endless.log" 2>&1
if [ $? -eq 1 ] && grep -q "the kernel as C did not end within 2 s" "$work/endless.log" &&
    [ "$(ls -d "$MILLRACE_CACHE"/check-* 2>/dev/null | wc -l)" -eq "$folders" ]; then
    verdict endless pass "a kernel that does not end is told"
else
    verdict endless FAIL "a kernel that does not end: $(tail -n 1 "$work/endless.log")"
fi

passed=$(cat "$work"/verdicts/* | grep -c '^pass')
failed=$(cat "$work"/verdicts/* | grep -c '^FAIL')
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
