// SPDX-License-Identifier: Apache-2.0
// Chains of one associative operator become trees in which what is there last passes the fewest
// operators. In a recurrence that is what the iteration before hands on; the rest is put together
// first, ahead of the recurrence. Sums wrap at the width of their type, whatever the order, so the
// result has the same bits.
#include "cycles.h"
#include "ir.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TERMS = 256 };

// What is there first: what stands still while the loop runs, then what later stages can wait for,
// then what the recurrence at hand computes. A register hands its value to the very next iteration,
// a memory to a later one, so what comes back through registers alone is last: a sum of products
// with h among the columns is put together ahead of the accumulator that it goes to.
enum rank { RANK_STILL, RANK_EARLY, RANK_LATE, RANK_NEXT };

struct due {
    enum rank rank;
    double time; // ns from the registers of the rank
};

struct term {
    struct op *op;
    bool negative; // taken from the sum
    struct due due;
};

struct choice { // if `when` holds (NULL: always), else one behind it
    struct op *when, *value;
    bool denied; // if `when` does not hold
    struct due asked, given;
};

struct balance {
    struct compiler *cc;
    struct process *p;
    int count;        // of operations that there were at first
    const int *users; // [count] how often it is looked at
    struct op **user; // [count] by whom, where it is one
    const int *cycle; // [count] the recurrence that it is on, or NO_CYCLE
    const int *loop;  // [count] the same, through registers alone
    struct due *due;  // [count]
    bool moved;
    // The chain at hand.
    struct op *root;
    struct op *node[MAX_TERMS];
    struct term term[MAX_TERMS];
    struct choice choice[MAX_TERMS];
    int nodes, terms;
};

#define SELECT_TIME 0.45
#define LOGIC_TIME 0.4

static double weight(const struct op *op) {
    switch (op->code) {
    case IR_ADD:
    case IR_SUB:
    case IR_NEG:
        return 0.6 + 0.012 * ir_range_bits(op);
    case IR_AND:
    case IR_OR:
    case IR_XOR:
        return ir_is_const(op->in[0], NULL) || ir_is_const(op->in[1], NULL) ? 0 : LOGIC_TIME;
    case IR_EQ:
    case IR_LT:
    case IR_LE:
        return 0.7;
    case IR_SELECT:
        return SELECT_TIME;
    case IR_SHL:
    case IR_SHR:
        return ir_is_const(op->in[1], NULL) ? 0 : 1.35;
    case IR_MUL:
    case IR_MULADD:
        return 10;
    case IR_LOAD:
        return 2;
    case IR_FIELD:
        return 0.6;
    default:
        return ir_is_reduction(op->code) || op->code == IR_DOT ? 5 : 0;
    }
}

static bool is_before(struct due x, struct due y) {
    return x.rank != y.rank ? x.rank < y.rank : x.time < y.time;
}

static struct due later(struct due x, struct due y) {
    return is_before(x, y) ? y : x;
}

static struct due behind(struct due x, double time) {
    return (struct due){x.rank, x.time + time};
}

// When an operand is there, as the operation sees it.
static struct due due_of(const struct balance *b, const struct op *op, const struct op *in) {
    const int cycle = b->cycle[op->id];
    struct due due = b->due[in->id];
    if (b->loop[op->id] != NO_CYCLE && b->loop[in->id] == b->loop[op->id])
        due.rank = RANK_NEXT;
    else if (cycle != NO_CYCLE && b->cycle[in->id] == cycle)
        due.rank = RANK_LATE;
    else if (due.rank > RANK_EARLY)
        due.rank = RANK_EARLY;
    return due;
}

static void find_due(struct balance *b, const struct op *op) {
    struct due due = {RANK_STILL, 0};
    if (op->code == IR_PHI || op->code == IR_INDEX || op->code == IR_READ || op->code == IR_LOAD ||
        op->code == IR_FIELD)
        due.rank = RANK_EARLY;
    if (b->cycle[op->id] != NO_CYCLE)
        due.rank = b->loop[op->id] != NO_CYCLE ? RANK_NEXT : RANK_LATE;
    for (int k = 0; op->code != IR_PHI && k < op->in_count; k++)
        if (op->in[k])
            due = later(due, due_of(b, op, op->in[k]));
    b->due[op->id] = behind(due, op->code == IR_PHI ? 0 : weight(op));
}

// The only operation that looks at it, if there is one.
static struct op *only_user(const struct balance *b, const struct op *op) {
    return b->users[op->id] == 1 ? b->user[op->id] : NULL;
}

static bool is_private(const struct balance *b, const struct op *outer, const struct op *inner) {
    return inner->id < b->count && b->users[inner->id] == 1 &&
           b->cycle[inner->id] == b->cycle[outer->id] && inner->space == outer->space;
}

