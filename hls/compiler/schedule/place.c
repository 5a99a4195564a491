// SPDX-License-Identifier: Apache-2.0
// When the operations of a region happen, for one initiation interval: they are chained within the
// clock period; multipliers and memories take whole cycles. A register that an iteration hands to
// the next is updated in one stage and read in the stages of an interval up to it.
//
// `m[i] + c` with m in block RAM: the address is there in stage 0, the word in stage 2, the sum in
// the same stage as long as both fit the period, and c waits in a register for each stage.
#include "memory.h"

// Does a lane look at what others have that may lie in another tile? Registers are looked at there
// as they are.
static bool sees_neighbour(const struct pass *a, const struct op *op) {
    for (int i = 0; op->code == IR_VIEW && op->in[0]->code != IR_PHI && i < op->view_count; i++)
        if (op->view[i].lane == a->tile->lane && op->view[i].base > 0)
            return true;
    return false;
}

// The earliest stage and time at which `op` has its inputs.
static void arrive(const struct pass *a, const struct op *op, int *stage, double *time) {
    const struct schedule *s = a->s;
    *stage = 0;
    *time = a->p->target->register_out;
    for (int k = 0; k < op->in_count; k++) {
        const struct op *in = op->in[k];
        if (!in)
            continue;
        const struct op_time *t = &s->time[in->id];
        int at = t->invariant ? 0 : in->code == IR_PHI ? t->start : t->ready;
        double late = t->arrival;
        int first, last;
        operand_stages(a->p, op, k, &first, &last);
        const bool from = t->in_tile, to = s->time[op->id].in_tile;
        if (!t->invariant && !from && to) { // through a register of the tile
            at += tile_entry(a->p, a->tile);
            late = a->p->target->register_out;
        } else if (!t->invariant && from && !to) {
            late += s->time[op->id].joined ? 0 : a->p->target->crossing;
        } else if (to && k == 0 && sees_neighbour(a, op)) {
            late += a->p->target->crossing;
        } else if (a->spreads && a->broad[in->id] && at <= t->ready &&
                   broad_loads(a, op, in) >= LOADS_FEW) { // through copies of its register
            at = t->ready + 1;
            late = a->p->target->register_out;
        } else if (a->broad[in->id] && at == t->ready && broad_loads(a, op, in) >= LOADS_FEW) {
            late += a->p->target->lut; // which hand it on
        }
        if (ir_adds(op) && k == 2) { // the sum comes two cycles after the operands
            at -= first;
            if (late > a->p->target->register_out &&
                late + sum_delay(a->p->target, op->width) > a->p->target->budget) {
                at++;
                late = a->p->target->register_out;
            }
        }
        // Its condition pushes the word into the FIFO; the word is one of several.
        if (op->code == IR_WRITE && op->in[0])
            late += k == 0 ? BY_CONTROL(a->p) : a->p->target->lut;
        // Reads that follow compare its address with theirs, and take its value.
        if (op->code == IR_STORE && a->follows[op->imm])
            late +=
                a->p->target->following + (k == 0 ? magnitude_delay(a->p->target, in->width) : 0);
        if (at > *stage) {
            *stage = at;
            *time = late;
        } else if (at == *stage && late > *time) {
            *time = late;
        }
    }
}

