// SPDX-License-Identifier: Apache-2.0
// Prints the typed tree: one line for each statement, types behind a colon (i32, u8, b, struct
// names).
#include "ast_dump.h"
#include <inttypes.h>

static void dump_type(FILE *out, const struct type *type) {
    switch (type->kind) {
    case TYPE_VOID:
        fputs("void", out);
        break;
    case TYPE_BOOL:
        fputs("b", out);
        break;
    case TYPE_INT:
        fprintf(out, "%c%d", type->is_signed ? 'i' : 'u', type->bits);
        break;
    case TYPE_STRUCT:
        fputs(type->def->name ? type->def->name : "struct", out);
        break;
    case TYPE_ARRAY:
        fprintf(out, "[%" PRId64 "]", type->count);
        dump_type(out, type->elem);
        break;
    case TYPE_POINTER:
        fputc('*', out);
        dump_type(out, type->elem);
        break;
    case TYPE_STREAM:
    case TYPE_MEMORY:
        fputs(type->kind == TYPE_STREAM ? "stream<" : "memory<", out);
        dump_type(out, type->elem);
        fputc('>', out);
        break;
    }
}

static const char *op_text(enum op_kind op) {
    static const char *const texts[] = {
        "neg", "~", "!",  "+",  "-", "*",  "/", "%",  "<<", ">>", "&",
        "|",   "^", "==", "!=", "<", "<=", ">", ">=", "&&", "||"};
    return texts[op];
}

static void dump_expr(FILE *out, const struct expr *e);

// "(head:type a b c)"
static void dump_node(FILE *out, const char *head, const struct expr *e) {
    fprintf(out, "(%s:", head);
    dump_type(out, e->type);
    const struct expr *children[] = {e->a, e->b, e->c};
    for (int i = 0; i < 3; i++)
        if (children[i]) {
            fputc(' ', out);
            dump_expr(out, children[i]);
        }
    for (int i = 0; i < e->arg_count; i++) {
        fputc(' ', out);
        dump_expr(out, e->args[i]);
    }
    fputc(')', out);
}

static void dump_expr(FILE *out, const struct expr *e) {
    switch (e->kind) {
    case EXPR_CONST:
        if (e->type->kind == TYPE_INT && !e->type->is_signed)
            fprintf(out, "%" PRIu64 ":", (uint64_t)e->value);
        else
            fprintf(out, "%" PRId64 ":", e->value);
        dump_type(out, e->type);
        break;
    case EXPR_VAR:
        fputs(e->var->name, out);
        break;
    case EXPR_INDEX:
        dump_node(out, "at", e);
        break;
    case EXPR_FIELD:
        fputs("(.", out);
        fputs(e->a->type->def->fields[e->field].name, out);
        fputc(' ', out);
        dump_expr(out, e->a);
        fputc(')', out);
        break;
    case EXPR_DEREF:
        dump_node(out, "deref", e);
        break;
    case EXPR_ADDR:
        dump_node(out, "addr", e);
        break;
    case EXPR_UNARY:
    case EXPR_BINARY:
        dump_node(out, op_text(e->op), e);
        break;
    case EXPR_SELECT:
        dump_node(out, "?", e);
        break;
    case EXPR_CAST:
        dump_node(out, "cast", e);
        break;
    case EXPR_CALL:
        fputs("(call ", out);
        dump_node(out, e->callee->name, e);
        fputc(')', out);
        break;
    case EXPR_READ:
        dump_node(out, "read", e);
        break;
    case EXPR_MORE:
        dump_node(out, "more", e);
        break;
    }
}

static void dump_variable(FILE *out, const struct variable *var) {
    static const char *const partitions[] = {"", "complete", "cyclic", "block"};
    static const char *const storages[] = {"", "lutram", "bram", "uram", "register"};
    fprintf(out, "%s%s%s:", var->is_static ? "static " : "", var->is_const ? "const " : "",
            var->name ? var->name : "_");
    dump_type(out, var->type);
    for (int d = 0; d < MAX_DIMS; d++)
        if (var->partition[d])
            fprintf(out, " partition%d=%s/%d", d + 1, partitions[var->partition[d]],
                    var->partition_factor[d]);
    if (var->storage)
        fprintf(out, " storage=%s", storages[var->storage]);
    for (int i = 0; i < var->rest_count; i++)
        fprintf(out, " storage%d=%s/%d", var->rest[i].dim, storages[var->rest[i].storage],
                var->rest[i].from);
    if (var->is_dual_port)
        fprintf(out, " ram_t2p");
    if (var->storage_latency >= 0)
        fprintf(out, " latency=%d", var->storage_latency);
    if (var->stream_depth >= 0)
        fprintf(out, " depth=%d", var->stream_depth);
    if (var->stream_crossing)
        fprintf(out, " crossing=%d", var->stream_crossing);
    if (var->interface_mode)
        fprintf(out, " interface=%s", var->interface_mode);
    if (var->values) {
        fputs(" = {", out);
        for (int64_t i = 0; i < var->value_count; i++)
            fprintf(out, "%s%" PRId64, i ? " " : "", var->values[i]);
        fputc('}', out);
    }
}

