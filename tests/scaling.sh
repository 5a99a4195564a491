#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How hlsc and its RTL grow with the lanes of an unrolled loop: tests/kernels/wide.c with 8, 64, 512 and 4,096 of them.
# Prints a table, and fails where the RTL grows twofold or more, or hlsc's time threefold or more.
# Usage, from the repository's root: tests/scaling.sh [table]
set -u
hlsc=${HLSC:-build/hlsc}
work=build/scaling
mkdir -p "$work" || exit 1
[ "${1:-}" != table ] || echo "lanes   bytes of RTL   lines   hlsc, s (least of 9)"
least_size=0 most_size=0 least_time=0 most_time=0
for lanes in 8 64 512 4096; do
    best=
    for _ in 1 2 3 4 5 6 7 8 9; do
        begin=$(date +%s%N)
        "$hlsc" tests/kernels/wide.c --top wide -I hls/include -D N=$lanes -o "$work/$lanes" >"$work/log" 2>&1 ||
            { echo "FAIL: $lanes lanes: $(tail -n 1 "$work/log")"; exit 1; }
        time=$((($(date +%s%N) - begin) / 1000))
        [ -n "$best" ] && [ "$best" -le $time ] || best=$time
    done
    size=$(wc -c <"$work/$lanes/wide.sv")
    [ "${1:-}" != table ] ||
        printf '%5d %14d %7d %10d.%03d\n' $lanes "$size" "$(wc -l <"$work/$lanes/wide.sv")" $((best / 1000000)) $((best / 1000 % 1000))
    [ $least_size -ne 0 ] && [ $least_size -le "$size" ] || least_size=$size
    [ $most_size -ge "$size" ] || most_size=$size
    [ $least_time -ne 0 ] && [ $least_time -le "$best" ] || least_time=$best
    [ $most_time -ge "$best" ] || most_time=$best
done
if [ $most_size -lt $((2 * least_size)) ] && [ $most_time -lt $((3 * least_time)) ]; then
    echo "pass: from 8 to 4,096 lanes the RTL grows by $((100 * most_size / least_size - 100)) %, hlsc's time by $((100 * most_time / least_time - 100)) %"
else
    echo "FAIL: from 8 to 4,096 lanes the RTL grows from $least_size to $most_size bytes, hlsc's time from $least_time to $most_time us"
    exit 1
fi
