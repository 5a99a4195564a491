// SPDX-License-Identifier: Apache-2.0
// Engines: makes them, tells their ports and probes, and moves their states (cpu_engine.h).
#include "engine_parts.h"

#include "activation_tables.h"
#include "failure.h"
#include "file.h"
#include "job.h"
#include "state_image.h"
#include "weights_image.h"

#include <stdlib.h>
#include <string.h>

// What an engine has of its own; `packed`: the weights, too, which others may share.
static void free_state(struct mr_engine_state *engine, bool packed) {
    if (!engine)
        return;
    for (int i = 0; i < engine->network->op_count; i++) {
        struct mr_stage *stage = &engine->stages[i];
        mr_layer_free(stage->layer);
        if (packed)
            mr_packed_free(stage->packed);
        free(stage->state);
        free(stage->in);
        free(stage->out);
    }
    for (int s = 0; s < engine->network->stream_count; s++)
        free(engine->flows[s].data);
}

static void close_engine(void *self) {
    struct mr_engine_state *engine = self;

    if (!engine)
        return;
    mr_workers_free(engine->workers);
    for (int k = 0; k < engine->other_count; k++) {
        free_state(engine->others[k], false);
        free(engine->others[k]);
    }
    free_state(engine, true);
    free(engine->tables);
    free(engine);
}

static void info(const void *self, struct mr_device_info *info) {
    const struct mr_engine_state *engine = self;

    *info = (struct mr_device_info){.port_count = engine->port_count,
                                    .ports = engine->ports,
                                    .probe_count = engine->probe_count,
                                    .probes = engine->probes};
}

// ---- states, in beats

static bool has_state(const struct mr_engine_state *engine) {
    return mr_state_total_beats(engine->plan) > 0;
}

static int check_beats(const struct mr_engine_state *engine, uint64_t count,
                       struct mr_error *error) {
    const uint32_t due = mr_state_total_beats(engine->plan);

    return count == due && has_state(engine)
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE, "cpu: has a state of %u beats, not of %llu",
                            due, (unsigned long long)count);
}

static int read_state(void *self, void *beats, uint64_t count, struct mr_error *error) {
    const struct mr_engine_state *engine = self;
    const int code = check_beats(engine, count, error);
    int16_t *to = beats;

    for (int i = 0; !code && i < engine->network->op_count; i++) {
        const uint32_t all = mr_state_beats(engine->plan, i), slots = (uint32_t)engine->plan->slots;
        memset(to, 0, (size_t)all * MR_BEAT_BYTES);
        for (uint32_t slot = 0; slot < slots; slot++)
            for (int u = 0; all && u < engine->network->ops[i].units; u++) {
                int32_t h, second;
                mr_engine_get(&engine->stages[i], slot, u, &h, &second);
                mr_state_write_beat(to + ((size_t)slot * (all / slots) + (size_t)u) * MR_IMAGE_BEAT,
                                    h, second);
            }
        to += (size_t)all * MR_IMAGE_BEAT;
    }
    return code;
}

static int write_state(void *self, const void *beats, uint64_t count, struct mr_error *error) {
    struct mr_engine_state *engine = self;
    const int code = check_beats(engine, count, error);
    const int16_t *from = beats;

    for (int i = 0; !code && i < engine->network->op_count; i++) {
        const uint32_t all = mr_state_beats(engine->plan, i), slots = (uint32_t)engine->plan->slots;
        for (uint32_t slot = 0; slot < slots; slot++)
            for (int u = 0; all && u < engine->network->ops[i].units; u++) {
                int32_t h, second;
                mr_state_read_beat(
                    from + ((size_t)slot * (all / slots) + (size_t)u) * MR_IMAGE_BEAT, &h, &second);
                mr_engine_set(&engine->stages[i], slot, u, h, second);
            }
        from += (size_t)all * MR_IMAGE_BEAT;
    }
    return code;
}

// ---- making

int mr_engine_tables(struct mr_tables *tables, struct mr_error *error) {
    const struct {
        uint32_t *to;
        const int32_t *base;
        const int16_t *slope;
    } all[] = {{tables->sigmoid, mr_sigmoid_base, mr_sigmoid_slope},
               {tables->tanh, mr_tanh_base, mr_tanh_slope}};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int k = 0; k < MR_SEGMENTS; k++) {
            const int32_t base = all[i].base[k] + MR_BASE_HALF, slope = all[i].slope[k];
            const int32_t most = 1 << (MR_BASE_BITS - 1);
            if (base < -most || base + slope >= most || slope < 0 ||
                slope >= 1 << (32 - MR_BASE_BITS))
                return mr_failure(error, MR_ERROR_DEVICE,
                                  "cpu: segment %d of a table does not fit its 32 bits", k);
            const int32_t q = (k & 3) - (k & 2) * 2;
            all[i].to[k] = (uint32_t)slope << MR_BASE_BITS |
                           ((uint32_t)(base - q * slope) & ((1U << MR_BASE_BITS) - 1));
        }
    return 0;
}

static void add_probe(struct mr_engine_state *engine, const char *process, const char *name,
                      int *index) {
    *index = (int)engine->probe_count;
    engine->probes[engine->probe_count++] =
        (struct mr_probe){.process = process, .name = name, .bits = 64};
}

