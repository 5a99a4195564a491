// SPDX-License-Identifier: Apache-2.0
// Recurrent operators of ONNX: a row for each cell, and what all of them have in common, read into
// the network and computed in double precision.
#include "onnx_parts.h"

#include "op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- Cells

static void lstm_step(const struct onnx_run *run, const double *x, const double *s, double *h,
                      double *c, double *scratch) {
    const size_t n = run->units;
    const double *p = run->p;

    (void)scratch;
    for (size_t j = 0; j < n; j++) {
        double i = onnx_function(&run->activation[0], x[j] + s[j] + (p ? p[j] * c[j] : 0));
        double of_f = x[2 * n + j] + s[2 * n + j] + (p ? p[2 * n + j] * c[j] : 0);
        double f = run->coupled ? 1 - i : onnx_function(&run->activation[0], of_f);
        double g = onnx_function(&run->activation[1], x[3 * n + j] + s[3 * n + j]);
        c[j] = f * c[j] + i * g;
        double of_o = x[n + j] + s[n + j] + (p ? p[n + j] * c[j] : 0);
        h[j] = onnx_function(&run->activation[0], of_o) * onnx_function(&run->activation[2], c[j]);
    }
}

static void gru_step(const struct onnx_run *run, const double *x, const double *s, double *h,
                     double *c, double *scratch) {
    const size_t n = run->units;

    (void)c;
    (void)scratch;
    for (size_t j = 0; j < n; j++) {
        double z = onnx_function(&run->activation[0], x[j] + s[j]),
               r = onnx_function(&run->activation[0], x[n + j] + s[n + j]);
        const double g = onnx_function(&run->activation[1], x[2 * n + j] + r * s[2 * n + j]);
        h[j] = (1 - z) * g + z * h[j];
    }
}

// The reset gate weighs h before the product.
static void gru_reset_first_step(const struct onnx_run *run, const double *x, const double *s,
                                 double *h, double *c, double *scratch) {
    const size_t n = run->units;

    (void)c;
    for (size_t j = 0; j < n; j++)
        scratch[j] = onnx_function(&run->activation[0], x[n + j] + s[n + j]) * h[j];
    for (size_t j = 0; j < n; j++) {
        const size_t row = 2 * n + j;
        double z = onnx_function(&run->activation[0], x[j] + s[j]),
               bias = run->b ? run->b[3 * n + row] : 0;
        const double sum = x[row] + onnx_dot(run->r + row * n, scratch, n) + bias;
        h[j] = (1 - z) * onnx_function(&run->activation[1], sum) + z * h[j];
    }
}

static void rnn_step(const struct onnx_run *run, const double *x, const double *s, double *h,
                     double *c, double *scratch) {
    (void)c;
    (void)scratch;
    for (size_t j = 0; j < run->units; j++)
        h[j] = onnx_function(&run->activation[0], x[j] + s[j]);
}

static const struct onnx_cell cells[] = {
#define OF_LSTM                                                                                    \
    .type = "LSTM", .gates = 4, .order = {0, 2, 3, 1}, .activations = {"Sigmoid", "Tanh", "Tanh"}, \
    .places = {MR_PLACE_GATE, MR_PLACE_G, MR_PLACE_H}, .step = lstm_step
#define OF_GRU                                                                                     \
    .type = "GRU", .gates = 3, .order = {1, 0, 2}, .activations = {"Sigmoid", "Tanh"},             \
    .places = {MR_PLACE_GATE, MR_PLACE_G}
#define OF_RNN                                                                                     \
    .type = "RNN", .gates = 1, .activations = {"Tanh"}, .places = {MR_PLACE_G}, .step = rnn_step
    {OF_LSTM, .kind = "lstm", .cells = "lstm_cell"},
    {OF_LSTM, .kind = "lstm_peephole", .cells = "lstm_peephole_cell", .peepholes = true},
    {OF_GRU, .kind = "gru", .linear_before_reset = true, .step = gru_step},
    {OF_GRU, .kind = "gru_reset_first", .step = gru_reset_first_step},
    {OF_RNN, .kind = "rnn_tanh"},
    {OF_RNN, .kind = "rnn_relu"}, // in its place where all its activations are Relu
};

