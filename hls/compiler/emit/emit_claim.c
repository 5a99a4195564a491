// SPDX-License-Identifier: Apache-2.0
// Claims about memories that are asserted: an iteration that has read an element already must not
// find it written by an earlier one. Elements are compared, banks and all.
#include "emit.h"

struct watch {
    const struct op *store, *load;
    int write_stage, read_stage;
    uint32_t lanes; // of the load, that are looked at one by one
};

// The lane that stands for all banks of a dimension of the load, or NO_LANE.
static int whole_lane(const struct emit *e, const struct op *load, int k) {
    const struct view_index *v = &load->view[k];
    return v->terms == 1 && v->term_coef[0] == 1 && v->base == 0 &&
                   e->p->lanes[v->term_lane[0]].count == v->size
               ? v->term_lane[0]
               : NO_LANE;
}

// A load of all banks, of which one is wanted, has that one's number behind address and condition.
static const struct op *bank_of(const struct op *load, int k) {
    return load->in[2 + k];
}

static uint32_t watched_lanes(const struct emit *e, const struct op *load) {
    uint32_t lanes = 0;
    for (int i = 0; i < load->in_count; i++)
        lanes |= load->in[i] ? load->in[i]->space : 0;
    for (int k = 0; k < load->view_count; k++)
        for (int n = 0; n < load->view[k].terms; n++)
            if (!bank_of(load, k) && whole_lane(e, load, k) == NO_LANE)
                lanes |= 1u << load->view[k].term_lane[n];
    return lanes;
}

static const char *affine(struct emit *e, const struct view_index *v) {
    const char *text = arena_printf(e->cc, "%lld", (long long)v->base);
    for (int n = 0; n < v->terms; n++)
        text =
            arena_printf(e->cc, "%s+i%d*%lld", text, v->term_lane[n], (long long)v->term_coef[n]);
    return text;
}

// " && the banks of dimension k are the same", or nothing where that is always so.
static const char *same_bank(struct emit *e, const struct watch *w, int k) {
    const struct view_index *to = &w->store->view[k], *from = &w->load->view[k];
    const struct op *picked = bank_of(w->load, k);
    const int lane = picked ? NO_LANE : whole_lane(e, w->load, k);
    if (to->terms || (lane != NO_LANE && !(w->lanes >> lane & 1))) // all of the dimension
        return "";
    const int bits = ir_index_bits(from->size);
    const char *written = to->dynamic ? operand(e, w->store->in[to->dynamic], w->write_stage, bits)
                                      : literal(e, to->base, bits);
    const char *read = picked ? operand(e, picked, w->read_stage, bits)
                              : arena_printf(e->cc, "%d'(%s)", bits, affine(e, from));
    return arena_printf(e->cc, " && %s == %s", written, read);
}

// The bank that the load looks at, as bank_number numbers them.
static const char *bank_read(struct emit *e, const struct watch *w) {
    const char *text = NULL;
    for (int k = 0; k < w->load->view_count; k++) {
        const struct view_index *v = &w->load->view[k];
        const struct op *picked = bank_of(w->load, k);
        const char *index =
            picked ? arena_printf(e->cc, "32'($unsigned(%s))",
                                  operand(e, picked, w->read_stage, ir_index_bits(v->size)))
                   : affine(e, v);
        text = text ? arena_printf(e->cc, "(%s*%lld+%s)", text, (long long)v->size, index) : index;
    }
    return text;
}

// Iterations of unrolled loops that write banks of their own: which, and where, bank by bank.
static void emit_bank_watch(struct emit *e, const struct found_dependence *d, const char *name,
                            const struct watch *w) {
    const struct memory *m = &e->p->memories[d->memory];
    const struct op *store = w->store, *load = w->load;
    const long long banks = (long long)m->banks;
    const char *bank = bank_number(e, store, w->write_stage), *read = bank_read(e, w);
    struct text *logic = &e->m->logic;
    put(logic,
        "`ifdef MR_ASSERT_ON\n  logic %s_met;\n  logic %s_we [%lld];\n  logic [%d:0] %s_at "
        "[%lld];\n  always_comb begin\n    %s_met = 1'b0;\n    `MR_FILL1(%s_we, 1'b0, %lld)\n    "
        "`MR_FILL1(%s_at, '0, %lld)\n",
        name, name, banks, ir_index_bits(m->words) - 1, name, banks, name, name, banks, name,
        banks);
    open_loops(e, logic, view_lanes(store), "    ");
    put(logic, "      begin\n        %s_we[%s] = %s;\n        %s_at[%s] = %s;\n      end\n", name,
        bank, store->in[2] ? operand(e, store->in[2], w->write_stage, 1) : "1'b1", name, bank,
        word_address(e, m, store->in[0], w->write_stage));
    open_loops(e, logic, load->space | view_lanes(load) | w->lanes, "    ");
    put(logic,
        "      if (%s && %s && %s && %s_we[%s] && %s_at[%s] == %s) %s_met = 1'b1;\n  end\n`endif\n",
        valid_at(e, e->region, w->write_stage), valid_at(e, e->region, w->read_stage),
        operand(e, load->in[1], w->read_stage, 1), name, read, name, read,
        word_address(e, m, load->in[0], w->read_stage), name);
}

