#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make install` into a folder of its own, and from there: the command on the simulator, and a C program that
# is built with pkg-config as the README shows. Run from the repository's root.
set -eu
prefix=$PWD/build/installed
passed=0
failed=0
rm -rf "$prefix"
mkdir -p "$prefix"
make -s install PREFIX="$prefix"
export MILLRACE_CACHE="$prefix/cache" PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
cat >"$prefix/user.c" <<'END'
#include <millrace.h>
#include <stdio.h>
int main(int argc, char **argv) {
    static float x[2][50][25], y[8];
    struct mr_error error;
    struct mr_stats stats;
    struct mr_model *model = argc == 3 ? mr_model_open(argv[1], &error) : NULL;
    struct mr_session *session = model ? mr_session_open(model, argv[2], NULL, &error) : NULL;
    if (!session)
        return fprintf(stderr, "%s\n", error.text), 1;
    if (mr_session_run(session, &x[0][0][0], 2, 50, 0, y, &stats) != 0)
        return fprintf(stderr, "%s\n", mr_session_error(session)), 1;
    printf("%a %a\n", (double)y[0], (double)y[1]);
    mr_session_close(session);
    mr_model_close(model);
}
END
check() { # name, command...
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "pass: $name"
    else
        failed=$((failed + 1))
        echo "FAIL: $name"
    fi
}
same_from_c() {
    (cd / && LD_LIBRARY_PATH="$prefix/lib" "$prefix/user" "$prefix/net.millrace" sim: >"$prefix/sim.txt") &&
        (cd / && LD_LIBRARY_PATH="$prefix/lib" "$prefix/user" "$prefix/net.millrace" cpu: >"$prefix/cpu.txt") &&
        cmp "$prefix/sim.txt" "$prefix/cpu.txt"
}
# The broker is found beside the command or as seen from the library; the card's parts in share.
same_on_card() {
    build/tests/session_test --write "$prefix/small.millrace" "$prefix/small.npy" &&
        (cd / && "$prefix/bin/millrace" build "$prefix/small.millrace" --platform hw_emu -o "$prefix/images") &&
        (cd / && MILLRACE_BITSTREAMS=$prefix/images LD_LIBRARY_PATH="$prefix/lib" "$prefix/user" \
            "$prefix/small.millrace" xrt:0 >"$prefix/xrt.txt") &&
        (cd / && LD_LIBRARY_PATH="$prefix/lib" "$prefix/user" "$prefix/small.millrace" cpu: >"$prefix/cpu.txt") &&
        cmp "$prefix/xrt.txt" "$prefix/cpu.txt"
}
# A network of three outputs, step by step: what the example prints is what the command writes.
same_by_name() {
    build/tests/session_test --write-heads "$prefix/heads.millrace" "$prefix/heads.npy" || return 1
    awk 'BEGIN { for (t = 0; t < 20; t++) for (i = 0; i < 3; i++)
        printf "%.3f%s", (t * 7 + i * 3) % 11 / 5.5 - 1, i < 2 ? "," : "\n" }' >"$prefix/x.csv"
    "$prefix/bin/millrace" run "$prefix/heads.millrace" "$prefix/x.csv" --device cpu: --steps -o "$prefix/y.csv" &&
        (cd / && LD_LIBRARY_PATH="$prefix/lib" "$prefix/stream" "$prefix/heads.millrace" cpu: \
            <"$prefix/x.csv" >"$prefix/stream.txt") || return 1
    for stream in each last states; do
        tr ' ' '\n' <"$prefix/stream.txt" | sed -n "s/^$stream=//p" | cmp - "$prefix/y.$stream.csv" || return 1
    done
}
checked_kernel() {
    (cd / && "$prefix/bin/hlsc" check "$kernel" --top flow -I "$prefix/share/millrace/hls/include" --seed 1 --vectors 50)
}
kernel=$PWD/tests/kernels/flow.c
check "the installed command imports" \
    "$prefix/bin/millrace" import tests/data/turbofan_lstm2x25_rul.onnx -o "$prefix/net.millrace"
