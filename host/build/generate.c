// SPDX-License-Identifier: Apache-2.0
// Writes the network's HLS C from its pipeline: includes of the kernels with their parameters, the
// loader that deals out the weight image, and the dataflow top function.
#include "generate.h"

#include "file.h"
#include "state_image.h"
#include "weights_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_vectors(struct mr_text *text, const struct mr_pipeline *pipeline) {
    for (int lc = 1; lc <= MR_PLAN_LC; lc++)
        for (int i = 0; i < pipeline->process_count; i++)
            if (pipeline->processes[i].lc == lc || pipeline->processes[i].out_lc == lc) {
                mr_text_add(text, "MR_VECTOR(%d)\n", lc);
                break;
            }
}

static const struct mr_channel *channel_at(const struct mr_pipeline *pipeline,
                                           const struct mr_process *process, int port) {
    return &pipeline->channels[pipeline->ports[process->first_port + port]];
}

// Loader and saver have as many streams as there are operators with weights or a state, so they are
// written out, head and body from the process's ports.
static void add_head(struct mr_text *text, const struct mr_pipeline *pipeline,
                     const struct mr_process *process) {
    mr_text_add(text, "static void %s(", process->name);
    for (int i = 0; i < process->port_count; i++) {
        const struct mr_channel *channel = channel_at(pipeline, process, i);
        mr_text_add(text, "\n    hls_stream(%s) *%s,", channel->type, channel->name);
    }
    mr_text_add(text, "\n    uint32_t %s) {\n", process->scalars);
}

// Gives each reader its weights, and its state if it has one. Ports 0 and 1 are the top's.
static void add_loader(struct mr_text *text, const struct mr_plan *plan,
                       const struct mr_pipeline *pipeline, const struct mr_process *process) {
    const char *weights = channel_at(pipeline, process, 0)->name;
    const char *state = channel_at(pipeline, process, 1)->name;
    add_head(text, pipeline, process);
    mr_text_add(text, "    if (command == MR_COMMAND_LOAD) {\n");
    for (int i = 2; i < process->port_count; i++) {
        const struct mr_channel *to = channel_at(pipeline, process, i);
        mr_text_add(text, "        mr_relay(%s, %s, %" PRIu64 ");\n", weights, to->name,
                    mr_weights_beats(plan, pipeline->processes[to->reader].op));
    }
    mr_text_add(text, "    } else if (command == MR_COMMAND_WRITE_STATE) {\n");
    for (int i = 2; i < process->port_count; i++) {
        const struct mr_channel *to = channel_at(pipeline, process, i);
        const int op = pipeline->processes[to->reader].op;
        if (plan->network->ops[op].kind->recurrent)
            mr_text_add(text, "        mr_relay(%s, %s, %" PRIu32 ");\n", state, to->name,
                        mr_state_beats(plan, op));
    }
    mr_text_add(text, "    }\n}\n");
}

// Collects the state from each writer. The last port is the top's.
static void add_saver(struct mr_text *text, const struct mr_plan *plan,
                      const struct mr_pipeline *pipeline, const struct mr_process *process) {
    const int last = process->port_count - 1;
    const char *state = channel_at(pipeline, process, last)->name;
    add_head(text, pipeline, process);
    mr_text_add(text, "    if (command == MR_COMMAND_READ_STATE) {\n");
    for (int i = 0; i < last; i++) {
        const struct mr_channel *from = channel_at(pipeline, process, i);
        mr_text_add(text, "        mr_save(%s, %s, %" PRIu32 ");\n", from->name, state,
                    mr_state_beats(plan, pipeline->processes[from->writer].op));
    }
    mr_text_add(text, "    }\n}\n");
}

static void add_resize(struct mr_text *text, const struct mr_process *process) {
    mr_text_add(text,
                "#define RESIZE %s\n#define RESIZE_COUNT %d\n#define RESIZE_FROM %d\n"
                "#define RESIZE_TO %d\n#include \"glue/resize.h\"\n",
                process->name, process->count, process->lc, process->out_lc);
}

