#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `millrace train`: networks of all kinds of files, a training that is killed and goes on to the bits of one that was not,
# what is written, and data and options that are wrong. Run from the repository's root.
set -u
root=$PWD work=$PWD/build/train_test
millrace=$root/build/millrace
passed=0 failed=0
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1

verdict() { # pass or FAIL, what
    echo "$1: $2"
    if [ "$1" = pass ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
check() { # name, command...
    what=$1
    shift
    if "$@" >out.txt 2>&1; then verdict pass "$what"; else verdict FAIL "$what: $(tail -n 3 out.txt)"; fi
}
refuses() { # exit code, sentence, arguments of train...
    due=$1 sentence=$2
    shift 2
    "$millrace" train "$@" >out.txt 2>err.txt
    code=$?
    if [ $code = "$due" ] && grep -qF -- "$sentence" err.txt && [ "$(wc -l <err.txt)" = 1 ]; then
        verdict pass "refused: $sentence"
    else
        verdict FAIL "exit $code, not $due with '$sentence': $(cat err.txt)"
    fi
}

# Sequences of noise around a level, of which the network is to say the level, whether it is high, and which third it is in.
"${PYTHON:-python3}" - <<'END' || exit 1
import numpy as np
draw = np.random.default_rng(7)
level = draw.uniform(-1, 1, 300).astype(np.float32)
x = (level[:, None, None] * np.linspace(0.5, 1, 3) + draw.normal(0, 0.3, (300, 6, 3))).astype(np.float32)
np.save("x.npy", x)
np.save("level.npy", level)
np.save("high.npy", (level > 0).astype(np.float32))
np.save("third.npy", np.digitize(level, [-1 / 3, 1 / 3]).astype(np.int64))
np.save("steps.npy", np.repeat(level[:, None], 6, 1))
np.savetxt("x.csv", x.reshape(300, 18), delimiter=",", fmt="%.9g")
np.savetxt("level.csv", level, fmt="%.9g")
for name, value in ("nan", np.nan), ("infinity", np.inf):
    bad = x.copy()
    bad[41, 2, 1] = value
    np.save(name + ".npy", bad)
bad = np.load("third.npy")
bad[17] = 3
np.save("fourth.npy", bad)
np.save("two.npy", level * 3)
far = np.clip(x, -1, 1)
far[[5, 50, 150, 250], 3, 1] = 50
np.save("far.npy", far)
np.save("short.npy", level[:299])
np.save("wide.npy", np.zeros((300, 6, 4), np.float32))
END
net() { # file, layers, head
    echo "{\"inputs\": 3, \"layers\": [$2], \"heads\": [$3]}" >"$1"
}
net level.json '{"cell": "lstm", "hidden": 6}, {"cell": "gru", "hidden": 5}' '{"outputs": 1}'
net high.json '{"cell": "gru", "hidden": 6, "reset": "before"}' '{"outputs": 1, "activation": "sigmoid"}'
net third.json '{"cell": "rnn", "hidden": 6, "layers": 2}' '{"outputs": 3, "activation": "softmax"}'
net steps.json '{"cell": "rnn", "hidden": 6, "activation": "relu"}' '{"outputs": 1, "activation": "tanh", "return": "all"}'

# ---- it learns, and what it writes is the network
number() { # key, file: of the last line
    tail -n 1 "$2" | sed "s/.*\"$1\":\([-0-9.e]*\).*/\1/"
}
at_least() { # a, b
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'
}
learns() { # network, loss, y, metric must be from, to
    "$millrace" train "$1.json" --x x.npy --y "$3.npy" --loss "$2" --validate 0.25 --rate 0.02 --epochs 25 --batch 32 --seed 3 \
        --export "$1.onnx" -o "$1.millrace" --json >"$1.txt" 2>"$1.err"
    code=$?
    metric=$(number validation_metric "$1.txt")
    if [ $code = 0 ] && at_least "$metric" "$4" && at_least "$5" "$metric" && [ "$(wc -l <"$1.txt")" = 26 ]; then
        verdict pass "$1 is learnt: $metric"
    else
        verdict FAIL "$1: exit $code, metric $metric: $(tail -n 1 "$1.err")"
    fi
}
learns level mse level 0 0.15
learns high bce high 0.9 1
learns third ce third 0.8 1
learns steps mse steps 0 0.35
for name in level high third steps; do
    # The import compares the network that it reads with the file's own operators.
    check "$name.onnx is read back" "$millrace" import $name.onnx -o back.millrace --calibrate x.npy
    # A step at a rate of 0 almost tells the loss of the first weights.
    case $name in level | steps) loss=mse ;; high) loss=bce ;; third) loss=ce ;; esac
    for from in $name.onnx $name.millrace; do
        "$millrace" train $from --x x.npy --y $name.npy --loss $loss --validate 0.25 --rate 1e-12 --epochs 1 --seed 3 --export again.onnx --json \
            >again.txt 2>&1
        is=$(number validation_loss again.txt) due=$(number validation_loss $name.txt)
        awk -v a="$is" -v b="$due" 'BEGIN { d = a - b; exit !(d * d < 1e-12) }' && verdict pass "$from goes on where it was" ||
            verdict FAIL "$from: validation loss $is, not $due"
    done
    if [ $name != steps ]; then check "$name.millrace runs" "$millrace" run $name.millrace x.npy --device cpu: -o y.npy; fi
