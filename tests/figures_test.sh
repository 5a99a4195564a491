#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The figures of the documents are those of the programs, where a plan tells them: README.md's table of networks, what
# they take of a card, and the demonstration's cycles; the networks without the card's shell in docs/performance.md.
# Simulated cycles are the plan's, which other tests hold. What hlsc says of the engine in docs/training-engine.md. And how far the integers are from NASA's test engines.
# Usage, from the repository's root: tests/figures_test.sh
set -u
work=build/figures_test
models=${MODELS:-../shared/models}
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
passed=0 failed=0 skipped=0
mkdir -p "$work" || exit 1

verdict() { # what, as it stands in the document, as the program says
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $1: '$2' in the document and '$3' by the program"
    fi
}

# The ONNX file of a network that a row names; fails where it is not there.
file_of() { # the row's first cell
    local file
    case $1 in
    *"2 LSTM layers of 25"* | "LSTM, 2 layers of 25"* | "2 layers of 25") file=tests/data/turbofan_lstm2x25_rul.onnx ;;
    *"4 LSTM layers of 64"* | "LSTM, 4 layers of 64"* | "4 layers of 64") file=$models/turbofan_lstm4x64_rul.onnx ;;
    *"2 GRU layers of 64"* | "GRU, 2 layers of 64"*) file=$models/turbofan_gru2x64_rul.onnx ;;
    *) return 1 ;;
    esac
    [ -r "$file" ] && echo "$file"
}

# Its model.
model_of() { # the row's first cell
    local file model
    file=$(file_of "$1") || return 1
    model=$work/$(basename "$file" .onnx).millrace
    [ -e "$model" ] || build/millrace import "$file" -o "$model" >"$work/import.log" || return 1
    echo "$model"
}

numbers() { # .npy of float32: a number a line
    od -An -v -w4 -t f4 -j $((10 + $(od -An -t u2 -j 8 -N 2 "$1"))) "$1"
}

# The RMS error in flights over the test engines, of a network that is imported with calibration data and an option.
rmse() { # ONNX file, option or nothing
    # shellcheck disable=SC2086
    build/millrace import "$1" --calibrate "$models/turbofan_calib_x.npy" $2 -o "$work/calibrated" >"$work/import.log" 2>&1 &&
        build/millrace run "$work/calibrated" "$models/turbofan_test_x.npy" --device cpu: -o "$work/y.npy" >"$work/run.log" 2>&1 &&
        paste <(numbers "$work/y.npy") <(numbers "$models/turbofan_test_rul.npy") |
        awk '{ sum += ($1 * 125 - $2) ^ 2 } END { printf "%.2f", sqrt(sum / NR) }'
}

# A row without the table's ends and blanks: its cells, one a line.
cells() { sed 's/^| *//; s/ *|$//; s/ *| */\n/g' <<<"$1"; }

number() { tr -d ', ' <<<"$1"; }

plan() { # model, sequences, steps, option or nothing: into $work/plan.json
    # shellcheck disable=SC2086
    build/millrace plan "$1" --sequences "$2" --steps "$3" $4 --json >"$work/plan.json" 2>"$work/plan.log" ||
        echo "FAIL: $(cat "$work/plan.log")"
}
field() { sed -n 's/^  "'"$1"'": \([0-9.]*\).*/\1/p' "$work/plan.json" | head -n 1; }
# The steps of the layers that are not the same: the slowest.
step() { tr -d ' \n' <"$work/plan.json" | sed 's/.*"cycles_per_step":\[\([^]]*\)\].*/\1/' | tr ',' '\n' | sort -n | tail -n 1; }
round() { awk -v x="$1" -v by="${3:-1}" "BEGIN { printf \"%.$2f\", x / by }"; }

