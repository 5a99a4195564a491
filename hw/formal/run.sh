#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves the stream primitives, and the register slave and the address generator of the card, with yosys-smtbmc and z3:
# bounded check, induction, and covers that must be reached, in several configurations. Induction assumes 8 steps, so the
# bounded check takes these and two more. With z3 alone: the arithmetic of two sums in one accumulator. One line each, exit
# code 1 when one does not hold. `run.sh --short` leaves out most sizes of the address generator and of the crossing, and the
# deepest FIFO; `run.sh --mutants` breaks copies of the RTL one way at a time and expects each proof to fail.
# Work files go to build/formal (or to $MR_FORMAL_DIR).
set -u
here=$(cd "$(dirname "$0")" && pwd)
hw=$(dirname "$here")
work=${MR_FORMAL_DIR:-build/formal}
yosys=${YOSYS:-yosys}
smtbmc=${YOSYS_SMTBMC:-yosys-smtbmc}
z3=${Z3:-z3}
limit=60 # seconds of the processor, so that a busy machine proves as much
failed=0
mkdir -p "$work" || exit 1

# Word arrays stay arrays for the solver, except an array of one word, which write_smt2 cannot take.
# A crossing is made of other modules, whose signals its proof looks at.
model() { # name, module, RTL file, parameters -> $work/name.smt2
    name=$1 module=$2 file=$3
    shift 3
    words='' parts='' inside=''
    case " $* " in *" DEPTH 1 "*) words='memory_map; opt_clean;' ;; esac
    if [ "$module" = mr_crossing ]; then
        for part in mr_crossing mr_stages mr_fifo; do
            case $file in */"$part".sv | */"$part".mutant.sv) ;; *) parts="$parts $hw/rtl/$part.sv" ;; esac
        done
        inside="proc; flatten; cd mr_crossing; connect -nounset -set f_fifo_count u_far_fifo.count_q; \
            connect -nounset -set f_fifo_ahead u_far_fifo.f_ahead_q; connect -nounset -set f_fifo_data u_far_fifo.f_data_q; \
            connect -nounset -set f_fifo_inside u_far_fifo.f_inside_q; connect -nounset -set f_fifo_pick u_far_fifo.f_pick; cd ..;"
    fi
    "$yosys" -q -p "read_verilog -formal -sv -I$hw/include -I$here $file $parts; \
        hierarchy -top $module $*; $inside prep -top $module; $words async2sync; dffunmap; \
        write_smt2 -wires $work/$name.smt2" >"$work/$name.yosys.log" 2>&1
}

source_of() { # module -> its file
    for folder in rtl card; do
        [ ! -e "$hw/$folder/$1.sv" ] || echo "$hw/$folder/$1.sv"
    done
}

solve() { # name, kind, options: true when the solver says PASSED
    name=$1 kind=$2
    shift 2
    (ulimit -t $limit && exec timeout $((10 * limit)) "$smtbmc" -s z3 --dump-vcd "$work/$name.$kind.vcd" "$@" \
        "$work/$name.smt2" >"$work/$name.$kind.log" 2>&1)
}

prove() { # name, module, steps in which covers are reached, parameters
    name=$1 module=$2 steps=$3
    shift 3
    result=
    if ! model "$name" "$module" "$(source_of "$module")" "$*"; then
        result=" yosys refused it ($work/$name.yosys.log)"
    else
        solve "$name" bmc -t 10 || result="$result bounded check failed ($work/$name.bmc.log)"
        solve "$name" ind -i -t 8 || result="$result induction failed ($work/$name.ind.log)"
        solve "$name" cover -c -t "$steps" || result="$result cover not reached ($work/$name.cover.log)"
    fi
    if [ -z "$result" ]; then
        echo "proved: $name: induction over 8 steps, the first 10, covers within $steps"
    else
        echo "NOT proved: $name:$result"
        failed=1
    fi
}

