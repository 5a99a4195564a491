# SPDX-License-Identifier: Apache-2.0
# What the tests of the command millrace share (cli_test.sh, cli_import_test.sh): sourced with W, a folder for their files.
# shellcheck shell=sh
M=${MILLRACE:-build/millrace}
SHARED=${SHARED:-../shared/models}
T=$W/tiny.millrace
X=$W/x.npy
N=tests/data/turbofan_lstm2x25_rul.onnx
export MILLRACE_CACHE="${MILLRACE_CACHE:-$W/cache}"
cases=0
failures=0

# check NAME COMMAND...: the command must succeed.
check() {
    name=$1
    shift
    cases=$((cases + 1))
    if ! "$@"; then
        echo "FAILED: $name: $*"
        failures=$((failures + 1))
    fi
}

# runs EXIT_CODE ARGUMENTS...: millrace must end so. Its outputs are in $W/out and $W/err.
runs() {
    wanted=$1
    shift
    cases=$((cases + 1))
    "$M" "$@" >"$W/out" 2>"$W/err"
    got=$?
    if [ $got -ne "$wanted" ]; then
        echo "FAILED: millrace $*: exit code $got, expected $wanted"
        cat "$W/err"
        failures=$((failures + 1))
    fi
}

# refuses EXIT_CODE TEXT ARGUMENTS...: it must end so, with one sentence that has the text, and without output.
refuses() {
    code=$1
    text=$2
    shift 2
    runs "$code" "$@"
    if [ "$(wc -l <"$W/err")" -ne 1 ] || ! grep -q '^millrace: ' "$W/err" ||
        ! grep -qF -- "$text" "$W/err" || [ -s "$W/out" ]; then
        echo "FAILED: millrace $*: expected one sentence with '$text', got:"
        cat "$W/err" "$W/out"
        failures=$((failures + 1))
    fi
}

# full ARGUMENTS...: it must end with 1 and one sentence where the disk behind standard output is full.
full() {
    cases=$((cases + 1))
    "$M" "$@" >/dev/full 2>"$W/err"
    got=$?
    if [ $got -ne 1 ] || [ "$(wc -l <"$W/err")" -ne 1 ] ||
        ! grep -qx 'millrace: standard output cannot be written: No space left on device' "$W/err"; then
        echo "FAILED: millrace $* >/dev/full: exit code $got, and"
        cat "$W/err"
        failures=$((failures + 1))
    fi
}

# csv FILE ROWS COLUMNS VALUE: a table of one value.
csv() {
    awk -v rows="$2" -v columns="$3" -v value="$4" 'BEGIN {
        for (i = 0; i < rows; i++) {
            for (j = 0; j < columns; j++) printf "%s%s", j ? "," : "", value
            print ""
        } }' >"$1"
}

# needs PROGRAM...: the programs that the test takes, of which the first one, session_test, writes a model T and its input X
# into a new folder. N is a network as PyTorch writes it.
needs() {
    for program in "$M" "$@"; do
        [ -x "$program" ] || { echo "$program is needed; build it first" && exit 1; }
    done
    mkdir -p "$W" || exit 1
    rm -rf "$W"/*.npy "$W"/*.csv "$W"/*.json "$W"/*.millrace "$W"/*.onnx "$W/readonly" "$W/broken-cache"
    check "writing the model" "$1" --write "$T" "$X"
}

# ended NAME: the test's last line, and its verdict.
ended() {
    echo "$1: $cases cases, $failures failures"
    [ $failures -eq 0 ]
}