const struct onnx_cell *onnx_cell_of(const char *kind) {
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        if (strcmp(cells[i].kind, kind) == 0)
            return &cells[i];
    return NULL;
}

// ---- The operator's attributes

// An LSTM whose weights are whole numbers until it is read.
static bool is_quantised(const struct onnx_graph *graph) {
    return onnx_is(graph, "DynamicQuantizeLSTM");
}

// The row of the current node and its activations; NULL with a sentence.
static const struct onnx_cell *find_cell(struct onnx_graph *graph, size_t directions,
                                         bool peepholes, struct onnx_activation (*of)[MR_PLACES]) {
    const bool linear = onnx_int(graph, "linear_before_reset", 0) != 0;
    const struct onnx_cell *cell = cells;
    bool relu = onnx_is(graph, "RNN");

    if (onnx_own_cell(graph) &&
        (onnx_attribute(graph, "activations") || onnx_attribute(graph, "clip"))) {
        onnx_fail(graph, "has activations or a clip, which for a cell of your own are in the "
                         "cell's file");
        return NULL;
    }
    if (onnx_own_cell(graph))
        return onnx_own_row(graph);
    while (true) {
        const bool is_lstm = cell->step == lstm_step;
        if ((onnx_is(graph, cell->type) || (is_quantised(graph) && is_lstm)) &&
            (!onnx_is(graph, "GRU") || cell->linear_before_reset == linear) &&
            (!is_lstm || cell->peepholes == peepholes))
            break;
        cell++;
    }
    if (onnx_activations(graph, cell, directions, of) != 0)
        return NULL;
    for (size_t d = 0; d < directions; d++)
        relu = relu && onnx_is_plain_relu(&of[d][0]);
    return relu ? cell + 1 : cell;
}

static bool is_coupled(const struct onnx_graph *graph) {
    return onnx_is(graph, "LSTM") && onnx_int(graph, "input_forget", 0) != 0;
}

// Refuses attributes that no cell takes.
static int check_attributes(struct onnx_graph *graph) {
    int64_t layout = onnx_int(graph, "layout", 0);
    if (layout != 0 && layout != 1)
        return onnx_fail(graph, "has layout %lld, and there are 0 and 1", (long long)layout);
    return 0;
}

// ---- Reading

// Those of 0 are none. An input that is not constant counts as one that is not.
static bool has_peepholes(const struct onnx_graph *graph, const struct onnx_tensor *constant) {
    return onnx_input_index(graph, 7) >= 0 && !(constant && onnx_all_zero(constant));
}

static int check_peepholes(struct onnx_graph *graph) {
    if (onnx_is(graph, "LSTM") || is_quantised(graph))
        return 0;
    return onnx_fail(graph, "has peepholes, which only an LSTM has");
}

// A constant tensor of exactly this shape.
static int check_tensor(struct onnx_reader *r, const char *what, size_t input, int rank,
                        const int64_t *shape) {
    const struct onnx_tensor *tensor = onnx_real_constant(r, input);

    if (!tensor)
        return onnx_fail(r->graph, "has a %s that is not a constant float tensor", what);
    bool good = tensor->rank == rank;
    for (int i = 0; good && i < rank; i++)
        good = tensor->dims[i] == shape[i];
    if (!good) {
        char text[80] = "";
        for (int i = 0, used = 0; i < rank; i++)
            used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", i > 0 ? ", " : "",
                             (long long)shape[i]);
        return onnx_fail(r->graph, "has a %s of another shape than [%s]", what, text);
    }
    return onnx_check_finite(r, input);
}

