// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the float32 trainer (float32_parts.h), written once for vectors of any length.
// A file that includes it compiles it for one kind of processor, and defines before:
//     NAME           of the table of functions, and in a string NAME_TEXT
//     ON             the attribute of functions for that processor, or nothing
//     LANES          floats of a vector; vec and ivec are vectors of float and int32_t
//     ROWS           rows of a tile at most: as many sums as there are registers for, less two
//     STEPS_ROWS     rows of a tile of STEPS steps at most
//     OUTER_SUMS     of an outer product's tile, with OUTER_VECTORS vectors of columns at most
//     turn_block     (from, to, to_pitch): turns LANES rows of LANES floats, of rows of 16
//     MULTIPLY_ADD, LEAST, GREATEST, DIVIDE, ROOT, SUM_OF  of vectors; GREATEST and LEAST give
//                    their second operand where the first is no number
//     LOAD_PART, STORE_PART  of the first so many floats of a vector; what is loaded has 0 behind
#include "float32_parts.h"
#include "train_draw.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define UNIT static inline __attribute__((always_inline)) ON

typedef double wide __attribute__((vector_size(64)));

UNIT vec load(const float *at) {
    vec v;
    memcpy(&v, at, sizeof v);
    return v;
}

UNIT void store(float *at, vec v) {
    memcpy(at, &v, sizeof v);
}

UNIT vec all(float x) {
    return x - (vec){0};
}

// ---- functions

// exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1) with x = n ln 2 + r; exact near 0. x: up to +-87
UNIT vec exp_less_one(vec x) {
    const vec magic = all(12582912.0F); // behind which a sum has its whole part in its last bits
    const vec shifted = MULTIPLY_ADD(x, all(1.44269504F), magic);
    const vec n = shifted - magic;
    const vec r = MULTIPLY_ADD(n, all(1.42860677e-6F), MULTIPLY_ADD(n, all(-0.693148613F), x));
    ivec bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + 0x3f800000;
    vec power;
    memcpy(&power, &bits, sizeof power);
    vec p = all(1.98412698e-4F);
    p = MULTIPLY_ADD(p, r, all(1.38888889e-3F));
    p = MULTIPLY_ADD(p, r, all(8.33333333e-3F));
    p = MULTIPLY_ADD(p, r, all(4.16666667e-2F));
    p = MULTIPLY_ADD(p, r, all(1.66666667e-1F));
    p = MULTIPLY_ADD(p, r, all(0.5F));
    p = MULTIPLY_ADD(p * r, r, r);
    return MULTIPLY_ADD(power, p, power - 1);
}

UNIT vec clipped(vec x, float limit) {
    return LEAST(all(limit), GREATEST(all(-limit), x));
}

UNIT vec tanh_of(vec x) {
    const vec e = exp_less_one(clipped(x + x, 40));
    return DIVIDE(e, e + 2);
}

UNIT vec sigmoid_of(vec x) {
    const vec e = exp_less_one(clipped(x, 80));
    return DIVIDE(e + 1, e + 2);
}

// ---- products

#define EACH_1(X) X(0)
#define EACH_2(X) EACH_1(X) X(1)
#define EACH_3(X) EACH_2(X) X(2)
#define EACH_4(X) EACH_3(X) X(3)
#define EACH_5(X) EACH_4(X) X(4)
#define EACH_6(X) EACH_5(X) X(5)
#define EACH_7(X) EACH_6(X) X(6)
#define EACH_8(X) EACH_7(X) X(7)
#define EACH_9(X) EACH_8(X) X(8)
#define EACH_10(X) EACH_9(X) X(9)
#define EACH_11(X) EACH_10(X) X(10)
#define EACH_12(X) EACH_11(X) X(11)
#define EACH_13(X) EACH_12(X) X(12)
#define EACH_14(X) EACH_13(X) X(13)
#define EACH_15(X) EACH_14(X) X(14)
#define EACH_16(X) EACH_15(X) X(15)
#define EACH_17(X) EACH_16(X) X(16)
#define EACH_18(X) EACH_17(X) X(17)
#define EACH_19(X) EACH_18(X) X(18)
#define EACH_20(X) EACH_19(X) X(19)
#define EACH_21(X) EACH_20(X) X(20)
#define EACH_22(X) EACH_21(X) X(21)
#define EACH_23(X) EACH_22(X) X(22)
#define EACH_24(X) EACH_23(X) X(23)
#define EACH_25(X) EACH_24(X) X(24)

