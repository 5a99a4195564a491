// SPDX-License-Identifier: Apache-2.0
// ONNX files: opening them, what their operators compute, and whether that is what was understood.
#define _POSIX_C_SOURCE 200809L
#include "onnx.h"

#include "file.h"
#include "file_kind.h"
#include "onnx_parts.h"
#include "onnx_written.h"
#include "op.h"
#include "walk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mr_onnx {
    struct onnx_graph graph;
    struct onnx_graph view; // the same with recurrences that it writes out as operators; or g NULL
    struct onnx_result results[MR_MAX_OUTPUTS]; // after mr_onnx_network
    char *name, *folder;
};

// What is known of the file by the graph that was read in its place.
static void take_over(struct onnx_graph *graph, const struct onnx_graph *view) {
    graph->input = onnx_find(graph, view->names[view->input]);
    graph->output_count = view->output_count;
    for (int i = 0; i < view->output_count; i++)
        graph->outputs[i] = onnx_find(graph, view->names[view->outputs[i]]);
    for (size_t i = 0; i < view->input_end; i++)
        if (view->of_lengths[i] && onnx_find(graph, view->names[i]) >= 0)
            graph->of_lengths[onnx_find(graph, view->names[i])] = true;
    graph->state_count = view->state_count;
    for (int i = 0; i < view->state_count; i++) {
        graph->states[i] = view->states[i];
        graph->states[i].value = onnx_find(graph, view->names[view->states[i].value]);
    }
    memcpy(graph->notes, view->notes, sizeof graph->notes);
}

// Has it an operator that is a recurrence as it is?
static bool has_recurrence(struct onnx_graph *graph) {
    for (size_t i = 0; i < graph->g->n_node; i++)
        if (onnx_select(graph, i) && onnx_has(graph, ONNX_RECURRENT) &&
            !onnx_is(graph, "ReverseSequence"))
            return true;
    return false;
}

int mr_onnx_network(struct mr_onnx *onnx, struct mr_network *network, char *error,
                    size_t error_size) {
    struct onnx_graph *graph = &onnx->graph, *view = &onnx->view;
    char own[1024] = "";

    graph->error = error;
    graph->error_size = error_size;
    if (onnx_read(graph, network, onnx->results) == 0)
        return 0;
    if (error_size > 0)
        snprintf(own, sizeof own, "%s", error);
    int result = onnx_rewrite(graph, view);
    if (result == 0) {
        memset(onnx->results, 0, sizeof onnx->results);
        result = onnx_read(view, network, onnx->results);
        if (result == 0)
            take_over(graph, view);
    } else if (result > 0 || has_recurrence(graph)) { // none is written out, or not all are
        mr_fail(error, error_size, "%s", own);
    }
    return result == 0 ? 0 : -1;
}

void mr_onnx_take_cells(struct mr_onnx *onnx, const struct mr_own_cells *own) {
    onnx->graph.own = own;
}

// ---- States

void mr_onnx_be_encoder(struct mr_onnx *onnx) {
    onnx->graph.gives_states = true;
}

void mr_onnx_be_decoder(struct mr_onnx *onnx) {
    onnx->graph.takes_states = true;
}

int mr_onnx_rows(const struct mr_onnx *onnx, int output) {
    return onnx->results[output].layers ? (int)onnx->results[output].layers : 1;
}

int mr_onnx_state_count(const struct mr_onnx *onnx) {
    return onnx->graph.state_count;
}

const char *mr_onnx_state(const struct mr_onnx *onnx, int index, int *op, int *field, int *place) {
    const struct onnx_state *state = &onnx->graph.states[index];

    *op = state->op;
    *field = state->field;
    *place = state->value;
    return onnx->graph.names[state->value];
}

