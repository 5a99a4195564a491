// SPDX-License-Identifier: Apache-2.0
// `#pragma HLS`: every pragma and every option is known here or is an error. What it says goes into
// the loop, the variable or the function it belongs to.
#define _POSIX_C_SOURCE 200809L
#include "front.h"
#include <string.h>
#include <strings.h>

enum { MAX_OPTIONS = 12, MAX_CROSSING = 64 };

enum option_form { FORM_FLAG, FORM_WORD, FORM_NUMBER };

struct option {
    const char *name;
    enum option_form form;
};

struct given {
    bool is_given;
    const char *word;
    int64_t number;
};

struct pragma {
    const char *name, *alias; // alias: another name, or NULL
    enum pragma_kind kind;
    struct option options[MAX_OPTIONS + 1];
};

static const struct pragma pragmas[] = {
    {"pipeline", NULL, PRAGMA_PIPELINE, {{"II", FORM_NUMBER}, {"off", FORM_FLAG}}},
    {"unroll", NULL, PRAGMA_UNROLL, {{"factor", FORM_NUMBER}}},
    {"dependence",
     NULL,
     PRAGMA_DEPENDENCE,
     {{"variable", FORM_WORD},
      {"type", FORM_WORD},
      {"direction", FORM_WORD},
      {"distance", FORM_NUMBER},
      {"dependent", FORM_WORD},
      {"inter", FORM_FLAG},
      {"intra", FORM_FLAG},
      {"RAW", FORM_FLAG},
      {"true", FORM_FLAG},
      {"false", FORM_FLAG},
      {"assert", FORM_FLAG}}},
    {"loop_flatten", NULL, PRAGMA_LOOP_HINT, {{"off", FORM_FLAG}}},
    {"loop_tripcount",
     NULL,
     PRAGMA_LOOP_HINT,
     {{"min", FORM_NUMBER}, {"max", FORM_NUMBER}, {"avg", FORM_NUMBER}}},
    // Both of these lay the parts side by side.
    {"array_partition",
     "array_reshape",
     PRAGMA_ARRAY_PARTITION,
     {{"variable", FORM_WORD},
      {"type", FORM_WORD},
      {"factor", FORM_NUMBER},
      {"dim", FORM_NUMBER},
      {"complete", FORM_FLAG},
      {"cyclic", FORM_FLAG},
      {"block", FORM_FLAG}}},
    {"bind_storage",
     NULL,
     PRAGMA_BIND_STORAGE,
     {{"variable", FORM_WORD},
      {"type", FORM_WORD},
      {"impl", FORM_WORD},
      {"latency", FORM_NUMBER},
      {"dim", FORM_NUMBER},
      {"from", FORM_NUMBER}}},
    {"stream",
     NULL,
     PRAGMA_STREAM,
     {{"variable", FORM_WORD},
      {"depth", FORM_NUMBER},
      {"crossing", FORM_NUMBER},
      {"type", FORM_WORD}}},
    {"dataflow", NULL, PRAGMA_DATAFLOW, {{NULL, FORM_FLAG}}},
    {"inline", NULL, PRAGMA_INLINE, {{"off", FORM_FLAG}}},
    {"tiles", NULL, PRAGMA_TILES, {{"crossing", FORM_NUMBER}}},
    {"interface",
     NULL,
     PRAGMA_INTERFACE,
     {{"port", FORM_WORD},
      {"mode", FORM_WORD},
      {"bundle", FORM_WORD},
      {"axis", FORM_FLAG},
      {"s_axilite", FORM_FLAG},
      {"m_axi", FORM_FLAG},
      {"ap_none", FORM_FLAG},
      {"ap_ctrl_none", FORM_FLAG},
      {"ap_ctrl_hs", FORM_FLAG},
      {"ap_ctrl_chain", FORM_FLAG}}},
};

struct reader {
    struct front *f;
    const struct pragma *pragma;
    const char *name; // of the pragma, as written here
    struct given given[MAX_OPTIONS];
    struct location loc;
};

