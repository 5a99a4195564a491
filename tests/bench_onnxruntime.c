// SPDX-License-Identifier: Apache-2.0
// Networks of LSTMs or GRUs by ONNX Runtime's interface in C (bench_onnxruntime.h). The Makefile
// says where its library is, ONNXRUNTIME_LIBRARY.
#include "bench_onnxruntime.h"

#if defined ONNXRUNTIME_LIBRARY
#    include "onnx_build.h"

#    include <dlfcn.h>
#    include <onnxruntime_c_api.h>
#    include <stdio.h>
#    include <stdlib.h>
#    include <string.h>

enum { MOST_STATES = 2 * MR_MAX_LAYERS, NAME = 16 };

struct ort_net {
    const OrtApi *api;
    OrtEnv *env;
    OrtSession *session;
    OrtMemoryInfo *memory;
    int steps, batch, inputs, units, states;
    bool is_lstm, keeps_state;
    float *x, *state[2][MOST_STATES]; // [steps][batch][inputs], [batch][units]
    OrtValue *x_value, *state_value[2][MOST_STATES];
    char in_names[MOST_STATES + 1][NAME], out_names[MOST_STATES][NAME];
    int widths[MOST_STATES];
    int now; // the states that the next run takes
};

static void need(const struct ort_net *net, OrtStatus *status) {
    if (status) {
        fprintf(stderr, "bench_cpu: ONNX Runtime: %s\n", net->api->GetErrorMessage(status));
        exit(1);
    }
}

static const OrtApi *find_api(void) {
    void *library = dlopen(ONNXRUNTIME_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    const OrtApiBase *(*base)(void);
    if (!library) {
        fprintf(stderr, "bench_cpu: %s\n", dlerror());
        exit(1);
    }
    *(void **)&base = dlsym(library, "OrtGetApiBase");
    const OrtApi *api = base ? base()->GetApi(ORT_API_VERSION) : NULL;
    if (!api) {
        fprintf(stderr, "bench_cpu: %s is older than its header\n", ONNXRUNTIME_LIBRARY);
        exit(1);
    }
    return api;
}

// Its gates: of an LSTM i, o, f, c, where ours are i, f, g, o; of a GRU z, r, h, where ours are r,
// z, n.
static const char *gates(struct onnx_build *b, const struct mr_op *op, const float *from,
                         int columns) {
    static const int of_lstm[] = {0, 3, 1, 2}, of_gru[] = {1, 0, 2};
    const int count = op->kind->gates;
    const size_t size = (size_t)op->units * (size_t)columns;
    float *to = malloc((size_t)count * size * sizeof *to);
    for (int g = 0; g < count; g++)
        memcpy(to + (size_t)g * size,
               from + (size_t)(op->kind->second_field ? of_lstm : of_gru)[g] * size,
               size * sizeof *to);
    const char *name =
        onnx_build_tensor(b, 3, (int64_t[]){1, (int64_t)count * op->units, columns}, to);
    free(to);
    return name;
}

// Those of x before those of h: all in the former, but of a GRU's last gate both.
static const char *biases(struct onnx_build *b, const struct mr_op *op) {
    const int count = op->kind->gates, units = op->units;
    float *all = calloc(2 * (size_t)count * (size_t)units, sizeof *all);
    for (int u = 0; u < units; u++) {
        const float *from = op->bias + u;
        float *to = all + u;
        if (op->kind->second_field) {
            to[0] = from[0];
            to[units] = from[3 * units];
            to[2 * units] = from[units];
            to[3 * units] = from[2 * units];
        } else {
            to[0] = from[units];
            to[units] = from[0];
            to[2 * units] = from[2 * units];
            to[5 * units] = from[3 * units];
        }
    }
    const char *name = onnx_build_tensor(b, 2, (int64_t[]){1, 2 * (int64_t)count * units}, all);
    free(all);
    return name;
}

// The file: x [steps][batch][inputs], then each layer's h and of an LSTM c, as inputs and outputs.
static unsigned char *make_file(struct ort_net *net, const struct mr_network *network,
                                size_t *size) {
    struct onnx_build b;
    const int64_t x_dims[] = {net->steps, net->batch, net->inputs}, axis = 1;
    const char *stream = "x";
    onnx_build_start(&b, "bench");
    onnx_build_input(&b, "x", 1, "TNF", x_dims);
    for (int l = 0; l < mr_network_layers(network); l++) {
        const struct mr_op *op = mr_network_layer(network, l);
        const int64_t dims[] = {1, net->batch, op->units};
        const char *inputs[] = {stream,
                                gates(&b, op, op->w_x, op->inputs),
                                gates(&b, op, op->w_h, op->units),
                                biases(&b, op),
                                "",
                                NULL,
                                NULL,
                                NULL};
        const int first = net->states;
        for (int s = 0; s < (net->is_lstm ? 2 : 1); s++) {
            const int at = net->states++;
            snprintf(net->in_names[at + 1], NAME, "in%d", at);
            snprintf(net->out_names[at], NAME, "out%d", at);
            net->widths[at] = op->units;
            onnx_build_input(&b, net->in_names[at + 1], 1, "LNH", dims);
            onnx_build_output(&b, net->out_names[at], "LNH", dims);
            inputs[5 + s] = net->in_names[at + 1];
        }
        const char *all = onnx_build_value(&b);
        Onnx__NodeProto *node = onnx_build_node(&b, net->is_lstm ? "LSTM" : "GRU", inputs, all);
        for (int s = first; s < net->states; s++)
            onnx_build_more(&b, node, net->out_names[s]);
        onnx_build_int(&b, node, "hidden_size", op->units);
        if (!net->is_lstm)
            onnx_build_int(&b, node, "linear_before_reset", 1);
        stream = onnx_build_pair(&b, "Squeeze", all, onnx_build_wholes(&b, 1, &axis));
        net->units = op->units;
    }
    unsigned char *file = onnx_build_pack(&b, size);
    onnx_build_free(&b);
    return file;
}

static float *make_value(struct ort_net *net, int first, int width, OrtValue **value) {
    const int64_t dims[] = {first, net->batch, width};
    const size_t count = (size_t)first * (size_t)net->batch * (size_t)width;
    float *data = calloc(count, sizeof *data);
    need(net,
         net->api->CreateTensorWithDataAsOrtValue(net->memory, data, count * sizeof *data, dims, 3,
                                                  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, value));
    return data;
}

bool ort_is_there(void) {
    return true;
}

struct ort_net *ort_net_make(const struct mr_network *network, int steps, int batch,
                             bool keeps_state, int threads) {
    const struct mr_op *first = mr_network_layer(network, 0);
    struct ort_net *net = calloc(1, sizeof *net);
    OrtSessionOptions *options;
    size_t size;
    net->api = find_api();
    net->steps = steps;
    net->batch = batch;
    net->inputs = first->inputs;
    net->is_lstm = first->kind->second_field;
    net->keeps_state = keeps_state;
    strcpy(net->in_names[0], "x");
    unsigned char *file = make_file(net, network, &size);
    need(net, net->api->CreateEnv(ORT_LOGGING_LEVEL_WARNING, "bench", &net->env));
    need(net, net->api->CreateSessionOptions(&options));
    need(net, net->api->SetIntraOpNumThreads(options, threads));
    need(net, net->api->SetInterOpNumThreads(options, 1));
    need(net, net->api->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL));
    need(net, net->api->CreateSessionFromArray(net->env, file, size, options, &net->session));
    net->api->ReleaseSessionOptions(options);
    free(file);
    need(net, net->api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &net->memory));
    net->x = make_value(net, steps, net->inputs, &net->x_value);
    for (int set = 0; set < 2; set++)
        for (int s = 0; s < net->states; s++)
            net->state[set][s] = make_value(net, 1, net->widths[s], &net->state_value[set][s]);
    return net;
}

