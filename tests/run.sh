#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every test that the Makefile has built, JOBS at a time (two more than there are processors, for some wait for
# time to pass), one line each with its time and that of the processors (of what it waited for), and ends with
# `N passed, N failed, N skipped`: the checks of all programs together.
# Usage, from the repository's root: tests/run.sh quick|short|long "TEST..." "FUZZER..."
# quick: what needs no Verilator and takes seconds.
set -u
kind=$1 tests=$2 fuzzers=$3
logs=build/test-logs
jobs=${JOBS:-$(($(nproc 2>/dev/null || echo 1) + 2))}
started=$SECONDS
rm -rf "$logs"
mkdir -p "$logs" build/fuzz || exit 1

# Counts the checks in a log: those of Check, the `N passed, N failed` of a script, or its single verdicts.
# Prints: passed failed skipped.
count() {
    awk '
    function number(word) { gsub(/[^0-9]/, "", word); return word + 0 }
    /^[0-9]+%: Checks: / { p += number($3) - number($5) - number($7); f += number($5) + number($7); next }
    /[0-9]+ passed, [0-9]+ failed/ {
        for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed/) summed_p += number($(i - 1))
            if ($i ~ /^failed/) summed_f += number($(i - 1))
            if ($i ~ /^skipped/) summed_s += number($(i - 1))
        }
        summed = 1
        next
    }
    /^[a-z_]+: [0-9]+ cases, [0-9]+ failures/ { p += $2 - $4; f += $4; next }
    /^(pass|proved|killed): / || /^lint: .*: clean$/ { p++ }
    /^(FAIL|NOT proved|NO MUTANT|SURVIVED|NO ANSWER): / || /^lint: .*: NOT clean$/ { f++ }
    /^ *[Ss]kip(ped)?[: ]/ { s++ }
    END { # a sum at the end counts the single verdicts before it
        if (summed) print summed_p + 0, summed_f + 0, summed_s + 0
        else print p + 0, f + 0, s + 0
    }' "$1"
}

# run_step NAME SECONDS COMMAND...: runs it within the time, with its output in a log, which is shown when it fails.
# Leaves its counts in a file.
run_step() {
    local name=$1 limit=$2 log=$logs/$1.log begun=$SECONDS code=0 p f s cpu
    local TIMEFORMAT='%U %S'
    shift 2
    { time timeout -k 5 "$limit" "$@" >"$log" 2>&1 </dev/null || code=$?; } 2>"$logs/$name.time"
    cpu=$(awk 'END { print $1 + $2 }' "$logs/$name.time") # after what bash says of a program that was killed
    echo "$cpu" >"$logs/$name.cpu"
    read -r p f s < <(count "$log")
    # What does not count its checks is one check; what died is a failure, whatever it counted.
    [ $code -eq 0 ] || [ "$f" -gt 0 ] || f=1
    [ $code -ne 0 ] || [ $((p + f + s)) -gt 0 ] || p=1
    echo "$p $f $s" >"$logs/$name.count"
    local verdict=ok remark=
    [ "$s" -eq 0 ] || remark=", $s skipped"
    if [ $code -ne 0 ] || [ "$f" -gt 0 ]; then
        verdict=FAILED remark="$remark, $f failed"
        [ $code -ne 124 ] || remark="$remark, stopped after $limit s"
    fi
    printf '%-7s %-22s %4d s %4.0f s CPU  %d passed%s\n' "$verdict" "$name" $((SECONDS - begun)) "$cpu" "$p" "$remark"
    case $verdict in
    ok) grep -E '^ *[Ss]kip(ped)?[: ]' "$log" | sed 's/^ */        /' | head -n 8 ;;
    *)
        echo "        $* (whole log: $log)"
        grep -aE ':[EF]:|^FAIL|^NOT |NOT clean|^%Error|ERROR: |SURVIVED|NO ANSWER' "$log" | head -n 15 | sed 's/^/        | /'
        tail -n 12 "$log" | sed 's/^/        > /'
        ;;
    esac
}

# step NAME SECONDS COMMAND...: run_step as soon as fewer than $jobs run. `wait` waits for all.
step() {
    while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do wait -n; done
    # A failure without counts is one too: the step itself died.
    echo "0 1 0" >"$logs/$1.count"
    { report=$(run_step "$@"); printf '%s\n' "$report"; } &
}

# fuzz NAME FILE...: the mutating runner, under the sanitizers, as long as about 5 seconds. Its seeds are written by
# the tests of the readers.
fuzz() {
    local name=$1 count=200000
    shift
    case $name in npy_fuzz) count=1000000 ;; onnx_fuzz) count=20000 ;; json_fuzz) count=20000 ;; esac
    if [ ! -e "$1" ]; then
        step "$name" 60 echo "skipped: no seed files in build/fuzz"
    else
        step "$name" 120 "build/asan/$name" "$count" 0 "$@"
    fi
}

libfuzzer() { # name, seed files
    local name=$1 corpus=build/fuzz/corpus-$1
    shift
    mkdir -p "$corpus" || return
    [ ! -e "$1" ] || cp "$@" "$corpus"
    step "lib$name" $((FUZZ_SECONDS + 60)) "build/fuzzer/$name" -max_total_time="$FUZZ_SECONDS" -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build/fuzz/$name-" "$corpus"
}

