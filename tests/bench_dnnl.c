// SPDX-License-Identifier: Apache-2.0
// Networks of one kind of layers by oneDNN's interface in C (bench_dnnl.h).
#include "bench_dnnl.h"

#include <stdlib.h>
#include <string.h>

#if HAS_DNNL
#    include "bench_dnnl_memory.h"

enum { PARTS = 8 };

// Layers of one size.
struct part {
    int layers, inputs, units;
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t described;
    dnnl_memory_t x, y, h, c, h_out, c_out, weights, recurrent, bias;
};

struct dnnl_net {
    enum dnnl_kind kind;
    int gates, biases, steps, batch, inputs, parts;
    bool is_lstm, keeps_state;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct part part[PARTS];
};

static const float data_scale = 127, data_shift = 128, weights_scale = 127;

static void convert(const struct dnnl_net *net, dnnl_memory_t from, dnnl_memory_t to,
                    const_dnnl_primitive_attr_t attributes) {
    const dnnl_primitive_t primitive = reorder_of(net->engine, from, to, attributes);
    reorder(net->stream, primitive, from, to);
    NEED(dnnl_stream_wait(net->stream));
    dnnl_primitive_destroy(primitive);
}

// A float array in the memory that the primitive asks for.
static dnnl_memory_t place(const struct dnnl_net *net, const struct part *part, int argument,
                           int count, const dnnl_dims_t dims, dnnl_format_tag_t tag, float *data,
                           const_dnnl_primitive_attr_t attributes) {
    const dnnl_memory_desc_t given = describe(count, dims, dnnl_f32, tag);
    const dnnl_memory_desc_t *asked =
        dnnl_primitive_desc_query_md(part->described, dnnl_query_exec_arg_md, argument);
    dnnl_memory_t from, to = memory_of(net->engine, asked);
    NEED(dnnl_memory_create(&from, &given, net->engine, data));
    convert(net, from, to, attributes);
    dnnl_memory_destroy(from);
    return to;
}

static void place_weights(struct dnnl_net *net, struct part *part, const struct mr_op *const *ops,
                          const_dnnl_primitive_attr_t attributes) {
    static const int arguments[] = {DNNL_ARG_WEIGHTS_LAYER, DNNL_ARG_WEIGHTS_ITER, DNNL_ARG_BIAS};
    dnnl_memory_t *const to[] = {&part->weights, &part->recurrent, &part->bias};
    const int layers = part->layers, units = part->units;
    for (int which = 0; which < DNNL_TENSORS; which++) {
        const bool bias = which == DNNL_BIAS;
        const int columns = which == DNNL_OVER_X ? part->inputs : units;
        const dnnl_dims_t dims = {layers, 1, columns, net->gates, units},
                          bias_dims = {layers, 1, net->biases, units};
        float *all = malloc(sizeof *all * (size_t)(layers * units) *
                            (size_t)(bias ? net->biases : columns * net->gates));
        plain_weights(ops, layers, which, all);
        *to[which] = bias
                         ? place(net, part, arguments[which], 4, bias_dims, dnnl_ldgo, all, NULL)
                         : place(net, part, arguments[which], 5, dims, dnnl_ldigo, all, attributes);
        free(all);
    }
}

