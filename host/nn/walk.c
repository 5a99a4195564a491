// SPDX-License-Identifier: Apache-2.0
// Runs a network on this processor (walk.h): the operators' rows in the order of the graph, those
// per step at every step, those per sequence behind the last one.
#include "walk.h"

#include "arithmetic.h"
#include "op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The rows of all streams and the states of all operators, in one of two kinds of numbers. The
// steps of a sequence go through the operators in blocks: one by one, or all at once where an
// operator needs a whole sequence.
struct walk {
    const struct mr_network *network;
    const size_t *lengths;            // [sequences] of whole numbers, or NULL: as the network says
    const struct mr_encoded *encoded; // or NULL
    size_t block;                     // steps, of which streams per step keep the rows
    size_t size;                      // numbers of all
    double *real;                     // [size], or
    int32_t *whole;                   // [size]
    size_t *stream, *state;           // where each begins
    size_t joint;                     // where a row of two streams is put together
    double *reach;     // [stream_count] the largest magnitudes of their numbers, or NULL
    struct seen *seen; // [stream_count] some of their numbers, or NULL
    double *second;    // [op_count] the largest magnitudes of second state fields, or NULL
    double (*places)[MR_PLACES]; // [op_count] and at the places of cells, where second is
};

// Of a stream some numbers, evenly spread.
struct seen {
    float *numbers;
    size_t count, every, until; // every so many numbers one, the next one after `until`
};

enum { SEEN = 16384 };

static void close_walk(struct walk *walk) {
    free(walk->real);
    free(walk->whole);
    free(walk->stream);
    free(walk->state);
    for (int i = 0; walk->seen && i < walk->network->stream_count; i++)
        free(walk->seen[i].numbers);
    free(walk->seen);
    free(walk->second);
    free(walk->places);
}

static int open_walk(struct walk *walk, const struct mr_network *network,
                     const struct mr_encoded *encoded, size_t steps, bool real) {
    const size_t most = encoded && encoded->steps > steps ? encoded->steps : steps;
    *walk = (struct walk){
        .network = network,
        .encoded = encoded,
        .block = mr_network_shortest(network) || mr_network_repeats(network) ? most : 1};
    walk->stream = calloc((size_t)network->stream_count + 1, sizeof *walk->stream);
    walk->state = calloc((size_t)network->op_count + 1, sizeof *walk->state);
    if (walk->stream && walk->state) {
        for (int i = 0; i < network->stream_count; i++) {
            walk->stream[i] = walk->size;
            walk->size += (size_t)network->streams[i].width *
                          mr_stream_rows(&network->streams[i], walk->block);
        }
        walk->joint = walk->size;
        for (int i = 0; i < network->op_count; i++) {
            const struct mr_op *op = &network->ops[i];
            const int both = op->kind->joins ? op->inputs + network->streams[op->other].width : 0;
            if (walk->size < walk->joint + (size_t)both)
                walk->size = walk->joint + (size_t)both;
        }
        for (int i = 0; i < network->op_count; i++) {
            walk->state[i] = walk->size;
            walk->size += mr_op_state_numbers(&network->ops[i]);
        }
        if (real)
            walk->real = calloc(walk->size, sizeof *walk->real);
        else
            walk->whole = calloc(walk->size, sizeof *walk->whole);
    }
    if (walk->real || walk->whole)
        return 0;
    close_walk(walk);
    return -1;
}

// Where row `step` of a block begins; of a stream per sequence there is one.
static size_t row_of(const struct walk *walk, int stream, size_t step) {
    const struct mr_stream *of = &walk->network->streams[stream];

    return walk->stream[stream] + (of->rate == MR_PER_STEP ? step * (size_t)of->width : 0);
}

// Puts a row of both streams that the operator reads behind each other.
static size_t join(struct walk *walk, const struct mr_op *op, size_t step) {
    const size_t a = row_of(walk, op->input, step), b = row_of(walk, op->other, step);
    const size_t first = (size_t)op->inputs,
                 second = (size_t)walk->network->streams[op->other].width;

    if (walk->real) {
        memcpy(walk->real + walk->joint, walk->real + a, first * sizeof *walk->real);
        memcpy(walk->real + walk->joint + first, walk->real + b, second * sizeof *walk->real);
    } else {
        memcpy(walk->whole + walk->joint, walk->whole + a, first * sizeof *walk->whole);
        memcpy(walk->whole + walk->joint + first, walk->whole + b, second * sizeof *walk->whole);
    }
    return walk->joint;
}

