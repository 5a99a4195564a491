// SPDX-License-Identifier: Apache-2.0
// Registers that live across loops and runs: straight code that looks at them before and after
// loops change them, loops under conditions on them, bounds that come from them, statics wherever C
// permits them.
#include "hls.h"

HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)
typedef bool bit_t;
HLS_STREAM_OF(bit_t)

// What is computed before a loop stays, though the loop changes what it was computed from.
static void before(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int32_t total;
    static uint8_t runs;
    int32_t sum = 1;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        sum += hls_read(int16_t, in);
    }
    const int32_t half = sum >> 1, old = total;
    total += sum;
    for (uint32_t i = 0; i < 4; i++) {
        HLS(pipeline II = 1)
        sum += half;
        total ^= (int32_t)i;
        hls_write(int32_t, out, sum + old + half);
    }
    hls_write(int32_t, out, half * 3 + old + sum);
    runs++;
    total += runs;
}

// Conditions, bounds and a switch that depend on registers, some of which the loops change.
static void branches(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int32_t level;
    static uint8_t mode;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        level += hls_read(int16_t, in);
    }
    const int32_t count = level & 7;
    if (level > 0) {
        for (int i = 0; i < 3; i++) {
            HLS(pipeline II = 1)
            level -= 30000;
            hls_write(int32_t, out, level);
        }
        mode = 3;
    } else {
        for (int i = 0; i < 5; i++) {
            HLS(pipeline II = 1)
            level += 20000 + i;
            hls_write(int32_t, out, level + mode);
        }
        mode++;
    }
    for (int i = 0; i < count; i++) {
        HLS(pipeline II = 1)
        level += 1;
        hls_write(int32_t, out, count * 100 + i);
    }
    switch (mode & 3) {
    case 0:
        for (int i = 0; i < 2; i++) {
            HLS(pipeline II = 1)
            mode += 5;
            hls_write(int32_t, out, mode + i);
        }
        break;
    case 1:
    case 3:
        for (int i = 0; i < 3; i++) {
            HLS(pipeline II = 1)
            mode += 7;
            hls_write(int32_t, out, mode - i);
        }
        break;
    default:
        break;
    }
    if (level < 1000)
        return;
    for (int i = 0; i < 2; i++) {
        HLS(pipeline II = 1)
        level -= 999;
        hls_write(int32_t, out, level);
    }
    level = 5;
}

// Statics of the file, of a helper and of a loop's body.
static int32_t shared_sum = 11;
static int16_t recent[4] = {1, 2, 3, 4};

static int32_t counted(int32_t x) {
    static int32_t calls;
    calls += 2;
    return x + calls;
}

static void statics(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        HLS(array_partition variable = recent complete)
        static uint8_t here = 200;
        const int16_t x = hls_read(int16_t, in);
        here++;
        shared_sum += x;
        for (int k = 0; k < 3; k++) {
            HLS(unroll)
            recent[3 - k] = recent[2 - k];
        }
        recent[0] = x;
        hls_write(int32_t, out, counted(shared_sum) + here + recent[3]);
    }
}

// What starts elsewhere than at zero: register arrays of two dimensions, members of structs. An arm
// that `default` shares.
struct corner {
    int16_t x;
    int32_t v[2];
};

static void starts(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int16_t grid[2][3] = {{1, 2, 3}, {-4}};
    HLS(array_partition variable = grid complete dim = 0)
    static struct corner corner = {7, {-2, 30000}};
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in);
        hls_write(int32_t, out,
                  grid[x & 1][0] + grid[0][1 + (n & 1)] * corner.x + corner.v[x >> 1 & 1]);
        switch (x & 7) {
        case 1:
            corner.x ^= 1;
            break;
        case 2:
        default:
            corner.v[1]--;
            break;
        case 3:
            grid[1][0] = x;
            break;
        }
    }
}

// Names that mean something in SystemVerilog or in the generated text, and elements of one bit.
static void always(hls_stream(bit_t) * logic, hls_stream(bit_t) * wire, uint32_t reg) {
    static bool begin;
    bool phase = false, done = true;
    for (uint32_t end = 0; end < reg; end++) {
        HLS(pipeline II = 1)
        const bool bit = hls_read(bit_t, logic);
        begin = begin != bit;
        phase = !phase && done;
        done = bit || !phase;
        hls_write(bit_t, wire, begin != phase);
    }
}

void state(hls_stream(int16_t) * a, hls_stream(int32_t) * before_out, hls_stream(int16_t) * b,
           hls_stream(int32_t) * branches_out, hls_stream(int16_t) * c,
           hls_stream(int32_t) * statics_out, hls_stream(int16_t) * d,
           hls_stream(int32_t) * starts_out, hls_stream(bit_t) * input, hls_stream(bit_t) * output,
           uint32_t n, uint32_t m, uint32_t reg) {
    HLS(dataflow)
    before(a, before_out, n);
    branches(b, branches_out, m);
    statics(c, statics_out, n);
    starts(d, starts_out, n);
    always(input, output, reg);
}