// At the first recurrent layer: which axes of the input are time, batch and features. An axis of
// size 1 that a node has added stands for one that the input does not have.
static int find_axes(struct onnx_reader *r, const struct onnx_value *x, int time) {
    const enum onnx_axis of_time = x->axis[time], of_batch = x->axis[!time];
    const int found = (of_time != AXIS_ONE) + (of_batch != AXIS_ONE);

    if (x->axis[2] == AXIS_ONE && r->feature_axis < 0 && found == r->input_rank) {
        r->feature_axis = AXIS_ONE;
        r->values[x - r->values].axis[2] = AXIS_FEATURE;
    } else if (x->axis[2] <= AXIS_INPUT_2 && onnx_claim_features(r, x, 2) != 0) {
        return -1;
    }
    if (x->axis[2] != AXIS_FEATURE || of_time == AXIS_FEATURE || of_batch == AXIS_FEATURE ||
        of_time > AXIS_ONE || of_batch > AXIS_ONE ||
        found + (r->feature_axis != AXIS_ONE) != r->input_rank)
        return onnx_fail(r->graph, "reads a sequence whose axes are not time, batch and features "
                                   "of the input, each once; transpose the input in your program");
    if (r->turned_axis >= 0 && r->turned_axis != (int)of_time)
        return onnx_fail(r->graph,
                         "reads the input turned round along another axis than the steps");
    if (r->sorted_axis >= 0 && r->sorted_axis != (int)of_batch)
        return onnx_fail(r->graph, "reads the input sorted along another axis than the sequences");
    r->time_axis = (int)of_time;
    r->batch_axis = (int)of_batch;
    r->steps = x->dims[time];
    return 0;
}

// What comes in must be a whole sequence; its axes are time (at `time`), batch, features.
static int check_sequence(struct onnx_reader *r, const struct onnx_value *x, int time) {
    if (x && x->kind == ONNX_MASK)
        return onnx_fail(r->graph, "reads what a comparison of the input gives; this version takes "
                                   "that as a mask of its steps only");
    if (x && x->kind == ONNX_INPUT)
        return onnx_refuse_input(r, x);
    if (!x || x->kind != ONNX_FLOW)
        return onnx_fail(r->graph, "does not read the graph's input");
    if (x->last)
        return onnx_fail(r->graph,
                         "reads only the last step of the layer before; it must read all steps");
    if (x->rank != 3)
        return onnx_fail(r->graph,
                         "reads a sequence of %d axes instead of time, batch and "
                         "features",
                         x->rank);
    if (r->time_axis < 0)
        return find_axes(r, x, time);
    if (x->axis[2] != AXIS_FEATURE || (int)x->axis[time] != r->time_axis ||
        (int)x->axis[!time] != r->batch_axis)
        return onnx_fail(r->graph, "reads a sequence whose axes are not time, batch and features "
                                   "as those of the first recurrent layer");
    return 0;
}

// The layers of each direction.
struct made {
    int directions, steps[ONNX_DIRECTIONS], last[ONNX_DIRECTIONS], cells[ONNX_DIRECTIONS];
};

// width: of h
static void set_outputs(struct onnx_reader *r, const struct onnx_value *x, int width, int units,
                        const struct made *made, bool swapped) {
    struct onnx_value *y = onnx_output(r, 0);
    const struct onnx_size of_h = {width, SYMBOL_NONE}, of_c = {units, SYMBOL_NONE};
    const int batch = swapped ? 0 : 1, along = swapped ? 2 : 1;

    if (y) { // [steps, directions, batch, units], or [batch, steps, directions, units]
        *y = (struct onnx_value){.kind = ONNX_FLOW, .rank = 4};
        y->dims[0] = x->dims[0];
        y->axis[0] = x->axis[0];
        y->dims[3 - along] = x->dims[1];
        y->axis[3 - along] = x->axis[1];
        y->dims[3] = of_h;
        y->axis[3] = AXIS_FEATURE;
        y->sorted = x->sorted;
        onnx_stack(y, along, made->steps, made->directions);
    }
    for (size_t i = 1; i < 3; i++) { // [directions, batch, units], or [batch, directions, units]
        struct onnx_value *state = onnx_output(r, i);
        if (!state)
            continue;
        *state =
            (struct onnx_value){.kind = ONNX_FLOW, .rank = 3, .last = true, .sorted = x->sorted};
        onnx_stack(state, !batch, i == 1 ? made->last : made->cells, made->directions);
        state->dims[batch] = x->dims[batch];
        state->axis[batch] = x->axis[batch];
        state->dims[2] = i == 1 ? of_h : of_c;
        state->axis[2] = AXIS_FEATURE;
    }
}