static void indent(FILE *out, int level) {
    fprintf(out, "\n%*s", 2 * level, "");
}

static void dump_stmt(FILE *out, const struct stmt *s, int level);

static void dump_loop(FILE *out, const struct for_loop *loop, int level) {
    fputs(loop->var ? "(for " : loop->test_last ? "(do-while " : "(while ", out);
    if (loop->label)
        fprintf(out, "%s: ", loop->label);
    if (loop->var) {
        fprintf(out, "%s:", loop->var->name);
        dump_type(out, loop->var->type);
        fprintf(out, " %" PRId64 " %s ", loop->start, loop->inclusive ? "<=" : "<");
    }
    if (loop->limit)
        dump_expr(out, loop->limit);
    else
        fputs("always", out);
    if (loop->var)
        fprintf(out, " +%" PRId64, loop->step);
    if (loop->pipeline_ii > 0)
        fprintf(out, " pipeline=%d", loop->pipeline_ii);
    else if (loop->pipeline_ii)
        fputs(loop->pipeline_ii == PIPELINE_OFF ? " pipeline=off" : " pipeline=least", out);
    if (loop->unroll)
        fputs(" unroll", out);
    for (int i = 0; i < loop->dependence_count; i++)
        fprintf(out, " dependence=%s/%" PRId64 "%s", loop->dependences[i].var->name,
                loop->dependences[i].distance, loop->dependences[i].is_asserted ? "/assert" : "");
    dump_stmt(out, loop->body, level + 1);
    if (loop->next)
        dump_stmt(out, loop->next, level + 1);
    fputc(')', out);
}

static void dump_switch(FILE *out, const struct stmt *s, int level) {
    fputs("(switch ", out);
    dump_expr(out, s->a);
    for (int i = 0; i < s->case_count; i++) {
        const struct switch_case *arm = &s->cases[i];
        indent(out, level + 1);
        fputs(arm->is_default ? "(default" : "(case", out);
        for (int k = 0; k < arm->value_count; k++)
            fprintf(out, " %" PRId64, arm->values[k]);
        dump_stmt(out, arm->body, level + 2);
        fputc(')', out);
    }
    fputc(')', out);
}

static void dump_stmt(FILE *out, const struct stmt *s, int level) {
    indent(out, level);
    switch (s->kind) {
    case STMT_DECL:
        fputs("(decl ", out);
        dump_variable(out, s->var);
        if (s->init) {
            fputs(" = ", out);
            dump_expr(out, s->init);
        }
        break;
    case STMT_ASSIGN:
    case STMT_WRITE:
        fputs(s->kind == STMT_WRITE ? "(write " : "(= ", out);
        dump_expr(out, s->a);
        fputc(' ', out);
        dump_expr(out, s->b);
        break;
    case STMT_EXPR:
        fputs("(do ", out);
        dump_expr(out, s->a);
        break;
    case STMT_IF:
        fputs("(if ", out);
        dump_expr(out, s->a);
        dump_stmt(out, s->then, level + 1);
        if (s->otherwise)
            dump_stmt(out, s->otherwise, level + 1);
        break;
    case STMT_FOR:
    case STMT_WHILE:
        dump_loop(out, s->loop, level);
        return;
    case STMT_SWITCH:
        dump_switch(out, s, level);
        return;
    case STMT_BLOCK:
        fputs("(block", out);
        for (int i = 0; i < s->count; i++)
            dump_stmt(out, s->body[i], level + 1);
        break;
    case STMT_RETURN:
        fputs("(return", out);
        if (s->a) {
            fputc(' ', out);
            dump_expr(out, s->a);
        }
        break;
    case STMT_BREAK:
        fputs("(break", out);
        break;
    case STMT_CONTINUE:
        fputs("(continue", out);
        break;
    }
    fputc(')', out);
}

void ast_dump(FILE *out, const struct program *program) {
    for (int i = 0; i < program->struct_count; i++) {
        const struct struct_type *def = program->structs[i];
        fprintf(out, "(struct %s", def->name ? def->name : "struct");
        for (int k = 0; k < def->field_count; k++) {
            fprintf(out, " %s:", def->fields[k].name);
            dump_type(out, def->fields[k].type);
        }
        fputs(")\n", out);
    }
    for (int i = 0; i < program->global_count; i++) {
        fputs("(global ", out);
        dump_variable(out, program->globals[i]);
        fputs(")\n", out);
    }
    for (int i = 0; i < program->function_count; i++) {
        const struct function *f = program->functions[i];
        fprintf(out, "(function %s:", f->name);
        dump_type(out, f->result);
        if (f->is_dataflow)
            fputs(" dataflow", out);
        if (f->is_inline_off)
            fputs(" inline=off", out);
        if (f->tiles_crossing)
            fprintf(out, " tiles_crossing=%d", f->tiles_crossing);
        for (int k = 0; k < f->probe_count; k++)
            fprintf(out, " probe=%s", f->probes[k].var->name);
        for (int k = 0; k < f->param_count; k++) {
            fputs(" (", out);
            dump_variable(out, f->params[k]);
            fputc(')', out);
        }
        dump_stmt(out, f->body, 1);
        fputs(")\n", out);
    }
}
