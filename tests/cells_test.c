// SPDX-License-Identifier: Apache-2.0
// Layers of every cell, run as the C that they are, against the cells written down once more in
// plain integers, bit for bit: states that are kept, reset, saved, written back and written anew;
// rows and units that fill no vector; more and fewer inputs than a step has time for.
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The probes of the layer that ran last.
static const uint64_t *probe_cut, *probe_past;
static void note_probe(const char *name, const uint64_t *address) {
    *(strcmp(name, "cut") ? &probe_past : &probe_cut) = address;
}
#define HLS_ON_PROBE(process, name, address) note_probe(name, address)

#include "activation_tables.h"
#include "frame/words.h"
#include "mr_command.h"

#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-label"

MR_VECTOR(1)
MR_VECTOR(2)
MR_VECTOR(3)
MR_VECTOR(5)

// A layer's call with the FIFOs of any type of vector.
#define CALL(name, LC)                                                                             \
    static void name##_call(struct ports *p, uint32_t command, uint32_t steps, uint32_t total,     \
                            uint32_t flags) {                                                      \
        hls_stream(beat_t) weights = {p->weights};                                                 \
        hls_stream(vec##LC##_t) x = {p->x}, h = {p->h};                                            \
        hls_stream(unit_state_t) state = {p->state};                                               \
        name(&weights, &x, &h, &state, command, steps, total, flags);                              \
        *p = (struct ports){weights.fifo, x.fifo, h.fifo, state.fifo};                             \
    }

struct ports {
    struct hls_fifo weights, x, h, state;
};

#include "cells/gru.h"
#include "cells/gru_reset_first.h"
#include "cells/lstm.h"
#include "cells/rnn.h"

#define LAYER lstm_14x9_2
#define LAYER_CELL lstm
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_CELL_EXPONENT 2
#include "frame/layer.h"
CALL(lstm_14x9_2, 2)
#define LAYER lstm_30x5_1
#define LAYER_CELL lstm
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 5
#define LAYER_LC 1
#define LAYER_CELL_EXPONENT 16
#include "frame/layer.h"
CALL(lstm_30x5_1, 1)
#define LAYER gru_3x9_2
#define LAYER_CELL gru
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(gru_3x9_2, 2)
#define LAYER gru_30x7_1
#define LAYER_CELL gru
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 7
#define LAYER_LC 1
#include "frame/layer.h"
CALL(gru_30x7_1, 1)
#define LAYER gru_14x13_5
#define LAYER_CELL gru
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 13
#define LAYER_LC 5
#include "frame/layer.h"
CALL(gru_14x13_5, 5)
#define LAYER gru_1x1_1
#define LAYER_CELL gru
#define LAYER_INPUTS 1
#define LAYER_HIDDEN 1
#define LAYER_LC 1
#include "frame/layer.h"
CALL(gru_1x1_1, 1)
#define LAYER gru_reset_first_3x9_2
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(gru_reset_first_3x9_2, 2)
#define LAYER gru_reset_first_40x7_1
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 40
#define LAYER_HIDDEN 7
#define LAYER_LC 1
#include "frame/layer.h"
CALL(gru_reset_first_40x7_1, 1)
#define LAYER gru_reset_first_14x13_5
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 13
#define LAYER_LC 5
#include "frame/layer.h"
CALL(gru_reset_first_14x13_5, 5)
#define LAYER gru_reset_first_16x15_3
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 16
#define LAYER_HIDDEN 15
#define LAYER_LC 3
#include "frame/layer.h"
CALL(gru_reset_first_16x15_3, 3)
#define LAYER rnn_tanh_14x9_2
#define LAYER_CELL rnn_tanh
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(rnn_tanh_14x9_2, 2)
#define LAYER rnn_tanh_3x5_5
#define LAYER_CELL rnn_tanh
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 5
#define LAYER_LC 5
#include "frame/layer.h"
CALL(rnn_tanh_3x5_5, 5)
#define LAYER rnn_relu_14x9_2
#define LAYER_CELL rnn_relu
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(rnn_relu_14x9_2, 2)
#define LAYER rnn_relu_30x7_1
#define LAYER_CELL rnn_relu
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 7
#define LAYER_LC 1
#include "frame/layer.h"
CALL(rnn_relu_30x7_1, 1)

// ---- the reference

struct reference;
typedef void step_of(struct reference *, int unit, const int64_t *columns, int64_t *h);

struct layer {
    const char *name;
    void (*call)(struct ports *, uint32_t, uint32_t, uint32_t, uint32_t);
    step_of *step;
    int inputs, hidden, lc, exponent, gates, sums;
    bool has_cell, counts;
};

enum { MOST_UNITS = 16, MOST_COLUMNS = 96, MOST_SUMS = 4, SEQUENCE = 12 };

struct row { // of a gate and unit
    int16_t w[MOST_COLUMNS];
};

struct reference {
    const struct layer *layer;
    struct row row[MOST_SUMS][MOST_UNITS];
    int64_t bias[MOST_SUMS][MOST_UNITS];
    int shift[MOST_SUMS][MOST_UNITS];
    int64_t h[MOST_UNITS], c[MOST_UNITS];
    uint64_t cut, past;
};

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

// As activation_tables.h says.
static int64_t curve(const int32_t *base, const int16_t *slope, int64_t argument) {
    const int64_t arg = clamp(argument, -(1 << 19), (1 << 19) - 1) + (1 << 19);
    return (base[arg / 1024] * (int64_t)1024 + slope[arg / 1024] * (arg % 1024) + 2048) >> 12;
}

static int64_t sigmoid(int64_t sum) {
    return curve(mr_sigmoid_base, mr_sigmoid_slope, sum);
}

static int64_t squash(int64_t sum) {
    return curve(mr_tanh_base, mr_tanh_slope, sum);
}

// Columns `from` to `to` of [x ; h] in a gate's row.
static int64_t part(const struct reference *r, int gate, int unit, const int64_t *columns, int from,
                    int to) {
    int64_t sum = 0;
    for (int k = from; k < to; k++)
        sum += r->row[gate][unit].w[k] * columns[k];
    return sum;
}

static int64_t scaled(const struct reference *r, int sum, int unit, int64_t total) {
    return (total + r->bias[sum][unit]) >> r->shift[sum][unit];
}

static int64_t whole(const struct reference *r, int gate, int unit, const int64_t *columns) {
    return scaled(r, gate, unit,
                  part(r, gate, unit, columns, 0, r->layer->inputs + r->layer->hidden));
}

static void lstm_step(struct reference *r, int u, const int64_t *columns, int64_t *h) {
    const int e = r->layer->exponent;
    const int64_t i = sigmoid(whole(r, 0, u, columns)), f = sigmoid(whole(r, 1, u, columns));
    const int64_t g = squash(whole(r, 2, u, columns)), o = sigmoid(whole(r, 3, u, columns));
    const int64_t exact = f * r->c[u] * ((int64_t)1 << e) + 2 * i * g + ((int64_t)16384 << e);
    const int64_t c = exact >> (15 + e), most = (1 << 23) - 1, limit = 1 << (19 - e);
    r->c[u] = clamp(c, -most - 1, most);
    r->cut += c != r->c[u];
    r->past += (uint64_t)llabs(c - r->c[u]);
    h[u] = (o * squash(clamp(c, -limit, limit - 1) * ((int64_t)1 << e)) + 16384) >> 15;
}

static int64_t mix(int64_t z, int64_t n, int64_t h) {
    return ((32768 - z) * n + z * h + 16384) >> 15;
}

static void gru_step(struct reference *r, int u, const int64_t *columns, int64_t *h) {
    const int inputs = r->layer->inputs, all = inputs + r->layer->hidden;
    const int64_t most = (1 << 26) - 1;
    const int64_t reset = sigmoid(whole(r, 0, u, columns)), z = sigmoid(whole(r, 1, u, columns));
    const int64_t x = clamp(scaled(r, 2, u, part(r, 2, u, columns, 0, inputs)), -most - 1, most);
    const int64_t back =
        clamp(scaled(r, 3, u, part(r, 2, u, columns, inputs, all)), -most - 1, most);
    h[u] = mix(z, squash(x + ((reset * back + 16384) >> 15)), r->h[u]);
}

static void gru_reset_first_step(struct reference *r, int u, const int64_t *columns, int64_t *h) {
    int64_t reset[MOST_COLUMNS];
    const int inputs = r->layer->inputs;
    memcpy(reset, columns, sizeof reset);
    for (int k = 0; k < r->layer->hidden; k++)
        reset[inputs + k] = (sigmoid(whole(r, 0, k, columns)) * r->h[k] + 16384) >> 15;
    h[u] = mix(sigmoid(whole(r, 1, u, columns)), squash(whole(r, 2, u, reset)), r->h[u]);
}

static void rnn_tanh_step(struct reference *r, int u, const int64_t *columns, int64_t *h) {
    h[u] = squash(whole(r, 0, u, columns));
}

static void rnn_relu_step(struct reference *r, int u, const int64_t *columns, int64_t *h) {
    const int64_t sum = whole(r, 0, u, columns);
    h[u] = clamp(sum, 0, 32767);
    r->cut += sum > 32767;
    r->past += sum > 32767 ? (uint64_t)clamp(sum, 0, INT32_MAX) - 32767 : 0;
}

static void step(struct reference *r, const int16_t *x) {
    int64_t columns[MOST_COLUMNS] = {0}, h[MOST_UNITS];
    for (int k = 0; k < r->layer->inputs; k++)
        columns[k] = x[k];
    for (int u = 0; u < r->layer->hidden; u++)
        columns[r->layer->inputs + u] = r->h[u];
    for (int u = 0; u < r->layer->hidden; u++)
        r->layer->step(r, u, columns, h);
    memcpy(r->h, h, sizeof h);
}

#define OF(name, cell, I, H, LC, exponent)                                                         \
    {                                                                                              \
#        name, name##_call, cell##_step, I, H, LC, exponent, cell##_GATES,                         \
            cell##_GATES + cell##_SPLIT, cell##_HAS_CELL, cell##_COUNTS                            \
    }
static const struct layer layers[] = {
    OF(lstm_14x9_2, lstm, 14, 9, 2, 2),
    OF(lstm_30x5_1, lstm, 30, 5, 1, 16),
    OF(gru_3x9_2, gru, 3, 9, 2, 0),
    OF(gru_30x7_1, gru, 30, 7, 1, 0),
    OF(gru_14x13_5, gru, 14, 13, 5, 0),
    OF(gru_1x1_1, gru, 1, 1, 1, 0),
    OF(gru_reset_first_3x9_2, gru_reset_first, 3, 9, 2, 0),
    OF(gru_reset_first_40x7_1, gru_reset_first, 40, 7, 1, 0),
    OF(gru_reset_first_14x13_5, gru_reset_first, 14, 13, 5, 0),
    OF(gru_reset_first_16x15_3, gru_reset_first, 16, 15, 3, 0),
    OF(rnn_tanh_14x9_2, rnn_tanh, 14, 9, 2, 0),
    OF(rnn_tanh_3x5_5, rnn_tanh, 3, 5, 5, 0),
    OF(rnn_relu_14x9_2, rnn_relu, 14, 9, 2, 0),
    OF(rnn_relu_30x7_1, rnn_relu, 30, 7, 1, 0),
};

// ---- the kernel's streams

static uint64_t random_state;

static int64_t between(int64_t low, int64_t high) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return low + (int64_t)(random_state % (uint64_t)(high - low + 1));
}

