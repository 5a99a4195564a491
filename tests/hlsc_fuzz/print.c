// SPDX-License-Identifier: Apache-2.0
// Writes programs as C that compiles without warnings: what nobody reads is left out, shift amounts
// and indices are masked, and conditions are compared with zero.
#include "tree.h"

#include <inttypes.h>

struct printer {
    FILE *file;
    const struct program *program;
    int depth;
};

static void expression(const struct printer *to, const struct node *e);
static void statements(struct printer *to, const struct list *list);

#define PUT(...) fprintf(to->file, __VA_ARGS__)

static const char *const type_names[] = {"bool",    "int8_t",   "uint8_t", "int16_t", "uint16_t",
                                         "int32_t", "uint32_t", "int64_t", "uint64_t"};

static void type_name(const struct printer *to, enum base base, const struct record *record) {
    if (base == B_RECORD)
        PUT("p%d_r%d_t", to->program->number, record->id);
    else if (base == B_ENUM)
        PUT("p%d_mode_t", to->program->number);
    else
        PUT("%s", base == B_VOID ? "void" : type_names[base]);
}

// An element of a stream is named by one identifier, and bool is a macro.
static void payload(const struct printer *to, const struct var *var) {
    if (var->base == B_BOOL)
        PUT("bit_t");
    else
        type_name(to, var->base, var->record);
}

static void var_name(const struct printer *to, const struct var *var) {
    static const char letters[] = "vstacixx";
    if (var->kind == V_SCALAR) { // all programs of a file share these
        PUT("a%d_%s", var->place, type_names[var->base]);
        return;
    }
    if (var->kind == V_TABLE || var->kind == V_STREAM)
        PUT("p%d_", to->program->number);
    PUT("%c%d", var->is_memory ? 'm' : letters[var->kind], var->id);
}

// ---- what is used

static bool mark_expression(struct node *e) {
    bool changed = false;
    if (e->var && !e->var->is_live) {
        e->var->is_live = true;
        changed = true;
    }
    if (e->function && !e->function->is_used)
        e->function->is_used = changed = true;
    for (int i = 0; i < 3 && e->e[i]; i++)
        changed |= mark_expression(e->e[i]);
    return changed;
}

static bool reads(const struct node *e) {
    return e && e->kind == E_READ;
}

static bool mark_statement(struct node *s) {
    bool changed = false;
    if ((s->kind == N_DECL || s->kind == N_ASSIGN)) {
        const struct var *set = s->kind == N_DECL ? s->var : s->e[0]->var;
        struct node *value = s->kind == N_DECL ? s->e[0] : s->e[1];
        if (!set->is_live && set->kind != V_POINTER)
            return reads(value) && mark_expression(value);
        if (set->kind == V_STREAM)
            return false;
    } else if (s->var && !s->var->is_live && s->kind != N_FOR && s->kind != N_WHILE) {
        s->var->is_live = true; // written streams
        changed = true;
    }
    if (s->function && !s->function->is_used)
        s->function->is_used = changed = true;
    // A target is only set; its indices are read.
    struct node *const *from = s->kind == N_ASSIGN ? s->e[0]->e : s->e;
    for (int i = 0; i < 3 && from[i]; i++)
        changed |= mark_expression(from[i]);
    if (s->kind == N_ASSIGN)
        changed |= mark_expression(s->e[1]);
    for (int i = 0; i < s->kids.count; i++)
        changed |= mark_statement(s->kids.items[i]);
    for (int i = 0; i < s->other.count; i++)
        changed |= mark_statement(s->other.items[i]);
    return changed;
}

static void forget(struct node *n) {
    if (n->var) {
        n->var->is_live = false;
        if (n->var->record)
            n->var->record->is_used = false;
    }
    n->is_used = false;
    for (int i = 0; i < n->params; i++) {
        n->param[i].var->ends = 0;
    }
    for (int i = 0; i < 3 && n->e[i]; i++)
        forget(n->e[i]);
    for (int i = 0; i < n->kids.count; i++)
        forget(n->kids.items[i]);
    for (int i = 0; i < n->other.count; i++)
        forget(n->other.items[i]);
    for (int i = 0; i < n->params; i++)
        n->param[i].var->is_live = n->kind == N_FUNCTION;
}

