// SPDX-License-Identifier: Apache-2.0
// Softmax of rows of 64 numbers in fixed point: Q7.8 in, Q16 out (65535 is one), within 2^-13 of the
// exact value. Three processes: the maximum of the row, the exponentials and their sum, the division by
// it. Rate: a number a cycle; the row that waits for its maximum, or its sum, waits in a channel, whose
// depth hlsc derives.
#include "streams.h"

enum { SOFTMAX_COLUMNS = 64 };

// 2^(-i/64) and 2^(-(i + 1/2)/4096), one being 65535; the scale cancels out in the division.
static const uint16_t softmax_coarse[64] = {
    65535, 64829, 64131, 63440, 62757, 62081, 61412, 60750, 60096, 59449, 58808, 58175, 57548,
    56928, 56315, 55708, 55108, 54515, 53927, 53346, 52772, 52203, 51641, 51085, 50534, 49990,
    49452, 48919, 48392, 47871, 47355, 46845, 46340, 45841, 45347, 44859, 44376, 43898, 43425,
    42957, 42494, 42036, 41584, 41136, 40693, 40254, 39821, 39392, 38967, 38548, 38132, 37722,
    37315, 36913, 36516, 36122, 35733, 35348, 34968, 34591, 34218, 33850, 33485, 33124};
static const uint16_t softmax_fine[64] = {
    65529, 65518, 65507, 65496, 65485, 65474, 65463, 65452, 65441, 65430, 65419, 65408, 65397,
    65385, 65374, 65363, 65352, 65341, 65330, 65319, 65308, 65297, 65286, 65275, 65264, 65253,
    65242, 65231, 65220, 65209, 65198, 65187, 65176, 65165, 65154, 65142, 65131, 65120, 65109,
    65098, 65087, 65076, 65065, 65054, 65043, 65032, 65021, 65010, 64999, 64988, 64977, 64966,
    64955, 64944, 64933, 64922, 64911, 64900, 64889, 64878, 64867, 64856, 64846, 64835};
// 1/(1 + (i + 1/2)/64) in Q16
static const uint16_t softmax_inverse[64] = {
    65028, 64035, 63072, 62138, 61231, 60350, 59494, 58662, 57852, 57065, 56299, 55554, 54828,
    54120, 53431, 52759, 52103, 51464, 50840, 50231, 49637, 49056, 48489, 47935, 47393, 46864,
    46346, 45839, 45344, 44859, 44384, 43919, 43464, 43019, 42582, 42154, 41734, 41323, 40920,
    40525, 40137, 39756, 39383, 39017, 38657, 38304, 37958, 37617, 37283, 36954, 36631, 36314,
    36003, 35696, 35395, 35099, 34808, 34521, 34239, 33962, 33689, 33421, 33157, 32897};

// exp(-distance / 256) in Q24: 2 to the power of -distance log2(e) / 256, whose fraction has 12 bits.
static uint32_t softmax_exp(uint16_t distance) {
    const uint64_t power = (uint64_t)distance * 94548 >> 12; // log2(e) in Q16; Q12
    const uint32_t fraction = power & 4095;
    const uint32_t product = (uint32_t)softmax_coarse[fraction >> 6] * softmax_fine[fraction & 63];
    return power >> 12 > 24 ? 0 : product >> 8 >> (power >> 12);
}

typedef struct {
    uint32_t mantissa; // Q16, 1/2 to 1
    uint8_t shift;
} softmax_reciprocal_t;

// 1/sum = mantissa / 2^16 / 2^shift: a table and one step of Newton's method. A row's greatest
// exponential is almost 2^24, so the sum has 24 to 31 bits. The masks change nothing: they tell that 17
// bits are enough, which is one DSP a product.
static softmax_reciprocal_t softmax_divide(uint32_t sum) {
    uint8_t shift = 23;
    for (int bit = 24; bit < 31; bit++) {
        HLS(unroll)
        shift = sum >> bit != 0 ? bit : shift;
    }
    const uint32_t x = sum >> (shift - 16) & 0x1ffff; // Q16, 1 to 2
    const uint32_t first = softmax_inverse[x >> 10 & 63];
    const uint32_t two_less = (131072 - (uint32_t)((uint64_t)x * first >> 16)) & 0x1ffff;
    softmax_reciprocal_t result;
    result.mantissa = (uint32_t)((uint64_t)first * two_less >> 16) & 0x1ffff;
    result.shift = shift;
    return result;
}

static void softmax_maximum(hls_stream(int16_t) *in, hls_stream(int16_t) *kept,
                            hls_stream(int16_t) *maximum, uint32_t rows) {
    int16_t greatest = 0;
maximum:
    for (uint32_t r = 0; r < rows; r++) {
        for (int c = 0; c < SOFTMAX_COLUMNS; c++) {
            HLS(pipeline II=1)
            const int16_t x = hls_read(int16_t, in);
            greatest = c == 0 || x > greatest ? x : greatest;
            hls_write(int16_t, kept, x);
            if (c == SOFTMAX_COLUMNS - 1)
                hls_write(int16_t, maximum, greatest);
        }
    }
}

static void softmax_exponents(hls_stream(int16_t) *kept, hls_stream(int16_t) *maximum,
                              hls_stream(uint32_t) *exponents, hls_stream(uint32_t) *sums,
                              uint32_t rows) {
    int16_t greatest = 0;
    uint32_t sum = 0;
exponents:
    for (uint32_t r = 0; r < rows; r++) {
        for (int c = 0; c < SOFTMAX_COLUMNS; c++) {
            HLS(pipeline II=1)
            if (c == 0)
                greatest = hls_read(int16_t, maximum);
            const uint32_t e = softmax_exp((uint16_t)(greatest - hls_read(int16_t, kept)));
            sum = (c == 0 ? 0 : sum) + e;
            hls_write(uint32_t, exponents, e);
            if (c == SOFTMAX_COLUMNS - 1)
                hls_write(uint32_t, sums, sum);
        }
    }
}

static void softmax_quotients(hls_stream(uint32_t) *exponents, hls_stream(uint32_t) *sums,
                              hls_stream(uint16_t) *out, uint32_t rows) {
    softmax_reciprocal_t reciprocal;
    reciprocal.mantissa = 0;
    reciprocal.shift = 23;
quotients:
    for (uint32_t r = 0; r < rows; r++) {
        for (int c = 0; c < SOFTMAX_COLUMNS; c++) {
            HLS(pipeline II=1)
            if (c == 0)
                reciprocal = softmax_divide(hls_read(uint32_t, sums));
            const uint32_t e = hls_read(uint32_t, exponents) & 0xffffff;
            const uint64_t product = (uint64_t)e * reciprocal.mantissa;
            const uint32_t quotient = (uint32_t)(product >> (reciprocal.shift - 1));
            const uint32_t rounded = (quotient + 1) >> 1;
            hls_write(uint16_t, out, rounded > 65535 ? 65535 : (uint16_t)rounded);
        }
    }
}

void softmax(hls_stream(int16_t) *in, hls_stream(uint16_t) *out, uint32_t rows) {
    HLS(dataflow)
    HLS_CHANNEL(int16_t, kept);
    HLS_CHANNEL(int16_t, maximum);
    HLS_CHANNEL(uint32_t, exponents);
    HLS_CHANNEL(uint32_t, sums);
    softmax_maximum(in, &kept, &maximum, rows);
    softmax_exponents(&kept, &maximum, &exponents, &sums, rows);
    softmax_quotients(&exponents, &sums, out, rows);
}