rm -f "$work"/*.millrace "$work/y.npy"

# | LSTM, 2 layers of 25, `--latency` | 2,821 | 32 | 1,717 cycles, 5.72 us | 160,117 cycles, 5.34 us each, lanes ... | RMSE |
network_row() {
    local -a cell
    local model option= many
    mapfile -t cell < <(cells "$1")
    model=$(model_of "${cell[0]}") || { skipped=$((skipped + 1)); echo "skipped: no model for '${cell[0]}'"; return; }
    case ${cell[0]} in *--latency*) option=--latency ;; esac
    case ${cell[5]} in
    *\(*) [ ! -r "$models/turbofan_test_x.npy" ] ||
        verdict "${cell[0]}, RMSE" "${cell[5]%% *}" "$(rmse "$(file_of "${cell[0]}")" "")" ;;
    esac
    plan "$model" 1 50 "$option"
    verdict "${cell[0]}, multipliers" "$(number "${cell[1]}")" "$(field multipliers)"
    verdict "${cell[0]}, cycles a step" "${cell[2]}.0" "$(step)"
    verdict "${cell[0]}, one sequence" "$(number "${cell[3]%% *}") ${cell[3]#*, }" \
        "$(field cycles) $(round "$(field microseconds)" 2) us"
    plan "$model" 100 50 "$option"
    many="$(field cycles) $(round "$(field microseconds)" 2 100) us each"
    case ${cell[4]} in *"lanes"*) many="$many, lanes $(round "$(field utilisation)" 1 0.01) % busy" ;; esac
    verdict "${cell[0]}, 100 sequences" "$(number "${cell[4]%% *}") ${cell[4]#*, }" "$many"
}

# | 2 layers of 25 | 217 (2.4 %) | 10 | 0 | LUT | FF |
fit_row() {
    local -a cell
    local model
    mapfile -t cell < <(cells "$1")
    model=$(model_of "${cell[0]}") || { skipped=$((skipped + 1)); echo "skipped: no model for '${cell[0]}'"; return; }
    build/millrace plan "$model" --target u55c >"$work/plan.txt" || return
    verdict "${cell[0]} on the card" "$(tr -d , <<<"${cell[1]} ${cell[2]} ${cell[3]}")" "$(awk '
        /^  DSP/ { dsp = $2 " (" $(NF - 1) " %)" } /^  BRAM36/ { bram = $2 } /^  URAM/ { uram = $2 }
        END { print dsp, bram, uram }' "$work/plan.txt")"
}

# | turbofan, 2 LSTM layers of 25 | 1 sequence of 5 steps | cycles | first output | alone | the shell |
alone_row() {
    local -a cell
    mapfile -t cell < <(cells "$1")
    [ -z "${cell[0]}" ] || network=${cell[0]}
    local model sequences=${cell[1]%% *}
    model=$(model_of "$network") || return
    plan "$model" "$(number "$sequences")" 5 ""
    # The shell gives the network its first word two cycles behind its start.
    verdict "$network, ${cell[1]}, alone" "$(number "${cell[4]}")" "$(($(field cycles) + 2))"
}

# | `--latency` | 2,938 | 97 | 3,092,784 |
token_row() {
    local -a cell
    local option=
    mapfile -t cell < <(cells "$1")
    case ${cell[0]} in *--*) option=$(tr -d '`' <<<"${cell[0]}") ;; esac
    plan "$work/licence.millrace" 1 1 "$option"
    verdict "text, ${cell[0]}" "$(number "${cell[1]} ${cell[2]} ${cell[3]}")" "$(field multipliers)$(field token_cycles)$(
        awk -v c="$(field token_cycles)" 'BEGIN { printf "%.0f", 300e6 / c }')"
}

# | `--latency` | 5,291 | 418 | 81 | 3,703,704 |
date_row() {
    local -a cell
    local option=
    mapfile -t cell < <(cells "$1")
    case ${cell[0]} in *--*) option=$(tr -d '`' <<<"${cell[0]}") ;; esac
    plan "$work/dates.millrace" 1 12 "$option"
    verdict "dates, ${cell[0]}" "$(number "${cell[1]} ${cell[2]} ${cell[3]} ${cell[4]}")" "$(field multipliers)$(
        sed -n '/^  "encoder"/,/^  }/s/^    "cycles": \([0-9]*\).*/\1/p' "$work/plan.json")$(field token_cycles)$(
        awk -v c="$(field token_cycles)" 'BEGIN { printf "%.0f", 300e6 / c }')"
}