static void mark(struct node *root) {
    forget(root);
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < root->kids.count; i++) {
            struct node *f = root->kids.items[i];
            for (int k = 0; (f->kind == N_PROCESS || f->is_used) && k < f->kids.count; k++)
                changed |= mark_statement(f->kids.items[k]);
        }
    }
    for (int i = 0; i < root->kids.count; i++)
        for (int k = 0; k < root->kids.items[i]->params; k++)
            root->kids.items[i]->param[k].var->ends += root->kids.items[i]->kind == N_PROCESS;
}

// ---- expressions

static void constant(const struct printer *to, enum base base, int64_t value) {
    static const char *const suffix[] = {"", "", "", "", "", "", "u", "ll", "ull", ""};
    if (base == B_BOOL)
        PUT("%s", value & 1 ? "true" : "false");
    else if (base == B_ENUM && value >= 0 && value < 3)
        PUT("p%d_mode%d", to->program->number, (int)value);
    else if (base == B_ENUM)
        PUT("%u", (unsigned)value);
    else if (base == B_U64)
        PUT("%" PRIu64 "ull", (uint64_t)value);
    else if (base == B_U32)
        PUT("%uu", (unsigned)value);
    else if (base == B_I64 && value == INT64_MIN)
        PUT("(-9223372036854775807ll - 1)");
    else if (base == B_I32 && value == INT32_MIN)
        PUT("(-2147483647 - 1)");
    else
        PUT(value < 0 ? "(%" PRId64 "%s)" : "%" PRId64 "%s", value, suffix[base]);
}

static bool is_condition(const struct node *e) {
    return (e->kind == E_BINARY && e->op >= O_EQ && e->op <= O_LOR) ||
           (e->kind == E_UNARY && e->op == O_LNOT) || type_of(e) == B_BOOL;
}

static void condition(const struct printer *to, const struct node *e) {
    if (is_condition(e)) {
        expression(to, e);
    } else {
        PUT("(");
        expression(to, e);
        PUT(" != 0)");
    }
}

// The range of an index, as far as constants and loop indices tell.
static bool range_of(const struct node *e, int64_t *low, int64_t *high) {
    int64_t l[2], h[2];
    if (e->kind == E_CONST || (e->kind == E_VAR && e->var->kind == V_INDEX)) {
        *low = e->kind == E_CONST ? e->value : e->var->low;
        *high = e->kind == E_CONST ? e->value : e->var->high;
        return *low > -1000000 && *high < 1000000;
    }
    if (e->kind != E_BINARY || !range_of(e->e[0], &l[0], &h[0]) || !range_of(e->e[1], &l[1], &h[1]))
        return false;
    if (e->op == O_ADD) {
        *low = l[0] + l[1];
        *high = h[0] + h[1];
    } else if (e->op == O_SUB) {
        *low = l[0] - h[1];
        *high = h[0] - l[1];
    } else if (e->op == O_MUL && l[0] >= 0 && l[1] >= 0) {
        *low = l[0] * l[1];
        *high = h[0] * h[1];
    } else {
        return false;
    }
    return *low >= 0 && *high < 1000000; // unsigned does not wrap
}

static void index_of(const struct printer *to, const struct node *e, int size) {
    int64_t low, high;
    int mask = 1;
    while (mask * 2 <= size)
        mask *= 2;
    PUT("[");
    if (range_of(e, &low, &high) && low >= 0 && high < size) {
        expression(to, e);
    } else {
        PUT("(");
        expression(to, e);
        PUT(") & %d", mask - 1);
    }
    PUT("]");
}

