// SPDX-License-Identifier: Apache-2.0
// Operators of which inputs are symbols (onnx_symbols.h). Those that move elements do it as with
// numbers, arithmetic makes expressions; what another operator gives is a base of its own.
#include "onnx_symbols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FLOAT = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, INT64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64 };

static bool is_symbols(const struct onnx_tensor *t) {
    return t && t->type == ONNX_SYMBOLS;
}

static int check(struct onnx_eval *e) {
    return e->symbols->failed ? onnx_fail(e->graph, "makes more numbers than this version follows; "
                                                    "export the network for fewer steps, or for "
                                                    "one sequence, which do not limit the model")
                              : 0;
}

int onnx_eval_lift(struct onnx_eval *e, const struct onnx_tensor *from, bool symbols,
                   struct onnx_tensor *to) {
    if (!symbols || from->type == ONNX_SYMBOLS) {
        *to = onnx_tensor_share(from);
        return 0;
    }
    if (!onnx_is_real(from->type))
        return onnx_fail(e->graph, "mixes whole numbers with what depends on the input");
    if (onnx_eval_create(e, to, ONNX_SYMBOLS, from->rank, from->dims) != 0)
        return -1;
    for (size_t i = 0; i < from->count; i++)
        to->whole[i] = onnx_symbol_constant(e->symbols, from->real[i]);
    return check(e);
}

// An element as a symbol.
static int32_t at(struct onnx_eval *e, const struct onnx_tensor *t, size_t i) {
    return is_symbols(t) ? (int32_t)t->whole[i]
                         : onnx_symbol_constant(e->symbols, onnx_number(t, i));
}

bool onnx_reads_symbols(const struct onnx_eval *e) {
    // So that the rows of a constant state are seen too.
    if (onnx_is(e->graph, "MatMul") || onnx_is(e->graph, "Gemm"))
        return true;
    for (size_t i = 0; i < e->graph->node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        if (in && in->type >= ONNX_SYMBOLS)
            return true;
    }
    return false;
}

// ---- Sizes that the file takes for granted

// Along which axis of a base the tensor runs along `axis`; -1 for none.
static int base_axis(const struct onnx_symbols *s, const struct onnx_tensor *t, int axis) {
    size_t step = 1, stride = 1;

    for (int i = axis + 1; i < t->rank; i++)
        step *= (size_t)t->dims[i];
    if (t->count <= step || t->dims[axis] < 2)
        return -1;
    const struct onnx_symbol *x = onnx_symbol(s, (int32_t)t->whole[0]);
    const struct onnx_symbol *y = onnx_symbol(s, (int32_t)t->whole[step]);
    if (x->kind != SYMBOL_ATOM || y->kind != SYMBOL_ATOM || x->a != y->a)
        return -1;
    const struct onnx_base *base = &s->bases[x->a];
    for (int i = base->rank; i-- > 0; stride *= (size_t)base->dims[i])
        if ((size_t)(y->b - x->b) == stride && base->dims[i] > 1)
            return s->graph->input == base->value ? i : -1;
    return -1;
}

static void want(struct onnx_symbols *s, const struct onnx_tensor *t, int axis, int64_t size) {
    const int of_base = base_axis(s, t, axis);

    if (of_base >= 0 && size > s->wanted[of_base] && size < ONNX_VALUES)
        s->wanted[of_base] = size;
}

// A Gather beyond the end of an axis asks for a longer one, and is followed as if it were not.
static int gather(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *index = onnx_eval_input(e, 1);
    struct onnx_tensor lifted[2] = {{0}};
    int axis;

    if (!index || index->type >= ONNX_SYMBOLS || onnx_is_real(index->type) || in->rank < 1 ||
        onnx_axis(e->graph, onnx_int(e->graph, "axis", 0), in->rank, &axis) != 0 ||
        in->dims[axis] < 1 || base_axis(e->symbols, in, axis) < 0)
        return onnx_eval_gather(e);
    if (onnx_eval_create(e, &lifted[1], index->type, index->rank, index->dims) != 0)
        return -1;
    for (size_t i = 0; i < index->count; i++) {
        const bool beyond = index->whole[i] >= in->dims[axis];
        if (beyond)
            want(e->symbols, in, axis, index->whole[i] + 1);
        lifted[1].whole[i] = beyond ? index->whole[i] % in->dims[axis] : index->whole[i];
    }
    e->lifted = lifted;
    const int result = onnx_eval_gather(e);
    e->lifted = NULL;
    onnx_tensor_free(&lifted[1]);
    return result;
}

