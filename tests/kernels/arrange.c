// SPDX-License-Identifier: Apache-2.0
// What bidirectional layers are arranged with: sequences turned round, rows of two streams joined or added.
// tests/arrange_test.c runs them too.
#include "frame/words.h"

MR_VECTOR(1)
MR_VECTOR(3)
MR_VECTOR(4)

#define REVERSE reverse1
#define REVERSE_COUNT 1
#define REVERSE_LC 1
#define REVERSE_STEPS 5
#include "glue/reverse.h"

#define REVERSE reverse7
#define REVERSE_COUNT 7
#define REVERSE_LC 3
#define REVERSE_STEPS 70
#include "glue/reverse.h"

#define CONCAT concat1
#define CONCAT_A 1
#define CONCAT_B 1
#define CONCAT_LC 1
#include "glue/concat.h"

#define CONCAT concat_whole
#define CONCAT_A 6
#define CONCAT_B 5
#define CONCAT_LC 3
#include "glue/concat.h"

#define CONCAT concat_part
#define CONCAT_A 5
#define CONCAT_B 7
#define CONCAT_LC 4
#include "glue/concat.h"

#define CONCAT concat_short
#define CONCAT_A 1
#define CONCAT_B 2
#define CONCAT_LC 4
#include "glue/concat.h"

#define CONCAT concat_flush
#define CONCAT_A 3
#define CONCAT_B 3
#define CONCAT_LC 4
#include "glue/concat.h"

#define CONCAT concat_cut
#define CONCAT_A 5
#define CONCAT_A_SHIFT 30
#define CONCAT_B 6
#define CONCAT_B_SHIFT 3
#define CONCAT_LC 4
#include "glue/concat.h"

#define CONCAT concat_cut_a
#define CONCAT_A 2
#define CONCAT_A_SHIFT 1
#define CONCAT_B 1
#define CONCAT_LC 1
#include "glue/concat.h"

#define PAIR add1
#define PAIR_OP MR_PAIR_SUM
#define PAIR_COUNT 1
#define PAIR_LC 1
#define PAIR_A 0
#define PAIR_B 0
#define PAIR_SHIFT 0
#include "heads/pair.h"

#define PAIR add7
#define PAIR_OP MR_PAIR_SUM
#define PAIR_COUNT 7
#define PAIR_LC 3
#define PAIR_A 0
#define PAIR_B 3
#define PAIR_SHIFT 4
#include "heads/pair.h"

#define PAIR add_far
#define PAIR_OP MR_PAIR_SUM
#define PAIR_COUNT 8
#define PAIR_LC 4
#define PAIR_A 31
#define PAIR_B 0
#define PAIR_SHIFT 31
#include "heads/pair.h"

#define PAIR multiply7
#define PAIR_OP MR_PAIR_PRODUCT
#define PAIR_COUNT 7
#define PAIR_LC 3
#define PAIR_SHIFT 13
#include "heads/pair.h"

#define PAIR greater5
#define PAIR_OP MR_PAIR_GREATER
#define PAIR_COUNT 5
#define PAIR_LC 4
#define PAIR_A 0
#define PAIR_B 2
#define PAIR_SHIFT 1
#include "heads/pair.h"

#define PAIR less4
#define PAIR_OP MR_PAIR_LESS
#define PAIR_COUNT 4
#define PAIR_LC 4
#define PAIR_A 5
#define PAIR_B 0
#define PAIR_SHIFT 5
#include "heads/pair.h"

void arrange(hls_stream(vec1_t) * r0, hls_stream(vec1_t) * t0, hls_stream(vec3_t) * r1,
             hls_stream(vec3_t) * t1, hls_stream(vec1_t) * a0, hls_stream(vec1_t) * b0,
             hls_stream(vec1_t) * y0, hls_stream(vec3_t) * a1, hls_stream(vec3_t) * b1,
             hls_stream(vec3_t) * y1, hls_stream(vec4_t) * a2, hls_stream(vec4_t) * b2,
             hls_stream(vec4_t) * y2, hls_stream(vec4_t) * a3, hls_stream(vec4_t) * b3,
             hls_stream(vec4_t) * y3, hls_stream(vec4_t) * a4, hls_stream(vec4_t) * b4,
             hls_stream(vec4_t) * y4, hls_stream(vec1_t) * a5, hls_stream(vec1_t) * b5,
             hls_stream(vec1_t) * y5, hls_stream(vec3_t) * a6, hls_stream(vec3_t) * b6,
             hls_stream(vec3_t) * y6, hls_stream(vec4_t) * a7, hls_stream(vec4_t) * b7,
             hls_stream(vec4_t) * y7, hls_stream(vec4_t) * a8, hls_stream(vec4_t) * b8,
             hls_stream(vec4_t) * y8, hls_stream(vec1_t) * a9, hls_stream(vec1_t) * b9,
             hls_stream(vec1_t) * y9, hls_stream(vec3_t) * a10, hls_stream(vec3_t) * b10,
             hls_stream(vec3_t) * y10, hls_stream(vec4_t) * a11, hls_stream(vec4_t) * b11,
             hls_stream(vec4_t) * y11, hls_stream(vec4_t) * a12, hls_stream(vec4_t) * b12,
             hls_stream(vec4_t) * y12, uint32_t command, uint32_t steps, uint32_t rows) {
    HLS(dataflow)
    reverse1(r0, t0, command, steps, rows);
    reverse7(r1, t1, command, steps, rows);
    concat1(a0, b0, y0, command, rows);
    concat_whole(a1, b1, y1, command, rows);
    concat_part(a2, b2, y2, command, rows);
    concat_short(a3, b3, y3, command, rows);
    concat_flush(a4, b4, y4, command, rows);
    add1(a5, b5, y5, command, rows);
    add7(a6, b6, y6, command, rows);
    add_far(a7, b7, y7, command, rows);
    concat_cut(a8, b8, y8, command, rows);
    concat_cut_a(a9, b9, y9, command, rows);
    multiply7(a10, b10, y10, command, rows);
    greater5(a11, b11, y11, command, rows);
    less4(a12, b12, y12, command, rows);
}