static int words_of(int count, int lc) {
    return (count + lc - 1) / lc;
}

static void push_beat(struct hls_fifo *fifo, const int16_t *v, int count) {
    int16_t beat[MR_BEAT] = {0};
    memcpy(beat, v, (size_t)count * sizeof *v);
    hls_fifo_push(fifo, beat, sizeof beat);
}

static void push_weights(const struct reference *r, struct hls_fifo *fifo) {
    const struct layer *l = r->layer;
    const int x_words = words_of(l->inputs, l->lc), h_words = words_of(l->hidden, l->lc);
    const int size = l->gates * l->lc, shared = size <= MR_BEAT ? MR_BEAT / size : 1;
    int16_t beats[4 * MR_BEAT] = {0};
    int taken = 0;
    for (int u = 0; u < l->hidden; u++)
        for (int word = 0; word < x_words + h_words; word++) {
            for (int e = 0; e < size; e++) {
                const int gate = e / l->lc, c = e % l->lc;
                const int k = word < x_words ? word * l->lc + c : (word - x_words) * l->lc + c;
                const bool there = k < (word < x_words ? l->inputs : l->hidden);
                beats[taken * size + e] =
                    there ? r->row[gate][u].w[word < x_words ? k : l->inputs + k] : 0;
            }
            const bool end = u == l->hidden - 1 && word == x_words + h_words - 1;
            if (++taken == shared || end) {
                for (int at = 0; at < taken * size; at += MR_BEAT)
                    push_beat(fifo, beats + at, MR_BEAT);
                memset(beats, 0, sizeof beats);
                taken = 0;
            }
        }
    for (int u = 0; u < h_words * l->lc; u++) {
        int16_t v[MR_BEAT] = {0};
        for (int s = 0; u < l->hidden && s < l->sums; s++) {
            for (int p = 0; p < 3; p++)
                v[4 * s + p] = (int16_t)(r->bias[s][u] >> (16 * p));
            v[4 * s + 3] = (int16_t)r->shift[s][u];
        }
        push_beat(fifo, v, MR_BEAT);
    }
}