# shellcheck disable=SC2046
check "a program builds with pkg-config" \
    cc -std=c11 -o "$prefix/user" "$prefix/user.c" $(pkg-config --cflags --libs millrace)
check "it gets the same bits from sim: and cpu:, from any folder" same_from_c
check "it gets them from an emulated card too" same_on_card
for example in stream sensors batch text dates; do
    # shellcheck disable=SC2046
    check "the example $example builds without a warning" cc -std=c11 -Wall -Wextra -Wpedantic -Werror \
        -o "$prefix/$example" "$prefix/share/millrace/examples/$example.c" $(pkg-config --cflags --libs millrace) -lm
done
check "it gives each output by name" same_by_name
check "the installed hlsc checks a kernel" checked_kernel
# The package finds the library of its own prefix.
from_python() {
    (cd / && PYTHONPATH="$prefix/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-python3}" -c "
import millrace, numpy
with millrace.open('$prefix/net.millrace') as model, model.session('cpu:') as session:
    print(*(float(y).hex() for y in session.run(numpy.zeros((2, 50, 25), numpy.float32))))
" >"$prefix/python.txt") && "${PYTHON:-python3}" -c "
import sys
one, other = ([float.fromhex(word) for word in open(path).read().split()] for path in sys.argv[1:])
sys.exit(one != other or len(one) != 2)" "$prefix/python.txt" "$prefix/sim.txt"
}
check "the Python package gets the same bits" from_python
# The same network: what the examples give is what a run of the whole sequences gives.
same_from_examples() {
    mkdir -p "$prefix/results" &&
        (cd "$prefix" && PYTHONPATH="$prefix/lib/python3/dist-packages" LD_LIBRARY_PATH="$prefix/lib" PYTHONDONTWRITEBYTECODE=1 \
            "${PYTHON:-python3}" -c '
import os, subprocess, sys
import millrace, numpy
x = numpy.load("heads.npy")
count, steps, features = x.shape
with millrace.open("heads.millrace") as model, model.session("cpu:") as session:
    y, outputs = session.run(x), model.outputs
def run(*words, given):
    return subprocess.run(words, input=given, check=True, stdout=subprocess.PIPE).stdout
run("./batch", "heads.millrace", "cpu:", str(steps), "results", given=numpy.tile(x, (300, 1, 1)).tobytes())
for output in outputs:
    got = numpy.fromfile(f"results/{output.name}.f32", numpy.float32)
    assert numpy.array_equal(got, numpy.tile(y[output.name], (300,) + (1,) * (y[output.name].ndim - 1)).ravel()), output
# Whatever the outputs are named, their files are in the folder, and each has its own.
model = open("heads.millrace", "rb").read()
for name, code in (b"../x", 0), (b"a_bc", 1):
    open("named.millrace", "wb").write(model.replace(b"each", name).replace(b"states\\\"", b"a/bc\\\"  "))
    done = subprocess.run(["./batch", "named.millrace", "cpu:", str(steps), "results"], input=x.tobytes(), capture_output=True)
    assert done.returncode == code and (b"would be one file" in done.stderr) == code, done
assert os.path.getsize("results/.._x.f32") > 0 and not os.path.exists("x.f32")
# Sensors are numbers 5, 12, ..., and each is a tick behind the one before.
lines = ""
for tick in range(steps + count - 1):
    for i in range(count):
        if 0 <= tick - i < steps:
            lines += ",".join([str(7 * i + 5), *(repr(float(v)) for v in x[i, tick - i])]) + "\n"
    lines += "\n"
for slots in "1", "4":
    seen = [0] * count
    for line in run("./sensors", "heads.millrace", "cpu:", slots, given=lines.encode()).decode().splitlines():
        words = line.split()
        i = (int(words[0]) - 5) // 7
        for output, word in zip(outputs, words[1:]):
            got = numpy.array(word.split("=")[1].split(","), float).astype(numpy.float32)
            if output.per_step or seen[i] == steps - 1:
                whole = y[output.name][i]
                assert numpy.array_equal(got, whole[seen[i]] if output.per_step else whole), (line, whole)
        seen[i] += 1
    assert seen == [steps] * count
for wrong, said in (("x\n", "line 1"), ("1,2\n", "too few"), ("1,2,3,4,5\n", "too many"), ("1,1,1,1\n1,1,1,1\n", "already")):
    done = subprocess.run(["./sensors", "heads.millrace", "cpu:"], input=wrong, text=True, capture_output=True)
    assert done.returncode == 1 and said in done.stderr, (wrong, done)
')
}
check "the examples give the bits of whole sequences" same_from_examples
# A network that writes: the likeliest characters are those of a loop in Python, and sim: writes what cpu: does (long run).
text_is_written() {
    text=$prefix/share/millrace/examples/text
    "$prefix/bin/millrace" import "$text/licence.onnx" -o "$prefix/licence.millrace" >"$prefix/licence.txt" &&
        LD_LIBRARY_PATH="$prefix/lib" "$prefix/text" "$prefix/licence.millrace" cpu: "$text/alphabet.txt" "the work " 60 >"$prefix/cpu.txt" || return 1
    cat "$prefix/cpu.txt"
    PYTHONPATH="$prefix/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-python3}" -c '
import sys
import millrace
alphabet, text = open(sys.argv[2]).readline().rstrip("\n"), "the work "
tokens = [alphabet.index(c) for c in text]
with millrace.open(sys.argv[1]) as model, model.session("cpu:") as session:
    y = session.run([[t] for t in tokens])
    for _ in range(60):
        text += alphabet[int(y["next"][0])]
        y = session.step([alphabet.index(text[-1])])
    session.run([[t] for t in tokens[:-1]])
    assert "the work " + "".join(alphabet[t] for t in session.generate(tokens[-1], 60)) == text
sys.exit(open(sys.argv[3]).read() != text + "\n")' "$prefix/licence.millrace" "$text/alphabet.txt" "$prefix/cpu.txt" || return 1
    LD_LIBRARY_PATH="$prefix/lib" "$prefix/text" "$prefix/licence.millrace" cpu: "$text/alphabet.txt" "the work " 60 0.7 5 >"$prefix/chance.txt" &&
        ! cmp -s "$prefix/chance.txt" "$prefix/cpu.txt" || return 1
    [ -z "${THOROUGH:-}" ] ||
        (LD_LIBRARY_PATH="$prefix/lib" "$prefix/text" "$prefix/licence.millrace" sim: "$text/alphabet.txt" "the work " 60 >"$prefix/sim_text.txt" &&
            cmp "$prefix/sim_text.txt" "$prefix/cpu.txt")
}
check "the example that writes text writes the likeliest" text_is_written
# An encoder and a decoder: dates as they are written become ISO's, on sim: too (long run).
dates_are_read() {
    dates=$prefix/share/millrace/examples/dates
    set -- "3 march 2021" "sep 9th 1999" "december 31st, 2024" "1969 july 20" "29 feb 2000"
    printf '%s\n' "3 march 2021: 2021-03-03" "sep 9th 1999: 1999-09-09" "december 31st, 2024: 2024-12-31" \
        "1969 july 20: 1969-07-20" "29 feb 2000: 2000-02-29" >"$prefix/dates.txt"
    "$prefix/bin/millrace" import "$dates/encoder.onnx" --decoder "$dates/decoder.onnx" --calibrate "$dates/dates.npy" \
        --first 11 -o "$prefix/dates.millrace" >"$prefix/dates.log" &&
        LD_LIBRARY_PATH="$prefix/lib" "$prefix/dates" "$prefix/dates.millrace" cpu: "$@" | cmp - "$prefix/dates.txt" || return 1
    [ -z "${THOROUGH:-}" ] ||
        LD_LIBRARY_PATH="$prefix/lib" "$prefix/dates" "$prefix/dates.millrace" sim: "$@" | cmp - "$prefix/dates.txt"
}
check "the example that reads dates says them as ISO 8601 does" dates_are_read
check "the man pages are installed" ls "$prefix"/share/man/man1/millrace.1 "$prefix"/share/man/man1/hlsc.1 \
    "$prefix"/share/man/man3/libmillrace.3
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