// What a stage has of its own, its weights being packed.
static int make_stage(struct mr_engine_state *engine, struct mr_stage *stage) {
    const struct mr_network *network = engine->network;
    const struct mr_op *op = stage->op;
    const int other = op->kind->joins ? network->streams[op->other].width : 0;
    const int in = op->inputs + other, out = network->streams[op->output].width;
    // The rows that a state starts from lie behind each other.
    const int given = op->kind->recurrent ? 2 * op->units : 0;

    stage->in = calloc((size_t)(in > given ? in : given) + 1, sizeof *stage->in);
    stage->out = calloc((size_t)out + 1, sizeof *stage->out);
    if (!stage->in || !stage->out)
        return -1;
    if (stage->packed) {
        stage->layer = mr_layer_make(stage->packed, engine->tables, MR_ENGINE_LANES);
        return stage->layer ? 0 : -1;
    }
    stage->state_size = mr_op_state_numbers(op);
    stage->state = calloc(MR_ENGINE_LANES * stage->state_size + 1, sizeof *stage->state);
    return stage->state ? 0 : -1;
}

static int pack_stage(struct mr_engine_state *engine, int index) {
    const struct mr_network *network = engine->network;
    const struct mr_op *op = &network->ops[index];
    struct mr_stage *stage = &engine->stages[index];
    int why;

    *stage = (struct mr_stage){.op = op, .cut_probe = -1, .past_probe = -1};
    if (mr_op_limit_of(network, op).limit > 0) {
        add_probe(engine, op->name, "cut", &stage->cut_probe);
        if (op->kind->recurrent)
            add_probe(engine, op->name, "past", &stage->past_probe);
    }
    stage->packed = mr_packed_make(network, op, engine->kernels, &why);
    return why;
}

// Stages and streams, with room for a step.
static int make_state(struct mr_engine_state *engine) {
    const struct mr_network *network = engine->network;
    const size_t rows = (size_t)engine->plan->slots;

    for (int s = 0; s < network->stream_count; s++)
        engine->flows[s] = (struct mr_flow){.wide = network->streams[s].bits != 16,
                                            .stride = mr_row_numbers(network->streams[s].width)};
    for (int i = 0; i < network->op_count; i++)
        if (make_stage(engine, &engine->stages[i]))
            return -1;
    for (int part = 0; part < (network->encoder ? 2 : 1); part++)
        if (mr_engine_room(engine, part > 0, rows, 1, 1))
            return -1;
    return 0;
}

// Engines of the other threads, and these.
static int make_others(struct mr_engine_state *engine, int threads) {
    if (threads < 2)
        return 0;
    while (engine->other_count < threads - 1) {
        struct mr_engine_state *other = calloc(1, sizeof *other);
        if (!other)
            return -1;
        engine->others[engine->other_count++] = other;
        *other = (struct mr_engine_state){.plan = engine->plan,
                                          .network = engine->network,
                                          .kernels = engine->kernels,
                                          .tables = engine->tables};
        for (int i = 0; i < engine->network->op_count; i++)
            other->stages[i] =
                (struct mr_stage){.op = engine->stages[i].op, .packed = engine->stages[i].packed};
        if (make_state(other))
            return -1;
    }
    mr_engine_plan_threads(engine, threads);
    engine->workers = mr_workers_create((size_t)threads, (size_t)threads);
    return engine->workers ? 0 : -1;
}

int mr_engine_threads(const struct mr_engine_state *engine) {
    return engine->workers ? (int)mr_workers_count(engine->workers) : 1;
}

static void add_port(struct mr_engine_state *engine, const char *name, enum mr_port_kind kind,
                     uint32_t bits) {
    engine->ports[engine->port_count++] =
        (struct mr_port){.name = name, .kind = kind, .bits = bits};
}

static int make(struct mr_engine_state *engine, int threads, struct mr_error *error) {
    const int code = mr_engine_tables(engine->tables, error);
    bool is_short = false;

    if (code)
        return code;
    for (int i = 0; i < engine->network->op_count; i++)
        is_short = pack_stage(engine, i) || is_short;
    is_short = is_short || make_state(engine) || make_others(engine, threads);
    add_port(engine, "x", MR_PORT_IN, mr_plan_element_bits(engine->plan->x_lc));
    add_port(engine, "y", MR_PORT_OUT, mr_plan_element_bits(engine->plan->y_lc));
    add_port(engine, "state_in", MR_PORT_IN, MR_BEAT_BITS);
    add_port(engine, "state_out", MR_PORT_OUT, MR_BEAT_BITS);
    return is_short ? mr_failure(error, MR_ERROR_MEMORY,
                                 "cpu: not enough memory for the network's weights")
                    : 0;
}

int mr_engine_make(const struct mr_plan *plan, uint32_t threads, struct mr_engine *made,
                   struct mr_error *error) {
    char text[200];
    const struct mr_kernels *kernels = mr_kernels_choose(text, sizeof text);

    if (!kernels)
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    struct mr_engine_state *engine = calloc(1, sizeof *engine);
    if (!engine)
        return mr_failure(error, MR_ERROR_MEMORY, "cpu: not enough memory to open it");
    engine->plan = plan;
    engine->network = plan->network;
    engine->kernels = kernels;
    engine->tables = aligned_alloc(64, sizeof *engine->tables);
    const int code = engine->tables
                         ? make(engine, threads ? (int)threads : 1, error)
                         : mr_failure(error, MR_ERROR_MEMORY, "cpu: not enough memory to open it");
    if (code) {
        close_engine(engine);
        return code;
    }
    *made = (struct mr_engine){.self = engine,
                               .info = info,
                               .run = mr_engine_run,
                               .read_state = read_state,
                               .write_state = write_state,
                               .close = close_engine};
    return 0;
}
