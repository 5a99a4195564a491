// SPDX-License-Identifier: Apache-2.0
// A network in whole numbers (quantise.h): the formats of all streams in the order of the data, and
// the way of numbers into and out of them.
#include "quantise.h"

#include "arithmetic.h"
#include "file.h"
#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int make_formats(struct mr_stream *stream) {
    if (!stream->frac)
        stream->frac = calloc((size_t)stream->width, sizeof *stream->frac);
    return stream->frac ? 0 : -1;
}

// The format of the widest range for all, where they are compared.
static void make_uniform(struct mr_stream *stream) {
    int32_t least = stream->frac[0];

    for (int k = 0; k < stream->width; k++)
        least = stream->frac[k] < least ? stream->frac[k] : least;
    for (int k = 0; k < stream->width && stream->uniform; k++)
        stream->frac[k] = least;
}

int mr_quantise(struct mr_network *network, const int32_t *frac, int *feature, char *error,
                size_t error_size) {
    struct mr_stream *input = &network->streams[0];

    if (feature)
        *feature = -1;
    if (mr_network_check(network, error, error_size))
        return -1;
    for (int i = 0; i < network->stream_count; i++)
        if (make_formats(&network->streams[i]))
            return mr_fail(error, error_size, "not enough memory to quantise the network");
    for (int k = 0; k < input->width; k++)
        input->frac[k] = mr_network_entries(network) ? 0 : frac ? frac[k] : MR_FRAC_DEFAULT;
    make_uniform(input);
    if (network->encoder) {
        struct mr_stream *encoder = &network->streams[network->encoder];
        const double seen = encoder->greatest[0];
        const int usual =
            seen > 0 ? mr_frac_of(2 * seen, MR_FRAC_MIN, MR_FRAC_USUAL) : MR_FRAC_DEFAULT;
        for (int k = 0; k < encoder->width; k++)
            encoder->frac[k] = mr_input_entries(network, network->encoder) ? 0 : usual;
    }
    for (int i = 0; i < network->op_count; i++) {
        struct mr_op *op = &network->ops[i];
        int column = -1;
        mr_rows_free(&op->rows);
        if (op->kind->quantise(network, op, network->streams[op->output].frac, &column, error,
                               error_size)) {
            if (feature && op->input == 0)
                *feature = column;
            return -1;
        }
    }
    return 0;
}

static int check_uniform(const struct mr_network *network, int index, const char *name, char *error,
                         size_t error_size) {
    const struct mr_stream *stream = &network->streams[index];

    for (int k = 1; k < stream->width && stream->uniform; k++)
        if (stream->frac[k] != stream->frac[0])
            return mr_fail(error, error_size,
                           "%s: numbers 0 and %d of %s have different formats, and an operator "
                           "compares them",
                           name, k,
                           stream->writer < 0 ? "the input" : network->ops[stream->writer].name);
    return 0;
}

int mr_quantised_check(const struct mr_network *network, const char *name, char *error,
                       size_t error_size) {
    char text[400];

    for (int i = 0; i <= network->encoder; i++) {
        const struct mr_stream *input = &network->streams[i];
        for (int k = 0; k < input->width; k++)
            if (input->frac[k] < MR_FRAC_MIN || input->frac[k] > MR_FRAC_MAX)
                return mr_fail(error, error_size,
                               "%s: input %d%s has %d fraction bits; %d to %d is possible", name, k,
                               i ? " of the encoder" : "", (int)input->frac[k], MR_FRAC_MIN,
                               MR_FRAC_MAX);
    }
    for (int i = 0; i < network->stream_count; i++)
        if (check_uniform(network, i, name, error, error_size))
            return -1;
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        if (op->kind->check(network, op, text, sizeof text))
            return mr_fail(error, error_size, "%s: %s", name, text);
    }
    return 0;
}

int mr_check_entries(const struct mr_network *network, int stream, const float *x, size_t sequences,
                     size_t steps, char *error, size_t error_size) {
    const int entries = mr_input_entries(network, stream);

    for (size_t i = 0; entries > 0 && i < sequences * steps; i++) {
        const double v = mr_cast(mr_input_cast(network, stream), x[i]);
        if (!(v >= -entries && v < entries && v == floor(v)))
            return mr_fail(error, error_size,
                           "the input is %g at sequence %zu, step %zu (counted from 0), and the "
                           "table in which it is looked up has the rows 0 to %d",
                           (double)x[i], i / steps, i % steps, entries - 1);
    }
    return 0;
}

static void note_cut(struct mr_input_cuts *cuts, float x) {
    if (cuts->count++ == 0 || fabsf(x) > fabsf(cuts->farthest))
        cuts->farthest = x;
}