static void place(const struct pass *a, const struct op *op) {
    struct op_time *t = &a->s->time[op->id];
    int stage;
    double time;
    arrive(a, op, &stage, &time);
    if (a->earliest[op->id] > stage) {
        stage = a->earliest[op->id];
        time = a->p->target->register_out;
    }
    // It is written with the valid bit, which enters the tiles as operands do.
    if (op->code == IR_STORE && t->in_tile && stage < tile_entry(a->p, a->tile)) {
        stage = tile_entry(a->p, a->tile);
        time = a->p->target->register_out;
    }
    const double delay = op_delay(a->p, op);
    const struct join join = t->joined ? join_of(a->p, a->tile, op) : (struct join){0};
    const int latency =
        t->joined ? join.parts + join.way + join.whole : op_latency(a->p, op, a->direct[op->id]);
    const double first = t->joined ? join.entry : latency ? entry_delay(a->p, op) : delay;
    if (!latency && find_lut(a, op, stage, &t->lut))
        time = t->lut.time;
    if (time + first > a->p->target->budget &&
        time > a->p->target->register_out) { // not in this cycle any more
        stage++;
        time = a->p->target->register_out;
        if (!latency)
            find_lut(a, op, stage, &t->lut);
    }
    if (latency) {
        t->start = stage;
        t->ready = stage + latency;
        if (op->code == IR_LOAD && t->ready < a->ready[op->id])
            t->ready = a->ready[op->id];
        t->arrival =
            a->p->target->register_out + (op->code == IR_LOAD ? a->p->target->memory_out : 0);
        if (op->code == IR_LOAD && a->follows[op->imm])
            t->arrival += a->p->target->following;
        if (t->joined)
            t->arrival = join.arrival;
        return;
    }
    t->start = t->ready = stage;
    t->arrival = time + delay;
    if (op->code == IR_LOAD && stage < a->ready[op->id]) {
        t->ready = a->ready[op->id];
        t->arrival = a->p->target->register_out;
    }
}

static void place_all(struct pass *a) {
    struct schedule *s = a->s;
    for (int n = 0; n < s->op_count; n++) {
        const struct op *op = s->ops[n];
        struct op_time *t = &s->time[op->id];
        if (t->invariant) {
            t->start = t->ready = 0;
            t->arrival = a->p->target->register_out;
            continue;
        }
        switch (op->code) {
        case IR_INDEX:
            t->arrival = a->p->target->register_out;
            break;
        case IR_PHI:
            t->arrival = a->p->target->register_out;
            break; // its stage is set below
        case IR_READ:
            t->arrival = a->p->target->register_out;
            break;
        default:
            place(a, op);
        }
    }
}

// An iteration may read a register in the ii stages up to the one in which it updates it.
bool settle_states(struct pass *a) {
    struct schedule *s = a->s;
    for (int round = 0;; round++) {
        place_all(a);
        bool moved = false;
        for (int c = 0; c < a->r->carried_count; c++) {
            const struct carried *carried = &a->r->carried[c];
            if (!s->time[carried->phi->id].needed && !a->p->states[carried->state].live)
                continue;
            const struct op_time *next = &s->time[carried->next->id];
            const int cross = a->p->states[carried->state].dims &&
                                      op_in_tile(a->p, a->tile, a->region, carried->phi) &&
                                      !next->in_tile && !next->invariant
                                  ? tile_entry(a->p, a->tile)
                                  : 0;
            const int ready = (next->invariant                 ? 0
                               : carried->next->code == IR_PHI ? next->start
                                                               : next->ready) +
                              cross;
            if (ready > s->state_stage[c]) {
                s->state_stage[c] = ready;
                moved = true;
            }
            struct op_time *phi = &s->time[carried->phi->id];
            const int64_t first = s->state_stage[c] - a->ii + 1;
            const int late = first_update(a, carried);
            phi->ready = s->state_stage[c];
            phi->start = first > late ? (int)first : late;
        }
        if (!moved)
            return true;
        if (round > 300) {
            // What waits for a value that never settles runs ahead of it: the earliest one is the
            // cause.
            int cause = -1;
            for (int c = 0; c < a->r->carried_count; c++)
                if (s->state_stage[c] > 100 &&
                    (cause < 0 || s->state_stage[c] < s->state_stage[cause]))
                    cause = c;
            const struct carried *carried = &a->r->carried[cause < 0 ? 0 : cause];
            a->reason = arena_printf(
                a->cc,
                "'%s' is handed from each iteration to the next and its new value takes more than "
                "%lld cycle%s (%.2f ns each without routing) to compute; shorten what lies between "
                "(no multiplication, no memory read, fewer operations), or hand it over several "
                "iterations",
                a->p->states[carried->state].name, (long long)a->ii, a->ii == 1 ? "" : "s",
                a->p->target->budget);
            a->reason_loc = op_location(carried->next, a->r->loc);
            return false;
        }
    }
}

