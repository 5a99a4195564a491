#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lints with `verilator --lint-only -Wall`: every module of hw/rtl as top, the FIFO, the crossing
# and the memory in their other forms too, and each file given as an argument as top among the others that are given.
# Waivers stand in hw/lint/waivers.vlt and nowhere else. Usage: hw/lint.sh [generated.sv ...]
set -u
hw=$(dirname "$0")
verilator=${VERILATOR:-verilator}
failed=0

lint() { # top, then options and files
    top=$1
    shift
    if "$verilator" --lint-only -Wall -I"$hw/include" "$hw/lint/waivers.vlt" --top-module "$top" "$@"; then
        echo "lint: $top: clean"
    else
        echo "lint: $top ($*): NOT clean"
        failed=1
    fi
}

for file in "$hw"/rtl/*.sv; do
    lint "$(basename "$file" .sv)" "$hw"/rtl/*.sv
done
for depth in 1 3 4 65 100; do
    lint mr_fifo -GDEPTH=$depth "$hw/rtl/mr_fifo.sv"
done
for stages in 1 2 3 6; do
    lint mr_crossing -GSTAGES=$stages "$hw"/rtl/*.sv
done
for form in "-GLATENCY=0 -GCHUNKS=3" "-GLATENCY=2 -GCHUNKS=80" "-GDEPTH=1 -GCHUNKS=1" "-GDEPTH=20" \
    "-GCHUNKS=5 -GOWN_DATA=1"; do
    # Word splitting is wanted: each form is a list of options.
    # shellcheck disable=SC2086
    lint mr_ram $form "$hw/rtl/mr_ram.sv"
done
for form in "-GCHUNKS=24 -GCHUNK_WIDTH=80" "-GDEPTH=5 -GFIRST=4 -GCHUNKS=5 -GPIECE=33 -GOWN_DATA=1"; do
    for as in "" -DSYNTHESIS; do
        # shellcheck disable=SC2086
        lint mr_ram_parted $form $as "$hw"/rtl/*.sv
    done
done
for form in "-GLATENCY=1 -GCHUNKS=3 -GCHUNK_WIDTH=5" "-GCHUNKS=80" "-GDEPTH=1"; do
    # shellcheck disable=SC2086
    lint mr_ram_t2p $form "$hw/rtl/mr_ram_t2p.sv"
done
for form in "-GLATENCY=1 -GCHUNKS=3 -GCHUNK_WIDTH=5" "-GCHUNKS=4" "-GDEPTH=1"; do
    # shellcheck disable=SC2086
    lint mr_ram_1p $form "$hw/rtl/mr_ram_1p.sv"
done

# The card's modules; millrace itself needs a network, whose mr_network.svh and RTL tests/card_rtl_test.sh brings.
packages="$hw/card/mr_card_pkg.sv $hw/card/mr_registers_pkg.sv"
modules=
for file in "$hw"/card/*.sv; do
    case $file in *_pkg.sv | */millrace.sv) ;; *) modules="$modules $file" ;; esac
done
for file in $modules; do
    # Word splitting is wanted: lists of files.
    # shellcheck disable=SC2086
    lint "$(basename "$file" .sv)" $packages $modules "$hw"/rtl/*.sv
done
for form in "mr_unpack -GBITS=1" "mr_unpack -GBITS=72" "mr_unpack -GBITS=512" "mr_unpack -GBITS=1000" \
    "mr_pack -GBITS=1" "mr_pack -GBITS=72" "mr_pack -GBITS=512" "mr_pack -GBITS=1000" \
    "mr_bursts -GMAX_BEATS=1" "mr_counters -GPROCESSES=9" "mr_counters -GPROBES=5" \
    "mr_counters -GPROBES=5 -GFEEDBACK=1'b1 -GPROBE_STAGES=3" "mr_card_control -GFEEDBACK=1'b1" "mr_feedback -GX_BITS=80" \
    "mr_memory_port -GBITS=90" "mr_memory_port -GBITS=512" "mr_memory_parts -GBITS=90" "mr_memory_parts -GBITS=1000" \
    "mr_memory_registers -GMEMORIES=3"; do
    # shellcheck disable=SC2086
    lint $form $packages $modules "$hw"/rtl/*.sv
done

# The ways in by USB; mr_usb_pipeline needs a network as millrace does.
packages="$hw/usb/mr_packet_pkg.sv $packages"
usb=
for file in "$hw"/usb/*.sv; do
    case $file in *_pkg.sv | */mr_usb_pipeline.sv) ;; *) usb="$usb $file" ;; esac
done
for file in $usb; do
    # shellcheck disable=SC2086
    lint "$(basename "$file" .sv)" $packages $usb "$hw"/rtl/*.sv
done
for form in "mr_packet -GPAYLOAD=16384 -GTIMER=20" "mr_packet_stream -GPAYLOAD=256" "mr_uart_rx -GCLOCKS_PER_BIT=26"; do
    # shellcheck disable=SC2086
    lint $form $packages $usb "$hw"/rtl/*.sv
done

if [ $# -gt 0 ]; then
    for file in "$@"; do
        lint "$(basename "$file" .sv)" "$@" "$hw"/rtl/*.sv
    done
fi
exit $failed
