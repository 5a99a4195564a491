#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command millrace from the outside: what it does, and what it says to bad input: one sentence, the right exit
# code, and nothing left behind. Run from the repository's root. MR_TEST_NO_SIM=1 leaves Verilator out.
set -u
SESSION_TEST=${SESSION_TEST:-build/tests/session_test}
SATURATION_TEST=${SATURATION_TEST:-build/tests/saturation_test}
W=build/cli-test
# shellcheck source=tests/cli.sh
. tests/cli.sh
needs "$SESSION_TEST" "$SATURATION_TEST"

echo "usage"
runs 0 --help
commands=$(sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' "$W/out")
check "help names the commands" test "$(echo "$commands" | grep -cx 'import\|plan\|build\|run\|compare\|profile\|program\|emulate\|devices\|train')" = 10
runs 0 --version
check "version" grep -Eq '^millrace [0-9]+\.[0-9]+\.[0-9]+$' "$W/out"
for command in $commands; do
    runs 0 "$command" --help
    check "$command --help" grep -q "^Usage: millrace $command" "$W/out"
    refuses 2 "--nonsense" "$command" --nonsense
done
refuses 2 "did you mean import" improt a.onnx
refuses 2 "known are import, plan" frobnicate
refuses 2 "a command is missing"
refuses 2 "there is no command a?[31mb" "$(printf 'a\033[31mb')"
refuses 2 "one argument too many: x" --version x
refuses 2 "one argument too many: x" help run x
refuses 2 "the model file is missing" plan
refuses 2 "one argument too many" plan "$T" "$T"
refuses 2 "--input is missing" run "$T" --device cpu: -o "$W/y.npy"
runs 2 run "$T" --device cpu: --input "$X" --json
check "-o is missing" grep -q '"error": "-o is missing' "$W/out"
refuses 2 "--input is missing" compare "$T"
refuses 2 "--input is missing" profile "$T" --device sim:
refuses 2 "the model file is missing" profile --input "$X"
refuses 2 "needs a value" profile "$T" --trace
refuses 2 "whole numbers" plan "$T" --lanes 1,x
refuses 2 "whole numbers" plan "$T" --lanes 0
refuses 2 "whole numbers" plan "$T" --lanes 2hh
refuses 2 "whole numbers" plan "$T" --lanes h
refuses 2 "option --lanes needs a value" plan "$T" --lanes ""
refuses 2 "option --output needs a value" run "$T" "$X" --output=
refuses 2 "option --calibrate needs a value" import "$W/a.onnx" --calibrate ""
refuses 2 "write -o y.npy or --output=y.npy" run "$T" "$X" -o=y.npy
refuses 2 "did you mean --help?" emulate --hlp
refuses 2 "the program is missing" emulate --
refuses 1 "known are icebreaker, upduino, and a model" emulate --usb nothing true
refuses 1 "ft.millrace cannot be opened" emulate --usb ft.millrace true
refuses 2 "is too long" emulate --usb "ft601:A:$(printf 'x%.0s' $(seq 8192))" true
refuses 2 "is too long" emulate --usb "icebreaker:$(printf 'x%.0s' $(seq 40))" true
refuses 2 "give the board (icebreaker, upduino)" program
refuses 2 "give the board" program icebreaker a.bin b.bin
refuses 1 "'a' is no board; known are icebreaker, upduino" program a
refuses 2 "exclude each other" build "$T" --device cpu: --platform hw_emu
refuses 2 "exclude each other" build "$T" --platform hw_emu --device cpu:
refuses 1 "did you mean cpu:?" run "$T" "$X" --device CPU:
refuses 1 "did you mean xrt:" run "$T" "$X" --device XRT:0
refuses 1 "did you mean sim:?" run "$T" "$X" --device Sim
# Wrong usage is told in JSON too, wherever --json stands.
for words in "plan --json" "plan --nonsense --json" "plan --json --lanes x" "emulate --json"; do
    runs 2 $words
    check "millrace $words" grep -q '"error": "' "$W/out"
done
runs 2 emulate --nonsense true --json
check "an option of the program is not one of emulate" test ! -s "$W/out"
refuses 2 "exclude each other" plan "$T" --area --latency
refuses 2 "exclude each other" plan "$T" --step-latency --throughput
refuses 2 "exclude each other" plan "$T" --throughput --step-cycles 20 --latency
runs 0 plan "$T" --throughput --step-cycles 20
check "slots that keep up" grep -q "slots" "$W/out"
runs 0 plan "$T" --step-cycles 20 --throughput
refuses 2 "whole number" plan "$T" --steps -3
refuses 2 "needs a value" plan "$T" --target
for command in $commands; do
    "$M" "$command" --help >"$W/help"
    for form in "help $command" "-h $command" "--help $command" "$command -h"; do
        runs 0 $form
        check "millrace $form" cmp -s "$W/out" "$W/help"
    done
done
refuses 2 "did you mean profile" help profiel
refuses 2 "did you mean --device?" run "$T" "$X" --devcie cpu:
refuses 2 "did you mean --device?" run "$T" "$X" -device cpu:
refuses 2 "did you mean --input?" run "$T" -input "$X"
refuses 2 "did you mean --output?" run "$T" "$X" --ouput=y.npy
refuses 2 "option --qqq is not known; see millrace run --help" run "$T" "$X" --qqq
refuses 2 "option -q is not known" run "$T" "$X" -q
refuses 2 "takes no value" run "$T" "$X" --steps=3
refuses 2 "one argument too many: $X" run "$T" "$X" "$X"
refuses 2 "one argument too many: $X" run "$T" -i "$X" "$X"
refuses 2 "stands before the command" --json run "$T" "$X"
runs 0 build --help
check "build tells all of its options" sh -c "grep -q -- '--platform NAME' '$W/out' && grep -q -- '-o, --output' '$W/out'"

echo "threads"
for threads in 0 65 -1 2x; do
    refuses 2 "--threads $threads: a whole number from 1 to 64 is expected" run "$T" "$X" --threads $threads --device cpu: -o "$W/y.npy"
done
runs 0 run "$T" "$X" --device cpu: -o "$W/one.npy"
runs 0 run "$T" "$X" --device cpu: --threads 3 -o "$W/three.npy"
check "three threads, the same bits" cmp "$W/one.npy" "$W/three.npy"

echo "tokens that are fed back"
L=$W/licence.millrace
runs 0 import examples/text/licence.onnx -o "$L"
runs 0 run "$L" --first 5 --generate 12 --device cpu: -o "$W/all.csv"
check "they are told" grep -q "^$W/all.csv: 12 tokens of 1 sequence on cpu:, " "$W/out"
check "a row of them" grep -Eqx '([0-9]+,){11}[0-9]+' "$W/all.csv"
# In two parts, of which the second one begins with the last token of the first.
runs 0 run "$L" --first 5 --generate 5 --device cpu: -o "$W/part.csv" --save "$W/state"
runs 0 run "$L" --first "$(sed 's/.*,//' "$W/part.csv")" --generate 7 --device cpu: -o "$W/rest.csv" --restore "$W/state"
check "in two parts" test "$(paste -d, "$W/part.csv" "$W/rest.csv")" = "$(cat "$W/all.csv")"
# Behind a beginning: its last number is the first input.
echo "5,$(cut -d, -f1-6 "$W/all.csv")" >"$W/beginning.csv"
runs 0 run "$L" "$W/beginning.csv" --generate 6 --device cpu: -o "$W/rest.csv"
check "behind a beginning" test "$(cut -d, -f1-6 "$W/all.csv"),$(cat "$W/rest.csv")" = "$(cat "$W/all.csv")"
runs 0 run "$L" --first 5 --generate 12 --stop "$(cut -d, -f3 "$W/all.csv")" --device cpu: -o "$W/rest.csv" --json
check "a stop token" grep -q ',-1,-1,-1,-1,-1,-1,-1,-1,-1$' "$W/rest.csv"
check "how many in JSON" test "$(tr -d ' \n' <"$W/out" | sed 's/.*"tokens":\[\([0-9]*\)\].*/\1/')" -le 3
refuses 2 "--first is of --generate N" run "$L" --first 1 --stop 2 --device cpu: -o "$W/y.csv"
refuses 2 "--first x: a token is a whole number from 0 to 32767" run "$L" --first x --generate 2
refuses 2 "--generate 0: a whole number" run "$L" --first 1 --generate 0
refuses 2 "--input is missing" run "$L" --generate 2
refuses 2 "leave out --steps" run "$L" --first 1 --generate 2 --steps
refuses 1 "the first token is 4000" run "$L" --first 4000 --generate 2 --device cpu: -o "$W/y.csv"
refuses 1 "the stop token is 4000" run "$L" --first 1 --generate 2 --stop 4000 --device cpu: -o "$W/y.csv"
refuses 1 "is no token but numbers of a step" run "$T" "$X" --first 1 --generate 2 --device cpu: -o "$W/y.csv"
csv "$W/half.csv" 1 3 0.5
refuses 1 "is 0.5, and is no token" run "$L" "$W/half.csv" --generate 2 --device cpu: -o "$W/y.csv"

# An encoder and a decoder: "3 march 2021" as tokens.
D=examples/dates
runs 0 import $D/encoder.onnx --decoder $D/decoder.onnx --calibrate $D/dates.npy --first 11 --decode-steps 11 -o "$W/dates.millrace" --json
check "the import tells the encoder's input" grep -q '"input": "written"' "$W/out"
echo 4,0,22,11,26,13,18,0,3,1,3,2 >"$W/date.csv"
runs 0 run "$W/dates.millrace" "$W/date.csv" --generate 12 --first 11 --stop 12 --device cpu: -o "$W/said.csv"
check "a date is said" test "$(cat "$W/said.csv")" = 2,0,2,1,10,0,3,10,0,3,12,-1
runs 0 plan "$W/dates.millrace" --steps 12
check "the plan has both parts" grep -q 'encoder, 12 steps: [0-9]* cycles' "$W/out"
refuses 1 "has an encoder, which reads" run "$W/dates.millrace" "$W/date.csv" --device cpu: -o "$W/y.csv"
refuses 1 "has an encoder, which reads" compare "$W/dates.millrace" "$W/date.csv"
refuses 2 "--first is missing" run "$W/dates.millrace" "$W/date.csv" --generate 3 --device cpu:
refuses 2 "--first and --decode-steps need --decoder and --calibrate" import $D/encoder.onnx --first 3
refuses 2 "are not for networks with a --decoder" import $D/encoder.onnx --decoder $D/decoder.onnx --range 1
refuses 1 "no layer of the decoder starts from an input" import $D/encoder.onnx --decoder $D/encoder.onnx -o "$W/y.millrace"
runs 0 plan "$L" --steps 10
check "the plan tells what a token takes" grep -Eq '^  a token that is fed back: [0-9]+ cycles, [0-9]+ a second$' "$W/out"

echo "plans that cannot be"
refuses 1 "u55c" plan "$T" --target u9000
refuses 1 "u280, icebreaker" plan "$T" --target u9000
runs 0 plan "$T" --target icebreaker --json
check "a board's plan" grep -q '"mode": "folded"' "$W/out"
refuses 1 "there are no lanes, slots or budgets to choose" plan "$T" --target icebreaker --lanes 4
refuses 1 "is a board with a folded kernel, and this needs a card" build "$T" --target icebreaker
refuses 1 "32" plan "$T" --lanes 64
refuses 1 "3 layers" run "$T" --device cpu: --input "$X" -o "$W/y.npy" --lanes 1,1,1
if [ -d "$SHARED" ]; then
    runs 0 import "$SHARED/turbofan_lstm4x64_rul.onnx" -o "$W/large.millrace"
    refuses 1 "does not fit u50" plan "$W/large.millrace" --target u50 --lanes 32
fi

echo "devices and files"
runs 0 devices
check "devices" grep -q '^sim:' "$W/out"
runs 0 run "$T" --input "$X" -o "$W/chosen.npy"
check "a device is chosen and named" grep -q 'note: running on cpu:' "$W/err"
runs 0 devices --json
check "devices as JSON" grep -q '"uri": "cpu:"' "$W/out"
check "what they can" grep -q '"can": "counts cycles, records timelines, .*writes waveforms"' "$W/out"
refuses 1 "sim:" run "$T" --device warp:1 --input "$X" -o "$W/y.npy"
refuses 1 "warp" run "$T" --device warp --input "$X" -o "$W/y.npy"
refuses 1 "there is no device 'warp:1'; known are cpu:, hls:, sim:, xrt:N" build "$T" --device warp:1
refuses 1 "device xrt:0 takes the image of a card" build "$T" --device xrt
refuses 1 "there is no device 'warp:'" compare "$T" "$X" --devices cpu:,warp:
refuses 1 "there is no device 'auto:'" run "$T" "$X" --device cpu: --fallback auto
refuses 1 "a file without a name cannot be opened" run "$T" "" --device cpu:
refuses 1 "$W/none.npy" run "$T" --device cpu: --input "$W/none.npy" -o "$W/y.npy"
refuses 1 "cannot be written" run "$T" --device cpu: --input "$X" -o "$W/no/such/y.npy"
refuses 1 "cannot be written" profile "$T" --input "$X" --trace "$W/no/such/t.json"
refuses 1 "is a folder" profile "$T" --input "$X" --trace "$W"
refuses 1 "records timelines" profile "$T" --device cpu: --input "$X" --trace "$W/cpu.json"
check "no trace of what was refused" test ! -e "$W/cpu.json"
refuses 1 "is a folder" run "$T" --device cpu: --input "$X" -o "$W"
csv "$W/wide.csv" 6 4 0.5
refuses 1 "has the shape [6, 4], and model session-test takes [N, T, F] or [T, F] with F = 3" \
    run "$T" --device cpu: --input "$W/wide.csv" -o "$W/y.npy"
head -c 100 "$X" >"$W/cut.npy"
refuses 1 "$W/cut.npy" run "$T" --device cpu: --input "$W/cut.npy" -o "$W/y.npy"

echo "inputs"
mkfifo "$W/fifo" 2>/dev/null
for odd in /dev/zero "$W/fifo" "$W"; do
    refuses 1 "$odd" plan "$odd"
    refuses 1 "$odd" import "$odd" -o "$W/odd.millrace"
    refuses 1 "$odd" run "$T" "$odd" --device cpu: -o "$W/odd.npy"
    refuses 1 "$odd" run "$T" "$X" --device cpu: -o "$W/odd.npy" --restore "$odd"
done
# Files without a byte, and arrays without a number.
: >"$W/none"
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 6, 3), }" >"$W/none.npy"
for none in "$W/none" "$W/none.npy"; do
    refuses 1 "$none is empty" run "$T" "$none" --device cpu: -o "$W/odd.npy"
    refuses 1 "$none is empty" compare "$T" "$none" --devices cpu:
    refuses 1 "$none is empty" profile "$T" "$none"
    refuses 1 "$none" run "$T" "$X" --device cpu: -o "$W/odd.npy" --lengths "$none"
    refuses 1 "$none" run "$T" "$X" --device cpu: -o "$W/odd.npy" --restore "$none"
    refuses 1 "$none is empty" import tests/data/turbofan_lstm2x25_rul.onnx --calibrate "$none" -o "$W/odd.millrace"
    refuses 1 "$none" import tests/data/turbofan_lstm2x25_rul.onnx --statistics "$none" -o "$W/odd.millrace"