static void operand(const struct printer *to, const struct node *e, enum base base) {
    if (base == B_BOOL)
        condition(to, e);
    else
        expression(to, e);
}

static void call(const struct printer *to, const struct node *e) {
    PUT("p%d_f%d(", to->program->number, e->function->id);
    for (int i = 0; i < 3 && e->e[i]; i++) {
        if (i)
            PUT(", ");
        const struct var *param = e->function->param[i].var;
        operand(to, e->e[i], param->kind == V_PARAM ? param->base : B_I32);
    }
    PUT(")");
}

static void stream_name(const struct printer *to, const struct var *var) {
    if (var->kind == V_STREAM && var->is_const) // a FIFO inside the process
        PUT("&");
    var_name(to, var);
}

static void binary(const struct printer *to, const struct node *e) {
    static const char *const names[] = {"+",  "-",  "*",  "/", "%",  "&", "|",  "^",  "<<",
                                        ">>", "==", "!=", "<", "<=", ">", ">=", "&&", "||"};
    const bool logical = e->op == O_LAND || e->op == O_LOR;
    PUT("(");
    operand(to, e->e[0], logical ? B_BOOL : B_I32);
    PUT(" %s ", names[e->op]);
    const int bits = bits_of(promote(type_of(e->e[0])));
    if (e->op == O_DIV || e->op == O_MOD) {
        const int shift = (int)((e->e[1]->kind == E_CONST ? e->e[1]->value : 3) & 7);
        PUT("%d", 1 << shift);
    } else if (e->op != O_SHL && e->op != O_SHR) {
        operand(to, e->e[1], logical ? B_BOOL : B_I32);
    } else if (e->e[1]->kind == E_CONST) {
        PUT("%d", (int)(e->e[1]->value & (bits - 1)));
    } else {
        PUT("(");
        expression(to, e->e[1]);
        PUT(" & %d)", bits - 1);
    }
    PUT(")");
}

static void unary(const struct printer *to, const struct node *e) {
    if (e->op == O_LNOT) {
        PUT("(!");
        condition(to, e->e[0]);
    } else {
        PUT(e->op == O_NEG ? "(-" : "(~");
        if (is_condition(e->e[0]))
            PUT("(int)");
        expression(to, e->e[0]);
    }
    PUT(")");
}

static void expression(const struct printer *to, const struct node *e) {
    switch (e->kind) {
    case E_CONST:
        constant(to, e->base, e->value);
        break;
    case E_VAR:
        var_name(to, e->var);
        break;
    case E_INDEX:
        var_name(to, e->var);
        for (int i = 0; i < e->var->dims; i++)
            index_of(to, e->e[i], e->var->size[i]);
        break;
    case E_FIELD:
        var_name(to, e->var);
        PUT(".f%d", (int)e->value);
        if (e->var->record->size[e->value])
            index_of(to, e->e[0], e->var->record->size[e->value]);
        break;
    case E_BINARY:
        binary(to, e);
        break;
    case E_UNARY:
        unary(to, e);
        break;
    case E_COND:
        PUT("(");
        condition(to, e->e[0]);
        PUT(" ? ");
        expression(to, e->e[1]);
        PUT(" : ");
        expression(to, e->e[2]);
        PUT(")");
        break;
    case E_CAST:
        if (e->base == B_BOOL) {
            condition(to, e->e[0]);
            break;
        }
        PUT("(");
        type_name(to, e->base, NULL);
        PUT(")");
        expression(to, e->e[0]);
        break;
    case E_CALL:
        call(to, e);
        break;
    case E_READ:
        PUT("hls_read(");
        payload(to, e->var);
        PUT(", ");
        stream_name(to, e->var);
        PUT(")");
        break;
    case E_ADDRESS:
        PUT("&");
        var_name(to, e->var);
        break;
    case E_DEREF:
        PUT("*");
        var_name(to, e->var);
        break;
    default:
        break;
    }
}

// ---- statements