// So many rows of out, (rows, 16), of which `valid` are written.
typedef void tile_function(const struct mr_product *products, int count, int tile,
                           const float *bias, float *out, int valid);

#define BEGIN(r) vec sum##r = all(bias && r < valid ? bias[r] : 0);
#define ADD_OLD(r)                                                                                 \
    if (r < valid)                                                                                 \
        sum##r = load(out + (r)*MR_SLICE + lane);
#define STEP(r) sum##r = MULTIPLY_ADD(all(w[r]), v, sum##r);
#define END(r)                                                                                     \
    if (r < valid)                                                                                 \
        store(out + (r)*MR_SLICE + lane, sum##r);
#define TILE(R)                                                                                    \
    ON static void tile_##R(const struct mr_product *products, int count, int tile,                \
                            const float *bias, float *out, int valid) {                            \
        for (int lane = 0; lane < MR_SLICE; lane += LANES) {                                       \
            EACH_##R(BEGIN) if (!bias) {                                                           \
                EACH_##R(ADD_OLD)                                                                  \
            }                                                                                      \
            for (int i = 0; i < count; i++) {                                                      \
                const struct mr_panel *panel = products[i].panel;                                  \
                const float *w =                                                                   \
                    panel->data +                                                                  \
                    ((size_t)tile * (size_t)panel->columns + (size_t)products[i].first) * R;       \
                const float *at = products[i].v + lane;                                            \
                for (int k = 0; k < products[i].count; k++, w += R, at += MR_SLICE) {              \
                    const vec v = load(at);                                                        \
                    EACH_##R(STEP)                                                                 \
                }                                                                                  \
            }                                                                                      \
            EACH_##R(END)                                                                          \
        }                                                                                          \
    }

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)
TILE(9)
TILE(10)
TILE(11)
TILE(12)
#if ROWS > 12
TILE(13)
TILE(14)
TILE(15)
TILE(16)
TILE(17)
TILE(18)
TILE(19)
TILE(20)
TILE(21)
TILE(22)
TILE(23)
TILE(24)
TILE(25)
#endif

static tile_function *const tile_functions[ROWS + 1] = {
    NULL,    tile_1,  tile_2,  tile_3,  tile_4,  tile_5,  tile_6,
    tile_7,  tile_8,  tile_9,  tile_10, tile_11, tile_12,
#if ROWS > 12
    tile_13, tile_14, tile_15, tile_16, tile_17, tile_18, tile_19,
    tile_20, tile_21, tile_22, tile_23, tile_24, tile_25,
#endif
};

static void multiply(const struct mr_product *products, int count, const float *bias, float *out) {
    const struct mr_panel *panel = products[0].panel;
    const int rows = panel->rows, tile = panel->tile;

    for (int i = 0; i < panel->tiles; i++) {
        const int first = i * tile, valid = rows - first < tile ? rows - first : tile;
        tile_functions[tile](products, count, i, bias ? bias + first : NULL,
                             out + (size_t)first * MR_SLICE, valid);
    }
}

// Tiles of so many steps, for which a weight is read once.
enum { STEPS = 4 };

// A tile of rows that the compiler knows, as `steps`, which are up to STEPS.
UNIT void steps_tile(const struct mr_panel *panel, int tile, int rows, const float *v,
                     size_t v_step, const float *bias, float *out, size_t out_step, int steps) {
    const int first = tile * rows;
    const int valid = panel->rows - first < rows ? panel->rows - first : rows;

    for (int lane = 0; lane < MR_SLICE; lane += LANES) {
        const float *w = panel->data + (size_t)first * (size_t)panel->columns, *at = v + lane;
        vec sum[STEPS_ROWS * STEPS];
#pragma GCC unroll 32
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 32
            for (int s = 0; s < steps; s++)
                sum[r * steps + s] = all(bias && r < valid ? bias[first + r] : 0);
        for (int k = 0; k < panel->columns; k++, w += rows, at += MR_SLICE) {
#pragma GCC unroll 32
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 32
                for (int s = 0; s < steps; s++)
                    sum[r * steps + s] =
                        MULTIPLY_ADD(all(w[r]), load(at + (size_t)s * v_step), sum[r * steps + s]);
        }
#pragma GCC unroll 32
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 32
            for (int s = 0; s < steps; s++)
                if (r < valid)
                    store(out + (size_t)s * out_step + (first + r) * MR_SLICE + lane,
                          sum[r * steps + s]);
    }
}

