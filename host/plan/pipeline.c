// SPDX-License-Identifier: Apache-2.0
// From a plan to processes and channels (pipeline.h). Each stream is written before it is read, so
// one walk in the order of the data makes all: a process takes its inputs from `taps`.
#include "pipeline.h"

#include "plan_taps.h"

#include <stdio.h>
#include <string.h>

struct builder {
    const struct mr_plan *plan;
    const struct mr_network *network;
    struct mr_pipeline *pipeline;
    int weights_in;
    int weights[MR_MAX_OPS], state[MR_MAX_OPS]; // channels of operators that have them
    struct mr_plan_taps taps;
    int tapped[MR_TAPS];      // channels that nobody reads yet
    int next[MR_MAX_STREAMS]; // of a stream, the next tap that is taken
    int forks, unpacks;       // so far
};

// ---- processes and channels

static struct mr_process *add_process(struct builder *b, const char *name, enum mr_part part,
                                      const char *scalars) {
    struct mr_process *process = &b->pipeline->processes[b->pipeline->process_count++];
    snprintf(process->name, sizeof process->name, "%s", name);
    process->part = part;
    process->op = -1;
    process->scalars = scalars;
    process->first_port = b->pipeline->port_count;
    return process;
}

const char *mr_part_name(enum mr_part part) {
    static const char *const names[] = {
        [MR_PART_OP] = "",           [MR_PART_ROUTE] = "route",   [MR_PART_RESIZE] = "resize",
        [MR_PART_FORK] = "fork",     [MR_PART_UNPACK] = "unpack", [MR_PART_GATHER] = "gather",
        [MR_PART_LOADER] = "loader", [MR_PART_SAVER] = "saver"};
    return names[part];
}

static struct mr_process *add_numbered(struct builder *b, enum mr_part part, int number,
                                       const char *scalars) {
    char text[MR_NAME];
    snprintf(text, sizeof text, "%s%d", mr_part_name(part), number);
    return add_process(b, text, part, scalars);
}

// Ports are added to the last process only.
static void add_port(struct builder *b, int channel) {
    b->pipeline->ports[b->pipeline->port_count++] = channel;
    b->pipeline->processes[b->pipeline->process_count - 1].port_count++;
}

static int add_channel(struct builder *b, const char *type, int writer) {
    struct mr_channel *channel = &b->pipeline->channels[b->pipeline->channel_count];
    snprintf(channel->type, sizeof channel->type, "%s", type);
    channel->writer = writer;
    channel->reader = -1;
    return b->pipeline->channel_count++;
}

static int add_top_input(struct builder *b, const char *name, const char *type) {
    const int channel = add_channel(b, type, -1);
    snprintf(b->pipeline->channels[channel].name, MR_CHANNEL_NAME, "%s", name);
    return channel;
}

// The last process reads it.
static void take(struct builder *b, int channel) {
    b->pipeline->channels[channel].reader = b->pipeline->process_count - 1;
    add_port(b, channel);
}

// A new channel that the last process writes: "<of>_<what>".
static int give(struct builder *b, const char *of, const char *what, const char *type) {
    const int channel = add_channel(b, type, b->pipeline->process_count - 1);
    snprintf(b->pipeline->channels[channel].name, MR_CHANNEL_NAME, "%s_%s", of, what);
    add_port(b, channel);
    return channel;
}

// "vec4_t", or for single numbers int32_t.
static const char *type_of(int lc, char type[16]) {
    if (lc)
        snprintf(type, 16, "vec%d_t", lc);
    else
        snprintf(type, 16, "int32_t");
    return type;
}

// ---- streams and their readers

// The channel has the stream: forks behind one another give it to each of its readers.
static void deal_out(struct builder *b, int stream, int channel) {
    const struct mr_stream *of = &b->network->streams[stream];
    const int count = mr_network_readers(b->network, stream);
    const int depth = mr_plan_fork_depth(b->plan, stream), first = b->taps.first[stream];
    int *taps = b->tapped + first;
    for (int i = 0; i + 1 < count; i++) {
        struct mr_process *fork = add_numbered(b, MR_PART_FORK, b->forks++, "command, rows");
        char type[16];
        fork->count = of->width;
        fork->encodes = of->encodes;
        fork->rate = of->rate;
        fork->steps = of->steps;
        fork->lc = fork->out_lc = mr_plan_stream_lc(b->plan, stream);
        type_of(fork->lc, type);
        take(b, channel);
        taps[i] = give(b, fork->name, "a", type);
        channel = give(b, fork->name, "b", type);
        b->pipeline->channels[taps[i]].depth = b->pipeline->channels[channel].depth = depth;
    }
    if (count > 0)
        taps[count - 1] = channel;
    for (int i = 0; i < count; i++)
        if (b->taps.hold[first + i])
            b->pipeline->channels[taps[i]].depth =
                mr_plan_tap_depth(b->plan, stream, b->taps.hold[first + i]);
}