static void line(const struct printer *to) {
    PUT("%*s", 4 * to->depth, "");
}

static void block(struct printer *to, const struct list *list) {
    PUT(" {\n");
    to->depth++;
    statements(to, list);
    to->depth--;
    line(to);
    PUT("}");
}

static void values(const struct printer *to, const struct var *var) {
    const int count = var->dims == 0   ? 1
                      : var->dims == 1 ? var->size[0]
                                       : var->size[0] * var->size[1];
    if (var->dims)
        PUT("{");
    for (int i = 0; i < count; i++) {
        if (i)
            PUT(", ");
        if (var->dims == 2 && i % var->size[1] == 0)
            PUT("%s{", i ? "}, " : "");
        constant(to, var->base, var->values[i]);
    }
    PUT("%s", var->dims == 2 ? "}}" : var->dims ? "}" : "");
}

static void declared(const struct printer *to, const struct var *var) {
    type_name(to, var->base, var->record);
    PUT(" %s", var->kind == V_POINTER && !var->dims ? "*" : "");
    var_name(to, var);
    for (int i = 0; i < var->dims; i++)
        PUT("[%d]", var->size[i]);
}

static void declaration(struct printer *to, const struct node *s) {
    const struct var *var = s->var;
    if (var->kind == V_STREAM) {
        if (!var->is_live)
            return;
        line(to);
        PUT("HLS_CHANNEL(");
        payload(to, var);
        PUT(", ");
        var_name(to, var);
        PUT(");\n");
    } else {
        line(to);
        PUT("%s%s", var->kind == V_STATIC ? "static " : "", var->is_const ? "const " : "");
        declared(to, var);
        if (s->e[0]) {
            PUT(" = ");
            operand(to, s->e[0], var->base);
        } else if (var->values) {
            PUT(" = ");
            values(to, var);
        } else if (var->kind != V_STATIC) {
            PUT(var->dims || var->record ? " = {0}" : " = 0");
        }
        PUT(";\n");
    }
    for (int i = 0; i < s->kids.count; i++) {
        line(to);
        PUT("HLS(%s variable=", s->kids.items[i]->text);
        var_name(to, var);
        PUT(" %s)\n", s->kids.items[i]->tail);
    }
}

static void assignment(struct printer *to, const struct node *s) {
    static const char *const names[] = {"+", "-", "*", "", "", "&", "|", "^", "<<", ">>"};
    const enum base base = type_of(s->e[0]);
    line(to);
    expression(to, s->e[0]);
    PUT(" %s= ", s->op == O_SET || base == B_BOOL ? "" : names[s->op]);
    if (s->op == O_SHL || s->op == O_SHR) {
        PUT("(");
        operand(to, s->e[1], base);
        PUT(") & %d", bits_of(promote(base)) - 1);
    } else {
        operand(to, s->e[1], base);
    }
    PUT(";\n");
}

// A read whose word nobody wants.
static void discard(const struct printer *to, const struct node *e) {
    line(to);
    expression(to, e);
    PUT(";\n");
}

static void for_loop(struct printer *to, const struct node *s) {
    line(to);
    PUT("for (");
    declared(to, s->var);
    PUT(" = %d; ", (int)s->value);
    var_name(to, s->var);
    PUT(" %s ", s->id ? "<=" : "<");
    expression(to, s->e[0]);
    PUT("; ");
    var_name(to, s->var);
    if (s->op == 1)
        PUT("++)");
    else
        PUT(" += %d)", s->op);
    block(to, &s->kids);
    PUT("\n");
}