#define STEPS_TILE(R)                                                                              \
    ON static void steps_tile_##R(const struct mr_panel *panel, int tile, const float *v,          \
                                  size_t v_step, const float *bias, float *out, size_t out_step,   \
                                  bool several) {                                                  \
        if (several)                                                                               \
            steps_tile(panel, tile, R, v, v_step, bias, out, out_step, STEPS);                     \
        else                                                                                       \
            steps_tile(panel, tile, R, v, v_step, bias, out, out_step, 1);                         \
    }

STEPS_TILE(1)
STEPS_TILE(2)
STEPS_TILE(3)
#if STEPS_ROWS > 3
STEPS_TILE(4)
STEPS_TILE(5)
STEPS_TILE(6)
#endif

static void (*const steps_functions[STEPS_ROWS + 1])(const struct mr_panel *, int, const float *,
                                                     size_t, const float *, float *, size_t,
                                                     bool) = {
    NULL,         steps_tile_1, steps_tile_2, steps_tile_3,
#if STEPS_ROWS > 3
    steps_tile_4, steps_tile_5, steps_tile_6,
#endif
};

// The last steps overlap those before, and give the same again.
static void multiply_steps(const struct mr_panel *panel, const float *v, size_t v_step,
                           const float *bias, float *out, size_t out_step, size_t steps) {
    const bool several = steps >= STEPS;
    const size_t by = several ? STEPS : 1;

    for (size_t t = 0; t < steps; t += by) {
        const size_t first = t + by > steps ? steps - by : t;
        for (int i = 0; i < panel->tiles; i++)
            steps_functions[panel->tile](panel, i, v + first * v_step, v_step, bias,
                                         out + first * out_step, out_step, several);
    }
}

// ---- outer products

// So many steps of so many columns at a time are turned and stay in the cache: (steps, 16, WIDE).
enum { TOGETHER = 8, WIDE = OUTER_VECTORS * LANES };

ON static void turn(const float *b, size_t b_step, int columns, size_t steps, float *turned) {
    for (size_t t = 0; t < steps; t++, b += b_step, turned += MR_SLICE * WIDE) {
        int c = 0;
        for (; c + LANES <= columns; c += LANES)
            for (int n = 0; n < MR_SLICE; n += LANES)
                turn_block(b + c * MR_SLICE + n, turned + n * WIDE + c, WIDE);
        for (; c < columns; c++)
            for (int n = 0; n < MR_SLICE; n++)
                turned[n * WIDE + c] = b[c * MR_SLICE + n];
    }
}

struct outer_work {
    const float *a, *turned;
    size_t a_step, steps;
    float *gradient;
    size_t pitch;
    int last;    // columns of the last vector
    bool begins; // else it is added to what is there
};

// A tile of the gradient, of rows and vectors that the compiler knows.
UNIT void outer_tile(const struct outer_work *w, size_t first, int rows, int vectors) {
    const float *a = w->a + first * MR_SLICE, *turned = w->turned;
    float *to = w->gradient + first * w->pitch;
    vec sum[OUTER_SUMS];

#pragma GCC unroll 32
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 32
        for (int v = 0; v < vectors; v++) {
            const float *at = to + (size_t)r * w->pitch + v * LANES;
            sum[r * vectors + v] = w->begins         ? all(0)
                                   : v < vectors - 1 ? load(at)
                                                     : LOAD_PART(at, w->last);
        }
    for (size_t t = 0; t < w->steps; t++, a += w->a_step)
        for (int n = 0; n < MR_SLICE; n++, turned += WIDE) {
            vec column[OUTER_VECTORS];
#pragma GCC unroll 32
            for (int v = 0; v < vectors; v++)
                column[v] = load(turned + v * LANES);
#pragma GCC unroll 32
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 32
                for (int v = 0; v < vectors; v++)
                    sum[r * vectors + v] =
                        MULTIPLY_ADD(all(a[r * MR_SLICE + n]), column[v], sum[r * vectors + v]);
        }
#pragma GCC unroll 32
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 32
        for (int v = 0; v < vectors; v++) {
            float *at = to + (size_t)r * w->pitch + v * LANES;
            if (v < vectors - 1)
                store(at, sum[r * vectors + v]);
            else
                STORE_PART(at, sum[r * vectors + v], w->last);
        }
}

