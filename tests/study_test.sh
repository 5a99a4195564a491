#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make study` by one epoch on made-up engines: its page has what it should. Run from the repository's root.
set -u
if [ -z "${THOROUGH:-}" ]; then
    echo "skipped: study_test trains eight networks: in the long run"
    exit 0
fi
page=build/study_test/turbofan.html passed=0 failed=0
check() { # what, command...
    what=$1
    shift
    if "$@"; then
        echo "pass: $what"
        passed=$((passed + 1))
    else
        echo "FAIL: $what"
        failed=$((failed + 1))
    fi
}
count() { # of the lines with a text
    [ "$(grep -c "$2" "$page")" = "$1" ]
}
rm -rf build/study_test
check "the study ends" env -u CMAPSS EPOCHS=1 STUDY=build/study_test examples/turbofan/study.sh
check "four figures" count 4 "^<svg "
check "of each a curve of both arithmetics, to train with and to validate with" count 16 "^<polyline class=\"[a-z0-9]* [a-z]*\" points=\"[0-9.,]*\"/>"
check "both networks are in both tables" count 6 "^<tr><td>S[34]: LSTM"
check "nothing is loaded from elsewhere" count 0 "<script\|<link\|src=\|url("
check "it is well-formed but for what HTML leaves open" "${PYTHON:-python3}" -c "
import re, sys, xml.dom.minidom
text = open('$page', encoding='utf-8').read()
text = text.replace('<!DOCTYPE html>', '').replace('<meta charset=\"utf-8\">', '').replace('&middot;', '')
xml.dom.minidom.parseString(text)
numbers = [float(n) for n in re.findall(r'(?<=[>])[0-9.]+(?=[< ])', text)]
sys.exit(not numbers or 'nan' in text or 'inf<' in text)"
mv build/study_test/lstm2x25_int/curves.csv build/study_test/kept.csv
check "a training that is missing is told" sh -c "! build/turbofan_demo page build/study_test '' 2>build/study_test/err.txt && grep -q 'lstm2x25_int/curves.csv' build/study_test/err.txt"
echo "epoch,loss" >build/study_test/lstm2x25_int/curves.csv
echo "1,2" >>build/study_test/lstm2x25_int/curves.csv
check "another table is told" sh -c "! build/turbofan_demo page build/study_test '' 2>build/study_test/err.txt && grep -q 'other columns' build/study_test/err.txt"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
