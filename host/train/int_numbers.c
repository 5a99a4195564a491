// SPDX-License-Identifier: Apache-2.0
#include "int_numbers.h"

#include <math.h>
#include <string.h>

// So many are taken at once, whatever the processor.
enum { TOGETHER = 4 };
typedef float floats __attribute__((vector_size(4 * TOGETHER)));
typedef int32_t whole_numbers __attribute__((vector_size(4 * TOGETHER)));
typedef int16_t short_numbers __attribute__((vector_size(2 * TOGETHER)));

double mr_int_greatest(const float *x, size_t count) {
    // Magnitudes are in the order of their bits, and what is no number is above them all.
    whole_numbers most = {0};
    float all[TOGETHER], found = 0;

    for (size_t k = 0; k < count; k += TOGETHER) {
        whole_numbers bits = {0};
        if (count - k >= TOGETHER)
            memcpy(&bits, x + k, sizeof bits);
        else
            memcpy(&bits, x + k, (count - k) * sizeof *x);
        bits &= INT32_MAX;
        const whole_numbers is_more = bits > most;
        most = (bits & is_more) | (most & ~is_more);
    }
    memcpy(all, &most, sizeof all);
    for (int i = 0; i < TOGETHER; i++)
        found = isfinite(all[i]) ? fmaxf(found, all[i]) : INFINITY;
    return (double)found;
}

int32_t mr_int_whole(float x, int bits, int32_t most) {
    return (int32_t)fmin(fmax(floor(ldexp((double)x, bits) + 0.5), -most), most);
}

// What is beyond 32767 is cut before it is rounded, and all else is exact in float.
static short_numbers whole_some(floats x, float scale) {
    static const floats high = {32767, 32767, 32767, 32767};
    const floats scaled = x * scale;
    const whole_numbers above = scaled > high, below = scaled < -high;
    const floats v = (floats)(((whole_numbers)high & above) | ((whole_numbers)-high & below) |
                              ((whole_numbers)scaled & ~(above | below)));
    const whole_numbers cut = __builtin_convertvector(v, whole_numbers);
    const floats rest = v - __builtin_convertvector(cut, floats); // from -1 to 1
    // A comparison that is true is -1.
    return __builtin_convertvector(cut + (rest < -0.5F) - (rest >= 0.5F), short_numbers);
}

void mr_int_whole_row(const float *x, size_t count, float scale, int16_t *to) {
    if (count < TOGETHER) {
        floats v = {0};
        memcpy(&v, x, count * sizeof *x);
        const short_numbers rounded = whole_some(v, scale);
        memcpy(to, &rounded, count * sizeof *to);
        return;
    }
    for (size_t next = 0; next < count; next += TOGETHER) {
        const size_t k = next + TOGETHER <= count ? next : count - TOGETHER; // some of them again
        floats v;
        memcpy(&v, x + k, sizeof v);
        const short_numbers rounded = whole_some(v, scale);
        memcpy(to + k, &rounded, sizeof rounded);
    }
}

uint64_t mr_int_count_beyond(const float *x, size_t count, float most) {
    uint64_t beyond = 0;

    for (size_t k = 0; k < count; k++)
        beyond += fabsf(x[k]) > most;
    return beyond;
}
