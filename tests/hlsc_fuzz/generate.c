// SPDX-License-Identifier: Apache-2.0
// Programs: what they declare, their processes and channels.
#include "generate.h"

#include <stdlib.h>

struct record *make_record(struct generator *g, int most) {
    struct record *record = take(g->p, sizeof *record);
    record->id = g->p->next_id++;
    record->fields = between(g, 1, MAX_FIELDS);
    for (int i = 0; i < record->fields; i++) {
        record->base[i] = chance(g, 10) ? B_ENUM : any_base(g);
        record->size[i] = chance(g, 45) ? between(g, 2, most) : 0;
    }
    return record;
}

static void fill(struct generator *g, struct var *var) {
    const int count = var->dims == 0   ? 1
                      : var->dims == 1 ? var->size[0]
                                       : var->size[0] * var->size[1];
    var->values = take(g->p, (size_t)count * sizeof *var->values);
    for (int i = 0; i < count; i++)
        var->values[i] = any_value(g, var->base);
}

static struct var *make_table(struct generator *g) {
    struct var *var = new_var(g, V_TABLE, any_base(g));
    var->dims = chance(g, 25) ? 2 : 1;
    var->size[0] = between(g, 2, 20);
    var->size[1] = between(g, 2, 5);
    fill(g, var);
    return var;
}

struct var *make_stream(struct generator *g) {
    const bool record = g->record_count && chance(g, 40);
    struct var *var = new_var(g, V_STREAM, record ? B_RECORD : any_base(g));
    if (record)
        var->record = g->records[below(g, g->record_count)];
    return var;
}

void add_param(struct generator *g, struct node *process, struct var *var, bool is_output) {
    if (process->params == MAX_PARAMS || (var->kind == V_STREAM && g->stream_count == 8))
        return;
    process->param[process->params].var = var;
    process->param[process->params++].is_output = is_output;
    if (var->kind != V_STREAM)
        return;
    g->is_output[g->stream_count] = is_output;
    g->streams[g->stream_count++] = var;
}

// How many processes, and between which of them a channel runs.
struct shape {
    int processes, links;
    signed char from[4], to[4];
};
static const struct shape shapes[] = {
    {1, 0, {0}, {0}},
    {2, 1, {0}, {1}},
    {2, 2, {0, 0}, {1, 1}},
    {3, 2, {0, 1}, {1, 2}},
    {3, 3, {0, 0, 1}, {1, 2, 2}},
    {3, 2, {0, 0}, {1, 2}},
    {4, 4, {0, 0, 1, 2}, {1, 2, 3, 3}},
    {4, 3, {0, 1, 2}, {1, 2, 3}},
};

static void make_processes(struct generator *g, struct var **scalars, int scalar_count) {
    const bool network = may(g, FEATURE_NETWORK) && chance(g, 35);
    const struct shape *shape = &shapes[network ? between(g, 1, 7) : 0];
    struct var *links[4];
    for (int i = 0; i < shape->links; i++) {
        links[i] = make_stream(g);
        links[i]->ends = 2;
        links[i]->depth = chance(g, 40) ? between(g, 2, 9) : 0;
        links[i]->crossing = chance(g, 25) ? between(g, 1, 7) : 0;
        // Of which iterations an element is handed over: those with (i & phase) == 0.
        links[i]->phase = chance(g, 25) ? chance(g, 50) ? 1 : 3 : 0;
    }
    for (int k = 0; k < shape->processes; k++) {
        struct node *process = new_node(g->p, N_PROCESS);
        process->id = k;
        g->stream_count = 0;
        for (int i = 0; i < shape->links; i++)
            if (shape->from[i] == k || shape->to[i] == k)
                add_param(g, process, links[i], shape->from[i] == k);
        if (k == 0 || chance(g, 20))
            add_param(g, process, make_stream(g), false);
        if (chance(g, network ? 10 : 35))
            add_param(g, process, make_stream(g), false);
        if (k + 1 == shape->processes || chance(g, 20))
            add_param(g, process, make_stream(g), true);
        if (chance(g, network ? 10 : 35))
            add_param(g, process, make_stream(g), true);
        for (int i = 0; i < scalar_count; i++)
            add_param(g, process, scalars[i], false);
        make_process(g, process, network);
        append(g->p, &g->p->root->kids, process);
    }
}

struct program *generate(uint64_t seed, uint32_t features, int number_of) {
    struct generator generator = {.random = seed, .features = features}, *g = &generator;
    struct program *p = calloc(1, sizeof *p);
    struct var *scalars[4];
    if (!p) {
        fputs("hlsc_fuzz: out of memory\n", stderr);
        exit(2);
    }
    g->p = p;
    p->number = number_of;
    p->root = new_node(p, N_PROGRAM);
    g->record_count = below(g, 3);
    for (int i = 0; i < g->record_count; i++)
        g->records[i] = make_record(g, 6);
    g->table_count = below(g, 3);
    for (int i = 0; i < g->table_count; i++)
        g->tables[i] = make_table(g);
    const int functions = may(g, FEATURE_HELPERS) ? below(g, 3) : 0;
    for (int i = 0; i < functions; i++)
        make_function(g);
    // The first bounds the loops; as a narrow one it stays small.
    static const enum base bounds[] = {B_U32, B_U32, B_U16, B_U8, B_I32};
    const int scalar_count = between(g, 1, 3);
    for (int i = 0; i < scalar_count; i++) {
        scalars[i] = new_var(g, V_SCALAR, i == 0 ? bounds[below(g, 5)] : any_base(g));
        scalars[i]->place = i;
    }
    const int kind = below(g, 100);
    const bool plain = may(g, FEATURE_PLAIN);
    if (may(g, FEATURE_TILES) &&
        (kind < 15 || (!plain && (kind < 50 || !may(g, FEATURE_EXTERNAL)))))
        make_tiles(g, scalars, scalar_count);
    else if (may(g, FEATURE_EXTERNAL) && (kind < 30 || !plain))
        make_external(g, scalars, scalar_count);
    else
        make_processes(g, scalars, scalar_count);
    return p;
}
