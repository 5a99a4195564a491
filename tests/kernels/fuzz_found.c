// SPDX-License-Identifier: Apache-2.0
// Faults that hlsc_fuzz or a reader found and that have since been put right: one process each.
#include "hls.h"

typedef enum { mode_idle, mode_busy } mode_t_;
HLS_STREAM_OF(int8_t)
HLS_STREAM_OF(uint8_t)
HLS_STREAM_OF(int32_t)

// An enum without negative constants is unsigned.
static void enums(hls_stream(int32_t) * in, hls_stream(int32_t) * out) {
    for (int i = 0; i < 8; i++) {
        const int32_t x = hls_read(int32_t, in);
        const mode_t_ m = (mode_t_)x;
        hls_write(int32_t, out, (m > -5) + (x < m) * 2 + (int32_t)(m >> 4));
    }
}

// An index whose range is narrower than the array needs, and one that is a constant in the end.
static void narrow_index(hls_stream(int8_t) * out, uint16_t n) {
    int8_t v[3] = {24, -7, 92};
    HLS(array_partition variable = v complete dim = 0)
    hls_write(int8_t, out, v[n & 1]);
    for (int i = 0; i < 1; i += 2) {
        HLS(pipeline)
        hls_write(int8_t, out, (int8_t)(v[i + 2] + 1));
    }
}

// What stands behind the break happens only when the loop goes on.
static void break_first(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    static int8_t s[6];
    uint8_t i = 0;
    while (1) {
        i++;
        if (i > 1 || s[n & 3] != 0)
            break;
        hls_write(int32_t, out, hls_read(int32_t, in));
        for (uint8_t k = 2; k <= 0; k++) {
        }
    }
}

// Local arrays begin anew in each run, and wherever they are declared.
static const int32_t table[16] = {15, 7, 1000, 256};
static void fresh_array(hls_stream(uint8_t) * out, uint16_t n) {
    uint64_t v[3] = {0};
    hls_write(uint8_t, out, (uint8_t)v[0]);
    for (uint32_t i = 0; i < n; i++)
        v[0] += (v[i & 1] << 63) - (uint8_t)table[i & 15];
}
static void fresh_inside(hls_stream(int32_t) * out, uint16_t n) {
    for (uint32_t i = 0; i < 3; i++) {
        int32_t v[4] = {0};
        if ((n & 1) == 0)
            v[1] = 1;
        for (uint32_t k = 0; k <= 2; k++)
            hls_write(int32_t, out, v[k]);
    }
}

// Accesses that begin outside of their array, where a guard holds them back, meet later on.
static void shifted(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    static int32_t m[64];
    for (int32_t i = 0; i < n; i++) {
        if (i > 100 && i < 164) {
            const int32_t x = hls_read(int32_t, in);
            m[i - 100] = m[i - 101] * 3 + x;
            hls_write(int32_t, out, m[i - 101]);
        }
    }
}

// A break in front of a local array that a loop clears.
static void cleared_behind_break(hls_stream(int32_t) * out, uint16_t n) {
    uint8_t i = 0;
    while (1) {
        i++;
        if (i > 3 || n < 4)
            break;
        int16_t v[5] = {0};
        for (int32_t k = 0; k < i; k++)
            v[k & 3] += 3;
        hls_write(int32_t, out, v[i]);
    }
}

// What an unrolled loop declares is no register of the process.
static void lane_local(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    uint8_t m = 1;
    for (int32_t k = 1; k < 7; k++) {
        HLS(unroll)
        const uint8_t x = (uint8_t)(((n >> 3) & 2) != 0 ? -k : n + k);
        m = x > m ? x : m;
    }
    for (int32_t i = 0; i < (n & 31); i++) {
        hls_write(int32_t, out, hls_read(int32_t, in) + m);
        for (int32_t k = 1; k < 3; k++) {
            HLS(unroll)
            m += 3;
        }
    }
}

// Values at the edges of their types: initial values that fill 64 bits, a field of one bit, the
// least of flags, the low bits of a greatest, an index with
// more bits than the array needs.
static void edges(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    static uint64_t full[2] = {18446744073709551615ull, 12092281692108268317ull};
    HLS(array_partition variable = full complete dim = 0)
    uint64_t wide = 0;
    for (int32_t i = 0; i < 8; i++) {
        HLS(pipeline)
        const int32_t x = hls_read(int32_t, in);
        int32_t least = 1, greatest = x;
        uint32_t sum = 0, dot = 0;
        for (int32_t k = 0; k < 5; k++) {
            HLS(unroll)
            const int32_t flag = (x > 3) ^ (k & 1), other = (x >> k) ^ n;
            least = flag < least ? flag : least;
            greatest = other > greatest ? other : greatest;
            sum += (uint32_t)other;
            dot += (uint32_t)other * (uint32_t)(n + k);
        }
        hls_write(int32_t, out, (int32_t)(full[i & 1] >> 33) + (full[1] < (uint64_t)x));
        hls_write(int32_t, out, ((x << 31) >> 31) * 4 + least);
        hls_write(int32_t, out, (uint8_t)greatest);
        // A product, a sum and a sum of products of unsigned numbers that wrap, widened.
        wide += (uint64_t)(((uint32_t)x - n) * (uint32_t)(i % 4));
        hls_write(int32_t, out, (int32_t)(wide >> 31));
        hls_write(int32_t, out, (int32_t)(((uint64_t)sum + dot) >> 2));
        full[0] = full[0] == (uint64_t)n ? 1 : full[0] - 1;
    }
    int8_t own[5] = {3, 1, 0, 2, 4};
    HLS(array_partition variable = own complete dim = 0)
    for (int32_t j = 0; j < 4; j++) {
        if ((n & 3) > j) {
            for (int32_t k = 0; k < 5; k++) {
                HLS(unroll)
                own[k] = k;
            }
            own[j] &= n;
        }
        while ((own[j] & 3) > 1)
            own[j]--;
    }
    hls_write(int32_t, out, own[n & 3]);
}

