#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# millrace import from the outside: what it takes and tells of networks, calibration, ranges and precisions, and what it
# refuses. Run from the repository's root.
set -u
SESSION_TEST=${SESSION_TEST:-build/tests/session_test}
ONNX_TEST=${ONNX_TEST:-build/tests/onnx_random_test}
W=build/cli-import-test
# shellcheck source=tests/cli.sh
. tests/cli.sh
needs "$SESSION_TEST" "$ONNX_TEST"

echo "models"
refuses 1 "$W/none.onnx" import "$W/none.onnx" -o "$W/none.millrace"
refuses 1 "$W/none.millrace" plan "$W/none.millrace"
head -c 3000 /dev/urandom >"$W/random.onnx"
refuses 1 "$W/random.onnx" import "$W/random.onnx" -o "$W/random.millrace"
: >"$W/empty.onnx"
refuses 1 "$W/empty.onnx" import "$W/empty.onnx" -o "$W/random.millrace"
check "nothing is written" test ! -e "$W/random.millrace"
cp "$W/random.onnx" "$W/random.millrace"
refuses 1 "$W/random.millrace" run "$W/random.millrace" --device cpu: --input "$X" -o "$W/y.npy"
head -c 700 "$T" >"$W/short.millrace"
refuses 1 "$W/short.millrace" plan "$W/short.millrace"
if [ -d "$SHARED" ]; then
    L=$SHARED/turbofan_lstm2x25_rul
    runs 0 import "$L.onnx" --calibrate "$SHARED/turbofan_calib_x.npy" -o "$W/rul.millrace" --json
    check "import tells its operators" sh -c "tr -d ' \n' <$W/out | grep -q '\"operators\":\[{\"name\":\"lstm0\",\"type\":\"lstm\",\"inputs\":25,\"units\":25'"
    check "import tells the accuracy" grep -q '"snr_db": [4-9]' "$W/out"
    (cd "$W" && "$OLDPWD/$M" import "$OLDPWD/$L.onnx" >/dev/null 2>&1)
    check "default name" test -s "$W/turbofan_lstm2x25_rul.millrace"
    size=$(wc -c <"$L.onnx")
    for part in 10 100 1000 $((size / 2)) $((size - 1)); do
        head -c "$part" "$L.onnx" >"$W/cut.onnx"
        refuses 1 "$W/cut.onnx" import "$W/cut.onnx" -o "$W/cut.millrace"
    done
    runs 0 import "$SHARED/turbofan_gru2x64_rul.onnx" --calibrate "$SHARED/turbofan_calib_x.npy" -o "$W/gru.millrace" --json
    check "GRU" sh -c "tr -d ' \n' <$W/out | grep -q '\"operators\":\[{\"name\":\"gru0\",\"type\":\"gru\"'"
    runs 0 compare "$W/gru.millrace" "$SHARED/turbofan_test_x.npy" --devices cpu: --reference "$SHARED/turbofan_gru2x64_rul.y.npy" --json
    check "it gives what PyTorch gives" grep -Eq '"snr_db": [6-9][0-9]\.' "$W/out"
    runs 0 import "$L.onnx" --calibrate "$SHARED/turbofan_calib_x.npy" --precision auto --tolerance 0.01 -o "$W/auto.millrace"
    check "precisions that are beyond the tolerance" grep -q '^precision w8a8: beyond the tolerance' "$W/out"
    check "and within" grep -q '^precision w16a16: within the tolerance' "$W/out"
    check "what layers get" grep -Eq 'lstm1 .* w8a(8|16)' "$W/out"
    runs 0 import "$L.onnx" --calibrate "$SHARED/turbofan_calib_x.npy" --precision auto --tolerance 0.01 -o "$W/auto.millrace" --json
    check "in JSON, too" sh -c "tr -d ' \n' <$W/out | grep -q '\"precision\":\"w8a8\",\"within_tolerance\":false,\"refused\":null,\"each_output\":\[{\"rms_error\":0.004'"
    refuses 1 "$L.onnx: no precision is within the tolerance of 1e-09: w16a16 has an RMS error of" \
        import "$L.onnx" --calibrate "$SHARED/turbofan_calib_x.npy" --precision auto --tolerance 1e-9 -o "$W/bad.millrace"
    refuses 1 "shape" import "$L.onnx" --calibrate "$L.y.npy" -o "$W/bad.millrace"
    refuses 1 "cannot be written" import "$L.onnx" -o "$W/no/such/folder.millrace"
    check "nothing is written" test ! -e "$W/bad.millrace"