// The counter that bounds it is part of the loop, so that no smaller program runs for ever.
static void while_loop(struct printer *to, const struct node *s) {
    line(to);
    declared(to, s->var);
    PUT(" = 0;\n");
    line(to);
    if (s->op == 1)
        PUT("do {\n");
    else if (s->op == 2)
        PUT("while (1) {\n");
    else {
        PUT("while (");
        var_name(to, s->var);
        PUT(" < %d && ", (int)s->value);
        condition(to, s->e[0]);
        PUT(") {\n");
    }
    to->depth++;
    int first = 0;
    for (; first < s->kids.count && s->kids.items[first]->kind == N_PRAGMA; first++) {
        line(to);
        PUT("HLS(%s)\n", s->kids.items[first]->text);
    }
    line(to);
    var_name(to, s->var);
    PUT("++;\n");
    if (s->op == 2) {
        line(to);
        PUT("if (");
        var_name(to, s->var);
        PUT(" > %d || ", (int)s->value);
        condition(to, s->e[0]);
        PUT(")\n");
        line(to);
        PUT("    break;\n");
    }
    const struct list rest = {s->kids.items + first, s->kids.count - first, 0};
    statements(to, &rest);
    to->depth--;
    line(to);
    PUT("}");
    if (s->op == 1) {
        PUT(" while (");
        var_name(to, s->var);
        PUT(" < %d && ", (int)s->value);
        condition(to, s->e[0]);
        PUT(");");
    }
    PUT("\n");
}

static void switch_statement(struct printer *to, const struct node *s) {
    line(to);
    PUT("switch ((int)");
    expression(to, s->e[0]);
    PUT(" & 3) {\n");
    for (int i = 0; i < s->kids.count; i++) {
        const struct node *arm = s->kids.items[i];
        line(to);
        if (arm->value < 0)
            PUT("default: {\n");
        else
            PUT("case %d: {\n", (int)arm->value);
        to->depth++;
        statements(to, &arm->kids);
        line(to);
        PUT("break;\n");
        to->depth--;
        line(to);
        PUT("}\n");
    }
    line(to);
    PUT("}\n");
}

static void if_statement(struct printer *to, const struct node *s) {
    line(to);
    PUT("if (");
    condition(to, s->e[0]);
    PUT(")");
    block(to, &s->kids);
    if (s->other.count) {
        PUT(" else");
        block(to, &s->other);
    }
    PUT("\n");
}

static void guarded(struct printer *to, const struct node *s) {
    line(to);
    if (s->e[0]) {
        PUT("if (");
        condition(to, s->e[0]);
        PUT(")\n");
        line(to);
        PUT("    ");
    }
    PUT("%s;\n", s->kind == N_BREAK ? "break" : "continue");
}

static void statement(struct printer *to, const struct node *s) {
    switch (s->kind) {
    case N_DECL:
        if (s->var->is_live)
            declaration(to, s);
        else if (reads(s->e[0]))
            discard(to, s->e[0]);
        break;
    case N_ASSIGN:
        if (s->e[0]->var->is_live || s->e[0]->var->kind == V_POINTER)
            assignment(to, s);
        else if (reads(s->e[1]))
            discard(to, s->e[1]);
        break;
    case N_IF:
        if_statement(to, s);
        break;
    case N_SWITCH:
        switch_statement(to, s);
        break;
    case N_FOR:
        for_loop(to, s);
        break;
    case N_WHILE:
        while_loop(to, s);
        break;
    case N_WRITE:
        line(to);
        PUT("hls_write(");
        payload(to, s->var);
        PUT(", ");
        stream_name(to, s->var);
        PUT(", ");
        operand(to, s->e[0], s->var->base);
        PUT(");\n");
        break;
    case N_BREAK:
    case N_CONTINUE:
        guarded(to, s);
        break;
    case N_RETURN:
        line(to);
        PUT("return ");
        expression(to, s->e[0]);
        PUT(";\n");
        break;
    case N_CALL:
        line(to);
        call(to, s);
        PUT(";\n");
        break;
    case N_PRAGMA:
        line(to);
        PUT("HLS(%s)\n", s->text);
        break;
    default:
        break;
    }
}

static void statements(struct printer *to, const struct list *list) {
    for (int i = 0; i < list->count; i++)
        statement(to, list->items[i]);
}

