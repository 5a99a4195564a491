#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What CONTRIBUTING.md and the other documents name is there: the files in backticks (with NAME for any name: their
# folder), the targets of make, and what links lead to. Usage, from the repository's root: tests/contributing_test.sh
set -u
work=build/contributing_test
passed=0 failed=0
mkdir -p "$work"
verdict() { # pass or FAIL, what
    echo "$1: $2"
    if [ "$1" = pass ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# Files and folders that a document names and that are not there.
lost_files() {
    grep -o '`[A-Za-z0-9_./-]*/[A-Za-z0-9_./-]*`' "$1" | tr -d '`' | sort -u | while read -r path; do
        case $path in
        build/*) continue ;; # made
        *NAME*) path=$(dirname "$path") ;;
        esac
        [ -e "$path" ] || echo "$path"
    done
}
# The same of relative links, from the document's folder.
lost_links() {
    grep -o '](\([^)#:]*\))' "$1" | sed 's/^](//; s/)$//' | sort -u | while read -r path; do
        [ -e "$(dirname "$1")/$path" ] || echo "$path"
    done
}
lost_targets() {
    grep -o '`make [a-z][a-z-]*' "$1" | sed 's/.* //' | sort -u | while read -r target; do
        grep -q "^$target:" Makefile || echo "$target"
    done
}
tell() { # what, the lost
    if [ -z "$2" ]; then verdict pass "$1"; else verdict FAIL "$1: $(echo "$2" | tr '\n' ' ')"; fi
}

tell "CONTRIBUTING.md: its files are there" "$(lost_files CONTRIBUTING.md)"
tell "docs/architecture.md: its files are there" "$(lost_files docs/architecture.md |
    while read -r path; do [ -e "docs/$path" ] || [ -e "hls/kernels/$path" ] || echo "$path"; done)"
for file in *.md docs/*.md bitstreams/*.md; do
    tell "$file: what its links lead to is there" "$(lost_links "$file")"
    tell "$file: its targets of make are there" "$(lost_targets "$file")"
done

# One fault of each kind is found.
printf '`host/nn/ops/nothing.c` `make nothing` [x](nothing.md)\n' >"$work/wrong.md"
[ -n "$(lost_files "$work/wrong.md")" ] && [ -n "$(lost_links "$work/wrong.md")" ] && [ -n "$(lost_targets "$work/wrong.md")" ] &&
    verdict pass "a file, a link and a target that are not there are told" || verdict FAIL "faults that nobody told"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