done

# ---- the same bits
train() { # checkpoint, export, more...
    folder=$1 file=$2
    shift 2
    "$millrace" train level.json --x x.npy --y level.npy --validate 0.2 --batch 16 --seed 5 --clip 1 --l2 1e-4 --schedule step=3,0.5 \
        --checkpoint "$folder" --export "$file" "$@" >out.txt 2>&1
}
train whole whole.onnx --epochs 6 --threads 1
train threads threads.onnx --epochs 6 --threads 3
cmp -s whole.onnx threads.onnx && verdict pass "3 threads have the bits of one" || verdict FAIL "3 threads have other bits"
train csv csv.onnx --epochs 6 --x x.csv --y level.csv
cmp -s whole.onnx csv.onnx && verdict pass "tables have the bits of arrays" || verdict FAIL "x.csv gives other bits: $(tail -n 1 out.txt)"
train parts parts.onnx --epochs 2
train parts parts.onnx --epochs 6 --resume
cmp -s whole.onnx parts.onnx && verdict pass "a resumed training has the bits of a whole one" || verdict FAIL "resumed: $(tail -n 1 out.txt)"
# Killed in the middle, wherever that is.
"$millrace" train level.json --x x.npy --y level.npy --validate 0.2 --batch 16 --seed 5 --clip 1 --l2 1e-4 --schedule step=3,0.5 \
    --checkpoint killed --export never.onnx --epochs 1000000 >out.txt 2>&1 &
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -e killed/last.checkpoint ] && break
    sleep 0.1
done
kill -9 $!
wait $! 2>/dev/null
done_=$(($(wc -l <killed/curves.csv) + 20))
train killed killed.onnx --epochs $done_ --resume
train whole long.onnx --epochs $done_ --resume
if cmp -s long.onnx killed.onnx && [ ! -e never.onnx ]; then
    verdict pass "a killed training goes on to the bits of a whole one"
else
    verdict FAIL "killed: $(tail -n 1 out.txt)"
fi
grep -q '^epoch,step,rate,loss,metric,validation_loss,validation_metric,seconds$' whole/curves.csv &&
    [ "$(wc -l <whole/curves.csv)" = $((done_ + 1)) ] && verdict pass "curves.csv" || verdict FAIL "curves.csv"
if grep -c '<svg' whole/curves.html | grep -q '^2$' && ! grep -q 'http' whole/curves.html; then
    verdict pass "curves.html has two pictures, and asks for nothing"
else
    verdict FAIL "curves.html"
