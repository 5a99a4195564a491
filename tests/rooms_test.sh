#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The includes follow docs/rooms.txt; one that does not, an arrow down the list and a folder without a line are told.
# Usage, from the repository's root: tests/rooms_test.sh
set -u
work=build/rooms_test
passed=0 failed=0
verdict() { # pass or FAIL, what
    echo "$1: $2"
    if [ "$1" = pass ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

if out=$(tests/rooms.sh check 2>&1); then
    verdict pass "every include has its arrow"
else
    verdict FAIL "includes: $out"
fi

# A copy of the tree as git has it, with one fault each.
rm -rf "$work"
mkdir -p "$work"
git ls-files -z -- '*.c' '*.h' '*.cpp' '*.def' docs/rooms.txt | xargs -0 cp --parents -t "$work"
git init -q "$work" && git -C "$work" add -A
finds() { # what, words; the fault is in the copy
    git -C "$work" add -A
    if out=$(tests/rooms.sh check "$work" 2>&1); then
        verdict FAIL "$1: not found"
    elif grep -q "$2" <<<"$out" && [ "$(wc -l <<<"$out")" -eq 1 ]; then
        verdict pass "$1"
    else
        verdict FAIL "$1: $out"
    fi
}
cp "$work/base/file.c" "$work/file.kept"
echo '#include "session.h"' >>"$work/base/file.c"
finds "an include against the direction" "base/file.c:[0-9]*: base may not include session.h of host/session"
mv "$work/file.kept" "$work/base/file.c"
cp "$work/docs/rooms.txt" "$work/rooms.txt"
sed -i 's/^base: :/base: driver :/' "$work/docs/rooms.txt"
finds "an arrow down the list" "base: driver stands further down"
mv "$work/rooms.txt" "$work/docs/rooms.txt"
mkdir "$work/attic"
echo '#include "file.h"' >"$work/attic/old.c"
finds "a folder without a line" "attic/old.c: its folder has no line"

# The picture of the rooms (docs/rooms.svg, compared by make lint).
missing=$(docs/rooms_picture.sh >"$work/rooms.svg"; sed -n 's/^\([a-z][^:]*\):.*/\1/p' docs/rooms.txt | while read -r room; do
    grep -q "<title>$room: " "$work/rooms.svg" || echo "$room"
done)
if [ -z "$missing" ]; then verdict pass "every room is in the picture"; else verdict FAIL "not in the picture: $missing"; fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
