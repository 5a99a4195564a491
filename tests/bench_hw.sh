#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Networks of published figures, at full size, on two cards at two precisions: the rows of docs/performance.md.
# Usage, from the repository's root: tests/bench_hw.sh [OPTION of build/tests/bench_hw...] [CASE...]
set -u
failed=0
for target in u55c u250; do
    for precision in w8a8 w16a16; do
        build/tests/bench_hw --target $target --precision $precision "$@" || failed=1
    done
done
exit $failed
