#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make demo-train`: trains turbofan networks from first weights on this processor, and shows the curves and what they say
# of engines that they have not seen. CMAPSS=DIR takes NASA's engines (train_FD001.txt, test_FD001.txt, RUL_FD001.txt)
# instead of made-up ones; EPOCHS=N trains longer; SEED=N begins elsewhere; ARITHMETIC=int trains in whole numbers.
set -eu
work=build/demo_train
seed=${SEED:-1}

run() {
    echo
    echo "\$ $*"
    "$@"
}
train() { # network, y, loss
    rm -rf "$work/$1"
    run build/millrace train "examples/turbofan/$1.json" --x "$work/train_x.npy" --y "$work/train_$2.npy" \
        --validate-x "$work/validate_x.npy" --validate-y "$work/validate_$2.npy" --loss "$3" \
        --arithmetic "${ARITHMETIC:-float32}" --rate 0.003 --clip 1 --epochs "${EPOCHS:-6}" --seed "$seed" \
        --checkpoint "$work/$1" --export "$work/$1.onnx" -o "$work/$1.millrace"
    run build/turbofan_demo test "$work/$1.millrace" "$work" "$2"
}

cat <<END
This trains two LSTM layers of 25 units, of histories of 50 flights with 25 numbers each: to say how many flights an
engine has left, and whether it fails within 30. Both become models that run on the simulated FPGA, and ONNX files.
END
mkdir -p "$work"
run build/turbofan_demo data tests/data/turbofan_norm.json "$work" "${CMAPSS:-}"
train lstm2x25 life mse
train lstm2x25_fails fails bce
echo
echo "the curves: $work/lstm2x25/curves.html and $work/lstm2x25_fails/curves.html"
