// SPDX-License-Identifier: Apache-2.0
// Dense layers of all activations, with numbers and with vectors, whose outputs fill their vectors
// and do not. tests/heads_test.c runs them too.
#include "frame/words.h"
#include "place.h"

MR_VECTOR(1)
MR_VECTOR(2)
MR_VECTOR(3)
MR_VECTOR(4)

#define DENSE linear_numbers
#define DENSE_INPUTS 7
#define DENSE_OUTPUTS 5
#define DENSE_LC 4
#define DENSE_OUT_LC 0
#define DENSE_ACTIVATION MR_LINEAR
#include "heads/dense.h"

#define DENSE tanh_numbers
#define DENSE_INPUTS 4
#define DENSE_OUTPUTS 3
#define DENSE_LC 2
#define DENSE_OUT_LC 0
#define DENSE_ACTIVATION MR_TANH
#include "heads/dense.h"

#define DENSE relu_number
#define DENSE_INPUTS 1
#define DENSE_OUTPUTS 1
#define DENSE_LC 1
#define DENSE_OUT_LC 0
#define DENSE_ACTIVATION MR_RELU
#include "heads/dense.h"

#define DENSE linear_vectors
#define DENSE_INPUTS 3
#define DENSE_OUTPUTS 6
#define DENSE_LC 3
#define DENSE_OUT_LC 2
#define DENSE_ACTIVATION MR_LINEAR
#define DENSE_COUNTS 1
#include "heads/dense.h"

#define DENSE relu_vectors
#define DENSE_INPUTS 9
#define DENSE_OUTPUTS 7
#define DENSE_LC 2
#define DENSE_OUT_LC 3
#define DENSE_ACTIVATION MR_RELU
#define DENSE_COUNTS 1
#include "heads/dense.h"

#define DENSE tanh_vectors
#define DENSE_INPUTS 2
#define DENSE_OUTPUTS 3
#define DENSE_LC 1
#define DENSE_OUT_LC 1
#define DENSE_ACTIVATION MR_TANH
#include "heads/dense.h"

#define DENSE sigmoid_vector
#define DENSE_INPUTS 5
#define DENSE_OUTPUTS 2
#define DENSE_LC 3
#define DENSE_OUT_LC 4
#define DENSE_ACTIVATION MR_SIGMOID
#include "heads/dense.h"

#define DENSE softplus_numbers
#define DENSE_INPUTS 3
#define DENSE_OUTPUTS 4
#define DENSE_LC 2
#define DENSE_OUT_LC 0
#define DENSE_ACTIVATION MR_SOFTPLUS
#define DENSE_PLACE mr_place_with(MR_SOFTPLUS, 6, false, 0, 0, 0, 0, 0, 0, 0, 0)
#define DENSE_COUNTS 1
#include "heads/dense.h"

#define DENSE elu_vectors
#define DENSE_INPUTS 2
#define DENSE_OUTPUTS 5
#define DENSE_LC 1
#define DENSE_OUT_LC 2
#define DENSE_ACTIVATION MR_ELU
#define DENSE_PLACE mr_place_with(MR_ELU, 6, false, 0, 0, 1, 10, 0, 0, 0, 0)
#define DENSE_COUNTS 1
#include "heads/dense.h"

#define DENSE hard_vectors
#define DENSE_INPUTS 2
#define DENSE_OUTPUTS 3
#define DENSE_LC 2
#define DENSE_OUT_LC 3
#define DENSE_ACTIVATION MR_HARD_SIGMOID
#define DENSE_PLACE mr_place_with(MR_HARD_SIGMOID, 15, false, 0, 0, 0, 0, 0, 0, 0, 0)
#include "heads/dense.h"

#define DENSE swish_numbers
#define DENSE_INPUTS 3
#define DENSE_OUTPUTS 2
#define DENSE_LC 3
#define DENSE_OUT_LC 0
#define DENSE_ACTIVATION MR_SWISH
#define DENSE_PLACE mr_place_with(MR_SWISH, 6, false, 0, 0, 0, 0, 0, 0, 0, 0)
#define DENSE_COUNTS 1
#include "heads/dense.h"

#define DENSE mish_vectors
#define DENSE_INPUTS 2
#define DENSE_OUTPUTS 3
#define DENSE_LC 2
#define DENSE_OUT_LC 3
#define DENSE_ACTIVATION MR_MISH
#define DENSE_PLACE mr_place_with(MR_MISH, 6, false, 0, 0, 0, 0, 0, 0, 0, 0)
#define DENSE_COUNTS 1
#include "heads/dense.h"

void dense(hls_stream(beat_t) * w0, hls_stream(vec4_t) * x0, hls_stream(int32_t) * y0,
           hls_stream(beat_t) * w1, hls_stream(vec2_t) * x1, hls_stream(int32_t) * y1,
           hls_stream(beat_t) * w2, hls_stream(vec1_t) * x2, hls_stream(int32_t) * y2,
           hls_stream(beat_t) * w3, hls_stream(vec3_t) * x3, hls_stream(vec2_t) * y3,
           hls_stream(beat_t) * w4, hls_stream(vec2_t) * x4, hls_stream(vec3_t) * y4,
           hls_stream(beat_t) * w5, hls_stream(vec1_t) * x5, hls_stream(vec1_t) * y5,
           hls_stream(beat_t) * w6, hls_stream(vec3_t) * x6, hls_stream(vec4_t) * y6,
           hls_stream(beat_t) * w7, hls_stream(vec2_t) * x7, hls_stream(int32_t) * y7,
           hls_stream(beat_t) * w8, hls_stream(vec1_t) * x8, hls_stream(vec2_t) * y8,
           hls_stream(beat_t) * w9, hls_stream(vec2_t) * x9, hls_stream(vec3_t) * y9,
           hls_stream(beat_t) * w10, hls_stream(vec3_t) * x10, hls_stream(int32_t) * y10,
           hls_stream(beat_t) * w11, hls_stream(vec2_t) * x11, hls_stream(vec3_t) * y11,
           uint32_t command, uint32_t rows) {
    HLS(dataflow)
    linear_numbers(w0, x0, y0, command, rows);
    tanh_numbers(w1, x1, y1, command, rows);
    relu_number(w2, x2, y2, command, rows);
    linear_vectors(w3, x3, y3, command, rows);
    relu_vectors(w4, x4, y4, command, rows);
    tanh_vectors(w5, x5, y5, command, rows);
    sigmoid_vector(w6, x6, y6, command, rows);
    softplus_numbers(w7, x7, y7, command, rows);
    elu_vectors(w8, x8, y8, command, rows);
    hard_vectors(w9, x9, y9, command, rows);
    swish_numbers(w10, x10, y10, command, rows);
    mish_vectors(w11, x11, y11, command, rows);
}