int mr_onnx_try_states(struct mr_onnx *onnx, struct mr_network *network) {
    size_t used[2 * MR_MAX_LAYERS] = {0};

    onnx->graph.tries_states = true;
    for (int i = 0; i < onnx->graph.state_count; i++) {
        const struct onnx_state *state = &onnx->graph.states[i];
        struct mr_op *op = &network->ops[state->op];
        int first = 0; // of the same input, whose numbers go on from one operator to the next
        while (onnx->graph.states[first].value != state->value)
            first++;
        if (!op->start && mr_op_starts(op, 1) != 0)
            return -1;
        for (int u = 0; u < op->units; u++)
            op->start[state->field * op->units + u] =
                (float)onnx_trial_state(state->value, used[first]++);
    }
    return 0;
}

const char *mr_onnx_notes(const struct mr_onnx *onnx) {
    return onnx->graph.notes;
}

// ---- What the graph computes

// x as the graph takes it, from sequence `first` on; beyond the last one that one is repeated.
static int make_input(struct onnx_graph *graph, const struct mr_network *network, const float *x,
                      size_t sequences, size_t steps, size_t first, size_t batch, size_t *budget,
                      struct onnx_tensor *to) {
    const size_t inputs = (size_t)network->streams[0].width;
    const int rank = (int)strlen(network->layout);
    const int type = onnx_input_info(graph)->type->tensor_type->elem_type;
    int64_t dims[MR_LAYOUT];
    size_t by[3] = {0}, next = 1; // from a sequence, step, feature to the next one

    for (int i = rank; i-- > 0;) {
        const char axis = network->layout[i];
        dims[i] = (int64_t)(axis == 'N' ? batch : axis == 'T' ? steps : inputs);
        by[axis == 'N' ? 0 : axis == 'T' ? 1 : 2] = next;
        next *= (size_t)dims[i];
    }
    if (next != batch * steps * inputs)
        return onnx_fail_file(graph, "takes one step at a time, and %zu were given", steps);
    if (onnx_tensor_create(to, type, rank, dims, budget) != 0)
        return onnx_fail_file(graph, "not enough memory to compute the network in floating point");
    for (size_t n = 0; n < batch; n++) {
        size_t from = first + n < sequences ? first + n : sequences - 1;
        for (size_t i = 0; i < steps * inputs; i++) {
            const float v = x[from * steps * inputs + i];
            const size_t at = n * by[0] + i / inputs * by[1] + i % inputs * by[2];
            if (onnx_is_real(type))
                to->real[at] = v;
            else if (!(fabsf(v) < 1e18f))
                return onnx_fail_file(graph, "the input has %g, which is no whole number", v);
            else
                to->whole[at] = (int64_t)v;
        }
    }
    return 0;
}

// An output of a batch of `given` sequences, of which `count` are wanted, to y: (sequences, rows,
// width).
static int take_output(struct onnx_graph *graph, const struct onnx_result *result,
                       const struct onnx_tensor *out, size_t given, size_t count, size_t rows,
                       size_t width, const char *name, double *y) {
    if (out->count != given * rows * width)
        return onnx_fail_file(graph,
                              "the graph gives %zu numbers of output '%.100s' for %zu sequences, "
                              "and %zu are expected",
                              out->count, name, given, given * rows * width);
    const size_t layers = result->layers ? result->layers : 1, each = width / layers;
    size_t by_time = 0, by_batch = 0, by_layer = 0, next = each;
    for (int i = (int)strlen(result->order); i-- > 0;) {
        const char axis = result->order[i];
        *(axis == 'T' ? &by_time : axis == 'N' ? &by_batch : &by_layer) = next;
        next *= axis == 'T' ? rows : axis == 'N' ? given : layers;
    }
    for (size_t n = 0; n < count; n++)
        for (size_t t = 0; t < rows; t++)
            for (size_t k = 0; k < width; k++)
                *y++ =
                    onnx_number(out, n * by_batch + t * by_time + k / each * by_layer + k % each);
    return 0;
}

static size_t width_of(const struct mr_network *network, int output) {
    return (size_t)network->streams[network->outputs[output].stream].width;
}