// The layers of one direction.
static int add_direction(struct onnx_reader *r, const struct onnx_value *x, struct onnx_layer layer,
                         const struct onnx_activation *activations, bool reverse,
                         struct made *made) {
    const int d = layer.direction = made->directions++;
    struct onnx_directed of;

    for (int i = 0; i < MR_PLACES && layer.cell->activations[i]; i++) {
        const enum mr_place_of_cell where = layer.cell->places[i];
        if (onnx_place(r->graph, &activations[i], where, layer.coupled, &layer.in[where]) != 0)
            return -1;
    }
    const enum mr_activation gates = layer.in[MR_PLACE_GATE].place.kind;
    if (layer.p && gates != MR_ACTIVATION_SIGMOID && gates != MR_ACTIVATION_HARD)
        return onnx_fail(r->graph, "has peepholes that are not zero, with which this version takes "
                                   "Sigmoid and HardSigmoid as the activation of its gates");
    if (onnx_add_directed(r, x, &layer, reverse, &of) != 0 ||
        (layer.projection && onnx_add_projection(r, &layer, reverse, &of) != 0))
        return -1;
    made->steps[d] = of.steps;
    made->last[d] = of.last;
    if (!onnx_output(r, 2))
        return 0;
    layer.kind = layer.cell->cells; // the same layer again, of which the cell states are taken
    if (onnx_add_directed(r, x, &layer, reverse, &of) != 0)
        return -1;
    made->cells[d] = of.last;
    return 0;
}

// X, W, R, B, sequence_lens, initial_h, initial_c, P.
static int read_recurrent(struct onnx_reader *r) {
    if (is_quantised(r->graph) && onnx_quantised_lstm(r) != 0)
        return -1;
    const struct onnx_value *x = onnx_input(r, 0);
    struct onnx_value steps = x ? *x : (struct onnx_value){0};
    const struct onnx_tensor *w = onnx_real_constant(r, 1), *h = onnx_real_constant(r, 2);
    const bool swapped = onnx_int(r->graph, "layout", 0) == 1;
    bool reverse[ONNX_DIRECTIONS];
    struct made made = {0};

    const int directions = onnx_directions(r->graph, reverse);
    if (onnx_own_steps(r, swapped, &steps) != 0)
        return -1;
    const bool is_own = x && (x->kind != steps.kind || x->layer != steps.layer);
    // One step gives a row of the sequence, as it is one.
    const bool is_one =
        is_own && steps.dims[swapped].symbol == SYMBOL_NONE && steps.dims[swapped].k == 1;
    x = is_own ? &steps : x;
    if (directions < 0 || check_sequence(r, x, swapped) != 0 || check_attributes(r->graph) != 0)
        return -1;
    struct onnx_activation activations[ONNX_DIRECTIONS][MR_PLACES];
    const bool peepholes = has_peepholes(r->graph, onnx_constant(r, 7));
    const struct onnx_cell *cell = find_cell(r->graph, (size_t)directions, peepholes, activations);
    if (!cell ||
        onnx_read_lengths(r, 4, x->axis[swapped], &x->dims[swapped], &x->dims[!swapped]) != 0 ||
        (peepholes && check_peepholes(r->graph) != 0) || onnx_check_projection(r, directions) != 0)
        return -1;
    const struct onnx_tensor *projection = onnx_projection(r);
    const int64_t width = h && h->rank == 3 ? h->dims[2] : 0;
    int64_t units = projection ? projection->dims[2] : width;
    int64_t inputs = w && w->rank == 3 ? w->dims[2] : 0;
    if (units < 1 || units > MR_MAX_WIDTH || width < 1 || width > MR_MAX_WIDTH || inputs < 1 ||
        inputs > MR_MAX_WIDTH)
        return onnx_fail(r->graph,
                         "has weights that are not constant, or not of 1 to %d inputs and units",
                         MR_MAX_WIDTH);
    if (onnx_int(r->graph, "hidden_size", units) != units)
        return onnx_fail(r->graph, "has a hidden_size that is not the size of its weights");
    const int64_t rows = cell->gates * units;
    if (check_tensor(r, "W", 1, 3, (int64_t[]){directions, rows, inputs}) != 0 ||
        check_tensor(r, "R", 2, 3, (int64_t[]){directions, rows, width}) != 0 ||
        (projection && projection->dims[1] != width &&
         onnx_fail(r->graph, "has a projection to %lld numbers, and R is over %lld",
                   (long long)projection->dims[1], (long long)width) != 0) ||
        (onnx_input(r, 3) && check_tensor(r, "B", 3, 2, (int64_t[]){directions, 2 * rows}) != 0) ||
        (peepholes && check_tensor(r, "P", 7, 2, (int64_t[]){directions, 3 * units}) != 0))
        return -1;
    if (x->dims[2].symbol == SYMBOL_NONE && x->dims[2].k != inputs)
        return onnx_fail(r->graph, "has weights for %lld inputs and reads %lld", (long long)inputs,
                         (long long)x->dims[2].k);
    if (onnx_output(r, 2) && !cell->cells)
        return onnx_fail(r->graph, "has a third output, which its operator does not have");
    struct onnx_start start;
    if (onnx_read_starts(r, directions, swapped, width, units, &x->dims[!swapped], &start) != 0)
        return -1;
    struct onnx_layer layer = {.kind = cell->kind,
                               .inputs = (int)inputs,
                               .units = (int)units,
                               .recurrent = true,
                               .coupled = is_coupled(r->graph),
                               .fill = onnx_fill_gates,
                               .cell = cell,
                               .w = w,
                               .h = h,
                               .b = onnx_constant(r, 3),
                               .p = peepholes ? onnx_constant(r, 7) : NULL,
                               .projection = projection,
                               .directions = directions,
                               .start = start};
    for (int d = 0; d < directions; d++)
        if (add_direction(r, x, layer, activations[d], reverse[d], &made) != 0)
            return -1;
    if (is_one)
        steps.axis[swapped] = AXIS_ONE;
    set_outputs(r, x, (int)width, (int)units, &made, swapped);
    if (is_one && onnx_output(r, 0))
        onnx_output(r, 0)->last = true;
    return 0;
}