mutant() { # name, module, sed expression, parameters
    name=$1 module=$2 top=$2 change=$3
    broken=$work/$1/$2.mutant.sv
    shift 3
    [ "$module" != mr_stages ] || top=mr_crossing
    mkdir -p "$work/$name"
    sed "$change" "$(source_of "$module")" >"$broken"
    if cmp -s "$broken" "$(source_of "$module")"; then
        echo "NO MUTANT: $name: the change '$change' matches no line of $module.sv"
        failed=1
    elif ! model "$name" "$top" "$broken" "$*"; then
        echo "NO MUTANT: $name: yosys refused it ($work/$name.yosys.log)"
        failed=1
    elif solve "$name" bmc -t 12; then
        echo "SURVIVED: $name: the bounded check did not see '$change'"
        failed=1
    elif grep -q 'Assert failed' "$work/$name.bmc.log"; then
        echo "killed: $name: $(grep -o '[a-z_]*_proof.svh:[0-9]*' "$work/$name.bmc.log" | head -n 1)"
    else
        echo "NO ANSWER: $name: $work/$name.bmc.log"
        failed=1
    fi
}

sums() { # columns: true when z3 finds no counterexample
    sed "s/COLUMNS/$1/g" "$here/mr_dot_pair.smt2" >"$work/dot_pair_$1.smt2"
    (ulimit -t $limit && exec timeout $((10 * limit)) "$z3" "$work/dot_pair_$1.smt2" >"$work/dot_pair_$1.log" 2>&1)
    [ "$(uniq "$work/dot_pair_$1.log")" = unsat ]
}

