// SPDX-License-Identifier: Apache-2.0
// How values are named, declared and read in the generated SystemVerilog. All numbers are signed,
// at the width that their range needs; only flags (0 or 1) are one unsigned bit. Lane l is the loop
// variable i<l>.
#include "emit.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void put(struct text *t, const char *format, ...) {
    for (;;) {
        va_list args;
        va_start(args, format);
        const size_t room = t->room - t->length;
        const int length = vsnprintf(t->data ? t->data + t->length : NULL, room, format, args);
        va_end(args);
        if (length >= 0 && (size_t)length < room) {
            t->length += (size_t)length;
            return;
        }
        const size_t wanted = t->room * 2 + (size_t)(length < 0 ? 0 : length) + 256;
        char *grown = length < 0 ? NULL : realloc(t->data, wanted);
        if (!grown) {
            fputs("hlsc: out of memory\n", stderr);
            abort();
        }
        t->data = grown;
        t->room = wanted;
    }
}

void text_free(struct text *t) {
    free(t->data);
    *t = (struct text){0};
}

const char *module_print(struct emit *e, FILE *out, const char *name, const char *parameters,
                         const char *intro) {
    struct module *m = e->m;
    struct text body = {0};
    const struct text *parts[] = {&m->ports, &m->declarations, &m->logic, &m->instances};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        put(&body, "%s%s", parts[i]->data ? parts[i]->data : "", i == 0 ? ");\n" : "");
    if (m->registers.length)
        put(&body, "  always_ff @(posedge clk_i) begin\n%s  end\n", m->registers.data);
    put(&body, "endmodule\n");
    for (const struct printed *p = *e->printed; p; p = p->next) {
        if (strcmp(p->text, body.data) == 0 && strcmp(p->parameters, parameters) == 0) {
            fprintf(out, "\n%s// It is module %s.\n", intro, p->name);
            text_free(&body);
            return p->name;
        }
    }
    fprintf(out, "\n%smodule %s%s (\n%s", intro, name, parameters, body.data);
    struct printed *p = arena_alloc(e->cc, sizeof *p);
    *p = (struct printed){name, parameters, arena_strdup(e->cc, body.data), *e->printed};
    *e->printed = p;
    text_free(&body);
    return name;
}

void module_free(struct module *m) {
    text_free(&m->ports);
    text_free(&m->declarations);
    text_free(&m->logic);
    text_free(&m->registers);
    text_free(&m->instances);
}