void ort_net_free(struct ort_net *net) {
    if (!net)
        return;
    net->api->ReleaseValue(net->x_value);
    free(net->x);
    for (int set = 0; set < 2; set++)
        for (int s = 0; s < net->states; s++) {
            net->api->ReleaseValue(net->state_value[set][s]);
            free(net->state[set][s]);
        }
    net->api->ReleaseMemoryInfo(net->memory);
    net->api->ReleaseSession(net->session);
    net->api->ReleaseEnv(net->env);
    free(net);
}

void ort_net_input(struct ort_net *net, const float *x) {
    const size_t steps = (size_t)net->steps, batch = (size_t)net->batch,
                 inputs = (size_t)net->inputs;
    for (size_t t = 0; t < steps; t++)
        for (size_t n = 0; n < batch; n++)
            memcpy(net->x + (t * batch + n) * inputs, x + (n * steps + t) * inputs,
                   inputs * sizeof *x);
}

void ort_net_run(struct ort_net *net) {
    const char *in_names[MOST_STATES + 1] = {net->in_names[0]}, *out_names[MOST_STATES];
    const OrtValue *in[MOST_STATES + 1] = {net->x_value};
    for (int s = 0; s < net->states; s++) {
        in_names[s + 1] = net->in_names[s + 1];
        out_names[s] = net->out_names[s];
        in[s + 1] = net->state_value[net->now][s];
    }
    need(net, net->api->Run(net->session, NULL, in_names, in, (size_t)net->states + 1, out_names,
                            (size_t)net->states, net->state_value[1 - net->now]));
    if (net->keeps_state)
        net->now = 1 - net->now;
}

void ort_net_output(const struct ort_net *net, float *h) {
    const int from = net->keeps_state ? net->now : 1 - net->now;
    memcpy(h, net->state[from][net->states - (net->is_lstm ? 2 : 1)],
           (size_t)net->batch * (size_t)net->units * sizeof *h);
}

#else
bool ort_is_there(void) {
    return false;
}
struct ort_net *ort_net_make(const struct mr_network *network, int steps, int batch,
                             bool keeps_state, int threads) {
    (void)network, (void)steps, (void)batch, (void)keeps_state, (void)threads;
    return NULL;
}
void ort_net_free(struct ort_net *net) {
    (void)net;
}
void ort_net_input(struct ort_net *net, const float *x) {
    (void)net, (void)x;
}
void ort_net_run(struct ort_net *net) {
    (void)net;
}
void ort_net_output(const struct ort_net *net, float *h) {
    (void)net, (void)h;
}
#endif
