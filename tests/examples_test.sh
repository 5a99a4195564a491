#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The examples of hls/examples through hlsc: each has the interval (II) and the stages that docs/hlsc.md states, and C
# and RTL give the same on random elements, with idles and back-pressure (hlsc check): on 1,000 and more where THOROUGH is
# set, else on 200. Most share a
# simulator: tests/kernels/examples_*.c. What they compute is examples_test.c's matter.
# Usage, from the repository's root: tests/examples_test.sh [seed]
#                                    tests/examples_test.sh table [file...]: the table of docs/hlsc.md, or some rows
set -u
hlsc=${HLSC:-build/hlsc}
list=tests/examples.txt
manual=docs/hlsc.md
work=build/examples
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
# Many simulators that run shortly.
export MILLRACE_OPTIMISE=0

# Of all, or of those named: a line each: file, top, scalars (- if none), seed (1 if none).
examples() {
    awk -v names="$*" 'BEGIN { all = split(names, n, " ") == 0; for (i in n) wanted[n[i]] = 1 }
        !/^#/ && (all || $1 in wanted)' "$list"
}

compile() { # file, top
    "$hlsc" "hls/examples/$1.c" --top "$2" -I hls/include -o "$work/$1" >"$work/$1.log" 2>&1
}

# The greatest number of a key in a report: that of the slowest or deepest loop.
greatest() { # key, file
    sed -n '/"loops":/,/"streams":/s/.*"'"$1"'": \([0-9]*\).*/\1/p' "$work/$2/report.json" | sort -n | tail -n 1
}

stated() { sed -n "s/^| \`$1\` | \([0-9]*\) | \([0-9]*\) |.*/\1 \2/p" "$manual"; } # file -> its II and stages in the manual

verdict() { # file's name, "pass" or "FAIL", sentence
    printf '%s: %s\n' "$2" "$3" >"$work/verdicts/$1"
    cat "$work/verdicts/$1"
}

has_its_interval() { # file, top
    local wanted found
    if ! compile "$1" "$2"; then
        verdict "ii-$1" FAIL "$1 does not compile: $(tail -n 1 "$work/$1.log")"
        return
    fi
    wanted=$(stated "$1") found="$(greatest ii "$1") $(greatest depth "$1")"
    if [ -n "$wanted" ] && [ "$found" = "$wanted" ]; then
        verdict "ii-$1" pass "$1: II and stages are $found"
    else
        verdict "ii-$1" FAIL "$1: II and stages are '$found' in the report, and $manual states '$wanted'"
    fi
}

agree() { # file, top, option of hlsc check...
    local name=$2 file=$1
    shift 2
    if timeout 300 "$hlsc" check "$file" --top "$name" -I hls/include -I hls/examples --seed "$seed" "$@" \
        >"$work/$name.check.log" 2>&1; then
        verdict "agree-$name" pass "$name: $(tail -n 1 "$work/$name.check.log")"
    else
        verdict "agree-$name" FAIL "$name: $(tail -n 1 "$work/$name.check.log")"
    fi
}

test_examples() {
    local file top rest failed many=200
    [ -z "${THOROUGH:-}" ] || many=1000
    echo "examples_test: seed $seed"
    while read -r file top rest; do has_its_interval "$file" "$top"; done < <(examples)
    # Two chains, for a build of a simulator takes one core most of the time.
    agree tests/kernels/examples_signals.c examples_signals --runs 10 --set n=$many,0,1,2,3,4,5,17,33,100 \
        --set products=$many,0,1 &
    (
        agree tests/kernels/examples_bytes.c examples_bytes --vectors $((4 * many)) --set n=$many,0,37 --set vectors=$many,0,1
        agree hls/examples/softmax.c softmax --set rows=$many,0,1
        agree hls/examples/unsharp.c unsharp --set rows=$many,0,1
    ) &
    wait
    failed=$(cat "$work"/verdicts/* | grep -c '^FAIL')
    echo "$(cat "$work"/verdicts/* | grep -c '^pass') passed, $failed failed"
    [ "$failed" -eq 0 ]
}

thousands() { sed ':a; s/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/; ta'; }

# number KEY FILE: of fit.json.
number() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" "$2" | sed 's/\.0$//' | thousands; }

table_row() { # file, top, scalars, seed
    local file=$1 top=$2 fit=$work/$1/fit.json cycles in out options=(--seed "${4:-1}")
    [ "$3" = - ] || options+=(--set "$3")
    compile "$file" "$top" || { tail -n 1 "$work/$file.log" && return 1; }
    "$hlsc" check "hls/examples/$file.c" --top "$top" -I hls/include --runs 1 "${options[@]}" \
        >"$work/$file.check.log" 2>&1 || { tail -n 1 "$work/$file.check.log" && return 1; }
    hw/fit/fit.sh --json --report "$work/$file/report.json" "$work/$file" u55c "$work/$file/$top.sv" --top "$top" \
        >"$work/$file.fit.log" 2>&1 || { tail -n 1 "$work/$file.fit.log" && return 1; }
    read -r in out cycles < <(sed -n \
        's/^check: .* \([0-9]*\) elements in, \([0-9]*\) out, \([0-9]*\) cycles.*/\1 \2 \3/p' "$work/$file.check.log")
    # The backquotes are Markdown.
    # shellcheck disable=SC2016
    printf '| `%s` | %s | %s | %s | %s | %s' "$file" "$(greatest ii "$file")" "$(greatest depth "$file")" \
        "$(echo "$in" | thousands)" "$(echo "$out" | thousands)" "$(echo "$cycles" | thousands)"
    printf ' | %s' "$(number dsp "$fit")" "$(number bram36 "$fit")" "$(number uram "$fit")" "$(number lut "$fit")" \
        "$(number ff "$fit")"
    printf ' |\n'
}

table() { # file...
    local file top set chosen failed=0
    echo '| example | II | stages | elements in | out | cycles | DSP | BRAM | URAM | LUT | FF |'
    echo '|---|---|---|---|---|---|---|---|---|---|---|'
    while read -r file top set chosen; do table_row "$file" "$top" "$set" "$chosen" || failed=1; done < <(examples "$@")
    return $failed
}

rm -rf "$work"
mkdir -p "$work/verdicts" || exit 1
if [ "${1:-}" = table ]; then
    shift
    table "$@"
else
    seed=${1:-1}
    test_examples
fi
