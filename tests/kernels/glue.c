// SPDX-License-Identifier: Apache-2.0
// What stands between layers and heads: vectors one by one, one stream to two readers, two streams
// to one; and two heads on one trunk, whose second one must not keep the first one waiting for
// ever. tests/glue_test.c runs them too.
#include "frame/words.h"

MR_VECTOR(1)
MR_VECTOR(3)
MR_VECTOR(5)

#define UNPACK unpack1
#define UNPACK_COUNT 1
#define UNPACK_LC 1
#include "glue/unpack.h"

#define UNPACK unpack7
#define UNPACK_COUNT 7
#define UNPACK_LC 3
#include "glue/unpack.h"

#define UNPACK unpack10
#define UNPACK_COUNT 10
#define UNPACK_LC 5
#include "glue/unpack.h"

#define UNPACK unpack2
#define UNPACK_COUNT 2
#define UNPACK_LC 5
#include "glue/unpack.h"

#define FORK fork1
#define FORK_COUNT 1
#define FORK_LC 1
#include "glue/fork.h"

#define FORK fork_numbers
#define FORK_COUNT 3
#define FORK_LC 0
#include "glue/fork.h"

#define FORK fork8
#define FORK_COUNT 8
#define FORK_LC 3
#include "glue/fork.h"

#define GATHER gather_all
#define GATHER_LC 0
#define GATHER_A_STEP 3
#define GATHER_A_LAST 2
#define GATHER_B_STEP 1
#define GATHER_B_LAST 4
#include "glue/gather.h"

#define GATHER gather_steps
#define GATHER_LC 0
#define GATHER_A_STEP 1
#define GATHER_A_LAST 0
#define GATHER_B_STEP 5
#define GATHER_B_LAST 0
#include "glue/gather.h"

#define GATHER gather_lasts
#define GATHER_LC 0
#define GATHER_A_STEP 0
#define GATHER_A_LAST 2
#define GATHER_B_STEP 0
#define GATHER_B_LAST 3
#include "glue/gather.h"

#define GATHER gather_mixed
#define GATHER_LC 0
#define GATHER_A_STEP 0
#define GATHER_A_LAST 10
#define GATHER_B_STEP 1
#define GATHER_B_LAST 0
#include "glue/gather.h"

#define GATHER gather_one
#define GATHER_LC 0
#define GATHER_A_STEP 0
#define GATHER_A_LAST 0
#define GATHER_B_STEP 1
#define GATHER_B_LAST 0
#include "glue/gather.h"

#define GATHER gather_vectors
#define GATHER_LC 3
#define GATHER_A_STEP 2
#define GATHER_A_LAST 0
#define GATHER_B_STEP 1
#define GATHER_B_LAST 3
#include "glue/gather.h"

#define FORK trunk_fork
#define FORK_COUNT 8
#define FORK_LC 3
#include "glue/fork.h"

#define UNPACK trunk_unpack
#define UNPACK_COUNT 8
#define UNPACK_LC 3
#include "glue/unpack.h"

#define LAST trunk_last
#define LAST_COUNT 8
#define LAST_LC 3
#include "glue/last_step.h"

#define DENSE trunk_dense
#define DENSE_INPUTS 8
#define DENSE_OUTPUTS 4
#define DENSE_LC 3
#define DENSE_OUT_LC 0
#define DENSE_ACTIVATION MR_LINEAR
#include "heads/dense.h"

#define SOFTMAX trunk_softmax
#define SOFTMAX_COUNT 4
#define SOFTMAX_FRAC 28
#include "heads/softmax.h"

#define GATHER trunk_gather
#define GATHER_LC 0
#define GATHER_A_STEP 8
#define GATHER_A_LAST 0
#define GATHER_B_STEP 0
#define GATHER_B_LAST 4
#include "glue/gather.h"

void glue(hls_stream(vec1_t) * u0, hls_stream(int32_t) * v0, hls_stream(vec3_t) * u1,
          hls_stream(int32_t) * v1, hls_stream(vec5_t) * u2, hls_stream(int32_t) * v2,
          hls_stream(vec5_t) * u3, hls_stream(int32_t) * v3, hls_stream(vec1_t) * f0,
          hls_stream(vec1_t) * f0a, hls_stream(vec1_t) * f0b, hls_stream(vec3_t) * f1,
          hls_stream(vec3_t) * f1a, hls_stream(vec3_t) * f1b, hls_stream(int32_t) * f2,
          hls_stream(int32_t) * f2a, hls_stream(int32_t) * f2b, hls_stream(int32_t) * a0,
          hls_stream(int32_t) * b0, hls_stream(int32_t) * y0, hls_stream(int32_t) * a1,
          hls_stream(int32_t) * b1, hls_stream(int32_t) * y1, hls_stream(int32_t) * a2,
          hls_stream(int32_t) * b2, hls_stream(int32_t) * y2, hls_stream(int32_t) * a3,
          hls_stream(int32_t) * b3, hls_stream(int32_t) * y3, hls_stream(int32_t) * a4,
          hls_stream(int32_t) * b4, hls_stream(int32_t) * y4, hls_stream(vec3_t) * a5,
          hls_stream(vec3_t) * b5, hls_stream(vec3_t) * y5, hls_stream(beat_t) * weights,
          hls_stream(vec3_t) * trunk, hls_stream(int32_t) * heads, uint32_t command,
          uint32_t sequences, uint32_t steps, uint32_t rows) {
    HLS(dataflow)
    HLS_CHANNEL(vec3_t, each);
    HLS_CHANNEL(vec3_t, all);
    HLS_CHANNEL(vec3_t, last);
    HLS_CHANNEL(int32_t, numbers);
    HLS_CHANNEL(int32_t, logits);
    HLS_CHANNEL(int32_t, probabilities);
    unpack1(u0, v0, command, rows);
    unpack7(u1, v1, command, rows);
    unpack10(u2, v2, command, rows);
    unpack2(u3, v3, command, rows);
    fork1(f0, f0a, f0b, command, rows);
    fork8(f1, f1a, f1b, command, rows);
    fork_numbers(f2, f2a, f2b, command, rows);
    gather_all(a0, b0, y0, command, steps, rows);
    gather_steps(a1, b1, y1, command, steps, rows);
    gather_lasts(a2, b2, y2, command, steps, rows);
    gather_mixed(a3, b3, y3, command, steps, rows);
    gather_one(a4, b4, y4, command, steps, rows);
    gather_vectors(a5, b5, y5, command, steps, rows);
    trunk_fork(trunk, &each, &all, command, rows);
    trunk_unpack(&each, &numbers, command, rows);
    trunk_last(&all, &last, command, steps, rows);
    trunk_dense(weights, &last, &logits, command, sequences);
    trunk_softmax(&logits, &probabilities, command, sequences);
    trunk_gather(&numbers, &probabilities, heads, command, steps, rows);
}
