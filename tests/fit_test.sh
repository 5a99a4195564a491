#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hw/fit/fit.sh --paths: each fault of tests/fit_wrong/wrong.sv is found, with the line of the source, and nothing else;
# a kernel of hlsc whose memory is bound to be read in one cycle fails with its line, and those whose values drive more
# loads than a register should pass, for hlsc gives them copies.
# Usage, from the repository's root: tests/fit_test.sh
set -u
work=build/fit_test
passed=0 failed=0
command -v "${YOSYS:-yosys}" >/dev/null || { echo "skip: there is no '${YOSYS:-yosys}'" && exit 0; }
rm -rf "$work"
mkdir -p "$work" || exit 1

verdict() { # condition's exit code, sentence
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $2"
    fi
}

fit() { # name, top, file.sv, report.json: sentences in $work/NAME.txt, in order
    hw/fit/fit.sh --report "$4" --paths "$work/$1" u55c "$3" --top "$2" >"$work/$1.log" 2>&1
    code=$?
    grep '^fit: ' "$work/$1/paths.txt" | sed 's/[0-9][0-9]* LUTs/N LUTs/; s/drives [0-9]* loads/drives N loads/' >"$work/$1.txt"
    return $code
}

kernel() { # name, folder
    name=$1
    build/hlsc "$2/$name.c" --top "$name" -I hls/include -o "$work/$name.rtl" >"$work/$name.hlsc.log" 2>&1 &&
        fit "$name" "$name" "$work/$name.rtl/$name.sv" "$work/$name.rtl/report.json"
}

printf '  "most_loads": 256,\n  "most_tiles": 64\n' >"$work/limits.json"
fit wrong wrong tests/fit_wrong/wrong.sv "$work/limits.json"
verdict $((code == 0)) "wrong.sv passes"
diff - "$work/wrong.txt" <<EXPECTED
fit: 20 CARRY4 are between wrong.left_q (wrong.c:4) and wrong.sum_q (wrong.c:4); 16 should be the most.
fit: N LUTs are between wrong.first_q (wrong.c:3) and wrong.link_q (wrong.c:3); 6 should be the most.
fit: the block RAM wrong.memory.0.0 (wrong.c:6) is read in one cycle, without a register behind it.
fit: the multiplier of wrong.product_q (wrong.c:5) lacks the registers A B P.
fit: wrong.chosen_q (wrong.c:1) drives N loads; 256 should be the most.
EXPECTED
verdict $? "the faults of wrong.sv are not those that were made"

kernel memory tests/fit_wrong
verdict $((code == 0)) "a block RAM that is read in one cycle passes"
grep -q 'the block RAM .*(memory.c:[0-9]*) is read in one cycle' "$work/memory.txt"
verdict $? "the block RAM of memory.c is not named with its line: $(cat "$work/memory.txt")"

kernel loads tests/fit_wrong
verdict $? "loads.c, whose values hlsc gives copies: $(cat "$work/loads.txt")"

if [ -n "${THOROUGH:-}" ]; then # a minute
    kernel many_banks tests/kernels
    verdict $? "many_banks.c, whose banks take one address, and words of two loops: $(cat "$work/many_banks.txt")"
fi

echo "$passed passed, $failed failed"
exit $((failed > 0))
