// SPDX-License-Identifier: Apache-2.0
// Operations to SystemVerilog: combinational ones by an assignment in their stage, multipliers and
// memories with their registers, and a register for every stage in which a value only waits.
#include "emit.h"

#include <string.h>

static bool here(const struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    return t->needed && !op->alias && t->in_tile == e->in_tile;
}

// Does C wrap this operation at an unsigned type's width? Then the RTL shows it as that many bits
// and a zero.
static bool wraps_unsigned(const struct op *op) {
    return !op->is_signed && op->bits > 1 && !op->modular && op->width == op->bits + 1;
}

const char *wrapped(struct emit *e, const struct op *op, const char *text) {
    return wraps_unsigned(op) ? arena_printf(e->cc, "$signed({1'b0, %d'(%s)})", op->bits, text)
                              : text;
}

static const char *arithmetic(struct emit *e, const struct op *op, int stage, const char *form) {
    const int width = wraps_unsigned(op) ? op->bits : op->width;
    const char *a = operand(e, op->in[0], stage, width);
    const char *b = op->in_count > 1 ? operand(e, op->in[1], stage, width) : "";
    const char *text = strcmp(form, "-u") == 0  ? arena_printf(e->cc, "-(%s)", a)
                       : strcmp(form, "~") == 0 ? arena_printf(e->cc, "~(%s)", a)
                       : strcmp(form, "=") == 0 ? a
                                                : arena_printf(e->cc, "%s %s %s", a, form, b);
    return wrapped(e, op, text);
}

static const char *shift(struct emit *e, const struct op *op, int stage) {
    const struct op *x = op->in[0], *n = op->in[1];
    const char *amount = n->code == IR_CONST ? arena_printf(e->cc, "%lld", (long long)n->low)
                         : n->width > shift_bits(op) + 1 // the others have no meaning in C
                             ? arena_printf(e->cc, "%d'(%s)", shift_bits(op), value_at(e, n, stage))
                             : value_at(e, n, stage);
    if (op->code == IR_SHL) {
        const int width = wraps_unsigned(op) ? op->bits : op->width;
        return wrapped(e, op,
                       arena_printf(e->cc, "%s <<< %s", operand(e, x, stage, width), amount));
    }
    const int width = x->width < 2 ? 2 : x->width;
    return arena_printf(e->cc, "%d'(%s >>> %s)", op->width, operand(e, x, stage, width), amount);
}

static const char *compare(struct emit *e, const struct op *op, int stage, const char *form) {
    const struct op *a = op->in[0], *b = op->in[1];
    int width = a->width > b->width ? a->width : b->width;
    if (width == 1 && op->code != IR_EQ)
        width = 2;
    return arena_printf(e->cc, "%s %s %s", operand(e, a, stage, width), form,
                        operand(e, b, stage, width));
}

static const char *field(struct emit *e, const struct op *op) {
    const struct stream *s = &e->p->streams[op->in[0]->imm];
    const char *at = arena_printf(e->cc, "%lld", (long long)op->imm);
    for (int i = 0; i < op->view_count; i++)
        at = arena_printf(e->cc, "%s+i%d*%lld", at, op->view[i].lane, (long long)op->view[i].base);
    const char *bits;
    if (s->bits == 1)
        bits = arena_printf(e->cc, "%s_data_i", safe_name(e, s->name));
    else
        bits = arena_printf(e->cc, "%s_data_i[%s +: %d]", safe_name(e, s->name), at, op->bits);
    if (op->bits == 1)
        return bits;
    return op->is_signed ? arena_printf(e->cc, "$signed(%s)", bits)
                         : arena_printf(e->cc, "$signed({1'b0, %s})", bits);
}

