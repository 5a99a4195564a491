// SPDX-License-Identifier: Apache-2.0
// Training by oneDNN (bench_train_dnnl.h). Weights, moments and gradients are lists of floats in
// oneDNN's plain layout, (layers, inputs, gates, units), from which each step copies the layouts
// that the primitives ask for.
#include "bench_train_dnnl.h"

#include "float32_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<oneapi/dnnl/dnnl.h>)
#    include "bench_dnnl_memory.h"

enum { PARTS = 4, TENSORS = DNNL_TENSORS, ARGUMENTS = 24 };

// Weights over the input, over h, or biases: in the plain layout, and as the primitives ask.
struct tensor {
    size_t first, count; // in the lists
    dnnl_memory_t plain, forward, backward, gradient, plain_gradient;
    dnnl_primitive_t to_forward, to_backward, from_gradient;
};

struct primitive {
    dnnl_primitive_desc_t described;
    dnnl_primitive_t run;
    dnnl_exec_arg_t arguments[ARGUMENTS];
    int count;
};

// Layers of one size.
struct part {
    int layers, inputs, units;
    struct tensor tensors[TENSORS];
    struct primitive forward, backward;
    dnnl_memory_t x, y, workspace, dx, dy;
};

struct dnnl_training {
    bool is_lstm;
    int gates, sums, steps, batch, inputs, parts;
    dnnl_data_type_t type;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct part part[PARTS];
    size_t count, head;          // numbers in the lists; the first one of the head
    float *w, *gradient, *m, *v; // [count]
    float *x;                    // (steps, batch, inputs)
    dnnl_memory_t given;         // that
    dnnl_primitive_t take;       // and from it to the first part's x
    uint64_t done;
};

static const int weight_arguments[TENSORS] = {DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_WEIGHTS_ITER,
                                              DNNL_ARG_BIAS},
                 gradient_arguments[TENSORS] = {DNNL_ARG_DIFF_WEIGHTS_LAYER,
                                                DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS};

static void describe_tensor(const struct dnnl_training *own, const struct part *part, int which,
                            dnnl_data_type_t type, bool any, dnnl_memory_desc_t *described) {
    const int columns = which == 0 ? part->inputs : part->units;
    const dnnl_dims_t dims = {part->layers, 1, columns, own->gates, part->units},
                      bias = {part->layers, 1, own->sums, part->units};

    if (which == 2)
        *described = describe(4, bias, dnnl_f32, dnnl_ldgo);
    else
        *described = describe(5, dims, type, any ? dnnl_format_tag_any : dnnl_ldigo);
}

static void add(struct primitive *primitive, int argument, dnnl_memory_t memory) {
    primitive->arguments[primitive->count++] = (dnnl_exec_arg_t){argument, memory};
}

static bool describe_part(struct dnnl_training *own, struct part *part) {
    const dnnl_dims_t x_dims = {own->steps, own->batch, part->inputs},
                      y_dims = {own->steps, own->batch, part->units};
    const dnnl_memory_desc_t x = describe(3, x_dims, own->type, dnnl_tnc),
                             y = describe(3, y_dims, own->type, dnnl_tnc),
                             dx = describe(3, x_dims, dnnl_f32, dnnl_tnc),
                             dy = describe(3, y_dims, dnnl_f32, dnnl_tnc);
    const dnnl_rnn_direction_t way = dnnl_unidirectional_left2right;
    dnnl_memory_desc_t w[TENSORS], dw[TENSORS];
    dnnl_rnn_desc_t forward, backward;

    for (int i = 0; i < TENSORS; i++) {
        describe_tensor(own, part, i, own->type, true, &w[i]);
        describe_tensor(own, part, i, dnnl_f32, true, &dw[i]);
    }
    dnnl_status_t status =
        own->is_lstm ? dnnl_lstm_forward_desc_init(&forward, dnnl_forward_training, way, &x, NULL,
                                                   NULL, &w[0], &w[1], &w[2], &y, NULL, NULL, 0)
                     : dnnl_lbr_gru_forward_desc_init(&forward, dnnl_forward_training, way, &x,
                                                      NULL, &w[0], &w[1], &w[2], &y, NULL, 0);
    if (status == dnnl_success)
        status = own->is_lstm
                     ? dnnl_lstm_backward_desc_init(
                           &backward, dnnl_backward, way, &x, NULL, NULL, &w[0], &w[1], &w[2], &y,
                           NULL, NULL, &dx, NULL, NULL, &dw[0], &dw[1], &dw[2], &dy, NULL, NULL, 0)
                     : dnnl_lbr_gru_backward_desc_init(&backward, dnnl_backward, way, &x, NULL,
                                                       &w[0], &w[1], &w[2], &y, NULL, &dx, NULL,
                                                       &dw[0], &dw[1], &dw[2], &dy, NULL, 0);
    if (status == dnnl_success)
        status =
            dnnl_primitive_desc_create(&part->forward.described, &forward, NULL, own->engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&part->backward.described, &backward, NULL, own->engine,
                                            part->forward.described);
    if (status != dnnl_success)
        return false;
    NEED(dnnl_primitive_create(&part->forward.run, part->forward.described));
    NEED(dnnl_primitive_create(&part->backward.run, part->backward.described));
    part->x = memory_of(own->engine, &x);
    part->y = memory_of(own->engine, &y);
    part->dx = memory_of(own->engine, &dx);
    part->dy = memory_of(own->engine, &dy);
    return true;
}

