#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The Python package: its structs are the compiler's, and tests/python_test.py. Run from the repository's root.
set -eu
work=build/python_test
mkdir -p "$work"
export PYTHONPATH="$PWD/build/python" PYTHONDONTWRITEBYTECODE=1
python=${PYTHON:-python3}
"$python" tests/python_test.py layout >"$work/layout.c"
cc -std=c11 -Wall -Wextra -Werror -Ihost/include -Ibase -o "$work/layout" "$work/layout.c"
build/tests/session_test --write-heads "$work/small.millrace" "$work/small.npy"
"$python" tests/python_test.py "$work"
