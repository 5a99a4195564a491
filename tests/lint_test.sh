#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hw/lint.sh on the RTL written by hand and on that of a trained network (2 layers of 25) from hlsc.
# Run from the repository's root.
set -eu
work=build/lint
millrace=${MILLRACE:-build/millrace}
model=tests/data/turbofan_lstm2x25_rul.onnx
# A cache of its own, so that it holds one network.
export MILLRACE_CACHE="$PWD/$work/cache"
rm -rf "$work"
mkdir -p "$work/gen"
"$millrace" import "$model" -o "$work/network.millrace"
"$millrace" plan "$work/network.millrace"
cp "$MILLRACE_CACHE"/network-hls-*/network.sv "$work/gen/"
hw/lint.sh "$work/gen/network.sv"
