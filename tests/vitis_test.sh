#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Building for a board, as far as it goes without Vivado and Vitis: for each card the project is written, hw/vitis is
# run with stand-ins for AMD's tools, which check what they are given, and Verilator elaborates the packaged files in
# their order. Without the tools build.sh says what is missing.
set -u
work=build/vitis_test
passed=0 failed=0
check() { # text, command...
    text=$1
    shift
    if "$@" >>"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $text (see $work/log)"
    fi
}
says() { # words, command...: fails and says so
    words=$1
    shift
    ! "$@" >"$work/said" 2>&1 && grep -q -- "$words" "$work/said"
}

rm -rf "$work"
mkdir -p "$work/tools" || exit 1
build/tests/session_test --write "$work/model.millrace" "$work/x.npy" || exit 1
if ! command -v tclsh >/dev/null; then
    echo "skipped: tclsh is not installed"
    exit 0
fi

root=$PWD
cat >"$work/tools/vivado" <<END
#!/bin/sh
exec tclsh "$root/tests/vitis_stub.tcl" "\$@"
END
cat >"$work/tools/v++" <<'END'
#!/bin/sh
[ "$1" != --version ] || { echo "****** v++ v2022.1 (64-bit)"; exit 0; }
for last in "$@"; do :; done
[ -s "$last" ] || { echo "no kernel $last"; exit 1; }
while [ $# -gt 0 ]; do
    case $1 in
    --config) grep -q '^platform=xilinx_u' "$2" && grep -q '^sp=millrace_1.m_axi_gmem_in:' "$2" || exit 1
        pre=$(sed -n 's/.*TCL.PRE=//p' "$2")
        [ -z "$pre" ] || [ -r "$pre" ] || { echo "no $pre"; exit 1; } ;;
    -o) out=$2 ;;
    esac
    shift
done
echo linked >"$out"
END
cat >"$work/tools/xclbinutil" <<'END'
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
    --input) in=$2 ;;
    --add-section) section=${2#USER_METADATA:RAW:} ;;
    --output) out=$2 ;;
    esac
    shift
done
cat "$in" "$section" >"$out"
END
chmod +x "$work/tools/vivado" "$work/tools/v++" "$work/tools/xclbinutil"

for target in u50 u55c u200 u250 u280; do
    project=$work/$target
    check "$target: the project" build/millrace build "$work/model.millrace" --target $target --platform hw -o "$project"
    if ! command -v vivado >/dev/null; then
        check "$target: missing tools are named" says "missing on PATH: vivado" hw/vitis/build.sh "$project"
    fi
    check "$target: packaging and linking" env PATH="$root/$work/tools:$PATH" hw/vitis/build.sh "$project" "$work/$target.xclbin"
    check "$target: the image has its manifest" grep -q '"shape_hash"' "$work/$target.xclbin"
    check "$target: the manifest tells the precision of lanes" grep -q '"precision": *"w16a16"' "$work/$target.xclbin"
    check "$target: the manifest is JSON with a checksum" sh -c \
        "[ \"\$(sed -n 's/.*\"sha256\": \"\(.*\)\"/\1/p' '$work/$target.json')\" = \"\$(sha256sum <'$work/$target.xclbin' | cut -d' ' -f1)\" ]"
    check "$target: the die of every layer" sh -c "grep -c '^place lstm' '$project/place.tcl' | grep -qx 2"
done

# A training engine: the dies are the placer's.
echo '{"inputs": 2, "layers": [{"cell": "lstm", "hidden": 3}], "heads": [{"outputs": 1}]}' >"$work/net.json"
check "a training engine: the project" build/millrace train "$work/net.json" --plan 4 --batch 8 --multipliers 12 --platform hw \
    -o "$work/engine"