else
    echo "skipped: $SHARED is absent, so ONNX files of PyTorch are not tried"
fi

echo "ranges of the inputs"
csv "$W/calib.csv" 50 25 0.5
runs 0 import "$N" --calibrate "$W/calib.csv" -o "$W/r.millrace" --json
check "notes as JSON" grep -q '"25 features do not change in the calibration data' "$W/out"
check "and on stderr" grep -q '^millrace: note: 25 features do not change' "$W/err"
check "accuracy of each output" grep -q '"each_output"' "$W/out"
check "only JSON" sh -c "head -c 1 $W/out | grep -q '{'"
runs 0 import "$N" --calibrate "$W/calib.csv" -o "$W/r.millrace" --range -1:1 --range 3=0:8
check "nothing on stderr" test ! -s "$W/err"
csv "$W/calib5.csv" 50 25 5
runs 0 import "$N" --calibrate "$W/calib5.csv" -o "$W/r.millrace" --range 0.25 --force
check "what is cut is told" \
    grep -q 'feature 24: 50 of 50 calibration values are beyond its format, which ends at ±1,' "$W/err"
awk 'BEGIN { print "feature,mean,std"; for (i = 0; i < 25; i++) print "f" i ",0.5,0.1" }' >"$W/stat.csv"
runs 0 import "$N" --statistics "$W/stat.csv" -o "$W/r.millrace"
echo '{"min": [1], "max": [2]}' >"$W/bad.json"
refuses 1 "min is given for 1 features; the network has 25" import "$N" --statistics "$W/bad.json" -o "$W/no.millrace"
for range in 3:1 x 1: :1 1:2:3 25x=1:2 =1:2 -1=0:1 4294967295=0:1 nan inf 0=; do
    refuses 2 "--range $range" import "$N" --range "$range" -o "$W/no.millrace"
done
refuses 1 "$N: a range is given for feature 25; the network has 25" import "$N" --range 25=0:1 -o "$W/no.millrace"
refuses 1 "$N: layer 0, gate i, unit 0" import "$N" --range 3=-100000:100000 -o "$W/no.millrace"
refuses 1 "$N: feature 3 reaches" import "$N" --range 3=1e30 -o "$W/no.millrace"
csv "$W/two.csv" 5 2 1
refuses 1 "$W/two.csv: the calibration data is not of the shape" \
    import "$N" --calibrate "$W/two.csv" -o "$W/no.millrace"
for method in min MAX mse= percentile percentile= percentile=0 percentile=101 percentile=-1 percentile=x \
    percentile=99.9x percentile=nan max,mse; do
    refuses 2 "--calibration-method $method: max, mse, or percentile=P" \
        import "$N" --calibrate "$W/calib.csv" --calibration-method "$method" -o "$W/no.millrace"
done
for method in max mse percentile=99; do
    refuses 2 "--calibration-method needs --calibrate" import "$N" --calibration-method "$method" -o "$W/no.millrace"
    runs 0 import "$N" --calibrate "$W/calib.csv" --calibration-method "$method" -o "$W/r.millrace"
done
refuses 1 "would overwrite" import "$N" --statistics "$W/stat.csv" -o "$W/stat.csv"

