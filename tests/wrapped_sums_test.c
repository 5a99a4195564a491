// SPDX-License-Identifier: Apache-2.0
// Sums of the engine that wrap and are told by estimates (host/engine/kernels.h): extremes of
// weights and of columns, for as many columns as a piece holds of any weights, and their
// neighbours; every number of rows; narrowed and not, and with more added to them. And sums over
// columns of 8 bits, around what sums of two saturate at.
#define _POSIX_C_SOURCE 200809L
#include "made_network.h"
#include "packed.h"

#include <check.h>
#include <stdlib.h>

enum { ROWS = 8, HELD = 171, MOST = 512 };

// Around the bytes' ends, and what makes |t| + |l| the greatest.
static const int16_t extremes[] = {INT16_MIN, -32767, -32641, -32640, -129,  -128,  -1,    0,    1,
                                   127,       128,    129,    32511,  32512, 32639, 32640, 32767};
enum { EXTREMES = sizeof extremes / sizeof *extremes, UNITS = EXTREMES * EXTREMES };

// Weights and columns alternate between two extremes; unit by unit, and row by row, all pairs.
static int16_t weight_of(int unit, int column) {
    return extremes[column & 1 ? unit / EXTREMES : unit % EXTREMES];
}

static int16_t column_of(int pair, int column) {
    return extremes[column & 1 ? pair / EXTREMES : pair % EXTREMES];
}

static const int64_t biases[] = {0, 127, -128, 128, 1 << 29, -(1 << 29)};
static int64_t bias_of(int unit) {
    return biases[unit % (int)(sizeof biases / sizeof *biases)];
}

static int64_t exact(int unit, int pair, int columns, int times) {
    const int64_t even = weight_of(unit, 0) * column_of(pair, 0),
                  odd = weight_of(unit, 1) * column_of(pair, 1);
    return bias_of(unit) + times * ((columns + 1) / 2 * even + columns / 2 * odd);
}

static void check_sums(const struct mr_packed *packed, const int32_t *sums, int unit, int pair,
                       int columns, int times, bool end) {
    const int width = packed->kernels->width;
    const int32_t *at = sums + (size_t)(unit / width * 2 * width + unit % width);
    const uint64_t whole = 256 * (uint64_t)at[0] + (uint64_t)at[width];
    const int64_t wanted = exact(unit, pair, columns, times), sum = (int64_t)(whole << 24) >> 24;
    if (sum != wanted) // an assertion of each takes longer than all else
        ck_abort_msg("%d columns, unit %d, pair %d: %lld, not %lld", columns, unit, pair,
                     (long long)sum, (long long)wanted);
    if (!end && (at[width] < -128 || at[width] > 127))
        ck_abort_msg("%d columns: a low part of %d", columns, at[width]);
}

static void check_rows(const struct mr_packed *packed, int columns, int pair, int rows, bool end,
                       int times) {
    const struct mr_kernels *kernels = packed->kernels;
    const size_t stride = packed->x.stride, row = mr_packed_row(packed);
    static int16_t x[MOST + 64];
    static int32_t high[ROWS * MOST], low[ROWS * MOST], to[ROWS * 2 * (UNITS + 32)];
    ck_assert_uint_le(stride, MOST);
    ck_assert_uint_le(row, sizeof to / sizeof *to / ROWS);
    const struct mr_columns of = {.high = high, .low = low, .stride = stride};
    const struct mr_sums again = {
        .from = to, .from_stride = row, .to = to, .to_stride = row, .end = end};
    const struct mr_sums sums = {.from = packed->bias, .to = to, .to_stride = row, .end = end};
    for (int r = 0; r < rows; r++) {
        for (int k = 0; k < columns + 64; k++) // there is something behind them
            x[k] = (int16_t)(k < columns ? column_of((pair + r) % UNITS, k) : INT16_MIN);
        kernels->wrap(&(struct mr_numbers){.first = x, .rows = 1, .count = columns},
                      high + (size_t)r * stride, low + (size_t)r * stride, stride);
    }
    kernels->sum(MR_PRODUCT_WRAPS, &packed->x.panel, &of, &sums, (size_t)rows);
    for (int n = 1; n < times; n++)
        kernels->sum(MR_PRODUCT_WRAPS, &packed->x.panel, &of, &again, (size_t)rows);
    for (int r = 0; r < rows; r++)
        for (int unit = 0; unit < UNITS; unit++)
            check_sums(packed, to + (size_t)r * row, unit, (pair + r) % UNITS, columns, times, end);
}

static void check_columns(const struct mr_kernels *kernels, int columns) {
    static int32_t frac[MOST];
    struct mr_network *n = calloc(1, sizeof *n);
    int why;
    net_create(n, columns, "wrapped");
    net_output(n, net_add(n, "rnn_tanh", 0, 1, MR_ACTIVATION_LINEAR), "one");
    net_output(n, net_add(n, "dense", 0, UNITS, MR_ACTIVATION_LINEAR), "y");
    net_quantise(n, frac);
    struct mr_op *op = &n->ops[1];
    for (int unit = 0; unit < UNITS; unit++) {
        for (int k = 0; k < columns; k++)
            op->rows.weight[unit * columns + k] = weight_of(unit, k);
        op->rows.bias[unit] = bias_of(unit);
    }
    struct mr_packed *packed = mr_packed_make(n, op, kernels, &why);
    ck_assert_ptr_nonnull(packed);
    ck_assert_ptr_nonnull(packed->x.panel.tops);
    ck_assert_int_eq(mr_panel_pieces(&packed->x.panel) > 1, columns > HELD);
    int rows = 1;
    for (int pair = 0; pair < UNITS; pair += rows, rows = rows % ROWS + 1) {
        check_rows(packed, columns, pair, rows, rows & 1, 1);
        // Twice as many are to have no more than 39 bits either.
        check_rows(packed, columns, pair, rows, columns <= MR_WRAPPED_WHOLE / 2,
                   columns < MOST / 2 ? 2 : 1);
    }
    mr_packed_free(packed);
    mr_network_free(n);
    free(n);
}

