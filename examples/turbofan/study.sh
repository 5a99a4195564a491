#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make study`: the turbofan networks of SambaNova's report on recurrent networks (2022), LSTM 2 x 25 and LSTM 4 x 64, each to say
# how many flights an engine has left and whether it fails within 30, trained from first weights in float32 and in whole
# numbers, and the report's second table and its figures of these: one page, build/study/turbofan.html. CMAPSS=DIR takes NASA's
# engines (train_FD001.txt, test_FD001.txt, RUL_FD001.txt) instead of made-up ones; EPOCHS=N trains longer; SEED=N begins elsewhere.
set -eu
work=${STUDY:-build/study} # the folder

run() {
    echo
    echo "\$ $*"
    "$@"
}
study() { # network, y, loss
    for arithmetic in float32 int; do
        out="$work/$1_$arithmetic"
        rm -rf "$out"
        run build/millrace train "examples/turbofan/$1.json" --x "$work/train_x.npy" --y "$work/train_$2.npy" \
            --validate-x "$work/validate_x.npy" --validate-y "$work/validate_$2.npy" --loss "$3" \
            --arithmetic "$arithmetic" --rate 0.003 --clip 1 --epochs "${EPOCHS:-6}" --seed "${SEED:-1}" \
            --checkpoint "$out" -o "$out.millrace"
        run build/turbofan_demo test "$out.millrace" "$work" "$2"
    done
}

mkdir -p "$work"
run build/turbofan_demo data tests/data/turbofan_norm.json "$work" "${CMAPSS:-}"
# A training engine for an FPGA, planned: of the multipliers that its simulator has, and of those that a card has for it.
for network in lstm2x25 lstm4x64; do
    for multipliers in 2048 8192; do
        run build/millrace train "examples/turbofan/$network.json" --clip 1 --batch 64 --plan 50 --multipliers "$multipliers"
        build/millrace train "examples/turbofan/$network.json" --clip 1 --batch 64 --plan 50 --multipliers "$multipliers" --json \
            >"$work/${network}_$multipliers.json"
    done
done
study lstm2x25 life mse
study lstm2x25_fails fails bce
study lstm4x64 life mse
study lstm4x64_fails fails bce
run build/turbofan_demo page "$work" "${CMAPSS:+NASA's FD001}"