echo "precision of the layers"
awk 'BEGIN { srand(5); for (i = 0; i < 50; i++) for (k = 0; k < 25; k++) printf "%.4f%s", 2 * rand() - 1, k < 24 ? "," : "\n" }' >"$W/noise.csv"
for precision in w4a4 w8 W8A8 w16a8 w8a8, ,w8a8 auto,w8a8 "w8a8 w8a8"; do
    refuses 2 "--precision $precision: w16a16, w8a16 or w8a8, one for each layer with commas, or auto" \
        import "$N" --precision "$precision" -o "$W/no.millrace"
done
refuses 2 "option --precision needs a value" import "$N" --precision "" -o "$W/no.millrace"
refuses 1 "$N: 3 precisions are given; the network has 2 recurrent layers" import "$N" --precision w8a8,w8a8,w8a8 -o "$W/no.millrace"
for tolerance in nan inf 0 -1 x 0.1x ""; do
    refuses 2 "--tolerance" import "$N" --calibrate "$W/noise.csv" --precision auto --tolerance "$tolerance" -o "$W/no.millrace"
done
refuses 2 "--tolerance needs --precision auto" import "$N" --tolerance 0.1 -o "$W/no.millrace"
refuses 2 "--tolerance needs --precision auto" import "$N" --precision w8a8 --tolerance 0.1 -o "$W/no.millrace"
refuses 2 "--precision auto needs --tolerance" import "$N" --precision auto --calibrate "$W/noise.csv" -o "$W/no.millrace"
refuses 2 "--precision auto needs --calibrate" import "$N" --precision auto --tolerance 0.1 -o "$W/no.millrace"
# Of one sequence there is one result.
refuses 1 "$N: output y does not move on the calibration data, so that no error of it is within a tolerance" \
    import "$N" --calibrate "$W/noise.csv" --precision auto --tolerance 0.5 -o "$W/no.millrace"
check "nothing is written" test ! -e "$W/no.millrace"
runs 0 import "$N" --calibrate "$W/noise.csv" --precision w8a8,w16a16 -o "$W/r.millrace"
check "the precision of each layer" sh -c "grep -q 'lstm0 .*, w8a8' $W/out && grep -q 'lstm1 .*, w16a16' $W/out"
runs 0 import "$N" --precision w8a16 -o "$W/r.millrace"
check "for all layers" test "$(grep -c ', w8a16' "$W/out")" = 2
check "nothing is written" test ! -e "$W/no.millrace"

echo "a network of many parts"
# Recurrent layers, dense layers, a softmax on the last step and one on every step.
check "writing it" "$ONNX_TEST" --write 'last, .*softmax.*every step, .*softmax$' "$W/parts.onnx"
runs 0 import "$W/parts.onnx" -o "$W/parts.millrace"
check "import tells its outputs" grep -q "  output 'y[1-9]': [0-9]* numbers* per step" "$W/out"
runs 0 plan "$W/parts.millrace"
check "a row for a softmax, which has no lanes" grep -Eq '^  softmax1 +[0-9]+ +[0-9]+ +- +[0-9.]+ +8$' "$W/out"
# One of five features whose dense layer has an operator behind it.
check "writing another" "$ONNX_TEST" --write 'F = 5, dense [0-9]+ -> ' "$W/parts.onnx"
csv "$W/calm.csv" 9 5 0.5
csv "$W/wild.csv" 9 5 40
runs 0 import "$W/parts.onnx" --calibrate "$W/calm.csv" --range 60 -o "$W/parts.millrace"
check "the range of a dense layer" grep -Eq '^  head +[0-9]+ -> [0-9]+, values within -[0-9.]+ to [0-9.]+$' "$W/out"
runs 0 run "$W/parts.millrace" "$W/wild.csv" --device cpu: -o "$W/parts.npy"
check "what it cut is told, without a sum that it does not count" grep -Eq ': head [0-9]+ times \(range -' "$W/err"

ended cli_import_test