const char *safe_name(struct emit *e, const char *name) {
    char *copy = arena_strdup(e->cc, name ? name : "v");
    for (char *c = copy; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return copy;
}

const char *name_of(struct emit *e, const char *base, const struct op *op) {
    int regions = 0; // that compute it, each in a pipeline of its own
    for (int r = 0; r < e->p->region_count; r++) {
        const struct op_time *t = &e->p->regions[r]->schedule->time[op->id];
        regions += t->needed && !t->invariant;
    }
    if (regions > 1)
        return arena_printf(e->cc, "%s_%d_r%d", safe_name(e, base), op->id, e->region);
    return arena_printf(e->cc, "%s_%d", safe_name(e, base), op->id);
}

static const char *base_of(struct emit *e, const struct op *op) {
    return safe_name(e, op->name ? op->name : ir_opcode_name(op->code));
}

const char *value_name(struct emit *e, const struct op *op) {
    return name_of(e, base_of(e, op), op);
}

const char *state_name(struct emit *e, int state) {
    return arena_printf(e->cc, "%s_r%d", safe_name(e, e->p->states[state].name), state);
}

int64_t lane_count(const struct emit *e, int lane) {
    return e->in_tile && lane == e->tile->lane ? e->tile->per_tile : e->p->lanes[lane].count;
}

const char *lane_size(struct emit *e, int lane) {
    if (e->in_tile && lane == e->tile->lane)
        return "N";
    return arena_printf(e->cc, "%lld", (long long)e->p->lanes[lane].count);
}

int64_t space_count(const struct emit *e, uint32_t space) {
    int64_t count = 1;
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            count *= lane_count(e, l);
    return count;
}

const char *dimensions(struct emit *e, uint32_t space) {
    const char *text = "";
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            text = arena_printf(e->cc, "%s [%s]", text, lane_size(e, l));
    return text;
}

const char *subscripts(struct emit *e, uint32_t space) {
    const char *text = "";
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            text = arena_printf(e->cc, "%s[i%d]", text, l);
    return text;
}

const char *flat_index(struct emit *e, uint32_t space) {
    const char *text = NULL;
    for (int l = 0; l < e->p->lane_count; l++) {
        if (!(space >> l & 1))
            continue;
        text = text ? arena_printf(e->cc, "(%s*%s+i%d)", text, lane_size(e, l), l)
                    : arena_printf(e->cc, "i%d", l);
    }
    return text ? text : "0";
}

const char *size_text(struct emit *e, uint32_t space) {
    const char *text = NULL;
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            text = text ? arena_printf(e->cc, "%s*%s", text, lane_size(e, l)) : lane_size(e, l);
    return text ? text : "1";
}

const char *literal(struct emit *e, wide value, int width) {
    if (width == 1)
        return value & 1 ? "1'b1" : "1'b0";
    const wide bits = ir_wrap(value, width < 120 ? width : 120, false);
    const uint64_t high = (uint64_t)(bits >> 64), low = (uint64_t)bits;
    if (high)
        return arena_printf(e->cc, "%d'sh%llx%016llx", width, (unsigned long long)high,
                            (unsigned long long)low);
    return arena_printf(e->cc, "%d'sh%llx", width, (unsigned long long)low);
}

const char *range_text(struct emit *e, int width) {
    return width == 1 ? "" : arena_printf(e->cc, "signed [%d:0] ", width - 1);
}

void declare_value(struct emit *e, const char *name, int width, uint32_t space) {
    put(&e->m->declarations, "  logic %s%s%s;\n", range_text(e, width), name, dimensions(e, space));
}

void open_loops(struct emit *e, struct text *t, uint32_t space, const char *indent) {
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            put(t, "%sfor (int i%d = 0; i%d < %s; i%d++)\n", indent, l, l, lane_size(e, l), l);
}

void put_instances(struct emit *e, struct text *t, const struct instances *loops, int count,
                   const char *label, const char *body) {
    enum {
        INSTANCES_MAX = 128
    }; // in one loop: Verilator takes some 190 with lanes that stay loops
    if (!count) {
        put(t, "%s", body);
        return;
    }
    for (int64_t first = loops->first; first < loops->end; first += INSTANCES_MAX) {
        const int64_t end = loops->end - first > INSTANCES_MAX ? first + INSTANCES_MAX : loops->end;
        const char *name =
            first == loops->first ? label : arena_printf(e->cc, "%s_%lld", label, (long long)first);
        put(t, "  for (genvar %s = %lld; %s < %lld; %s++) begin : gen_%s\n", loops->index,
            (long long)first, loops->index, (long long)end, loops->index, name);
        put_instances(e, t, loops + 1, count - 1, arena_printf(e->cc, "%s_%s", name, loops->index),
                      body);
        put(t, "  end\n");
    }
}

void assign_value(struct emit *e, const char *name, uint32_t space, const char *expression) {
    struct text *t = &e->m->logic;
    if (!space) {
        put(t, "  assign %s = %s;\n", name, expression);
        return;
    }
    put(t, "  always_comb\n");
    open_loops(e, t, space, "    ");
    put(t, "      %s%s = %s;\n", name, subscripts(e, space), expression);
}

static const char *sizes_of(struct emit *e, uint32_t space) {
    const char *sizes = NULL;
    for (int l = 0; l < e->p->lane_count; l++)
        if (space >> l & 1)
            sizes = join(e, sizes, ", ", lane_size(e, l));
    return sizes;
}

enum { WIDE = 64 }; // elements from which on a register array is wide (mr_reg.svh)

void register_array(struct emit *e, struct text *next, const char *q, const char *d, uint32_t space,
                    int64_t more) {
    const int dims = __builtin_popcount(space) + (more > 0);
    const bool wide = space_count(e, space) * (more ? more : 1) >= WIDE;
    const char *sizes = sizes_of(e, space);
    if (more)
        sizes = join(e, sizes, ", ", arena_printf(e->cc, "%lld", (long long)more));
    if (wide)
        put(next, "  `MR_NEXT%d(%s, %s)\n", dims, q, sizes);
    put(&e->m->registers, "    `MR_%s%d(%s, %s, %s)\n", wide ? "WIDE" : "REG", dims, q, d, sizes);
}

void register_value(struct emit *e, const char *q, const char *d, uint32_t space) {
    if (space)
        register_array(e, &e->m->declarations, q, d, space, 0);
    else
        put(&e->m->registers, "    %s <= %s;\n", q, d);
}

void register_bits(struct emit *e, const char *q, const char *d, uint32_t space, int width, int top,
                   int below) {
    const char *at[] = {"", "[mr_a]", "[mr_a][mr_b]", "[mr_a][mr_b][mr_c]",
                        "[mr_a][mr_b][mr_c][mr_e]"};
    const int dims = __builtin_popcount(space);
    const char *bits = arena_printf(e->cc, "%s%s[%d:%d]", d, at[dims], top, below);

    if (top < width - 1)
        bits = arena_printf(e->cc, "%d'd0, %s", width - 1 - top, bits);
    if (below)
        bits = arena_printf(e->cc, "%s, %d'd0", bits, below);
    if (!space)
        put(&e->m->registers, "    `MR_BITS0(%s, %s, {%s})\n", q, d, bits);
    else if (space_count(e, space) >= WIDE)
        register_array(e, &e->m->declarations, q, d, space, 0);
    else
        put(&e->m->registers, "    `MR_BITS%d(%s, %s, %s, {%s})\n", dims, q, d, sizes_of(e, space),
            bits);
}

void starts_at(struct emit *e, const char *q, uint32_t space) {
    if (space_count(e, space) >= WIDE)
        put(&e->m->declarations, "  `MR_FIRST%d(%s, %s)\n", __builtin_popcount(space), q,
            sizes_of(e, space));
}

void copy_value(struct emit *e, const char *to, const char *from, uint32_t space, bool at_once) {
    const bool moved = space_count(e, space) >= WIDE && !at_once;
    if (space)
        put(&e->m->logic, "    `MR_%s%d(%s, %s, %s)\n", moved ? "MOVE" : "COPY",
            __builtin_popcount(space), to, from, sizes_of(e, space));
    else
        put(&e->m->logic, "    %s = %s;\n", to, from);
}

const char *invariant_name(struct emit *e, const struct op *op, bool in_register) {
    if (op->code == IR_STATE)
        return arena_printf(e->cc, "%s_q", state_name(e, (int)op->imm));
    return arena_printf(e->cc, "%s_%d_c%s", base_of(e, op), op->id, in_register ? "q" : "");
}

const char *name_at_ports(struct emit *e, const struct op *op) {
    return arena_printf(e->cc, "%s_%d_p", base_of(e, op), op->id);
}

static int carried_index(const struct emit *e, const struct op *phi) {
    for (int c = 0; c < e->r->carried_count; c++)
        if (e->r->carried[c].phi == phi)
            return c;
    return -1;
}

static const char *name_at(struct emit *e, const struct op *op, int stage) {
    const struct op_time *t = &e->s->time[op->id];
    if (e->at_ports && e->p->invariants[op->id].starts)
        return name_at_ports(e, op);
    if (t->invariant || e->behind < BY_PIPELINE(e->p))
        return invariant_name(e, op, invariant_by_register(e->p, op, e->behind));
    if (op->code == IR_PHI && t->in_tile == e->in_tile) {
        const int c = carried_index(e, op);
        if (c >= 0 && stage <= e->s->state_stage[c])
            return arena_printf(e->cc, "%s_q", state_name(e, (int)op->imm));
    }
    return arena_printf(e->cc, "%s_s%d", value_name(e, op), stage);
}

const char *value_at(struct emit *e, const struct op *op, int stage) {
    if (op->code == IR_CONST)
        return literal(e, op->low, op->width);
    if (op->code == IR_LANE) {
        const int l = (int)op->imm;
        // One bit has no sign, and Yosys takes a signed 1 that a value is shifted by for -1.
        if (op->width == 1)
            return e->in_tile && l == e->tile->lane
                       ? arena_printf(e->cc, "(1'(base_i) + 1'(i%d))", l)
                       : arena_printf(e->cc, "1'(i%d)", l);
        if (e->in_tile && l == e->tile->lane)
            return arena_printf(e->cc, "($signed(%d'(base_i)) + $signed(%d'(i%d)))", op->width,
                                op->width, l);
        return arena_printf(e->cc, "$signed(%d'(i%d))", op->width, l);
    }
    return arena_printf(e->cc, "%s%s", copy_of(e, op, name_at(e, op, stage)),
                        subscripts(e, op->space));
}

static const char *extend(struct emit *e, const char *text, int from, int width) {
    if (from == width)
        return text;
    if (from == 1)
        return arena_printf(e->cc, "%d'($signed({1'b0, %s}))", width, text);
    return arena_printf(e->cc, "%d'(%s)", width, text);
}

const char *operand(struct emit *e, const struct op *op, int stage, int width) {
    if (op->code == IR_CONST)
        return literal(e, op->low, width);
    if (op->code == IR_LANE && width > 1) {
        struct op wider = *op;
        wider.width = width;
        return value_at(e, &wider, stage);
    }
    return extend(e, value_at(e, op, stage), op->width, width);
}

// One dimension of a view as an index of at most size - 1.
static const char *index_text(struct emit *e, const struct op *view, const struct view_index *v,
                              int stage) {
    const struct op *source = view->in[0];
    int64_t size = v->size;
    if (v->dynamic) {
        const struct op *at = view->in[v->dynamic];
        const int bits = ir_index_bits(size);
        const char *index = at->code == IR_CONST
                                ? arena_printf(e->cc, "%d'd%lld", bits, (long long)at->low)
                                : arena_printf(e->cc, "$unsigned(%s)", operand(e, at, stage, bits));
        if (size == 1)
            return "0";
        // An index beyond the end is C's undefined behaviour; keep the simulators off it.
        if (size != (int64_t)1 << bits && at->high >= size)
            return arena_printf(e->cc, "%d'(%s < %d'd%lld ? %s : %d'd0)", bits, index, bits,
                                (long long)size, index, bits);
        return index;
    }
    const char *text =
        v->base || !v->terms ? arena_printf(e->cc, "%lld", (long long)v->base) : NULL;
    int64_t low = v->base, high = v->base;
    for (int i = 0; i < v->terms; i++) {
        const int l = v->term_lane[i];
        const long long coef = v->term_coef[i];
        const int64_t reach = coef * (e->p->lanes[l].count - 1);
        low += reach < 0 ? reach : 0;
        high += reach > 0 ? reach : 0;
        const char *term = coef == 1 ? arena_printf(e->cc, "i%d", l)
                                     : arena_printf(e->cc, "i%d*%lld", l, coef < 0 ? -coef : coef);
        if (coef < 0)
            text = arena_printf(e->cc, "%s-%s", text ? text : "0", term);
        else
            text = text ? arena_printf(e->cc, "%s+%s", term, text) : term;
    }
    if (e->in_tile && v->lane == e->tile->lane && v->terms)
        return text; // the tile sees its neighbour's first elements behind its own
    (void)source;
    if (low < 0 || high >= size)
        return arena_printf(e->cc, "(%s >= 0 && %s < %lld) ? %s : 0", text, text, (long long)size,
                            text);
    return text;
}

const char *element(struct emit *e, const struct op *view, int stage) {
    const struct op *source = view->in[0];
    if (source->code == IR_CONST)
        return literal(e, source->low, source->width);
    if (source->code == IR_LANE)
        return arena_printf(e->cc, "$signed(%d'(%s))", source->width,
                            index_text(e, view, &view->view[0], stage));
    const struct op_time *time = &e->s->time[source->id];
    const bool from_tile = time->in_tile && !time->invariant;
    struct emit owner = *e; // cross_out names a tile's values as the tile does
    owner.in_tile = e->in_tile || from_tile;
    const char *base = name_at(&owner, source, stage);
    bool neighbour = false, head = false;
    const char *text = "";
    for (int l = 0; l < e->p->lane_count; l++) {
        if (!(source->space >> l & 1))
            continue;
        const struct view_index *at = NULL;
        for (int i = 0; i < view->view_count; i++)
            if (view->view[i].lane == l)
                at = &view->view[i];
        if (!at) {
            text = arena_printf(e->cc, "%s[i%d]", text, l);
            continue;
        }
        if (from_tile && l == e->tile->lane) {
            neighbour = e->in_tile && at->base > 0;
            head = !e->in_tile;
        }
        text = arena_printf(e->cc, "%s[%s]", text, index_text(e, view, at, stage));
    }
    if (neighbour)
        base = arena_printf(e->cc, "%s_ext", base);
    if (head)
        base = arena_printf(e->cc, "%s_head_v", base);
    return arena_printf(e->cc, "%s%s", base, text);
}

static struct source *read_source(struct compiler *cc, const char *path) {
    FILE *f = fopen(path, "rb");
    struct text t = {0};
    char buffer[4096];
    size_t n;
    while (f && (n = fread(buffer, 1, sizeof buffer - 1, f)) > 0) {
        buffer[n] = 0;
        put(&t, "%s", buffer);
    }
    if (f)
        fclose(f);
    struct source *source = arena_alloc(cc, sizeof *source);
    source->path = path;
    for (const char *at = t.data ? arena_strdup(cc, t.data) : NULL; at;
         at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        source->lines = arena_room(cc, source->lines, source->line_count, sizeof *source->lines);
        source->lines[source->line_count++] = at;
    }
    text_free(&t);
    return source;
}

static const char *file_name(struct location loc) {
    const char *slash = strrchr(loc.file, '/');
    return slash ? slash + 1 : loc.file;
}

void declare_of(struct emit *e, struct location loc) {
    struct module *m = e->m;
    struct text *t = &m->declarations;
    if (m->mark_end > m->mark && t->length == m->mark_end) { // nothing was declared behind it
        t->length = m->mark;
        t->data[t->length] = 0;
        m->mark_end = m->mark;
        m->declared = m->declared_before;
    }
    if (!loc.file || (loc.line == m->declared.line && loc.file == m->declared.file))
        return;
    m->declared_before = m->declared;
    m->declared = loc;
    m->mark = t->length;
    put(t, "  // %s:%d\n", file_name(loc), loc.line);
    m->mark_end = t->length;
}

// The C line, once for the operations that come of it.
void comment_source(struct emit *e, struct location loc) {
    if (!loc.file || (loc.line == e->last_comment.line && e->last_comment.file == loc.file))
        return;
    e->last_comment = loc;
    struct source *source = *e->sources;
    while (source && strcmp(source->path, loc.file) != 0)
        source = source->next;
    if (!source) {
        source = read_source(e->cc, loc.file);
        source->next = *e->sources;
        *e->sources = source;
    }
    if (loc.line < 1 || loc.line > source->line_count)
        return;
    const char *line = source->lines[loc.line - 1];
    while (*line == ' ' || *line == '\t')
        line++;
    int length = (int)strcspn(line, "\r\n");
    while (length && line[length - 1] == '\\') // would join the next line to the comment
        length--;
    put(&e->m->logic, "  // %s:%d: %.*s\n", file_name(loc), loc.line, length, line);
}