static void random_layer(struct reference *r) {
    const struct layer *l = r->layer;
    const int columns = l->inputs + l->hidden;
    for (int g = 0; g < l->gates; g++)
        for (int u = 0; u < l->hidden; u++)
            for (int k = 0; k < columns; k++)
                r->row[g][u].w[k] = (int16_t)between(-32768, 32767) >> between(0, 4);
    // From sums that stay small to those that are cut.
    for (int s = 0; s < l->sums; s++)
        for (int u = 0; u < l->hidden; u++) {
            const bool far = between(0, 1);
            const int64_t reach = (int64_t)1 << (far ? 40 : between(0, 36));
            r->shift[s][u] = (int)between(3, far ? 10 : 20);
            r->bias[s][u] = between(-reach, reach);
        }
}

static void run(const struct layer *l, struct ports *p, uint32_t command, int steps, int total,
                uint32_t flags) {
    l->call(p, command, (uint32_t)steps, (uint32_t)total, flags);
    ck_assert_msg(!p->weights.failed && !p->x.failed, "%s reads more than there is", l->name);
    ck_assert_msg(p->weights.head == p->weights.tail && p->x.head == p->x.tail,
                  "%s leaves something", l->name);
}

static void push_x(const struct layer *l, struct ports *p, const int16_t *x, int total) {
    const int padded = words_of(l->inputs, l->lc) * l->lc;
    for (int t = 0; t < total; t++)
        for (int k = 0; k < padded; k++) {
            const int16_t v = k < l->inputs ? x[t * l->inputs + k] : 0;
            hls_fifo_push(&p->x, &v, sizeof v);
        }
}

