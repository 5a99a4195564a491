#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The packets of docs/usb.md in RTL against those of the driver, in Verilator, at the pins; the generated files; and, where
# THOROUGH is set, what the serial way takes of an iCE40. Usage, from the repository's root: tests/usb_test.sh [seed].
# Work files: build/usb_test.
set -u
seed=${1:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
work=build/usb_test
failed=0 rounds=1
[ -z "${THOROUGH:-}" ] || rounds=20
mkdir -p "$work" || exit 1
echo "\`define MR_SHAPE_HASH 128'h0" >"$work/mr_network.svh" # of tests/usb/copy, which has no network
echo "usb_test: seed $seed"

fail() {
    echo "FAIL: $*"
    failed=1
}

for file in sv:hw/usb/mr_packet_pkg.sv md:docs/packets.md; do
    if build/make_packet "${file%%:*}" | cmp -s - "${file#*:}"; then
        echo "pass: ${file#*:} is that of mr_packet.h"
    else
        fail "${file#*:} is not that of base/contract/mr_packet.h; run make registers"
    fi
done

packets="hw/usb/mr_packet_pkg.sv hw/usb/mr_packet.sv hw/usb/mr_packet_stream.sv"
serial="$packets hw/usb/mr_uart_rx.sv hw/usb/mr_uart_tx.sv hw/usb/mr_uart_link.sv"

bus="hw/usb/mr_packet_pkg.sv hw/usb/mr_packet.sv hw/usb/mr_packet_bus.sv hw/usb/mr_fifo245.sv hw/usb/mr_usb_memory.sv"

way() { # what, folder, top, test, files...
    what=$1 folder=$work/$2 top=$3 test=$4
    shift 4
    if ! tests/usb/build_link.sh "$top" "tests/usb/$test.cpp" "$folder" "$@" >"$folder.build.log" 2>&1; then
        fail "$what does not build: $(grep -m 3 '^%\|rror' "$folder.build.log")"
    elif timeout 300 "$folder/$test" "$seed" $rounds >"$folder.log" 2>&1 && tail -n 1 "$folder.log" | grep -q PASS; then
        grep '^pass' "$folder.log"
    else
        fail "$what (seed $seed): $(grep -v '^pass' "$folder.log" | tail -n 5)"
    fi
}
# Word splitting of the lists of files is wanted.
# shellcheck disable=SC2086
way "the serial way" echo usb_echo_top link_rtl_test $serial tests/usb/usb_echo.sv tests/usb/usb_echo_top.sv
# shellcheck disable=SC2086
way "the FIFO's way" copy mr_usb_pipeline bus_rtl_test -GMEMORY=16384 -GPAYLOAD=1024 -GTIMER=10 "-I$work" $bus \
    hw/rtl/mr_fifo.sv hw/rtl/mr_copy.sv hw/usb/mr_usb_pipeline.sv tests/usb/copy/millrace.sv

# What is left of the chip beside a kernel is little.
yosys=${YOSYS:-yosys}
if [ -n "${THOROUGH:-}" ] && command -v "$yosys" >/dev/null; then
    most=700
    "$yosys" -q -p "read_verilog -sv -DSYNTHESIS -Ihw/include $serial
        chparam -set HASH 128'h0123456789abcdef5a5a3b3c9f8e7d6c mr_uart_link
        chparam -set LIMITS 128'h00000000000000000000010002004000 mr_uart_link
        synth_ice40 -top mr_uart_link -abc9 -device u -dsp; tee -o $work/ice40.txt stat" >"$work/ice40.log" 2>&1
    cells=$(awk '$1 == "SB_LUT4" { print $2 }' "$work/ice40.txt")
    memories=$(awk '$1 == "SB_RAM40_4K" { print $2 }' "$work/ice40.txt")
    if [ "${cells:-9999}" -le $most ] && [ "${memories:-9}" -le 2 ]; then
        echo "pass: the serial way takes $cells LUTs ($most at most) and $memories block RAMs of an iCE40"
    else
        fail "the serial way takes ${cells:-?} LUTs (of $most) and ${memories:-?} block RAMs (of 2) of an iCE40"
    fi
fi
exit $failed
