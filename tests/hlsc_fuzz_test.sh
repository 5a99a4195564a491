#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Random programs through hlsc, gcc, the interpreters and Verilator; and whether hlsc_fuzz finds and reduces a fault
# that is put into the compiler's output.
# Usage, from the repository's root: tests/hlsc_fuzz_test.sh [count [seed]]. Without a seed: the fixed one.
set -u
status=0
count=${1:-40}
seed=${2:-1}
fuzz=build/tests/hlsc_fuzz
work=build/hlsc_fuzz_fault
hlsc=$PWD/${HLSC:-build/hlsc}
rm -rf "$work"
mkdir -p "$work" || exit 1

# The same seed gives the same program, another seed another one.
"$fuzz" --program 7 --print >"$work/a.c" && "$fuzz" --program 7 --print >"$work/b.c" &&
    "$fuzz" --program 8 --print >"$work/c.c" || exit 1
if cmp -s "$work/a.c" "$work/b.c" && ! cmp -s "$work/a.c" "$work/c.c"; then
    echo "pass: a seed is a program"
else
    echo "FAIL: a seed is not a program"
    status=1
fi

# A compiler that fails on every exclusive or: the reducer has to leave little beside one.
cat >"$work/hlsc" <<SCRIPT
#!/bin/sh
for word; do case \$word in *.c) grep -q '[^&]\^' "\$word" && kill -SEGV \$\$ ;; esac; done
exec "$hlsc" "\$@"
SCRIPT
chmod +x "$work/hlsc"
for program in $(seq 1 200); do
    "$fuzz" --program "$program" --print >"$work/large.c"
    lines=$(wc -l <"$work/large.c")
    [ "$lines" -ge 90 ] && grep -q '[^&]\^' "$work/large.c" && break
done
HLSC=$work/hlsc "$fuzz" --program "$program" --reduce 60 >"$work/log" 2>&1
code=$?
reduced=$(sed -n 's/.*reduced in [0-9]* trials to \([^:]*\):.*/\1/p' "$work/log")
left=$([ -f "$reduced" ] && wc -l <"$reduced")
if [ $code -eq 1 ] && grep -q '^FAIL: program .*: crashed' "$work/log" && grep -q '[^&]\^' "$reduced" &&
    [ $((${left:-999} * 2)) -le "$lines" ]; then
    echo "pass: a crash on exclusive or is found and reduced from $lines to $left lines"
    rm -f "$reduced"
else
    echo "FAIL: a crash on exclusive or, exit code $code, $lines lines reduced to ${left:-nothing} (see $work/log)"
    status=1
fi

"$fuzz" --seed "$seed" --count "$count" --reduce 60 --jobs "${JOBS:-2}" || status=1
# External memories and tiles, which are rarer among these.
"$fuzz" --seed "$seed" --count $((count * 2 / 3)) --without plain --no-rtl --reduce 60 --jobs "${JOBS:-2}" || status=1
"$fuzz" --seed "$seed" --count "$count" --damaged --jobs "${JOBS:-2}" || status=1
exit $status
