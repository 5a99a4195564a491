// SPDX-License-Identifier: Apache-2.0
// Units of cells as expressions: each cell has a row below. Order of operands, 1 - z in all its
// forms and gates that are one minus another do not matter, as products are multiplied out.
#include "onnx_written.h"

#include <string.h>

enum { NEW, BEFORE, ONE, WHATS, MOST_GATES = 2, NO_GATE = -1 };

// Sums of products of gates with what they weigh: number[gates][what], gates in bits.
struct blend {
    int count;
    int32_t gate[MOST_GATES];
    int32_t made;   // the function that is weighed, NEW; or -1
    int32_t before; // the state that is weighed, BEFORE; or -1
    double number[1 << MOST_GATES][WHATS];
};

// A gate as it weighs: itself, or one minus itself; or none.
struct choice {
    int gate;
    bool turned;
};

static bool is_gate(const struct onnx_symbol *n) {
    return n->kind == SYMBOL_FUNCTION && (n->c == FUNCTION_SIGMOID || n->c == FUNCTION_HARD);
}

static bool is_function(const struct onnx_symbol *n) {
    return n->kind == SYMBOL_FUNCTION && onnx_function_name(n->c);
}

// before: the state, -1 where it is not known.
static bool sort(const struct onnx_symbols *s, const uint8_t *stops, const struct onnx_terms *terms,
                 int32_t before, struct blend *b) {
    memset(b, 0, sizeof *b);
    b->made = b->before = -1;
    for (int i = 0; i < terms->count; i++) {
        const struct onnx_term *t = &terms->term[i];
        int bits = 0, what = ONE;
        for (int k = 0; k < t->count; k++) {
            const int32_t f = t->factor[k];
            const struct onnx_symbol *n = onnx_symbol(s, f);
            if (f != before && !stops[f] && is_gate(n)) {
                int g = 0;
                while (g < b->count && b->gate[g] != f)
                    g++;
                if (g == MOST_GATES || bits & 1 << g)
                    return false;
                b->gate[g] = f;
                b->count += g == b->count;
                bits |= 1 << g;
                continue;
            }
            if (what != ONE)
                return false;
            what = f != before && !stops[f] && is_function(n) ? NEW : BEFORE;
            int32_t *known = what == NEW ? &b->made : &b->before;
            if ((*known >= 0 && *known != f) || (what == BEFORE && before >= 0 && f != before) ||
                (what == BEFORE && before < 0 && n->kind != SYMBOL_ATOM && !stops[f]))
                return false;
            *known = f;
        }
        b->number[bits][what] += t->number;
    }
    return true;
}

// number * choice, as numbers of the bits.
static void spread(struct choice c, double number, double out[1 << MOST_GATES]) {
    memset(out, 0, (1 << MOST_GATES) * sizeof *out);
    if (c.gate == NO_GATE)
        return;
    out[0] = c.turned ? number : 0;
    out[1 << c.gate] = c.turned ? -number : number;
}

static bool weighs(const struct blend *b, int what, struct choice c, double number) {
    double wanted[1 << MOST_GATES];

    spread(c, number, wanted);
    for (int i = 0; i < 1 << MOST_GATES; i++)
        if (!onnx_near(b->number[i][what], wanted[i]))
            return false;
    return true;
}

static struct choice choice_of(int index) {
    return (struct choice){index / 2, index % 2 == 1};
}

// Which gate weighs what; number: NULL for 1. NO_GATE where nothing is there.
static bool find_choice(const struct blend *b, int what, double *number, struct choice *c) {
    const struct choice none = {NO_GATE, false};

    for (int i = 0; i < 2 * b->count; i++) {
        *c = choice_of(i);
        if (number)
            *number = c->turned ? b->number[0][what] : b->number[1 << c->gate][what];
        if ((!number || *number != 0) && weighs(b, what, *c, number ? *number : 1))
            return true;
    }
    *c = none;
    if (number)
        *number = 0;
    return weighs(b, what, none, 0);
}