done
refuses 1 "$W/none is empty" plan "$W/none"
printf '\010\007\022\007pytorch' >"$W/net.onnx"
refuses 1 "import it first: millrace import $W/net.onnx" plan "$W/net.onnx"
refuses 1 "import it first" run "$W/net.onnx" "$X"
refuses 1 "is an .npy array" run "$X" "$T"
refuses 1 "no?such?[31m" plan "$(printf 'no\nsuch\033[31m')"
refuses 1 "imported already" import "$T" -o "$W/odd.millrace"
for odd in pt pth h5 keras tflite; do
    echo "weights" >"$W/net.$odd"
    refuses 1 "makes one" import "$W/net.$odd" -o "$W/odd.millrace"
    refuses 1 "makes one" plan "$W/net.$odd"
done
printf '1,2,3\nNA,5,6\n' >"$W/missing.csv"
refuses 1 "line 2, field 1 ('NA') is a missing value" run "$T" "$W/missing.csv" --device cpu:
printf '0,1,2\n.1,.2,.3\n' >"$W/counted.csv"
refuses 1 "counts its columns from 0" run "$T" "$W/counted.csv" --device cpu:
printf '1,2,3\n.1,.2,.3\n' >"$W/counted.csv"
runs 0 run "$T" "$W/counted.csv" --device cpu:
check "columns that are counted from 1 are told" grep -q "counts its columns from 1" "$W/err"
printf ',a,b,c\n0,.1,.2,.3\n1,.1,.2,.3\n' >"$W/index.csv"
runs 1 run "$T" "$W/index.csv" --device cpu:
check "an index is known" grep -q "first column counts the rows" "$W/err"
check "nothing is written" test ! -e "$W/odd.millrace" -a ! -e "$W/odd.npy"