#define OUTER(VECTORS)                                                                             \
    ON static void outer_##VECTORS(const struct outer_work *w, size_t rows) {                      \
        enum { MOST = OUTER_SUMS / VECTORS, FEW = MOST > 3 ? MOST / 3 : 1 };                       \
        size_t r = 0;                                                                              \
        for (; r + MOST <= rows; r += MOST)                                                        \
            outer_tile(w, r, MOST, VECTORS);                                                       \
        for (; r + FEW <= rows; r += FEW)                                                          \
            outer_tile(w, r, FEW, VECTORS);                                                        \
        for (; r < rows; r++)                                                                      \
            outer_tile(w, r, 1, VECTORS);                                                          \
    }

OUTER(1)
OUTER(2)
OUTER(3)
#if OUTER_VECTORS > 3
OUTER(4)
#endif

static void (*const outer_functions[])(const struct outer_work *, size_t) = {
    NULL,    outer_1, outer_2, outer_3,
#if OUTER_VECTORS > 3
    outer_4,
#endif
};

// Each number is added up in the order of steps and sequences.
static void outer(const float *a, size_t a_step, int rows, const float *b, size_t b_step,
                  int columns, size_t steps, float *gradient, size_t pitch) {
    _Alignas(64) float turned[TOGETHER * MR_SLICE * WIDE] = {0};

    for (int c = 0; c < columns; c += WIDE) {
        const int wide = columns - c < WIDE ? columns - c : WIDE;
        const int vectors = (wide + LANES - 1) / LANES;
        size_t t = 0;
        do { // once where there is no step, for the gradient is 0 then
            const size_t some = steps - t < TOGETHER ? steps - t : TOGETHER;
            turn(b + t * b_step + (size_t)c * MR_SLICE, b_step, wide, some, turned);
            const struct outer_work work = {.a = a + t * a_step,
                                            .turned = turned,
                                            .a_step = a_step,
                                            .steps = some,
                                            .gradient = gradient + c,
                                            .pitch = pitch,
                                            .last = wide - (vectors - 1) * LANES,
                                            .begins = t == 0};
            outer_functions[vectors](&work, (size_t)rows);
            t += some;
        } while (t < steps);
    }
}

ON static void total(const float *a, size_t a_step, int rows, size_t steps, float *sums) {
    for (int r = 0; r < rows; r++) {
        vec sum = all(0);
        for (size_t t = 0; t < steps; t++)
            for (int lane = 0; lane < MR_SLICE; lane += LANES)
                sum += load(a + t * a_step + (size_t)r * MR_SLICE + (size_t)lane);
        sums[r] = SUM_OF(sum);
    }
}

// ---- cells: i counts the numbers of a row of all units

#define EACH_VECTOR(i, units)                                                                      \
    for (size_t i = 0, end_of_##i = (size_t)(units)*MR_SLICE; i < end_of_##i; i += LANES)

// The gradient of h, from above and from the next step.
UNIT vec dh_of(const struct mr_cell_rows *c, size_t i) {
    return c->up ? load(c->dh + i) + load(c->up + i) : load(c->dh + i);
}

ON static void lstm_forward(const struct mr_cell_rows *c) {
    const size_t gate = (size_t)c->units * MR_SLICE;
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec in = sigmoid_of(load(s + i)), forget = sigmoid_of(load(s + gate + i));
        const vec g = tanh_of(load(s + 2 * gate + i)), o = sigmoid_of(load(s + 3 * gate + i));
        const vec cell = MULTIPLY_ADD(forget, load(c->c_last + i), in * g);
        const vec squashed = tanh_of(cell);
        store(s + i, in);
        store(s + gate + i, forget);
        store(s + 2 * gate + i, g);
        store(s + 3 * gate + i, o);
        store(c->c + i, cell);
        store(c->tanh_c + i, squashed);
        store(c->h + i, o * squashed);
    }
}