static const char *option_list(struct front *f, const struct pragma *p) {
    const char *text = "";
    for (int i = 0; p->options[i].name; i++)
        text = arena_printf(f->cc, "%s%s%s%s", text, *text ? ", " : "", p->options[i].name,
                            p->options[i].form == FORM_FLAG ? "" : "=");
    return *text ? text : "none";
}

static const struct pragma *find_pragma(struct front *f, const char *name, struct location loc) {
    const char *known = "";
    for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++) {
        const char *alias = pragmas[i].alias;
        if (strcasecmp(pragmas[i].name, name) == 0 || (alias && strcasecmp(alias, name) == 0))
            return &pragmas[i];
        known = arena_printf(f->cc, "%s%s%s%s%s", known, *known ? ", " : "", pragmas[i].name,
                             alias ? ", " : "", alias ? alias : "");
    }
    fail(f->cc, loc, "unknown pragma HLS %.60s; known are %s", name, known);
}

static void read_option(struct reader *r) {
    struct front *f = r->f;
    const struct token *t = next_token(f);
    // A macro's `true` has become 1 before it reached the pragma.
    const char *name = t->kind == TOK_NUMBER ? (t->value ? "true" : "false") : t->text;
    bool has_value = token_is(peek(f), "=");
    const struct option *options = r->pragma->options;
    for (int i = 0; options[i].name; i++) {
        if (strcasecmp(options[i].name, name) != 0 || (options[i].form != FORM_FLAG) != has_value)
            continue;
        struct given *g = &r->given[i];
        if (g->is_given)
            fail(f->cc, r->loc, "option %s of pragma HLS %s is given twice; keep one", name,
                 r->name);
        g->is_given = true;
        if (!has_value)
            return;
        next_token(f);
        if (options[i].form == FORM_NUMBER) {
            g->number = parse_constant(f, "the value of a pragma option");
        } else {
            const struct token *value = next_token(f);
            if (value->kind != TOK_NAME && value->kind != TOK_NUMBER)
                fail(f->cc, r->loc, "option %s of pragma HLS %s wants a name behind =", name,
                     r->name);
            g->word = value->text;
        }
        return;
    }
    fail(f->cc, r->loc, "unknown option %.60s%s of pragma HLS %s; known are %s", name,
         has_value ? "=" : "", r->name, option_list(f, r->pragma));
}

static const struct given *option(const struct reader *r, const char *name) {
    static const struct given none;
    for (int i = 0; r->pragma->options[i].name; i++)
        if (strcmp(r->pragma->options[i].name, name) == 0)
            return &r->given[i];
    return &none;
}

static int number_option(const struct reader *r, const char *name, int64_t low, int64_t high,
                         int fallback) {
    const struct given *g = option(r, name);
    if (!g->is_given)
        return fallback;
    if (g->number < low || g->number > high)
        fail(r->f->cc, r->loc, "option %s of pragma HLS %s is %lld; it must be %lld to %lld", name,
             r->name, (long long)g->number, (long long)low, (long long)high);
    return (int)g->number;
}

// Finds which of `words` (ended by NULL) is meant, by `key=word` or as a bare flag; -1: not given.
static int word_option(const struct reader *r, const char *key, const char *const *words) {
    const struct given *g = option(r, key);
    const char *known = "";
    int found = -1;
    for (int i = 0; words[i]; i++) {
        bool by_key = g->is_given && strcasecmp(g->word, words[i]) == 0;
        if (by_key || option(r, words[i])->is_given) {
            if (found >= 0)
                fail(r->f->cc, r->loc, "pragma HLS %s names both %s and %s; keep one", r->name,
                     words[found], words[i]);
            found = i;
        }
        known = arena_printf(r->f->cc, "%s%s%s", known, *known ? ", " : "", words[i]);
    }
    if (found < 0 && g->is_given)
        fail(r->f->cc, r->loc, "%s=%.60s is unknown to pragma HLS %s; known are %s", key, g->word,
             r->name, known);
    return found;
}

