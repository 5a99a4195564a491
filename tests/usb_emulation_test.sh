#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The emulated USB bus (sim/usb) by unmodified libusb and libftdi: chips whose other side echoes. Run from the
# repository's root.
set -u
usb=build/millrace_usb
clients=build/tests/usb_clients
failed=0

run() { # case, devices...
    local name=$1 said
    shift
    said=$(timeout 30 $usb "$@" -- $clients "$name" 2>&1)
    echo "$said"
    case $said in *"pass: $name") ;; *)
        echo "FAIL: $name with $*"
        failed=1
        ;;
    esac
}

# the code, then what a sentence must have, then arguments
refuses() {
    local code=$1 what=$2 said got
    shift 2
    said=$($usb "$@" 2>&1)
    got=$?
    if [ $got -eq "$code" ] && grep -q "$what" <<<"$said"; then
        echo "pass: refused: $what"
    else
        echo "FAIL: '$*' gives $got and says: $said"
        failed=1
    fi
}

run descriptors ft2232h:MR1:echo ft232h:MR2:echo ft601:MR3:echo
run ftdi2232 ft2232h:MR1:echo
run ftdi232 ft232h:MR1:echo
run list ft2232h:MR1:echo ft2232h:MR2:echo
run kernel_driver ft2232h:MR1:echo
run timeouts ft601:MR1:echo
run fifo ft601:MR1:echo
run cancellation ft601:MR1:echo
run removal ft601:MR1:echo:pull@200,plug@200
run denied ft601:MR1:echo:deny@0
run faults ft601:MR1:echo:drop@10,garbage@20,drop-in@60,garbage-in@70
run twice ft601:MR1:echo:drop@10,drop@10,garbage@20,garbage@20
run stuck ft601:MR1:echo:stuck@100
refuses 2 "ft2232h ft232h ft601" ft9:MR1:echo -- true
for fault in pull@1x pull@ pull pull@-1 "pull@ 1" pull@4294967296 pull@99999999999999999999 @1 pull@1,,stuck@2 \
    pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1,pull@1; do
    refuses 2 "no fault of a USB device" "ft601:MR1:echo:$fault" -- true
done
refuses 0 "" ft601:MR1:echo:pull@4294967295 -- true
refuses 2 "1 to 31" ft601::echo -- true
refuses 2 "1 to 31" ft601:12345678901234567890123456789012:echo -- true
refuses 0 "" ft601:1234567890123456789012345678901:echo -- true
refuses 2 "usage" ft601:MR1:echo
refuses 2 "at most 8" ft601:M{1,2,3,4,5,6,7,8,9}:echo -- true
refuses 1 "cannot open shared object" ft601:MR1:/nowhere.so -- true
refuses 127 "cannot be started" ft601:MR1:echo -- /nowhere
refuses 143 "" ft601:MR1:echo -- sh -c "kill \$\$"
exit $failed