static bool make_part(struct dnnl_net *net, struct part *part, const struct mr_op *const *ops) {
    static const dnnl_data_type_t types[] = {dnnl_f32, dnnl_bf16, dnnl_u8};
    const dnnl_data_type_t type = types[net->kind];
    const dnnl_data_type_t of_weights = net->kind == DNNL_U8 ? dnnl_s8 : type;
    const dnnl_dims_t x_dims = {net->steps, net->batch, part->inputs},
                      y_dims = {net->steps, net->batch, part->units},
                      h_dims = {part->layers, 1, net->batch, part->units},
                      w_dims = {part->layers, 1, part->inputs, net->gates, part->units},
                      r_dims = {part->layers, 1, part->units, net->gates, part->units},
                      b_dims = {part->layers, 1, net->biases, part->units};
    const dnnl_memory_desc_t x = describe(3, x_dims, type, dnnl_tnc),
                             y = describe(3, y_dims, type, dnnl_tnc),
                             h = describe(4, h_dims, type, dnnl_ldnc),
                             c = describe(4, h_dims, dnnl_f32, dnnl_ldnc),
                             b = describe(4, b_dims, dnnl_f32, dnnl_ldgo);
    dnnl_memory_desc_t w, r;
    NEED(dnnl_memory_desc_init_by_tag(&w, 5, w_dims, of_weights, dnnl_format_tag_any));
    NEED(dnnl_memory_desc_init_by_tag(&r, 5, r_dims, of_weights, dnnl_format_tag_any));
    dnnl_rnn_desc_t rnn;
    dnnl_status_t status = net->is_lstm
                               ? dnnl_lstm_forward_desc_init(&rnn, dnnl_forward_inference,
                                                             dnnl_unidirectional_left2right, &x, &h,
                                                             &c, &w, &r, &b, &y, &h, &c, 0)
                               : dnnl_lbr_gru_forward_desc_init(&rnn, dnnl_forward_inference,
                                                                dnnl_unidirectional_left2right, &x,
                                                                &h, &w, &r, &b, &y, &h, 0);
    if (status != dnnl_success)
        return false;
    dnnl_primitive_attr_t attributes;
    NEED(dnnl_primitive_attr_create(&attributes));
    if (net->kind == DNNL_U8) {
        NEED(dnnl_primitive_attr_set_rnn_data_qparams(attributes, data_scale, data_shift));
        NEED(dnnl_primitive_attr_set_rnn_weights_qparams(attributes, 1, 0, &weights_scale));
    }
    status = dnnl_primitive_desc_create(&part->described, &rnn, attributes, net->engine, NULL);
    if (status == dnnl_success) {
        NEED(dnnl_primitive_create(&part->primitive, part->described));
        part->x = memory_of(net->engine, &x);
        part->y = memory_of(net->engine, &y);
        part->h = memory_of(net->engine, &h);
        part->h_out = memory_of(net->engine, &h);
        part->c = memory_of(net->engine, &c);
        part->c_out = memory_of(net->engine, &c);
        if (net->kind == DNNL_U8) { // zero
            memset(data_of(part->h), (int)data_shift, dnnl_memory_desc_get_size(&h));
        }
        place_weights(net, part, ops, attributes);
    }
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success;
}

struct dnnl_net *dnnl_net_make(const struct mr_network *network, enum dnnl_kind kind, int steps,
                               int batch, bool keeps_state) {
    const struct mr_op *ops[MR_MAX_LAYERS];
    const int layers = mr_network_layers(network);
    struct dnnl_net *net = calloc(1, sizeof *net);
    for (int l = 0; l < layers; l++)
        ops[l] = mr_network_layer(network, l);
    *net = (struct dnnl_net){.kind = kind,
                             .gates = ops[0]->kind->gates,
                             .biases = ops[0]->kind->sums,
                             .steps = steps,
                             .batch = batch,
                             .inputs = ops[0]->inputs,
                             .is_lstm = ops[0]->kind->second_field,
                             .keeps_state = keeps_state};
    NEED(dnnl_engine_create(&net->engine, dnnl_cpu, 0));
    NEED(dnnl_stream_create(&net->stream, net->engine, dnnl_stream_default_flags));
    for (int l = 0; l < layers;) {
        struct part *part = &net->part[net->parts++];
        *part = (struct part){.inputs = ops[l]->inputs, .units = ops[l]->units};
        const int first = l;
        while (l < layers && ops[l]->inputs == part->inputs && ops[l]->units == part->units &&
               (l == first || part->inputs == part->units))
            l++;
        part->layers = l - first;
        if (!make_part(net, part, ops + first)) {
            dnnl_net_free(net);
            return NULL;
        }
        if (net->parts > 1) {
            dnnl_memory_destroy(part->x);
            part->x = net->part[net->parts - 2].y;
        }
    }
    return net;
}