int mr_onnx_run(struct mr_onnx *onnx, const struct mr_network *network, const float *x,
                size_t sequences, size_t steps, size_t memory, double *y, char *error,
                size_t error_size) {
    struct onnx_graph *graph = &onnx->graph;
    const Onnx__TensorShapeProto *shape = onnx_input_info(graph)->type->tensor_type->shape;
    const int place = mr_layout_place(network->layout, 'N');
    const size_t own = place < 0 ? 1 : (size_t)onnx_fixed_size(shape->dim[place]);
    const size_t period = (size_t)mr_network_period(network);
    const size_t fixed = own || period < 2 ? own : period;
    // Where it is open, some thousand steps at once.
    const size_t batch = fixed ? fixed : steps < 4096 ? 4096 / (steps + 1) + 1 : 1;

    graph->error = error;
    graph->error_size = error_size;
    for (size_t first = 0; first < sequences; first += batch) {
        size_t count = sequences - first < batch ? sequences - first : batch;
        size_t given = fixed ? fixed : count;
        struct onnx_tensor in, out[MR_MAX_OUTPUTS] = {{0}};
        double *block = y;
        int result = make_input(graph, network, x, sequences, steps, first, given, &memory, &in);
        if (result == 0)
            result = onnx_eval_graph(graph, &in, (int64_t)given, (int64_t)steps, out, &memory);
        onnx_tensor_free(&in);
        for (int o = 0; o < network->output_count; o++) {
            const size_t rows = mr_output_rows(network, o, steps), width = width_of(network, o);
            if (result == 0)
                result = take_output(graph, &onnx->results[o], &out[o], given, count, rows, width,
                                     network->outputs[o].name, block + first * rows * width);
            block += sequences * rows * width;
            onnx_tensor_free(&out[o]);
        }
        if (result != 0)
            return -1;
    }
    return 0;
}

// ---- Whether the network is what the graph computes

// The magnitudes of which each number of a stream is made: of a sum those of its terms, which may
// cancel, else the largest that the stream was seen to have. in, other: of what it reads.
static void reach_of(const struct mr_op *op, int width, double seen, const double *in,
                     const double *other, double *out) {
    const struct mr_place *place = &op->places[MR_PLACE_G]; // of a dense layer
    const bool bounded = op->kind->has_activation && !MR_IS_OPEN(place->kind);

    for (int u = 0; u < width; u++) {
        if (op->kind->passes)
            out[u] = u < op->inputs ? in[u] : other[u - op->inputs];
        else if (op->kind->joins)
            out[u] = op->kind->multiplies ? in[u] * other[u] : in[u] + other[u];
        else
            out[u] = fmax(1, seen);
        if (op->kind->recurrent || !op->bias)
            continue;
        out[u] = fabs(op->bias[u]);
        for (int k = 0; k < op->inputs; k++)
            out[u] += fabs(op->w_x[(size_t)u * (size_t)op->inputs + (size_t)k]) * in[k];
        if (op->kind->has_activation)
            out[u] *= fmax(1, fabs(place->alpha));
        if (bounded && out[u] > 1)
            out[u] = 1;
    }
}

// Of all streams one after the other; NULL when memory is short. at: [stream_count] where each
// begins.
static double *find_reach(const struct mr_network *network, const double *seen, size_t *at) {
    size_t count = 0;

    for (int s = 0; s < network->stream_count; s++) {
        at[s] = count;
        count += (size_t)network->streams[s].width;
    }
    double *reach = malloc(count * sizeof *reach);
    for (int k = 0; reach && k < network->streams[0].width; k++)
        reach[k] = fmax(1, seen[0]);
    for (int i = 0; reach && i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const double *other = op->other >= 0 ? reach + at[op->other] : NULL;
        reach_of(op, network->streams[op->output].width, seen[op->output], reach + at[op->input],
                 other, reach + at[op->output]);
    }
    return reach;
}

// Could a number near that of the network become what the graph gives?
static bool agrees(struct mr_cast cast, double own, double graph, double tolerance) {
    for (int side = -1; side <= 1; side++) {
        if (fabs(mr_cast(cast, own + side * tolerance) - graph) <= tolerance)
            return true;
    }
    return fabs(own) <= tolerance && graph == 0;
}