// ---- the whole

static void parameter(const struct printer *to, const struct var *var) {
    if (var->kind == V_STREAM) {
        PUT("hls_stream(");
        payload(to, var);
        PUT(") *");
        var_name(to, var);
    } else {
        declared(to, var);
    }
}

static void function(struct printer *to, const struct node *f) {
    PUT("\nstatic ");
    type_name(to, f->kind == N_PROCESS ? B_VOID : f->base, NULL);
    PUT(" p%d_%c%d(", to->program->number, f->kind == N_PROCESS ? 'p' : 'f', f->id);
    bool any = false;
    for (int i = 0; i < f->params; i++) {
        if (!f->param[i].var->is_live)
            continue;
        PUT("%s", any ? ", " : "");
        parameter(to, f->param[i].var);
        any = true;
    }
    PUT("%s)", any ? "" : "void");
    block(to, &f->kids);
    PUT("\n");
}

// Records that are used, and streams of them.
static void find_records(struct node *n, struct record **records, int *count) {
    struct var *var = n->var;
    for (int i = -1; i < n->params; i++) {
        var = i < 0 ? n->var : n->param[i].var;
        if (var && var->record && !var->record->is_used && *count < 32) {
            var->record->is_used = true;
            records[(*count)++] = var->record;
        }
    }
    for (int i = 0; i < 3 && n->e[i]; i++)
        find_records(n->e[i], records, count);
    for (int i = 0; i < n->kids.count; i++)
        find_records(n->kids.items[i], records, count);
    for (int i = 0; i < n->other.count; i++)
        find_records(n->other.items[i], records, count);
}

static void types(struct printer *to) {
    struct record *records[32];
    int count = 0;
    const int number = to->program->number;
    find_records(to->program->root, records, &count);
    PUT("\ntypedef enum { p%d_mode0, p%d_mode1, p%d_mode2 } p%d_mode_t;\n", number, number, number,
        number);
    for (int r = 0; r < count; r++) {
        PUT("typedef struct {\n");
        for (int i = 0; i < records[r]->fields; i++) {
            PUT("    ");
            type_name(to, records[r]->base[i], NULL);
            PUT(" f%d", i);
            if (records[r]->size[i])
                PUT("[%d]", records[r]->size[i]);
            PUT(";\n");
        }
        PUT("} p%d_r%d_t;\nHLS_STREAM_OF(p%d_r%d_t)\n", number, records[r]->id, number,
            records[r]->id);
    }
}

static void find_tables(const struct printer *to, const struct node *n) {
    struct var *var = n->var;
    if (is_expression(n) && var && var->kind == V_TABLE && var->is_live) {
        var->is_live = false; // written once
        PUT("static const ");
        declared(to, var);
        PUT(" = ");
        values(to, var);
        PUT(";\n");
    }
    for (int i = 0; i < 3 && n->e[i]; i++)
        find_tables(to, n->e[i]);
    for (int i = 0; i < n->kids.count; i++)
        find_tables(to, n->kids.items[i]);
    for (int i = 0; i < n->other.count; i++)
        find_tables(to, n->other.items[i]);
}

static void body(struct printer *to) {
    const struct node *root = to->program->root;
    types(to);
    find_tables(to, root);
    for (int i = 0; i < root->kids.count; i++)
        if (root->kids.items[i]->kind == N_PROCESS || root->kids.items[i]->is_used)
            function(to, root->kids.items[i]);
}

// ---- the top

struct seen {
    struct var *var[256];
    int count;
};

// The first time that this port or channel of the top is met.
static bool is_new(struct seen *seen, struct var *var) {
    for (int i = 0; i < seen->count; i++) {
        const struct var *old = seen->var[i];
        if (old == var || (var->kind == V_SCALAR && old->kind == V_SCALAR &&
                           old->place == var->place && old->base == var->base))
            return false;
    }
    if (seen->count == 256)
        return false;
    seen->var[seen->count++] = var;
    return true;
}

