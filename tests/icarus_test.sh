#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A second simulator: kernels whose streams carry numbers run in Icarus Verilog with random idles and back-pressure, and
# give what hlsc cosim (C, interpreters and Verilator) gives for the same input.
# Usage, from the repository's root: tests/icarus_test.sh [seed]. Work files: build/icarus.
set -u
seed=${1:-1}
hlsc=${HLSC:-build/hlsc}
iverilog=${IVERILOG:-iverilog}
work=build/icarus
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
# Many simulators that run shortly.
export MILLRACE_OPTIMISE=0
rm -rf "$work"
mkdir -p "$work" || exit 1
command -v "$iverilog" >/dev/null || { echo "skip: icarus_test: there is no '$iverilog'"; exit 0; }
echo "icarus_test: seed $seed"
passed=0 failed=0

# Elements of an input: 600 hexadecimal numbers of so many bits, small ones among them.
elements() { # bits, seed
    awk -v bits="$1" -v seed="$2" 'BEGIN { srand(seed); for (n = 0; n < 600; n++) {
        size = rand() < 0.4 && bits > 8 ? 6 : bits
        text = ""
        for (; size > 0; size -= 4)
            text = sprintf("%x", int(rand() * 2 ^ (size < 4 ? size : 4))) text
        print "0x" text } }'
}

# The ports of a kernel as lines `SCALAR|IN|OUT name bits` and `END name`.
ports() { # ports header
    sed -n 's/^#define KERNEL_PORTS(SCALAR, IN, OUT) //p' "$1" | sed 's/) /)\n/g; s/[(,)]/ /g'
    echo
    sed -n 's/^#define KERNEL_ENDS(END) //p' "$1" | sed 's/) /)\n/g; s/[(,)]/ /g'
}

testbench() { # top, list of ports, list of `name value` of scalars, folder
    awk -v top="$1" -v seed="$seed" -v folder="$4" '
    FNR == NR { value[$1] = $2; next }
    $1 == "SCALAR" { signals = signals sprintf("  logic [%d:0] %s_i = %s;\n", $3 - 1, $2, value[$2]); links = links sprintf(", .%s_i(%s_i)", $2, $2) }
    $1 == "IN" {
        signals = signals sprintf("  logic [%d:0] %s_data_i, %s_mem [600];\n  logic %s_valid_i = 0;\n  wire %s_ready_o;\n  integer %s_at = 0;\n", $3 - 1, $2, $2, $2, $2, $2)
        links = links sprintf(", .%s_data_i(%s_data_i), .%s_valid_i(%s_valid_i), .%s_ready_o(%s_ready_o)", $2, $2, $2, $2, $2, $2)
        setup = setup sprintf("    $readmemh(\"%s/%s.hex\", %s_mem);\n", folder, $2, $2)
        drive = drive sprintf("      if (%s_valid_i && %s_ready_o) begin %s_at = %s_at + 1; %s_valid_i <= 0; end\n      if (!%s_valid_i || %s_ready_o) begin\n        %s_valid_i <= %s_at < 600 && $urandom(state) %% 4 != 0;\n        %s_data_i <= %s_at < 600 ? %s_mem[%s_at] : 0;\n      end\n", $2, $2, $2, $2, $2, $2, $2, $2, $2, $2, $2, $2, $2) }
    $1 == "OUT" {
        signals = signals sprintf("  wire [%d:0] %s_data_o;\n  wire %s_valid_o;\n  logic %s_ready_i = 0;\n  integer %s_file;\n", $3 - 1, $2, $2, $2, $2)
        links = links sprintf(", .%s_data_o(%s_data_o), .%s_valid_o(%s_valid_o), .%s_ready_i(%s_ready_i)", $2, $2, $2, $2, $2, $2)
        setup = setup sprintf("    %s_file = $fopen(\"%s/%s.icarus\");\n", $2, folder, $2)
        drive = drive sprintf("      if (%s_valid_o && %s_ready_i) $fdisplay(%s_file, \"%%h\", %s_data_o);\n      %s_ready_i <= $urandom(state) %% 3 != 0;\n", $2, $2, $2, $2, $2)
        waiting = waiting " || " $2 "_valid_o" }
    $1 == "END" { links = links sprintf(", .%s_end_i(%s_at + %s_valid_i >= 600)", $2, $2, $2) }
    END {
        printf "`timescale 1ns/1ns\nmodule testbench;\n  logic clk_i = 0, rst_ni = 0, start_i = 0, ended = 0;\n  wire idle_o, done_o;\n  integer state = %d, cycles = 0;\n%s", seed, signals
        printf "  %s dut (.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start_i), .idle_o(idle_o), .done_o(done_o), .busy_o(), .starved_o(), .blocked_o()%s);\n", top, links
        printf "  always #5 clk_i = !clk_i;\n  initial begin\n%s    repeat (5) @(posedge clk_i);\n    rst_ni <= 1;\n    @(posedge clk_i) start_i <= 1;\n    @(posedge clk_i) start_i <= 0;\n  end\n", setup
        printf "  always @(posedge clk_i) begin\n    cycles <= cycles + 1;\n    if (rst_ni) begin\n%s      ended <= ended || done_o;\n    end\n    if (ended && !(0%s)) begin $display(\"done\"); $finish; end\n    if (cycles > 400000) begin $display(\"no end\"); $finish; end\n  end\nendmodule\n", drive, waiting
    }' "$3" "$2"
}

