// SPDX-License-Identifier: Apache-2.0
// Writes the network's HLS C from a plan: includes of the kernels with their parameters, the loader
// that deals out the weight image, and the dataflow top function.
#include "generate.h"

#include "file.h"
#include "placement.h"
#include "state_image.h"
#include "weights_image.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// Text that grows; `failed` once memory ran out.
struct text {
    char *data;
    size_t size, capacity;
    bool failed;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (text->failed || length < 0 || (size_t)length >= sizeof line) {
        text->failed = true;
        return;
    }
    if (text->size + (size_t)length + 1 > text->capacity) {
        const size_t capacity = text->capacity * 2 + 4096;
        char *grown = realloc(text->data, capacity);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->data = grown;
        text->capacity = capacity;
    }
    for (int i = 0; i <= length; i++)
        text->data[text->size + (size_t)i] = line[i];
    text->size += (size_t)length;
}

static void add_vectors(struct text *text, const struct mr_plan *plan) {
    for (int lc = 1; lc <= MR_PLAN_LC; lc++)
        for (int l = 0; l < plan->layer_count; l++)
            if (plan->layers[l].lc == lc) {
                add(text, "MR_VECTOR(%d)\n", lc);
                break;
            }
}

static void add_layer(struct text *text, const struct mr_plan *plan, int l) {
    const struct mr_plan_layer *layer = &plan->layers[l];
    if (mr_plan_has_resize(plan, l)) {
        add(text, "\n#define RESIZE resize%d\n", l);
        add(text, "#define RESIZE_COUNT %d\n", layer->inputs);
        add(text, "#define RESIZE_FROM %d\n", plan->layers[l - 1].lc);
        add(text, "#define RESIZE_TO %d\n", layer->lc);
        add(text, "#include \"glue/resize.h\"\n");
    }
    add(text, "\n#include \"cells/lstm.h\"\n");
    add(text, "#define LAYER lstm%d\n#define LAYER_CELL lstm\n", l);
    add(text, "#define LAYER_INPUTS %d\n", layer->inputs);
    add(text, "#define LAYER_HIDDEN %d\n", layer->hidden);
    add(text, "#define LAYER_LC %d\n", layer->lc);
    if (layer->cell_exponent)
        add(text, "#define LAYER_CELL_EXPONENT %d\n", layer->cell_exponent);
    add(text, "#include \"frame/layer.h\"\n");
}

static void add_head(struct text *text, const struct mr_plan_head *head) {
    add(text, "\n#define LAST last\n#define LAST_COUNT %d\n", head->inputs);
    add(text, "#define LAST_LC %d\n#include \"glue/last_step.h\"\n", head->lc);
    add(text, "\n#define DENSE head\n#define DENSE_INPUTS %d\n", head->inputs);
    add(text, "#define DENSE_OUTPUTS %d\n#define DENSE_LC %d\n", head->outputs, head->lc);
    add(text, "#define DENSE_OUT_LC 0\n#define DENSE_ACTIVATION %s\n#include \"heads/dense.h\"\n",
        head->sigmoid ? "MR_SIGMOID" : "MR_LINEAR");
}

// The weight image of the network in beats: each process's part, in order; the state alike.
static void add_loader(struct text *text, const struct mr_plan *plan) {
    add(text, "\nstatic void loader(hls_stream(beat_t) *weights, hls_stream(beat_t) *state_in,");
    for (int l = 0; l < plan->layer_count; l++)
        add(text, "\n                   hls_stream(beat_t) *lstm%d_weights,", l);
    add(text, "\n                   hls_stream(beat_t) *head_weights, uint32_t command) {\n");
    add(text, "    if (command == MR_COMMAND_LOAD) {\n");
    for (int l = 0; l < plan->layer_count; l++)
        add(text, "        mr_relay(weights, lstm%d_weights, %" PRIu64 ");\n", l,
            mr_weights_beats(plan, l));
    add(text, "        mr_relay(weights, head_weights, %" PRIu64 ");\n",
        mr_weights_beats(plan, plan->layer_count));
    add(text, "    } else if (command == MR_COMMAND_WRITE_STATE) {\n");
    for (int l = 0; l < plan->layer_count; l++)
        add(text, "        mr_relay(state_in, lstm%d_weights, %" PRIu32 ");\n", l,
            mr_state_beats(plan, l));
    add(text, "    }\n}\n");
}

