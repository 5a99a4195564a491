#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a design costs on a card, by Yosys for UltraScale+.
# Usage: hw/fit/fit.sh [--json] [--report report.json [--paths]] [--blocks] OUTDIR TARGET FILE.sv... --top NAME
# TARGET is a device of base/contract/devices.def. The modules of hw/rtl are read as well. OUTDIR gets yosys.log,
# stat.txt, dsp.il and fit.json; the table, or with --json the JSON object, goes to standard output.
# Each module is synthesised once and counted as often as it stands. With hlsc's report the counts are
# checked: one multiplier is one DSP48E2, or logic where the product fits 8 bits or is by a constant; memories are of the
# kind that the report says.
# DSP, BRAM and URAM counts can be trusted; LUT and FF counts are upper bounds. Fmax is not estimated.
# With --paths it also looks at what decides over the clock (paths.awk): loads of registers, LUTs and carry cells between
# registers, multipliers and block RAMs without theirs; what is above a limit is told with its line, and fails.
# With --blocks Yosys stops when multipliers and memories are mapped, and looks once where it else looks until nothing
# changes: no other LUTs and no FFs are counted, in a fifth of the time.
set -u
here=$(cd "$(dirname "$0")" && pwd)
hw=$(dirname "$here")
devices=${MR_DEVICES:-$hw/../base/contract/devices.def}
yosys=${YOSYS:-yosys}
json=0 paths=0 blocks=0 top='' outdir='' target='' files='' report=''

fail() {
    echo "fit: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --json) json=1 ;;
    --paths) paths=1 ;;
    --blocks) blocks=1 ;;
    --report)
        if [ $# -lt 2 ] || [ ! -r "$2" ]; then fail "--report needs a readable report.json of hlsc."; fi
        report=$2
        shift
        ;;
    --top)
        [ $# -gt 1 ] || fail "--top needs the name of a module."
        top=$2
        shift
        ;;
    -*) fail "unknown option $1; known are --json, --report FILE, --paths, --blocks and --top NAME." ;;
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
    fail "usage: fit.sh [--json] [--report FILE [--paths]] [--blocks] OUTDIR TARGET FILE.sv... --top NAME"
fi
if [ "$paths" -eq 1 ] && [ -z "$report" ]; then fail "--paths needs --report, which names hlsc's limits."; fi
if [ "$paths" -eq 1 ] && [ "$blocks" -eq 1 ]; then fail "--paths needs all gates; --blocks makes none."; fi
generated=$files
products=$files # the files that Yosys reads the products from

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
multipliers="-map +/mul2dsp.v -map $here/mul27x18_map.v -D DSP_A_MAXWIDTH=27 -D DSP_A_MAXWIDTH_PARTIAL=18
    -D DSP_B_MAXWIDTH=18 -D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=9 -D DSP_SIGNEDONLY=1
    -D DSP_NAME=\$__MUL27X18"
multipliers=$(echo "$multipliers" | tr '\n' ' ')
synth="synth_xilinx -family xcup -top $top -noiopad -noclkbuf -uram"
if [ "$blocks" -eq 1 ]; then
    # A tile's first lane is a constant where the tile stands, but a port of the module. It is that of the first tile here,
    # so that what comes of a lane's number alone takes no multiplier.
    # shellcheck disable=SC2086
    sed 's/(base_i)/(0)/g' $generated >"$outdir/blocks.sv" || exit 1
    files="$outdir/blocks.sv${files#"$generated"}"
    products=$outdir/blocks.sv
    prepare="script $here/prepare.ys"
    finish="memory -nomap; opt_clean; $synth -run map_memory:map_ffram"
    netlist=''
else
    prepare="$synth -run prepare:map_dsp"
    finish="$synth -run coarse:check"
    netlist="write_blif -icells -gates -conn -param -cname -impltf $outdir/netlist.blif"
fi
# Modules are elaborated when they are instantiated (-defer), not for their default parameters as well.
"$yosys" -q -l "$outdir/yosys.log" -p "
    read_verilog -lib -specify +/xilinx/cells_sim.v
    read_verilog -lib +/xilinx/cells_xtra.v
    read_verilog -defer -sv -DMR_NO_CONTENTS -I$hw/include $files
    hierarchy -check -top $top
    script $here/primitives.ys
    $prepare
    memory_dff
    techmap $multipliers
    tee -q -o $outdir/small.txt select -list t:\$__soft_mul
    script $here/dsp.ys
    $finish
    techmap -map $here/dsp48e2_map.v t:DSP48E1
    clean
    tee -q -o $outdir/stat.txt stat
    dump -m -o $outdir/dsp.il t:DSP48E2
    $netlist
" >"$outdir/yosys.out" 2>&1 || fail "Yosys stopped: $(grep ERROR "$outdir/yosys.out" | head -n 1) (see $outdir/yosys.log)"

# shellcheck disable=SC2086
awk 'FNR == 1 { name = FILENAME; sub(/.*\//, "", name) }
    name == "dsp.il" || name == "small.txt" {
        while (match($0, /[^\/|"]+\.sv:[0-9]+/)) {
            mapped[substr($0, RSTART, RLENGTH)] = 1
            $0 = substr($0, RSTART + RLENGTH)
        }
        next
    }
    /^module / { module = $2 }
    / \* [0-9]+.s?h[0-9a-f]+;$/ && !((name ":" FNR) in mapped) { print module }
' "$outdir/dsp.il" "$outdir/small.txt" $products >"$outdir/constant.txt"
# shellcheck disable=SC2086
awk -v device="$device" -v top="$top" -v json_file="$outdir/fit.json" -v json=$json -v blocks=$blocks \
    -f "$here/count.awk" part=stat "$outdir/stat.txt" part=small "$outdir/small.txt" \
    part=constant "$outdir/constant.txt" part=dsp "$outdir/dsp.il" \
    ${report:+part=report "$report"}
code=$?
[ "$paths" -eq 1 ] || exit $code

limit() { sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p" "$report"; }
# shellcheck disable=SC2086
awk -v top="$top" -v most_loads="$(limit most_loads)" -v most_instances="$(limit most_tiles)" -f "$here/paths.awk" \
    $generated "$outdir/netlist.blif" >"$outdir/paths.txt" || code=1
if [ $json -eq 1 ]; then grep '^fit: ' "$outdir/paths.txt" >&2; else cat "$outdir/paths.txt"; fi
exit $code
