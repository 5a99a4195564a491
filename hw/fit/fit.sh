#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a design costs on a card, by Yosys for UltraScale+.
# Usage: hw/fit/fit.sh [--json] OUTDIR TARGET FILE.sv... --top NAME
# TARGET is a device of host/devices.def. The modules of hw/rtl are read as well. OUTDIR gets yosys.log,
# stat.txt and fit.json; the table, or with --json the JSON object, goes to standard output.
# DSP, BRAM and URAM counts can be trusted; LUT and FF counts are upper bounds. Fmax is not estimated.
set -u
here=$(cd "$(dirname "$0")" && pwd)
hw=$(dirname "$here")
devices=${MR_DEVICES:-$hw/../host/devices.def}
yosys=${YOSYS:-yosys}
json=0 top='' outdir='' target='' files=''

fail() {
    echo "fit: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --json) json=1 ;;
    --top)
        [ $# -gt 1 ] || fail "--top needs the name of a module."
        top=$2
        shift
        ;;
    -*) fail "unknown option $1; known are --json and --top NAME." ;;
    *)
        if [ -z "$outdir" ]; then
            outdir=$1
        elif [ -z "$target" ]; then
            target=$1
        else
            [ -r "$1" ] || fail "cannot read $1."
            files="$files $1"
        fi
        ;;
    esac
    shift
done
if [ -z "$top" ] || [ -z "$files" ]; then
    fail "usage: fit.sh [--json] OUTDIR TARGET FILE.sv... --top NAME"
fi

# name part LUT FF DSP BRAM36 URAM SLRs
device=$(sed -n 's/^MR_DEVICE(\([^,]*\), *"\([^"]*\)", *\([0-9]*\), *\([0-9]*\), *\([0-9]*\), *\([0-9]*\), *\([0-9]*\), *\([0-9]*\).*/\1 \2 \3 \4 \5 \6 \7 \8/p' "$devices" | grep "^$target ") ||
    fail "no device '$target' in $devices; known are: $(sed -n 's/^MR_DEVICE(\([^,]*\),.*/\1/p' "$devices" | tr '\n' ' ')"

for file in "$hw"/rtl/*.sv; do
    case "$files " in
    *"/$(basename "$file") "*) ;;
    *) files="$files $file" ;;
    esac
done

mkdir -p "$outdir" || exit 1
synth="synth_xilinx -family xcup -top $top -noiopad -noclkbuf -uram"
"$yosys" -q -l "$outdir/yosys.log" -p "
    read_verilog -sv -I$hw/include $files
    hierarchy -check -top $top
    script $here/primitives.ys
    $synth -run begin:map_dsp
    script $here/dsp.ys
    $synth -run coarse:check
    techmap -map $here/dsp48e2_map.v
    clean
    tee -q -o $outdir/stat.txt stat
" >"$outdir/yosys.out" 2>&1 || fail "Yosys stopped: $(grep ERROR "$outdir/yosys.out" | head -n 1) (see $outdir/yosys.log)"

# The last section of the statistics is of the whole design, instances multiplied out.
# LUTs of distributed memories by cell, as UG574 counts them.
awk -v device="$device" -v top="$top" -v json_file="$outdir/fit.json" -v json=$json '
function row(name, used, total) {
    printf "%-9s %12s of %8d  %6.2f %%%s\n", name, used, total, 100 * used / total,
        (used > total) ? "  DOES NOT FIT" : ""
}
BEGIN {
    split("RAM32M16 8 RAM64M8 8 RAM32M 4 RAM64M 4 RAM32X1D 2 RAM64X1D 2 RAM128X1D 4 RAM256X1D 8 " \
          "RAM32X1S 1 RAM64X1S 1 RAM128X1S 2 RAM256X1S 4 RAM512X1S 8 RAM32X16DR8 8 RAM64X8SW 8 " \
          "SRL16E 1 SRLC16E 1 SRLC32E 1", w, " ")
    for (i = 1; i in w; i += 2) lutram[w[i]] = w[i + 1]
}
/^===/ { delete n; cells = 0 }
/Number of cells:/ { cells = 1; next }
cells && NF == 2 && $2 ~ /^[0-9]+$/ { n[$1] += $2 }
END {
    split(device, d, " ")
    for (c in n) {
        k = n[c]
        if (c ~ /^LUT[1-6]$/ || c == "INV") logic_lut += k
        else if (c in lutram) memory_lut += k * lutram[c]
        else if (c ~ /^(FD[RSCP]E?(_1)?|LD[CP]E)$/) ff += k
        else if (c == "DSP48E2") dsp += k
        else if (c == "RAMB36E2") bram += k
        else if (c == "RAMB18E2") bram += k / 2
        else if (c == "URAM288" || c == "URAM288_BASE") uram += k
        else if (c == "CARRY4") carry += k
        else if (c == "CARRY8") carry += 2 * k
        else if (c ~ /^MUXF[789]$/) mux += k
        else if (c !~ /^(BUFG.*|GND|VCC|IBUF|OBUF)$/ && c !~ /\\/ && c ~ /^(\$|[A-Z0-9_]+$)/ && c !~ /^\$paramod/) other = other " " c
    }
    lut = logic_lut + memory_lut
    printf "{\"top\": \"%s\", \"device\": \"%s\", \"part\": \"%s\", \"dsp\": %d, \"bram36\": %.1f, " \
           "\"uram\": %d, \"lut\": %d, \"lut_memory\": %d, \"ff\": %d, \"carry4\": %d, " \
           "\"device_dsp\": %d, \"device_bram36\": %d, \"device_uram\": %d, \"device_lut\": %d, " \
           "\"device_ff\": %d}\n", top, d[1], d[2], dsp, bram, uram, lut, memory_lut, ff, carry,
           d[5], d[6], d[7], d[3], d[4] > json_file
    close(json_file)
    if (other != "") {
        print "fit: cells that were not mapped to the device:" other > "/dev/stderr"
        exit 1
    }
    if (json) {
        while ((getline line < json_file) > 0) print line
    } else {
        printf "%s on %s (%s)\n", top, d[1], d[2]
        row("DSP48E2", dsp + 0, d[5])
        row("RAMB36", bram + 0, d[6])
        row("URAM288", uram + 0, d[7])
        row("LUT", lut + 0, d[3])
        row("FF", ff + 0, d[4])
        printf "LUT and FF are upper bounds; %d of the LUTs are memory or shift registers.\n", memory_lut
    }
}' "$outdir/stat.txt"
