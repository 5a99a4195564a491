#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A user's own cells: the commands of docs/own-cell.md, other bits and lanes, and files that are wrong. Run from the
# repository's root.
set -u
root=$PWD work=$PWD/build/own_cell_test
passed=0 failed=0
rm -rf "$work"
mkdir -p "$work/bin" "$work/cells"
ln -s "$root/build" "$root/examples" "$work"
ln -s "$(command -v "${PYTHON:-python3}")" "$work/bin/python3"
export PATH="$work/bin:$PATH"
cd "$work" || exit 1

verdict() { # pass or FAIL, what
    echo "$1: $2"
    if [ "$1" = pass ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
check() { # name, command...
    name=$1
    shift
    if "$@" >out.txt 2>&1; then verdict pass "$name"; else verdict FAIL "$name: $(tail -n 3 out.txt)"; fi
}

# ---- the tutorial
grep -E '^    (python3|build/)' "$root/docs/own-cell.md" | sed 's/^    //' >commands.txt
[ "$(wc -l <commands.txt)" -ge 9 ] && verdict pass "the tutorial has commands" || verdict FAIL "the tutorial has commands"
sh -ex commands.txt >tutorial.txt 2>&1 && verdict pass "they run" || verdict FAIL "they run: $(tail -n 3 tutorial.txt)"
[ "$(grep -c '^the bits agree$' tutorial.txt)" = 2 ] && verdict pass "cpu: and sim: agree" || verdict FAIL "cpu: and sim: agree"
planned=$(sed -n 's/.*8 sequences of 20 steps: \([0-9]*\) cycles.*/\1/p' tutorial.txt)
grep -q "^sim:.* $planned cycles" tutorial.txt && verdict pass "the cycles are the planned ones" || verdict FAIL "planned: $planned cycles"
# The import's integers are the walker's; each accuracy stands in the document, too.
for snr in $(sed -n 's/^integers against float.*error \([0-9.]*\) dB.*/\1/p' tutorial.txt); do
    grep -q "^cpu:.* signal to error $snr dB" tutorial.txt && grep -q "$snr dB" "$root/docs/own-cell.md" &&
        verdict pass "walker and cpu: are at $snr dB" || verdict FAIL "cpu: or the document is not at $snr dB"
done
for cell in mgu li_gru; do
    own="--cell examples/cells/$cell.c"
    # shellcheck disable=SC2086
    check "$cell: 8 bits" build/millrace import $cell.onnx $own --calibrate x.npy --precision w8a8 -o $cell.8.millrace
    # shellcheck disable=SC2086
    check "$cell: 8 bits, other lanes" build/millrace compare $cell.8.millrace x.npy $own --lanes 5
    grep -q "the bits agree" out.txt && verdict pass "$cell: the same bits" || verdict FAIL "$cell: other bits"
    # The processes of the pipeline in all lanes, for hlsc to agree with D; nothing is simulated.
    for lanes in 1 2 3 8 12; do
        # shellcheck disable=SC2086
        check "$cell: $lanes lanes of 16 bits" build/millrace plan $cell.millrace $own --lanes $lanes
        # shellcheck disable=SC2086
        check "$cell: $lanes lanes of 8 bits" build/millrace plan $cell.8.millrace $own --lanes $lanes
    done
done
# From Python: y.npy is of sim:.
check "Python gives the same bits" env PYTHONPATH="$root/build/python" PYTHONDONTWRITEBYTECODE=1 python3 -c '
import millrace, numpy
cells = ["examples/cells/li_gru.c"]
with millrace.import_onnx("li_gru.onnx", cells=cells, calibrate="x.npy") as made, millrace.open("li_gru.millrace", cells) as model:
    x = numpy.load("x.npy")
    for each in made, model:
        with each.session("cpu:") as session:
            assert numpy.array_equal(session.run(x), numpy.load("y.npy"))
    made.reference(x)
try:
    millrace.open("li_gru.millrace")
    raise SystemExit("opened without its cell")
except millrace.Error as error:
    assert error.code == millrace.ErrorCode.MODEL and "--cell li_gru.c" in error.text
'

# ---- what the two do not have: a second field, and split gates, by cells of the program itself under another name
own_form() { # cell, arguments, multipliers, tables, places that read old.h
    sed "s/\b$1\b/own_$1/g; s/\b$1_/own_$1_/g; s/MR_CELLS_/MR_OWN_/" "$root/hls/kernels/cells/$1.h" >"cells/own_$1.c"
    cat >>"cells/own_$1.c" <<CELL
#define own_$1_RANGED 0
#define own_$1_ARGUMENT_FRAC {$2}
#define own_$1_MULTIPLIERS $3
#define own_$1_TABLES $4
#define own_$1_H_READS $5
CELL
}
own_form lstm "15, 15, 16, 15" 8 5 0
cat >>cells/own_lstm.c <<'CELL'
#ifdef MR_CELL_FLOAT
#include <math.h>
static double own_lstm_gate(double sum) { return 1 / (1 + exp(-sum)); }
static void own_lstm_float_unit(const double sum[own_lstm_GATES], double *h, double *cell) {
    *cell = own_lstm_gate(sum[1]) * *cell + own_lstm_gate(sum[0]) * tanh(sum[2]);
    *h = own_lstm_gate(sum[3]) * tanh(*cell);
}
#endif
CELL
own_form gru "15, 15, 16, 16" 5 3 1
cat >>cells/own_gru.c <<'CELL'
#ifdef MR_CELL_FLOAT
#include <math.h>
static double own_gru_gate(double sum) { return 1 / (1 + exp(-sum)); }
static void own_gru_float_unit(const double sum[own_gru_GATES + own_gru_SPLIT], double *h, double *cell) {
    const double z = own_gru_gate(sum[1]), n = tanh(sum[2] + own_gru_gate(sum[0]) * sum[3]);
    (void)cell;
    *h = (1 - z) * n + z * *h;
}
#endif
CELL
for cell in lstm gru; do
    gates=4
    [ $cell = gru ] && gates=3
    own="--cell cells/own_$cell.c"
    python3 examples/cells/network.py own_$cell $gates own_$cell.onnx x.npy
    # shellcheck disable=SC2086
    check "own_$cell: imported" build/millrace import own_$cell.onnx $own --calibrate x.npy
    grep -qE 'signal to error [6-9][0-9]\.[0-9] dB$' out.txt && verdict pass "own_$cell: accurate" || verdict FAIL "own_$cell: $(cat out.txt)"
    snr=$(sed -n 's/^integers against float.*error \([0-9.]*\) dB.*/\1/p' out.txt)
    # shellcheck disable=SC2086
    check "own_$cell: planned" build/millrace plan own_$cell.millrace $own --lanes 3
    [ -z "${THOROUGH:-}" ] || {
        # shellcheck disable=SC2086
        check "own_$cell: compared" build/millrace compare own_$cell.millrace x.npy $own
        grep -q "^cpu:.* $snr dB" out.txt && grep -q "the bits agree" out.txt && verdict pass "own_$cell: the same bits" || verdict FAIL "own_$cell: other bits"
    }
done

if [ -n "${THOROUGH:-}" ]; then
    check "an image of an emulated card" build/millrace build mgu.millrace --cell examples/cells/mgu.c --platform hw_emu -o image
    check "which runs" build/millrace compare mgu.millrace x.npy --cell examples/cells/mgu.c --devices cpu:,xrt:0 --bitstreams image
    grep -q "the bits agree" out.txt && verdict pass "with the same bits" || verdict FAIL "with other bits"
fi

# ---- a state knows the cell
own="--cell examples/cells/mgu.c"
python3 -c 'import numpy; numpy.save("one.npy", numpy.load("x.npy")[:1])'
# shellcheck disable=SC2086
check "a state is saved" build/millrace run mgu.millrace one.npy $own --device cpu: --steps --save state -o y.npy
sed 's/16384) >> 15);$/16383) >> 15);/' examples/cells/mgu.c >cells/mgu.c

# ---- what is wrong
wrong() { # name, pattern of the sentence, command...
    name=$1 pattern=$2
    shift 2
    "$@" >out.txt 2>err.txt
    code=$?
    if [ $code = 1 ] && [ "$(grep -c '^millrace: ' err.txt)" = 1 ] && [ "$(wc -l <err.txt)" = 1 ] && grep -qE "$pattern" err.txt; then
        verdict pass "$name"
    else
        verdict FAIL "$name: code $code, $(cat err.txt)"
    fi
}
wrong_cell() { # name, pattern, edit: an import with the cell so
    sed "$3" examples/cells/mgu.c >cells/mgu.c
    cmp -s cells/mgu.c examples/cells/mgu.c && verdict FAIL "$1: the edit changes nothing"
    wrong "$1" "$2" build/millrace import mgu.onnx --cell cells/mgu.c -o wrong.millrace
}
wrong "a cell that is not given" "node 'last' has operator millrace.mgu.*--cell" build/millrace import mgu.onnx -o wrong.millrace
wrong "a model without its cell" "mgu.millrace has layers of the cell 'mgu'.*--cell mgu.c" build/millrace plan mgu.millrace
sed 's/hidden_size=UNITS/&, activations=(1,)/' examples/cells/network.py >network.py
python3 network.py mgu 2 active.onnx active.npy
wrong "activations in the file" "'last' .mgu. has activations or a clip, which" build/millrace import active.onnx --cell examples/cells/mgu.c -o wrong.millrace
wrong "another file of the cell" "another file of the cell 'mgu'" build/millrace plan mgu.millrace --cell cells/mgu.c
check "a network is imported with it" build/millrace import mgu.onnx --cell cells/mgu.c --calibrate x.npy -o other.millrace
wrong "a state of another cell" "state.*is (not|no state) of|another model" build/millrace run other.millrace one.npy --cell cells/mgu.c --device cpu: --restore state -o y.npy
wrong "no file" "nothing.c" build/millrace import mgu.onnx --cell nothing.c
cp examples/cells/mgu.c cells/lstm.c
wrong "a name that is there" "cells/lstm.c: this program has a 'lstm' of its own" build/millrace import mgu.onnx --cell cells/lstm.c
# As the processes between the operators are called, and an operator whose process has another name.
for taken in fork lstm_cell; do
    cp "$root/examples/cells/mgu.c" cells/$taken.c
    wrong "$taken is there" "cells/$taken.c: this program has a '$taken' of its own" build/millrace import mgu.onnx --cell cells/$taken.c
done
cp examples/cells/mgu.c "cells/my cell.c"
wrong "a name that is none" "my cell.c: a cell has the name of its file" build/millrace import mgu.onnx --cell "cells/my cell.c"
wrong "twice the same" "'mgu' is given twice" build/millrace import mgu.onnx $own $own
wrong_cell "a missing number" "mgu.c does not #define mgu_TABLES, which" '/mgu_TABLES/d'
wrong_cell "a missing function" "mgu.c has no function mgu_unit, which" 's/mgu_unit(/mgu_step(/'
wrong_cell "a missing float twin" "mgu.c has no function mgu_float_unit, which" 's/mgu_float_unit/mgu_float/'
wrong_cell "no columns for the second phase" "mgu.c:11:[0-9]*: error: #error .a cell with a second phase must have mgu_columns" 's/mgu_columns/mgu_others/'
wrong_cell "too many gates" "mgu.c:9:1: error.*mgu_GATES: gates and split ones are 1 to 6" 's/mgu_GATES 2/mgu_GATES 7/'
wrong_cell "too few fractions" "mgu.c:[0-9]*:.*mgu_ARGUMENT_FRAC: there is a number for each gate" 's/{ 15, 16 }/{ 15 }/'
wrong_cell "a slip of the pen" "mgu.c:[0-9]*:[0-9]*: error: 'tahn' undeclared|mgu.c:[0-9]*:[0-9]*: error: implicit declaration of function 'tahn'" 's/f \* tanh/f * tahn/'
wrong_cell "another form of the function" "mgu.c:[0-9]*:.*error: conflicting types for 'mgu_unit'" 's/int exponent,/long exponent,/'
wrong_cell "other gates than the file" "node 'last' .mgu. has a W of another shape than .1, 36, 6." 's/mgu_GATES 2/mgu_GATES 3/; s/{ 15, 16 }/{ 15, 15, 16 }/'
sed 's/.past = 0;/*past = (uint32_t)(0.5 * exponent);/' examples/cells/mgu.c >cells/mgu.c
check "what gcc takes" build/millrace import mgu.onnx --cell cells/mgu.c -o wrong.millrace
wrong "and hlsc does not" "hlsc.*mgu.c:[0-9]*: error: " build/millrace plan wrong.millrace --cell cells/mgu.c
sed 's/mgu_LATENCY(LC) (14/mgu_LATENCY(LC) (9/' examples/cells/mgu.c >cells/mgu.c
check "a D that is too small is imported" build/millrace import mgu.onnx --cell cells/mgu.c -o wrong.millrace
wrong "and told by hlsc" "hlsc.*but its new value takes [0-9]* cycles" build/millrace plan wrong.millrace --cell cells/mgu.c

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