# A compiler that fails or hangs: a sentence, and no entry in the cache.
echo "a build that does not end well"
printf '#!/bin/sh\necho "network.c:3:1: error: out of luck" >&2\nexit 1\n' >"$W/failing-hlsc"
printf '#!/bin/sh\nexec sleep 60\n' >"$W/hanging-hlsc"
chmod +x "$W/failing-hlsc" "$W/hanging-hlsc"
cache=$MILLRACE_CACHE
MILLRACE_CACHE=$W/broken-cache
kept=${MILLRACE_HLSC-}
MILLRACE_HLSC=$W/failing-hlsc
export MILLRACE_HLSC
refuses 1 "network.c:3:1: error: out of luck" plan "$T"
MILLRACE_HLSC=$W/hanging-hlsc
"$M" plan "$T" >/dev/null 2>&1 &
victim=$!
sleep 1
child=$(cat "/proc/$victim/task/$victim/children" 2>/dev/null)
kill -9 $victim
[ -n "$child" ] && kill -9 $child
wait $victim 2>/dev/null
check "no half-made entry" test -z "$(ls -d "$W"/broken-cache/network-hls-* | grep -Ev '\.(tmp|lock|log)$')"
MILLRACE_HLSC=$W/no-such-hlsc
refuses 1 "MILLRACE_HLSC" plan "$T"
MILLRACE_HLSC=$kept
[ -n "$kept" ] || unset MILLRACE_HLSC
MILLRACE_CACHE=$cache

