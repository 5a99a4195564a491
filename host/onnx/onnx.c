// SPDX-License-Identifier: Apache-2.0
// ONNX files: opening them, what their operators compute, and whether that is what was understood.
#define _POSIX_C_SOURCE 200809L
#include "onnx.h"

#include "file.h"
#include "file_kind.h"
#include "onnx_parts.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t max_file = (size_t)1 << 31;

struct mr_onnx {
    struct onnx_graph graph;
    char *name, *folder;
};

int mr_onnx_network(struct mr_onnx *onnx, struct mr_network *network, char *error,
                    size_t error_size) {
    onnx->graph.error = error;
    onnx->graph.error_size = error_size;
    return onnx_read(&onnx->graph, network);
}

// ---- What the graph computes

// x as the graph takes it, from sequence `first` on; beyond the last one that one is repeated.
static int make_input(struct onnx_graph *graph, const struct mr_network *network, const float *x,
                      size_t sequences, size_t steps, size_t first, size_t batch, size_t *budget,
                      struct onnx_tensor *to) {
    const size_t inputs = (size_t)network->layers[0].inputs;
    const int64_t b = (int64_t)batch, t = (int64_t)steps;
    const int64_t dims[3] = {network->batch_first ? b : t, network->batch_first ? t : b,
                             (int64_t)inputs};
    const int type = onnx_input_info(graph)->type->tensor_type->elem_type;

    if (onnx_tensor_create(to, type, 3, dims, budget) != 0)
        return onnx_fail_file(graph, "not enough memory to compute the network in floating point");
    for (size_t n = 0; n < batch; n++) {
        size_t from = first + n < sequences ? first + n : sequences - 1;
        for (size_t i = 0; i < steps; i++) {
            size_t at = network->batch_first ? n * steps + i : i * batch + n;
            for (size_t k = 0; k < inputs; k++) {
                const float v = x[(from * steps + i) * inputs + k];
                if (onnx_is_real(type))
                    to->real[at * inputs + k] = v;
                else if (!(fabsf(v) < 1e18f))
                    return onnx_fail_file(graph, "the input has %g, which is no whole number", v);
                else
                    to->whole[at * inputs + k] = (int64_t)v;
            }
        }
    }
    return 0;
}

int mr_onnx_run(struct mr_onnx *onnx, const struct mr_network *network, const float *x,
                size_t sequences, size_t steps, size_t memory, double *y, char *error,
                size_t error_size) {
    struct onnx_graph *graph = &onnx->graph;
    const Onnx__TensorShapeProto *shape = onnx_input_info(graph)->type->tensor_type->shape;
    const size_t outputs = (size_t)network->head.outputs;
    size_t batch = (size_t)onnx_fixed_size(shape->dim[network->batch_first ? 0 : 1]);
    struct onnx_tensor in, out;

    graph->error = error;
    graph->error_size = error_size;
    if (batch == 0) // some thousand steps at once
        batch = steps < 4096 ? 4096 / (steps + 1) + 1 : 1;
    for (size_t first = 0; first < sequences; first += batch) {
        size_t count = sequences - first < batch ? sequences - first : batch;
        size_t given = onnx_fixed_size(shape->dim[network->batch_first ? 0 : 1]) ? batch : count;
        int result = make_input(graph, network, x, sequences, steps, first, given, &memory, &in);
        memset(&out, 0, sizeof out);
        if (result == 0)
            result = onnx_eval_graph(graph, &in, &out, &memory);
        onnx_tensor_free(&in);
        if (result == 0 && out.count != given * outputs)
            result = onnx_fail_file(graph,
                                    "the graph gives %zu numbers for %zu sequences of %zu steps, "
                                    "and %zu are expected",
                                    out.count, given, steps, given * outputs);
        for (size_t i = 0; result == 0 && i < count * outputs; i++)
            y[first * outputs + i] = onnx_number(&out, i);
        onnx_tensor_free(&out);
        if (result != 0)
            return -1;
    }
    return 0;
}

// Could a number near that of the network become what the graph gives?
static bool agrees(const struct mr_network *network, double own, double graph, double tolerance) {
    const struct mr_cast cast = network->output_cast;

    for (int side = -1; side <= 1; side++) {
        if (fabs(mr_cast(cast, own + side * tolerance) - graph) <= tolerance)
            return true;
    }
    return fabs(own) <= tolerance && graph == 0;
}

int mr_onnx_compare(struct mr_onnx *onnx, const struct mr_network *network, const double *own,
                    const double *graph, size_t count, char *error, size_t error_size) {
    const struct mr_dense *head = &network->head;

    onnx->graph.error = error;
    onnx->graph.error_size = error_size;
    for (size_t i = 0; i < count; i++) {
        size_t o = i % (size_t)head->outputs;
        double reach = fabs(head->bias[o]);
        for (int k = 0; k < head->inputs; k++)
            reach += fabs(head->w[o * (size_t)head->inputs + (size_t)k]);
        if (head->sigmoid && reach > 1)
            reach = 1;
        if (!isfinite(graph[i]))
            return onnx_fail_file(&onnx->graph,
                                  "the graph gives %g as output %zu, which is no finite number",
                                  graph[i], o);
        if (!agrees(network, own[i], graph[i], 1e-4 * reach + 1e-30))
            return onnx_fail_file(&onnx->graph,
                                  "the network as it was understood gives %g as output %zu where "
                                  "the graph gives %g; that is an error of this program, and the "
                                  "network is not imported",
                                  mr_cast(network->output_cast, own[i]), o, graph[i]);
    }
    return 0;
}

int mr_onnx_verify(struct mr_onnx *onnx, const struct mr_network *network, size_t memory,
                   char *error, size_t error_size) {
    const size_t inputs = (size_t)network->layers[0].inputs, sequences = 3;
    const size_t steps = network->steps > 0 ? (size_t)network->steps : 4;
    const size_t outputs = (size_t)network->head.outputs, count = sequences * outputs;
    float *x = NULL;
    double *y = calloc(2 * count, sizeof *y);
    size_t size;
    uint64_t state = 1;

    onnx->graph.error = error;
    onnx->graph.error_size = error_size;
    if (mr_multiply(sequences * inputs, steps, &size) && size < memory / sizeof *x)
        x = malloc(size * sizeof *x);
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
    }
    int result = mr_onnx_run(onnx, network, x, sequences, steps, memory, y, error, error_size);
    if (result == 0 && mr_reference_run_uncast(network, x, sequences, steps, y + count) != 0)
        result = onnx_fail_file(&onnx->graph, "not enough memory to check the network");
    if (result == 0)
        result = mr_onnx_compare(onnx, network, y + count, y, count, error, error_size);
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
    if (size > max_file)
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

struct mr_onnx *mr_onnx_open(const char *path, char *error, size_t error_size) {
    const char *slash = strrchr(path, '/');
    unsigned char *data;
    size_t size;

    if (mr_file_read_checked(path, max_file, mr_check_network_file, &data, &size, error,
                             error_size) != 0)
        return NULL;
    char *folder = slash ? strndup(path, slash > path ? (size_t)(slash - path) : 1) : strdup(".");
    struct mr_onnx *onnx = open_data(data, size, path, folder, error, error_size);
    free(data);
    return onnx;
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
    onnx_graph_close(&onnx->graph);
    free(onnx->name);
    free(onnx->folder);
    free(onnx);
}