// Does only the condition of a write look at it, or what is moved with that?
static bool is_of_guard(const struct pass *a, const struct op *op, const struct op *store,
                        const bool *moved) {
    for (int c = 0; c < a->r->carried_count; c++)
        if (a->r->carried[c].next == op)
            return false;
    for (int u = a->first_user[op->id]; u < a->first_user[op->id + 1]; u++) {
        const struct op *user = a->users[u];
        if (user == store ? user->in[2] != op || user->in[1] == op : !moved[user->id])
            return false;
    }
    return true;
}

void sink_guards(struct pass *a) {
    const struct schedule *s = a->s;
    for (int e = 0; e < a->r->effect_count; e++) {
        const struct op *store = a->r->effects[e];
        if (store->code != IR_STORE || !has_own_data(a->p, a->tile, (int)store->imm))
            continue;
        const int stage = s->time[store->id].start;
        bool *moved = arena_alloc(a->cc, ((size_t)a->p->op_count + 1) * sizeof *moved);
        double longest = 0; // if they were all in a row
        for (int n = s->op_count - 1; n >= 0; n--) {
            const struct op *op = s->ops[n];
            const struct op_time *t = &s->time[op->id];
            if (!t->in_tile || t->invariant || !ir_is_plain(op->code) ||
                op_latency(a->p, op, false) || !is_of_guard(a, op, store, moved))
                continue;
            longest += op_delay(a->p, op);
            if (a->p->target->register_out + longest > a->p->target->budget)
                break;
            moved[op->id] = true;
        }
        for (int n = 0; n < s->op_count; n++) {
            struct op_time *t = &s->time[s->ops[n]->id];
            if (moved[s->ops[n]->id] && t->ready < stage) {
                t->start = t->ready = stage;
                t->arrival = a->p->target->register_out + longest;
            }
        }
    }
}

void sink_loads(struct pass *a) {
    struct schedule *s = a->s;
    for (int n = s->op_count - 1; n >= 0; n--) {
        const struct op *op = s->ops[n];
        const int i = op->id;
        struct op_time *t = &s->time[i];
        if (op->code != IR_LOAD)
            continue;
        int latest = -1;
        for (int u = a->first_user[i]; u < a->first_user[i + 1]; u++) {
            const struct op *user = a->users[u];
            for (int k = 0; k < user->in_count; k++) {
                if (user->in[k] != op)
                    continue;
                int first, last;
                operand_stages(a->p, user, k, &first, &last);
                int by = s->time[user->id].start + (ir_adds(user) && k == 2 ? first : 0);
                if (!t->in_tile && s->time[user->id].in_tile)
                    by -= tile_entry(a->p, a->tile);
                if (latest < 0 || by < latest)
                    latest = by;
            }
        }
        const int latency = op_latency(a->p, op, false);
        int start = latency ? latest - latency : latest - 1;
        for (int c = 0; c < a->r->carried_count; c++) { // a register takes it as it is
            const struct carried *carried = &a->r->carried[c];
            const int enters_tile =
                op_in_tile(a->p, a->tile, a->region, carried->phi) && !t->in_tile
                    ? tile_entry(a->p, a->tile)
                    : 0;
            const int by = s->state_stage[c] - latency - enters_tile;
            if (carried->next == op && start > by)
                start = by;
        }
        if (a->latest[i] >= 0 && start > a->latest[i])
            start = a->latest[i];
        if (start > t->start) {
            t->start = start;
            t->ready = start + latency > a->ready[i] ? start + latency : a->ready[i];
            if (!latency && t->ready == start)
                t->arrival = a->p->target->register_out + op_delay(a->p, op);
        }
    }
}
