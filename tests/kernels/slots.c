// SPDX-License-Identifier: Apache-2.0
// What looks at the place of a row in its sequence, where sequences have their turns
// (frame/slots.h). tests/glue_test.c runs them too.
#include "frame/words.h"

MR_VECTOR(2)
MR_VECTOR(4)

#define LAST last2
#define LAST_COUNT 10
#define LAST_LC 4
#define LAST_SLOTS 2
#include "glue/last_step.h"

#define LAST last16
#define LAST_COUNT 2
#define LAST_LC 2
#define LAST_SLOTS 16
#include "glue/last_step.h"

#define GATHER slots_all
#define GATHER_LC 0
#define GATHER_A_STEP 3
#define GATHER_A_LAST 2
#define GATHER_B_STEP 1
#define GATHER_B_LAST 4
#define GATHER_SLOTS 4
#include "glue/gather.h"

#define GATHER slots_steps
#define GATHER_LC 0
#define GATHER_A_STEP 1
#define GATHER_A_LAST 0
#define GATHER_B_STEP 5
#define GATHER_B_LAST 0
#define GATHER_SLOTS 2
#include "glue/gather.h"

#define GATHER slots_lasts
#define GATHER_LC 0
#define GATHER_A_STEP 0
#define GATHER_A_LAST 2
#define GATHER_B_STEP 0
#define GATHER_B_LAST 3
#define GATHER_SLOTS 8
#include "glue/gather.h"

#define GATHER slots_mixed
#define GATHER_LC 0
#define GATHER_A_STEP 0
#define GATHER_A_LAST 1
#define GATHER_B_STEP 1
#define GATHER_B_LAST 0
#define GATHER_SLOTS 16
#include "glue/gather.h"

#define POOL pool2
#define POOL_KIND POOL_MAX
#define POOL_COUNT 10
#define POOL_LC 4
#define POOL_SLOTS 2
#include "heads/pool.h"

#define POOL pool8
#define POOL_KIND POOL_SUM
#define POOL_SHIFT 2
#define POOL_COUNT 4
#define POOL_LC 2
#define POOL_SLOTS 8
#include "heads/pool.h"

#define POOL pool16
#define POOL_KIND POOL_MEAN
#define POOL_COUNT 2
#define POOL_LC 2
#define POOL_SLOTS 16
#include "heads/pool.h"

#define REVERSE reverse2
#define REVERSE_COUNT 5
#define REVERSE_LC 2
#define REVERSE_STEPS 6
#define REVERSE_SLOTS 2
#include "glue/reverse.h"

#define REVERSE reverse16
#define REVERSE_COUNT 3
#define REVERSE_LC 4
#define REVERSE_STEPS 6
#define REVERSE_SLOTS 16
#include "glue/reverse.h"

void slots(hls_stream(vec4_t) * l0, hls_stream(vec4_t) * m0, hls_stream(vec2_t) * l1,
           hls_stream(vec2_t) * m1, hls_stream(int32_t) * a0, hls_stream(int32_t) * b0,
           hls_stream(int32_t) * y0, hls_stream(int32_t) * a1, hls_stream(int32_t) * b1,
           hls_stream(int32_t) * y1, hls_stream(int32_t) * a2, hls_stream(int32_t) * b2,
           hls_stream(int32_t) * y2, hls_stream(int32_t) * a3, hls_stream(int32_t) * b3,
           hls_stream(int32_t) * y3, hls_stream(vec4_t) * p0, hls_stream(vec4_t) * q0,
           hls_stream(vec2_t) * p1, hls_stream(vec2_t) * q1, hls_stream(vec2_t) * p2,
           hls_stream(vec2_t) * q2, hls_stream(vec2_t) * r0, hls_stream(vec2_t) * s0,
           hls_stream(vec4_t) * r1, hls_stream(vec4_t) * s1, uint32_t command, uint32_t sequences, uint32_t steps,
           uint32_t total) {
    HLS(dataflow)
    last2(l0, m0, command, sequences, steps, total);
    last16(l1, m1, command, sequences, steps, total);
    slots_all(a0, b0, y0, command, sequences, steps, total);
    slots_steps(a1, b1, y1, command, sequences, steps, total);
    slots_lasts(a2, b2, y2, command, sequences, steps, total);
    slots_mixed(a3, b3, y3, command, sequences, steps, total);
    pool2(p0, q0, command, sequences, steps, total);
    pool8(p1, q1, command, sequences, steps, total);
    pool16(p2, q2, command, sequences, steps, total);
    reverse2(r0, s0, command, sequences, steps, total);
    reverse16(r1, s1, command, sequences, steps, total);
}
