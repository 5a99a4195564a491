// SPDX-License-Identifier: Apache-2.0
// Types (shared objects for the scalars), their sizes and names, and the scopes of names.
#include "front.h"
#include <string.h>

// No object of a kernel comes near this; it keeps all size arithmetic inside 64 bits.
static const int64_t max_object_bytes = (int64_t)1 << 31;

static struct type *new_type(struct front *f, enum type_kind kind) {
    struct type *t = arena_alloc(f->cc, sizeof *t);
    t->kind = kind;
    return t;
}

void types_init(struct front *f) {
    for (int is_signed = 0; is_signed < 2; is_signed++)
        for (int i = 0; i < 4; i++) {
            struct type *t = new_type(f, TYPE_INT);
            t->bits = 8 << i;
            t->is_signed = is_signed;
            f->ints[is_signed][i] = t;
        }
    f->void_type = new_type(f, TYPE_VOID);
    f->foreign = new_type(f, TYPE_VOID);
    f->bool_type = new_type(f, TYPE_BOOL);
    f->bool_type->bits = 1;
}

const struct type *int_type(struct front *f, int bits, bool is_signed) {
    return f->ints[is_signed][bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3];
}

const struct type *array_of(struct front *f, const struct type *elem, int64_t count) {
    struct type *t = new_type(f, TYPE_ARRAY);
    t->elem = elem;
    t->count = count;
    return t;
}

const struct type *pointer_to(struct front *f, const struct type *elem) {
    struct type *t = new_type(f, TYPE_POINTER);
    t->elem = elem;
    return t;
}

const struct type *stream_of(struct front *f, const struct type *elem) {
    struct type *t = new_type(f, TYPE_STREAM);
    t->elem = elem;
    return t;
}

const struct type *memory_of(struct front *f, const struct type *elem) {
    struct type *t = new_type(f, TYPE_MEMORY);
    t->elem = elem;
    return t;
}

bool is_memory(const struct type *type) {
    return type->kind == TYPE_POINTER && type->elem->kind == TYPE_MEMORY;
}

bool same_type(const struct type *a, const struct type *b) {
    while (a != b) {
        if (a->kind != b->kind)
            return false;
        switch (a->kind) {
        case TYPE_ARRAY:
            if (a->count != b->count)
                return false;
            break;
        case TYPE_POINTER:
        case TYPE_STREAM:
        case TYPE_MEMORY:
            break;
        default: // scalars and structs are shared objects
            return false;
        }
        a = a->elem;
        b = b->elem;
    }
    return true;
}

bool is_number(const struct type *type) {
    return type->kind == TYPE_BOOL || type->kind == TYPE_INT;
}

const char *type_text(struct front *f, const struct type *type) {
    switch (type->kind) {
    case TYPE_VOID:
        return type == f->foreign ? "a type hlsc does not know" : "void";
    case TYPE_BOOL:
        return "bool";
    case TYPE_INT:
        return arena_printf(f->cc, "%sint%d_t", type->is_signed ? "" : "u", type->bits);
    case TYPE_STRUCT:
        return type->def->name ? type->def->name : "an unnamed struct";
    case TYPE_POINTER:
        return arena_printf(f->cc, "%s *", type_text(f, type->elem));
    case TYPE_STREAM:
        return arena_printf(f->cc, "hls_stream(%s)", type_text(f, type->elem));
    case TYPE_MEMORY:
        return arena_printf(f->cc, "hls_memory(%s)", type_text(f, type->elem));
    case TYPE_ARRAY:
        break;
    }
    const struct type *base = type;
    const char *dims = "";
    for (; base->kind == TYPE_ARRAY; base = base->elem)
        dims = arena_printf(f->cc, "%s[%lld]", dims, (long long)base->count);
    return arena_printf(f->cc, "%s%s", type_text(f, base), dims);
}

static int64_t type_align(const struct type *type) {
    int64_t align = 1;
    switch (type->kind) {
    case TYPE_INT:
        return type->bits / 8;
    case TYPE_ARRAY:
        return type_align(type->elem);
    case TYPE_STRUCT:
        for (int i = 0; i < type->def->field_count; i++) {
            int64_t a = type_align(type->def->fields[i].type);
            align = a > align ? a : align;
        }
        return align;
    case TYPE_POINTER:
        return 8;
    default:
        return 1;
    }
}

int64_t type_size(struct front *f, const struct type *type, struct location loc) {
    int64_t size = 0;
    switch (type->kind) {
    case TYPE_BOOL:
        return 1;
    case TYPE_INT:
        return type->bits / 8;
    case TYPE_POINTER:
        return 8;
    case TYPE_ARRAY:
        size = type_size(f, type->elem, loc);
        if (size > 0 && type->count > max_object_bytes / size)
            fail(f->cc, loc, "an object of type %s is larger than 2 GB; make the array smaller",
                 type_text(f, type));
        return size * type->count;
    case TYPE_STRUCT:
        for (int i = 0; i < type->def->field_count; i++) {
            int64_t align = type_align(type->def->fields[i].type);
            size = (size + align - 1) / align * align;
            size += type_size(f, type->def->fields[i].type, loc);
            if (size > max_object_bytes)
                fail(f->cc, loc, "struct %s is larger than 2 GB; make its arrays smaller",
                     type_text(f, type));
        }
        return (size + type_align(type) - 1) / type_align(type) * type_align(type);
    default:
        fail(f->cc, loc, "%s has no size; use the size of a number, a struct or an array",
             type_text(f, type));
    }
}