static const char *expression(struct emit *e, const struct op *op, int stage) {
    switch (op->code) {
    case IR_ADD:
        return arithmetic(e, op, stage, "+");
    case IR_SUB:
        return arithmetic(e, op, stage, "-");
    case IR_MUL:
        return arithmetic(e, op, stage, "*");
    case IR_NEG:
        return arithmetic(e, op, stage, "-u");
    case IR_AND:
        return arithmetic(e, op, stage, "&");
    case IR_OR:
        return arithmetic(e, op, stage, "|");
    case IR_XOR:
        return arithmetic(e, op, stage, "^");
    case IR_NOT:
        return arithmetic(e, op, stage, "~");
    case IR_CAST:
        return arithmetic(e, op, stage, "=");
    case IR_TRUNC:
        if (op->imm == 1) // signed values have two bits at least
            return arena_printf(e->cc, "%s ? %s : %s", operand(e, op->in[0], stage, 1),
                                literal(e, -1, op->width), literal(e, 0, op->width));
        return operand(e, op->in[0], stage, op->width);
    case IR_SHL:
    case IR_SHR:
        return shift(e, op, stage);
    case IR_EQ:
        return compare(e, op, stage, "==");
    case IR_LT:
        return compare(e, op, stage, "<");
    case IR_LE:
        return compare(e, op, stage, "<=");
    case IR_SELECT:
        return arena_printf(e->cc, "%s ? %s : %s", operand(e, op->in[0], stage, 1),
                            operand(e, op->in[1], stage, op->width),
                            operand(e, op->in[2], stage, op->width));
    case IR_VIEW: {
        const char *text = element(e, op, stage);
        const int from = op->in[0]->width;
        if (from == op->width)
            return text;
        return from == 1 ? arena_printf(e->cc, "%d'($signed({1'b0, %s}))", op->width, text)
                         : arena_printf(e->cc, "%d'(%s)", op->width, text);
    }
    case IR_FIELD:
        return field(e, op);
    case IR_INDEX:
        return arena_printf(e->cc, "%s_%d_%s_q", safe_name(e, e->r->name), e->region,
                            safe_name(e, e->r->level[op->imm].name));
    default:
        fail(e->cc, op->loc,
             "hlsc has no RTL for operation %s here, which is a fault of hlsc; write this line in "
             "another way",
             ir_opcode_name(op->code));
    }
}

const char *stage_name(struct emit *e, const struct op *op, int stage) {
    return arena_printf(e->cc, "%s_s%d", value_name(e, op), stage);
}

int product_width(const struct op *a, const struct op *b) {
    const int wa = a->width < 2 ? 2 : a->width, wb = b->width < 2 ? 2 : b->width;
    return wa + wb;
}

// Yosys 0.23 would put the register into an SB_MAC16 of an iCE40 and connect the product to two
// drivers; it forgets the attribute of a register in lanes.
const char *kept_product(const struct emit *e) {
    return e->p->target->product_outside ? "  (* keep *)" : "";
}

// m <= a * b, of operands that were registered in stage `stage`; as the result of `wraps`, or NULL.
static void multiply(struct emit *e, const char *m, int width, const struct op *wraps,
                     uint32_t space, const struct op *a, const struct op *b, int stage) {
    declare_value(e, m, width, space);
    const char *d = arena_printf(e->cc, "%s_d", m);
    put(&e->m->declarations, "%s", kept_product(e));
    declare_value(e, d, width, space);
    const char *product =
        arena_printf(e->cc, "%s * %s", operand(e, a, stage, width), operand(e, b, stage, width));
    assign_value(e, d, space, wraps ? wrapped(e, wraps, product) : product);
    register_value(e, m, d, space);
}

static void emit_multiplication(struct emit *e, const struct op *op) {
    const struct op_time *t = &e->s->time[op->id];
    const char *result = stage_name(e, op, t->ready);
    int width = product_width(op->in[0], op->in[1]);
    if (op->code == IR_MUL && width > op->width)
        width = op->width;
    if (op->code == IR_MUL && t->ready == t->start + 2) {
        multiply(e, result, op->width, op, op->space, op->in[0], op->in[1], t->start + 1);
        return;
    }
    const uint32_t space = op->code == IR_MUL ? op->space : op->in[0]->space | op->in[1]->space;
    const char *m = arena_printf(e->cc, "%s_m", value_name(e, op));
    multiply(e, m, width, NULL, space, op->in[0], op->in[1], t->start + 1);
    const char *d = arena_printf(e->cc, "%s_d", value_name(e, op));
    declare_value(e, d, op->width, op->space);
    declare_value(e, result, op->width, op->space);
    const char *product = arena_printf(e->cc, "%s%s", m, subscripts(e, space));
    if (width != op->width)
        product = arena_printf(e->cc, "%d'(%s)", op->width, product);
    if (op->code == IR_MULADD)
        product =
            arena_printf(e->cc, "%s + %s", product, operand(e, op->in[2], t->start + 2, op->width));
    assign_value(e, d, op->space, wrapped(e, op, product));
    register_value(e, result, d, op->space);
}