// ---- Computing

static bool shaped(const struct onnx_tensor *t, int rank, int64_t a, int64_t b, int64_t c) {
    const int64_t dims[3] = {a, b, c};

    return t && onnx_is_real(t->type) && t->rank == rank &&
           memcmp(t->dims, dims, (size_t)rank * sizeof *dims) == 0;
}

// Sums of all rows of one sequence's x and h, then the cell. sums: 2 * gates * units, then twice
// units.
// run: of one direction
static void step(const struct onnx_run *run, const double *x, double *h, double *c, double *sums) {
    const size_t n = run->units, rows = (size_t)run->cell->gates * n;

    for (size_t row = 0; row < rows; row++) {
        sums[row] = onnx_dot(run->w + row * run->inputs, x, run->inputs);
        sums[rows + row] = onnx_dot(run->r + row * run->width, h, run->width);
        if (run->b) {
            sums[row] += run->b[row];
            sums[rows + row] += run->b[rows + row];
        }
    }
    double *u = run->projection ? sums + 2 * rows + n : h;
    run->cell->step(run, sums, sums + rows, u, c, sums + 2 * rows);
    for (size_t k = 0; run->projection && k < run->width; k++)
        h[k] = onnx_dot(run->projection + k * n, u, n);
}

static struct onnx_run run_of(const struct onnx_run *all, size_t direction) {
    const size_t rows = (size_t)all->cell->gates * all->units;
    struct onnx_run run = *all;

    memcpy(run.activation, all->activations[direction], sizeof run.activation);
    run.w += direction * rows * all->inputs;
    run.r += direction * rows * all->width;
    run.projection = all->projection ? all->projection + direction * all->width * all->units : NULL;
    run.b = all->b ? all->b + direction * 2 * rows : NULL;
    run.p = all->p ? all->p + direction * 3 * all->units : NULL;
    return run;
}