static dnnl_memory_t asked(const struct dnnl_training *own, const struct primitive *primitive,
                           int argument) {
    return memory_of(own->engine, dnnl_primitive_desc_query_md(primitive->described,
                                                               dnnl_query_exec_arg_md, argument));
}

static void place_tensor(struct dnnl_training *own, struct part *part, int which) {
    struct tensor *tensor = &part->tensors[which];
    dnnl_memory_desc_t plain;

    describe_tensor(own, part, which, dnnl_f32, false, &plain);
    NEED(dnnl_memory_create(&tensor->plain, &plain, own->engine, own->w + tensor->first));
    NEED(dnnl_memory_create(&tensor->plain_gradient, &plain, own->engine,
                            own->gradient + tensor->first));
    tensor->forward = asked(own, &part->forward, weight_arguments[which]);
    tensor->backward = asked(own, &part->backward, weight_arguments[which]);
    tensor->gradient = asked(own, &part->backward, gradient_arguments[which]);
    tensor->to_forward = reorder_of(own->engine, tensor->plain, tensor->forward, NULL);
    tensor->to_backward = reorder_of(own->engine, tensor->plain, tensor->backward, NULL);
    tensor->from_gradient = reorder_of(own->engine, tensor->gradient, tensor->plain_gradient, NULL);
    add(&part->forward, weight_arguments[which], tensor->forward);
    add(&part->backward, weight_arguments[which], tensor->backward);
    add(&part->backward, gradient_arguments[which], tensor->gradient);
}

static void place_part(struct dnnl_training *own, struct part *part) {
    for (int i = 0; i < TENSORS; i++)
        place_tensor(own, part, i);
    part->workspace = asked(own, &part->forward, DNNL_ARG_WORKSPACE);
    for (int back = 0; back < 2; back++) {
        struct primitive *primitive = back ? &part->backward : &part->forward;
        add(primitive, DNNL_ARG_SRC_LAYER, part->x);
        add(primitive, DNNL_ARG_DST_LAYER, part->y);
        add(primitive, DNNL_ARG_WORKSPACE, part->workspace);
    }
    add(&part->backward, DNNL_ARG_DIFF_SRC_LAYER, part->dx);
    add(&part->backward, DNNL_ARG_DIFF_DST_LAYER, part->dy);
}

// The layers of one size, from `first` on.
static void find_part(struct dnnl_training *own, const struct mr_op *const *ops, int first,
                      int layers) {
    struct part *part = &own->part[own->parts++];

    *part = (struct part){.inputs = ops[first]->inputs, .units = ops[first]->units, .layers = 1};
    while (first + part->layers < layers && part->inputs == part->units &&
           ops[first + part->layers]->units == part->units)
        part->layers++;
    const int columns[TENSORS] = {part->inputs * own->gates, part->units * own->gates, own->sums};
    for (int i = 0; i < TENSORS; i++) {
        part->tensors[i].first = own->count;
        part->tensors[i].count = (size_t)(part->layers * columns[i] * part->units);
        own->count += part->tensors[i].count;
    }
}

