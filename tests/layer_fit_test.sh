#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the planner expects that small layers take on a card, with their weights in each kind of memory, against what
# Yosys makes of their RTL (hw/fit/fit.sh): DSPs, block RAM and UltraRAM within 5 %. With THOROUGH, or FIT=1 for one layer;
# fit_test.sh has Yosys count in every run.
# Usage, from the repository's root: tests/layer_fit_test.sh
set -u
work=build/layer_fit_test
passed=0 failed=0
command -v "${YOSYS:-yosys}" >/dev/null || { echo "skip: there is no '${YOSYS:-yosys}'" && exit 0; }
[ -n "${THOROUGH:-}${FIT:-}" ] || { echo "skip: FIT=1 has Yosys make gates of a layer, THOROUGH=1 of all" && exit 0; }
rm -rf "$work"
mkdir -p "$work" || exit 1
build/tests/layer_cost_test write "$work" >"$work/planned" || exit 1

figure() { # key: of the object that fit.sh prints
    sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$work/$name.fit"
}

[ -n "${THOROUGH:-}" ] || sed -i 1q "$work/planned"
while read -r name dsp bram18 uram; do
    if build/hlsc "$work/$name.c" --top k -I base/contract -I hls/include -I hls/kernels -o "$work/$name" \
        >"$work/$name.log" 2>&1 && hw/fit/fit.sh --json --report "$work/$name/report.json" "$work/$name" u55c \
        "$work/$name/k.sv" --top k >"$work/$name.fit" 2>>"$work/$name.log" &&
        echo "$dsp $bram18 $uram $(figure dsp) $(figure bram36) $(figure uram)" | awk -v name="$name" '
            function near(x, y) { return x - y <= 0.05 * y && y - x <= 0.05 * y }
            {
                printf "%s: %d DSP (Yosys %d), %.1f RAMB36 (%.1f), %d URAM (%d)\n", name, $1, $4, $2 / 2, $5, $3, $6
                exit !(NF == 6 && near($1, $4) && near($2 / 2, $5) && near($3, $6))
            }'; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $name: planned $dsp DSP, $bram18 RAMB18, $uram URAM; $(cat "$work/$name.fit" "$work/$name.log")"
    fi
done <"$work/planned"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