static void add_fork(struct mr_text *text, const struct mr_process *process) {
    mr_text_add(text,
                "#define FORK %s\n#define FORK_COUNT %d\n#define FORK_LC %d\n"
                "#include \"glue/fork.h\"\n",
                process->name, process->count, process->lc);
}

static void add_unpack(struct mr_text *text, const struct mr_process *process) {
    mr_text_add(text,
                "#define UNPACK %s\n#define UNPACK_COUNT %d\n#define UNPACK_LC %d\n"
                "#include \"glue/unpack.h\"\n",
                process->name, process->count, process->lc);
}

static void add_gather(struct mr_text *text, const struct mr_plan *plan,
                       const struct mr_process *process) {
    mr_text_add(text,
                "#define GATHER %s\n#define GATHER_LC %d\n"
                "#define GATHER_A_STEP %d\n#define GATHER_A_LAST %d\n"
                "#define GATHER_B_STEP %d\n#define GATHER_B_LAST %d\n",
                process->name, process->lc, process->side[0].step, process->side[0].last,
                process->side[1].step, process->side[1].last);
    if (plan->slots > 1)
        mr_text_add(text, "#define GATHER_SLOTS %d\n", plan->slots);
    mr_text_add(text, "#include \"glue/gather.h\"\n");
}

static void add_route(struct mr_text *text, const struct mr_plan *plan,
                      const struct mr_process *process) {
    mr_text_add(text,
                "#define ROUTE %s\n#define ROUTE_DECODER %d\n#define ROUTE_ENCODER %d\n"
                "#define ROUTE_LC %d\n#include \"glue/route.h\"\n",
                process->name, process->count, plan->network->streams[plan->network->encoder].width,
                process->lc);
}

static void add_process(struct mr_text *text, const struct mr_plan *plan,
                        const struct mr_pipeline *pipeline, const struct mr_process *process) {
    mr_text_add(text, "\n");
    switch (process->part) {
    case MR_PART_OP: {
        const struct mr_op *op = &plan->network->ops[process->op];
        op->kind->emit(plan->network, op, &plan->ops[process->op].layout, text);
        break;
    }
    case MR_PART_ROUTE:
        add_route(text, plan, process);
        break;
    case MR_PART_RESIZE:
        add_resize(text, process);
        break;
    case MR_PART_FORK:
        add_fork(text, process);
        break;
    case MR_PART_UNPACK:
        add_unpack(text, process);
        break;
    case MR_PART_GATHER:
        add_gather(text, plan, process);
        break;
    case MR_PART_LOADER:
        add_loader(text, plan, pipeline, process);
        break;
    case MR_PART_SAVER:
        add_saver(text, plan, pipeline, process);
        break;
    }
}

static bool at_top(const struct mr_channel *channel) {
    return channel->writer < 0 || channel->reader < 0;
}

// A channel between processes in two dies of the card gets registers there and back.
static void add_channels(struct mr_text *text, const struct mr_pipeline *pipeline) {
    for (int i = 0; i < pipeline->channel_count; i++) {
        const struct mr_channel *channel = &pipeline->channels[i];
        if (at_top(channel))
            continue;
        mr_text_add(text, "    HLS_CHANNEL(%s, %s);\n", channel->type, channel->name);
        if (channel->depth)
            mr_text_add(text, "    HLS(stream variable=%s depth=%d)\n", channel->name,
                        channel->depth);
        if (channel->crossing)
            mr_text_add(text, "    HLS(stream variable=%s crossing=%d)\n", channel->name,
                        channel->crossing);
    }
}