static void want_of_slice(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t start[ONNX_INTS], axes[ONNX_INTS];
    int starts, named, axis;

    if (onnx_eval_list(e, "starts", 1, start, &starts) != 0 ||
        onnx_eval_list(e, "axes", 3, axes, &named) != 0)
        return;
    for (int i = 0; i < starts && (named < 0 || i < named); i++) {
        const int64_t along = named >= 0 ? axes[i] : i;
        axis = (int)(along < 0 ? along + in->rank : along);
        if (axis >= 0 && axis < in->rank && start[i] >= in->dims[axis] && start[i] < INT32_MAX)
            want(e->symbols, in, axis, start[i] + 1);
    }
}

static void want_of_split(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    int64_t sum = 0;
    const int64_t along = onnx_int(e->graph, "axis", 0);
    const int axis = (int)(along < 0 ? along + in->rank : along);
    const struct onnx_tensor *split = onnx_eval_input(e, 1);
    const Onnx__AttributeProto *a = onnx_attribute(e->graph, "split");

    if (axis < 0 || axis >= in->rank)
        return;
    for (size_t i = 0; split && split->type == INT64 && i < split->count; i++)
        sum += split->whole[i] > 0 && split->whole[i] < ONNX_VALUES ? split->whole[i] : 0;
    for (size_t i = 0; !split && a && i < a->n_ints; i++)
        sum += a->ints[i] > 0 && a->ints[i] < ONNX_VALUES ? a->ints[i] : 0;
    if (!split && !a)
        sum = (int64_t)e->graph->node->n_output;
    if (sum != in->dims[axis])
        want(e->symbols, in, axis, sum);
}

// ---- What is not followed

// The shapes of the outputs are those for zeros.
static int opaque(struct onnx_eval *e) {
    const Onnx__NodeProto *node = e->graph->node;
    struct onnx_tensor *lifted = calloc(node->n_input + 1, sizeof *lifted);
    int result = lifted ? 0 : onnx_fail(e->graph, "needs more memory than there is");

    for (size_t i = 0; result == 0 && i < node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        if (!is_symbols(in))
            continue;
        const struct onnx_symbol *first =
            in->count > 0 ? onnx_symbol(e->symbols, (int32_t)in->whole[0]) : NULL;
        const bool whole = first && first->kind == SYMBOL_ATOM && e->symbols->bases[first->a].whole;
        result = onnx_eval_create(e, &lifted[i], whole ? INT64 : FLOAT, in->rank, in->dims);
        for (size_t k = 0; result == 0 && k < in->count; k++)
            lifted[i].whole[k] = 0; // which are the same bits in both kinds
    }
    if (result == 0) {
        e->lifted = lifted;
        result = e->graph->row->eval(e);
        e->lifted = NULL;
    }
    for (size_t i = 0; lifted && i < node->n_input; i++)
        onnx_tensor_free(&lifted[i]);
    free(lifted);
    for (size_t i = 0; result == 0 && i < node->n_output; i++) {
        struct onnx_tensor *out = onnx_eval_output(e, i), shape;
        if (!out || !out->type)
            continue;
        shape = *out;
        if (out->type >= ONNX_SYMBOLS)
            return onnx_eval_unsupported(e);
        const bool whole = !onnx_is_real(out->type);
        onnx_tensor_free(out);
        result = onnx_symbol_base(e->symbols, e->budget, onnx_output_index(e->graph, i), whole,
                                  shape.rank, shape.dims, out);
    }
    return result;
}

