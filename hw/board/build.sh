#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The image of a board: hlsc, Yosys, nextpnr, icepack. Timing is met if both nextpnr and icetime say so for the best of
# SEEDS placements; the one whose slower figure is best is taken.
# Usage: hw/board/build.sh [--sources | --have FOLDER] BOARD OUTDIR. OUTDIR gets BOARD.bin, its manifest BOARD.json, and the work:
# rtl/, synth.json (the netlist), a log of each tool. --sources: only the RTL; the hash of all sources is printed.
# --have: an image in FOLDER that is of the same sources is taken as it is.
# The same sources and tools give the same bytes.
set -u
here=$(cd "$(dirname "$0")" && pwd)
hw=$(dirname "$here")
hls=$hw/../hls
hlsc=${HLSC:-$(command -v "$hw/../build/hlsc" || command -v hlsc)}
yosys=${YOSYS:-yosys}
nextpnr=${NEXTPNR:-nextpnr-ice40}
icepack=${ICEPACK:-icepack}
icetime=${ICETIME:-icetime}
seeds=${SEEDS:-1 2 3}
sources_only=0

fail() {
    echo "board: $*" >&2
    exit 1
}

have=
case ${1:-} in
--sources)
    sources_only=1
    shift
    ;;
--have)
    have=${2:-}
    shift 2
    ;;
esac
[ $# -eq 2 ] || { echo "usage: hw/board/build.sh [--sources | --have FOLDER] BOARD OUTDIR" >&2; exit 2; }
board=$1 out=$2
pins=$here/$board.pcf
[ -r "$pins" ] || fail "there is no board '$board'; known are: $(basename -s .pcf "$here"/*.pcf | tr '\n' ' ')"
[ -n "$hlsc" ] || fail "there is no hlsc; run make, or name it by HLSC"
mkdir -p "$out/rtl" || exit 1

# ---- the sources

rtl=$out/rtl
rows=$(printf '#define MR_BOARD(name, chip, clock, product, rows, ...) name rows\n#include "boards.def"\n' |
    "${CC:-cc}" -E -P -I "$hw/../base/contract" - | awk -v board="$board" '$1 == board { print $2 }')
[ "${rows:-0}" -gt 0 ] || fail "base/contract/boards.def has no rows for $board"
"$hlsc" "$hls/kernels/folded/folded.c" --top folded --target up5k -D "FOLDED_ROWS=$rows" -I "$hls/include" -I "$hls/kernels" -o "$rtl" \
    >"$out/hlsc.log" 2>&1 || fail "hlsc: $(tail -n 1 "$out/hlsc.log")"
# All files in one folder, and Yosys runs beside it: its netlist depends on how files are called.
files=
for module in usb/mr_packet_pkg rtl/mr_fifo rtl/mr_ram rtl/mr_ram_1p rtl/mr_copy rtl/mr_branch usb/mr_uart_rx usb/mr_uart_tx usb/mr_packet \
    usb/mr_packet_stream usb/mr_uart_link board/mr_folded_uart; do
    cp "$hw/$module.sv" "$rtl" || exit 1
    files="$files rtl/$(basename "$module").sv"
done
cp "$here/$board.sv" "$hw"/include/*.svh "$rtl" || exit 1
files="$files rtl/folded.sv rtl/$board.sv"
synthesis="synth_ice40 -device u -dsp -spram -abc9 -top $board"
limit() {
    printf '#include "folded/format.h"\n%s\n' "$1" | "${CC:-cc}" -E -P -I "$hls/kernels" - | tail -n 1
}
words=$(limit FOLDED_WORDS) numbers=$(limit FOLDED_NUMBERS) sums=$(limit FOLDED_SUMS)
# Rows are told where they are others than the usual ones.
told=
[ "$rows" = "$(limit FOLDED_ROWS)" ] || told=$(printf %04x_ "$rows")
[ "$words" -gt 0 ] && [ "$numbers" -gt 0 ] && [ "$sums" -gt 0 ] || fail "hls/kernels/folded/format.h has no limits"
describe() { # the hash, whose first byte is the lowest of the number
    echo "// Made by hw/board/build.sh: what this image says of itself."
    echo "\`define MR_IMAGE_HASH 128'h$(echo "$1" | sed 's/../& /g' | tr ' ' '\n' | tac | tr -d '\n')"
    printf "\`define MR_IMAGE_LIMITS 128'h$told%04x_%04x_%04x\n" "$sums" "$numbers" "$words"
}
describe 0 >"$rtl/mr_image.svh"
command -v "$yosys" >/dev/null || fail "there is no $yosys; make deps-board installs what a board needs"
# Of the pins, and of the RTL behind the preprocessor, without comments and empty lines.
# shellcheck disable=SC2086
(cd "$out" && "$yosys" -p "read_verilog -sv -defer -ppdump -Irtl $files") >"$out/sources.log" 2>&1 ||
    fail "Yosys stopped: $(grep -m 1 ERROR "$out/sources.log") (see $out/sources.log)"
hash=$({
    echo "$synthesis"
    sed 's/^#.*//; /^$/d' "$pins"
    awk '/^-- END OF DUMP --/ { inside = 0 } inside && !/^`/ { gsub("/[*]([^*]|[*]+[^*/])*[*]+/", ""); sub("[ \t]+$", ""); if (length) print }
        /^-- Verilog code after preprocessor --/ { inside = 1 }' "$out/sources.log"
} | sha256sum | cut -c 1-32)
if [ $sources_only -eq 1 ]; then
    echo "$hash"
    exit 0
