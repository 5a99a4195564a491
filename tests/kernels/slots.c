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

void slots(hls_stream(vec4_t) * l0, hls_stream(vec4_t) * m0, hls_stream(vec2_t) * l1,
           hls_stream(vec2_t) * m1, hls_stream(int32_t) * a0, hls_stream(int32_t) * b0,
           hls_stream(int32_t) * y0, hls_stream(int32_t) * a1, hls_stream(int32_t) * b1,
           hls_stream(int32_t) * y1, hls_stream(int32_t) * a2, hls_stream(int32_t) * b2,
           hls_stream(int32_t) * y2, hls_stream(int32_t) * a3, hls_stream(int32_t) * b3,
           hls_stream(int32_t) * y3, uint32_t command, uint32_t sequences, uint32_t steps,
           uint32_t total) {
    HLS(dataflow)
    last2(l0, m0, command, sequences, steps, total);
    last16(l1, m1, command, sequences, steps, total);
    slots_all(a0, b0, y0, command, sequences, steps, total);
    slots_steps(a1, b1, y1, command, sequences, steps, total);
    slots_lasts(a2, b2, y2, command, sequences, steps, total);
    slots_mixed(a3, b3, y3, command, sequences, steps, total);
}
