// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the float32 trainer (float32_parts.h), written once for vectors of any length.
// A file that includes it compiles it for one kind of processor, and defines before:
//     NAME           of the table of functions, and in a string NAME_TEXT
//     ON             the attribute of functions for that processor, or nothing
//     LANES          floats of a vector; vec and ivec are vectors of float and int32_t
//     ROWS           rows of a tile at most: as many sums as there are registers for, less two
//     EACH_SUM(X)    X(row, column) for all sums of an outer product's tile, of OUTER_ROWS rows and
//                    OUTER_COLUMNS columns; EACH_OUTER_ROW(X), EACH_OUTER_COLUMN(X) its numbers
//     MULTIPLY_ADD, LEAST, GREATEST, DIVIDE, ROOT, SUM_OF  of vectors; GREATEST and LEAST give
//     their second
//                    operand where the first is no number
#include "float32_parts.h"
#include "train_draw.h"

#include <math.h>
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

// ---- outer products

ON static void outer_one(const float *a, size_t a_step, const float *b, size_t b_step, size_t steps,
                         float *gradient) {
    vec sum = all(0), other = all(0);

    for (size_t t = 0; t < steps; t++, a += a_step, b += b_step)
        for (int lane = 0; lane < MR_SLICE; lane += 2 * LANES) {
            sum = MULTIPLY_ADD(load(a + lane), load(b + lane), sum);
            if (lane + LANES < MR_SLICE)
                other = MULTIPLY_ADD(load(a + lane + LANES), load(b + lane + LANES), other);
        }
    *gradient = SUM_OF(sum + other);
}

#define SUM_BEGIN(r, c) vec sum##r##c = all(0);
#define SUM_LOAD_A(r) const vec a##r = load(a + (r)*MR_SLICE + lane);
#define SUM_LOAD_B(c) const vec b##c = load(b + (c)*MR_SLICE + lane);
#define SUM_STEP(r, c) sum##r##c = MULTIPLY_ADD(a##r, b##c, sum##r##c);
#define SUM_END(r, c) gradient[(r)*pitch + (c)] = SUM_OF(sum##r##c);

ON static void outer_tile(const float *a, size_t a_step, const float *b, size_t b_step,
                          size_t steps, float *gradient, size_t pitch) {
    EACH_SUM(SUM_BEGIN)
    for (size_t t = 0; t < steps; t++, a += a_step, b += b_step)
        for (int lane = 0; lane < MR_SLICE; lane += LANES) {
            EACH_OUTER_ROW(SUM_LOAD_A)
            EACH_OUTER_COLUMN(SUM_LOAD_B)
            EACH_SUM(SUM_STEP)
        }
    EACH_SUM(SUM_END)
}

// The last tile overlaps the one before, and gives the same again.
static void outer(const float *a, size_t a_step, int rows, const float *b, size_t b_step,
                  int columns, size_t steps, float *gradient, size_t pitch) {
    const bool tiled = rows >= OUTER_ROWS && columns >= OUTER_COLUMNS;
    const int r_step = tiled ? OUTER_ROWS : 1, c_step = tiled ? OUTER_COLUMNS : 1;

    for (int r = 0; r < rows; r += r_step) {
        const size_t row = (size_t)(r + r_step > rows ? rows - r_step : r);
        for (int c = 0; c < columns; c += c_step) {
            const size_t column = (size_t)(c + c_step > columns ? columns - c_step : c);
            const float *from = a + row * MR_SLICE, *by = b + column * MR_SLICE;
            float *to = gradient + row * pitch + column;
            if (tiled)
                outer_tile(from, a_step, by, b_step, steps, to, pitch);
            else
                outer_one(from, a_step, by, b_step, steps, to);
        }
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

// Fewer numbers than a vector has.
UNIT vec load_some(const float *at, size_t left) {
    vec v = all(0);
    memcpy(&v, at, left * sizeof *at);
    return v;
}

UNIT void store_some(float *at, vec v, size_t left) {
    memcpy(at, &v, left * sizeof *at);
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
        const size_t left = count - i;
        vec of_m = load_some(m + i, left), of_v = load_some(v + i, left);
        store_some(w + i,
                   adam_of(u, load_some(gradient + i, left), load_some(w + i, left), &of_m, &of_v),
                   left);
        store_some(m + i, of_m, left);
        store_some(v + i, of_v, left);
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
    .multiply = multiply,
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