ON static void lstm_backward(const struct mr_cell_rows *c) {
    const size_t gate = (size_t)c->units * MR_SLICE;
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec in = load(s + i), forget = load(s + gate + i);
        const vec g = load(s + 2 * gate + i), o = load(s + 3 * gate + i);
        const vec squashed = load(c->tanh_c + i), dh = dh_of(c, i);
        const vec dc = load(c->dc + i) + dh * o * (1 - squashed * squashed);
        store(s + i, dc * g * in * (1 - in));
        store(s + gate + i, dc * load(c->c_last + i) * forget * (1 - forget));
        store(s + 2 * gate + i, dc * in * (1 - g * g));
        store(s + 3 * gate + i, dh * squashed * o * (1 - o));
        store(c->dc + i, dc * forget);
        store(c->dh + i, all(0));
    }
}

// r, z, n and the sum over h of n, apart.
ON static void gru_forward(const struct mr_cell_rows *c) {
    const size_t gate = (size_t)c->units * MR_SLICE;
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec r = sigmoid_of(load(s + i)), z = sigmoid_of(load(s + gate + i));
        const vec n = tanh_of(MULTIPLY_ADD(r, load(s + 3 * gate + i), load(s + 2 * gate + i)));
        store(s + i, r);
        store(s + gate + i, z);
        store(s + 2 * gate + i, n);
        store(c->h + i, MULTIPLY_ADD(z, load(c->h_last + i) - n, n));
    }
}

ON static void gru_backward(const struct mr_cell_rows *c) {
    const size_t gate = (size_t)c->units * MR_SLICE;
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec r = load(s + i), z = load(s + gate + i), n = load(s + 2 * gate + i);
        const vec of_h = load(s + 3 * gate + i), dh = dh_of(c, i);
        const vec dn = dh * (1 - z) * (1 - n * n);
        store(s + i, dn * of_h * r * (1 - r));
        store(s + gate + i, dh * (load(c->h_last + i) - n) * z * (1 - z));
        store(s + 2 * gate + i, dn);
        store(s + 3 * gate + i, dn * r);
        store(c->dh + i, dh * z);
    }
}

ON static void reset_gates(const struct mr_cell_rows *c) {
    const size_t gate = (size_t)c->units * MR_SLICE;
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec r = sigmoid_of(load(s + i));
        store(s + i, r);
        store(s + gate + i, sigmoid_of(load(s + gate + i)));
        store(c->gated + i, r * load(c->h_last + i));
    }
}

ON static void reset_forward(const struct mr_cell_rows *c) {
    const size_t gate = (size_t)c->units * MR_SLICE;
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec n = tanh_of(load(s + 2 * gate + i));
        store(s + 2 * gate + i, n);
        store(c->h + i, MULTIPLY_ADD(load(s + gate + i), load(c->h_last + i) - n, n));
    }
}

ON static void reset_backward(const struct mr_cell_rows *c) {
    const size_t gate = (size_t)c->units * MR_SLICE;
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec z = load(s + gate + i), n = load(s + 2 * gate + i), dh = dh_of(c, i);
        store(s + gate + i, dh * (load(c->h_last + i) - n) * z * (1 - z));
        store(s + 2 * gate + i, dh * (1 - z) * (1 - n * n));
        store(c->dh + i, dh * z);
    }
}

ON static void reset_gates_backward(const struct mr_cell_rows *c) {
    float *s = c->sums;

    EACH_VECTOR(i, c->units) {
        const vec r = load(s + i), of_gated = load(c->gated + i);
        store(s + i, of_gated * load(c->h_last + i) * r * (1 - r));
        store(c->dh + i, MULTIPLY_ADD(of_gated, r, load(c->dh + i)));
    }
}

ON static void tanh_forward(const struct mr_cell_rows *c) {
    EACH_VECTOR(i, c->units)
    store(c->h + i, tanh_of(load(c->sums + i)));
}

ON static void tanh_backward(const struct mr_cell_rows *c) {
    EACH_VECTOR(i, c->units) {
        const vec h = load(c->h + i);
        store(c->sums + i, dh_of(c, i) * (1 - h * h));
        store(c->dh + i, all(0));
    }
}

ON static void relu_forward(const struct mr_cell_rows *c) {
    EACH_VECTOR(i, c->units)
    store(c->h + i, GREATEST(all(0), load(c->sums + i)));
}

ON static void relu_backward(const struct mr_cell_rows *c) {
    for (size_t i = 0; i < (size_t)c->units * MR_SLICE; i++) {
        const float dh = c->dh[i] + (c->up ? c->up[i] : 0);
        c->sums[i] = c->h[i] > 0 ? dh : 0;
        c->dh[i] = 0;
    }
}

