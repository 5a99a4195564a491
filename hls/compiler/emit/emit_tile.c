// SPDX-License-Identifier: Apache-2.0
// The lane tile of a process: N of the lanes with their memories, multipliers and accumulators,
// behind narrow ports. What all lanes need comes in through one register per tile; what a neighbour
// needs goes out.
#include "emit.h"

#include <string.h>

// Verilator puts what an input is connected to in its place, and has code for each tile then; such
// a one it keeps, and the code is the same for all tiles.
#define OWN_COPY "/* verilator public_flat_rd */"

static uint32_t lane_bit(const struct emit *e) {
    return 1u << e->tile->lane;
}

// What the port of tile t is connected to: the process's register `name`, or where stages lead to
// the tiles the last of those to the ones around t. The first takes `d`.
static const char *for_tiles(struct emit *e, const char *name, long long bits, const char *d) {
    const long long of_way = tiles_of_way(e->p, e->tile);
    const long long ways = (tile_count(e->p, e->tile) + of_way - 1) / of_way;
    const int stages = tile_stages(e->p, e->tile);
    if (!stages)
        return name;
    const char *many = arena_printf(e->cc, "%s_of_tiles", name);
    if (stages > 1)
        put(&e->m->logic, "  `MR_WAYS(%s, %lld, %lld, %d, logic [%lld:0], %s)\n", many, ways, bits,
            stages, bits - 1, d);
    else
        put(&e->m->logic, "  `MR_COPIES(%s, %lld, %lld, logic [%lld:0], %s)\n", many, ways, bits,
            bits - 1, d);
    return arena_printf(e->cc, "`MR_COPY_OF(%s, %s[t/%lld])", name, many, of_way);
}

// The bits of a value of several lanes side by side.
static void pack_lanes(struct emit *e, const char *packed, const char *value, int width,
                       uint32_t space) {
    put(&e->m->logic, "  logic [%lld:0] %s;\n  always_comb\n",
        (long long)space_count(e, space) * width - 1, packed);
    open_loops(e, &e->m->logic, space, "    ");
    put(&e->m->logic, "      %s[%s*%d +: %d] = %s;\n", packed, flat_index(e, space), width, width,
        value);
}

// A value of the process that a tile looks at: a port, and in the tile a local copy under the same
// name. `d`: what its register takes, at the indices of its lanes, or NULL: it stands still.
static void cross_in(struct emit *e, struct emit *te, struct text *ports, const char *name,
                     const char *local, int width, uint32_t space, const char *d) {
    const int64_t count = space_count(e, space);
    const long long bits = (long long)(count * width);
    put(&te->m->ports, "  input  logic [%lld:0] %s_i,\n", bits - 1, name);
    declare_value(te, local, width, space);
    if (!space) {
        put(ports, "      .%s_i(%s),\n", name, d ? for_tiles(e, name, bits, d) : name);
        assign_value(te, local, 0, arena_printf(e->cc, "%s_i", name));
        return;
    }
    const char *packed = arena_printf(e->cc, "%s_p", name);
    pack_lanes(e, packed, arena_printf(e->cc, "%s%s", name, subscripts(e, space)), width, space);
    if (d && tile_stages(e->p, e->tile)) {
        const char *before = arena_printf(e->cc, "%s_pd", name);
        put(&e->m->logic, "`ifdef SYNTHESIS\n");
        pack_lanes(e, before, d, width, space);
        put(&e->m->logic, "`endif\n");
        packed = for_tiles(e, packed, bits, before);
    }
    put(ports, "      .%s_i(%s),\n", name, packed);
    const char *slice =
        arena_printf(e->cc, "%s_i[%s*%d +: %d]", name, flat_index(te, space), width, width);
    assign_value(te, local, space, width == 1 ? slice : arena_printf(e->cc, "$signed(%s)", slice));
}