fi
"$millrace" train level.json --x x.npy --y level.npy --validate 0.5 --patience 2 --rate 0.3 --epochs 500 --export p.onnx --json >p.txt 2>&1
epochs=$(number epochs p.txt | sed 's/[^0-9].*//')
[ "$(tail -n 1 p.txt | sed 's/.*"epochs":\([0-9]*\).*/\1/')" -lt 500 ] && verdict pass "patience ends it" || verdict FAIL "patience: $epochs epochs"

# ---- what whole numbers have no room for
"$millrace" train level.json --x far.npy --y level.npy --arithmetic int --batch 8 --epochs 2 --seed 3 --export cut.onnx >out.txt 2>&1
if [ "$(grep -c "note: 4 of the 5400 numbers of x of this epoch are beyond +-1 and were cut there" out.txt)" = 1 ]; then
    verdict pass "x beyond its range is told once, with a count"
else
    verdict FAIL "x beyond its range: $(cat out.txt)"
fi
"$millrace" train level.json --x x.npy --y level.npy --arithmetic int --batch 8 --epochs 3 --seed 3 --optimiser sgd --rate 100000 \
    --export cut.onnx >out.txt 2>&1
if [ "$(grep -c "note: [0-9]* weights* [isare]* at the end of the range of whole numbers" out.txt)" = 1 ]; then
    verdict pass "weights at the end of their range are told once"
else
    verdict FAIL "weights at their end: $(cat out.txt)"
fi

# ---- what is wrong
refuses 1 "nan.npy holds NaN at index [41, 2, 1]" level.json --x nan.npy --y level.npy --export e.onnx
refuses 1 "infinity.npy holds infinity at index [41, 2, 1]" level.json --x infinity.npy --y level.npy --export e.onnx
refuses 1 "fourth.npy has 3 at index [17]" third.json --x x.npy --y fourth.npy --loss ce --export e.onnx
refuses 1 "binary cross-entropy takes 0 to 1" high.json --x x.npy --y two.npy --loss bce --export e.onnx
refuses 1 "short.npy has the shape [299]; 300 sequences need 1 number each" level.json --x x.npy --y short.npy --export e.onnx
refuses 1 "wide.npy has the shape [300, 6, 4]" level.json --x wide.npy --y level.npy --export e.onnx
refuses 1 "has a softmax, whose loss is cross-entropy" third.json --x x.npy --y third.npy --export e.onnx
refuses 1 "there is float32 on cpu:" level.json --x x.npy --y level.npy --arithmetic bfloat16 --export e.onnx
refuses 1 "missing.npy" level.json --x missing.npy --y level.npy --export e.onnx
refuses 1 "whole/last.checkpoint is there already" level.json --x x.npy --y level.npy --checkpoint whole
refuses 1 "is of another training: its batch is 16, and not 64" level.json --x x.npy --y level.npy --validate 0.2 --seed 5 --clip 1 --l2 1e-4 \
    --schedule step=3,0.5 --checkpoint whole --resume
refuses 1 "is of another training: its data is" level.json --x x.npy --y high.npy --validate 0.2 --seed 5 --clip 1 --l2 1e-4 \
    --schedule step=3,0.5 --batch 16 --checkpoint whole --resume
refuses 2 "--platform needs --plan" level.json --x x.npy --y level.npy --platform hw --export e.onnx
refuses 2 "--plan 0: a whole number from 1" level.json --plan 0
echo '{"inputs": 3, "layers": [{"cell": "lstm", "hidden": 4}], "heads": [{"outputs": 1}]}' >lstm.json
refuses 1 "16 here; 3 are possible" lstm.json --plan 5 --multipliers 3
# 2 columns of 16 rows, 4 words of weights of 32 bits, 24 LUTs a row, and deltas of 4 units of 2 sequences, 64 words of 64 bits
# in 80 LUTs; gradients of 48 bits, 8 words of 192; 1,600 turns of 2 sequences: 2 words of x, of h with 5 numbers that are kept, and of dh; 75 words
# of parameters of 72 bits.
"$millrace" train lstm.json --plan 50 --multipliers 64 --json >out.txt
if tr -d ' \n' <out.txt | grep -q '"gradient_bits":6144,"stash_bits":1740800,"parameter_bits":10800,"outside_bytes":0,"outside_ports":0,"outside_gigabytes_per_second":0.0}' &&
    tr -d ' \n' <out.txt | grep -q '"target":"u55c","memories":{"ramb36":[0-9]*,"urams":[0-9]*,"luts":[0-9]*},"device":{"ramb36":2016,"urams":960,"luts":586656}'; then
    verdict pass "the memories of an engine"