// With inputs that become symbols where others are.
static int carry(struct onnx_eval *e) {
    const Onnx__NodeProto *node = e->graph->node;
    const bool all = onnx_is(e->graph, "Concat");
    const size_t first = onnx_is(e->graph, "Where") ? 1 : 0;
    const size_t end = all ? node->n_input : first ? 3 : 1;
    struct onnx_tensor *lifted = calloc(node->n_input + 1, sizeof *lifted);
    bool symbols = false;
    int result = lifted ? 0 : onnx_fail(e->graph, "needs more memory than there is");

    for (size_t i = first; i < end; i++)
        symbols = symbols || is_symbols(onnx_eval_input(e, i));
    for (size_t i = first; result == 0 && symbols && i < end && i < node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        if (in && in->type != ONNX_SEQUENCE)
            result = onnx_eval_lift(e, in, true, &lifted[i]);
    }
    if (result == 0) {
        e->lifted = lifted;
        result = e->graph->row->eval(e);
        e->lifted = NULL;
    }
    for (size_t i = 0; lifted && i < node->n_input; i++)
        onnx_tensor_free(&lifted[i]);
    free(lifted);
    return result;
}

// May the inputs that are symbols be so? Others say how elements are moved.
static bool moves_data(const struct onnx_eval *e) {
    const size_t end =
        onnx_is(e->graph, "Concat") || strncmp(e->graph->node->op_type, "Sequence", 8) == 0
            ? e->graph->node->n_input
            : 1;

    for (size_t i = 0; i < e->graph->node->n_input; i++) {
        const bool data = onnx_is(e->graph, "Where") ? i > 0 : i < end;
        if (!data && is_symbols(onnx_eval_input(e, i)))
            return false;
    }
    return true;
}

// ---- Arithmetic. Each returns 1 for what is not followed.

static int32_t quotient(struct onnx_symbols *s, int32_t a, int32_t b) {
    const struct onnx_symbol *by = onnx_symbol(s, b);

    if (by->kind == SYMBOL_CONSTANT)
        return onnx_symbol_scaled(s, a, 1 / by->value);
    return onnx_symbol_product(s, a, onnx_symbol_function(s, FUNCTION_RECIPROCAL, b));
}

static int32_t combine(struct onnx_symbols *s, char op, int32_t a, int32_t b) {
    const bool scaled = onnx_symbol(s, a)->kind == SYMBOL_CONSTANT;

    switch (op) {
    case 'A':
        return onnx_symbol_sum(s, a, b);
    case 'S':
        return onnx_symbol_sum(s, a, onnx_symbol_scaled(s, b, -1));
    case 'M':
        if (scaled || onnx_symbol(s, b)->kind == SYMBOL_CONSTANT)
            return onnx_symbol_scaled(s, scaled ? b : a, onnx_symbol(s, scaled ? a : b)->value);
        return onnx_symbol_product(s, a, b);
    default:
        return quotient(s, a, b);
    }
}

static bool is_data(const struct onnx_tensor *t) {
    return t && (is_symbols(t) || onnx_is_real(t->type));
}