static struct variable *named_variable(const struct reader *r) {
    struct front *f = r->f;
    const struct given *g = option(r, "variable");
    if (!g->is_given)
        fail(f->cc, r->loc, "pragma HLS %s does not say of what; add variable=NAME", r->name);
    const char *known = "";
    for (struct symbol *s = f->symbols; s; s = s->older) {
        if (s->kind != SYM_VARIABLE)
            continue;
        if (s->name == g->word)
            return s->var;
        if (strlen(known) < 200)
            known = arena_printf(f->cc, "%s%s%s", known, *known ? ", " : "", s->name);
    }
    fail(f->cc, r->loc,
         "pragma HLS %s names variable %.60s, which does not exist here; known are %s", r->name,
         g->word, *known ? known : "none");
}

// ---- one function for each pragma

static void need_loop(const struct reader *r, const struct for_loop *loop) {
    if (!loop)
        fail(r->f->cc, r->loc,
             "pragma HLS %s stands outside of a loop body; put it first into the body of its loop",
             r->name);
}

static void apply_pipeline(const struct reader *r, struct for_loop *loop) {
    need_loop(r, loop);
    bool is_off = option(r, "off")->is_given;
    if (is_off && option(r, "II")->is_given)
        fail(r->f->cc, r->loc, "pragma HLS pipeline has both II= and off; keep one");
    loop->pipeline_ii = is_off ? PIPELINE_OFF : number_option(r, "II", 1, 1 << 20, PIPELINE_LEAST);
}

static void apply_dependence(const struct reader *r, struct for_loop *loop) {
    static const char *const types[] = {"inter", "intra", NULL};
    static const char *const directions[] = {"RAW", NULL};
    static const char *const truth[] = {"true", "false", NULL};
    struct front *f = r->f;
    need_loop(r, loop);
    struct variable *var = named_variable(r);
    if (word_option(r, "type", types) == 1)
        fail(f->cc, r->loc,
             "dependence type=intra is found by hlsc itself; remove the pragma, or write inter");
    word_option(r, "direction", directions);
    if (word_option(r, "dependent", truth) == 1)
        fail(f->cc, r->loc,
             "dependence false cannot be verified; give the true distance with distance=, "
             "perhaps with assert");
    if (!option(r, "distance")->is_given)
        fail(f->cc, r->loc,
             "pragma HLS dependence has no distance; add distance=, the iterations between write "
             "and read");
    struct dependence d = {.var = var,
                           .distance = number_option(r, "distance", 1, INT32_MAX, 0),
                           .is_asserted = option(r, "assert")->is_given,
                           .loc = r->loc};
    size_t old = (size_t)loop->dependence_count * sizeof d;
    loop->dependences = arena_grow(f->cc, loop->dependences, old, old + sizeof d);
    loop->dependences[loop->dependence_count++] = d;
}

// A factor of one divides nothing, and one of the size divides completely.
static void set_partition(struct variable *var, int d, enum partition_kind kind, int factor,
                          int64_t size) {
    if (kind != PARTITION_COMPLETE && factor == 1)
        kind = PARTITION_NONE;
    else if (kind != PARTITION_COMPLETE && factor >= size)
        kind = PARTITION_COMPLETE;
    var->partition[d] = kind;
    var->partition_factor[d] = kind == PARTITION_CYCLIC || kind == PARTITION_BLOCK ? factor : 0;
}

