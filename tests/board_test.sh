#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Networks on an emulated iCEBreaker: unmodified libftdi, an emulated FT2232H, and behind it the board's RTL in Verilator,
# serial bits in and out. The bits of cpu:, in whole sequences and step by step; networks of different cells and shapes one
# after another on one board; one on an UPduino; and what goes wrong with cables, each with its sentence.
# Usage, from the repository's root: tests/board_test.sh [long]; long takes all networks step by step too, more faults,
# and NASA's 100 test engines where ../shared/models is there.
set -u
work=build/board_test board=icebreaker network=lstm
long=${1:-}
[ -z "${THOROUGH:-}" ] || long=long
# shellcheck source=tests/usb/emulated.sh
. tests/usb/emulated.sh

$millrace import tests/data/turbofan_lstm2x25_rul.onnx -o "$work/lstm.millrace" >"$work/log" 2>&1 ||
    fail "import: $(tail -n 1 "$work/log")"
network gru gru 2 25 25
network rnn rnn 2 25 25
network small lstm 1 7 3
numbers 25 50 >"$work/x.csv"
numbers 25 5 >"$work/steps.csv"
numbers 3 20 >"$work/few.csv"

# All on one board, and the first one again behind the others.
script=
for name in lstm gru rnn; do
    on_cpu "$name" x.csv
    script+="$(run_on usb: "$name" x.csv) || exit 1;"
done
on_cpu small few.csv
script+="$(run_on usb: small few.csv) || exit 1; cp $work/lstm.usb.npy $work/first.npy; $(run_on usb: lstm x.csv)"
emulated "" "$script" || fail "whole sequences: code $?: $(tail -n 3 "$work/log")"
cmp -s "$work/first.npy" "$work/lstm.usb.npy" || fail "lstm gives other bits when it comes back after other networks"
for name in lstm gru rnn small; do same "$name" "a whole sequence, one board for all"; done

# The board counts the cycles that were planned.
planned=$($millrace plan "$work/lstm.millrace" --target icebreaker --steps 50 | grep -o '[0-9]* cycles' | tail -n 1)
if grep "lstm.usb.npy: 1 sequence" "$work/log" | grep -q ", $planned,"; then
    pass "lstm: $planned, as planned"
else
    fail "lstm: planned are $planned: $(grep "lstm.usb.npy: 1 sequence" "$work/log")"
fi

# Also of many short sequences, whose words wait while the answer before is on the line.
{
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (60, 2, 3)}"
    for _ in $(seq 120); do printf '\000\000\200\076\000\000\200\277\000\000\000\077'; done
} >"$work/short.npy"
planned=$($millrace plan "$work/small.millrace" --target icebreaker --steps 2 --sequences 60 | grep -o '[0-9]* cycles' | tail -n 1)
on_cpu small short.npy
emulated "" "$(run_on usb: small short.npy)" || fail "60 sequences: code $?: $(tail -n 1 "$work/log")"
if grep -q ", $planned," "$work/log"; then
    pass "small: 60 sequences: $planned, as planned"
else
    fail "small: 60 sequences: planned are $planned: $(tail -n 1 "$work/log")"
fi
same small "60 sequences of 2 steps"

# The other board: another chip, and a top that resets itself.
on_cpu lstm x.csv
board=upduino emulated "" "$(run_on usb: lstm x.csv)" || fail "upduino: code $?: $(tail -n 3 "$work/log")"
same lstm "a whole sequence on an UPduino"

names=lstm
[ "$long" != long ] || names="lstm gru rnn"
for name in $names; do
    on_cpu "$name" steps.csv --steps
    emulated "" "$(run_on usb: "$name" steps.csv --steps)" || fail "$name step by step: $(tail -n 1 "$work/log")"
    same "$name" "step by step"
done

# ---- what goes wrong

# The network takes some 22,700 bytes to the board, and each step 64 more.
told "a cable that is pulled" 20 "unplugged" "icebreaker:MR1:pull@23000"
goes_on garbage@0,drop@3000,garbage-in@100,drop-in@150,drop@20000,garbage@22900,garbage-in@900,drop@23000
goes_on pull@23000,back@400
told "no permission" 3 'udev.*plugdev\|plugdev.*udev' "icebreaker:MR1:deny@0"
told "another serial device" 20 "not answer\|no answer" "ft2232h:MR1:echo"
if [ "$long" = long ]; then
    told "a cable that is pulled while it loads" 10 "unplugged" "icebreaker:MR1:pull@9000"
    told "a cable that is pulled and plugged in again, which powers the board" 10 "reset" "icebreaker:MR1:pull@23000,plug@300"
    told "a board that stands still" 30 "not answer\|no answer" "icebreaker:MR1:stuck@23000"
    # The same board with packets of another version.
    mkdir -p "$work/data/hw"
    ln -s "$PWD"/{base,hls,sim} "$work/data"
    ln -s "$PWD"/hw/* "$work/data/hw"
    rm "$work/data/hw/usb"
    cp -r hw/usb "$work/data/hw"
    sed -i "s/VERSION = 8'h[0-9a-f]*;/VERSION = 8'h7e;/" "$work/data/hw/usb/mr_packet_pkg.sv"
    export MILLRACE_DATA=$PWD/$work/data
    told "a board of another version" 60 "speaks version 126" "icebreaker:MR1:"
    # And one that multiplies eight rows at a time, and says so.
    rm -r "$work/data/hw/usb" "$work/data/hw/board" "$work/data/hls"
    cp -r hw/usb hw/board "$work/data/hw"
    cp -r hls "$work/data"
    sed -i "s/^#ifndef FOLDED_ROWS/#undef FOLDED_ROWS\n&/; s/FOLDED_ROWS 4/FOLDED_ROWS 8/" "$work/data/hls/kernels/folded/format.h"
    sed -i "s/(\`MR_IMAGE_LIMITS)/(\`MR_IMAGE_LIMITS | 128'h8_0000_0000_0000)/" "$work/data/hw/board/icebreaker.sv"
    on_cpu lstm x.csv
    emulated "" "$(run_on usb: lstm x.csv)" || fail "eight rows: code $?: $(tail -n 2 "$work/log")"
    same lstm "a board that multiplies eight rows at a time"
    # And one whose image is none of those in bitstreams/.
    sed -i "s/(\`MR_IMAGE_HASH)/(128'h5a)/" "$work/data/hw/board/icebreaker.sv"
    ln -s "$PWD/bitstreams" "$work/data"
    told "a board with an image that is not known" 60 "has an image (5a000000) that is none of those here (icebreaker" "icebreaker:MR1:"
    unset MILLRACE_DATA
    x=${MODELS:-../shared/models}/turbofan_test_x.npy
    if [ -e "$x" ]; then
        $millrace run "$work/lstm.millrace" "$x" --device cpu: -o "$work/lstm.cpu.npy" 2>/dev/null
        limit=900 emulated "" "$millrace run $work/lstm.millrace $x --device usb: -o $work/lstm.usb.npy" ||
            fail "NASA's test engines: $(tail -n 1 "$work/log")"
        same lstm "NASA's test engines"
    else
        echo "skipped: $x is absent"
    fi
    seed=${SEED:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
    echo "seed $seed"
    RANDOM=$seed
    for _ in 1 2 3 4 5 6; do
        at=$((RANDOM % 24000))
        goes_on "drop@$at,garbage@$((at + RANDOM % 300)),drop-in@$((RANDOM % 900)),garbage-in@$((RANDOM % 900))"
    done
fi

echo "board_test: $passed passed, $failed failed"
exit $((failed > 0))