static int tap(struct builder *b, int stream) {
    return b->tapped[b->next[stream]++];
}

// ---- the parts

static void add_loader(struct builder *b, int weights, int state_in) {
    add_process(b, mr_part_name(MR_PART_LOADER), MR_PART_LOADER, "command");
    take(b, weights);
    take(b, state_in);
    for (int i = 0; i < b->network->op_count; i++)
        if (mr_op_rows(&b->network->ops[i]) > 0)
            b->weights[i] = give(b, b->network->ops[i].name, "weights", "beat_t");
}

// Room for the vectors of a step, so that reader and writer need not keep pace within one.
static int channel_depth(int words) {
    const int depth = mr_power_of_two(words);
    return depth < 64 ? depth : 64;
}

static int add_resize(struct builder *b, int index, int stream, int channel) {
    const struct mr_op *op = &b->network->ops[index];
    char name[MR_NAME], type[16];
    if (op->kind->recurrent && stream == op->input)
        snprintf(name, sizeof name, "%s%d", mr_part_name(MR_PART_RESIZE), op->layer);
    else if (op->kind->recurrent)
        snprintf(name, sizeof name, "%.20s_start%d", op->name, stream == op->given[1]);
    else
        snprintf(name, sizeof name, "%.20s_%s", op->name, stream == op->input ? "first" : "other");
    struct mr_process *resize = add_process(b, name, MR_PART_RESIZE, "command, rows");
    resize->count = b->network->streams[stream].width;
    resize->encodes = b->network->streams[stream].encodes;
    resize->rate = b->network->streams[stream].rate;
    resize->steps = b->network->streams[stream].steps;
    resize->lc = mr_plan_stream_lc(b->plan, stream);
    resize->out_lc = b->plan->ops[index].layout.lc;
    take(b, channel);
    const int output = give(b, resize->name, "out", type_of(resize->out_lc, type));
    // A layer with several passes takes a row in the first of them, faster than it comes.
    if (b->plan->ops[index].layout.passes > 1)
        b->pipeline->channels[output].depth =
            channel_depth(mr_plan_words(resize->count, resize->out_lc));
    return output;
}

// A stream as single numbers.
static int add_unpack(struct builder *b, int stream) {
    const struct mr_stream *of = &b->network->streams[stream];
    const int channel = tap(b, stream), lc = mr_plan_stream_lc(b->plan, stream);
    if (lc == 0)
        return channel;
    struct mr_process *unpack = add_numbered(b, MR_PART_UNPACK, b->unpacks++, "command, rows");
    unpack->count = of->width;
    unpack->rate = of->rate;
    unpack->steps = of->steps;
    unpack->lc = lc;
    take(b, channel);
    return give(b, unpack->name, "out", "int32_t");
}

// A stream as the operator takes it.
static int add_input(struct builder *b, int index, int stream) {
    if (b->network->ops[index].kind->reads_numbers)
        return add_unpack(b, stream);
    const int channel = tap(b, stream);
    return mr_plan_has_resize(b->plan, index, stream) ? add_resize(b, index, stream, channel)
                                                      : channel;
}

// What a field of an operator's state starts from, a row of it. -1: nothing.
static int add_given(struct builder *b, int index, int field) {
    const int stream = b->network->ops[index].given[field];
    if (stream < 0)
        return -1;
    const int channel = add_input(b, index, stream);
    const int words =
        mr_plan_words(b->network->streams[stream].width, b->plan->ops[index].layout.lc);
    int *depth = &b->pipeline->channels[channel].depth;
    // One field waits for the other one, and nothing before it for both.
    *depth = *depth < words ? mr_power_of_two(words) : *depth;
    return channel;
}