// An element that is picked by copies of indices, piece by piece.
static const char *in_pieces(struct emit *e, const struct op *view, int stage, int pieces) {
    const char *many[COPIED_MAX], *word = NULL;
    const int width = view->in[0]->width;
    for (int i = 0; i < e->copied_count; i++)
        many[i] = e->copied[i].text;
    for (int piece = pieces - 1; piece >= 0; piece--) { // the highest bits first
        const int high = width * (piece + 1) / pieces, low = width * piece / pieces;
        if (high == low)
            continue;
        for (int i = 0; i < e->copied_count; i++)
            e->copied[i].text = arena_printf(e->cc, "%s[%d]", many[i], piece);
        word = join(e, word, ", ",
                    arena_printf(e->cc, "%s[%d:%d]", element(e, view, stage), high - 1, low));
    }
    return arena_printf(e->cc, "%d'($signed({%s}))", view->width, word);
}

static void emit_simple(struct emit *e, const struct op *op) {
    const int stage = e->s->time[op->id].ready;
    const char *name = stage_name(e, op, stage);
    declare_value(e, name, op->width, op->space);
    const int pieces = copy_indices(e, op, stage);
    if (pieces) {
        assign_value(e, name, op->space, in_pieces(e, op, stage, pieces));
        e->copied_count = 0;
        return;
    }
    copy_operands(e, op, stage);
    assign_value(e, name, op->space, expression(e, op, stage));
    e->copied_count = 0;
}

void emit_region_ops(struct emit *e) {
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *op = e->p->ops[i];
        const struct op_time *t = &e->s->time[i];
        if (!here(e, op) || t->invariant)
            continue;
        switch (op->code) {
        case IR_PHI:
        case IR_READ:
        case IR_STORE:
        case IR_WRITE:
            continue;
        default:
            break;
        }
        comment_source(e, op->loc);
        declare_of(e, op->loc);
        switch (op->code) {
        case IR_MUL:
            if (op->fixed) // synthesis calculates it
                emit_simple(e, op);
            else
                emit_multiplication(e, op);
            break;
        case IR_MULADD:
            emit_multiplication(e, op);
            break;
        case IR_DOT:
            emit_dot(e, op);
            break;
        case IR_SUM:
        case IR_MIN:
        case IR_MAX:
        case IR_ALL:
        case IR_ANY:
        case IR_PARITY:
            emit_reduction(e, op);
            break;
        case IR_LOAD:
            emit_load(e, op);
            break;
        default:
            emit_simple(e, op);
        }
    }
}

static void emit_invariant(struct emit *e, const struct op *op, const char *name) {
    declare_value(e, name, op->width, op->space);
    if (op->code != IR_ARG) {
        struct emit at = *e;
        at.behind = op_delay(e->p, op);
        assign_value(&at, name, op->space, expression(&at, op, 0));
        return;
    }
    const struct variable *arg = e->net->top->params[e->p->arg_port[op->imm]];
    put(&e->m->logic,
        op->bits == 1   ? "  assign %s = %s_%c;\n"
        : op->is_signed ? "  assign %s = $signed(%s_%c);\n"
                        : "  assign %s = $signed({1'b0, %s_%c});\n",
        name, safe_name(e, arg->name), e->at_ports ? 'i' : 'q');
}

// The same from the ports, as a run starts.
static void emit_started(struct emit *e, const struct op *op) {
    const struct invariant *v = &e->p->invariants[op->id];
    struct emit at = *e;
    at.at_ports = true;
    const char *name = name_at_ports(e, op);
    emit_invariant(&at, op, name);
    if (!v->is_told)
        return;
    const char *q = invariant_name(e, op, true);
    declare_value(e, q, op->width, op->space);
    put(&e->m->registers, "    if (start_i)\n  ");
    register_value(e, q, name, op->space);
}