check "a training engine: packaging and linking" env PATH="$root/$work/tools:$PATH" hw/vitis/build.sh "$work/engine" "$work/engine.xclbin"
check "a training engine: the image has its manifest" grep -q '"trains": *true' "$work/engine.xclbin"
check "a training engine: the stages of its runs are known" grep -q '"stages"' "$work/engine.json"
check "a training engine: the kernel is bound to no die" sh -c "! grep -q '^slr=\|TCL.PRE' '$work/engine/link.cfg'"
# shellcheck disable=SC2046
check "a training engine: the packaged files elaborate" "${VERILATOR:-verilator}" --lint-only -Wall -Wno-DECLFILENAME \
    -Wno-UNUSEDSIGNAL -Wno-UNUSEDPARAM --top-module millrace hw/lint/waivers.vlt $(tr '\n' ' ' <"$work/engine/files.txt")
# One with external memories, whose words have up to 864 bits: each 512 a port and banks of its own.
echo '{"inputs": 9, "layers": [{"cell": "gru", "hidden": 96}], "heads": [{"outputs": 1}]}' >"$work/wide.json"
check "wide words: the project" build/millrace train "$work/wide.json" --plan 1000 --batch 64 --multipliers 2600 --platform hw \
    -o "$work/wide"
check "wide words: as many ports are planned" sh -c \
    "build/millrace train '$work/wide.json' --plan 1000 --batch 64 --multipliers 2600 | grep -q 'by 5 ports'"
check "wide words: packaging and linking" env PATH="$root/$work/tools:$PATH" hw/vitis/build.sh "$work/wide" "$work/wide.xclbin"
check "wide words: five ports" sh -c "grep -c 'sp=millrace_1.m_axi_memory[0-4]:HBM\[' '$work/wide/link.cfg' | grep -qx 5"
check "wide words: the last port's banks" grep -qx 'sp=millrace_1.m_axi_memory4:HBM\[28:30\]' "$work/wide/link.cfg"
# shellcheck disable=SC2046
check "wide words: the packaged files elaborate" "${VERILATOR:-verilator}" --lint-only -Wall -Wno-DECLFILENAME \
    -Wno-UNUSEDSIGNAL -Wno-UNUSEDPARAM --top-module millrace hw/lint/waivers.vlt $(tr '\n' ' ' <"$work/wide/files.txt")
check "a training engine: a platform that is none" says "known are hw_emu" build/millrace train "$work/net.json" --plan 4 --platform sw

# Two layers that no die holds together, and channels from die to die. Placing is read with cells of the RTL as it stands.
build/millrace import tests/data/turbofan_lstm2x25_rul.onnx -o "$work/turbofan.millrace" >>"$work/log" 2>&1
places() { # project, lines that must be among what is placed
    folder=$1
    shift
    tclsh tests/vitis_place.tcl "$folder" hw >"$folder/placed" || return 1
    for line in "$@"; do
        grep -qx "$line" "$folder/placed" || { echo "not placed: $line"; return 1; }
    done
}
check "one die: all processes in it" places "$work/u200" "i_loader SLR1" "i_lstm0 SLR1" "i_lstm1 SLR1" "i_head SLR1"
check "one die: the whole kernel in it" grep -q '^slr=millrace_1:SLR1$' "$work/u200/link.cfg"
check "two dies: the project" build/millrace build "$work/turbofan.millrace" --latency --platform hw -o "$work/dies"
# A vector of 13 numbers, pushed and credited: its bits and 2, once on each side.
check "two dies: placed" places "$work/dies" "i_loader SLR0" "i_lstm0 SLR0" "i_lstm1 SLR1" "i_last SLR1" "i_head SLR0" \
    "x_lstm0_out SLR0 SLR1: 420 registers at borders" "x_lstm1_weights SLR0 SLR1: 1028 registers at borders" \
    "x_last_out SLR1 SLR0: 420 registers at borders"