static struct op *new_op(struct balance *b, enum opcode code, int bits, bool is_signed,
                         int in_count, struct op *const *in) {
    struct process *p = b->p;
    struct op *op = arena_alloc(b->cc, sizeof *op);
    *op = (struct op){.code = code,
                      .bits = bits,
                      .is_signed = is_signed,
                      .in_count = in_count,
                      .in = arena_copy(b->cc, in, (size_t)in_count * sizeof *in),
                      .loc = b->root->loc};
    for (int k = 0; k < in_count; k++)
        op->space |= in[k]->space;
    ir_find_range(p, op);
    ir_append(b->cc, p, op);
    return op;
}

// ---- sums, and the logic of bits

static bool is_sum(const struct op *op) {
    return (op->code == IR_ADD || op->code == IR_SUB) && op->bits > 1;
}

static bool is_chained(const struct op *op) {
    return is_sum(op) || op->code == IR_AND || op->code == IR_OR || op->code == IR_XOR;
}

// Does `outer` go on with what `inner` computes? A sum of a narrower type must not have wrapped.
static bool continues(const struct balance *b, const struct op *outer, const struct op *inner) {
    if (!is_private(b, outer, inner) ||
        (is_sum(outer) ? !is_sum(inner) : inner->code != outer->code))
        return false;
    return inner->bits == outer->bits ||
           (is_sum(inner) && inner->bits < outer->bits && ir_is_exact(inner));
}

static void collect(struct balance *b, struct op *op, bool negative) {
    b->node[b->nodes++] = op;
    for (int k = 0; k < 2; k++) {
        struct op *in = op->in[k];
        const bool minus = negative != (op->code == IR_SUB && k == 1);
        if (b->nodes + b->terms < MAX_TERMS - 2 && continues(b, op, in))
            collect(b, in, minus);
        else
            b->term[b->terms++] = (struct term){in, minus, due_of(b, op, in)};
    }
}

static int first_of(const struct term *term, int count, int but) {
    int found = -1;
    for (int i = 0; i < count; i++)
        if (i != but && (found < 0 || is_before(term[i].due, term[found].due)))
            found = i;
    return found;
}

// The two terms that are there first become one, until one is left. `make`: operations are changed,
// else it is only asked when the result is there.
static struct due join(struct balance *b, bool make) {
    struct term term[MAX_TERMS];
    int count = b->terms, made = 0;
    const bool sum = is_sum(b->root);
    const double step = sum ? weight(b->root) : LOGIC_TIME;
    memcpy(term, b->term, (size_t)count * sizeof *term);
    while (count > 1) {
        const int i = first_of(term, count, -1), k = first_of(term, count, i);
        const struct term *x = &term[i], *y = &term[k];
        if (x->negative && !y->negative) {
            x = &term[k];
            y = &term[i];
        }
        struct term both = {NULL, x->negative && y->negative, behind(later(x->due, y->due), step)};
        if (make) {
            struct op *op = b->node[made++];
            if (sum)
                op->code = y->negative && !x->negative ? IR_SUB : IR_ADD;
            op->in[0] = x->op;
            op->in[1] = y->op;
            both.op = op;
        }
        const int low = i < k ? i : k, high = i < k ? k : i;
        term[low] = both;
        memmove(&term[high], &term[high + 1], (size_t)(count - high - 1) * sizeof *term);
        count--;
    }
    return term[0].due;
}

static int by_id(const void *x, const void *y) {
    const struct op *a = *(struct op *const *)x, *b = *(struct op *const *)y;
    return (a->id > b->id) - (a->id < b->id);
}

static void rebuild(struct balance *b) {
    qsort(b->node, (size_t)b->nodes, sizeof *b->node, by_id); // the root is the last one
    join(b, true);
    for (int i = 0; i < b->nodes; i++) {
        struct op *op = b->node[i];
        if (op != b->root) { // a value that C does not have
            op->bits = b->root->bits;
            op->is_signed = b->root->is_signed;
            op->name = NULL;
            op->space = op->in[0]->space | op->in[1]->space;
            ir_find_range(b->p, op);
        }
        find_due(b, op);
    }
    b->moved = true;
}

// A product that is added once has a DSP for both.
static bool has_product(const struct balance *b) {
    for (int i = 0; i < b->terms; i++)
        if (b->term[i].op->code == IR_MUL)
            return true;
    return false;
}

static void balance_chain(struct balance *b, struct op *op) {
    const struct op *user = only_user(b, op);
    if (user && is_chained(user) && continues(b, user, op))
        return; // it belongs to that one
    b->root = op;
    b->terms = b->nodes = 0;
    collect(b, op, false);
    if (b->terms < 3 || (b->cycle[op->id] == NO_CYCLE && has_product(b)))
        return;
    if (is_before(behind(join(b, false), 0.01), b->due[op->id]))
        rebuild(b);
}

