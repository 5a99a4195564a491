#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds card_rtl_test.cpp around the kernel of a card with the network in GEN (network.sv, mr_network.svh).
# Usage, from the repository's root: tests/card/build_kernel.sh GEN FOLDER [option of Verilator...]; makes
# FOLDER/card_rtl_test.
gen=$1 folder=$2
shift 2
export CCACHE_DIR="${CCACHE_DIR:-${MILLRACE_CACHE:-$PWD/build/cache}/objects}"
# Word splitting of the file list is wanted.
# shellcheck disable=SC2046
exec "${VERILATOR:-verilator}" --cc --exe --build --assert -Wall -O3 --unroll-count 4 -j 2 -Ihw/include -I"$gen" \
    --Mdir "$folder" "$@" --top-module millrace \
    -MAKEFLAGS "CXX=${CXX:-clang++} VM_PARALLEL_BUILDS=0 OPT_FAST=-O2 OBJCACHE='\$(if \$(filter verilated%,\$@),$(command -v ccache))' VERILATOR_INCLUDER='sh $PWD/sim/harness/one_unit.sh $PWD/tests/card/card_rtl_test.cpp'" \
    -CFLAGS "-std=c++17 -iquote $PWD/sim -iquote $PWD/sim/card -iquote $PWD/sim/harness -iquote $PWD/base/contract -iquote $PWD/base -iquote $PWD/hls/include -iquote $PWD/hw/card" \
    -LDFLAGS "$PWD/build/libmillrace.a -lcrypto -ldl -lpthread" -o card_rtl_test hw/lint/waivers.vlt \
    hw/card/*_pkg.sv $(ls hw/card/*.sv | grep -v _pkg.sv) hw/rtl/*.sv "$gen/network.sv"
