#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Joins Verilator's C++ files to one unit (in place of its verilator_includer), with optimisation off for what runs
# once: the constructors and first settling of a large network are half of its code.
# Usage: one_unit.sh -DVL_INCLUDE_OPT=include FILE.cpp...
shift
for file; do case $file in *__Slow.cpp | *__Syms.cpp) ;; *) echo "#include \"$file\"" ;; esac done
cat <<'END'
#ifdef __clang__
#pragma clang optimize off
#else
#pragma GCC optimize("O0")
#endif
END
for file; do case $file in *__Slow.cpp | *__Syms.cpp) echo "#include \"$file\"" ;; esac done