// A read of a constant array that nothing looks at, in front of several steps.
static const int32_t rows[2][5] = {{14, 17, -13, 5, 100}, {1, 2, 3, 4, 1}};
static int8_t one_for(int32_t x) {
    return 1;
}
static void rows_in_steps(hls_stream(int32_t) * in, uint8_t n) {
    if (one_for(rows[0][n & 3]) != 0) {
        if (n != 0) {
            uint8_t i = 0;
            while (i < 0)
                i++;
        }
    }
    hls_read(int32_t, in);
}

// A break by what was read, behind another one: where that one holds, nothing was read.
static void second_break(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint16_t n) {
    static uint32_t m[8];
    HLS(bind_storage variable = m impl = lutram latency = 1)
    for (int32_t k = 0; k < 3; k++) {
        int32_t i = 0;
        while (1) {
            HLS(pipeline)
            i++;
            if (i > 4 || n == 3)
                break;
            const int32_t x = hls_read(int32_t, in);
            hls_write(int32_t, out, x + i);
            if ((uint32_t)x * 2 < m[k])
                break;
        }
        m[k + 1] = n;
    }
}

// Registers that have first values and are never written.
static void never_written(hls_stream(int8_t) * out, uint16_t n) {
    static int8_t one[87] = {0, 3, -128, -127, 127, -7};
    HLS(array_partition variable = one)
    static uint32_t two[3][2] = {{1, 2}, {3, 0xdab0bead}};
    HLS(array_partition variable = two complete dim = 0)
    hls_write(int8_t, out, (int8_t)(one[n & 63] ^ two[n & 1][1]));
    if (one[1] != 3)
        hls_write(int8_t, out, (int8_t)two[2][0]);
}

// The word of a memory goes into a register as it is, and is looked at late besides.
static void taken_as_it_is(hls_stream(int32_t) *out, uint32_t n) {
    int16_t v[6] = {663, -100, -100, -3185, 100, 15};
    HLS(array_partition variable=v complete dim=0)
    static int16_t m[16];
    for (int32_t i = 0; i < 25; i += 3) {
        for (int32_t k = 0; k < 6; k++)
            v[k] = (int16_t)((i >= v[v[(v[k] == 0 ? -128 : 127) & 3] & 3]) * v[3]);
    }
    for (int32_t i = -1; i <= 21; i += 2) {
        for (int32_t k = 0; k < 6; k++) {
            HLS(unroll)
            v[k] = (int16_t)(v[k] / 128 * i);
        }
        v[1] = m[8];
        hls_write(int32_t, out, v[(uint32_t)(i + v[3]) & 3]);
    }
    for (uint32_t i = 0; i < n; i++)
        m[i & 15] = (int16_t)(v[i & 3] + (int32_t)i);
}
// A memory whose reads follow its writes in one loop, and which lanes read elsewhere.
static void followed_beside_lanes(hls_stream(int32_t) *in, hls_stream(int32_t) *out, uint32_t n) {
    static int32_t m[32];
    HLS(bind_storage variable=m impl=bram latency=1)
    int32_t sum = 0;
    for (int k = 0; k < 3; k++) {
        HLS(unroll)
        sum ^= m[2 * k];
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        m[i >> 3 & 7] += hls_read(int32_t, in);
        hls_write(int32_t, out, sum);
    }
    for (int k = 0; k < 8; k++)
        hls_write(int32_t, out, m[k]);
}
// A product that synthesis calculates: of the word of a table at an address that turns out
// constant.
static void known_product(hls_stream(int32_t) *out, uint32_t n) {
    static const uint16_t odd_numbers[4] = {5, 7, 9, 11};
    for (uint32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < (int32_t)(n & 1); j++)
            hls_write(int32_t, out, odd_numbers[j & 3] * (j >= 0) ^ 1);
}

void fuzz_found(hls_stream(int32_t) * a, hls_stream(int32_t) * enums_out,
                hls_stream(int8_t) * narrow_out, hls_stream(int32_t) * b,
                hls_stream(int32_t) * break_out, hls_stream(uint8_t) * fresh_out,
                hls_stream(int32_t) * inside_out, hls_stream(int32_t) * c,
                hls_stream(int32_t) * shifted_out, hls_stream(int32_t) * cleared_out,
                hls_stream(int32_t) * d, hls_stream(int32_t) * lane_out, hls_stream(int32_t) * e,
                hls_stream(int32_t) * edges_out, hls_stream(int32_t) * g, hls_stream(int32_t) * f,
                hls_stream(int32_t) * second_out, hls_stream(int8_t) * never_out, hls_stream(int32_t) *taken_out,
                hls_stream(int32_t) *h, hls_stream(int32_t) *followed_out, hls_stream(int32_t) *known_out,
                uint16_t n) {
    HLS(dataflow)
    enums(a, enums_out);
    narrow_index(narrow_out, n);
    break_first(b, break_out, n);
    fresh_array(fresh_out, n);
    fresh_inside(inside_out, n);
    shifted(c, shifted_out, n);
    cleared_behind_break(cleared_out, n);
    lane_local(d, lane_out, n);
    edges(e, edges_out, n);
    rows_in_steps(g, (uint8_t)n);
    second_break(f, second_out, n);
    never_written(never_out, n);
    taken_as_it_is(taken_out, n);
    followed_beside_lanes(h, followed_out, n);
    known_product(known_out, n);
}