void emit_invariants(struct emit *e) {
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *op = e->p->ops[i];
        const struct invariant *v = &e->p->invariants[i];
        if (op->code == IR_CONST || op->code == IR_LANE || op->code == IR_STATE)
            continue;
        declare_of(e, op->loc);
        if (v->is_started && !e->in_tile)
            emit_started(e, op);
        if (!v->is_made[e->in_tile])
            continue;
        const char *name = invariant_name(e, op, false);
        emit_invariant(e, op, name);
        if (!v->is_kept[e->in_tile])
            continue;
        const char *q = invariant_name(e, op, true);
        declare_value(e, q, op->width, op->space);
        register_value(e, q, name, op->space);
    }
}

// q <= d, of one stage and the next. Bits that are 0 in every value are said to be so at each, the
// sign and what a shift leaves: a synthesis that looks for constants one register after the other
// would go through all of its passes for each stage of a long pipeline.
static void pass_on(struct emit *e, const struct op *op, const char *q, const char *d) {
    const bool positive = !op->modular && op->low >= 0 && op->width > 1;
    const bool shifted = op->code == IR_SHL && op->in[1]->code == IR_CONST;
    const int top = op->width - 1 - positive, below = shifted ? (int)op->in[1]->low : 0;

    if ((positive || below) && below <= top)
        register_bits(e, q, d, op->space, op->width, top, below);
    else
        register_value(e, q, d, op->space);
}

// Registers from the stage in which a value is made to the last in which this module looks at it.
void emit_pipeline(struct emit *e) {
    // Registers of a block, with the square of whose number Yosys' time for it grows.
    enum { BLOCK = 1024 };
    int64_t here = 0;
    for (int i = 0; i < e->p->op_count; i++) {
        const struct op *op = e->p->ops[i];
        const struct op_time *t = &e->s->time[i];
        if (op->alias || !t->needed || t->invariant || op->code == IR_STORE ||
            op->code == IR_WRITE || op->code == IR_READ)
            continue;
        int first = t->ready + 1, last = t->last_use;
        if (e->in_tile && !t->in_tile) {
            first = t->tile_first;
            last = t->tile_last;
            if (first < 0)
                continue;
        } else if (t->in_tile != e->in_tile) {
            continue;
        } else if (t->in_tile) {
            last = t->tile_last > last ? t->tile_last : last;
        } else if (t->tile_first >= 0 && t->tile_first - 1 > last) {
            last = t->tile_first - 1;
        }
        declare_of(e, op->loc);
        const bool merged = first <= last && merged_dot(e, op);
        struct text *texts[] = {&e->m->declarations, &e->m->registers};
        for (int k = 0; merged && k < 2; k++)
            put(texts[k], "`ifndef " MERGED_LANES "\n");
        for (int stage = first; stage <= last; stage++) {
            const char *q = stage_name(e, op, stage);
            declare_value(e, q, op->width, op->space);
            const char *d = stage_name(e, op, stage - 1);
            if (e->in_tile && !t->in_tile && stage == first)
                d = arena_printf(e->cc, "%s_in", d);
            if (op->code == IR_PHI && stage == t->ready + 1 && t->in_tile == e->in_tile) {
                d = arena_printf(e->cc, "%s_phi", q); // of the state's width and lanes
                declare_value(e, d, op->width, op->space);
                assign_value(e, d, op->space, value_at(e, op, stage - 1));
            }
            pass_on(e, op, q, d);
        }
        for (int k = 0; merged && k < 2; k++)
            put(texts[k], "`endif\n");
        here += space_count(e, op->space) * (last - first + 1 > 0 ? last - first + 1 : 0);
        if (here >= BLOCK) {
            put(&e->m->registers, "  end\n  always_ff @(posedge clk_i) begin\n");
            here = 0;
        }
    }
}

const char *valid_at(struct emit *e, int region, int stage) {
    const char *name = safe_name(e, e->p->regions[region]->name);
    if (e->in_tile)
        return arena_printf(e->cc, "%s_%d_valid_s%d", name, region, stage);
    if (stage == 0)
        return arena_printf(e->cc, "%s_%d_issue", name, region);
    return arena_printf(e->cc, "%s_%d_valid_q[%d]", name, region, stage);
}

