#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The man pages: groff has nothing to say of them, they are those of the programs as built, and no word of `--help` and
# of the header's comments is lost in them. Usage, from the repository's root: tests/man_test.sh
set -u
work=build/man_test
passed=0 failed=0
mkdir -p "$work"

check() { # what, command...
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "pass: $what"
    else
        failed=$((failed + 1))
        echo "FAIL: $what"
    fi
}

# The words of a text, one a line, whatever its lines; lines of a page have no hyphenated words.
words() { tr -s ' \t\n' '\n' | sed '/^$/d'; }
page() { LC_ALL=C groff -man -Tascii -P-cbou -rLL=500n "$1"; }

clean() {
    said=$(groff -man -ww -Tascii -z "$1" 2>&1)
    [ -z "$said" ] || { echo "$said"; return 1; }
}

# All words of the first text stand in the second, in their order.
within() {
    diff "$1" "$2" | grep '^<' >"$work/lost"
    [ ! -s "$work/lost" ] || { head -n 5 "$work/lost"; return 1; }
}

for file in millrace.1 hlsc.1 libmillrace.3; do
    check "$file is well formed" clean "build/man/$file"
done

commands=$(build/millrace --help | awk '/^  [a-z]+ / && $1 != "millrace" { print $1 }')
check "millrace --help lists its commands" test "$(echo "$commands" | wc -w)" -ge 8
{
    build/millrace --help
    for command in $commands; do build/millrace help "$command"; done
} | sed 's/^Usage: //' | words >"$work/help"
page build/man/millrace.1 | words >"$work/page"
check "millrace.1 has all that millrace --help says" within "$work/help" "$work/page"

build/hlsc --help | sed 's/^Usage: //' | words >"$work/help"
page build/man/hlsc.1 | words >"$work/page"
check "hlsc.1 has all that hlsc --help says" within "$work/help" "$work/page"

# Comments at the left edge and declarations; what the preprocessor takes stays out.
sed -n 's|^// ||p; s/^MR_API //p' host/include/millrace.h | grep -v '^SPDX\|^----' | words >"$work/header"
page build/man/libmillrace.3 | words >"$work/page"
check "libmillrace.3 has the header's comments and functions" within "$work/header" "$work/page"
for code in $(sed -n 's/^    X(\(MR_ERROR_[A-Z]*\),.*/\1/p' base/millrace_error.h); do
    check "libmillrace.3 tells of $code" grep -qx "$code" "$work/page"
done

# What this test would say of a page that lost a line.
sed '5d' "$work/page" >"$work/cut"
lost_is_found() { ! within "$work/page" "$work/cut" >/dev/null; }
check "a lost word is found" lost_is_found

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