echo "runs"
runs 0 plan "$T" --sequences 2 --steps 9
runs 0 plan "$T" --json
for within in 3.2/9 1/3 0.5; do # exact cycles are in time
    steps=1
    [ "${within#*/}" = "$within" ] || steps=${within#*/}
    runs 0 plan "$T" --within "$within" --steps "$steps"
    check "a plan within $within" awk -v most="${within%/*}" '/ us at / { seen = $(NF - 4) <= most } END { exit !seen }' "$W/out"
done
refuses 1 "is the least that this network can have there" plan "$T" --within 0.1/20
refuses 2 "microseconds from" plan "$T" --within 3/x
refuses 2 "exclude each other" plan "$T" --within 3 --latency
runs 0 plan "$T" --json
check "plan as JSON" grep -q '"cycles_per_step"' "$W/out"
check "the plan tells the precision of each layer" grep -q '"precision": "w16a16"' "$W/out"
runs 0 build "$T" --device hls: --json
check "build as JSON" grep -q '"hls:"' "$W/out"
runs 0 run "$T" --device cpu: --input "$X" -o "$W/y.npy" --json
check "run as JSON" grep -q '"cycles": null' "$W/out"
check "only JSON" sh -c "head -c 1 $W/out | grep -q '{'"
check "nothing on stderr" test ! -s "$W/err"
check "output" test -s "$W/y.npy"
runs 0 run "$T" --device cpu: --input "$X" -o "$W/again.npy" --lanes 2,3
check "other lanes, same bytes" cmp "$W/y.npy" "$W/again.npy"
runs 0 run "$T" --device cpu: --input "$X" -o "$W/again.npy" --lanes 2h,2/2h
check "the columns of h first, same bytes" cmp "$W/y.npy" "$W/again.npy"
runs 0 run "$T" --device cpu: --input "$X" -o "$W/y.csv"
check "one line per sequence" test "$(wc -l <"$W/y.csv")" -ge 4
runs 0 run "$T" --device cpu: --input "$X" -o "$W/steps.npy" --steps
check "more output" test "$(wc -c <"$W/steps.npy")" -gt "$(wc -c <"$W/y.npy")"
csv "$W/one.csv" 6 3 0.25
runs 0 run "$T" --device cpu: --input "$W/one.csv" -o "$W/one.npy"
refuses 1 "use sim:" run "$T" --device cpu: --input "$X" -o "$W/y.npy" --trace "$W/t.fst"

echo "a damaged cache"
cache=$MILLRACE_CACHE
MILLRACE_CACHE=$W/own-cache
rm -rf "$MILLRACE_CACHE"
runs 0 run "$T" --device hls: --input "$X" -o "$W/again.npy"
so=$(ls "$MILLRACE_CACHE"/network-model-*/kernel.so)
printf 'X' | dd of="$so" bs=1 seek=5000 conv=notrunc 2>/dev/null
runs 0 run "$T" --device hls: --input "$X" -o "$W/again.npy"
check "damage is told" grep -q 'note: .*is damaged (kernel.so is not as it was built) and is built again' "$W/err"
check "and mended" cmp "$W/y.npy" "$W/again.npy"
rm "$so"
runs 0 run "$T" --device hls: --input "$X" -o "$W/again.npy"
check "what is missing is built" cmp "$W/y.npy" "$W/again.npy"
echo >"$(ls "$MILLRACE_CACHE"/network-hls-*/report.json)"
runs 0 plan "$T"
check "reports too" grep -q 'report.json is not as it was built' "$W/err"
runs 0 plan "$T"
check "once" test ! -s "$W/err"
chmod o+w "$MILLRACE_CACHE"
refuses 1 "may be written by other users" run "$T" --device hls: --input "$X" -o "$W/again.npy"
rm -rf "$MILLRACE_CACHE"
MILLRACE_CACHE=$cache

echo "ways to name input and output"
runs 0 run "$T" "$X" --device cpu -o "$W/again.npy"
check "input behind the model" cmp "$W/y.npy" "$W/again.npy"
runs 0 run "$T" -i "$X" --device cpu: -o -
check "standard output" cmp "$W/y.npy" "$W/out"
check "the report is beside it" grep -q '4 sequences' "$W/err"
runs 0 run "$T" "$X" --device cpu: -o /dev/stdout
check "/dev/stdout" cmp "$W/y.npy" "$W/out"
runs 0 run "$T" "$X" --device cpu:
check "a table by default" cmp "$W/y.csv" "$W/out"
"$M" run "$T" - --device cpu: -o - <"$X" 2>/dev/null >"$W/again.npy"
check "standard input and output" cmp "$W/y.npy" "$W/again.npy"
"$M" run "$T" - --device cpu: </dev/null 2>"$W/err"
check "standard input has a name" grep -q 'standard input cannot be read: it is a device' "$W/err"
echo | "$M" run "$T" - --device cpu: 2>"$W/err"
check "in its readers too" grep -q 'standard input holds no row of numbers' "$W/err"
printf '1,2,3\n1,nan,3\n' | "$M" run "$T" - --device cpu: 2>"$W/err"
check "and in runs" grep -q 'standard input: .* step 1, feature 1' "$W/err"
cat "$X" | "$M" run "$T" /dev/stdin --device cpu: -o "$W/again.npy" >/dev/null
check "through pipes" cmp "$W/y.npy" "$W/again.npy"
"$M" run "$T" "$X" --device cpu: -o - 2>/dev/null | cat >"$W/again.npy"
check "into a pipe" cmp "$W/y.npy" "$W/again.npy"
(echo first; "$M" run "$T" "$X" --device cpu: -o /dev/stdout 2>/dev/null; echo last) >"$W/out"
check "and what stands around it stays" sh -c "head -n 1 '$W/out' | grep -q first && tail -n 1 '$W/out' | grep -q last"
check "/dev/stdout is what it was" test -L /dev/stdout
runs 2 run "$T" "$X" --device cpu: -o - --json
check "standard output is one file" grep -q '"error": ".*both write to standard output' "$W/out"
refuses 2 "both write to standard output" run "$T" "$X" --device cpu: -o - --save -
printf '\357\273\277a,b,c\r\n.25,.25,.25\r\n.25,.25,.25' >"$W/named.csv"
runs 0 run "$T" "$W/named.csv" --device cpu: -o "$W/one.npy"
check "a header is told" grep -q "note: $W/named.csv: line 1 is taken as a header" "$W/err"

echo "outputs"
refuses 1 "which this command reads" run "$T" "$X" --device cpu: -o "$X"
refuses 1 "which this command reads" run "$T" "$X" --device cpu: -o "$W/../cli-test/tiny.millrace"
refuses 1 "which this command reads" run "$T" "$X" --device cpu: -o "$W/y.npy" --save "$X"
refuses 1 "which this command reads" run "$T" "$X" --device sim: -o "$W/y.npy" --trace "$X"
refuses 1 "another of its outputs" run "$T" "$X" --device cpu: -o "$W/new" --save "$W/new"
refuses 1 "which this command reads" import "$W/net.onnx" -o "$W/net.onnx"
refuses 1 "which this command reads" import "$W/net.onnx" --calibrate "$X" -o "$X"
refuses 1 "which this command reads" profile "$T" "$X" --trace "$X"
"$M" run "$T" - --device cpu: -o "$W/half.npy" <"$X" >/dev/null 2>&1
cp "$X" "$W/own.npy"
"$M" run "$T" - --device cpu: -o "$W/own.npy" <"$W/own.npy" >/dev/null 2>&1
check "standard input is an input" cmp "$X" "$W/own.npy"
check "writing a model of several outputs" "$SESSION_TEST" --write-heads "$W/heads.millrace" "$W/heads.npy"
runs 0 run "$W/heads.millrace" "$X" --device cpu: -o "$W/several.npy"
cp "$W/out" "$W/told"
check "a file for each output" test -s "$W/several.each.npy" -a -s "$W/several.last.npy" -a -s "$W/several.states.npy"
check "and no other" test ! -e "$W/several.npy"
runs 0 run "$W/heads.millrace" "$X" --device cpu:
check "a table for each" test "$(grep -cE '^(each|last|states):$' "$W/out")" -eq 3
refuses 1 "standard output is one" run "$W/heads.millrace" "$X" --device cpu: -o -
check "which are named" grep -q "several.each.npy, $W/several.last.npy, $W/several.states.npy: " "$W/told"
runs 0 run "$W/heads.millrace" "$X" --device cpu: -o "$W/several.csv" --steps --json
check "in JSON too, with shapes" sh -c "tr -d ' \n' <$W/out | grep -q '{\"name\":\"last\",\"file\":\"$W/several.last.csv\",\"shape\":\[[0-9]*,[0-9]*,[0-9]*\]}'"
runs 1 run "$W/heads.millrace" "$X" --device cpu: -o "$W/$(printf 'no\377').npy" --json
check "JSON lacks no file whose name it cannot hold" grep -q "a name is no UTF-8" "$W/err"
runs 0 run "$W/heads.millrace" "$X" --device cpu: -o /dev/null
full run "$W/heads.millrace" "$X" --device cpu:
check "a device takes them all" test -c /dev/null -a ! -e /dev/null.last
runs 0 compare "$W/heads.millrace" "$X" --devices cpu: --reference "$W/several.npy"
check "numbers have their output's name" grep -Eq '^  each(\[0\])? +rms error 0,' "$W/out"
mv "$W/several.last.npy" "$W/moved.npy"
refuses 1 "several.last.npy" compare "$W/heads.millrace" "$X" --devices cpu: --reference "$W/several.npy"
cp "$W/several.each.npy" "$W/several.last.npy"
refuses 1 "are expected of output 'last'" compare "$W/heads.millrace" "$X" --devices cpu: --reference "$W/several.npy"
cp "$X" "$W/x.states.npy"
refuses 1 "which this command reads" run "$W/heads.millrace" "$W/x.states.npy" --device cpu: -o "$W/x.npy"
check "the input stays" cmp "$X" "$W/x.states.npy"
refuses 1 "another of its outputs" run "$W/heads.millrace" "$X" --device cpu: -o "$W/set.npy" --save "$W/set.last.npy"
mkdir -p "$W/other"
echo old >"$W/other/target"
chmod 640 "$W/other/target"
ln -sf other/target "$W/link.npy"
runs 0 run "$T" "$X" --device cpu: -o "$W/link.npy"
check "links stay" test -L "$W/link.npy"
check "and are followed" cmp "$W/y.npy" "$W/other/target"
check "modes stay" test "$(stat -c %a "$W/other/target")" = 640
refuses 1 "/dev/full" run "$T" "$X" --device cpu: -o /dev/full
for words in --help --version "help run" devices "devices --json" "plan $T" "plan $T --json" "build $T --device hls:" \
    "run $T $X --device cpu:" "run $T $X --device cpu: -o -" "run $T $X --device cpu: -o /dev/null" \
    "run $T $X --device cpu: -o /dev/null --json" "compare $T $X --devices cpu:" "compare $T $X --devices cpu: --json" \
    "import $N -o $W/full.millrace"; do
    full $words
done
"$M" plan "$T" >&- 2>"$W/err"
check "closed standard output" test $? -eq 1 -a "$(cat "$W/err")" = "millrace: standard output cannot be written: Bad file descriptor"
{ sleep 0.3; "$M" plan "$T" 2>"$W/err"; echo $? >"$W/code"; } | :
check "a reader that goes away" test "$(cat "$W/code")" = 1 -a "$(cat "$W/err")" = "millrace: standard output cannot be written: Broken pipe"
check "nothing beside it" test "$(ls "$W/other")" = target

echo "state"
csv "$W/half.csv" 4 3 0.7
csv "$W/eight.csv" 8 3 0.7
runs 0 run "$T" --device cpu: --input "$W/eight.csv" -o "$W/eight.out.csv"
runs 0 run "$T" --device cpu: --input "$W/half.csv" -o "$W/first.csv" --save "$W/state"
runs 0 run "$T" --device cpu: --input "$W/half.csv" -o "$W/second.csv" --restore "$W/state" --lanes 2,1 --fallback cpu:
check "a sequence in two runs" cmp -s "$W/eight.out.csv" "$W/second.csv"
check "and not in one half" sh -c "! cmp -s '$W/eight.out.csv' '$W/first.csv'"
runs 0 run "$T" --device cpu: --input "$W/half.csv" -o "$W/steps.csv" --restore "$W/state" --steps
check "step by step too" sh -c "tail -n 1 '$W/steps.csv' | cmp -s - '$W/eight.out.csv'"
echo 4 >"$W/four.csv"
runs 0 run "$T" --device cpu: --input "$W/eight.csv" -o "$W/short.csv" --lengths "$W/four.csv"
check "the first four steps" cmp -s "$W/first.csv" "$W/short.csv"
echo 9 >"$W/nine.csv"
refuses 1 "length 0 is 9; a whole number from 1 to 8" run "$T" --device cpu: --input "$W/eight.csv" -o "$W/y.csv" --lengths "$W/nine.csv"
refuses 1 "1 lengths, and" run "$T" --device cpu: --input "$X" -o "$W/y.csv" --lengths "$W/four.csv"
refuses 2 "--lengths runs whole sequences" run "$T" --device cpu: --input "$X" --lengths "$W/four.csv" --steps
runs 0 run "$T" --device cpu: --input "$W/eight.csv" -o "$W/short.csv" --lengths "$W/four.csv" --save "$W/states"
check "a state with a length" cmp -s "$W/state" "$W/states"
runs 0 run "$T" --device cpu: --input "$W/half.csv" -o "$W/second.csv" --lengths "$W/four.csv" --restore "$W/states" --save "$W/states"
check "that goes on" cmp -s "$W/eight.out.csv" "$W/second.csv"
head -c 40 "$W/states" >"$W/cut.states"
refuses 1 "a state of" run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --lengths "$W/four.csv" --restore "$W/cut.states"
head -c 40 "$W/state" >"$W/cut.state"
refuses 1 "it was cut" run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --restore "$W/cut.state"
cat "$W/state" "$W/state" >"$W/long.state"
refuses 1 "something stands behind it" run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --restore "$W/long.state"
refuses 1 "no state" run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --restore "$X"
refuses 1 "$W/none" run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --restore "$W/none"
refuses 1 "one sequence" run "$T" --device cpu: --input "$X" -o "$W/y.npy" --restore "$W/state"
refuses 1 "cannot be written" run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --save "$W/no/such"
refuses 1 "abacus:" run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --fallback abacus:
runs 0 run "$T" --device cpu: --input "$W/half.csv" -o "$W/y.csv" --fallback "xrt:0,$W/$(printf 'x%.0s' $(seq 200)).xclbin"
cp "$W/y.npy" "$W/before.npy"
for bad in nan inf -inf; do
    csv "$W/bad.csv" 6 3 0.5
    sed "3s/^[^,]*,/0.5,/; 3s/,[^,]*$/,$bad/" "$W/bad.csv" >"$W/named.csv"
    refuses 1 "sequence 0, step 2, feature 2" run "$T" --device cpu: --input "$W/named.csv" -o "$W/y.npy"
done
check "a failed run leaves the old output" cmp "$W/y.npy" "$W/before.npy"
check "no rubbish" test -z "$(ls "$W" | grep -E '\.(tmp|probe)$')"
runs 0 compare "$T" --input "$X" --devices cpu:,cpu: --json
check "compare as JSON" grep -q '"bits_agree": true' "$W/out"
# The image behind a card's comma belongs to the card, at the end of the list too.
refuses 1 "nothing.xclbin" compare "$T" --input "$X" --devices "xrt:0,$W/nothing.xclbin"
runs 0 compare "$T" --input "$X" --devices cpu: --reference "$W/y.npy"
check "its own output is its reference" grep -q 'rms error 0,' "$W/out"
refuses 1 "are expected" compare "$T" --input "$X" --devices cpu: --reference "$X"
"$M" run "$T" --device cpu: --input "$W/wide.csv" -o "$W/y.npy" --json >"$W/out" 2>"$W/err"
check "errors are JSON too" grep -q '"error": ' "$W/out"

echo "what is cut"
# Its cell states grow by 1 a step; 150 steps, of which two have a feature beyond -8 to 8.
G=$W/growing.millrace
check "writing the growing model" "$SATURATION_TEST" --write "$G"
awk 'BEGIN { for (i = 0; i < 150; i++) print "1,0.5," (i == 3 ? -9.5 : i == 70 ? 12.25 : 0.1) }' >"$W/grow.csv"
runs 0 run "$G" --device cpu: --input "$W/grow.csv" -o "$W/z.npy"
check "inputs that are cut" grep -Eq '^millrace: warning: 2 of 450 input values .*: feature 2 2 times, as far as 12.25 \(range -8 to 8\); import' "$W/err"
check "values that are cut" grep -Eq '^millrace: warning: [0-9]+ of 1350 values inside of the network .*: lstm0 [0-9]+ times, by [0-9.]+ in all \(range -128 to 128\); ' "$W/err"
check "a sentence for each" test "$(wc -l <"$W/err")" -eq 2
runs 0 run "$G" --device cpu: --input "$W/grow.csv" -o "$W/z.npy" --steps --json
check "step by step it is as much" grep -q '"cut_inputs": 2,' "$W/out"
check "which feature" sh -c "tr -d ' \n' <$W/out | grep -q '\"kind\":\"input\",\"feature\":2,\"cut\":2,\"total\":150,\"farthest\":12.25,\"low\":-8.0'"
check "which operator" sh -c "tr -d ' \n' <$W/out | grep -Eq '\"kind\":\"value\",\"operator\":\"lstm0\",\"cut\":[0-9]+,\"total\":750,\"past\":'"
values=$(sed -n 's/.*"cut_values": \([0-9]*\),/\1/p' "$W/out")
runs 0 compare "$G" --input "$W/grow.csv" --devices cpu:,cpu: --json
check "comparison counts too" test "$(grep -c "\"cut_values\": $values," "$W/out")" -eq 2
check "and warns once" test "$(grep -c 'warning: .* values inside of the network' "$W/err")" -eq 1
head -n 60 "$W/grow.csv" | sed 's/-9.5/7.5/' >"$W/short.csv"
runs 0 run "$G" --device cpu: --input "$W/short.csv" -o "$W/z.npy" --json
check "nothing is cut, nothing is said" test ! -s "$W/err"
check "an empty list" grep -q '"saturation": \[\]' "$W/out"