static void apply_partition(const struct reader *r) {
    static const char *const kinds[] = {"complete", "cyclic", "block", NULL};
    static const enum partition_kind values[] = {PARTITION_COMPLETE, PARTITION_CYCLIC,
                                                 PARTITION_BLOCK};
    struct front *f = r->f;
    struct variable *var = named_variable(r);
    int dims = 0;
    for (const struct type *t = var->type; t->kind == TYPE_ARRAY; t = t->elem)
        dims++;
    if (!dims)
        fail(f->cc, r->loc, "pragma HLS %s names %s, which is not an array; name an array", r->name,
             var->name);
    int kind = word_option(r, "type", kinds);
    kind = kind < 0 ? 0 : kind;
    if (kind > 0 && !option(r, "factor")->is_given)
        fail(f->cc, r->loc, "%s %s wants factor=; add it or use complete", r->name, kinds[kind]);
    if (kind == 0 && option(r, "factor")->is_given)
        fail(f->cc, r->loc, "%s complete has no factor; remove it or use cyclic", r->name);
    int factor = number_option(r, "factor", 1, INT32_MAX, 0);
    int dim = number_option(r, "dim", 0, dims, 1);
    const struct type *type = var->type;
    for (int d = 0; d < dims; d++, type = type->elem)
        if (dim == 0 || dim == d + 1)
            set_partition(var, d, values[kind], factor, type->count);
}

// dim= and from=: the array lies in `impl` from this index of a dimension on.
static void apply_rest(const struct reader *r, struct variable *var, enum storage_impl impl) {
    const struct type *type = var->type;
    int dims = 0;
    for (const struct type *at = type; at->kind == TYPE_ARRAY; at = at->elem)
        dims++;
    if (!option(r, "dim")->is_given || !option(r, "from")->is_given || dims == 0 ||
        impl == STORAGE_AUTO || impl == STORAGE_REGISTER)
        fail(r->f->cc, r->loc,
             "pragma HLS bind_storage says where a part of %s lies, which takes dim=, from= and an "
             "impl= of lutram, bram or uram, and an array; give all of them",
             var->name);
    struct rest_storage rest = {.storage = impl, .dim = number_option(r, "dim", 1, dims, 1)};
    for (int d = 1; d < rest.dim; d++)
        type = type->elem;
    rest.from = number_option(r, "from", 1, (int)type->count - 1, 1);
    int at = 0;
    while (at < var->rest_count && var->rest[at].dim != rest.dim)
        at++;
    var->rest_count += at == var->rest_count;
    var->rest[at] = rest;
}

static void apply_storage(const struct reader *r) {
    static const char *const types[] = {"ram_1p", "ram_2p", "ram_s2p", "ram_t2p", "rom_1p",
                                        "rom_2p", "rom_np", "fifo",    NULL};
    static const char *const impls[] = {"auto", "lutram", "bram", "uram", "register", NULL};
    static const enum storage_impl values[] = {STORAGE_AUTO, STORAGE_LUTRAM, STORAGE_BRAM,
                                               STORAGE_URAM, STORAGE_REGISTER};
    struct variable *var = named_variable(r);
    if (var->type->kind != TYPE_ARRAY && var->type->kind != TYPE_STREAM)
        fail(r->f->cc, r->loc,
             "pragma HLS bind_storage names %s, which is not an array; name an array", var->name);
    const int type = word_option(r, "type", types);
    if (type >= 0)
        var->is_dual_port = strcmp(types[type], "ram_t2p") == 0;
    int impl = word_option(r, "impl", impls);
    if (option(r, "dim")->is_given || option(r, "from")->is_given)
        apply_rest(r, var, impl >= 0 ? values[impl] : STORAGE_AUTO);
    else if (impl >= 0)
        var->storage = values[impl];
    var->storage_latency = number_option(r, "latency", 0, 16, var->storage_latency);
}

static void apply_stream(const struct reader *r) {
    static const char *const types[] = {"fifo", NULL};
    struct variable *var = named_variable(r);
    const struct type *type = var->type->kind == TYPE_POINTER ? var->type->elem : var->type;
    if (type->kind != TYPE_STREAM)
        fail(r->f->cc, r->loc, "pragma HLS stream names %s, which is not a stream; name a channel",
             var->name);
    word_option(r, "type", types);
    var->stream_depth = number_option(r, "depth", 1, 1 << 24, var->stream_depth);
    var->stream_crossing = number_option(r, "crossing", 1, MAX_CROSSING, var->stream_crossing);
}

