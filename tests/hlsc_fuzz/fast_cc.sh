#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The compiler of fuzzing's many small simulators: optimises nothing, as compiling takes longer than running, and
# compiles Verilator's runtime once for all (HLSC_FUZZ_RUNTIME is the folder for it).
source='' output='' previous=''
for word; do
    case $word in *.c | *.cpp | *.cc) source=$word ;; esac
    [ "$previous" != -o ] || output=$word
    previous=$word
    shift
    case $word in -O[0-9]*) word=-O0 ;; esac
    set -- "$@" "$word"
done
case $source in
*.c) exec gcc "$@" ;;
esac
compiler=clang++
command -v clang++ >/dev/null || compiler=g++
case $source in
*/verilated*.cpp)
    key=$(printf '%s ' "$compiler" "$@" | cat - ../data/sim/rtl_hooks.h | cksum | tr ' ' _)
    kept=$HLSC_FUZZ_RUNTIME/$(basename "$source" .cpp)-$key.o
    if [ ! -e "$kept" ]; then
        "$compiler" "$@" || exit 1
        cp "$output" "$kept.$$" && mv "$kept.$$" "$kept"
    else
        cp "$kept" "$output"
    fi
    exit
    ;;
esac
exec "$compiler" "$@"