static void make_lists(struct dnnl_training *own, const struct mr_op *head) {
    const size_t units = (size_t)head->inputs;

    own->head = own->count;
    own->count += units + 1;
    own->w = calloc(own->count, sizeof *own->w);
    own->gradient = calloc(own->count, sizeof *own->gradient);
    own->m = calloc(own->count, sizeof *own->m);
    own->v = calloc(own->count, sizeof *own->v);
    own->x = calloc((size_t)(own->steps * own->batch * own->inputs), sizeof *own->x);
    if (!own->w || !own->gradient || !own->m || !own->v || !own->x)
        dnnl_need(dnnl_out_of_memory, "lists");
    memcpy(own->w + own->head, head->w_x, units * sizeof *own->w);
    own->w[own->head + units] = head->bias[0];
}

struct dnnl_training *dnnl_training_make(const struct mr_network *network,
                                         enum dnnl_training_kind kind, int steps, int batch) {
    const struct mr_op *ops[MR_MAX_LAYERS];
    const int layers = mr_network_layers(network);
    struct dnnl_training *own = calloc(1, sizeof *own);

    for (int l = 0; l < layers; l++)
        ops[l] = mr_network_layer(network, l);
    *own = (struct dnnl_training){.is_lstm = ops[0]->kind->second_field,
                                  .gates = ops[0]->kind->gates,
                                  .sums = ops[0]->kind->sums,
                                  .steps = steps,
                                  .batch = batch,
                                  .inputs = ops[0]->inputs,
                                  .type = kind == DNNL_TRAIN_F32 ? dnnl_f32 : dnnl_bf16};
    NEED(dnnl_engine_create(&own->engine, dnnl_cpu, 0));
    NEED(dnnl_stream_create(&own->stream, own->engine, dnnl_stream_default_flags));
    for (int l = 0; l < layers; l += own->part[own->parts - 1].layers)
        find_part(own, ops, l, layers);
    make_lists(own, &network->ops[network->op_count - 1]);
    for (int p = 0, l = 0; p < own->parts; l += own->part[p++].layers) {
        struct part *part = &own->part[p];
        if (!describe_part(own, part)) {
            dnnl_training_free(own);
            return NULL;
        }
        for (int i = 0; i < TENSORS; i++)
            plain_weights(ops + l, part->layers, i, own->w + part->tensors[i].first);
        if (p > 0) { // what the part before gives, and takes back
            dnnl_memory_destroy(part->x);
            dnnl_memory_destroy(part->dx);
            part->x = part[-1].y;
            part->dx = part[-1].dy;
        }
        place_part(own, part);
    }
    const dnnl_dims_t dims = {steps, batch, own->inputs};
    const dnnl_memory_desc_t given = describe(3, dims, dnnl_f32, dnnl_tnc);
    NEED(dnnl_memory_create(&own->given, &given, own->engine, own->x));
    own->take = reorder_of(own->engine, own->given, own->part[0].x, NULL);
    return own;
}

void dnnl_training_free(struct dnnl_training *own) {
    for (int p = 0; own && p < own->parts; p++) {
        const struct part *part = &own->part[p];
        for (int i = 0; i < TENSORS; i++) {
            const struct tensor *t = &part->tensors[i];
            const dnnl_memory_t all[] = {t->plain, t->forward, t->backward, t->gradient,
                                         t->plain_gradient};
            const dnnl_primitive_t reorders[] = {t->to_forward, t->to_backward, t->from_gradient};
            for (size_t k = 0; k < sizeof all / sizeof *all; k++)
                if (all[k])
                    dnnl_memory_destroy(all[k]);
            for (size_t k = 0; k < sizeof reorders / sizeof *reorders; k++)
                if (reorders[k])
                    dnnl_primitive_destroy(reorders[k]);
        }
        const dnnl_memory_t all[] = {part->y, part->dy, part->workspace, p ? NULL : part->x,
                                     p ? NULL : part->dx};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            if (all[k])
                dnnl_memory_destroy(all[k]);
        for (int back = 0; back < 2; back++) {
            const struct primitive *primitive = back ? &part->backward : &part->forward;
            if (primitive->run)
                dnnl_primitive_destroy(primitive->run);
            if (primitive->described)
                dnnl_primitive_desc_destroy(primitive->described);
        }
    }
    if (!own)
        return;
    if (own->take)
        dnnl_primitive_destroy(own->take);
    if (own->given)
        dnnl_memory_destroy(own->given);
    dnnl_stream_destroy(own->stream);
    dnnl_engine_destroy(own->engine);
    free(own->w);
    free(own->gradient);
    free(own->m);
    free(own->v);
    free(own->x);
    free(own);
}

// ---- a step