while read -r row; do network_row "$row"; done < <(grep -E '^\| (LSTM|GRU|RNN), [0-9]+ layers' README.md)
while read -r row; do fit_row "$row"; done < <(sed -n '/ DSP48E2 /,/^$/p' README.md | grep -E '^\| [0-9]+ layers')
build/millrace import examples/text/licence.onnx -o "$work/licence.millrace" >"$work/import.log" 2>&1
while read -r row; do token_row "$row"; done < <(sed -n '/^| characters of text/,/^$/p' docs/performance.md | grep '^| [b`]')
build/millrace import examples/dates/encoder.onnx --decoder examples/dates/decoder.onnx --calibrate examples/dates/dates.npy \
    --first 11 -o "$work/dates.millrace" >"$work/import.log" 2>&1
while read -r row; do date_row "$row"; done < <(sed -n '/^| dates/,/^$/p' docs/performance.md | grep '^| [b`]')
network=
while read -r row; do alone_row "$row"; done < <(sed -n '/first output/,/^$/p' docs/performance.md | grep -E '[0-9]+ sequences? ?(of 5 steps)? \|')

if [ -r "$models/turbofan_test_x.npy" ]; then
    errors=
    for row in "2 layers of 25" "4 layers of 64" "GRU, 2 layers of 64"; do
        errors="$errors $(rmse "$(file_of "$row")" "--precision w8a8")"
    done
    verdict "RMSE of w8a8" "$(tr '\n' ' ' <README.md | sed -n 's/.*w8a8`) RMSE is \([0-9., and]*[0-9]\).*/ \1/p' | sed 's/,//; s/ and//')" "$errors"
fi

plan "$(model_of "2 layers of 25")" 1 50 ""
one=$(field cycles) us=$(round "$(field microseconds)" 2) busy=$(round "$(field utilisation)" 1 0.01)
verdict "the demonstration's first engine" "$(sed -n 's/^ *1  *25 |.*| same *//p' README.md | tr -s ' ')" "$one $us $busy %"
verdict "its planned cycles" "$(sed -n 's/.*as the planner said (\([0-9]*\)).*/\1/p' README.md)" "$one"
plan "$(model_of "2 layers of 25")" 24 50 ""
verdict "all engines in one run" "$(sed -n 's/^ *all 24 engines in one run: //p' README.md)" \
    "$(field cycles) cycles (planned: $(field cycles)), $(round "$(field microseconds)" 2) us at 300 MHz, $(round "$(field microseconds)" 2 24) us per engine, lanes busy $(round "$(field utilisation)" 1 0.01) %"

# The table of docs/folded.md, as it is printed.
verdict "the folded kernel's plan" "$(sed -n 's/^    \(plan for icebreaker.*\)/\1/p; s/^      \(.*\)/  \1/p' docs/folded.md |
    sed -n '/^plan for/,/multipliers  /p')" \
    "$(build/millrace plan "$(model_of "2 layers of 25")" --target icebreaker --steps 50)"

# README.md's sentence on the board: a step by the plan, the image by its manifest.
member() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" bitstreams/icebreaker.json | head -n 1; }
plan "$(model_of "2 layers of 25")" 1 50 "--target icebreaker"
verdict "the board's step and image" \
    "$(tr '\n' ' ' <README.md | sed -n 's/.*takes \([0-9,]*\) cycles a step (`millrace plan --target icebreaker`), \([0-9]*\) us at \([0-9]*\) MHz.*(\([0-9.]*\) MHz by the slower of two timing tools, \([0-9,]*\) of \([0-9,]*\) logic cells.*/\1 \2 \3 \4 \5 \6/p' | tr -d ,)" \
    "$(field step_cycles) $(round "$(field step_cycles)" 0 "$(field clock_mhz)") $(member clock_mhz) $(round "$(printf '%s\n' "$(member nextpnr)" "$(member icetime)" | sort -g | head -n 1)" 1) $(member lc) $(sed -n 's/.*"logic_cells_limit": \([0-9]*\).*/\1/p' "$work/plan.json")"