// Do tiles look at this invariant of the process, in its register or not?
static bool is_crossing(const struct emit *e, const struct op *op, bool kept) {
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *user = e->p->ops[i];
        const struct op_time *t = &e->s->time[i];
        if (user->alias || !t->needed || !t->in_tile)
            continue;
        const double behind = t->invariant ? op_delay(e->p, user) : BY_PIPELINE(e->p);
        if (t->invariant && !e->p->invariants[i].is_made[true])
            continue;
        for (int k = 0; k < user->in_count; k++)
            if (user->in[k] == op && invariant_by_register(e->p, op, behind) == kept)
                return true;
    }
    for (int c = 0; c < e->r->carried_count; c++)
        if (e->r->carried[c].next == op && e->tile->state[e->r->carried[c].state] &&
            invariant_by_register(e->p, op, BY_PIPELINE(e->p)) == kept)
            return true;
    return false;
}

static void cross_values(struct emit *e, struct emit *te, struct text *ports) {
    const int stages = tile_stages(e->p, e->tile);
    bool *done = arena_alloc(e->cc, 2 * (size_t)(e->p->op_count + 1) * sizeof *done);
    for (int r = 0; r < e->p->region_count; r++) {
        struct emit at = *e, tile_at = *te;
        at.region = tile_at.region = r;
        at.r = tile_at.r = e->p->regions[r];
        at.s = tile_at.s = at.r->schedule;
        for (int i = 0; i < e->p->op_count; i++) {
            const struct op *op = e->p->ops[i];
            const struct op_time *t = &at.s->time[i];
            if (op->alias || !t->needed || t->in_tile || op->code == IR_CONST ||
                op->code == IR_LANE)
                continue;
            if (!t->invariant && t->tile_first >= 0) {
                const char *name =
                    arena_printf(e->cc, "%s_s%d", value_name(e, op), t->tile_first - 1);
                cross_in(&at, &tile_at, ports, name, arena_printf(e->cc, "%s_in", name), op->width,
                         op->space, stages ? value_at(&at, op, t->tile_first - 1 - stages) : NULL);
                continue;
            }
            for (int kept = 0; t->invariant && kept < 2; kept++) {
                if (done[2 * i + kept] || !is_crossing(&at, op, kept))
                    continue;
                done[2 * i + kept] = true;
                const char *name = invariant_name(e, op, kept);
                cross_in(&at, &tile_at, ports, name, name, op->width, op->space, NULL);
            }
        }
    }
}

static void cross_valid(struct emit *e, struct emit *te, struct text *ports, int region, int stage,
                        bool *done) {
    bool *seen = &done[region * 512 + stage];
    if (*seen)
        return;
    *seen = true;
    declare_of(te, e->p->regions[region]->loc);
    const char *name = valid_at(te, region, stage);
    if (crosses_early(e, region, stage)) {
        cross_valid(e, te, ports, region, stage - 1, done);
        put(&te->m->declarations, "  logic %s;\n", name);
        put(&te->m->registers, "    %s <= %s;\n", name, valid_at(te, region, stage - 1));
        return;
    }
    const char *before = arena_printf(e->cc, "%s_%d_valid_s%d",
                                      safe_name(e, e->p->regions[region]->name), region, stage - 1);
    put(&te->m->ports, "  input  logic %s_i,\n", before);
    const char *from = valid_at(e, region, stage - 1);
    const int stages = tile_stages(e->p, e->tile);
    if (stages) {
        const char *d =
            arena_printf(e->cc, "rst_ni && %s", valid_at(e, region, stage - 1 - stages));
        put(&e->m->logic, "  logic %s_to_tiles;\n  assign %s_to_tiles = %s;\n", before, before,
            from);
        from = for_tiles(e, arena_printf(e->cc, "%s_to_tiles", before), 1, d);
    }
    put(ports, "      .%s_i(%s),\n", before, from);
    put(&te->m->declarations, "  logic %s;\n", name);
    put(&te->m->registers, "    %s <= %s_i;\n", name, before);
}