// Gives the elements of a register array the values that they have at reset.
static void reset_elements(struct emit *e, const struct state *st, const char *q, uint32_t space,
                           struct text *t) {
    open_loops(e, t, space, "      ");
    put(t, "        %s%s = '0;\n", q, subscripts(e, space));
    int64_t count = 1;
    for (int d = 0; d < st->dims; d++)
        count *= st->size[d];
    for (int64_t k = 0; st->reset && k < count; k++) {
        if (!st->reset[k])
            continue;
        int64_t at[MAX_LANES], rest = k;
        for (int d = st->dims - 1; d >= 0; d--) {
            at[st->lane[d]] = rest % st->size[d];
            rest /= st->size[d];
        }
        const char *element = "";
        for (int l = 0; l < MAX_LANES; l++)
            if (space >> l & 1)
                element = arena_printf(e->cc, "%s[%lld]", element, (long long)at[l]);
        put(t, "      %s%s = %s;\n", q, element,
            literal(e, ir_number(st->reset[k], st->is_signed), st->width));
    }
}

void emit_states(struct emit *e) {
    for (int i = 0; i < e->p->state_count; i++) {
        const struct state *st = &e->p->states[i];
        if ((e->tile->lane != NO_LANE && e->tile->state[i]) != e->in_tile)
            continue;
        uint32_t space = 0;
        for (int d = 0; d < st->dims; d++)
            space |= 1u << st->lane[d];
        const char *name = state_name(e, i), *at = subscripts(e, space);
        struct text updates = {0};
        bool used = st->live;
        for (int r = 0; r < e->p->region_count; r++) {
            struct emit here_ = *e;
            here_.region = r;
            here_.r = e->p->regions[r];
            here_.s = here_.r->schedule;
            for (int c = 0; c < here_.r->carried_count; c++) {
                const struct carried *carried = &here_.r->carried[c];
                if (carried->state != i)
                    continue;
                if (!here_.s->time[carried->phi->id].needed && !st->live)
                    continue;
                used = true;
                if (carried->init && !e->in_tile) {
                    struct emit enters = here_;
                    enters.behind = BY_FIRST_VALUE(e->p);
                    put(&updates, "      if (%s) %s_d%s = %s;\n",
                        entry_of_state(&here_, r, i, space), name, at,
                        operand(&enters, carried->init, 0, st->width));
                }
                put(&updates, "      if (%s) %s_d%s = %s;\n",
                    valid_of_state(&here_, r, here_.s->state_stage[c], i, space), name, at,
                    operand(&here_, carried->next, here_.s->state_stage[c], st->width));
            }
        }
        if (used) {
            declare_of(e, st->loc);
            declare_value(e, arena_printf(e->cc, "%s_q", name), st->width, space);
            declare_value(e, arena_printf(e->cc, "%s_d", name), st->width, space);
            const char *q = arena_printf(e->cc, "%s_q", name),
                       *d = arena_printf(e->cc, "%s_d", name);
            struct text *t = &e->m->logic;
            put(t, "  always_comb begin\n");
            copy_value(e, d, q, space, st->reset != NULL);
            if (updates.data) {
                open_loops(e, t, space, "    ");
                put(t, "    begin\n%s    end\n", updates.data);
            }
            if (space && st->is_static && !e->in_tile) { // in tiles they lie in DSPs
                put(t, "    if (!rst_ni) begin\n");
                reset_elements(e, st, d, space, t);
                put(t, "    end\n");
            }
            put(t, "  end\n");
            if (!space) {
                put(&e->m->registers, "    %s <= rst_ni ? %s : %s;\n", q, d,
                    literal(e, st->reset ? ir_number(st->reset[0], st->is_signed) : 0, st->width));
            } else {
                register_value(e, q, d, space);
                put(&e->m->declarations, "  initial begin\n");
                reset_elements(e, st, q, space, &e->m->declarations);
                put(&e->m->declarations, "  end\n");
                starts_at(e, q, space);
            }
        }
        text_free(&updates);
    }
}