# The training engine of docs/training-engine.md: hlsc's report of the source that stands there.
engine=$work/engine
rm -rf "$engine" && mkdir -p "$engine"
sed -n 's/^    #/#/p' docs/training-engine.md >"$engine/train.c"
build/hlsc "$engine/train.c" --top train -I hls/kernels -I base/contract -o "$engine" >"$work/hlsc.log" 2>&1
said() { tr '\n' ' ' <docs/training-engine.md | sed -n "s/.*$1.*/\\1/p" | tr -d ,; }
verdict "the engine's multipliers" "$(said 'S3 has \([0-9,]*\) multipliers')" \
    "$(awk '/^process .* multipliers$/ { sum += $3 } END { print sum }' "$engine/report.txt")"
verdict "its stages" "$(said 'a loop of \([0-9]*\) stages') $(said 'takes \([0-9.]* of [0-9.]*\) ns without routing')" \
    "$(sed -n '/^  loop lanes/{s/.* \([0-9]*\) stages.*/\1/p;n;s/.*: \([0-9.]* of [0-9.]*\) ns.*/\1/p}' "$engine/report.txt" | xargs)"
verdict "cycles that turns hide" "$(said 'what lanes and cells take: \([0-9]*\) cycles')" \
    "$(sed -n 's/^  dependence of h_stash in loop lanes: .* \([0-9]*\) cycles needed.*/\1/p' "$engine/report.txt")"

# What engines take of a card: the rows of docs/training-engine.md, hlsc's report, and the plan, which knows all but the head and
# biases. Memories that hlsc copies once more would not fit.
echo '{"inputs": 170, "layers": [{"cell": "gru", "hidden": 512}, {"cell": "gru", "hidden": 512}, {"cell": "gru", "hidden": 512}],
    "heads": [{"outputs": 1}]}' >"$engine/s2.json"
engine_takes() { # row, network, steps
    local row lanes busy dsp ramb36 urams luts report
    row=$(sed -n "s/^| $1 | 64 | [0-9]*, [0-9]* | \([0-9,]*\) | \([0-9.]*\) % | \([0-9,]*\) (.*| \([0-9,]*\) (.*| \([0-9]*\) (.*| \([0-9,]*\) |\$/\1 \2 \3 \4 \5 \6/p" \
        docs/training-engine.md | tr -d ,)
    read -r lanes busy dsp ramb36 urams luts <<<"$row"
    rm -rf "$engine/cache"
    verdict "what the engine of $1 takes, planned" "$lanes multipliers, lanes busy $busy %, as many UltraRAMs: $urams" \
        "$(MILLRACE_CACHE=$engine/cache build/millrace train "$2" --batch 64 --plan "$3" --multipliers "$lanes" --platform hw \
            -o "$engine/project" >"$work/hlsc.log" 2>&1
        build/millrace train "$2" --batch 64 --plan "$3" --multipliers "$lanes" | tr '\n' ' ' |
            sed 's/.* of \([0-9]* multipliers\) in its lanes.*\(, lanes busy [0-9.]* %\).* \([0-9]*\) of [0-9]* UltraRAMs.*/\1\2, as many UltraRAMs: \3/')"
    report=$(echo "$engine"/cache/network-hls-*/report.json)
    verdict "DSPs and memories of the engine of $1" "$dsp $ramb36 $urams $luts" \
        "$(awk '/^process .* multipliers$/ { sum += $3 } END { print sum }' "${report%.json}.txt") $(awk '/"impl":/ { kind = $2 }
            /"blocks":/ { sum[kind] += $2 }
            END { print int((sum["\"bram\","] + sum["\"rom\","] + 1) / 2), sum["\"uram\","] + 0, sum["\"lutram\","] + 0 }' "$report")"
}
engine_takes "S4: LSTM 4x64" examples/turbofan/lstm4x64.json 50
engine_takes "S2: GRU 3x512, external memories" "$engine/s2.json" 100

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $passed -gt 8 ]