static void add_saver(struct text *text, const struct mr_plan *plan) {
    add(text, "\nstatic void saver(");
    for (int l = 0; l < plan->layer_count; l++)
        add(text, "hls_stream(unit_state_t) *lstm%d_state,\n                  ", l);
    add(text, "hls_stream(beat_t) *state_out, uint32_t command) {\n");
    add(text, "    if (command == MR_COMMAND_READ_STATE) {\n");
    for (int l = 0; l < plan->layer_count; l++)
        add(text, "        mr_save(lstm%d_state, state_out, %" PRIu32 ");\n", l,
            mr_state_beats(plan, l));
    add(text, "    }\n}\n");
}

// A channel between processes in two dies of the card gets registers there and back.
static void add_crossings(struct text *text, const struct mr_plan *plan) {
    struct mr_placement placement;
    mr_place(plan, &placement);
    for (int i = 0; i < placement.crossing_count; i++)
        add(text, "    HLS(stream variable=%s crossing=%d)\n", placement.crossings[i].channel,
            mr_crossing_registers(&placement.crossings[i]));
}

static void add_channels(struct text *text, const struct mr_plan *plan) {
    for (int l = 0; l <= plan->layer_count; l++)
        add(text, "    HLS_CHANNEL(beat_t, w%d);\n", l);
    for (int l = 0; l < plan->layer_count; l++) {
        add(text, "    HLS_CHANNEL(unit_state_t, s%d);\n", l);
        if (mr_plan_has_resize(plan, l))
            add(text, "    HLS_CHANNEL(vec%d_t, r%d);\n", plan->layers[l].lc, l);
        add(text, "    HLS_CHANNEL(vec%d_t, h%d);\n", plan->layers[l].lc, l);
        add(text, "    HLS(stream variable=h%d depth=%d)\n", l, mr_plan_channel_depth(plan, l));
    }
    add(text, "    HLS_CHANNEL(vec%d_t, hl);\n", plan->head.lc);
    add_crossings(text, plan);
}

static void add_top(struct text *text, const struct mr_plan *plan) {
    const int last = plan->layer_count - 1;
    add(text,
        "\nvoid " MR_NETWORK_TOP "(hls_stream(beat_t) *weights, hls_stream(vec%d_t) *x,\n"
        "             hls_stream(int32_t) *y, hls_stream(beat_t) *state_in,\n"
        "             hls_stream(beat_t) *state_out, uint32_t command, uint32_t sequences,\n"
        "             uint32_t steps, uint32_t total, uint32_t flags) {\n"
        "    HLS(dataflow)\n",
        plan->layers[0].lc);
    add_channels(text, plan);
    add(text, "    loader(weights, state_in");
    for (int l = 0; l <= plan->layer_count; l++)
        add(text, ", &w%d", l);
    add(text, ", command);\n");
    for (int l = 0; l <= last; l++) {
        char rows[24];
        if (l == 0)
            snprintf(rows, sizeof rows, "x");
        else
            snprintf(rows, sizeof rows, "&%c%d", mr_plan_has_resize(plan, l) ? 'r' : 'h',
                     mr_plan_has_resize(plan, l) ? l : l - 1);
        if (mr_plan_has_resize(plan, l))
            add(text, "    resize%d(&h%d, &r%d, command, total);\n", l, l - 1, l);
        add(text, "    lstm%d(&w%d, %s, &h%d, &s%d, command, steps, total, flags);\n", l, l, rows,
            l, l);
    }
    add(text, "    saver(");
    for (int l = 0; l <= last; l++)
        add(text, "&s%d, ", l);
    add(text, "state_out, command);\n");
    add(text, "    last(&h%d, &hl, command, steps, total);\n", last);
    add(text, "    head(&w%d, &hl, y, command, sequences);\n}\n", plan->layer_count);
}

char *mr_generate_network(const struct mr_plan *plan, char *error, size_t error_size) {
    struct text text = {0};
    add(&text, "// Generated from a plan: LSTM layers");
    for (int l = 0; l < plan->layer_count; l++)
        add(&text, " %dx%d (LC %d)%s", plan->layers[l].inputs, plan->layers[l].hidden,
            plan->layers[l].lc, l + 1 < plan->layer_count ? "," : "");
    add(&text, ", head %dx%d%s.\n", plan->head.inputs, plan->head.outputs,
        plan->head.sigmoid ? " with sigmoid" : "");
    add(&text, "#include \"frame/words.h\"\n\n");
    add_vectors(&text, plan);
    add(&text, "\n#include \"glue/relay.h\"\n");
    for (int l = 0; l < plan->layer_count; l++)
        add_layer(&text, plan, l);
    add_head(&text, &plan->head);
    add_loader(&text, plan);
    add_saver(&text, plan);
    add_top(&text, plan);
    if (text.failed) {
        free(text.data);
        mr_fail(error, error_size, "out of memory while writing the network's source");
        return NULL;
    }
    return text.data;
}
