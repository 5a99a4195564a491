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
goes_on pull@6000 --fallback cpu:
grep -q "went on with cpu:" "$work/log" || fail "pull@6000: cpu: did not go on: $(tail -n 2 "$work/log")"
goes_on garbage@0,drop@1000,garbage-in@100,drop-in@150,garbage@2000,drop@5000
if [ "$long" = long ]; then
    told "a device that stands still" 40 "not answer\|no answer" "$board:MR1:stuck@6000"
    goes_on stuck@6000 --fallback cpu:
    told "a cable that is pulled and plugged in again, which powers the device" 40 "reset" "$board:MR1:pull@6000,plug@300"
    network other lstm 1 8 3
    told "the pipeline of another network" 60 "another shape" "$work/other.millrace:MR1:"
    $millrace import tests/data/turbofan_lstm2x25_rul.onnx -o "$work/turbofan.millrace" >"$work/log" 2>&1 ||
        fail "import: $(tail -n 1 "$work/log")"
    numbers 25 50 >"$work/turbofan.csv"
    equal turbofan
fi

echo "usb_pipeline_test: $passed passed, $failed failed"
exit $((failed > 0))