static void cross_valids(struct emit *e, struct emit *te, struct text *ports) {
    bool *done = arena_alloc(e->cc, (size_t)e->p->region_count * 512 * sizeof *done);
    const struct region *r = e->p->regions[e->tile->region];
    for (int c = 0; c < r->carried_count; c++)
        if (e->tile->state[r->carried[c].state])
            cross_valid(e, te, ports, e->tile->region, r->schedule->state_stage[c], done);
    for (int k = 0; k < e->p->region_count; k++)
        for (int i = 0; i < e->p->regions[k]->effect_count; i++) {
            const struct op *op = e->p->regions[k]->effects[i];
            if (op->code == IR_STORE && e->tile->memory[op->imm])
                cross_valid(e, te, ports, k, e->p->regions[k]->schedule->time[op->id].start, done);
        }
    for (int i = 0; i < r->schedule->dependence_count; i++) { // of assertions
        const struct found_dependence *d = &r->schedule->dependences[i];
        const struct op_time *time = r->schedule->time;
        if (d->asserted && has_own_data(e->p, e->tile, d->memory))
            for (int stage = time[d->to->id].start; stage < time[d->from->id].start; stage++)
                cross_valid(e, te, ports, e->tile->region, stage, done);
    }
}

struct edge { // elements of a tile's value that others look at
    const struct op *source;
    int stage;
    int64_t count; // along the tile's lane, from 0 on
    bool to_neighbour;
};

static int find_edges(struct emit *e, struct edge *edges, int room) {
    int count = 0;
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *op = e->p->ops[i];
        const struct op_time *t = &e->s->time[i];
        if (op->alias || !t->needed || op->code != IR_VIEW || !e->s->time[op->in[0]->id].in_tile ||
            e->s->time[op->in[0]->id].invariant)
            continue;
        for (int k = 0; k < op->view_count; k++) {
            const struct view_index *v = &op->view[k];
            if (v->lane != e->tile->lane || (t->in_tile && v->base == 0))
                continue;
            int64_t wanted = v->base;
            if (!t->in_tile) {
                for (int n = 0; n < v->terms; n++)
                    wanted += v->term_coef[n] * (e->p->lanes[v->term_lane[n]].count - 1);
                wanted++;
            }
            struct edge edge = {op->in[0], t->start, wanted, t->in_tile};
            int at = 0;
            while (at < count &&
                   (edges[at].source != edge.source || edges[at].stage != edge.stage ||
                    edges[at].to_neighbour != edge.to_neighbour))
                at++;
            if (at == room)
                fail(e->cc, op->loc,
                     "too many values pass between the lanes of this unrolled loop; let a lane "
                     "look at fewer different neighbours, or unroll by a factor");
            if (at == count)
                edges[count++] = edge;
            else if (wanted > edges[at].count)
                edges[at].count = wanted;
        }
    }
    return count;
}

static const char *edge_dimensions(struct emit *e, uint32_t space, const char *along) {
    const char *text = "";
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            text =
                arena_printf(e->cc, "%s [%s]", text, l == e->tile->lane ? along : lane_size(e, l));
    return text;
}

// value[...][index][...] where the tile's lane stands at `index`
static const char *edge_subscripts(struct emit *e, uint32_t space, const char *index) {
    const char *text = "";
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            text = l == e->tile->lane ? arena_printf(e->cc, "%s[%s]", text, index)
                                      : arena_printf(e->cc, "%s[i%d]", text, l);
    return text;
}

