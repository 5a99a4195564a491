#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `millrace train --arithmetic int` on training engines: models and checkpoints are those of cpu:, a training goes on from
# one device to another, and what an engine lacks is said. Run from the repository's root.
set -u
root=$PWD work=$PWD/build/train_device_test
millrace=$root/build/millrace
passed=0 failed=0
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 1

verdict() { # pass or FAIL, what
    echo "$1: $2"
    if [ "$1" = pass ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
refuses() { # sentence, arguments of train...
    sentence=$1
    shift
    "$millrace" train "$@" --arithmetic int --export e.onnx >out.txt 2>err.txt
    code=$?
    if [ $code = 1 ] && grep -qF -- "$sentence" err.txt && [ "$(grep -cv "note: the training engine has" err.txt)" = 1 ] && [ ! -e e.onnx ]; then
        verdict pass "refused: $sentence"
    else
        verdict FAIL "exit $code, not 1 with '$sentence': $(cat err.txt)"
    fi
}

# 21 sequences to train with make mini-batches of 8, 8 and 5, or 10 of 2 and one of 1; x reaches beyond 1.
"${PYTHON:-python3}" - <<'END' || exit 1
import numpy as np
draw = np.random.default_rng(7)
x = draw.normal(0, 1, (27, 3, 2)).astype(np.float32)
np.save("x.npy", x)
np.save("y.npy", x.sum((1, 2)))
np.save("class.npy", (x.sum((1, 2)) > 0).astype(np.int64))
END
net() { # file, layers
    echo "{\"inputs\": 2, \"layers\": [$2], \"heads\": [{\"outputs\": ${3:-1}}]}" >"$1"
}
net net.json '{"cell": "lstm", "hidden": 3}'
train() { # folder, arguments...
    folder=$1
    shift
    mkdir -p "$folder"
    "$millrace" train ${net:-net.json} --x x.npy --y ${y:-y.npy} --validate 0.2 --rate 0.01 --batch ${batch:-8} --arithmetic int --seed 3 \
        --checkpoint "$folder/c" -o "$folder/net.millrace" "$@" >"$folder/out.txt" 2>&1 ||
        verdict FAIL "train $*: $(tail -n 2 "$folder/out.txt")"
}
same() { # what, folder, folder: the models, and the states of their checkpoints
    if cmp "$2/net.millrace" "$3/net.millrace" && "${PYTHON:-python3}" - "$2" "$3" <<'END'; then
import json, struct, sys
def state(folder):
    data = open(folder + "/c/last.checkpoint", "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    first, end = json.loads(data[8:8 + size])["state"]["data_offsets"]
    return data[8 + size + first:8 + size + end]
a, b = state(sys.argv[1]), state(sys.argv[2])
sys.exit(0 if len(a) > 100 and a == b else 1)
END
        verdict pass "$1"
    else
        verdict FAIL "$1 differ"
    fi
}

train cpu --epochs 3
train hls --epochs 3 --device hls:
same "hls: and cpu:" cpu hls
# As many multipliers as its layer has rows: a column.
train narrow --epochs 3 --device hls: --multipliers 12
same "a narrower engine and cpu:" cpu narrow
grep -q "the training engine has 12 multipliers" narrow/out.txt || verdict FAIL "--multipliers: $(cat narrow/out.txt)"
train sim --epochs 2 --device sim: --json
train sim --epochs 3 --resume
same "two epochs on sim:, then one on cpu:" cpu sim
train back --epochs 2
train back --epochs 3 --device sim: --resume
same "two epochs on cpu:, then one on sim:" cpu back
# A classifier whose gradients are clipped, of a GRU with its reset gate in front.
echo '{"inputs": 2, "layers": [{"cell": "gru", "hidden": 3, "reset": "before"}], "heads": [{"outputs": 2, "activation": "softmax"}]}' >class.json
net=class.json y=class.npy
train class --epochs 3 --loss ce --clip 0.3
train class_hls --epochs 3 --loss ce --clip 0.3 --device hls:
same "a classifier whose gradients are clipped" class class_hls
# Two layers with dropout between them, validated without it.
net deep.json '{"cell": "lstm", "hidden": 3}, {"cell": "lstm", "hidden": 3}'
net=deep.json y='' batch=2
train deep --epochs 3 --dropout 0.4
train deep_hls --epochs 3 --dropout 0.4 --device hls:
same "dropout" deep deep_hls
train deep_back --epochs 1 --dropout 0.4 --device hls:
train deep_back --epochs 2 --dropout 0.4 --device hls: --resume
train deep_back --epochs 3 --dropout 0.4 --resume
same "dropout, in parts" deep deep_back
net='' batch=''
if grep -q "the training engine has [0-9]* multipliers in its lanes and takes [0-9]* cycles" back/out.txt &&
    grep -q "([0-9.]* s, \([0-9]*\) cycles, \1 planned, lanes busy [0-9.]* %)" back/out.txt; then
    verdict pass "cycles are told, and are those planned"
else
    verdict FAIL "cycles: $(cat back/out.txt)"
fi

# ---- a card, emulated; as fast code, as it waits for the host in simulated cycles
MILLRACE_OPTIMISE=1
export MILLRACE_OPTIMISE
refuses "no image of an emulated u55c with this network; build one with --build" net.json --x x.npy --y y.npy \
    --device xrt:0 --bitstreams images
batch=2
train small --epochs 3
train card --epochs 1 --device xrt:0 --build --bitstreams images
train card --epochs 3 --resume
same "an epoch on a card, then two on cpu:" small card
mkdir -p planned
image=$("$millrace" train net.json --plan 3 --batch 2 --platform hw_emu --bitstreams planned --json |
    sed -n 's/.*"path": "\(.*\)".*/\1/p')
if [ "$image" = "planned/$(cd images && echo *.xclbin)" ] && [ -e "$image" ]; then
    verdict pass "the image of an engine that is planned"
else
    verdict FAIL "--platform hw_emu: '$image'"
fi
train planned_card --epochs 1 --device xrt:0 --bitstreams planned
train planned_card --epochs 3 --resume
same "an epoch on that image, then two on cpu:" small planned_card
# The card's process dies while it trains, with runs of mini-batches under way: what was done of that epoch is done again
# on cpu:.
epochs=200
train whole --epochs $epochs
mkdir -p died
DEVICE_TEST=$$ "$millrace" train net.json --x x.npy --y y.npy --validate 0.2 --rate 0.01 --batch 2 --arithmetic int \
    --seed 3 --checkpoint died/c -o died/net.millrace --epochs $epochs --device xrt:0 --bitstreams images \
    --fallback cpu: >died/out.txt 2>&1 &
training=$!
while kill -0 $training 2>/dev/null && ! grep -q "^epoch   1" died/out.txt; do sleep 0.1; done
for process in /proc/[0-9]*; do
    if [ "$(cat "$process/comm" 2>/dev/null)" = millrace_card ] &&
        tr '\0' '\n' <"$process/environ" 2>/dev/null | grep -qx "DEVICE_TEST=$$"; then
        kill -9 "${process#/proc/}"
    fi
done
batch=''
wait $training || verdict FAIL "a card that dies: $(tail -n 2 died/out.txt)"
same "a card that dies, and cpu: goes on" whole died
if grep -q "the training goes on from the last epoch on cpu:" died/out.txt &&
    [ "$(grep -c "^epoch.*planned" died/out.txt)" -lt $epochs ]; then
    verdict pass "which is told"
else
    verdict FAIL "a card that dies: $(cat died/out.txt)"
fi

# ---- another device
MILLRACE_HLSC=$root/build/no_such_compiler
export MILLRACE_HLSC
train instead --epochs 3 --device sim: --fallback cpu:
unset MILLRACE_HLSC
same "what cannot be built is done by cpu:" cpu instead
if grep -q "no_such_compiler.*; the training goes on from its beginning on cpu:" instead/out.txt; then
    verdict pass "which is told"
else
    verdict FAIL "fallback: $(cat instead/out.txt)"
fi

# ---- without building
plan=$("$millrace" train net.json --plan 3 --batch 8 --json | sed -n 's/^ *"cycles": \([0-9]*\),$/\1/p')
if [ "${plan:-0}" -gt 0 ] && grep -q "takes $plan cycles" back/out.txt; then
    verdict pass "--plan gives the cycles of an engine that is built"
else
    verdict FAIL "--plan: $plan cycles"
fi

# ---- what an engine lacks
net mixed.json '{"cell": "lstm", "hidden": 3}, {"cell": "gru", "hidden": 3}'
refuses "layer 2 is of another one than those before" mixed.json --x x.npy --y y.npy --device sim:
sed -n 's/^    #/#/p' "$root/docs/training-engine.md" | sed 's/\(TRAIN_NB\) .*/\1 3/' >three.c
"$root/build/hlsc" three.c --top train -I "$root/hls/kernels" -I "$root/base/contract" -o three >out.txt 2>err.txt
if [ $? = 1 ] && grep -q "two side by side: TRAIN_NB is 1 or 2" err.txt && [ "$(wc -l <err.txt)" = 1 ]; then
    verdict pass "refused: three sequences side by side"
else
    verdict FAIL "TRAIN_NB 3: $(cat err.txt)"
fi
net relu.json '{"cell": "rnn", "hidden": 3, "activation": "relu"}'
if "$millrace" train relu.json --plan 3 --batch 8 2>&1 | grep -qF "layer 1 is none of these; cpu: trains it"; then
    verdict pass "refused: ReLU"
else
    verdict FAIL "ReLU is planned"
fi
net wide.json '{"cell": "lstm", "hidden": 1000}'
refuses "each row of weights of its widest layer, 4000 here; 2048 are possible" wide.json --x x.npy --y y.npy --device sim:

echo "$passed passed, $failed failed"
[ $failed = 0 ]