// ---- the head, and what lies between layers

ON static void sigmoid_rows(float *rows, int count) {
    EACH_VECTOR(i, count)
    store(rows + i, sigmoid_of(load(rows + i)));
}

ON static void tanh_rows(float *rows, int count) {
    EACH_VECTOR(i, count)
    store(rows + i, tanh_of(load(rows + i)));
}

ON static void exp_rows(float *rows, int count) {
    EACH_VECTOR(i, count)
    store(rows + i, exp_less_one(clipped(load(rows + i), 80)) + 1);
}

ON static void drop(const float *in, float *out, int count, uint32_t key, uint32_t place,
                    uint32_t below, float factor) {
    for (uint32_t i = 0; i < (uint32_t)count * MR_SLICE; i++)
        out[i] = mr_draw(key, place + i) < below ? 0 : in[i] * factor;
}

// ---- all weights

ON static double square_sum(const float *list, size_t count) {
    wide sum = {0};
    double rest = 0;
    size_t i = 0;

    for (; i + 8 <= count; i += 8) {
        wide v;
        for (int k = 0; k < 8; k++)
            v[k] = (double)list[i + (size_t)k];
        sum += v * v;
    }
    for (; i < count; i++)
        rest += (double)list[i] * (double)list[i];
    for (int k = 0; k < 8; k++)
        rest += sum[k];
    return rest;
}

ON static void add(float *sum, const float *other, size_t count) {
    size_t i = 0;

    for (; i + LANES <= count; i += LANES)
        store(sum + i, load(sum + i) + load(other + i));
    for (; i < count; i++)
        sum[i] += other[i];
}

UNIT vec full_gradient(const struct mr_update *u, vec g, vec w) {
    return MULTIPLY_ADD(all(u->l2), w, g * u->scale);
}

UNIT vec adam_of(const struct mr_update *u, vec g, vec w, vec *m, vec *v) {
    const vec full = full_gradient(u, g, w);
    *m = MULTIPLY_ADD(all(u->beta1), *m - full, full);
    *v = MULTIPLY_ADD(all(u->beta2), *v - full * full, full * full);
    return w - DIVIDE(u->rate * *m, ROOT(*v * u->second) + u->epsilon);
}

ON static void adam(const struct mr_update *u, const float *gradient, float *w, float *m, float *v,
                    size_t count) {
    size_t i = 0;

    for (; i + LANES <= count; i += LANES) {
        vec of_m = load(m + i), of_v = load(v + i);
        store(w + i, adam_of(u, load(gradient + i), load(w + i), &of_m, &of_v));
        store(m + i, of_m);
        store(v + i, of_v);
    }
    if (i < count) {
        const int left = (int)(count - i);
        vec of_m = LOAD_PART(m + i, left), of_v = LOAD_PART(v + i, left);
        STORE_PART(w + i,
                   adam_of(u, LOAD_PART(gradient + i, left), LOAD_PART(w + i, left), &of_m, &of_v),
                   left);
        STORE_PART(m + i, of_m, left);
        STORE_PART(v + i, of_v, left);
    }
}

ON static void sgd(const struct mr_update *u, const float *gradient, float *w, float *m,
                   size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float full = gradient[i] * u->scale + u->l2 * w[i];
        m[i] = u->momentum * m[i] + full;
        w[i] -= u->rate * m[i];
    }
}

const struct mr_float32_kernels NAME = {
    .name = NAME_TEXT,
    .most_rows = ROWS,
    .steps_rows = STEPS_ROWS,
    .multiply = multiply,
    .multiply_steps = multiply_steps,
    .outer = outer,
    .total = total,
    .lstm_forward = lstm_forward,
    .lstm_backward = lstm_backward,
    .gru_forward = gru_forward,
    .gru_backward = gru_backward,
    .reset_gates = reset_gates,
    .reset_forward = reset_forward,
    .reset_backward = reset_backward,
    .reset_gates_backward = reset_gates_backward,
    .tanh_forward = tanh_forward,
    .tanh_backward = tanh_backward,
    .relu_forward = relu_forward,
    .relu_backward = relu_backward,
    .sigmoid = sigmoid_rows,
    .tanh = tanh_rows,
    .exp = exp_rows,
    .drop = drop,
    .square_sum = square_sum,
    .add = add,
    .adam = adam,
    .sgd = sgd,
};