// The largest magnitudes of the operator's second state field and at the places of its cell.
static void observe_state(struct walk *walk, int index) {
    const struct mr_op *op = &walk->network->ops[index];
    const double *field = walk->real + walk->state[index] + op->units;
    const double *reach = field + 2 * (size_t)op->units;

    for (int p = 0; op->kind->recurrent && p < MR_PLACES; p++)
        walk->places[index][p] = fmax(walk->places[index][p], reach[p]);

    for (int j = 0; op->kind->second_field && j < op->units; j++)
        walk->second[index] = fmax(walk->second[index], fabs(field[j]));
}

// Rows of a stream in a block of so many steps, which may be the last one of its sequence.
static size_t block_rows(const struct walk *walk, int stream, size_t steps, bool is_last) {
    const struct mr_stream *of = &walk->network->streams[stream];

    return of->rate == MR_PER_SEQUENCE && !is_last ? 0 : mr_stream_rows(of, steps);
}

static void take_state(struct walk *walk, int index);

// All operators of a part, on a block.
static void run_block(struct walk *walk, bool encodes, size_t steps, bool is_last) {
    const struct mr_network *network = walk->network;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const size_t rows = block_rows(walk, mr_op_pace(op), steps, is_last);
        if (mr_op_encodes(network, op) != encodes)
            continue;
        if (op->follows)
            take_state(walk, i);
        for (size_t t = 0; t < rows; t++) {
            const size_t from = op->kind->reverses ? rows - 1 - t : t;
            const size_t in = op->kind->joins ? join(walk, op, t) : row_of(walk, op->input, from);
            const size_t out = row_of(walk, op->output, t), state = walk->state[i];
            if (walk->real)
                op->kind->float_row(op, walk->real + in, walk->real + state, walk->real + out);
            else
                op->kind->integer_row(network, op, walk->whole + in, walk->whole + state,
                                      walk->whole + out, NULL);
            if (walk->second)
                observe_state(walk, i);
        }
    }
}

static int open_seen(struct walk *walk, size_t sequences, size_t steps) {
    const struct mr_network *network = walk->network;
    const size_t encoded = walk->encoded ? walk->encoded->steps : 0;

    walk->seen = calloc((size_t)network->stream_count, sizeof *walk->seen);
    walk->second = calloc((size_t)network->op_count + 1, sizeof *walk->second);
    walk->places = calloc((size_t)network->op_count + 1, sizeof *walk->places);
    if (!walk->seen || !walk->second || !walk->places)
        return -1;
    for (int i = 0; i < network->stream_count; i++) {
        const struct mr_stream *stream = &network->streams[i];
        const size_t each = stream->encodes ? encoded : steps;
        const size_t rows = sequences * mr_stream_rows(stream, each);
        walk->seen[i].every = rows * (size_t)stream->width / SEEN + 1;
        walk->seen[i].numbers = malloc(SEEN * sizeof(float));
        if (!walk->seen[i].numbers)
            return -1;
    }
    return 0;
}

static void look(struct seen *seen, const double *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (seen->until-- == 0) {
            seen->numbers[seen->count++] = (float)numbers[i];
            seen->until = seen->every - 1;
        }
    }
}

// The rows of all streams of a part, of a block.
static void observe(struct walk *walk, bool encodes, size_t steps, bool is_last) {
    const struct mr_network *network = walk->network;

    for (int i = 0; walk->reach && i < network->stream_count; i++) {
        const size_t rows = block_rows(walk, i, steps, is_last);
        const int width = network->streams[i].width;
        for (size_t t = 0; t < rows && network->streams[i].encodes == encodes; t++) {
            const double *row = walk->real + row_of(walk, i, t);
            for (int k = 0; k < width; k++)
                walk->reach[i] = fmax(walk->reach[i], fabs(row[k]));
            if (walk->seen)
                look(&walk->seen[i], row, (size_t)width);
        }
    }
}

// Where the results go; one of both.
struct results {
    double *real;
    int32_t *whole;
};