par() { # name value ... -> -chparam options
    while [ $# -gt 1 ]; do
        printf ' -chparam %s %s' "$1" "$2"
        shift 2
    done
}

if [ "${1:-}" = --mutants ]; then
    small=$(par WIDTH 4 DEPTH 3)
    block=$(par WIDTH 4 DEPTH 3 LUTRAM_DEPTH 0)
    mutant fifo_no_full mr_fifo 's/ready_q <= pop ||.*/ready_q <= 1;/' "$small"
    mutant fifo_no_empty mr_fifo "s/valid_q <= push ||.*/valid_q <= 1;/" "$small"
    mutant fifo_full_late mr_fifo 's/count_q != FULL - COUNT_WIDTH.(1)/count_q != FULL/' "$small"
    mutant fifo_no_wrap mr_fifo "s/rptr_q == LAST ? '0 : //" "$small"
    mutant fifo_both mr_fifo 's/if (push \&\& !pop)/if (push)/' "$small"
    mutant fifo_overwrite mr_fifo 's/if (push) mem/if (in_valid_i) mem/' "$small"
    mutant fifo_no_bypass mr_fifo 's/bypassed_q <= push \&\&.*;/bypassed_q <= 0;/' "$block"
    mutant fifo_stale_bypass mr_fifo 's/bypassed_q <= push \&\&/bypassed_q <=/' "$block"
    mutant fifo_late_read mr_fifo 's/read_q <= mem\[rptr_d\]/read_q <= mem[rptr_q]/' "$block"
    mutant skid_no_spare mr_skid 's/ready_q ? in_data_i : spare_q/in_data_i/' "$(par WIDTH 4)"
    mutant skid_lossy mr_skid "s/ready_q <= 1'b0/ready_q <= 1'b1/" "$(par WIDTH 4)"
    mutant skid_forgets mr_skid 's/in_valid_i || !ready_q/in_valid_i/' "$(par WIDTH 4)"
    mutant bursts_page mr_bursts "s/7'(MAX_BEATS) - 7'(beat_q/7'(MAX_BEATS) - 7'(left_q/" "$(par MAX_BEATS 8 ADDR_WIDTH 8 COUNT_WIDTH 7)"
    mutant bursts_long mr_bursts 's/rest_fits = left_q <= COUNT_WIDTH.(room)/rest_fits = left_q <= COUNT_WIDTH'"'"'(room + 7'"'"'d1)/' "$(par MAX_BEATS 8 ADDR_WIDTH 8 COUNT_WIDTH 7)"
    mutant bursts_gap mr_bursts 's/beat_q <= beat_q + ADDR_WIDTH.(count)/beat_q <= beat_q + ADDR_WIDTH'"'"'(MAX_BEATS)/' "$(par MAX_BEATS 8 ADDR_WIDTH 8 COUNT_WIDTH 7)"
    mutant bursts_unstable mr_bursts 's/active_q \&\& (!valid_o || ready_i)/active_q/' "$(par MAX_BEATS 8 ADDR_WIDTH 8 COUNT_WIDTH 7)"
    mutant axil_early mr_axil_slave 's/address_held_q \&\& data_held_q/address_held_q/' "$(par ADDR_WIDTH 4)"
    mutant axil_twice mr_axil_slave 's/ \&\& !bvalid_o;/;/' "$(par ADDR_WIDTH 4)"
    mutant axil_overrun mr_axil_slave 's/arready_o  <= !reading_d/arready_o <= 1/' "$(par ADDR_WIDTH 4)"
    mutant axil_withdraws mr_axil_slave 's/ || (rvalid_o \&\& !rready_i)//' "$(par ADDR_WIDTH 4)"
    mutant axil_late mr_axil_slave 's/if (wait_q\[1\]) rdata_o/rdata_o/' "$(par ADDR_WIDTH 4)"
    mutant skid_unstable mr_skid 's/if (!valid_q || out_ready_i) data_q/data_q/' "$(par WIDTH 4)"
    way=$(par WIDTH 4 DEPTH 3 STAGES 2)
    mutant crossing_lossy mr_crossing 's/in_valid_i(push)/in_valid_i(push \&\& !out_valid_o)/' "$way"
    mutant crossing_early_credit mr_crossing 's/out_valid_o \&\& out_ready_i)/out_valid_o)/' "$way"
    mutant crossing_false_credit mr_crossing 's/out_valid_o \&\& out_ready_i)/out_ready_i)/' "$way"
    mutant crossing_late_word mr_crossing 's/STAGES(WAY), .RESET/STAGES(WAY + 1), .RESET/' "$way"
    mutant crossing_late_credit mr_crossing '/u_way_taken/s/WAY/WAY + 1/' "$way"
    mutant crossing_shallow mr_crossing 's/.DEPTH(DEPTH)/.DEPTH(DEPTH - 1)/' "$way"
    mutant stages_short mr_stages 's/data_q\[i-1\]/data_i/' "$(par WIDTH 4 DEPTH 3 STAGES 4)"
    mutant stages_unreset mr_stages 's/RESET \&\& !rst_ni/1'"'b0"'/' "$way"
    if sums 8; then
        echo "SURVIVED: dot_pair: z3 holds that sums of 8 columns fit"
        failed=1
    elif [ "$(tail -n 1 "$work/dot_pair_8.log")" = sat ]; then
        echo "killed: dot_pair: 8 columns"
    else
        echo "NO ANSWER: dot_pair: $work/dot_pair_8.log"
        failed=1
    fi
else
    if sums 7; then
        echo "proved: dot_pair: 1 to 7 columns, all operands"
    else
        echo "NOT proved: dot_pair ($work/dot_pair_7.log)"
        failed=1
    fi
    depths="1 2 3 4 5"
    [ "${1:-}" != --short ] || depths="1 2 3 4"
    for depth in $depths; do
        prove "fifo_lutram_$depth" mr_fifo 20 "$(par WIDTH 4 DEPTH $depth)"
        prove "fifo_block_$depth" mr_fifo 20 "$(par WIDTH 4 DEPTH $depth LUTRAM_DEPTH 0)"
    done
    prove skid_1 mr_skid 20 "$(par WIDTH 1)"
    prove skid_8 mr_skid 20 "$(par WIDTH 8)"
    bursts="1 8 64" bits=8
    [ "${1:-}" != --short ] || bursts=8 bits=7
    for beats in $bursts; do
        prove "bursts_$beats" mr_bursts 12 "$(par MAX_BEATS "$beats" ADDR_WIDTH 8 COUNT_WIDTH $bits)"
    done
    prove axil_slave mr_axil_slave 20 "$(par ADDR_WIDTH 4)"
    crossing() { # registers, credits, steps
        prove "crossing_$1_$2" mr_crossing "$3" "$(par WIDTH 2 STAGES "$1" DEPTH "$2")"
    }
    crossing 1 1 12
    crossing 4 3 18
    if [ "${1:-}" != --short ]; then
        crossing 1 4 14
        crossing 2 3 14
        crossing 2 6 16
        crossing 6 2 20
        prove crossing_block mr_crossing 14 "$(par WIDTH 2 STAGES 2 DEPTH 3 LUTRAM_DEPTH 0)"
    fi
fi
exit $failed