START_TEST(extremes_are_exact) {
    static const int columns[] = {1,        2,    3,        4,   5,   17,      MR_WRAPPED_WHOLE / 2,
                                  HELD - 1, HELD, HELD + 1, 255, 257, MOST - 1};
    for (size_t k = 0; mr_kernels_at(k); k++)
        for (size_t i = 0; mr_kernels_at(k)->has_wraps && i < sizeof columns / sizeof *columns; i++)
            check_columns(mr_kernels_at(k), columns[i]);
}
END_TEST

// ---- columns of 8 bits

enum { BYTE_ROWS = 7, BYTES_MOST = 129 };
static const int8_t ends[] = {-128, -127, -65, -64, -63, -1, 0, 1, 63, 64, 65, 126, 127};
enum { ENDS = sizeof ends / sizeof *ends, BYTE_UNITS = ENDS * ENDS };

// Pairs of columns have the two ends of a pair of them, and every fifth one those of the next.
static int byte_of(int pair, int column) {
    const int at = (pair + (column / 2 % 5 == 4)) % BYTE_UNITS;
    return ends[column & 1 ? at / ENDS : at % ENDS];
}

static void check_bytes_of(const struct mr_packed *packed, int columns, int pair, int rows) {
    const struct mr_kernels *kernels = packed->kernels;
    const size_t stride = packed->x.stride, row = mr_packed_row(packed);
    static int16_t x[BYTE_ROWS][BYTES_MOST + 64];
    static int32_t high[BYTE_ROWS * MOST], low[BYTE_ROWS * MOST],
        to[BYTE_ROWS * 2 * (BYTE_UNITS + 32)];
    ck_assert_uint_le(stride, MOST);
    ck_assert_uint_le(row, sizeof to / sizeof *to / BYTE_ROWS);
    const struct mr_columns of = {.high = high, .low = low, .stride = stride};
    const struct mr_sums sums = {.from = packed->bias, .to = to, .to_stride = row};
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < columns + 64; k++) // there is something behind them
            x[r][k] = (int16_t)(k < columns ? byte_of(pair + r, k) * 256 : INT16_MAX);
    kernels->narrow(
        &(struct mr_numbers){
            .first = x[0], .stride = BYTES_MOST + 64, .rows = (size_t)rows, .count = columns},
        high, low, stride);
    kernels->sum(packed->product, &packed->x.panel, &of, &sums, (size_t)rows);
    for (int r = 0; r < rows; r++)
        for (int unit = 0; unit < BYTE_UNITS; unit++) {
            const int width = kernels->width;
            const int sum = to[(size_t)r * row + (size_t)(unit / width * 2 * width + unit % width)];
            int wanted = 0;
            for (int k = 0; k < columns; k++)
                wanted += byte_of(unit, k) * byte_of(pair + r, k);
            if (sum != wanted)
                ck_abort_msg("%s: %d columns, unit %d, pair %d: %d, not %d", kernels->name, columns,
                             unit, pair + r, sum, wanted);
        }
}

START_TEST(bytes_are_exact) {
    static const int columns[] = {1, 2, 3, 4, 5, 15, 17, 63, 64, 65, BYTES_MOST};
    static int32_t frac[BYTES_MOST];
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        for (size_t at = 0; mr_kernels_at(at); at++) {
            struct mr_network *n = calloc(1, sizeof *n);
            int why;
            net_create(n, columns[i], "bytes");
            net_output(n, net_add(n, "rnn_relu", 0, BYTE_UNITS, MR_ACTIVATION_LINEAR), "y");
            struct mr_op *op = n->ops;
            op->precision = mr_precision_at(MR_PRECISIONS - 1);
            net_quantise(n, frac);
            for (int unit = 0; unit < BYTE_UNITS; unit++)
                for (int k = 0; k < columns[i]; k++)
                    op->rows.weight[unit * op->rows.columns + k] = (int16_t)byte_of(unit, k);
            memset(op->rows.bias, 0, BYTE_UNITS * sizeof *op->rows.bias);
            // The weights over h are 0.
            for (int unit = 0; unit < BYTE_UNITS; unit++)
                memset(op->rows.weight + unit * op->rows.columns + columns[i], 0,
                       BYTE_UNITS * sizeof *op->rows.weight);
            struct mr_packed *packed = mr_packed_make(n, op, mr_kernels_at(at), &why);
            ck_assert_ptr_nonnull(packed);
            ck_assert_int_eq(packed->product, mr_kernels_at(at)->bytes);
            int rows = 1;
            for (int pair = 0; pair < BYTE_UNITS; pair += rows, rows = rows % BYTE_ROWS + 1)
                check_bytes_of(packed, columns[i], pair, rows);
            mr_packed_free(packed);
            mr_network_free(n);
            free(n);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wrapped sums");
    TCase *tests = tcase_create("wrapped sums");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, extremes_are_exact);
    tcase_add_test(tests, bytes_are_exact);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