static void take_x(struct dnnl_training *own, const float *x) {
    const size_t steps = (size_t)own->steps, batch = (size_t)own->batch;
    const size_t inputs = (size_t)own->inputs;

    for (size_t t = 0; t < steps; t++)
        for (size_t n = 0; n < batch; n++)
            memcpy(own->x + (t * batch + n) * inputs, x + (n * steps + t) * inputs,
                   inputs * sizeof *x);
    reorder(own->stream, own->take, own->given, own->part[0].x);
}

static void forward(struct dnnl_training *own) {
    for (int p = 0; p < own->parts; p++) {
        const struct part *part = &own->part[p];
        for (int i = 0; i < TENSORS; i++)
            reorder(own->stream, part->tensors[i].to_forward, part->tensors[i].plain,
                    part->tensors[i].forward);
        NEED(dnnl_primitive_execute(part->forward.run, own->stream, part->forward.count,
                                    part->forward.arguments));
    }
    NEED(dnnl_stream_wait(own->stream));
}

static float h_of(const struct dnnl_training *own, const void *data, size_t at) {
    return own->type == dnnl_f32 ? ((const float *)data)[at] : of_bfloat16(data, at);
}

// The head forward and backward, to the gradient of the last h.
static double run_head(struct dnnl_training *own, const float *y) {
    const struct part *last = &own->part[own->parts - 1];
    const size_t units = (size_t)last->units, batch = (size_t)own->batch;
    const size_t first = (size_t)(own->steps - 1) * batch * units; // of the last step
    const void *h = data_of(last->y);
    float *dh = (float *)data_of(last->dy) + first;
    const float *w = own->w + own->head;
    float *gradient = own->gradient + own->head;
    double loss = 0;

    memset(gradient, 0, (units + 1) * sizeof *gradient);
    for (size_t n = 0; n < batch; n++) {
        float out = w[units];
        for (size_t u = 0; u < units; u++)
            out += w[u] * h_of(own, h, first + n * units + u);
        const float error = out - y[n], due = 2 * error / (float)batch;
        loss += (double)error * (double)error / (double)batch;
        for (size_t u = 0; u < units; u++) {
            gradient[u] += due * h_of(own, h, first + n * units + u);
            dh[n * units + u] = due * w[u];
        }
        gradient[units] += due;
    }
    return loss;
}

static void backward(struct dnnl_training *own) {
    for (int p = own->parts; p-- > 0;) {
        const struct part *part = &own->part[p];
        for (int i = 0; i < TENSORS; i++) {
            const struct tensor *t = &part->tensors[i];
            const dnnl_memory_desc_t *described;
            reorder(own->stream, t->to_backward, t->plain, t->backward);
            NEED(dnnl_memory_get_memory_desc(t->gradient, &described));
            memset(data_of(t->gradient), 0, dnnl_memory_desc_get_size(described)); // it is added to
        }
        NEED(dnnl_primitive_execute(part->backward.run, own->stream, part->backward.count,
                                    part->backward.arguments));
        for (int i = 0; i < TENSORS; i++)
            reorder(own->stream, part->tensors[i].from_gradient, part->tensors[i].gradient,
                    part->tensors[i].plain_gradient);
    }
    NEED(dnnl_stream_wait(own->stream));
}

double dnnl_training_step(struct dnnl_training *own, const float *x, const float *y, double rate) {
    const double step = (double)++own->done;
    const struct mr_update update = {.scale = 1,
                                     .rate = (float)(rate / (1 - pow(0.9, step))),
                                     .beta1 = 0.9F,
                                     .beta2 = 0.999F,
                                     .second = (float)(1 / (1 - pow(0.999, step))),
                                     .epsilon = 1e-8F};

    take_x(own, x);
    forward(own);
    const double loss = run_head(own, y);
    backward(own);
    mr_float32_kernels(0)->adam(&update, own->gradient, own->w, own->m, own->v, own->count);
    return loss;
}

#else
struct dnnl_training *dnnl_training_make(const struct mr_network *network,
                                         enum dnnl_training_kind kind, int steps, int batch) {
    (void)network, (void)kind, (void)steps, (void)batch;
    return NULL;
}
void dnnl_training_free(struct dnnl_training *training) {
    (void)training;
}
double dnnl_training_step(struct dnnl_training *training, const float *x, const float *y,
                          double rate) {
    (void)training, (void)x, (void)y, (void)rate;
    return 0;
}
#endif