// ---- selections: the first condition that holds decides

static struct op *condition_of(struct balance *b, const struct choice *choice) {
    struct op *c = choice->when;
    if (!choice->denied || !c)
        return c;
    return c->code == IR_NOT ? c->in[0] : new_op(b, IR_NOT, 1, false, 1, &c);
}

// The selection that goes on at one side, behind the condition (`otherwise`) or its opposite.
static struct op *next_selection(const struct balance *b, const struct op *op, bool *otherwise) {
    struct op *found = NULL;
    for (int side = 2; side >= 1; side--) {
        struct op *in = op->in[side];
        if (in->code != IR_SELECT || !is_private(b, op, in))
            continue;
        if (!found || is_before(b->due[found->id], b->due[in->id])) {
            found = in;
            *otherwise = side == 2;
        }
    }
    return found;
}

static void collect_choices(struct balance *b, struct op *op) {
    for (b->terms = 0; op;) {
        bool otherwise = true;
        struct op *next = b->terms < MAX_TERMS - 2 ? next_selection(b, op, &otherwise) : NULL;
        struct op *value = op->in[otherwise ? 1 : 2];
        b->choice[b->terms++] = (struct choice){op->in[0], value, !otherwise,
                                                due_of(b, op, op->in[0]), due_of(b, op, value)};
        if (!next)
            b->choice[b->terms++] =
                (struct choice){.value = op->in[2], .given = due_of(b, op, op->in[2])};
        op = next;
    }
}

static struct due chosen(const struct choice *x, const struct choice *y) {
    return behind(later(later(x->asked, x->given), y->given), SELECT_TIME);
}

// Neighbours become one choice, those first that are there first.
static struct due join_choices(struct balance *b, bool make) {
    struct choice choice[MAX_TERMS];
    int count = b->terms;
    memcpy(choice, b->choice, (size_t)count * sizeof *choice);
    while (count > 1) {
        int at = 0;
        for (int i = 1; i + 1 < count; i++)
            if (is_before(chosen(&choice[i], &choice[i + 1]), chosen(&choice[at], &choice[at + 1])))
                at = i;
        struct choice *x = &choice[at], *y = &choice[at + 1];
        struct choice both = {.given = chosen(x, y)};
        if (at + 2 < count)
            both.asked = behind(later(x->asked, y->asked), LOGIC_TIME);
        if (make) {
            struct op *const in[3] = {condition_of(b, x), x->value, y->value};
            if (count == 2)
                memcpy(b->root->in, in, sizeof in);
            else
                both.value = new_op(b, IR_SELECT, b->root->bits, b->root->is_signed, 3, in);
            if (at + 2 < count)
                both.when =
                    new_op(b, IR_OR, 1, false, 2, (struct op *[]){in[0], condition_of(b, y)});
        }
        *x = both;
        memmove(y, y + 1, (size_t)(count - at - 2) * sizeof *choice);
        count--;
    }
    return choice[0].given;
}

static void balance_choices(struct balance *b, struct op *op) {
    const struct op *user = only_user(b, op);
    if (b->cycle[op->id] == NO_CYCLE ||
        (user && user->code == IR_SELECT && user->in[0] != op && is_private(b, user, op)))
        return;
    b->root = op;
    collect_choices(b, op);
    if (b->terms < 4 || !is_before(behind(join_choices(b, false), 0.01), b->due[op->id]))
        return;
    const struct due due = join_choices(b, true);
    b->due[op->id] = due;
    b->moved = true;
}

void balance_chains(struct compiler *cc, struct process *p) {
    const size_t count = (size_t)p->op_count + 1;
    struct balance *b = arena_alloc(cc, sizeof *b);
    *b = (struct balance){.cc = cc,
                          .p = p,
                          .count = p->op_count,
                          .users = ir_count_users(cc, p),
                          .user = arena_alloc(cc, count * sizeof *b->user),
                          .cycle = find_cycles(cc, p, true),
                          .loop = find_cycles(cc, p, false),
                          .due = arena_alloc(cc, count * sizeof *b->due)};
    for (int i = 0; i < b->count; i++)
        for (int k = 0; b->users[i] && !p->ops[i]->alias && k < p->ops[i]->in_count; k++)
            if (p->ops[i]->in[k])
                b->user[p->ops[i]->in[k]->id] = p->ops[i];
    for (int i = 0; i < b->count; i++) {
        struct op *op = p->ops[i];
        if (op->alias || !b->users[i])
            continue;
        find_due(b, op);
        if (is_chained(op))
            balance_chain(b, op);
        else if (op->code == IR_SELECT)
            balance_choices(b, op);
    }
    if (b->moved)
        ir_renumber(cc, p, b->count);
}