// The rows of the outputs, of a block that begins with step `first` of sequence n.
static void collect(const struct walk *walk, size_t n, size_t first, size_t block, bool is_last,
                    size_t sequences, size_t steps, struct results y) {
    const struct mr_network *network = walk->network;
    size_t begin = 0;

    for (int o = 0; o < network->output_count; o++) {
        const int stream = network->outputs[o].stream;
        const size_t width = (size_t)network->streams[stream].width;
        const size_t rows = block_rows(walk, stream, block, is_last);
        const bool per_step = network->streams[stream].rate == MR_PER_STEP;
        const size_t row = n * mr_output_rows(network, o, steps) + (per_step ? first : 0);
        const size_t from = row_of(walk, stream, 0), to = begin + row * width;
        if (rows > 0 && y.real)
            memcpy(y.real + to, walk->real + from, rows * width * sizeof *y.real);
        else if (rows > 0 && y.whole)
            memcpy(y.whole + to, walk->whole + from, rows * width * sizeof *y.whole);
        begin += sequences * mr_output_numbers(network, o, steps);
    }
}

static void put_input(struct walk *walk, int input, const void *x, size_t step, size_t row) {
    const size_t inputs = (size_t)walk->network->streams[input].width;
    const size_t to = row_of(walk, input, step);

    for (size_t k = 0; k < inputs; k++) {
        if (walk->real)
            walk->real[to + k] =
                mr_cast(mr_input_cast(walk->network, input), ((const float *)x)[row * inputs + k]);
        else
            walk->whole[to + k] = ((const int16_t *)x)[row * inputs + k];
    }
}

static void put_x(struct walk *walk, const void *x, size_t step, size_t row) {
    put_input(walk, 0, x, step, row);
}

static void start_states(struct walk *walk, size_t sequence) {
    for (int i = 0; i < walk->network->op_count; i++) {
        const struct mr_op *op = &walk->network->ops[i];
        const size_t columns = op->start ? (size_t)mr_op_start_columns(op) : 0;
        const size_t row = op->start ? sequence % (size_t)op->start_rows : 0;
        int32_t *state = walk->whole ? walk->whole + walk->state[i] : NULL;
        for (int u = 0; state && op->start && u < op->units; u++)
            op->kind->start(walk->network, op, sequence, u, &state[u], &state[op->units + u]);
        for (size_t j = 0; walk->real && j < columns; j++)
            walk->real[walk->state[i] + j] = op->start[row * columns + j];
    }
}

// Row 0 of what the operator reads to row 0 of what it gives.
static void copy_row(struct walk *walk, const struct mr_op *op) {
    const size_t from = row_of(walk, op->input, 0), to = row_of(walk, op->output, 0);

    for (size_t k = 0; k < (size_t)op->inputs; k++) {
        if (walk->real)
            walk->real[to + k] = walk->real[from + k];
        else
            walk->whole[to + k] = walk->whole[from + k];
    }
}

// The state that a recurrent operator starts from, of what the streams gave.
static void take_state(struct walk *walk, int index) {
    const struct mr_network *network = walk->network;
    const struct mr_op *op = &network->ops[index];
    const size_t units = (size_t)op->units, state = walk->state[index];
    const size_t from[2] = {op->given[0] >= 0 ? row_of(walk, op->given[0], 0) : 0,
                            op->given[1] >= 0 ? row_of(walk, op->given[1], 0) : 0};

    for (int field = 0; walk->real && field < 2; field++)
        if (op->given[field] >= 0)
            memcpy(walk->real + state + (size_t)field * units, walk->real + from[field],
                   units * sizeof *walk->real);
    for (size_t u = 0; walk->whole && u < units; u++)
        op->kind->take(network, op, op->given[0] >= 0 ? walk->whole + from[0] : NULL,
                       op->given[1] >= 0 ? walk->whole + from[1] : NULL, (int)u,
                       &walk->whole[state + u], &walk->whole[state + units + u], NULL);
    if (walk->second)
        observe_state(walk, index);
}

// The encoder's part, on the rows of sequence n.
static void encode(struct walk *walk, size_t n) {
    const struct mr_network *network = walk->network;
    const size_t steps = walk->encoded->steps;
    const size_t block = walk->block < steps ? walk->block : steps;

    for (size_t first = 0; first < steps; first += block) {
        for (size_t t = 0; t < block; t++)
            put_input(walk, network->encoder, walk->encoded->x, t, n * steps + first + t);
        run_block(walk, true, block, first + block == steps);
        observe(walk, true, block, first + block == steps);
    }
    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->recurrent && !mr_op_encodes(network, &network->ops[i]))
            take_state(walk, i);
}