// Runs both on the same rows and compares all that the layer gives.
static void check_run(struct reference *r, struct ports *p, const int16_t *x, int steps, int total,
                      bool reset) {
    const struct layer *l = r->layer;
    const int padded = words_of(l->hidden, l->lc) * l->lc;
    push_x(l, p, x, total);
    run(l, p, MR_COMMAND_RUN, steps, total, reset ? MR_FLAG_RESET : 0);
    r->cut = r->past = 0;
    for (int t = 0; t < total; t++) {
        if (reset && t % steps == 0) {
            memset(r->h, 0, sizeof r->h);
            memset(r->c, 0, sizeof r->c);
        }
        step(r, x + t * l->inputs);
        for (int u = 0; u < padded; u++) {
            int16_t given;
            hls_fifo_pop(&p->h, &given, sizeof given);
            const int64_t wanted = u < l->hidden ? r->h[u] : 0;
            ck_assert_msg(given == wanted, "%s, step %d, unit %d: %d, not %d", l->name, t, u, given,
                          (int)wanted);
        }
    }
    ck_assert_msg(!p->h.failed && p->h.head == p->h.tail, "%s gives another count", l->name);
    if (l->counts) {
        ck_assert_uint_eq(*probe_cut, r->cut);
        ck_assert_uint_eq(*probe_past, r->past);
    }
}

