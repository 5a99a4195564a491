// SPDX-License-Identifier: Apache-2.0
// The minimal gated unit (Zhou, Wu, Zhang and Zhou 2016): one gate forgets and resets.
//   f = sigmoid(W x + R h + b),  n = tanh(W' x + R' (f h) + b'),  h' = (1 - f) h + f n
// Gates f, n. The columns of n's second phase are f h.
#include "activation.h"
#include "frame/pace.h"
#include "frame/state.h"

#define mgu_GATES 2
#define mgu_SPLIT 0
#define mgu_SECOND 1 // n
#define mgu_HAS_CELL 0
#define mgu_COUNTS 0 // nothing can be cut: h is between its old value and a tanh
#define mgu_RANGED 0

// Reading h 1, to the tiles 1, operands and product 2, accumulator and bias 1, shift 1, saturation
// and table 2, interpolation 3, then h + f (n - h) 2 and writing h 1; or f h 3 and writing it 1.
#define mgu_LATENCY(LC) (14 + MR_SUM_LATENCY(LC))
#define mgu_SECOND_LATENCY(LC) (15 + MR_SUM_LATENCY(LC))

#define mgu_ARGUMENT_FRAC                                                                          \
    { 15, 16 }            // a sigmoid's argument is Q15, a tanh's is Q16
#define mgu_MULTIPLIERS 5 // three interpolations, f h, f (n - h)
#define mgu_TABLES 3
#define mgu_H_READS 2

// f h: Q15, and no further from 0 than h.
static inline int16_t mgu_columns(const int64_t sum[mgu_GATES - mgu_SECOND], unit_state_t old) {
    return (int16_t)((mr_sigmoid(mr_argument(sum[0])) * old.h + 16384) >> 15);
}

static inline unit_state_t mgu_unit(const int64_t sum[mgu_GATES], unit_state_t old, int exponent,
                                    uint32_t *past) {
    const int32_t f = mr_sigmoid(mr_argument(sum[0]));
    const int32_t n = mr_tanh(mr_argument(sum[1]));
    unit_state_t unit;
    unit.h = (int16_t)((old.h * 32768 + f * (n - old.h) + 16384) >> 15);
    unit.cell = 0;
    (void)exponent;
    *past = 0;
    return unit;
}

#ifdef MR_CELL_FLOAT
#    include <math.h>

static double mgu_gate(double sum) {
    return 1 / (1 + exp(-sum));
}

static double mgu_float_columns(const double sum[mgu_GATES - mgu_SECOND], double h) {
    return mgu_gate(sum[0]) * h;
}

static void mgu_float_unit(const double sum[mgu_GATES], double *h, double *cell) {
    const double f = mgu_gate(sum[0]);
    (void)cell;
    *h = (1 - f) * *h + f * tanh(sum[1]);
}
#endif
