#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a machine needs that only runs models: on its processor the program and the model file. In an empty folder, with no
# tool on the path, no cache, no kernels' sources and no hlsc, `cpu:` imports, runs and streams with the bits of `hls:`, on
# each kind of kernels that the processor has; and `hls:` says what it misses. On a card the image with its manifest, too.
# Usage, from the repository's root: tests/deploy_test.sh
set -u
root=$PWD
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

verdict() { # what, status
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $1"
        cat "$work/log" 2>/dev/null
    fi
}

# The program alone, in its folder.
alone() {
    (cd "$work/alone" && env -i PATH=/nonexistent HOME="$work/alone/home" ${kernels:+MILLRACE_CPU="$kernels"} ./millrace "$@") \
        >"$work/log" 2>&1
}

mkdir -p "$work/alone/home"
cp build/millrace "$work/alone"
cp tests/data/turbofan_lstm2x25_rul.onnx "$work/alone/net.onnx"
awk 'BEGIN { srand(3); for (t = 0; t < 50; t++) for (k = 0; k < 25; k++) printf "%.4f%s", 2 * rand() - 1, k == 24 ? "\n" : "," }' \
    >"$work/alone/x.csv"

kernels=
alone import net.onnx -o net.millrace
verdict "import" $?
build/millrace run "$work/alone/net.millrace" "$work/alone/x.csv" --device hls: -o "$work/hls.csv" >"$work/log" 2>&1
verdict "hls: with its tools" $?
kernels=none
alone run net.millrace x.csv --device cpu: -o y.csv
known=$(sed -n 's/.*known are //p' "$work/log" | sed 's/,//g; s/ and / /')
[ "${known##* }" = plain ]
verdict "all kernels are named" $?
for kernels in "" $known; do
    alone run net.millrace x.csv --device cpu: -o y.csv
    status=$?
    grep -q "MILLRACE_CPU is $kernels, which this processor does not have" "$work/log" && continue
    verdict "run${kernels:+ ($kernels)}" $status
    cmp -s "$work/hls.csv" "$work/alone/y.csv"
    verdict "with the bits of hls:${kernels:+ ($kernels)}" $?
done
kernels=
alone run net.millrace x.csv --device cpu: --steps -o steps.csv
verdict "step by step" $?
tail -n 1 "$work/alone/steps.csv" | cmp -s - "$work/hls.csv"
verdict "the last step has these bits" $?
alone run net.millrace x.csv -o y.csv
verdict "auto: is cpu: there" $?
[ -z "$(ls -A "$work/alone/home")" ]
verdict "no cache" $?
alone run net.millrace x.csv --device hls: -o y.csv
[ $? = 1 ] && grep -q "the files of millrace (hls/" "$work/log"
verdict "hls: says what it misses" $?

# An emulated card is a process that a shell starts.
cp build/millrace_broker "$work/alone"
build/millrace build "$work/alone/net.millrace" --platform hw_emu -o "$work/alone" >"$work/log" 2>&1
verdict "an image, built elsewhere" $?
on_card() {
    (cd "$work/alone" && env -i PATH=/usr/bin:/bin HOME="$work/alone/home" ./millrace emulate ./millrace run net.millrace x.csv \
        --device xrt:0 --bitstreams . "$@") >"$work/log" 2>&1
}
on_card -o card.csv
verdict "a card with its image, without hlsc" $?
grep -q "cycles, .*, multipliers [1-9][0-9.]* % used" "$work/log"
verdict "the run's figures, without hlsc" $?
cmp -s "$work/hls.csv" "$work/alone/card.csv"
verdict "the card has these bits" $?
sed -i 's/"probes"/"parts"/' "$work"/alone/*_u55c_hw_emu_*.json
on_card -o card.csv
[ $? = 1 ] && grep -q "the files of millrace (hls/" "$work/log"
verdict "an image whose manifest does not name the parts asks for hlsc" $?

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