static void set_gate(const struct onnx_symbols *s, struct onnx_unit *u, int place,
                     const struct blend *b, struct choice c) {
    if (c.gate == NO_GATE)
        return;
    const struct onnx_symbol *n = onnx_symbol(s, b->gate[c.gate]);
    u->gate[place].known = true;
    u->gate[place].turned = c.turned;
    u->gate[place].argument = n->a;
    // All gates of a unit must be of one function.
    if (u->function[0] >= 0 && u->function[0] != n->c)
        u->function[0] = FUNCTIONS;
    else
        u->function[0] = n->c;
}

static void set_function(const struct onnx_symbols *s, struct onnx_unit *u, int gate, int which,
                         int32_t function) {
    const struct onnx_symbol *n = onnx_symbol(s, function);

    u->function[which] = n->c;
    u->gate[gate].known = true;
    u->gate[gate].argument = n->a;
}

// f before + i made
static bool find_blend(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol,
                       int32_t before, struct blend *b, struct choice *i, struct choice *f,
                       double *start) {
    struct onnx_terms terms;
    const bool known = before >= 0 && onnx_symbol(s, before)->kind == SYMBOL_CONSTANT;
    struct choice constant;

    if (!onnx_expand(s, stops, symbol, &terms) || !sort(s, stops, &terms, known ? -1 : before, b) ||
        b->made < 0 || !find_choice(b, NEW, NULL, i) || i->gate == NO_GATE ||
        !find_choice(b, BEFORE, NULL, f) || !find_choice(b, ONE, start, &constant))
        return false;
    if (constant.gate == NO_GATE)
        return f->gate != NO_GATE || before < 0 || known;
    if (f->gate != NO_GATE)
        return false;
    *f = constant;
    return true;
}

// h = o act(c), c = f c + i g
static bool match_lstm(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol,
                       int32_t h, int32_t c, struct onnx_unit *u) {
    struct onnx_terms terms;
    struct choice o, i, f;
    struct blend out, in;

    (void)h;
    if (!onnx_expand(s, stops, symbol, &terms) || !sort(s, stops, &terms, -1, &out) ||
        out.count != 1 || out.made < 0 || out.before >= 0 || !find_choice(&out, NEW, NULL, &o) ||
        o.gate == NO_GATE || !weighs(&out, ONE, (struct choice){NO_GATE, false}, 0))
        return false;
    u->cell = onnx_symbol(s, out.made)->a;
    if (!find_blend(s, stops, u->cell, c, &in, &i, &f, &u->start))
        return false;
    set_gate(s, u, 0, &in, i);
    set_gate(s, u, 1, &out, o);
    set_gate(s, u, 2, &in, f);
    set_function(s, u, 3, 1, in.made);
    u->function[2] = onnx_symbol(s, out.made)->c;
    u->before = in.before;
    return true;
}

// h = z h + (1 - z) n
static bool match_gru(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol, int32_t h,
                      int32_t c, struct onnx_unit *u) {
    struct choice i, f;
    struct blend b;

    (void)c;
    if (!find_blend(s, stops, symbol, h, &b, &i, &f, &u->start) || b.count != 1 ||
        (f.gate != NO_GATE && f.turned == i.turned))
        return false;
    set_gate(s, u, 0, &b, (struct choice){i.gate, !i.turned});
    set_function(s, u, 2, 1, b.made);
    u->before = b.before;
    return true;
}

static bool match_rnn(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol, int32_t h,
                      int32_t c, struct onnx_unit *u) {
    (void)stops;
    (void)h;
    (void)c;
    if (!is_function(onnx_symbol(s, symbol)))
        return false;
    set_function(s, u, 0, 0, symbol);
    return true;
}

static const struct {
    enum onnx_written_kind kind;
    bool (*match)(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol, int32_t h,
                  int32_t c, struct onnx_unit *u);
} cells[] = {
    {WRITTEN_LSTM, match_lstm},
    {WRITTEN_GRU, match_gru},
    {WRITTEN_RNN, match_rnn},
};

bool onnx_match_unit(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol, int32_t h,
                     int32_t c, struct onnx_unit *unit) {
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        *unit = (struct onnx_unit){
            .kind = cells[i].kind, .function = {-1, -1, -1}, .cell = -1, .before = -1};
        if (cells[i].match(s, stops, symbol, h, c, unit))
            return true;
    }
    return false;
}