// An edge may be longer than a tile: then those behind the next one have their shares of it, and
// behind the last one are zeros.
static void cross_out(struct emit *e, struct emit *te, struct text *ports, const struct edge *edge,
                      int64_t tiles) {
    const struct op *op = edge->source;
    const uint32_t others = op->space & ~lane_bit(e);
    const int w = op->width;
    const long long count = (long long)edge->count, per = e->tile->per_tile;
    const long long deep = (count + per - 1) / per, own = deep > 1 ? per : count;
    const long long all = own * space_count(e, others);
    const char *full = value_at(te, op, edge->stage); // NAME[i0][i1]...
    const char *bracket = strchr(full, '[');
    char *name = arena_strdup(e->cc, full);
    if (bracket)
        name[bracket - full] = 0;
    const char *kind = edge->to_neighbour ? "first" : "head";
    const char *at = arena_printf(e->cc, "%s*%lld+", flat_index(e, others), own);
    put(&te->m->ports, "  output `MR_EDGE(%s_%s_o, %lld, %d),\n", name, kind, all, w);
    put(&te->m->logic, "  always_comb\n");
    open_loops(te, &te->m->logic, others, "    ");
    put(&te->m->logic,
        "      for (int h = 0; h < %lld; h++)\n        `MR_EDGE_AT(%s_%s_o, %sh, %d) = "
        "h < N ? %s%s : '0;\n",
        own, name, kind, at, w, name, edge_subscripts(te, op->space, "h < N ? h : 0"));
    put(&e->m->declarations, "  `MR_EDGES(%s_%s, %lld, %lld, %d);\n", name, kind,
        (long long)tiles + deep, all, w);
    put(ports, "      .%s_%s_o(%s_%s[t]),\n", name, kind, name, kind);
    for (long long k = 0; k < deep; k++)
        put(&e->m->logic, "  assign %s_%s[%lld] = `MR_EDGE_ZERO;\n", name, kind, tiles + k);
    if (edge->to_neighbour) {
        // Behind the tile's own elements stand its neighbour's first ones.
        put(&te->m->declarations, "  logic %s%s_ext%s;\n", range_text(te, w), name,
            edge_dimensions(te, op->space, arena_printf(e->cc, "N+%lld", count)));
        put(&te->m->logic, "  always_comb\n");
        open_loops(te, &te->m->logic, others, "    ");
        put(&te->m->logic, "      begin\n        for (int h = 0; h < N; h++) %s_ext%s = %s%s;\n",
            name, edge_subscripts(te, op->space, "h"), name, edge_subscripts(te, op->space, "h"));
        for (long long k = 0; k < deep; k++) {
            const char *next = k ? arena_printf(e->cc, "next%lld", k + 1) : "next";
            const char *slice =
                arena_printf(e->cc, "`MR_EDGE_AT(%s_%s_i, %sh, %d)", name, next, at, w);
            put(&te->m->ports, "  input  `MR_EDGE(%s_%s_i, %lld, %d) " OWN_COPY ",\n", name, next,
                all, w);
            put(ports, "      .%s_%s_i(%s_%s[t+%lld]),\n", name, next, name, kind, k + 1);
            put(&te->m->logic, "        for (int h = 0; h < %lld; h++)\n          %s_ext%s = %s;\n",
                k + 1 < deep ? own : count - k * own, name,
                edge_subscripts(te, op->space, arena_printf(e->cc, "N+%lld+h", k * own)),
                w == 1 ? slice : arena_printf(e->cc, "$signed(%s)", slice));
        }
        put(&te->m->logic, "      end\n");
        return;
    }
    put(&e->m->declarations, "  logic %s%s_head_v%s;\n", range_text(e, w), name,
        edge_dimensions(e, op->space, arena_printf(e->cc, "%lld", count)));
    put(&e->m->logic, "  always_comb\n");
    open_loops(e, &e->m->logic, others, "    ");
    const char *slice = deep > 1
                            ? arena_printf(e->cc, "`MR_EDGE_AT(%s_head[h/%lld], %sh%%%lld, %d)",
                                           name, per, at, per, w)
                            : arena_printf(e->cc, "`MR_EDGE_AT(%s_head[0], %sh, %d)", name, at, w);
    put(&e->m->logic, "      for (int h = 0; h < %lld; h++)\n        %s_head_v%s = %s;\n", count,
        name, edge_subscripts(e, op->space, "h"),
        w == 1 ? slice : arena_printf(e->cc, "$signed(%s)", slice));
}

// The parts of what the process's module joins.
static void cross_parts(struct emit *pe, struct emit *te, struct text *ports) {
    for (int n = 0; n < pe->s->op_count; n++) {
        const struct op *op = pe->s->ops[n];
        if (!pe->s->time[op->id].joined)
            continue;
        declare_of(te, op->loc);
        const char *name = part_name(pe, op), *part = emit_part(te, op);
        put(&te->m->ports, "  output `MR_EDGE(%s_o, %lld, %d),\n", name,
            (long long)space_count(te, op->space), op->width);
        put(&te->m->logic, "  always_comb\n");
        open_loops(te, &te->m->logic, op->space, "    ");
        put(&te->m->logic, "      `MR_EDGE_AT(%s_o, %s, %d) = %s;\n", name,
            flat_index(te, op->space), op->width, part);
        put(ports, "      .%s_o(%s[t]),\n", name, name);
    }
}