// a op b, stretched to each other.
static int arithmetic(struct onnx_eval *e, char op, const struct onnx_tensor *a,
                      const struct onnx_tensor *b, struct onnx_tensor *out) {
    const struct onnx_tensor *in[2] = {a, b};
    int64_t dims[ONNX_RANK], stride[2][ONNX_RANK];
    int rank;

    if (!onnx_broadcast(a->dims, a->rank, b->dims, b->rank, dims, &rank))
        return onnx_fail(e->graph, "reads values whose shapes do not fit each other");
    if (onnx_eval_create(e, out, ONNX_SYMBOLS, rank, dims) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        onnx_stretch(in[i], rank, dims, stride[i]);
    for (size_t k = 0; k < out->count && !e->symbols->failed; k++) {
        int64_t from[2] = {0, 0}, rest = (int64_t)k;
        for (int axis = rank; axis-- > 0; rest /= dims[axis])
            for (int i = 0; i < 2; i++)
                from[i] += rest % dims[axis] * stride[i][axis];
        out->whole[k] =
            combine(e->symbols, op, at(e, a, (size_t)from[0]), at(e, b, (size_t)from[1]));
    }
    return 0;
}

static int follow_arithmetic(struct onnx_eval *e) {
    const struct onnx_tensor *a = onnx_eval_input(e, 0), *b = onnx_eval_input(e, 1);

    if (!is_data(a) || !is_data(b))
        return 1;
    return arithmetic(e, e->graph->node->op_type[0], a, b, onnx_eval_output(e, 0));
}

static int follow_sum(struct onnx_eval *e) {
    struct onnx_tensor sum = {0};

    for (size_t i = 0; i < e->graph->node->n_input; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        struct onnx_tensor made = {0};
        int result = !is_data(in) ? 1
                     : i == 0     ? onnx_eval_lift(e, in, true, &made)
                                  : arithmetic(e, 'A', &sum, in, &made);
        onnx_tensor_free(&sum);
        if (result != 0) {
            onnx_tensor_free(&made);
            return result;
        }
        sum = made;
    }
    *onnx_eval_output(e, 0) = sum;
    return 0;
}

static int follow_cast(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0), *like = onnx_eval_input(e, 1);
    const bool given = onnx_is(e->graph, "CastLike");
    const int64_t to = given ? (like ? like->type : 0) : onnx_int(e->graph, "to", 0);

    if (!is_symbols(in) || !(onnx_is_real((int)to) || (given && is_symbols(like))))
        return 1;
    for (size_t i = 0; i < in->count; i++) {
        const struct onnx_symbol *n = onnx_symbol(e->symbols, (int32_t)in->whole[i]);
        if (n->kind == SYMBOL_ATOM && e->symbols->bases[n->a].whole)
            return 1;
    }
    *onnx_eval_output(e, 0) = onnx_tensor_share(in);
    return 0;
}

// ---- Functions of single numbers

// A bound of a Clip, or the fallback; false where it is no constant.
static bool bound(const struct onnx_eval *e, size_t input, const char *name, double fallback,
                  double *value) {
    const struct onnx_tensor *t = onnx_eval_input(e, input);

    *value = onnx_attribute(e->graph, name) ? (double)onnx_float(e->graph, name, 0) : fallback;
    if (!t)
        return true;
    if (!onnx_is_real(t->type) || t->count != 1)
        return false;
    *value = t->real[0];
    return true;
}

// low + (high - low) hard((x - low) / (high - low)), or a ReLU.
static int32_t clipped(struct onnx_symbols *s, int32_t x, double low, double high) {
    if (low == 0 && high > 1e30)
        return onnx_symbol_function(s, FUNCTION_RELU, x);
    const int32_t inner = onnx_symbol_scaled(
        s, onnx_symbol_sum(s, x, onnx_symbol_constant(s, -low)), 1 / (high - low));
    const int32_t hard = onnx_symbol_function(s, FUNCTION_HARD, inner);
    return onnx_symbol_sum(s, onnx_symbol_scaled(s, hard, high - low),
                           onnx_symbol_constant(s, low));
}

struct single {
    bool negative, square, clip, hard;
    int function;
    double low, high; // or the factor and offset of a HardSigmoid
};

static int32_t apply(struct onnx_symbols *s, const struct single *f, int32_t x) {
    if (f->negative)
        return onnx_symbol_scaled(s, x, -1);
    if (f->square)
        return onnx_symbol_product(s, x, x);
    if (f->clip)
        return clipped(s, x, f->low, f->high);
    if (f->hard)
        x = onnx_symbol_sum(s, onnx_symbol_scaled(s, x, f->low), onnx_symbol_constant(s, f->high));
    return onnx_symbol_function(s, (enum onnx_function)f->function, x);
}