fi
if [ -n "$have" ] && grep -qs "\"sources\": \"$hash\"" "$have/$board.json" && [ -r "$have/$board.bin" ]; then
    cp "$have/$board.json" "$have/$board.bin" "$out" || exit 1
    echo "$have/$board.bin is of these sources"
    exit 0
fi
describe "$hash" >"$rtl/mr_image.svh"

# ---- synthesis

for tool in "$yosys" "$nextpnr" "$icepack" "$icetime"; do
    command -v "$tool" >/dev/null || fail "there is no $tool; make deps-board installs what a board needs"
done
part=$(sed -n 's/^# *part: *//p' "$pins") package=$(sed -n 's/^# *package: *//p' "$pins")
clock=$(sed -n 's/^# *clock: *\([0-9]*\) MHz.*/\1/p' "$pins")
[ -n "$part" ] && [ -n "$package" ] && [ -n "$clock" ] || fail "$pins does not say part, package and clock"
(cd "$out" && "$yosys" -q -l yosys.log -e "Driver-driver conflict" -p "
    read_verilog -sv -Irtl $files
    $synthesis -json synth.json
") >"$out/yosys.out" 2>&1 || fail "Yosys stopped: $(grep -m 1 ERROR "$out/yosys.out") (see $out/yosys.log)"

# ---- placements

# Of a log: the clock that a tool says is reached.
reached_nextpnr() { sed -n 's/^Info: Max frequency for clock .*: \([0-9.]*\) MHz.*/\1/p' "$1" | tail -n 1; }
reached_icetime() { sed -n 's/^Total path delay: .*(\([0-9.]*\) MHz).*/\1/p' "$1"; }
place() {
    "$nextpnr" "--$part" --package "$package" --json "$out/synth.json" --pcf "$pins" --freq "$clock" --seed "$1" \
        --asc "$out/seed$1.asc" --log "$out/seed$1.log" --timing-allow-fail -q >"$out/seed$1.out" 2>&1 ||
        return
    "$icetime" -d "$part" -P "$package" -p "$pins" -t "$out/seed$1.asc" >"$out/seed$1.time" 2>&1
}
for seed in $seeds; do
    place "$seed" &
done
wait
best='' worst=0
for seed in $seeds; do
    nextpnr_mhz=$(reached_nextpnr "$out/seed$seed.log") icetime_mhz=$(reached_icetime "$out/seed$seed.time")
    [ -n "$nextpnr_mhz" ] && [ -n "$icetime_mhz" ] ||
        fail "seed $seed: $(grep -m 1 -h -i error "$out/seed$seed.out" "$out/seed$seed.time" || echo "the tools gave no figure") (see $out/seed$seed.log)"
    echo "seed $seed: nextpnr $nextpnr_mhz MHz, icetime $icetime_mhz MHz"
    slower=$(printf '%s\n%s\n' "$nextpnr_mhz" "$icetime_mhz" | sort -g | head -n 1)
    if awk "BEGIN { exit !($slower > $worst) }"; then
        best=$seed worst=$slower
    fi
done
awk "BEGIN { exit !($worst >= $clock) }" ||
    fail "the clock of $clock MHz is not reached: $worst MHz by the slower figure of the best placement (seed $best)"
slack=$(awk "BEGIN { printf \"%.2f\", 1000 / $clock - 1000 / $worst }")
echo "timing is met at $clock MHz: $worst MHz (seed $best), slack $slack ns"
used() { sed -n "s|^Info:[[:space:]]*$1: *\([0-9]*\)/ *\([0-9]*\).*|\1|p" "$out/seed$best.log" | tail -n 1; }
have() { sed -n "s|^Info:[[:space:]]*$1: *\([0-9]*\)/ *\([0-9]*\).*|\2|p" "$out/seed$best.log" | tail -n 1; }
show() { printf '%s %s of %s' "$2" "$(used "$1")" "$(have "$1")"; }
echo "$(show ICESTORM_LC "logic cells"), $(show ICESTORM_RAM "block RAMs"), $(show ICESTORM_SPRAM SPRAMs), $(show ICESTORM_DSP multipliers)"

# ---- the image and what is known of it

version() { "$@" 2>&1 | sed -n '1{s/.*-- Next Generation Place and Route (Version \(.*\)).*/\1/; s/^Yosys \([^ ]*\).*/\1/; p;}'; }
packed() { dpkg-query -W -f='${Version}' fpga-icestorm 2>/dev/null || echo unknown; }
"$icepack" "$out/seed$best.asc" "$out/$board.bin" || fail "icepack stopped"
cat >"$out/$board.json" <<JSON
{
  "kernel": "folded",
  "platform": "board",
  "target": "$board",
  "part": "$part-$package",
  "sources": "$hash",
  "limits": {"words": $words, "numbers": $numbers, "sums": $sums},
  "clock_mhz": $clock,
  "reached_mhz": {"nextpnr": $(reached_nextpnr "$out/seed$best.log"), "icetime": $(reached_icetime "$out/seed$best.time")},
  "slack_ns": $slack,
  "seed": $best,
  "seeds": "$seeds",
  "resources": {"lc": $(used ICESTORM_LC), "ram": $(used ICESTORM_RAM), "spram": $(used ICESTORM_SPRAM), "dsp": $(used ICESTORM_DSP)},
  "resources_source": "nextpnr",
  "tools": {"yosys": "$(version "$yosys" -V)", "nextpnr": "$(version "$nextpnr" --version)", "icestorm": "$(packed)"},
  "image": "$board.bin",
  "sha256": "$(sha256sum <"$out/$board.bin" | cut -d ' ' -f 1)"
}
JSON
