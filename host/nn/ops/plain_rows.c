// SPDX-License-Identifier: Apache-2.0
// What several operators without lanes of their own do alike (plain_rows.h).
#include "plain_rows.h"

#include "file.h"
#include "frame/slots.h"

#include <math.h>
#include <string.h>

void mr_same_describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    op->units = op->inputs;
    out->width = op->inputs;
    out->bits = 16;
}

void mr_pass_float(const struct mr_op *op, const double *in, double *state, double *out) {
    (void)state;
    memcpy(out, in, (size_t)op->units * sizeof *out);
}

void mr_pass_integer(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                     int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    (void)network, (void)state, (void)cuts;
    memcpy(out, in, (size_t)op->units * sizeof *out);
}

int mr_pass_quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                     char *error, size_t error_size) {
    (void)column, (void)error, (void)error_size;
    memcpy(frac, network->streams[op->input].frac, (size_t)op->units * sizeof *frac);
    return 0;
}

void mr_pool_memory(const struct mr_op *op, const struct mr_op_layout *layout, uint64_t bits,
                    struct mr_op_cost *cost) {
    const uint64_t lc = (uint64_t)layout->lc;
    const uint64_t words = (uint64_t)layout->slots * (uint64_t)mr_ceil_div(op->inputs, layout->lc);

    if (words <= MR_KEPT_LUT_WORDS)
        mr_memory_lut(&cost->memory, words, bits, lc);
    else
        mr_memory_expect(&cost->memory, words, bits, lc);
}

int mr_pass_check_at(const struct mr_network *network, const struct mr_op *op, int i, int32_t due,
                     char *error, size_t error_size) {
    const int32_t given = network->streams[op->output].frac[i];

    return given == due ? 0
                        : mr_fail(error, error_size,
                                  "the %s gives %d fraction bits in column %d, and %d are due",
                                  op->name, (int)given, i, (int)due);
}

int mr_pass_check(const struct mr_network *network, const struct mr_op *op, char *error,
                  size_t error_size) {
    for (int i = 0; i < op->units; i++)
        if (mr_pass_check_at(network, op, i, network->streams[op->input].frac[i], error,
                             error_size) != 0)
            return -1;
    return 0;
}

int mr_whole_check(const struct mr_network *network, const struct mr_op *op, char *error,
                   size_t error_size) {
    if (op->most_steps < 1 || op->most_steps > MR_MOST_STEPS_LIMIT)
        return mr_fail(error, error_size, "the %s has room for %d steps; 1 to %d are possible",
                       op->name, op->most_steps, MR_MOST_STEPS_LIMIT);
    return mr_pass_check(network, op, error, error_size);
}

void mr_one_format(const struct mr_op *op, int32_t shared, int32_t *frac) {
    for (int i = 0; i < op->units; i++)
        frac[i] = shared;
}

int mr_one_format_check(const struct mr_network *network, const struct mr_op *op, int least,
                        int most, char *error, size_t error_size) {
    const int32_t *frac = network->streams[op->output].frac;

    for (int i = 0; i < op->units; i++)
        if (frac[i] < least || frac[i] > most || frac[i] != frac[0])
            return mr_fail(error, error_size,
                           "the %s gives %d fraction bits in column %d; %d to %d, the same in all, "
                           "are possible",
                           op->name, (int)frac[i], i, least, most);
    return 0;
}

struct mr_op_limit mr_one_format_limit(const struct mr_network *network, const struct mr_op *op) {
    const int frac = network->streams[op->output].frac[0];

    return (struct mr_op_limit){ldexp(1, 15 - frac), ldexp(1, -frac)};
}