// Parameters for the memories that lie in two kinds: as the tile has them, or as tile t is given
// them. (A simulator that merges lanes has no memories, and all tiles share their code.)
static const char *rest_parameters(struct emit *e, bool given) {
    const char *text = "";
    for (int i = 0; i < e->p->memory_count; i++) {
        const struct memory *m = &e->p->memories[i];
        if (!e->tile->memory[i] || !m->rest_from || !memory_is_read(e->p, i))
            continue;
        const char *name = rest_parameter(e, m);
        const int n = e->tile->per_tile, from = m->rest_from;
        text = given
                   ? arena_printf(e->cc,
                                  "%s,\n      .%s(%d <= t*%d ? 0 : %d >= (t+1)*%d ? %d : %d-t*%d)",
                                  text, name, from, n, from, n, n, from, n)
                   : arena_printf(e->cc,
                                  "%s,\n  /// Lanes from this one on have %s in another kind of "
                                  "memory.\n  /* verilator lint_off UNUSEDPARAM */\n"
                                  "  parameter int %s = N\n"
                                  "  /* verilator lint_on UNUSEDPARAM */",
                                  text, m->name, name);
    }
    return given && *text
               ? arena_printf(e->cc, "\n`ifndef " MERGED_LANES "\n      %s\n`endif\n    ", text)
               : text;
}

static void instantiate(struct emit *e, const char *name, struct text *ports, int64_t tiles,
                        int64_t last) {
    const long long n = e->tile->per_tile;
    for (int part = 0; part < 2; part++) {
        const long long first = part ? tiles - 1 : 0, end = part || last == n ? tiles : tiles - 1;
        if ((part && last == n) || first >= end)
            continue;
        const struct instances loop = {"t", first, end};
        put_instances(
            e, &e->m->instances, &loop, 1, part ? "tile_last" : "tile",
            arena_printf(e->cc,
                         "    %s #(.N(%lld)%s) i_tile (\n%s      .clk_i, .base_i(16'(t*%lld)));\n",
                         name, part ? (long long)last : n, rest_parameters(e, true),
                         ports->data ? ports->data : "", n));
    }
}

void emit_tile(struct emit *e, FILE *out) {
    const int64_t count = e->p->lanes[e->tile->lane].count, n = e->tile->per_tile;
    const int64_t tiles = (count + n - 1) / n, last = count - (tiles - 1) * n;
    struct module m = {0};
    // One copy of the code in the simulator, however many tiles there are.
    put(&m.declarations, "  /* verilator no_inline_module */\n");
    struct emit te = *e;
    te.in_tile = true;
    te.m = &m;
    te.region = e->tile->region;
    te.r = e->p->regions[te.region];
    te.s = te.r->schedule;
    struct emit pe = te; // the process's side, in the same region
    pe.in_tile = false;
    pe.m = e->m;
    struct text ports = {0};
    cross_values(&pe, &te, &ports);
    cross_valids(&pe, &te, &ports);
    struct edge edges[64];
    const int edge_count = find_edges(&pe, edges, 64);
    for (int i = 0; i < edge_count; i++)
        cross_out(&pe, &te, &ports, &edges[i], tiles);
    emit_invariants(&te);
    emit_region_ops(&te);
    cross_parts(&pe, &te, &ports);
    emit_states(&te);
    for (int i = 0; i < e->p->memory_count; i++)
        if (e->tile->memory[i])
            emit_memory(&te, i);
    for (int r = 0; r < e->p->region_count; r++) {
        te.region = r;
        te.r = e->p->regions[r];
        te.s = te.r->schedule;
        emit_pipeline(&te);
        emit_claims(&te);
    }
    put(&m.ports, "  /// Number of the first lane.\n  input  logic [15:0] base_i " OWN_COPY ",\n"
                  "  /// Clock, rising edge.\n  input  logic clk_i\n");
    const char *name = arena_printf(e->cc, "%s_tile", safe_name(e, e->p->name));
    name = module_print(
        &te, out, name,
        arena_printf(e->cc, " #(\n  /// Lanes in this tile.\n  parameter int N = %lld%s\n)",
                     (long long)n, rest_parameters(e, false)),
        arena_printf(e->cc, "// %lld tiles of %lld of the %lld lanes of process %s.\n",
                     (long long)tiles, (long long)n, (long long)count, e->p->name));
    instantiate(e, name, &ports, tiles, last);
    text_free(&ports);
    module_free(&m);
}