void dnnl_net_free(struct dnnl_net *net) {
    for (int p = 0; net && p < net->parts; p++) {
        const struct part *part = &net->part[p];
        const dnnl_memory_t all[] = {part->y,         part->h,     part->c,
                                     part->h_out,     part->c_out, part->weights,
                                     part->recurrent, part->bias,  p ? NULL : part->x};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (all[i])
                dnnl_memory_destroy(all[i]);
        if (part->primitive)
            dnnl_primitive_destroy(part->primitive);
        if (part->described)
            dnnl_primitive_desc_destroy(part->described);
    }
    if (net) {
        dnnl_stream_destroy(net->stream);
        dnnl_engine_destroy(net->engine);
    }
    free(net);
}

void dnnl_net_input(struct dnnl_net *net, const float *x) {
    const size_t steps = (size_t)net->steps, batch = (size_t)net->batch,
                 inputs = (size_t)net->inputs;
    float *turned = malloc(steps * batch * inputs * sizeof *turned);
    for (size_t t = 0; t < steps; t++)
        for (size_t n = 0; n < batch; n++)
            memcpy(turned + (t * batch + n) * inputs, x + (n * steps + t) * inputs,
                   inputs * sizeof *x);
    if (net->kind == DNNL_U8) {
        uint8_t *data = data_of(net->part[0].x);
        for (size_t i = 0; i < steps * batch * inputs; i++)
            data[i] = (uint8_t)(turned[i] * data_scale + data_shift + 0.5f);
    } else {
        const dnnl_dims_t dims = {net->steps, net->batch, net->inputs};
        const dnnl_memory_desc_t given = describe(3, dims, dnnl_f32, dnnl_tnc);
        dnnl_memory_t from;
        NEED(dnnl_memory_create(&from, &given, net->engine, turned));
        convert(net, from, net->part[0].x, NULL);
        dnnl_memory_destroy(from);
    }
    free(turned);
}

void dnnl_net_run(struct dnnl_net *net) {
    for (int p = 0; p < net->parts; p++) {
        const struct part *part = &net->part[p];
        const dnnl_memory_t h_out = net->keeps_state ? part->h : part->h_out;
        const dnnl_memory_t c_out = net->keeps_state ? part->c : part->c_out;
        const dnnl_exec_arg_t all[] = {{DNNL_ARG_SRC_LAYER, part->x},
                                       {DNNL_ARG_WEIGHTS_LAYER, part->weights},
                                       {DNNL_ARG_WEIGHTS_ITER, part->recurrent},
                                       {DNNL_ARG_BIAS, part->bias},
                                       {DNNL_ARG_DST_LAYER, part->y},
                                       {DNNL_ARG_SRC_ITER, part->h},
                                       {DNNL_ARG_DST_ITER, h_out},
                                       {DNNL_ARG_SRC_ITER_C, part->c},
                                       {DNNL_ARG_DST_ITER_C, c_out}};
        NEED(dnnl_primitive_execute(part->primitive, net->stream, net->is_lstm ? 9 : 7, all));
    }
    NEED(dnnl_stream_wait(net->stream));
}

void dnnl_net_output(struct dnnl_net *net, float *h) {
    const struct part *last = &net->part[net->parts - 1];
    const size_t count = (size_t)net->batch * (size_t)last->units;
    const size_t first = (size_t)(net->steps - 1) * count;
    const void *data = data_of(last->y);
    for (size_t i = 0; i < count; i++)
        h[i] = net->kind == DNNL_F32 ? ((const float *)data)[first + i]
               : net->kind == DNNL_BF16
                   ? of_bfloat16(data, first + i)
                   : (((const uint8_t *)data)[first + i] - data_shift) / data_scale;
}

#else
struct dnnl_net *dnnl_net_make(const struct mr_network *network, enum dnnl_kind kind, int steps,
                               int batch, bool keeps_state) {
    (void)network, (void)kind, (void)steps, (void)batch, (void)keeps_state;
    return NULL;
}
void dnnl_net_free(struct dnnl_net *net) {
    (void)net;
}
void dnnl_net_input(struct dnnl_net *net, const float *x) {
    (void)net, (void)x;
}
void dnnl_net_run(struct dnnl_net *net) {
    (void)net;
}
void dnnl_net_output(struct dnnl_net *net, float *h) {
    (void)net, (void)h;
}
#endif
