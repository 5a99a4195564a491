// SPDX-License-Identifier: Apache-2.0
// Normalisation of rows of one vector and of several, with padding and without; of numbers for which
// the row's length is a shift and others. tests/layer_norm_test.c runs them too.
#include "frame/words.h"

MR_VECTOR(1)
MR_VECTOR(2)
MR_VECTOR(3)
MR_VECTOR(4)

#define NORM norm1
#define NORM_COUNT 1
#define NORM_LC 1
#define NORM_EPSILON 1
#define NORM_FRAC 15
#include "heads/layer_norm.h"

#define NORM norm2
#define NORM_COUNT 2
#define NORM_LC 2
#define NORM_EPSILON 1
#define NORM_FRAC 14
#include "heads/layer_norm.h"

#define NORM norm7
#define NORM_COUNT 7
#define NORM_LC 3
#define NORM_EPSILON UINT64_C(526133)
#define NORM_FRAC 13
#include "heads/layer_norm.h"

#define NORM norm64
#define NORM_COUNT 64
#define NORM_LC 4
#define NORM_EPSILON UINT64_C(43980465)
#define NORM_FRAC 12
#include "heads/layer_norm.h"

#define NORM norm300
#define NORM_COUNT 300
#define NORM_LC 2
#define NORM_EPSILON (UINT64_C(1) << 60)
#define NORM_FRAC 0
#include "heads/layer_norm.h"

void layer_norm(hls_stream(vec1_t) * x0, hls_stream(vec1_t) * y0, hls_stream(vec2_t) * x1,
                hls_stream(vec2_t) * y1, hls_stream(vec3_t) * x2, hls_stream(vec3_t) * y2,
                hls_stream(vec4_t) * x3, hls_stream(vec4_t) * y3, hls_stream(vec2_t) * x4,
                hls_stream(vec2_t) * y4, uint32_t command, uint32_t rows) {
    HLS(dataflow)
    norm1(x0, y0, command, rows);
    norm2(x1, y1, command, rows);
    norm7(x2, y2, command, rows);
    norm64(x3, y3, command, rows);
    norm300(x4, y4, command, rows);
}
