#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A `verilator` for `hlsc check --target up5k`: instead of the RTL of a kernel it builds the cells that Yosys makes of it for
# an iCE40, so that the netlist is compared with the kernel's C, cycle by cycle. $ICE40_FILTER may name a program through
# which the RTL goes before.
set -eu
real=${ICE40_VERILATOR:-verilator}
yosys=${YOSYS:-yosys}
top='' before=''
for word in "$@"; do
    [ "$before" = --top-module ] && top=$word
    before=$word
done
[ -n "$top" ] || exec "$real" "$@"
cells=$(dirname "$(command -v "$yosys")")/../share/yosys/ice40/cells_sim.v
{ ${ICE40_FILTER:-cat}; } <"gen/$top.sv" >"$top.rtl.sv"
if ! "$yosys" -q -l "$top.yosys.log" -e "Driver-driver conflict" -p "
    read_verilog -defer -sv -Idata/hw/include $top.rtl.sv data/hw/rtl/*.sv
    synth_ice40 -device u -dsp -spram -abc9 -top $top
    write_verilog -noattr $top.netlist.v" >"$top.yosys.out" 2>&1; then
    echo "%Error: Yosys: $(grep -m 1 ERROR "$top.yosys.out")" >&2
    exit 1
fi
for word in "$@"; do
    shift
    [ "$word" = "gen/$top.sv" ] && word=$top.netlist.v
    set -- "$@" "$word"
done
exec "$real" -Wno-fatal -Wno-lint -Wno-style +define+NO_ICE40_DEFAULT_ASSIGNMENTS=1 "$@" "$cells"