// A process's scalars, in which `rows` stands for how many rows it has in all, and `steps`, where
// sequences have their turns, or a layer's state is given, for the sequences too. Where its
// sequences have a number of steps of their own, it is that.
static void add_scalars(struct mr_text *text, const struct mr_plan *plan,
                        const struct mr_process *process) {
    const struct mr_op *op = process->op >= 0 ? &plan->network->ops[process->op] : NULL;
    const bool starts =
        op && op->kind->recurrent && plan->network->encoder && !mr_op_encodes(plan->network, op);
    char own[32] = "steps", steps[48], total[48] = "total";
    if (process->steps) {
        snprintf(own, sizeof own, "%d", process->steps);
        snprintf(total, sizeof total, "sequences * %d", process->steps);
    }
    snprintf(steps, sizeof steps, "%s%s", plan->slots > 1 || starts ? "sequences, " : "", own);
    const struct {
        const char *word, *means;
    } words[] = {{"rows", process->rate == MR_PER_STEP ? total : "sequences"},
                 {"steps", steps},
                 {"total", total}};
    const char *at = process->scalars;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *found = strstr(at, words[i].word);
        if (!found)
            continue;
        mr_text_add(text, "%.*s%s", (int)(found - at), at, words[i].means);
        at = found + strlen(words[i].word);
    }
    mr_text_add(text, "%s", at);
}

static void add_call(struct mr_text *text, const struct mr_plan *plan,
                     const struct mr_pipeline *pipeline, const struct mr_process *process) {
    mr_text_add(text, "    %s(", process->name);
    for (int i = 0; i < process->port_count; i++) {
        const struct mr_channel *channel = channel_at(pipeline, process, i);
        mr_text_add(text, "%s%s, ", at_top(channel) ? "" : "&", channel->name);
    }
    add_scalars(text, plan, process);
    mr_text_add(text, ");\n");
}

static const char *type_at(const struct mr_pipeline *pipeline, const char *port) {
    int i = 0;
    while (!at_top(&pipeline->channels[i]) || strcmp(pipeline->channels[i].name, port) != 0)
        i++;
    return pipeline->channels[i].type;
}

static void add_top(struct mr_text *text, const struct mr_plan *plan,
                    const struct mr_pipeline *pipeline) {
    mr_text_add(
        text,
        "\nvoid " MR_NETWORK_TOP "(hls_stream(beat_t) *weights, hls_stream(%s) *x,\n"
        "             hls_stream(%s) *y, hls_stream(beat_t) *state_in,\n"
        "             hls_stream(beat_t) *state_out, uint32_t command, uint32_t sequences,\n"
        "             uint32_t steps, uint32_t total, uint32_t flags) {\n"
        "    HLS(dataflow)\n",
        type_at(pipeline, "x"), type_at(pipeline, "y"));
    add_channels(text, pipeline);
    for (int i = 0; i < pipeline->process_count; i++)
        add_call(text, plan, pipeline, &pipeline->processes[i]);
    mr_text_add(text, "}\n");
}

static void add_layout(struct mr_text *text, const struct mr_op_layout *layout) {
    mr_text_add(text, " (LC %d", layout->lc);
    if (layout->passes > 1)
        mr_text_add(text, ", %d passes", layout->passes);
    mr_text_add(text, layout->h_first ? ", h first)" : ")");
}

char *mr_generate_network(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                          char *error, size_t error_size) {
    struct mr_text text = {0};
    mr_text_add(&text, "// Generated from a plan:");
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        mr_text_add(&text, "%s %s %dx%d", i ? "," : "", op->name, op->inputs, op->units);
        if (plan->ops[i].layout.lc)
            add_layout(&text, &plan->ops[i].layout);
    }
    if (plan->slots > 1)
        mr_text_add(&text, "; %d slots", plan->slots);
    mr_text_add(&text, ".\n#include \"frame/words.h\"\n#include \"mr_command.h\"\n\n");
    add_vectors(&text, pipeline);
    mr_text_add(&text, "\n#include \"glue/relay.h\"\n");
    bool encodes = false;
    for (int i = 0; i < pipeline->process_count; i++) {
        const struct mr_process *process = &pipeline->processes[i];
        if (process->encodes != encodes)
            mr_text_add(&text, "\n#undef RUN_COMMAND\n#define RUN_COMMAND MR_COMMAND_%s\n",
                        process->encodes ? "ENCODE" : "RUN");
        encodes = process->encodes;
        add_process(&text, plan, pipeline, process);
    }
    add_top(&text, plan, pipeline);
    if (text.failed) {
        free(text.data);
        mr_fail(error, error_size, "out of memory while writing the network's source");
        return NULL;
    }
    return text.data;
}
