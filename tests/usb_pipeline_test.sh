#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The pipeline of a network behind an emulated FT601: unmodified libusb, the chip's FIFO pins, and the RTL with the registers
# of a card in Verilator. The bits of cpu:, whole sequences and step by step, and faults.
# Usage, from the repository's root: tests/usb_pipeline_test.sh [long]; long takes the turbofan network too, and more faults.
set -u
work=build/usb_pipeline_test network=small
long=${1:-}
[ -z "${THOROUGH:-}" ] || long=long
board=$work/small.millrace
# shellcheck source=tests/usb/emulated.sh
. tests/usb/emulated.sh

# equal NETWORK: whole, twice on one device, and step by step
equal() {
    local board=$work/$1.millrace
    on_cpu "$1" "$1.csv"
    emulated "" "$(run_on usb: "$1" "$1.csv") && cp $work/$1.usb.npy $work/first.npy && $(run_on usb: "$1" "$1.csv")" ||
        fail "$1: $(tail -n 2 "$work/log")"
    cmp -s "$work/first.npy" "$work/$1.usb.npy" || fail "$1: the second run gives other bits"
    same "$1" "a whole sequence, twice"
    on_cpu "$1" "$1.csv" --steps
    emulated "" "$(run_on usb: "$1" "$1.csv" --steps)" || fail "$1: $(tail -n 2 "$work/log")"
    same "$1" "step by step"
}

network small lstm 1 7 3
numbers 3 50 >"$work/small.csv"
cp "$work/small.csv" "$work/steps.csv"
equal small
# The weights take some 2,000 bytes to the device, and 50 steps 10,000 more.
told "a cable that is pulled" 20 "unplugged" "$board:MR1:pull@6000"
told "no permission" 3 plugdev "$board:MR1:deny@0"
goes_on garbage@0,drop@1000,garbage-in@100,drop-in@150,garbage@2000,drop@5000

# Where there is no hlsc, processes have their names from a manifest of this network.
without() { # options of run
    emulated "" "export MILLRACE_HLSC=/nowhere MILLRACE_CACHE=$work/none; $(run_on usb: small small.csv "$@")"
}
$millrace build "$work/small.millrace" --platform hw -o "$work/manifest" >"$work/log" 2>&1 ||
    fail "a manifest: $(tail -n 1 "$work/log")"
echo "no JSON" >"$work/manifest/a.json"
on_cpu small small.csv
without --bitstreams "$work/manifest" || fail "without hlsc: $(tail -n 2 "$work/log")"
same small "without hlsc"
sed -i 's/"shape_hash": *"./&0/' "$work/manifest/manifest.json"
if ! without --bitstreams "$work/manifest" && grep -qi hlsc "$work/log"; then
    pass "a manifest of another network asks for hlsc: $(tail -n 1 "$work/log")"
else
    fail "a manifest of another network: $(tail -n 2 "$work/log")"
fi

if [ "$long" = long ]; then
    told "a device that stands still" 40 "not answer\|no answer" "$board:MR1:stuck@6000"
    told "a cable that is pulled and plugged in again, which powers the device" 40 "reset" "$board:MR1:pull@6000,plug@300"
    network other lstm 1 8 3
    told "the pipeline of another network" 60 "another network or from other kernels" "$work/other.millrace:MR1:"
    $millrace import tests/data/turbofan_lstm2x25_rul.onnx -o "$work/turbofan.millrace" >"$work/log" 2>&1 ||
        fail "import: $(tail -n 1 "$work/log")"
    numbers 25 50 >"$work/turbofan.csv"
    equal turbofan
fi

echo "usb_pipeline_test: $passed passed, $failed failed"
exit $((failed > 0))