static void apply_interface(const struct reader *r) {
    static const char *const modes[] = {"axis",         "s_axilite",  "m_axi",         "ap_none",
                                        "ap_ctrl_none", "ap_ctrl_hs", "ap_ctrl_chain", NULL};
    struct front *f = r->f;
    const struct given *port = option(r, "port");
    int mode = word_option(r, "mode", modes);
    if (mode < 0)
        fail(f->cc, r->loc,
             "pragma HLS interface has no mode; add one of axis, s_axilite, m_axi, "
             "ap_none, ap_ctrl_none, ap_ctrl_hs, ap_ctrl_chain");
    if (!port->is_given)
        fail(f->cc, r->loc, "pragma HLS interface has no port; add port=, a parameter or return");
    if (strcmp(port->word, "return") == 0)
        return;
    const char *known = "return";
    for (int i = 0; i < f->function->param_count; i++) {
        struct variable *param = f->function->params[i];
        if (strcmp(param->name, port->word) == 0) {
            param->interface_mode = modes[mode];
            return;
        }
        if (strlen(known) < 200)
            known = arena_printf(f->cc, "%s, %s", known, param->name);
    }
    fail(f->cc, r->loc, "pragma HLS interface names port %.60s, which does not exist; known are %s",
         port->word, known);
}

// As mr_way.sv has them: one on each side of each border, and one beside the tiles.
static void apply_tiles(const struct reader *r) {
    const int crossing = number_option(r, "crossing", 3, MAX_CROSSING, 0);
    if (crossing % 2 == 0)
        fail(r->f->cc, r->loc,
             "pragma HLS tiles wants crossing=, an odd number: 3 for neighbouring dies, 2 more for "
             "each border more");
    r->f->function->tiles_crossing = crossing;
}

static void apply(const struct reader *r, struct for_loop *loop, bool at_function) {
    struct front *f = r->f;
    switch (r->pragma->kind) {
    case PRAGMA_PIPELINE:
        apply_pipeline(r, loop);
        return;
    case PRAGMA_LOOP_HINT:
        need_loop(r, loop);
        return;
    case PRAGMA_UNROLL:
        need_loop(r, loop);
        loop->unroll = true;
        loop->unroll_factor = number_option(r, "factor", 1, 1 << 24, 0);
        return;
    case PRAGMA_DEPENDENCE:
        apply_dependence(r, loop);
        return;
    case PRAGMA_ARRAY_PARTITION:
        apply_partition(r);
        return;
    case PRAGMA_BIND_STORAGE:
        apply_storage(r);
        return;
    case PRAGMA_STREAM:
        apply_stream(r);
        return;
    default:
        break;
    }
    if (!at_function)
        fail(f->cc, r->loc,
             "pragma HLS %s belongs to a function; put it first into the function body", r->name);
    if (r->pragma->kind == PRAGMA_DATAFLOW)
        f->function->is_dataflow = true;
    else if (r->pragma->kind == PRAGMA_INLINE)
        f->function->is_inline_off = option(r, "off")->is_given;
    else if (r->pragma->kind == PRAGMA_TILES)
        apply_tiles(r);
    else
        apply_interface(r);
}

void parse_pragma(struct front *f, struct for_loop *loop, bool at_function) {
    const struct token *token = next_token(f);
    struct token *outer = f->tokens;
    int outer_at = f->at, count;
    struct reader r = {.f = f, .loc = token->loc};
    f->tokens = lex_text(f->cc, &f->names, token->loc, token->text, &count);
    f->at = 0;
    const struct token *name = next_token(f); // `inline` is a keyword elsewhere
    if (name->kind != TOK_NAME)
        fail(f->cc, r.loc, "a pragma HLS without a name; name one");
    r.pragma = find_pragma(f, name->text, r.loc);
    r.name = name->text;
    while (peek(f)->kind != TOK_END)
        read_option(&r);
    f->tokens = outer;
    f->at = outer_at;
    apply(&r, loop, at_function);
}