// What the step before gave is the next one's input.
static void feed(struct walk *walk, size_t row) {
    const struct mr_encoded *encoded = walk->encoded;

    if (encoded && encoded->fed && walk->real)
        encoded->fed[row] =
            (float)walk->real[row_of(walk, walk->network->outputs[encoded->token].stream, 0)];
}

// Behind the end of a sequence, at row 0 of the block: operators that keep nothing give what they
// do for hidden states of 0; what is turned round within a sequence's steps stays behind them.
static void run_padding(struct walk *walk) {
    const struct mr_network *network = walk->network;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const size_t out = row_of(walk, op->output, 0);
        const size_t width = (size_t)network->streams[op->output].width;
        if (network->streams[op->output].rate != MR_PER_STEP)
            continue;
        if (op->kind->reverses) {
            copy_row(walk, op);
            continue;
        }
        if (op->kind->recurrent) {
            if (walk->real)
                memset(walk->real + out, 0, width * sizeof *walk->real);
            else
                memset(walk->whole + out, 0, width * sizeof *walk->whole);
            continue;
        }
        const size_t in = op->kind->joins ? join(walk, op, 0) : row_of(walk, op->input, 0);
        if (walk->real)
            op->kind->float_row(op, walk->real + in, walk->real + walk->state[i], walk->real + out);
        else
            op->kind->integer_row(network, op, walk->whole + in, walk->whole + walk->state[i],
                                  walk->whole + out, NULL);
    }
}

static void run(struct walk *walk, const void *x, size_t sequences, size_t steps,
                struct results y) {
    for (size_t n = 0; n < sequences; n++) {
        // Without a step, what follows the last one sees the zero state.
        if (walk->real)
            memset(walk->real, 0, walk->size * sizeof *walk->real);
        else
            memset(walk->whole, 0, walk->size * sizeof *walk->whole);
        start_states(walk, n);
        if (walk->encoded)
            encode(walk, n);
        const size_t own = walk->lengths
                               ? walk->lengths[n]
                               : mr_network_length(walk->network, walk->real ? x : NULL, n, steps);
        const size_t block = walk->block < own ? walk->block : own;
        size_t first = 0;
        do { // once, too, where there is no step
            for (size_t t = 0; t < block; t++)
                put_x(walk, x, t, n * steps + first + t);
            const bool is_last = first + block == own;
            run_block(walk, false, block, is_last);
            observe(walk, false, block, is_last);
            collect(walk, n, first, block, is_last, sequences, steps, y);
            if (!is_last)
                feed(walk, n * steps + first + 1);
            first += block;
        } while (first < own);
        for (size_t t = own; t < steps; t++) {
            put_x(walk, x, 0, n * steps + t);
            run_padding(walk);
            collect(walk, n, t, 1, false, sequences, steps, y);
        }
    }
}

int mr_integer_padding(const struct mr_network *network, const int16_t *x, int32_t *rows) {
    struct walk walk;

    if (open_walk(&walk, network, NULL, 1, false))
        return -1;
    put_x(&walk, x, 0, 0);
    run_padding(&walk);
    for (int o = 0; o < network->output_count; o++) {
        const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
        memcpy(rows, walk.whole + row_of(&walk, network->outputs[o].stream, 0),
               (size_t)stream->width * sizeof *rows);
        rows += stream->width;
    }
    close_walk(&walk);
    return 0;
}

static void log_softmax(double *row, size_t width) {
    struct mr_log_sum sum = MR_LOG_SUM_ZERO;

    for (size_t k = 0; k < width; k++)
        mr_log_sum_add(&sum, row[k]);
    for (size_t k = 0; k < width; k++)
        row[k] -= mr_log_sum(sum);
}