else
    verdict FAIL "the memories of an engine: $(cat out.txt)"
fi
echo '{"inputs": 4000, "layers": [{"cell": "gru", "hidden": 4}], "heads": [{"outputs": 1}]}' >wide.json
"$millrace" train wide.json --plan 500 --multipliers 2048 >out.txt
"$millrace" train wide.json --plan 500 --multipliers 2048 --target U250 >>out.txt
grep -q "u55c: .* of 960 UltraRAMs (too many)" out.txt && grep -q "u250: .* of 1280 UltraRAMs" out.txt &&
    verdict pass "an engine that is larger than a card" || verdict FAIL "an engine that is larger than a card: $(cat out.txt)"
echo '{"inputs": 3, "layers": [{"cell": "gru", "hidden": 512, "reset": "before"}], "heads": [{"outputs": 1}]}' >wide.json
"$millrace" train wide.json --plan 500 --multipliers 2048 >out.txt
! grep -q "too many" out.txt && grep -q "in the card's memory [0-9]* MB: .* GB/s" out.txt &&
    verdict pass "an engine with memory outside" || verdict FAIL "an engine with memory outside: $(cat out.txt)"
refuses 1 "target u99 is not known" lstm.json --plan 5 --target u99
refuses 1 "target u99 is not known" level.json --x x.npy --y level.npy --target u99 --export e.onnx
refuses 1 "target icebreaker is a board" lstm.json --plan 5 --target icebreaker
refuses 2 "goes nowhere" level.json --x x.npy --y level.npy
refuses 2 "--x and --y are needed" level.json --x x.npy --export e.onnx
refuses 2 "mse, bce or ce is expected" level.json --x x.npy --y level.npy --loss l1 --export e.onnx
refuses 2 "--patience needs --validate" level.json --x x.npy --y level.npy --patience 3 --export e.onnx
refuses 2 "step=N,F" level.json --x x.npy --y level.npy --schedule step=0,2 --export e.onnx
[ ! -e e.onnx ] && verdict pass "nothing is written" || verdict FAIL "e.onnx was written"
# Weights that double in each step, until they are infinite, in a later epoch.
# What cannot be a model is not lost.
"${PYTHON:-python3}" -c 'import numpy as np; x = np.load("x.npy"); x[..., 0] += 1e12; np.save("far.npy", x)' || exit 1
refuses 1 "what was trained is in kept.millrace.onnx" level.json --x far.npy --y level.npy --epochs 1 -o kept.millrace
if [ ! -e kept.millrace ] && "$millrace" train kept.millrace.onnx --x x.npy --y level.npy --epochs 1 -o again.millrace >out.txt 2>&1; then
    verdict pass "a training that is no model is kept as ONNX"
else
    verdict FAIL "a training that is no model is kept as ONNX: $(cat out.txt)"
fi
refuses 1 "training diverges" level.json --x x.npy --y level.npy --optimiser sgd --rate 1 --l2 3 --clip 1 --batch 16 --epochs 40 \
    --checkpoint diverged --export diverged.onnx
if grep -q "step [0-9]*: the [a-z]* is not finite any more.*diverged/last.checkpoint, of epoch [0-9]*, is kept" err.txt &&
    [ -e diverged/last.checkpoint ] && [ ! -e diverged.onnx ]; then
    verdict pass "the step is told, and the checkpoint that is kept"
else
    verdict FAIL "divergence: $(cat err.txt)"
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
