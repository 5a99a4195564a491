#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The image of the iCEBreaker. Short: the image in bitstreams/ is of these sources, and the cells that Yosys makes of products
# and of a memory with one address do what their C does, cycle by cycle.
# Long: the image is made again, byte by byte; Yosys' known fault is still there without our way round it; and the netlist
# of the image runs the turbofan network from serial bits to serial bits, with the bits of cpu:.
# Usage, from the repository's root: tests/icebreaker_test.sh [long]. Work files: build/icebreaker_test.
set -u
work=build/icebreaker_test
long=${1:-}
[ -z "${THOROUGH:-}" ] || long=long
yosys=${YOSYS:-yosys}
export MILLRACE_CACHE=${MILLRACE_CACHE:-$PWD/build/cache}
rm -rf "$work"
mkdir -p "$work" || exit 1
passed=0 failed=0

pass() {
    echo "pass: $*"
    passed=$((passed + 1))
}
fail() {
    echo "FAIL: $*"
    failed=$((failed + 1))
}
finish() {
    echo "icebreaker_test: $passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
}

# ---- the image that is kept

bin=bitstreams/icebreaker.bin json=bitstreams/icebreaker.json
member() { sed -n "s/.*\"$1\": \"*\([^\",}]*\).*/\1/p" $json | head -n 1; }
sources=$(hw/board/build.sh --sources icebreaker "$work/sources" 2>&1)
if [ "$sources" = "$(member sources)" ]; then
    pass "the image is of these sources ($sources)"
else
    fail "the image is of other sources than these ($sources): make bitstream BOARD=icebreaker, and keep what it writes"
fi
if [ "$(sha256sum <$bin | cut -d ' ' -f 1)" = "$(member sha256)" ]; then
    pass "the image has its manifest's checksum"
else
    fail "the image has another checksum than its manifest says"
fi
if awk "BEGIN { exit !($(member nextpnr) >= $(member clock_mhz) && $(member icetime) >= $(member clock_mhz) && $(member lc) <= 5280 && \
    $(member ram) <= 30 && $(member spram) <= 4 && $(member dsp) <= 8) }"; then
    pass "$(member clock_mhz) MHz are reached ($(member nextpnr) and $(member icetime)), $(member lc) logic cells fit"
else
    fail "the manifest's figures do not fit the chip"
fi

# ---- the commands

build/millrace import tests/data/turbofan_lstm2x25_rul.onnx -o "$work/model.millrace" >"$work/log" 2>&1
if MILLRACE_CACHE=$PWD/$work/cache build/millrace build "$work/model.millrace" --platform board --target icebreaker -o "$work/images" \
    >"$work/log" 2>&1 && cmp -s "$work/images/icebreaker.bin" $bin && cmp -s "$work/images/icebreaker.json" $json; then
    pass "millrace build takes the image that is there"
else
    fail "millrace build --platform board: $(tail -n 1 "$work/log")"
fi
refused() { # what is said, options...
    local said=$1
    shift
    "$@" >"$work/log" 2>&1
    if [ $? -eq 1 ] && [ "$(wc -l <"$work/log")" -eq 1 ] && grep -q "$said" "$work/log"; then
        pass "told: $(cut -c 1-100 "$work/log")"
    else
        fail "not told '$said': $(tail -n 1 "$work/log")"
    fi
}
refused "is none" build/millrace build "$work/model.millrace" --platform board --target u55c
refused "is no board" build/millrace program nothing
refused "there is no image of icebreaker" build/millrace program icebreaker --bitstreams "$work"
refused "is no image of an iCE40" build/millrace program icebreaker README.md
refused "neither iceprog nor openFPGALoader is installed" env PATH=/nowhere "$PWD/build/millrace" program icebreaker
echo >>"$work/images/icebreaker.bin"
refused "does not have the checksum" build/millrace program icebreaker --bitstreams "$work/images"

# ---- cells are what C says

if ! command -v "$yosys" >/dev/null; then
    echo "skip: there is no '$yosys'"
    finish
fi
agree() { # kernel
    if MILLRACE_CACHE=$PWD/$work/cache MILLRACE_OPTIMISE=0 MILLRACE_VERILATOR=$PWD/tests/ice40_verilator.sh timeout 200 build/hlsc check "tests/kernels/$1.c" --top "$1" \
        --target up5k -I hls/include --vectors 200 --seed 1 >"$work/$1.log" 2>&1; then
        pass "netlist of $1: $(tail -n 1 "$work/$1.log")"
    else
        fail "netlist of $1: $(tail -n 1 "$work/$1.log")"
    fi
}
agree product
[ -n "$long" ] || finish

# ---- long