// Where lanes in tiles write what each has, tiles watch it.
static bool is_watched_here(const struct emit *e, const struct found_dependence *d) {
    return d->asserted && has_own_data(e->p, e->tile, d->memory) == e->in_tile;
}

static void emit_assertion(struct emit *e, const struct found_dependence *d, const char *name,
                           const char *meet) {
    put(&e->m->instances,
        "  `MR_ASSERT%s(%s, !(%s),\n    \"line %d: a word of '%s' was read less than %lld "
        "iterations after it was written\")\n",
        e->in_tile ? "_ALWAYS" : "", name, meet, d->loc.line, e->p->memories[d->memory].name,
        (long long)d->distance);
}

static void emit_watch(struct emit *e, const struct found_dependence *d, const char *name,
                       struct watch w) {
    const struct memory *m = &e->p->memories[d->memory];
    if (!writes_all_alike(e->p, w.store)) {
        emit_bank_watch(e, d, name, &w);
        emit_assertion(e, d, name, arena_printf(e->cc, "%s_met", name));
        return;
    }
    const char *meet = arena_printf(
        e->cc, "%s && %s && %s && %s == %s", valid_at(e, e->region, w.write_stage),
        valid_at(e, e->region, w.read_stage), operand(e, w.load->in[1], w.read_stage, 1),
        word_address(e, m, w.store->in[0], w.write_stage),
        word_address(e, m, w.load->in[0], w.read_stage));
    if (w.store->in[2])
        meet = arena_printf(e->cc, "%s && %s", operand(e, w.store->in[2], w.write_stage, 1), meet);
    for (int k = 0; k < w.load->view_count; k++)
        meet = arena_printf(e->cc, "%s%s", meet, same_bank(e, &w, k));
    if (w.lanes) { // any of them
        struct text *logic = &e->m->logic;
        put(logic,
            "`ifdef MR_ASSERT_ON\n  logic %s_met;\n  always_comb begin\n    %s_met = 1'b0;\n", name,
            name);
        open_loops(e, logic, w.lanes, "    ");
        put(logic, "      if (%s) %s_met = 1'b1;\n  end\n`endif\n", meet, name);
        meet = arena_printf(e->cc, "%s_met", name);
    }
    emit_assertion(e, d, name, meet);
}

void check_claims(struct emit *e) {
    for (int i = 0; i < e->s->dependence_count; i++) {
        const struct found_dependence *d = &e->s->dependences[i];
        if (is_watched_here(e, d) && e->tile->lane != NO_LANE &&
            watched_lanes(e, d->to) >> e->tile->lane & 1)
            fail(e->cc, d->loc,
                 "the claim about '%s' cannot be watched: line %d reads it under a condition that "
                 "differs from lane to lane; read it before, into a variable, and let the "
                 "condition choose",
                 e->p->memories[d->memory].name, d->to->loc.line);
    }
}

void emit_claims(struct emit *e) {
    bool watches = false;
    for (int i = 0; i < e->s->dependence_count; i++) {
        const struct found_dependence *d = &e->s->dependences[i];
        if (!is_watched_here(e, d))
            continue;
        watches = true;
        struct watch w = {d->from, d->to, e->s->time[d->from->id].start, 0,
                          watched_lanes(e, d->to)};
        const char *memory = e->p->memories[d->memory].name;
        for (w.read_stage = e->s->time[d->to->id].start; w.read_stage < w.write_stage;
             w.read_stage++)
            emit_watch(e, d,
                       arena_printf(e->cc, "%s_claim%d_s%d", safe_name(e, memory), e->m->claims + i,
                                    w.read_stage),
                       w);
    }
    if (watches)
        e->m->claims += e->s->dependence_count;
}
