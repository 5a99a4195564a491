// SPDX-License-Identifier: Apache-2.0
// What makes one row of those of a sequence (heads/pool.h): of one vector and of several, with
// padding and without.
#include "frame/words.h"

MR_VECTOR(1)
MR_VECTOR(2)
MR_VECTOR(3)

#define POOL pool_first
#define POOL_KIND POOL_FIRST
#define POOL_COUNT 7
#define POOL_LC 3
#include "heads/pool.h"

#define POOL pool_max
#define POOL_KIND POOL_MAX
#define POOL_COUNT 1
#define POOL_LC 1
#include "heads/pool.h"

#define POOL pool_mean
#define POOL_KIND POOL_MEAN
#define POOL_COUNT 2
#define POOL_LC 2
#include "heads/pool.h"

#define POOL pool_mean5
#define POOL_KIND POOL_MEAN
#define POOL_COUNT 5
#define POOL_LC 2
#include "heads/pool.h"

#define POOL pool_min3
#define POOL_KIND POOL_MIN
#define POOL_COUNT 3
#define POOL_LC 3
#include "heads/pool.h"

void pool(hls_stream(vec3_t) * f, hls_stream(vec3_t) * f_out, hls_stream(vec1_t) * m,
          hls_stream(vec1_t) * m_out, hls_stream(vec2_t) * a, hls_stream(vec2_t) * a_out,
          hls_stream(vec2_t) * a5, hls_stream(vec2_t) * a5_out, hls_stream(vec3_t) * m3,
          hls_stream(vec3_t) * m3_out, uint32_t command, uint32_t steps, uint32_t total) {
    HLS(dataflow)
    pool_first(f, f_out, command, steps, total);
    pool_max(m, m_out, command, steps, total);
    pool_mean(a, a_out, command, steps, total);
    pool_mean5(a5, a5_out, command, steps, total);
    pool_min3(m3, m3_out, command, steps, total);
}