// state: h, then c, of all directions and sequences as outputs have them, and what step needs.
static int compute(struct onnx_eval *e, const struct onnx_run *run, const struct onnx_tensor *x,
                   const struct onnx_tensor *lengths, double *state) {
    struct onnx_tensor *y = onnx_eval_output(e, 0);
    const bool swapped = run->batch_first;
    const int64_t batch = x->dims[swapped ? 0 : 1], directions = (int64_t)run->directions;
    const size_t widths[2] = {run->width, run->units}; // of h and c
    const size_t steps = (size_t)x->dims[swapped ? 1 : 0], sequences = (size_t)batch;
    const int64_t dims[4] = {x->dims[0], swapped ? x->dims[1] : directions,
                             swapped ? directions : x->dims[1], (int64_t)run->width};
    const size_t states = sequences * run->directions;
    double *const of_h = state, *const of_c = state + states * run->width;
    double *sums = of_c + states * run->units;

    if (y && onnx_eval_create(e, y, x->type, 4, dims) != 0)
        return -1;
    for (size_t i = 0; y && lengths && i < y->count; i++) // behind the end of a sequence
        y->real[i] = 0;
    for (size_t d = 0; d < run->directions; d++) {
        const struct onnx_run own = run_of(run, d);
        for (size_t i = 0; i < sequences; i++) {
            const size_t place = swapped ? i * run->directions + d : d * sequences + i;
            double *h = of_h + place * run->width, *c = of_c + place * run->units;
            const size_t end = lengths ? (size_t)lengths->whole[i % lengths->count] : steps;
            for (size_t k = 0; k < end; k++) {
                const size_t t = run->reverse[d] ? end - 1 - k : k;
                const size_t from = swapped ? i * steps + t : t * sequences + i;
                const size_t to = swapped ? from * run->directions + d
                                          : (t * run->directions + d) * sequences + i;
                step(&own, x->real + from * run->inputs, h, c, sums);
                if (y)
                    memcpy(y->real + to * run->width, h, run->width * sizeof *h);
            }
        }
    }
    for (size_t k = 0; k < 2; k++) {
        struct onnx_tensor *out = onnx_eval_output(e, 1 + k);
        const int64_t last[3] = {swapped ? batch : directions, swapped ? directions : batch,
                                 (int64_t)widths[k]};
        if (out && onnx_eval_create(e, out, x->type, 3, last) != 0)
            return -1;
        if (out)
            memcpy(out->real, k ? of_c : of_h, states * widths[k] * sizeof *state);
    }
    return 0;
}

// state: of all directions and sequences, as outputs have them, each of n numbers.
static void put_start(const struct onnx_tensor *start, const struct onnx_run *run, size_t batch,
                      size_t n, double *state) {
    const size_t directions = run->directions;

    memset(state, 0, batch * directions * n * sizeof *state);
    for (size_t i = 0; start && i < batch * directions; i++) {
        const bool one = start->dims[run->batch_first ? 0 : 1] == 1;
        const size_t from = !one ? i : run->batch_first ? i % directions : i / batch;
        memcpy(state + i * n, start->real + from * n, n * sizeof *state);
    }
}