static int add_op(struct builder *b, int index) {
    const struct mr_op *op = &b->network->ops[index];
    const struct mr_plan_op *planned = &b->plan->ops[index];
    const int input = add_input(b, index, op->input);
    const int other = op->other >= 0 ? add_input(b, index, op->other) : -1;
    const int given[2] = {add_given(b, index, 0), add_given(b, index, 1)};
    struct mr_process *process = add_process(b, op->name, MR_PART_OP, op->kind->scalars);
    char type[16];
    process->op = index;
    process->lc = planned->layout.lc;
    process->out_lc = planned->layout.out_lc;
    process->rate = b->network->streams[mr_op_pace(op)].rate;
    process->steps = b->network->streams[mr_op_pace(op)].steps;
    process->encodes = b->network->streams[op->input].encodes;
    if (mr_op_rows(op) > 0)
        take(b, b->weights[index]);
    take(b, input);
    if (other >= 0)
        take(b, other);
    for (int field = 0; field < 2; field++)
        if (given[field] >= 0)
            take(b, given[field]);
    const int output = give(b, op->name, "out", type_of(planned->layout.out_lc, type));
    if (op->kind->recurrent) {
        b->pipeline->channels[output].depth =
            channel_depth(mr_plan_words(op->units, planned->layout.out_lc));
        b->state[index] = give(b, op->name, "state", "unit_state_t");
    }
    return output;
}

static struct mr_gather_side side_of(const struct mr_plan *plan, const struct mr_stream *stream) {
    const int words = mr_plan_words(stream->width, plan->y_lc);
    return stream->rate == MR_PER_STEP ? (struct mr_gather_side){.step = words}
                                       : (struct mr_gather_side){.last = words};
}

// All outputs, one behind the other, as y.
static void add_outputs(struct builder *b) {
    const struct mr_network *network = b->network;
    int channels[MR_MAX_OUTPUTS];
    for (int i = 0; i < network->output_count; i++)
        channels[i] = b->plan->y_lc ? tap(b, network->outputs[i].stream)
                                    : add_unpack(b, network->outputs[i].stream);
    struct mr_gather_side before = side_of(b->plan, &network->streams[network->outputs[0].stream]);
    int y = channels[0];
    for (int i = 1; i < network->output_count; i++) {
        const struct mr_gather_side more =
            side_of(b->plan, &network->streams[network->outputs[i].stream]);
        char type[16];
        struct mr_process *gather = add_numbered(b, MR_PART_GATHER, i - 1, "command, steps, total");
        gather->lc = gather->out_lc = b->plan->y_lc;
        gather->side[0] = before;
        gather->side[1] = more;
        gather->steps = (int)mr_network_output_steps(network, 0);
        take(b, y);
        take(b, channels[i]);
        y = give(b, gather->name, "out", type_of(b->plan->y_lc, type));
        before.step += more.step;
        before.last += more.last;
    }
    snprintf(b->pipeline->channels[y].name, MR_CHANNEL_NAME, "y");
}

static void add_saver(struct builder *b) {
    add_process(b, mr_part_name(MR_PART_SAVER), MR_PART_SAVER, "command");
    for (int i = 0; i < b->network->op_count; i++)
        if (b->network->ops[i].kind->recurrent)
            take(b, b->state[i]);
    give(b, "state", "out", "beat_t");
}

// x, and what reads it: of a network with an encoder's part each part what comes while it runs.
static void add_x(struct builder *b) {
    char type[16];
    const int x = add_top_input(b, "x", type_of(b->plan->x_lc, type));
    add_loader(b, b->weights_in, add_top_input(b, "state_in", "beat_t"));
    if (!b->network->encoder) {
        deal_out(b, 0, x);
        return;
    }
    struct mr_process *route =
        add_process(b, mr_part_name(MR_PART_ROUTE), MR_PART_ROUTE, "command, total");
    route->count = b->network->streams[0].width;
    route->rate = MR_PER_STEP;
    route->lc = route->out_lc = b->plan->x_lc;
    take(b, x);
    const int decoder = give(b, route->name, "decoder", type);
    const int encoder = give(b, route->name, "encoder", type);
    deal_out(b, 0, decoder);
    deal_out(b, b->network->encoder, encoder);
}

void mr_pipeline_make(const struct mr_plan *plan, struct mr_pipeline *pipeline) {
    struct builder b = {.plan = plan, .network = plan->network, .pipeline = pipeline};
    memset(pipeline, 0, sizeof *pipeline);
    mr_plan_taps(b.network, &b.taps);
    memcpy(b.next, b.taps.first, sizeof b.next);
    b.weights_in = add_top_input(&b, "weights", "beat_t");
    add_x(&b);
    for (int i = 0; i < plan->network->op_count; i++)
        deal_out(&b, plan->network->ops[i].output, add_op(&b, i));
    add_outputs(&b);
    add_saver(&b);
    mr_place(plan, pipeline);
}
