#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Joins Verilator's C++ files and what drives them to one unit (in place of its verilator_includer), so that the headers
# are read once, with optimisation off for what runs once: the constructors and first settling of a large network are
# half of its code.
# Usage: one_unit.sh HARNESS.cpp -DVL_INCLUDE_OPT=include FILE.cpp...
harness=$1
shift 2
for file; do case $file in *__Slow.cpp | *__Syms.cpp) ;; *) echo "#include \"$file\"" ;; esac done
cat <<'END'
#ifdef __clang__
#pragma clang optimize off
#else
#pragma GCC push_options
#pragma GCC optimize("O0")
#endif
END
for file; do case $file in *__Slow.cpp | *__Syms.cpp) echo "#include \"$file\"" ;; esac done
cat <<END
#ifdef __clang__
#pragma clang optimize on
#else
#pragma GCC pop_options
#endif
#include "$harness"
END