static int float_run(const struct mr_network *network, const struct mr_encoded *encoded,
                     const float *x, size_t sequences, size_t steps, double *y, double *reach) {
    struct walk walk;

    if (open_walk(&walk, network, encoded, steps, true))
        return -1;
    walk.reach = reach;
    for (int i = 0; reach && i < network->stream_count; i++)
        reach[i] = 0;
    run(&walk, x, sequences, steps, (struct results){.real = y});
    for (int o = 0; o < network->output_count; o++) {
        const size_t width = (size_t)network->streams[network->outputs[o].stream].width;
        const size_t rows = sequences * mr_output_rows(network, o, steps);
        for (size_t i = 0; network->outputs[o].log_softmax && i < rows; i++)
            log_softmax(y + i * width, width);
        y += rows * width;
    }
    close_walk(&walk);
    return 0;
}

int mr_float_run(const struct mr_network *network, const float *x, size_t sequences, size_t steps,
                 double *y) {
    return mr_float_run_reach(network, x, sequences, steps, y, NULL);
}

int mr_float_run_reach(const struct mr_network *network, const float *x, size_t sequences,
                       size_t steps, double *y, double *reach) {
    return float_run(network, NULL, x, sequences, steps, y, reach);
}

int mr_float_run_encoded(const struct mr_network *network, const struct mr_encoded *encoded,
                         const float *x, size_t sequences, size_t steps, double *y) {
    return float_run(network, encoded, x, sequences, steps, y, NULL);
}

static int integer_run(const struct mr_network *network, const struct mr_encoded *encoded,
                       const int16_t *x, size_t sequences, size_t steps, const size_t *lengths,
                       int32_t *y) {
    struct walk walk;

    if (open_walk(&walk, network, encoded, steps, false))
        return -1;
    walk.lengths = lengths;
    run(&walk, x, sequences, steps, (struct results){.whole = y});
    close_walk(&walk);
    return 0;
}

int mr_integer_run(const struct mr_network *network, const int16_t *x, size_t sequences,
                   size_t steps, int32_t *y) {
    return integer_run(network, NULL, x, sequences, steps, NULL, y);
}

int mr_integer_run_lengths(const struct mr_network *network, const int16_t *x, size_t sequences,
                           size_t steps, const size_t *lengths, int32_t *y) {
    return integer_run(network, NULL, x, sequences, steps, lengths, y);
}

int mr_integer_run_encoded(const struct mr_network *network, const struct mr_encoded *encoded,
                           const int16_t *x, size_t sequences, size_t steps, int32_t *y) {
    return integer_run(network, encoded, x, sequences, steps, NULL, y);
}

int mr_float_run_cast(const struct mr_network *network, const float *x, size_t sequences,
                      size_t steps, float *y) {
    double *wide = malloc((sequences * mr_network_numbers(network, steps) + 1) * sizeof *wide);
    int result = wide ? mr_float_run(network, x, sequences, steps, wide) : -1;
    size_t at = 0;

    for (int o = 0; result == 0 && o < network->output_count; o++) {
        const size_t count = sequences * mr_output_numbers(network, o, steps);
        for (size_t i = 0; i < count; i++, at++)
            y[at] = (float)mr_cast(network->outputs[o].cast, wide[at]);
    }
    free(wide);
    return result;
}

int mr_float_observe(struct mr_network *network, const float *x, size_t sequences, size_t steps,
                     const struct mr_calibration *how) {
    return mr_float_observe_encoded(network, NULL, x, sequences, steps, how);
}

int mr_float_observe_encoded(struct mr_network *network, const struct mr_encoded *encoded,
                             const float *x, size_t sequences, size_t steps,
                             const struct mr_calibration *how) {
    static const struct mr_calibration usual = {0};
    double reach[MR_MAX_STREAMS] = {0};
    struct walk walk;

    if (open_walk(&walk, network, encoded, steps, true))
        return -1;
    walk.reach = reach;
    int result = open_seen(&walk, sequences, steps);
    if (result == 0)
        run(&walk, x, sequences, steps, (struct results){0});
    for (int i = 0; result == 0 && i < network->stream_count; i++)
        result = mr_calibrate_stream(&network->streams[i], how ? how : &usual, reach[i],
                                     walk.seen[i].numbers, walk.seen[i].count);
    for (int i = 0; result == 0 && i < network->op_count; i++)
        network->ops[i].greatest = walk.second[i];
    for (int i = 0; result == 0 && i < network->op_count; i++)
        for (int p = 0; p < MR_PLACES; p++)
            network->ops[i].places[p].greatest = walk.places[i][p];
    close_walk(&walk);
    return result;
}
