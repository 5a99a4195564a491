// SPDX-License-Identifier: Apache-2.0
// Projections (projection.h): products of matrices, and what becomes of the operators that give h.
#include "projection.h"

#include "file.h"
#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool mr_projected(const struct mr_projection *p, const float *from, size_t rows, float *to) {
    enum { BLOCK = 256 }; // columns at a time, so that W is read as it lies
    const size_t width = (size_t)p->width, units = (size_t)p->units;
    bool good = true;

    for (size_t row = 0; row < rows; row++)
        for (size_t first = 0; first < units; first += BLOCK) {
            const size_t count = units - first < BLOCK ? units - first : BLOCK;
            double sum[BLOCK] = {0};
            for (size_t k = 0; k < width; k++) {
                const double by = from[row * width + k];
                const float *w = p->w + k * units + first;
                for (size_t j = 0; j < count; j++)
                    sum[j] += by * (double)w[j];
            }
            for (size_t j = 0; j < count; j++) {
                to[row * units + first + j] = (float)sum[j];
                good = good && isfinite((float)sum[j]);
            }
        }
    return good;
}

// ---- The state that sequences start from

// Takes from a row what the rows before have of it, which are orthogonal and of length 1 (or 0),
// and from the number that it must make what theirs do. Twice: what rounding left of them goes too.
// y: the numbers that the rows before make.
static void reduce(const double *before, size_t count, size_t units, double *row, double *number,
                   const double *y) {
    for (size_t i = 0; i < 2 * count; i++) {
        const double *other = before + i % count * units;
        double part = 0;
        for (size_t j = 0; j < units; j++)
            part += row[j] * other[j];
        for (size_t j = 0; j < units; j++)
            row[j] -= part * other[j];
        *number -= part * y[i % count];
    }
}

// Rows of W become orthogonal; u is what they make of their numbers.
static void least_state(const struct mr_projection *p, const float *h, double *rows, double *y,
                        double *u) {
    const size_t width = (size_t)p->width, units = (size_t)p->units;

    for (size_t k = 0; k < width; k++) {
        double *row = rows + k * units, before = 0, length = 0;
        for (size_t j = 0; j < units; j++) {
            row[j] = p->w[k * units + j];
            before += row[j] * row[j];
        }
        y[k] = h[k];
        reduce(rows, k, units, row, &y[k], y);
        for (size_t j = 0; j < units; j++)
            length += row[j] * row[j];
        // A row that follows from the others asks for nothing; whether its number does is seen in
        // the end.
        const double scale = length > 1e-14 * before ? 1 / sqrt(length) : 0;
        y[k] *= scale;
        for (size_t j = 0; j < units; j++) {
            row[j] *= scale;
            u[j] += y[k] * row[j];
        }
    }
}

static int check_state(const struct mr_projection *p, const float *h, const float *u, char *error,
                       size_t error_size) {
    const size_t units = (size_t)p->units;

    for (int k = 0; k < p->width; k++) {
        double sum = 0, size = 0;
        for (size_t j = 0; j < units; j++) {
            const double part = (double)p->w[(size_t)k * units + j] * (double)u[j];
            sum += part;
            size += fabs(part);
        }
        if (!(fabs(sum - (double)h[k]) <= 1e-5 * (size + fabs((double)h[k]))))
            return mr_fail(error, error_size,
                           "number %d of an initial hidden state is %g, which the projection makes "
                           "of no state with the other numbers; start from zero",
                           k, (double)h[k]);
    }
    for (size_t j = 0; j < units; j++)
        if (fabsf(u[j]) > 1)
            return mr_fail(error, error_size,
                           "an initial hidden state asks for %g in unit %zu before the projection, "
                           "where o tanh(c) is within +-1; start from a smaller one",
                           (double)u[j], j);
    return 0;
}

int mr_projection_start(const struct mr_projection *p, const float *h, float *u, char *error,
                        size_t error_size) {
    const size_t width = (size_t)p->width, units = (size_t)p->units;
    double *rows = calloc(width * units, sizeof *rows), *y = calloc(width, sizeof *y);
    double *state = calloc(units, sizeof *state);
    int result = -1;

    if (rows && y && state) {
        least_state(p, h, rows, y, state);
        for (size_t j = 0; j < units; j++)
            u[j] = (float)state[j];
        result = check_state(p, h, u, error, error_size);
    } else {
        mr_fail(error, error_size, "not enough memory for an initial state");
    }
    free(rows);
    free(y);
    free(state);
    return result;
}

// ---- In the network

struct mr_op *mr_projection_add(struct mr_network *network, const struct mr_projection *p,
                                int stream, char *error, size_t error_size) {
    struct mr_op *op = mr_network_add(network, mr_op_kind_find("dense"), stream, p->width,
                                      MR_ACTIVATION_LINEAR, error, error_size);

    if (op) {
        memcpy(op->w_x, p->w, (size_t)p->width * (size_t)p->units * sizeof *op->w_x);
        op->projects = true;
    }
    return op;
}

