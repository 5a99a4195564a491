#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What hlsc's report says that training engines take on a card, against the multipliers and memories that Yosys makes of
# their RTL (hw/fit/fit.sh --blocks): one of 2 units, whose products are partly too small for a DSP, and S3 with its tiles
# (tests/fit.sh). With THOROUGH: the first takes a minute of a core, S3 some.
# Usage, from the repository's root: tests/engine_fit_test.sh
set -u
work=build/engine_fit_test
passed=0 failed=0
command -v "${YOSYS:-yosys}" >/dev/null || { echo "skip: there is no '${YOSYS:-yosys}'" && exit 0; }
[ -n "${THOROUGH:-}" ] || { echo "skip: THOROUGH=1 has Yosys map the multipliers and memories of engines" && exit 0; }
rm -rf "$work"
mkdir -p "$work" || exit 1

small() {
    echo '{"inputs": 2, "layers": [{"cell": "rnn", "hidden": 2}], "heads": [{"outputs": 1}]}' >"$work/net.json"
    MILLRACE_CACHE=$PWD/$work/cache build/millrace train "$work/net.json" --batch 4 --plan 5 --multipliers 2 --platform hw \
        -o "$work/project" &&
        hw/fit/fit.sh --blocks --report "$work"/cache/network-hls-*/report.json "$work/gates" u55c "$work/project/network.sv" \
            --top network
}

verdict() { # name, exit code
    if [ "$2" -eq 0 ] && grep '^Checked against the report' "$work/$1.log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $1: $(tail -n 30 "$work/$1.log")"
    fi
}

small >"$work/small.log" 2>&1
verdict small $?
ENGINES=S3 tests/fit.sh >"$work/S3.log" 2>&1
verdict S3 $?
echo "$passed passed, $failed failed"
exit $((failed > 0))