static bool is_channel(const struct var *var) {
    return var->kind == V_STREAM && var->ends == 2;
}

static int ports(const struct printer *to, const struct node *root, struct seen *seen, bool write) {
    int count = 0;
    for (int i = 0; i < root->kids.count; i++) {
        const struct node *process = root->kids.items[i];
        for (int k = 0; process->kind == N_PROCESS && k < process->params; k++) {
            struct var *var = process->param[k].var;
            if (!var->is_live || is_channel(var) || !is_new(seen, var))
                continue;
            count++;
            if (!write)
                continue;
            PUT("%s", seen->count > 1 ? ",\n    " : "");
            parameter(to, var);
        }
    }
    return count;
}

static void channels(const struct printer *to, struct seen *seen) {
    const struct node *root = to->program->root;
    for (int i = 0; i < root->kids.count; i++) {
        const struct node *process = root->kids.items[i];
        for (int k = 0; process->kind == N_PROCESS && k < process->params; k++) {
            struct var *var = process->param[k].var;
            if (!var->is_live || !is_channel(var) || !is_new(seen, var))
                continue;
            PUT("    HLS_CHANNEL(");
            payload(to, var);
            PUT(", ");
            var_name(to, var);
            PUT(");\n");
            if (!var->depth)
                continue;
            PUT("    HLS(stream variable=");
            var_name(to, var);
            PUT(" depth=%d)\n", var->depth);
        }
    }
}

static void calls(const struct printer *to) {
    const struct node *root = to->program->root;
    for (int i = 0; i < root->kids.count; i++) {
        const struct node *process = root->kids.items[i];
        if (process->kind != N_PROCESS)
            continue;
        PUT("    p%d_p%d(", to->program->number, process->id);
        bool any = false;
        for (int k = 0; k < process->params; k++) {
            const struct var *var = process->param[k].var;
            if (!var->is_live)
                continue;
            PUT("%s%s", any ? ", " : "", is_channel(var) ? "&" : "");
            var_name(to, var);
            any = true;
        }
        PUT(");\n");
    }
}

int count_ports(struct program **programs, int count) {
    struct seen seen = {.count = 0};
    int sum = 0;
    for (int i = 0; i < count; i++) {
        mark(programs[i]->root);
        sum += ports(NULL, programs[i]->root, &seen, false);
    }
    return sum;
}

void print_programs(FILE *file, struct program **programs, int count, const char *top) {
    struct printer printer = {.file = file}, *to = &printer;
    // Conditions that always hold and constants that wrap are welcome.
    PUT("#pragma GCC diagnostic ignored \"-Wtautological-compare\"\n");
    PUT("#pragma GCC diagnostic ignored \"-Wbool-compare\"\n");
    PUT("#pragma GCC diagnostic ignored \"-Wbool-operation\"\n");
    PUT("#pragma GCC diagnostic ignored \"-Woverflow\"\n#include \"hls.h\"\n");
    for (int i = 0; i < B_NUMBERS; i++)
        if (i != B_BOOL)
            PUT("HLS_STREAM_OF(%s)\n", type_names[i]);
    PUT("typedef bool bit_t;\nHLS_STREAM_OF(bit_t)\n");
    for (int i = 0; i < count; i++) {
        mark(programs[i]->root);
        to->program = programs[i];
        body(to);
        mark(programs[i]->root);
    }
    struct seen seen = {.count = 0};
    PUT("\nvoid %s(", top);
    for (int i = 0; i < count; i++) {
        to->program = programs[i];
        ports(to, programs[i]->root, &seen, true);
    }
    PUT(") {\n    HLS(dataflow)\n");
    seen.count = 0;
    for (int i = 0; i < count; i++) {
        to->program = programs[i];
        channels(to, &seen);
    }
    for (int i = 0; i < count; i++) {
        to->program = programs[i];
        calls(to);
    }
    PUT("}\n");
}