seeds() { # fuzzer -> its seed files
    case $1 in
    npy_fuzz) echo build/fuzz/*.npy build/fuzz/*.csv ;;
    onnx_fuzz) echo build/fuzz/*.onnx ;;
    json_fuzz) echo build/fuzz/*.described ;;
    packet_fuzz) echo build/fuzz/*.bytes ;;
    *) echo build/fuzz/*.millrace ;;
    esac
}

finish() {
    wait
    cat "$logs"/*.cpu | awk -v wall=$((SECONDS - started)) '{ cpu += $1 }
        END { printf "all tests: %d s, %.0f s CPU\n", wall, cpu }'
    cat "$logs"/*.count | awk '{ p += $1; f += $2; s += $3 }
        END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }'
    exit
}

if [ "$kind" = quick ]; then
    export MR_TEST_NO_SIM=1 MILLRACE_OPTIMISE=0
    step rooms_test 60 tests/rooms_test.sh
    for test in $tests; do
        step "$test" 120 "build/tests/$test"
    done
    finish
fi

# In the short run simulators are compiled faster and run slower: a few thousand cycles each. THOROUGH: scripts do all
# that they can.
if [ "$kind" = long ]; then export THOROUGH=1; else export MILLRACE_OPTIMISE=0; fi
scripts=$(cd tests && echo *_test.sh)
all="$scripts $tests demo scaling formal format"
# Those that take longest come first, so that none runs alone at the end.
longest="hlsc_test.sh formal hlsc_fuzz_test.sh cycles_test cli_test.sh hw_test.sh networks_test train_engine_test arrange_test
    card_test card_models_test.sh
    board_test.sh usb_pipeline_test.sh card_rtl_test.sh examples_test.sh card_process_test card_resume_test install_test.sh sim_test"
# Then those that write the fuzzers' seeds.
seeding="csv_test import_test json_test model_test npy_test onnx_external_test onnx_fold_test onnx_layers_test onnx_random_test onnx_test packet_test"

start() { # the step of this name
    case $kind-$1 in
    # One network, one echo and that with memories in the short run.
    short-card_rtl_test.sh) step "$1" 1200 env NETWORKS="lstm16 echo24 recall" "tests/$1" ;;
    long-card_models_test.sh) ;; # below, with the large ones
    *.sh) step "$1" 1200 "tests/$1" ;;
    *-demo) step demo 1200 env -u MILLRACE_OPTIMISE examples/demo.sh ;;
    *-scaling) step scaling 120 tests/scaling.sh ;;
    *-formal) step formal 900 hw/formal/run.sh "--$kind" ;;
    *-format) step format 60 make -s -j1 format-check CLANG_FORMAT="${CLANG_FORMAT:-clang-format}" ;;
    *) step "$1" 1200 "build/tests/$1" ;;
    esac
}

begun=" " seeds_by=()
for name in $longest $seeding $all; do
    case " ${all//$'\n'/ } " in *" $name "*) ;; *) echo "tests/run.sh: there is no test $name" && exit 1 ;; esac
    case $begun in *" $name "*) continue ;; esac
    begun+="$name "
    start "$name"
    case " $seeding " in *" $name "*) seeds_by+=($!) ;; esac
done
wait "${seeds_by[@]}"
for fuzzer in $fuzzers; do
    # The names have no spaces.
    # shellcheck disable=SC2046
    fuzz "$fuzzer" $(seeds "$fuzzer")
done
wait

if [ "$kind" = long ]; then
    step mutants 600 hw/formal/run.sh --mutants
    step layer-cost-sweep 1800 build/tests/layer_cost_test sweep
    step cycles-wide 900 build/tests/cycles_test long
    step cycles-drawn 5400 env MILLRACE_OPTIMISE=0 build/tests/cycles_test drawn "$(date +%s)" 200
    step networks-wide 3600 build/tests/networks_test long
    step networks-many 5400 build/tests/networks_test short "$(date +%s)" 500
    step encoders-many 3600 build/tests/encoder_test "$(date +%s)" 100
    step followers-many 3600 build/tests/follow_test "$(date +%s)" 60
    step session-states-many 1800 build/tests/session_states_test long
    step engine-many 1800 build/tests/engine_test "$(date +%s)" 5000
    step feedback-many 3600 build/tests/feedback_test 40
    step card-real-sleep 900 env MILLRACE_REAL_SLEEP=1 build/tests/card_driver_test
    step card-large 1200 build/tests/card_large
    step card-models-large 1200 tests/card_models_test.sh long
    step hlsc-fuzz-new 3600 build/tests/hlsc_fuzz --count 2000 --reduce 60
    step hlsc-fuzz-damaged 1800 env HLSC=build/asan/hlsc build/tests/hlsc_fuzz --count 2000 --damaged
    step hlsc-fuzz-schedule 1800 build/tests/hlsc_fuzz --count 3000 --no-rtl --reduce 60
    for test in $tests; do
        # Loaded kernels are not instrumented, and stay loaded.
        # Verilator's runtime keeps the last module name (Verilated::catName, thread-local, some 50 bytes)
        # of every simulator that was loaded; the tests of drivers and loaders look for leaks without it.
        case $test in cycles_test | encoder_test | folded_test | networks_test | session_test | session_states_test | saturation_test | profile_test | train_engine_test) leaks=0 ;; *) leaks=1 ;; esac
        ASAN_OPTIONS=detect_leaks=$leaks:detect_odr_violation=0 CK_DEFAULT_TIMEOUT=300 \
            step "asan-$test" 900 "build/asan/$test"
    done
    for test in build/tsan/*_test; do # TSAN_TESTS of the Makefile
        CK_DEFAULT_TIMEOUT=300 step "tsan-$(basename "$test")" 900 "$test"
    done
    wait
    for fuzzer in $fuzzers; do
        # shellcheck disable=SC2046
        libfuzzer "$fuzzer" $(seeds "$fuzzer")
    done
    wait
fi

finish
