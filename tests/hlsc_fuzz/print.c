// SPDX-License-Identifier: Apache-2.0
// Writes programs as C that compiles without warnings: what nobody reads is left out, shift amounts
// and indices are masked, and conditions are compared with zero.
#include "print.h"

#include <inttypes.h>

static void expression(const struct printer *to, const struct node *e);
static void statements(struct printer *to, const struct list *list);

const char *const type_names[B_NUMBERS] = {"bool",    "int8_t",   "uint8_t", "int16_t", "uint16_t",
                                           "int32_t", "uint32_t", "int64_t", "uint64_t"};

void type_name(const struct printer *to, enum base base, const struct record *record) {
    if (base == B_RECORD)
        PUT("p%d_r%d_t", to->program->number, record->id);
    else if (base == B_ENUM)
        PUT("p%d_mode_t", to->program->number);
    else
        PUT("%s", base == B_VOID ? "void" : type_names[base]);
}

// An element of a stream is named by one identifier, and bool is a macro.
void payload(const struct printer *to, const struct var *var) {
    if (var->base == B_BOOL)
        PUT("bit_t");
    else
        type_name(to, var->base, var->record);
}

void var_name(const struct printer *to, const struct var *var) {
    static const char letters[] = "vstacixxe";
    if (var->kind == V_SCALAR) { // all programs of a file share these
        PUT("a%d_%s", var->place, type_names[var->base]);
        return;
    }
    if (var->kind == V_TABLE || var->kind == V_STREAM || var->kind == V_EXTERNAL)
        PUT("p%d_", to->program->number);
    PUT("%c%d", var->is_memory ? 'm' : letters[var->kind], var->id);
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

static void moved(const struct printer *to, const struct node *e) {
    PUT("(");
    expression(to, e->e[1]);
    PUT(" + %d < %d ? ", (int)e->value, e->var->size[0]);
    var_name(to, e->var);
    PUT("[");
    expression(to, e->e[1]);
    PUT(" + %d] : ", (int)e->value);
    expression(to, e->e[0]);
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
    case E_FETCH:
        PUT("hls_fetch(");
        payload(to, e->var);
        PUT(", ");
        var_name(to, e->var);
        PUT(", ");
        expression(to, e->e[0]);
        PUT(")");
        break;
    case E_MOVED:
        moved(to, e);
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

void block(struct printer *to, const struct list *list) {
    PUT(" {\n");
    to->depth++;
    statements(to, list);
    to->depth--;
    line(to);
    PUT("}");
}

void values(const struct printer *to, const struct var *var) {
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

void declared(const struct printer *to, const struct var *var) {
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
    PUT(" = ");
    if (s->e[1])
        expression(to, s->e[1]);
    else
        PUT("%d", (int)s->value);
    PUT("; ");
    var_name(to, s->var);
    PUT(" %s%s ", s->op < 0 ? ">" : "<", s->id ? "=" : "");
    expression(to, s->e[0]);
    PUT("; ");
    var_name(to, s->var);
    if (s->op == 1 || s->op == -1)
        PUT("%s)", s->op < 0 ? "--" : "++");
    else
        PUT(" %s %d)", s->op < 0 ? "-=" : "+=", s->op < 0 ? -s->op : s->op);
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

// A plan, or a store.
static void of_external(const struct printer *to, const struct node *s) {
    line(to);
    PUT(s->kind == N_STORE ? "hls_store(" : s->op ? "hls_plan_store(" : "hls_plan_fetch(");
    payload(to, s->var);
    PUT(", ");
    var_name(to, s->var);
    for (int i = 0; i < 3 && s->e[i]; i++) {
        PUT(", ");
        operand(to, s->e[i], s->kind == N_STORE && i == 1 ? s->var->base : B_I32);
    }
    PUT(");\n");
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
        else if (is_read(s->e[0]))
            discard(to, s->e[0]);
        break;
    case N_ASSIGN:
        if (s->e[0]->var->is_live || s->e[0]->var->kind == V_POINTER)
            assignment(to, s);
        else if (is_read(s->e[1]))
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
    case N_PLAN:
    case N_STORE:
        of_external(to, s);
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