// What the current node does; false for what is not followed.
static bool find_single(const struct onnx_eval *e, struct single *f) {
    static const struct {
        const char *type;
        enum onnx_function function;
    } others[] = {{"Exp", FUNCTION_EXP}, {"Reciprocal", FUNCTION_RECIPROCAL}};

    memset(f, 0, sizeof *f);
    f->negative = onnx_is(e->graph, "Neg");
    f->clip = onnx_is(e->graph, "Clip");
    f->hard = onnx_is(e->graph, "HardSigmoid");
    f->square = onnx_is(e->graph, "Pow");
    if (f->square) {
        const struct onnx_tensor *power = onnx_eval_input(e, 1);
        return power && power->type < ONNX_SYMBOLS && power->count == 1 &&
               onnx_number(power, 0) == 2;
    }
    if (f->clip)
        return bound(e, 1, "min", -INFINITY, &f->low) && bound(e, 2, "max", INFINITY, &f->high) &&
               ((isfinite(f->low) && isfinite(f->high) && f->low < f->high) ||
                (f->low == 0 && f->high > 1e30));
    if (f->hard) {
        f->low = (double)onnx_float(e->graph, "alpha", 0.2f);
        f->high = (double)onnx_float(e->graph, "beta", 0.5f);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (onnx_is(e->graph, others[i].type)) {
            f->function = (int)others[i].function;
            return true;
        }
    for (int i = 0; i < FUNCTIONS; i++)
        if (onnx_function_name(i) && onnx_is(e->graph, onnx_function_name(i))) {
            f->function = i;
            return true;
        }
    return f->negative;
}

static int follow_function(struct onnx_eval *e) {
    const struct onnx_tensor *in = onnx_eval_input(e, 0);
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    struct single f;

    if (!is_symbols(in) || !find_single(e, &f))
        return 1;
    if (onnx_eval_create(e, out, ONNX_SYMBOLS, in->rank, in->dims) != 0)
        return -1;
    for (size_t i = 0; i < in->count; i++)
        out->whole[i] = apply(e->symbols, &f, (int32_t)in->whole[i]);
    return 0;
}

// ---- The node

static const struct {
    const char *type;
    int (*follow)(struct onnx_eval *e);
} followers[] = {
    {"Add", follow_arithmetic},       {"Cast", follow_cast},
    {"CastLike", follow_cast},        {"Clip", follow_function},
    {"Div", follow_arithmetic},       {"Exp", follow_function},
    {"GRU", onnx_symbolic_recurrent}, {"Gemm", onnx_symbolic_gemm},
    {"HardSigmoid", follow_function}, {"LSTM", onnx_symbolic_recurrent},
    {"Loop", onnx_eval_loop},         {"MatMul", onnx_symbolic_matmul},
    {"Mul", follow_arithmetic},       {"Neg", follow_function},
    {"Pow", follow_function},         {"RNN", onnx_symbolic_recurrent},
    {"Reciprocal", follow_function},  {"Relu", follow_function},
    {"Scan", onnx_eval_scan},         {"Sigmoid", follow_function},
    {"Softplus", follow_function},    {"Softsign", follow_function},
    {"Sub", follow_arithmetic},       {"Sum", follow_sum},
    {"Tanh", follow_function},
};

static int (*find_follower(const struct onnx_operator *row))(struct onnx_eval *) {
    for (size_t i = 0; i < sizeof followers / sizeof *followers; i++)
        if (strcmp(followers[i].type, row->type) == 0)
            return followers[i].follow;
    return NULL;
}

int onnx_symbolic(struct onnx_eval *e) {
    const struct onnx_operator *row = e->graph->row;
    int (*const follow)(struct onnx_eval *) = find_follower(row);
    int result = 1;

    if (follow)
        result = follow(e);
    else if ((onnx_has(e->graph, ONNX_MOVES) || onnx_has(e->graph, ONNX_CARRIES)) &&
             moves_data(e)) {
        if (onnx_is(e->graph, "Slice") && is_symbols(onnx_eval_input(e, 0)))
            want_of_slice(e);
        if (onnx_is(e->graph, "Split") && is_symbols(onnx_eval_input(e, 0)))
            want_of_split(e);
        result = onnx_is(e->graph, "Gather")        ? gather(e)
                 : onnx_has(e->graph, ONNX_CARRIES) ? carry(e)
                                                    : row->eval(e);
    }
    if (result <= 0)
        return result == 0 ? check(e) : -1;
    if (e->outer)
        return onnx_fail(e->graph, "computes in a loop with what depends on the input; this "
                                   "version follows cells that are written with products of "
                                   "matrices, arithmetic, and functions of single numbers there");
    return opaque(e);
}
