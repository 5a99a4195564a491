// SPDX-License-Identifier: Apache-2.0
// What bidirectional layers are arranged with: sequences turned round, rows of two streams joined.
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

void arrange(hls_stream(vec1_t) * r0, hls_stream(vec1_t) * t0, hls_stream(vec3_t) * r1,
             hls_stream(vec3_t) * t1, hls_stream(vec1_t) * a0, hls_stream(vec1_t) * b0,
             hls_stream(vec1_t) * y0, hls_stream(vec3_t) * a1, hls_stream(vec3_t) * b1,
             hls_stream(vec3_t) * y1, hls_stream(vec4_t) * a2, hls_stream(vec4_t) * b2,
             hls_stream(vec4_t) * y2, hls_stream(vec4_t) * a3, hls_stream(vec4_t) * b3,
             hls_stream(vec4_t) * y3, hls_stream(vec4_t) * a4, hls_stream(vec4_t) * b4,
             hls_stream(vec4_t) * y4, uint32_t command, uint32_t steps, uint32_t rows) {
    HLS(dataflow)
    reverse1(r0, t0, command, steps, rows);
    reverse7(r1, t1, command, steps, rows);
    concat1(a0, b0, y0, command, rows);
    concat_whole(a1, b1, y1, command, rows);
    concat_part(a2, b2, y2, command, rows);
    concat_short(a3, b3, y3, command, rows);
    concat_flush(a4, b4, y4, command, rows);
}
