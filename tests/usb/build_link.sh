#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds a test of packets around RTL. Usage, from the repository's root: tests/usb/build_link.sh TOP TEST.cpp FOLDER
# [option of Verilator or file...]; makes FOLDER/TEST.
top=$1 test=$2 folder=$3
shift 3
export CCACHE_DIR="${CCACHE_DIR:-${MILLRACE_CACHE:-$PWD/build/cache}/objects}"
rooms='driver driver/usb base base/contract hw/card tests tests/usb'
quotes=
for room in $rooms; do quotes="$quotes -iquote $PWD/$room"; done
mkdir -p "$folder" || exit 1
# shellcheck disable=SC2086
exec "${VERILATOR:-verilator}" --cc --exe --build --assert -Wall -O3 -j 2 -Ihw/include --Mdir "$folder" --top-module "$top" \
    -MAKEFLAGS "CXX=${CXX:-clang++} VM_PARALLEL_BUILDS=0 OPT_FAST=-O2 OBJCACHE='\$(if \$(filter verilated%,\$@),$(command -v ccache))'" \
    -CFLAGS "-std=c++17 $quotes" -LDFLAGS "$PWD/build/libmillrace.a -lz" -o "$(basename "$test" .cpp)" \
    hw/lint/waivers.vlt "$@" "$PWD/$test"