static int eval_recurrent(struct onnx_eval *e) {
    const struct onnx_tensor *x = onnx_eval_input(e, 0), *w = onnx_eval_input(e, 1);
    const struct onnx_tensor *r = onnx_eval_input(e, 2), *b = onnx_eval_input(e, 3);
    const struct onnx_tensor *start[2] = {onnx_eval_input(e, 5), onnx_eval_input(e, 6)};
    const bool swapped = onnx_int(e->graph, "layout", 0) == 1;

    bool reverse[ONNX_DIRECTIONS];

    struct onnx_run run = {0};

    const int directions = onnx_directions(e->graph, reverse);
    const struct onnx_tensor *p = onnx_eval_input(e, 7);
    const bool peepholes = has_peepholes(e->graph, p);
    const struct onnx_cell *cell =
        directions > 0 && check_attributes(e->graph) == 0
            ? find_cell(e->graph, (size_t)directions, peepholes, run.activations)
            : NULL;
    if (!cell)
        return -1;
    if (!x || x->rank != 3 || !onnx_is_real(x->type) || !r || r->rank != 3)
        return onnx_eval_unsupported(e);
    const struct onnx_tensor *projection = onnx_eval_projection(e);
    const int64_t inputs = x->dims[2], width = r->dims[2], batch = x->dims[swapped ? 0 : 1];
    const int64_t units = projection && projection->rank == 3 ? projection->dims[2] : width;
    if (batch > INT32_MAX)
        return onnx_eval_unsupported(e);
    if (peepholes && check_peepholes(e->graph) != 0)
        return -1;
    const struct onnx_tensor *lengths = onnx_eval_input(e, 4);
    const int64_t steps = x->dims[swapped ? 1 : 0];
    if (lengths &&
        (onnx_is_real(lengths->type) || (lengths->count != 1 && lengths->count != (size_t)batch)))
        return onnx_fail(e->graph, "has sequence lengths for %zu sequences, and there are %lld",
                         lengths->count, (long long)batch);
    for (size_t i = 0; lengths && i < lengths->count; i++)
        if (lengths->whole[i] < 0 || lengths->whole[i] > steps)
            return onnx_fail(e->graph, "has a sequence length of %lld for %lld steps",
                             (long long)lengths->whole[i], (long long)steps);
    if (units < 1 || units > INT32_MAX || inputs < 1 || inputs > INT32_MAX ||
        !shaped(w, 3, directions, cell->gates * units, inputs) ||
        !shaped(r, 3, directions, cell->gates * units, width) ||
        (projection && !shaped(projection, 3, directions, width, units)) ||
        (b && !shaped(b, 2, directions, 2 * cell->gates * units, 0)) ||
        (peepholes && !shaped(p, 2, directions, 3 * units, 0)))
        return onnx_fail(e->graph, "has weights whose shapes do not fit its input");
    for (int k = 0; k < 2; k++) {
        // Files of an open batch often hold the zero state of the batch that they were made with.
        if (start[k] && onnx_all_zero(start[k]))
            start[k] = NULL;
        // Where a constant was spread over an open batch, it is kept for one sequence.
        const int64_t rows = start[k] && start[k]->rank == 3 ? start[k]->dims[swapped ? 0 : 1] : 0;
        if (start[k] && ((rows != 1 && rows != batch) ||
                         !shaped(start[k], 3, swapped ? rows : directions,
                                 swapped ? directions : rows, k ? units : width)))
            return onnx_fail(e->graph, "has an %s whose shape does not fit its input",
                             k ? "initial_c" : "initial_h");
    }
    run.cell = cell;
    run.own = onnx_own_cell(e->graph);
    run.inputs = (size_t)inputs;
    run.units = (size_t)units;
    run.batch_first = swapped;
    run.directions = (size_t)directions;
    memcpy(run.reverse, reverse, sizeof run.reverse);
    run.coupled = is_coupled(e->graph);
    run.w = w->real;
    run.r = r->real;
    run.b = b ? b->real : NULL;
    run.p = peepholes ? p->real : NULL;
    run.width = (size_t)width;
    run.projection = projection ? projection->real : NULL;
    const int64_t size[1] = {batch * directions * (width + units) + 2 * (cell->gates + 1) * units};
    struct onnx_tensor state;
    if (onnx_eval_create(e, &state, x->type, 1, size) != 0)
        return -1;
    put_start(start[0], &run, (size_t)batch, run.width, state.real);
    put_start(start[1], &run, (size_t)batch, run.units,
              state.real + (size_t)(batch * directions * width));
    int result = compute(e, &run, x, lengths, state.real);
    onnx_tensor_free(&state);
    return result;
}

enum { TRAITS = ONNX_RECURRENT | ONNX_PARTS | ONNX_HEAVY };

const struct onnx_operator onnx_own_operator = {"", read_recurrent, NULL, eval_recurrent, TRAITS};

const struct onnx_operator onnx_recurrent_operators[] = {
    {"LSTM", read_recurrent, NULL, eval_recurrent, TRAITS},
    {"DynamicQuantizeLSTM", read_recurrent, NULL, eval_recurrent, TRAITS},
    {"GRU", read_recurrent, NULL, eval_recurrent, TRAITS},
    {"RNN", read_recurrent, NULL, eval_recurrent, TRAITS},
    {0},
};