if [ -n "${MR_TEST_NO_SIM-}" ]; then
    echo "skipped: MR_TEST_NO_SIM is set, so sim: is not tried"
else
    echo "simulation"
    runs 0 compare "$T" --input "$X" --lanes 1,2
    check "the bits agree" grep -q '^the bits agree$' "$W/out"
    runs 0 run "$T" --device sim: --input "$X" -o "$W/sim.npy" --lanes 1,2 --json
    check "same bytes" cmp "$W/y.npy" "$W/sim.npy"
    simulated=$(sed -n 's/.*"cycles": \([0-9]*\).*/\1/p' "$W/out")
    planned=$(sed -n 's/.*"planned_cycles": \([0-9]*\).*/\1/p' "$W/out")
    check "cycles ($simulated) as planned ($planned)" test -n "$simulated" -a "$simulated" = "$planned"
    runs 0 run "$T" --device sim: --input "$X" -o "$W/sim.npy" --lanes 1,2 --trace "$W/t.fst"
    check "waveforms" test -s "$W/t.fst"
    check "nothing beside them" test "$(ls "$W" | grep -c '^t\.fst')" = 1
    rm -f "$W/full.fst"
    ln -s /dev/full "$W/full.fst"
    refuses 1 "$W/full.fst: the waveform cannot be written (No space left on device)" \
        run "$T" --device sim: --input "$X" -o "$W/full.npy" --lanes 1,2 --trace "$W/full.fst"
    check "no result of a failed run" test ! -e "$W/full.npy"
    runs 0 run "$T" --device sim: --input "$X" -o "$W/sim.npy" --lanes 1,2 --trace /dev/null
    check "devices stay" test -c /dev/null -a -c /dev/full
    refuses 2 "a waveform needs a file" run "$T" "$X" --device sim: -o "$W/sim.npy" --trace -
    runs 0 profile "$T" --input "$X" --lanes 1,2 --trace "$W/t.json"
    check "nothing on stderr" test ! -s "$W/err"
    check "a row of totals" grep -Eq '^lstm0 +[0-9,]+ +[0-9.]+ % +[0-9,]+ +[0-9.]+ %' "$W/out"
    check "a bar over time" grep -Eq '^lstm0 +[0-9#sb.]{64}$' "$W/out"
    check "what limits the run" sh -c "tail -n 1 $W/out | grep -Eq '^lstm[01].* (sets?|busiest).*\\.\$'"
    check "a trace" grep -q '"traceEvents"' "$W/t.json"
    runs 0 profile "$T" "$X" --lanes 1,2 --trace -
    check "a trace on standard output, and nothing else" cmp "$W/out" "$W/t.json"
    runs 0 profile "$T" --input "$X" --lanes 1,2 --json
    check "profile as JSON" grep -q '"limited_by"' "$W/out"
    # A disk that is full: one sentence, and no table that could be taken for a success.
    refuses 1 "/dev/full" profile "$T" --input "$X" --lanes 1,2 --trace /dev/full
    csv "$W/bad.csv" 6 3 nan
    refuses 1 "sequence 0, step 0, feature 0" profile "$T" --input "$W/bad.csv" --lanes 1,2 --trace "$W/nan.json"
    check "no trace of a failed run" test ! -e "$W/nan.json"
fi

ended cli_test