// One number of the rows (rows, width) of an output.
static int compare_column(struct mr_onnx *onnx, const struct mr_sink *output, bool chosen,
                          double reach, const double *own, const double *graph, size_t rows,
                          size_t width, size_t k) {
    size_t allowed = chosen ? 1 + rows / 100 : 0;

    if (!isfinite(reach))
        reach = 0;
    for (size_t i = k; i < rows * width; i += width)
        reach = fmax(reach, fabs(graph[i]));
    for (size_t i = k; i < rows * width; i += width) {
        if (!isfinite(graph[i]))
            return onnx_fail_file(&onnx->graph,
                                  "the graph gives %g as number %zu of output '%.100s', which is "
                                  "no finite number",
                                  graph[i], k, output->name);
        if (!agrees(output->cast, own[i], graph[i], 1e-4 * reach + 1e-30) && allowed-- == 0)
            return onnx_fail_file(&onnx->graph,
                                  "the network as it was understood gives %g as number %zu of "
                                  "output '%.100s' where the graph gives %g; that is an error of "
                                  "this program, and the network is not imported",
                                  mr_cast(output->cast, own[i]), k, output->name, graph[i]);
    }
    return 0;
}

int mr_onnx_compare(struct mr_onnx *onnx, const struct mr_network *network, const float *x,
                    size_t sequences, size_t steps, const double *graph, char *error,
                    size_t error_size) {
    double *y = malloc((sequences * mr_network_numbers(network, steps) + 1) * sizeof *y);
    double seen[MR_MAX_STREAMS], *reach = NULL;
    size_t at[MR_MAX_STREAMS];
    const double *own = y;
    int result = 0;

    onnx->graph.error = error;
    onnx->graph.error_size = error_size;
    if (y && mr_float_run_reach(network, x, sequences, steps, y, seen) == 0)
        reach = find_reach(network, seen, at);
    if (!reach)
        result = onnx_fail_file(&onnx->graph, "not enough memory to check the network");
    for (int o = 0; result == 0 && o < network->output_count; o++) {
        const struct mr_sink *output = &network->outputs[o];
        const size_t rows = sequences * mr_output_rows(network, o, steps);
        const size_t width = width_of(network, o);
        for (size_t k = 0; result == 0 && k < width; k++)
            result = compare_column(onnx, output, onnx->results[o].chosen,
                                    reach[at[output->stream] + k], own, graph, rows, width, k);
        own += rows * width;
        graph += rows * width;
    }
    free(reach);
    free(y);
    return result;
}

// A number that the network's mask counts, or one that it does not.
static float mask_number(const struct mr_network *network, bool counted) {
    const struct mr_mask *mask = &network->mask;
    const double entries = mr_network_entries(network), than = mask->than;
    const double off = fmax(1, ceil(fabs(than) * 1e-6));
    double number = than;

    if (mask->relation == MR_ABOVE)
        number = floor(than) + (counted ? off : 0);
    else if (mask->relation == MR_BELOW)
        number = ceil(than) - (counted ? off : 0);
    else if (counted)
        number += entries > 0 && than + off >= entries ? -off : off;
    return (float)(entries > 0 ? fmin(number, entries - 1) : number); // a row of its table
}

// All sequences but the first end with masked steps, and nothing before these is one.
static void mask_tails(const struct mr_network *network, float *x, size_t sequences, size_t steps) {
    const size_t inputs = (size_t)network->streams[0].width;

    for (size_t i = 0; network->mask.given && i < sequences * steps; i++) {
        const bool counted = i % steps == 0 || i % steps < steps - i / steps;
        float *row = x + i * inputs;
        for (size_t k = 0; k < inputs && !counted; k++)
            row[k] = mask_number(network, false);
        if (counted && mr_network_length(network, row, 0, 1) == 0)
            row[network->mask.only ? network->mask.only - 1 : 0] = mask_number(network, true);
    }
}

