// SPDX-License-Identifier: Apache-2.0
// A random network in whole numbers, with what tests draw for it: calibrated by random data, run by
// the plain reference, and compared with its derived bound.
#ifndef MADE_NETWORK_H
#define MADE_NETWORK_H

#include "bound.h"
#include "calibrate.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <string.h>

enum { CALIBRATION = 48, MADE_INPUTS = 80 };

// Lanes, passes and files are those of who runs it on devices.
struct made {
    uint64_t seed;
    struct mr_network network;
    float range[MADE_INPUTS]; // of each feature in the calibration data
    uint32_t lanes[MR_MAX_LAYERS], passes[MR_MAX_LAYERS], h_first[MR_MAX_LAYERS], layers, slots;
    char model[80], image[80]; // files; image "": not on a card
    char error[1024];          // "" when all went well
    double seconds;
};

static inline float *random_x(const struct made *m, uint64_t *state, size_t rows, double of_range) {
    const int inputs = m->network.streams[0].width;
    float *x = calloc(rows * (size_t)inputs, sizeof *x);
    net_need(x != NULL, "not enough memory");
    const int entries = mr_network_entries(&m->network); // of the numbers, not of the range
    for (size_t i = 0; i < rows * (size_t)inputs; i++)
        x[i] = entries ? (float)random_between(state, -entries, entries - 1)
                       : random_number(state, of_range * (double)m->range[i % (size_t)inputs]);
    return x;
}

static inline int calibrate(struct made *m, uint64_t *state) {
    const int inputs = m->network.streams[0].width;
    struct mr_feature feature[MADE_INPUTS] = {0};
    int32_t frac[MADE_INPUTS];
    net_need(inputs <= MADE_INPUTS, "a random network has more inputs than there is room for");
    for (int k = 0; k < inputs; k++)
        m->range[k] = (float)ldexp(1 + random_number(state, 0.5), random_between(state, -3, 3));
    float *x = random_x(m, state, CALIBRATION, 1);
    const int failed = mr_feature_ranges(x, CALIBRATION, inputs, 100, feature) ||
                       mr_feature_formats(feature, inputs, frac, m->error, sizeof m->error) ||
                       mr_float_observe(&m->network, x, 4, CALIBRATION / 4, NULL) ||
                       mr_quantise(&m->network, frac, NULL, m->error, sizeof m->error);
    free(x);
    return failed ? -1 : 0;
}

// A network whose numbers are too wide for layers of 8 bits has them of 16, as the refusal says.
static inline int calibrate_as_told(struct made *m, uint64_t *state) {
    const uint64_t begin = *state;
    if (!calibrate(m, state))
        return 0;
    if (!strstr(m->error, "give the layer weights of 16 bits"))
        return -1;
    for (int i = 0; i < m->network.op_count; i++)
        if (m->network.ops[i].kind->recurrent)
            m->network.ops[i].precision = MR_PRECISION_FULL;
    m->error[0] = 0;
    *state = begin;
    return calibrate(m, state);
}

// The plain reference's numbers as the library gives them.
static inline float *expected(const struct made *m, const float *x, size_t sequences,
                              size_t steps) {
    const struct mr_network *n = &m->network;
    const size_t count = sequences * mr_network_numbers(n, steps), rows = sequences * steps;
    int16_t *x_q = calloc(rows * (size_t)n->streams[0].width, sizeof *x_q);
    int32_t *y_q = calloc(count + 1, sizeof *y_q);
    float *y = calloc(count + 1, sizeof *y);
    char text[300];
    size_t at = 0;
    ck_assert(x_q && y_q && y);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, text, sizeof text), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, y_q), 0);
    for (int o = 0; o < n->output_count; o++) {
        mr_quantised_output(n, o, y_q + at, sequences * mr_output_rows(n, o, steps), y + at);
        at += sequences * mr_output_numbers(n, o, steps);
    }
    free(x_q);
    free(y_q);
    return y;
}

// The largest error as a share of its bound; *error: the largest, *bound: beside it.
static inline double share_of_bound(const struct mr_network *n, const float *x, const float *y,
                                    size_t sequences, size_t steps, double *error, double *bound) {
    const size_t count = sequences * mr_network_numbers(n, steps);
    double *exact = calloc(count, sizeof *exact), share = 0;
    struct bound *bounds = bound_list((int)count);
    ck_assert_ptr_nonnull(exact);
    ck_assert_int_eq(mr_float_run(n, x, sequences, steps, exact), 0);
    bound_network(n, x, sequences, steps, bounds);
    *error = *bound = 0;
    for (size_t i = 0; i < count; i++) {
        // The same float network, and y as float.
        ck_assert_double_eq_tol(bounds[i].v, exact[i], 1e-9 * (1 + fabs(exact[i])));
        const double e = bounds[i].e + ldexp(fabs((double)y[i]), -24);
        const double off = fabs((double)y[i] - exact[i]);
        share = fmax(share, off / e);
        if (off >= *error) {
            *error = off;
            *bound = e;
        }
    }
    free(exact);
    free(bounds);
    return share;
}

#endif
