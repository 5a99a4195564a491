// SPDX-License-Identifier: Apache-2.0
// What travels on the streams between the kernels: vectors of LC activations, and beats of weights.
#ifndef MR_WORDS_H
#define MR_WORDS_H

#include "hls.h"
#include "mr_command.h"

// At which a process runs: that of its part of the network, the generator says which.
#ifndef RUN_COMMAND
#    define RUN_COMMAND MR_COMMAND_RUN
#endif

// One bus beat of the weight image: 512 bits, the width of an Alveo memory port.
enum { MR_BEAT = 32 };
typedef struct {
    int16_t v[32];
} beat_t;
HLS_STREAM_OF(beat_t)
HLS_STREAM_OF(int32_t)

// MR_VECTOR(4) declares vec4_t, four activations (Q15 between layers; the input's own scale at the
// front). A row of n activations travels as ceil(n / LC) vectors, the last one padded with zeros.
#define MR_VECTOR(LC)                                                                              \
    typedef struct {                                                                               \
        int16_t v[LC];                                                                             \
    } vec##LC##_t;                                                                                 \
    HLS_STREAM_OF(vec##LC##_t)
#define MR_VEC_NAME(LC) vec##LC##_t
#define MR_VEC(LC) MR_VEC_NAME(LC)

#define MR_CEIL_DIV(a, b) (((a) + (b)-1) / (b))
#define MR_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