agree one_address
# The comparison can fail: a product that is wrong in one bit is found.
if MILLRACE_CACHE=$PWD/$work/wrong ICE40_FILTER="sed s/32'(in_8_s3)/(32'(in_8_s3)^32'd1)/" MILLRACE_OPTIMISE=0 MILLRACE_VERILATOR=$PWD/tests/ice40_verilator.sh \
    timeout 200 build/hlsc check tests/kernels/product.c --top product --target up5k -I hls/include --vectors 50 --seed 1 \
    >"$work/wrong.log" 2>&1 || ! grep -q "C gives" "$work/wrong.log"; then
    fail "a wrong product is not found: $(tail -n 1 "$work/wrong.log")"
else
    pass "a wrong product is found: $(grep -m 1 -o 'C gives.*' "$work/wrong.log")"
fi
if ! command -v nextpnr-ice40 >/dev/null || ! command -v icetime >/dev/null; then
    echo "skip: there is no nextpnr-ice40 or icetime (make deps-board)"
    finish
fi
image=$work/image
if hw/board/build.sh icebreaker "$image" >"$work/build.log" 2>&1; then
    pass "built: $(tail -n 1 "$work/build.log")"
else
    fail "$(tail -n 1 "$work/build.log")"
    finish
fi
if [ "$(grep '"tools"' "$image/icebreaker.json")" != "$(grep '"tools"' $json)" ]; then
    echo "skip: other tools than those of the image that is kept"
elif cmp -s "$image/icebreaker.bin" $bin && cmp -s "$image/icebreaker.json" $json; then
    pass "the image and its manifest are the kept ones, byte by byte"
else
    fail "the image differs from the one that is kept: make bitstream BOARD=icebreaker"
fi

# Without the attribute Yosys 0.23 connects a product to two drivers, or crashes; with it neither.
if [ "$("$yosys" -V | cut -d ' ' -f 2)" = 0.23 ]; then
    build/hlsc tests/kernels/one_address.c --top one_address --target up5k -I hls/include -o "$work/fault" >"$work/fault.log" 2>&1
    sed 's/(\* keep \*)//' "$work/fault/one_address.sv" >"$work/fault.sv"
    synthesise() { # file: the exit code of Yosys, whose words are in a log
        (exec "$yosys" -q -e "Driver-driver conflict" -p "read_verilog -sv -Ihw/include $1 hw/rtl/*.sv; synth_ice40 -device u -dsp -spram -abc9 -top one_address -run begin:map_ram") \
            >"$work/fault.log" 2>&1
    }
    synthesise "$work/fault/one_address.sv" || fail "Yosys with our way round its fault: $(tail -n 1 "$work/fault.log")"
    synthesise "$work/fault.sv"
    code=$?
    if [ $code -eq 0 ]; then
        fail "Yosys takes products without our way round its fault: is the attribute (hlsc's kept_product) needed any more?"
    elif [ $code -eq 139 ] || grep -q "ERROR:.*Driver-driver conflict" "$work/fault.log"; then
        pass "without the attribute Yosys 0.23 fails: code $code"
    else
        fail "without the attribute Yosys fails in another way: code $code: $(tail -n 1 "$work/fault.log")"
    fi
fi

# The netlist of that very synthesis, with the PLL taken out.
"$yosys" -q -p "read_json $image/synth.json; chtype -set netlist_pll t:SB_PLL40_PAD
    setparam -unset DIVF -unset DIVQ -unset DIVR -unset FEEDBACK_PATH -unset FILTER_RANGE t:netlist_pll
    write_verilog -noattr $work/netlist.v" >"$work/netlist.log" 2>&1 || fail "the netlist: $(tail -n 1 "$work/netlist.log")"
cells=$(dirname "$(command -v "$yosys")")/../share/yosys/ice40/cells_sim.v
if ! "${VERILATOR:-verilator}" --cc --exe --build --prefix Vkernel --Mdir "$work/obj" -O3 --x-assign fast --x-initial fast -Wno-fatal -Wno-lint \
    -Wno-style --top-module mr_usb_device +define+NO_ICE40_DEFAULT_ASSIGNMENTS=1 \
    -CFLAGS "-std=c++17 -fPIC -fvisibility=hidden -march=native -I$PWD/sim/usb -I$PWD/sim/harness -I$PWD/base/contract -include $PWD/sim/harness/rtl_hooks.h -DMR_USB_CLOCK_KHZ=24000" \
    -LDFLAGS "-shared -Wl,-Bsymbolic" -MAKEFLAGS "OPT_FAST=-O2 OPT_SLOW=-O0" -o "$PWD/$work/netlist.so" \
    tests/icebreaker_netlist.sv "$work/netlist.v" "$cells" "$PWD/sim/usb/uart_pins.cpp" >"$work/verilator.log" 2>&1; then
    fail "the netlist does not build: $(grep -m 1 -i error "$work/verilator.log")"
    finish
fi
# By the driver's packets, with the board's time: a slow simulation is no silence.
if timeout 3000 build/tests/icebreaker_run "$work/model.millrace" "$work/netlist.so" 50 >"$work/log" 2>&1; then
    pass "the netlist of the image, from serial bits to serial bits: $(grep -m 1 walker "$work/log")"
else
    fail "the netlist of the image: $(tail -n 1 "$work/log")"
fi
finish
