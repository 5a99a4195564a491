#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the image of an Alveo card out of what `millrace build MODEL --target T --platform hw -o PROJECT` wrote:
# or `millrace train NET --plan STEPS --target T --platform hw -o PROJECT` of a training engine:
# packages the RTL as a kernel (Vivado) and links it (Vitis v++), which takes hours.
# Usage: hw/vitis/build.sh PROJECT [IMAGE.xclbin]     (default: PROJECT.xclbin; a manifest comes beside it)
# Needs Vivado and Vitis 2022.1 or later, the card's development platform, and XRT's xclbinutil on PATH.
# `fail` ends the script, so "a && b || fail" is what it looks like.
# shellcheck disable=SC2015
set -u
here=$(cd "$(dirname "$0")" && pwd)
hw=$(dirname "$here")

fail() {
    echo "build.sh: $*" >&2
    exit 1
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "give the project folder and, if wanted, the image's name"
project=$(cd "$1" 2>/dev/null && pwd) || fail "$1: there is no such folder; write it with: millrace build MODEL --target T --platform hw -o $1"
for file in network.sv mr_network.svh kernel.xml manifest.json link.cfg place.tcl; do
    [ -r "$project/$file" ] || fail "$1/$file is missing; write the folder again with: millrace build MODEL --platform hw -o $1"
done
image=${2:-$project.xclbin}
case $image in *.xclbin) ;; *) fail "$image: an image's name ends in .xclbin" ;; esac

missing=
command -v vivado >/dev/null || missing="$missing vivado (packs the kernel)"
command -v v++ >/dev/null || missing="$missing${missing:+,} v++ of Vitis (links it)"
command -v xclbinutil >/dev/null || missing="$missing${missing:+,} xclbinutil of AMD's XRT (adds the manifest)"
[ -z "$missing" ] || fail "missing on PATH:$missing. Install Vitis and source its settings64.sh and XRT's setup.sh."

part=$(sed -n 's/.*"part": "\([^"]*\)".*/\1/p' "$project/manifest.json" | head -n 1)
platform=$(sed -n 's/^platform=//p' "$project/link.cfg")
[ -n "$part" ] && [ -n "$platform" ] || fail "$1: manifest.json names no part or link.cfg no platform"

cd "$project" || exit 1
echo "build.sh: packaging the kernel for $part"
vivado -mode batch -notrace -log package.log -journal package.jou -source "$here/package.tcl" \
    -tclargs "$hw" "$project" "$part" || fail "packaging failed; see $project/package.log"
echo "build.sh: linking for $platform"
# v++ runs in folders of its own.
sed "s|=\./place\.tcl|=$project/place.tcl|" link.cfg >linked.cfg || fail "$1/linked.cfg cannot be written"
v++ --link --target hw --save-temps --temp_dir "$project/v++" --log_dir "$project/v++/logs" --config linked.cfg \
    -o "$project/linked.xclbin" "$project/millrace.xo" || fail "linking failed; see $project/v++/logs"
cd "$OLDPWD" || exit 1
# The driver and `millrace run` know an image by the manifest in it.
xclbinutil --force --input "$project/linked.xclbin" --add-section "USER_METADATA:RAW:$project/manifest.json" \
    --output "$image" && [ -s "$image" ] ||
    fail "the manifest does not go into the image (Debian's own xclbinutil does nothing; AMD's is needed)"
sum=$(sha256sum "$image" | cut -d' ' -f1)
version=$(v++ --version | sed -n 's/.*v++ v\([0-9.]*\).*/\1/p' | head -n 1)
sed '$d' "$project/manifest.json" | sed '$s/$/,/' >"${image%.xclbin}.json" &&
    printf '  "vitis": "%s",\n  "image": "%s",\n  "sha256": "%s"\n}\n' "$version" "$(basename "$image")" "$sum" \
        >>"${image%.xclbin}.json" || fail "${image%.xclbin}.json cannot be written"
echo "build.sh: $image"