// 2^exponent, of a format's fraction bits.
static double power_of_two(int exponent) {
    const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;

    memcpy(&power, &bits, sizeof power);
    return power;
}

int mr_quantise_input(const struct mr_network *network, const float *x, size_t steps, int16_t *x_q,
                      struct mr_input_cuts *cuts, char *error, size_t error_size) {
    return mr_quantise_stream(network, 0, x, steps, x_q, cuts, error, error_size);
}

// Numbers that are rounded together, in vectors that every processor has.
enum { TOGETHER = 4 };
typedef float floats __attribute__((vector_size(4 * TOGETHER)));
typedef int32_t whole_numbers __attribute__((vector_size(4 * TOGETHER)));
typedef int16_t short_numbers __attribute__((vector_size(2 * TOGETHER)));

// A row of TOGETHER numbers and more, as they are: their scale is a power of two, so that all is
// exact in float; their floors, and one more from a half on. false: some are beyond 16 bits, or are
// no numbers.
static bool round_row(const float *x, const int32_t *frac, int width, int16_t *x_q) {
    whole_numbers all_in = {-1, -1, -1, -1};

    for (int next = 0; next < width; next += TOGETHER) {
        const int k = next + TOGETHER <= width ? next : width - TOGETHER;
        whole_numbers power;
        floats v, scale;
        memcpy(&v, x + k, sizeof v);
        memcpy(&power, frac + k, sizeof power);
        power = (power + 127) << 23;
        memcpy(&scale, &power, sizeof scale);
        v *= scale;
        const whole_numbers is_in = (v >= (float)INT16_MIN) & (v < INT16_MAX + 0.5F);
        v = (floats)((whole_numbers)v & is_in);
        all_in &= is_in;
        const whole_numbers cut = __builtin_convertvector(v, whole_numbers);
        const floats above = v - __builtin_convertvector(cut, floats); // from -1 to 1
        // A comparison that is true is -1.
        const short_numbers whole =
            __builtin_convertvector(cut + (above < -0.5F) - (above >= 0.5F), short_numbers);
        memcpy(x_q + k, &whole, sizeof whole);
    }
    return all_in[0] & all_in[1] & all_in[2] & all_in[3];
}

int mr_quantise_stream(const struct mr_network *network, int stream, const float *x, size_t steps,
                       int16_t *x_q, struct mr_input_cuts *cuts, char *error, size_t error_size) {
    const struct mr_stream *input = &network->streams[stream];
    const struct mr_cast cast = mr_input_cast(network, stream);
    const bool casts = cast.clips || cast.side || cast.whole || cast.truth;
    const float *offsets = stream ? NULL : network->offset;

    for (size_t i = 0, at = 0; i < steps; i++) {
        if (!casts && !offsets && input->width >= TOGETHER &&
            round_row(x + at, input->frac, input->width, x_q + at)) {
            at += (size_t)input->width;
            continue;
        }
        for (int k = 0; k < input->width; k++, at++) {
            const double offset = offsets ? (double)offsets[k] : 0;
            const double number = casts ? mr_cast(cast, x[at]) : (double)x[at];
            const double v = (number - offset) * power_of_two(input->frac[k]) + 0.5;
            if (v >= INT16_MIN && v < INT16_MAX + 1) { // its floor
                const int32_t whole = (int32_t)v;
                x_q[at] = (int16_t)(whole - (whole > v));
                continue;
            }
            if (!isfinite(v))
                return mr_fail(error, error_size,
                               "input: step %zu, feature %d is not a finite number", i, k);
            x_q[at] = v < 0 ? INT16_MIN : INT16_MAX;
            if (cuts)
                note_cut(&cuts[k], x[at]);
        }
    }
    return 0;
}

static double log_sum_of(const struct mr_stream *stream, const int32_t *row) {
    struct mr_log_sum sum = MR_LOG_SUM_ZERO;

    for (int k = 0; k < stream->width; k++)
        mr_log_sum_add(&sum, ldexp(row[k], -stream->frac[k]));
    return mr_log_sum(sum);
}

void mr_quantised_output(const struct mr_network *network, int output, const int32_t *y_q,
                         size_t rows, float *y) {
    const struct mr_sink *of = &network->outputs[output];
    const struct mr_stream *stream = &network->streams[of->stream];
    const size_t width = (size_t)stream->width;
    double less = 0;

    for (size_t i = 0; i < rows * width; i++) {
        if (of->log_softmax && i % width == 0)
            less = log_sum_of(stream, y_q + i);
        y[i] = (float)mr_cast(of->cast, y_q[i] * power_of_two(-stream->frac[i % width]) - less);
    }
}
