// SPDX-License-Identifier: Apache-2.0
// The light gated recurrent unit (Ravanelli, Brakel, Omologo and Bengio 2018), with its batch
// normalisation folded into the weights: a GRU without reset gate whose candidate is a ReLU.
//   z = sigmoid(W x + R h + b),  a = max(0, W' x + R' h + b'),  h' = z h + (1 - z) a
// Gates z, a. Nothing bounds h, so calibration chooses its format.
#include "activation.h"
#include "frame/pace.h"
#include "frame/state.h"

#define li_gru_GATES 2
#define li_gru_SPLIT 0
#define li_gru_SECOND 0
#define li_gru_HAS_CELL 0
#define li_gru_COUNTS 1 // a candidate that does not fit the 16 bits of h is wrong
#define li_gru_RANGED 1

// Reading h 1, to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, saturation
// and table 2, interpolation 3, then a + z (h - a) 2 and writing h 1.
#define li_gru_LATENCY(LC) (14 + MR_SUM_LATENCY(LC))

#define li_gru_ARGUMENT_FRAC                                                                       \
    { 15, 0 }                // a sigmoid's argument is Q15; a has h's own units
#define li_gru_MULTIPLIERS 2 // the interpolation, z (h - a)
#define li_gru_TABLES 1
#define li_gru_H_READS 1

static inline unit_state_t li_gru_unit(const int64_t sum[li_gru_GATES], unit_state_t old,
                                       int exponent, uint32_t *past) {
    const int64_t most = 32767;
    const int32_t z = mr_sigmoid(mr_argument(sum[0]));
    const bool above = sum[1] > most;
    const int32_t a = (int32_t)(above ? most : sum[1] < 0 ? 0 : sum[1]);
    unit_state_t unit;
    unit.h = (int16_t)((a * 32768 + z * (old.h - a) + 16384) >> 15);
    unit.cell = 0;
    (void)exponent;
    *past = above ? (uint32_t)(hls_saturate(sum[1], 32) - most) : 0;
    return unit;
}

#ifdef MR_CELL_FLOAT
#    include <math.h>

static void li_gru_float_unit(const double sum[li_gru_GATES], double *h, double *cell) {
    const double z = 1 / (1 + exp(-sum[0]));
    (void)cell;
    *h = z * *h + (1 - z) * fmax(sum[1], 0);
}
#endif
