#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the test benches of the RTL primitives in Verilator (assertions on) and in Icarus, with a seed that is printed.
# Icarus is slow: where THOROUGH is not set it runs fewer cycles.
# Usage, from the repository root: tests/hw_test.sh [seed]. Work files: build/hw_test.
set -u
seed=${1:-$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')}
work=build/hw_test
verilator=${VERILATOR:-verilator}
iverilog=${IVERILOG:-iverilog}
failed=0
cycles=8000
[ -z "${THOROUGH:-}" ] || cycles=60000
# Verilator's runtime is compiled once for all benches, and a bench is one unit that reads the headers once.
export CCACHE_DIR="${CCACHE_DIR:-${MILLRACE_CACHE:-$PWD/build/cache}/objects}"
compile="OPT_FAST=-O0 OPT_GLOBAL=-O0 VM_PARALLEL_BUILDS=0"
! command -v ccache >/dev/null || compile="$compile OBJCACHE='\$(if \$(filter verilated%,\$@),ccache)'"
mkdir -p "$work" || exit 1
echo "hw_test: seed $seed"

verdict() { # what, log
    if grep -q '^PASS' "$2" && ! grep -qi 'error:' "$2"; then
        echo "pass: $1"
    else
        echo "FAIL: $1 (seed $seed):"
        tail -n 20 "$2"
        failed=1
    fi
}

for bench in fifo skid crossing ram dot_pair; do
    files="tests/hw_mixture.sv tests/hw_${bench}_tb.sv"
    case $bench in
    fifo | skid) files="$files tests/hw_stream_check.sv" ;;
    dot_pair) files="$files tests/hw_dsp48e2.sv hw/rtl/mr_dot_pair.sv" ;;
    esac
    files="$files hw/rtl/mr_fifo.sv hw/rtl/mr_skid.sv hw/rtl/mr_stages.sv hw/rtl/mr_crossing.sv hw/rtl/mr_ram.sv hw/rtl/mr_ram_1p.sv
        hw/rtl/mr_ram_t2p.sv hw/rtl/mr_ram_parted.sv hw/rtl/mr_ram_spread.sv hw/rtl/mr_copy.sv"
    # Memories in Verilator as they are synthesised.
    as=
    [ "$bench" != ram ] || as=-DSYNTHESIS
    # Word splitting of the file list is wanted.
    # shellcheck disable=SC2086
    if command -v "$verilator" >/dev/null; then
        if "$verilator" --binary --timing --assert $as -MAKEFLAGS "$compile" -Ihw/include -Mdir "$work/v_$bench" \
            --top-module "hw_${bench}_tb" $files >"$work/v_$bench.build.log" 2>&1; then
            timeout 120 "$work/v_$bench/Vhw_${bench}_tb" "+seed=$seed" >"$work/v_$bench.log" 2>&1
            verdict "$bench in Verilator" "$work/v_$bench.log"
        else
            echo "FAIL: $bench does not build in Verilator:"
            grep '^%' "$work/v_$bench.build.log" | head -n 10
            failed=1
        fi
    else
        echo "skip: $bench in Verilator: there is no '$verilator'"
    fi
    # shellcheck disable=SC2086
    if command -v "$iverilog" >/dev/null; then
        if "$iverilog" -g2012 -Ihw/include -s "hw_${bench}_tb" -o "$work/$bench.vvp" $files \
            >"$work/i_$bench.build.log" 2>&1; then
            timeout 300 vvp "$work/$bench.vvp" "+seed=$seed" "+cycles=$cycles" >"$work/i_$bench.log" 2>&1
            verdict "$bench in Icarus" "$work/i_$bench.log"
        else
            echo "FAIL: $bench does not build in Icarus:"
            head -n 10 "$work/i_$bench.build.log"
            failed=1
        fi
    else
        echo "skip: $bench in Icarus: there is no '$iverilog'"
    fi
done
exit $failed