int64_t scalar_count(const struct type *type) {
    int64_t count = 0;
    if (type->kind == TYPE_ARRAY)
        return type->count * scalar_count(type->elem);
    if (type->kind != TYPE_STRUCT)
        return 1;
    for (int i = 0; i < type->def->field_count; i++)
        count += scalar_count(type->def->fields[i].type);
    return count;
}

void check_variable_type(struct front *f, const struct type *type, const char *name, bool is_param,
                         struct location loc) {
    const struct type *base = type;
    int dims = 0;
    for (; base->kind == TYPE_ARRAY; base = base->elem)
        dims++;
    if (dims > MAX_DIMS)
        fail(f->cc, loc, "array %s has %d dimensions; at most %d are supported, so merge some",
             name, dims, MAX_DIMS);
    if (base == f->foreign)
        fail(f->cc, loc,
             "%s has a type that hardware does not have here (floating point, union or function "
             "pointer); use integers and structs of integers",
             name);
    if (base->kind == TYPE_VOID)
        fail(f->cc, loc, "%s has type void; give it an integer type", name);
    if (base->kind == TYPE_STREAM && (is_param || dims || !f->function))
        fail(f->cc, loc,
             "stream %s must be one local channel (HLS_CHANNEL) or a pointer parameter; declare it "
             "so",
             name);
    if (base->kind == TYPE_MEMORY)
        fail(f->cc, loc,
             "memory %s lies outside of the kernel; let it be a parameter, hls_memory(T) *%s", name,
             name);
    if (base->kind == TYPE_POINTER) {
        if (!is_param || dims)
            fail(f->cc, loc,
                 "pointer variable %s: only parameters may be pointers; use the array or variable "
                 "itself, with an index",
                 name);
        const struct type *to = base->elem;
        if (to->kind == TYPE_POINTER || to->kind == TYPE_VOID || to->kind == TYPE_ARRAY)
            fail(f->cc, loc,
                 "parameter %s points to %s; a pointer parameter points to a number, a struct or a "
                 "stream, and an array is declared as `T %s[N]`",
                 name, type_text(f, to), name);
    } else if (base->kind != TYPE_STREAM) {
        type_size(f, type, loc);
    }
}

// ---- scopes

static struct symbol **bucket_of(struct front *f, const char *name) {
    return &f->buckets[((uintptr_t)name >> 4) % SYMBOL_BUCKETS];
}

struct symbol *lookup(struct front *f, const char *name, bool tag) {
    for (struct symbol *s = *bucket_of(f, name); s; s = s->same_bucket)
        if (s->name == name && (s->kind == SYM_TAG) == tag)
            return s;
    return NULL;
}

struct symbol *declare(struct front *f, const char *name, enum symbol_kind kind,
                       struct location loc) {
    struct symbol *old = lookup(f, name, kind == SYM_TAG);
    if (old && old->scope == f->scope)
        fail(f->cc, loc, "%s is declared a second time (first at line %d); rename one", name,
             old->loc.line);
    struct symbol *s = arena_alloc(f->cc, sizeof *s);
    struct symbol **bucket = bucket_of(f, name);
    *s = (struct symbol){.older = f->symbols,
                         .same_bucket = *bucket,
                         .name = name,
                         .kind = kind,
                         .scope = f->scope,
                         .loc = loc};
    f->symbols = *bucket = s;
    return s;
}

void push_scope(struct front *f) {
    f->scope++;
}

void pop_scope(struct front *f) {
    while (f->symbols && f->symbols->scope == f->scope) {
        *bucket_of(f, f->symbols->name) = f->symbols->same_bucket;
        f->symbols = f->symbols->older;
    }
    f->scope--;
}

struct variable *new_variable(struct front *f, const char *name, const struct type *type,
                              struct location loc) {
    struct variable *var = arena_alloc(f->cc, sizeof *var);
    var->name = name;
    var->type = type;
    var->loc = loc;
    var->storage_latency = -1;
    var->stream_depth = -1;
    return var;
}

void make_memory_parts(struct front *f, struct variable *var) {
    static const char *const names[] = {"plan", "fetch", "store"};
    static const char plan_type[] = "hls_plan_t";
    const struct type *word = var->type->elem->elem;
    struct symbol *plan = lookup(f, intern(f->cc, &f->names, plan_type, strlen(plan_type)), false);
    if (!plan || plan->kind != SYM_TYPEDEF)
        fail(f->cc, var->loc, "memories are those of hls.h; include it");
    for (int part = 0; part < MEMORY_PARTS; part++) {
        const char *name = var->name ? arena_printf(f->cc, "%s_%s", var->name, names[part]) : NULL;
        if (name)
            name = intern(f->cc, &f->names, name, strlen(name));
        const struct type *stream = stream_of(f, part == PART_PLAN ? plan->type : word);
        struct variable *of = new_variable(f, name, pointer_to(f, stream), var->loc);
        of->is_param = true;
        of->memory = var;
        var->part[part] = of;
    }
}