check "two dies: linking" env PATH="$root/$work/tools:$PATH" hw/vitis/build.sh "$work/dies" "$work/dies.xclbin"
check "two dies: the kernel is bound to none" sh -c "! grep -q '^slr=' '$work/dies/link.cfg'"
# shellcheck disable=SC2046
check "two dies: the packaged files elaborate" "${VERILATOR:-verilator}" --lint-only -Wall -Wno-DECLFILENAME \
    -Wno-UNUSEDSIGNAL -Wno-UNUSEDPARAM --top-module millrace hw/lint/waivers.vlt $(tr '\n' ' ' <"$work/dies/files.txt")
sed -i 's/^cross lstm0_out/cross h7/' "$work/dies/place.tcl"
check "a name that is no cell's is found" sh -c "! tclsh tests/vitis_place.tcl '$work/dies' hw"
# Layers of 2,592 multipliers, on a card with dies of 2,280.
check "large layers: the project" build/millrace build "$work/turbofan.millrace" --target u200 --lanes 24 --platform hw \
    -o "$work/large"
check "large layers: placed" places "$work/large" "i_loader SLR1" "i_lstm0 tile 0 SLR1" "i_lstm0 tile 1 SLR2" \
    "i_lstm1 tile 0 SLR2" "i_lstm1 tile 1 SLR0" "i_lstm0 in SLR1: 10 of 20 ways lead to other dies, 20 stages at borders" \
    "i_lstm1 in SLR0: 10 of 20 ways lead to other dies, 40 stages at borders"
# The same files for all cards.
# shellcheck disable=SC2046
check "the packaged files elaborate" "${VERILATOR:-verilator}" --lint-only -Wall -Wno-DECLFILENAME -Wno-UNUSEDSIGNAL \
    -Wno-UNUSEDPARAM --top-module millrace hw/lint/waivers.vlt $(cat "$work/u55c/files.txt")
# A network with external memories has ports of its own.
cp -r "$work/u55c" "$work/memories" &&
    build/hlsc tests/card/recall.c --top network -o "$work/memories" -I base/contract -I hls/include -I hls/kernels &&
    printf '%s\n' "\`define MR_MEMORIES 3" \
        "\`define MR_MEMORY_LIST \`MR_MEMORY(0, 512, 256) \`MR_MEMORY(1, 64, 256) \`MR_MEMORY(2, 64, 5)" \
        "\`define MR_WORD_LIST \`MR_WORD(kept, 576, 0, 2) \`MR_WORD(sums, 64, 2, 1)" \
        >>"$work/memories/mr_network.svh" &&
    sed -i 's/^\(`define MR_[XY]_BITS\|`define MR_PROCESSES\) .*/\1 32/; s/\(MR_PROCESSES\) .*/\1 2/; /MR_PROBES/d' \
        "$work/memories/mr_network.svh" &&
    sed -i '/port name="m_axi_gmem_out"/ { p; s/gmem_out/memory0/; p; s/memory0/memory1/; p; s/memory1/memory2/ }' "$work/memories/kernel.xml"
check "external memories: packaging" env PATH="$root/$work/tools:$PATH" hw/vitis/build.sh "$work/memories" "$work/memories.xclbin"
# shellcheck disable=SC2046
check "external memories: the packaged files elaborate" "${VERILATOR:-verilator}" --lint-only -Wall -Wno-DECLFILENAME \
    -Wno-UNUSEDSIGNAL -Wno-UNUSEDPARAM --top-module millrace hw/lint/waivers.vlt $(cat "$work/memories/files.txt")
check "a folder that is none" says "there is no such folder" hw/vitis/build.sh "$work/none"
mkdir "$work/empty"
check "a folder without a project" says "network.sv is missing" hw/vitis/build.sh "$work/empty"
check "an image that is none" says "ends in .xclbin" hw/vitis/build.sh "$work/u50" "$work/image.bin"
check "a platform that is none" says "known are hw_emu" build/millrace build "$work/model.millrace" --platform sw
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