static void check_state(struct reference *r, struct ports *p) {
    const struct layer *l = r->layer;
    run(l, p, MR_COMMAND_READ_STATE, 0, 0, 0);
    for (int u = 0; u < words_of(l->hidden, l->lc) * l->lc; u++) {
        unit_state_t unit;
        hls_fifo_pop(&p->state, &unit, sizeof unit);
        ck_assert_int_eq(unit.h, u < l->hidden ? r->h[u] : 0);
        ck_assert_int_eq(unit.cell, u < l->hidden ? r->c[u] : 0);
    }
    ck_assert(!p->state.failed && p->state.head == p->state.tail);
}

static void write_state(struct reference *r, struct ports *p) {
    const struct layer *l = r->layer;
    for (int u = 0; u < words_of(l->hidden, l->lc) * l->lc; u++) {
        const int64_t c = u < l->hidden ? r->c[u] : 0;
        const int16_t v[3] = {(int16_t)(u < l->hidden ? r->h[u] : 0), (int16_t)(c & 65535),
                              (int16_t)(c >> 16)};
        push_beat(&p->weights, v, 3);
    }
    run(l, p, MR_COMMAND_WRITE_STATE, 0, 0, 0);
}

START_TEST(layer_computes_the_reference) {
    static struct reference r, saved;
    struct ports p;
    int16_t x[SEQUENCE * MOST_COLUMNS];
    memset(&r, 0, sizeof r);
    memset(&p, 0, sizeof p);
    r.layer = &layers[_i];
    random_state = 4711 + (uint64_t)_i;
    printf("cells_test: %s, seed %llu\n", r.layer->name, (unsigned long long)random_state);
    for (int round = 0; round < 6; round++) {
        random_layer(&r);
        push_weights(&r, &p.weights);
        run(r.layer, &p, MR_COMMAND_LOAD, 0, 0, 0);
        for (int i = 0; i < SEQUENCE * MOST_COLUMNS; i++)
            x[i] = (int16_t)(between(-32768, 32767) >> between(0, 8));
        check_run(&r, &p, x, 4, SEQUENCE, true); // three sequences
        check_state(&r, &p);
        saved = r;
        check_run(&r, &p, x, 3, 7, false); // on from there
        check_state(&r, &p);
        memcpy(r.h, saved.h, sizeof r.h); // and once more, back from where it was saved
        memcpy(r.c, saved.c, sizeof r.c);
        write_state(&r, &p);
        check_run(&r, &p, x, 1, 1, false);
        check_run(&r, &p, x + r.layer->inputs, 6, 6, false);
        for (int u = 0; u < r.layer->hidden; u++) { // any state
            r.h[u] = u % 3 ? between(-32768, 32767) : between(0, 1) ? -32768 : 32767;
            r.c[u] = r.layer->has_cell ? between(-(1 << 23), (1 << 23) - 1) : 0;
        }
        write_state(&r, &p);
        check_state(&r, &p);
        check_run(&r, &p, x, 5, 5, false);
        check_run(&r, &p, x, 2, 0, true); // nothing
        check_state(&r, &p);
        check_run(&r, &p, x, 1, 3, true); // a sequence a step
    }
    hls_fifo_free(&p.weights);
    hls_fifo_free(&p.x);
    hls_fifo_free(&p.h);
    hls_fifo_free(&p.state);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cells");
    TCase *tests = tcase_create("cells");
    tcase_add_loop_test(tests, layer_computes_the_reference, 0,
                        (int)(sizeof layers / sizeof *layers));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures != 0;
}