// What is to become of one projection.
struct folding {
    struct mr_network *network;
    struct mr_projection projection;
    bool possible;
    enum mr_rate rate; // of h
    double rows;       // of weights that read h as often as it comes
    bool changes;      // the walk changes the network, else it only looks
    bool failed;       // memory is short
};

// Rows over `columns` numbers, of which those from `at` on are h: they become rows over u there.
static float *fold_rows(const struct folding *f, const float *w, size_t rows, size_t columns,
                        size_t at) {
    const size_t width = (size_t)f->projection.width, units = (size_t)f->projection.units;
    const size_t behind = columns - at - width, wide = columns - width + units;
    float *made = malloc(rows * wide * sizeof *made);

    for (size_t row = 0; made && row < rows; row++) {
        const float *from = w + row * columns;
        float *to = made + row * wide;
        memcpy(to, from, at * sizeof *to);
        mr_projected(&f->projection, from + at, 1, to + at);
        memcpy(to + at + units, from + at + width, behind * sizeof *to);
    }
    return made;
}

// Are all of them within float32?
static bool rows_fold(const struct folding *f, const float *w, size_t rows, size_t columns,
                      size_t at, float *scratch) {
    for (size_t row = 0; row < rows; row++)
        if (!mr_projected(&f->projection, w + row * columns + at, 1, scratch))
            return false;
    return true;
}

static void fold_reader(struct folding *f, struct mr_op *op, int at) {
    const size_t rows = (size_t)mr_op_rows(op), columns = (size_t)op->inputs;

    if (f->changes) {
        float *made = fold_rows(f, op->w_x, rows, columns, (size_t)at);
        f->failed = f->failed || !made;
        if (!made)
            return;
        free(op->w_x);
        op->w_x = made;
        op->inputs += f->projection.units - f->projection.width;
        return;
    }
    float *scratch = malloc((size_t)f->projection.units * sizeof *scratch);
    f->failed = f->failed || !scratch;
    f->possible =
        f->possible && scratch && rows_fold(f, op->w_x, rows, columns, (size_t)at, scratch);
    free(scratch);
    if (f->network->streams[op->input].rate == f->rate)
        f->rows += (double)rows;
}

static void fold_stream(struct folding *f, int stream, int at);

// An operator that gives numbers of its input as they are: what reads it reads h from there on.
static void fold_carrier(struct folding *f, struct mr_op *op, int at, bool second) {
    const int more = f->projection.units - f->projection.width;

    if (second)
        at += op->inputs;
    if (f->changes) { // behind what is read here
        f->network->streams[op->output].width += more;
        op->units += more;
        op->inputs += second ? 0 : more;
    }
    fold_stream(f, op->output, at);
}

// All that reads a stream, whose numbers from `at` on are h.
static void fold_stream(struct folding *f, int stream, int at) {
    struct mr_network *network = f->network;

    for (int o = 0; o < network->output_count; o++)
        f->possible = f->possible && network->outputs[o].stream != stream;
    for (int i = 0; i < network->op_count && f->possible && !f->failed; i++) {
        struct mr_op *op = &network->ops[i];
        const bool first = op->input == stream, second = op->other == stream;
        int reads = 0;
        for (int k = 0; k < MR_OP_READS; k++)
            reads += mr_op_read(op, k) == stream;
        if (reads == 0)
            continue;
        if (reads > 1) // both sides of a row, or a state too
            f->possible = false;
        else if (op->kind->passes && !op->kind->by_size && (first || second))
            fold_carrier(f, op, at, second);
        else if (op->kind->gates > 0 && op->w_x && first)
            fold_reader(f, op, at);
        else
            f->possible = false;
    }
}

// Multiplications of a step, or of a sequence where h comes once in it: those of the projection and
// of the rows over h, or of rows over u.
static bool pays(const struct folding *f) {
    const double width = f->projection.width, units = f->projection.units;

    return f->rows * units <= width * units + f->rows * width;
}

int mr_projections_fold(struct mr_network *network, char *error, size_t error_size) {
    for (int i = network->op_count; i-- > 0;) {
        const struct mr_op *op = &network->ops[i];
        if (!op->projects)
            continue;
        struct folding f = {.network = network,
                            .projection = {op->units, op->inputs, op->w_x},
                            .rate = network->streams[op->output].rate,
                            .possible = true};
        fold_stream(&f, op->output, 0);
        f.changes = f.possible && !f.failed && pays(&f);
        if (f.changes) {
            fold_stream(&f, op->output, 0);
            if (!f.failed)
                mr_network_remove(network, i);
        }
        if (f.failed)
            return mr_fail(error, error_size, "not enough memory to fold a projection");
    }
    return 0;
}