int mr_onnx_verify(struct mr_onnx *onnx, const struct mr_network *network, size_t memory,
                   char *error, size_t error_size) {
    const size_t inputs = (size_t)network->streams[0].width, sequences = 3;
    const uint64_t entries = (uint64_t)mr_network_entries(network);
    size_t steps = network->steps > 0 ? (size_t)network->steps : 4;
    for (int i = 0; network->steps == 0 && i < network->length_count; i++)
        steps = steps < (size_t)network->lengths[i] ? (size_t)network->lengths[i] : steps;
    // Below 2^31 steps of 8 * 2^14 numbers.
    const size_t count = sequences * mr_network_numbers(network, steps);
    float *x = NULL;
    double *y = NULL;
    size_t size;
    uint64_t state = 1;

    onnx->graph.error = error;
    onnx->graph.error_size = error_size;
    if (mr_multiply(sequences * inputs, steps, &size) && size < memory / sizeof *x &&
        count < memory / (2 * sizeof *y)) {
        x = malloc(size * sizeof *x);
        y = malloc(count * sizeof *y);
    }
    if (!x || !y) {
        free(x);
        free(y);
        return onnx_fail_file(&onnx->graph,
                              "not enough memory to check sequences of %zu steps; export it with a "
                              "length that is open (dynamic_axes)",
                              steps);
    }
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)((double)(state >> 40) / (1 << 22) - 2);
        if (entries) // a row of its table
            x[i] = (float)((state >> 40) % entries);
    }
    mask_tails(network, x, sequences, steps);
    int result = mr_onnx_run(onnx, network, x, sequences, steps, memory, y, error, error_size);
    if (result == 0)
        result = mr_onnx_compare(onnx, network, x, sequences, steps, y, error, error_size);
    free(x);
    free(y);
    return result;
}

// ---- Files

static struct mr_onnx *open_data(const void *data, size_t size, const char *name, char *folder,
                                 char *error, size_t error_size) {
    struct mr_onnx *onnx = calloc(1, sizeof *onnx);

    if (!onnx || !(onnx->name = strdup(name))) {
        mr_fail(error, error_size, "%s: not enough memory", name);
        free(onnx);
        free(folder);
        return NULL;
    }
    onnx->folder = folder;
    onnx->graph = (struct onnx_graph){
        .file = onnx->name, .folder = folder, .error = error, .error_size = error_size};
    if (size > mr_onnx_max_file)
        onnx_fail_file(&onnx->graph, "is larger than the 2 GiB an ONNX file may have");
    else if (onnx_graph_open(&onnx->graph, data, size) == 0)
        return onnx;
    mr_onnx_close(onnx);
    return NULL;
}

struct mr_onnx *mr_onnx_open_memory(const void *data, size_t size, const char *name, char *error,
                                    size_t error_size) {
    return open_data(data, size, name, NULL, error, error_size);
}

struct mr_onnx *mr_onnx_open_read(const void *data, size_t size, const char *path, char *error,
                                  size_t error_size) {
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");

    return open_data(data, size, path, folder, error, error_size);
}

struct mr_onnx *mr_onnx_open(const char *path, char *error, size_t error_size) {
    unsigned char *data;
    size_t size;

    if (mr_file_read_checked(path, mr_onnx_max_file, mr_check_network_file, &data, &size, error,
                             error_size) != 0)
        return NULL;
    struct mr_onnx *onnx = mr_onnx_open_read(data, size, path, error, error_size);
    free(data);
    return onnx;
}

void mr_onnx_add_notes(struct mr_onnx *onnx, const char *notes) {
    for (const char *note = notes; *note; note += strcspn(note, "\n") + 1)
        onnx_note(&onnx->graph, "%.*s", (int)strcspn(note, "\n"), note);
}

int mr_onnx_add_file(struct mr_onnx *onnx, const char *path) {
    char *own = strdup(path);

    return own && onnx_keep_file(&onnx->graph, own) ? 0 : -1;
}

char **mr_onnx_take_files(struct mr_onnx *onnx, size_t *count) {
    char **files = onnx->graph.files;

    *count = onnx->graph.file_count;
    onnx->graph.files = NULL;
    onnx->graph.file_count = 0;
    return files;
}

void mr_onnx_close(struct mr_onnx *onnx) {
    if (!onnx)
        return;
    onnx_graph_close(&onnx->view);
    onnx_graph_close(&onnx->graph);
    free(onnx->name);
    free(onnx->folder);
    free(onnx);
}