compare() { # name, file, top, scalars NAME=VALUE...
    local name=$1 file=$2 top=$3 folder=$work/$1 options=() s p kind bits
    shift 3
    mkdir -p "$folder"
    if ! "$hlsc" "$file" --top "$top" -I hls/include -o "$folder/gen" >"$folder/hlsc.log" 2>&1; then
        echo "FAIL: $name does not compile: $(tail -n 1 "$folder/hlsc.log")"
        failed=$((failed + 1))
        return
    fi
    ports "$folder/gen/${top}_ports.h" >"$folder/ports"
    : >"$folder/scalars"
    for s in "$@"; do
        echo "${s/=/ }" >>"$folder/scalars"
        options+=(--set "$s")
    done
    while read -r kind p bits; do
        case $kind in
        IN)
            elements "$bits" "$seed$bits" >"$folder/$p.txt"
            sed 's/^0x//' "$folder/$p.txt" >"$folder/$p.hex"
            options+=(--input "$p=$folder/$p.txt")
            ;;
        OUT) options+=(--output "$p=$folder/$p.verilator") ;;
        esac
    done <"$folder/ports"
    testbench "$top" "$folder/ports" "$folder/scalars" "$folder" >"$folder/testbench.sv"
    if ! timeout 300 "$hlsc" cosim "$file" --top "$top" -I hls/include --seed "$seed" "${options[@]}" >"$folder/cosim.log" 2>&1; then
        echo "FAIL: $name in hlsc cosim: $(tail -n 1 "$folder/cosim.log")"
        failed=$((failed + 1))
        return
    fi
    # Icarus looks at more than it has to, and computes what depends on the lane alone once: both are right.
    "$iverilog" -g2012 -Ihw/include -s testbench -o "$folder/run.vvp" "$folder/testbench.sv" "$folder/gen/$top.sv" hw/rtl/*.sv 2>&1 |
        grep -v 'constant selects in always_\|process has no sensitivities' >"$folder/iverilog.log"
    timeout 300 vvp -n "$folder/run.vvp" >"$folder/run.log" 2>&1
    local verdict="the same in Icarus and Verilator" count=0
    grep -q '^done' "$folder/run.log" || verdict="Icarus does not end: $(tail -n 1 "$folder/run.log")"
    ! grep -qi 'assert\|error' "$folder/run.log" || verdict="Icarus: $(grep -i -m 1 'assert\|error' "$folder/run.log")"
    [ ! -s "$folder/iverilog.log" ] || verdict="Icarus: $(head -n 1 "$folder/iverilog.log")"
    while read -r kind p bits; do
        [ "$kind" = OUT ] || continue
        numbers "$bits" <"$folder/$p.verilator" >"$folder/$p.a"
        sed 's/^0*//; s/^$/0/' "$folder/$p.icarus" >"$folder/$p.b"
        count=$((count + $(wc -l <"$folder/$p.a")))
        cmp -s "$folder/$p.a" "$folder/$p.b" || verdict="output $p differs: $(diff "$folder/$p.a" "$folder/$p.b" | sed -n 2p)"
    done <"$folder/ports"
    if [ "$verdict" = "the same in Icarus and Verilator" ] && [ "$count" -gt 0 ]; then
        echo "pass: $name: $count elements are $verdict"
        passed=$((passed + 1))
    else
        echo "FAIL: $name: $verdict"
        failed=$((failed + 1))
    fi
}

# Elements as cosim writes them (hexadecimal with 0x, or decimal) to bare hexadecimal digits.
numbers() { # bits
    while read -r text; do
        case $text in
        0x*) printf '%x\n' "$text" ;;
        *) if [ "$1" -ge 64 ]; then printf '%x\n' "$text"; else printf '%x\n' $((text & ((1 << $1) - 1))); fi ;;
        esac
    done
}

compare steps tests/kernels/steps.c steps imperfect_n=11 imperfect_m=5 late_n=77
compare ends tests/kernels/ends.c ends n=120
compare picks tests/kernels/picks.c picks n=200
compare histogram hls/examples/histogram.c histogram samples=500
compare moving_median hls/examples/moving_median.c moving_median samples=500
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
