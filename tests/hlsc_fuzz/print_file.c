// SPDX-License-Identifier: Apache-2.0
// Writes whole files: what is used of each program, its types, tables and functions, and one top
// that runs all programs at the same time.
#include "print.h"

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

bool is_read(const struct node *e) {
    return e && (e->kind == E_READ || e->kind == E_FETCH);
}

static bool mark_statement(struct node *s) {
    bool changed = false;
    if ((s->kind == N_DECL || s->kind == N_ASSIGN)) {
        const struct var *set = s->kind == N_DECL ? s->var : s->e[0]->var;
        struct node *value = s->kind == N_DECL ? s->e[0] : s->e[1];
        if (!set->is_live && set->kind != V_POINTER)
            return is_read(value) && mark_expression(value);
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

// ---- the whole

static void parameter(const struct printer *to, const struct var *var) {
    if (var->kind == V_STREAM || var->kind == V_EXTERNAL) {
        PUT(var->kind == V_STREAM ? "hls_stream(" : "hls_memory(");
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
        const int id = records[r]->id;
        PUT("} p%d_r%d_t;\nHLS_STREAM_OF(p%d_r%d_t)\nHLS_MEMORY_OF(p%d_r%d_t)\n", number, id,
            number, id, number, id);
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
            count += var->kind == V_EXTERNAL ? 3 : 1; // plans, fetches and stores
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
            if (!var->depth && !var->crossing)
                continue;
            PUT("    HLS(stream variable=");
            var_name(to, var);
            if (var->depth)
                PUT(" depth=%d", var->depth);
            if (var->crossing)
                PUT(" crossing=%d", var->crossing);
            PUT(")\n");
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
    PUT("#pragma GCC diagnostic ignored \"-Wshift-overflow\"\n");
    PUT("#pragma GCC diagnostic ignored \"-Woverflow\"\n#include \"hls.h\"\n");
    for (int i = 0; i < B_NUMBERS; i++)
        if (i != B_BOOL)
            PUT("HLS_STREAM_OF(%s)\nHLS_MEMORY_OF(%s)\n", type_names[i], type_names[i]);
    PUT("typedef bool bit_t;\nHLS_STREAM_OF(bit_t)\nHLS_MEMORY_OF(bit_t)\n");
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
