# SPDX-License-Identifier: Apache-2.0
# What the tests of emulated USB devices share; sourced. The caller sets `work`; `board`, what is behind the chip; and `network`, the one
# that faults are tried with, on $work/steps.csv.
# shellcheck shell=bash
millrace=build/millrace
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
# A device computes for long: its simulator is optimised.
unset MILLRACE_OPTIMISE
rm -rf "$work"
mkdir -p "$work" || exit 1
passed=0 failed=0

pass() {
    echo "pass: $*"
    passed=$((passed + 1))
}
fail() {
    echo "FAIL: $*"
    failed=$((failed + 1))
}

# network NAME CELL LAYERS HIDDEN INPUTS: a model with first weights, after a little training
network() {
    local x=$work/$1.train.csv
    awk -v n="$5" 'BEGIN { for (s = 0; s < 4; s++) for (t = 0; t < 10; t++) for (i = 0; i < n; i++)
        printf "%.4f%s", (s * 5 + t * 7 + i * 3) % 11 / 5.5 - 1, t == 9 && i == n - 1 ? "\n" : "," }' >"$x"
    printf '0.1\n0.5\n0.9\n0.3\n' >"$work/y.csv"
    echo "{\"inputs\": $5, \"layers\": [{\"cell\": \"$2\", \"hidden\": $4, \"layers\": $3}],
        \"heads\": [{\"name\": \"life\", \"outputs\": 1}]}" >"$work/$1.json"
    "$millrace" train "$work/$1.json" --x "$x" --y "$work/y.csv" --epochs 1 -o "$work/$1.millrace" >"$work/log" 2>&1 ||
        fail "train $1: $(tail -n 1 "$work/log")"
}

numbers() { # inputs, steps
    awk -v n="$1" -v steps="$2" 'BEGIN { for (t = 0; t < steps; t++) for (i = 0; i < n; i++)
        printf "%.4f%s", (t * 7 + i * 3) % 11 / 5.5 - 1, i < n - 1 ? "," : "\n" }'
}

# emulated FAULTS SCRIPT: the script's runs, one after another on one board; their output in $work/log. Its exit code.
emulated() {
    timeout "${limit:-120}" "$millrace" emulate --usb "$board:MR1:$1" bash -c "$2" >"$work/log" 2>&1
}

run_on() { # device, network, options...: prints the command that writes NETWORK.DEVICE.npy
    local device=$1 name=$2 x=$3
    shift 3
    echo "$millrace run $work/$name.millrace $work/$x --device $device -o $work/$name.${device%%:*}.npy $*"
}

on_cpu() { # network, options...
    eval "$(run_on cpu: "$@")" >/dev/null 2>"$work/log" || fail "$1 on cpu:: $(tail -n 1 "$work/log")"
}

same() { # network, what
    if [ -e "$work/$1.usb.npy" ] && cmp -s "$work/$1.cpu.npy" "$work/$1.usb.npy"; then
        pass "$1: $2: usb: gives the bits of cpu:"
    else
        fail "$1: $2: usb: and cpu: differ: $(tail -n 1 "$work/log")"
    fi
    rm -f "$work/$1".*.npy
}

# told WHAT, seconds, what the sentence must have, device: the run fails within the time, with one sentence, and with a
# fallback has all its results.
told() {
    local begun code=0 took
    # The device is built before.
    "$millrace" emulate --usb "$4" true >"$work/log" 2>&1 || fail "$1: $(tail -n 2 "$work/log")"
    begun=$SECONDS
    timeout "${limit:-120}" "$millrace" emulate --usb "$4" bash -c "exec $(run_on usb: "$network" steps.csv --steps)" >"$work/log" 2>&1 || code=$?
    took=$((SECONDS - begun))
    if [ $code -eq 1 ] && grep -q "$3" "$work/log" && [ $took -le "$2" ] &&
        [ "$(grep '^millrace:' "$work/log" | grep -vc 'millrace: note:')" -eq 1 ]; then
        pass "$1, told after $took s: $(grep '^millrace:' "$work/log" | grep -v 'millrace: note:')"
    else
        fail "$1: code $code after $took s: $(tail -n 3 "$work/log")"
    fi
    [ ! -e "$work/$network.usb.npy" ] || fail "$1: an output was written"
    on_cpu "$network" steps.csv --steps
    timeout "${limit:-120}" "$millrace" emulate --usb "$4" bash -c "exec $(run_on usb: "$network" steps.csv --steps --fallback cpu:)" >"$work/log" 2>&1 ||
        fail "$1, with a fallback: code $?: $(tail -n 2 "$work/log")"
    grep -q "cpu:, in place of usb:.*: .*\($3\)" "$work/log" || fail "$1: cpu: did not take its place: $(tail -n 2 "$work/log")"
    same "$network" "$1, with a fallback"
}

# goes_on FAULTS [OPTION...]: the run has all its results.
goes_on() {
    local faults=$1
    shift
    on_cpu "$network" steps.csv --steps
    emulated "$faults" "exec $(run_on usb: "$network" steps.csv --steps "$@")" || fail "$faults $*: $(tail -n 2 "$work/log")"
    same "$network" "$faults${*:+, $*}"
}
