// SPDX-License-Identifier: Apache-2.0
// The kernels amx, with tiles in plain C (host/engine/tiles.h): sums of every number of rows, and
// of columns around whole tiles, against exact ones; random networks in batches against the integer
// walker. It takes a processor with AVX-512, as the rest of these kernels does.
// Usage: tiles_test [SEED [COUNT]]: COUNT networks, 4 if not given.
#define _POSIX_C_SOURCE 200809L
#define MR_TILES_IN_C
#include "engine_fixture.h"
#include "kernels_avx512.c"
#include "packed.h"

// In the place of those that look at the processor.
const struct mr_kernels *mr_kernels_at(size_t index) {
    static const struct mr_kernels *const all[] = {&mr_kernels_amx, NULL};

    return all[index];
}

const struct mr_kernels *mr_kernels_choose(char *error, size_t error_size) {
    (void)error;
    (void)error_size;
    return &mr_kernels_amx;
}

enum { ROWS = 33, MOST_COLUMNS = 129, ALL_ROWS = 65, UNITS = 69 };

static int number_of(uint64_t *state, int least, int most) {
    switch (random_bits(state) % 8) {
    case 0:
        return least;
    case 1:
        return most;
    default:
        return random_between(state, least, most);
    }
}

// A layer over x, with weights over h that are 0.
static struct mr_op *make_layer(struct mr_network *n, uint64_t *state, int columns,
                                struct mr_precision precision) {
    static const int32_t frac[MOST_COLUMNS];
    net_create(n, columns, "tiles");
    net_output(n, net_add(n, "rnn_tanh", 0, UNITS, MR_ACTIVATION_TANH), "y");
    struct mr_op *op = n->ops;
    const int most = (1 << (precision.weight_bits - 1)) - 1;
    op->precision = precision;
    net_quantise(n, frac);
    for (int u = 0; u < UNITS; u++) {
        for (int k = 0; k < columns; k++)
            op->rows.weight[u * op->rows.columns + k] = (int16_t)number_of(state, -most - 1, most);
        op->rows.bias[u] = number_of(state, -(1 << 20), 1 << 20);
        op->rows.shift[u] = random_between(state, MR_SHIFT_MIN, MR_SHIFT_MAX);
    }
    return op;
}

static int64_t exact(const struct mr_op *op, const int16_t *x, int unit) {
    int64_t sum = op->rows.bias[unit];
    for (int k = 0; k < op->inputs; k++)
        sum += (int64_t)op->rows.weight[unit * op->rows.columns + k] *
               (op->precision.column_bits == 8 ? 256 * mr_column8(x[k]) : x[k]);
    return sum;
}

static void check_sums(const struct mr_packed *packed, const int16_t *x, size_t x_stride,
                       size_t rows) {
    const struct mr_kernels *kernels = packed->kernels;
    const size_t stride = packed->x.stride, row = mr_packed_row(packed);
    const int columns = packed->op->inputs;
    const bool is_narrow = packed->op->precision.column_bits == 8;
    // Of columns there is something behind the last one.
    int32_t *high = make(rows * stride, sizeof *high), *low = make(rows * stride, sizeof *low),
            *to = make((rows + 1) * row, sizeof *to);
    memset(high, 0x55, rows * stride * sizeof *high);
    memset(low, 0xaa, rows * stride * sizeof *low);
    for (size_t r = 0; r <= rows; r++)
        memcpy(to + r * row, packed->bias, row * sizeof *to);
    const struct mr_numbers numbers = {
        .first = x, .stride = x_stride, .rows = rows, .count = columns};
    (is_narrow ? kernels->narrow : kernels->halve)(&numbers, high, low, stride);
    const struct mr_columns of = {.high = high, .low = low, .stride = stride};
    const struct mr_sums sums = {.from = packed->bias, .to = to, .to_stride = row};
    kernels->sum(is_narrow ? MR_PRODUCT_BYTES : MR_PRODUCT_HALVES, &packed->x.panel, &of, &sums,
                 rows);
    kernels->release();
    for (size_t r = 0; r < rows; r++)
        for (int unit = 0; unit < UNITS; unit++) {
            const int32_t *at = to + r * row + (size_t)(unit / W * 2 * W + unit % W);
            const uint64_t whole = 256 * (uint64_t)at[0] + (uint64_t)at[W];
            const int64_t sum = (int64_t)(whole << 24) >> 24,
                          wanted = exact(packed->op, x + r * x_stride, unit);
            if (sum != wanted || at[W] < -128 || at[W] > 255)
                ck_abort_msg("seed %llu, weights of %d bits, %d columns, row %zu of %zu, unit %d: "
                             "%lld with a low part of %d, not %lld",
                             (unsigned long long)first_seed, packed->op->precision.weight_bits,
                             columns, r, rows, unit, (long long)sum, at[W], (long long)wanted);
        }
    ck_assert_mem_eq(to + rows * row, packed->bias, row * sizeof *to); // nothing behind the last
    free(high);
    free(low);
    free(to);
}

START_TEST(sums_of_all_rows) {
    static const int columns[] = {1, 5, 63, 64, ALL_ROWS, MOST_COLUMNS};
    uint64_t state = first_seed ^ UINT64_C(0x74696c6573);
    for (size_t i = 0; i < MR_PRECISIONS * sizeof columns / sizeof *columns; i++) {
        struct mr_network *n = calloc(1, sizeof *n);
        ck_assert_ptr_nonnull(n);
        const int width = columns[i / MR_PRECISIONS];
        const size_t stride = mr_row_numbers(width);
        const struct mr_op *op =
            make_layer(n, &state, width, mr_precision_at((int)(i % MR_PRECISIONS)));
        int16_t *x = make(ROWS * stride, sizeof *x);
        int why;
        for (size_t k = 0; k < ROWS * stride; k++)
            x[k] = (int16_t)number_of(&state, INT16_MIN, INT16_MAX);
        struct mr_packed *packed = mr_packed_make(n, op, &mr_kernels_amx, &why);
        ck_assert_ptr_nonnull(packed);
        for (size_t rows = 1; rows <= ROWS; rows += width == ALL_ROWS ? 1 : 8)
            check_sums(packed, x, stride, rows);
        mr_packed_free(packed);
        mr_network_free(n);
        free(n);
        free(x);
    }
}
END_TEST

// Two LSTMs, of which the first has so many units, in batches up to the last of these.
static void check_batches(struct mr_precision precision, int inputs, int units, uint32_t steps,
                          const uint32_t *sequences, size_t count, uint32_t threads) {
    struct made m = {.seed = first_seed};
    struct mr_network *n = &m.network;
    struct mr_op_layout layouts[] = {{.lc = 2, .passes = 1}, {.lc = 2, .passes = 1}};
    uint64_t state = first_seed ^ UINT64_C(0x6261746368);
    net_create(n, inputs, "batches");
    const int stream = net_add(n, "lstm", 0, units, MR_ACTIVATION_TANH);
    net_output(n, net_add(n, "lstm", stream, 67, MR_ACTIVATION_TANH), "y");
    net_weights(n, &state, 0.2);
    n->ops[0].precision = n->ops[1].precision = precision;
    ck_assert_msg(calibrate_as_told(&m, &state) == 0, "%s", m.error);
    ck_assert_int_eq(n->ops[1].precision.weight_bits, precision.weight_bits);
    const uint32_t most = sequences[count - 1];
    const size_t all = (size_t)most * steps * (size_t)inputs;
    int16_t *x = make(all, sizeof *x);
    int32_t *wanted = make(most * mr_network_numbers(n, steps), sizeof *wanted);
    for (size_t i = 0; i < all; i++)
        x[i] = (int16_t)number_of(&state, INT16_MIN, INT16_MAX);
    ck_assert_int_eq(mr_integer_run(n, x, most, steps, wanted), 0);
    struct checked c = {.made = &m, .steps = steps, .x = x, .wanted = wanted};
    ck_assert_int_eq(mr_plan_evaluate(n, layouts, 1, &c.plan, m.error, sizeof m.error), 0);
    for (size_t i = 0; i < count; i++, c.is_counted = false) {
        c.sequences = sequences[i];
        check_engine(&c, "amx", threads);
    }
    mr_network_free(n);
    free(x);
    free(wanted);
}

// Around whole tiles; cells are calculated tile by tile.
START_TEST(batches) {
    static const uint32_t sequences[] = {1, 7, 8, 16, 17, 33};
    for (int i = 0; i < MR_PRECISIONS; i++)
        check_batches(mr_precision_at(i), i ? 3 : 70, 37, 2, sequences,
                      sizeof sequences / sizeof *sequences, 1);
}
END_TEST

// One sequence, whose products with x go by tiles for all steps; threads have a share of its units.
START_TEST(shared_layers) {
    static const uint32_t one = 1;
    for (int i = 0; i < MR_PRECISIONS; i++)
        check_batches(mr_precision_at(i), 17, 256, 9, &one, 1, 2);
}
END_TEST

START_TEST(random_networks) {
    check_random_networks();
}
END_TEST

int main(int argc, char **argv) {
    network_count = argc > 2 ? atoi(argv[2]) : 4;
    most_sequences = 64;
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (!__builtin_cpu_supports("avx512vnni") || !__builtin_cpu_supports("avx512vl")) {
        printf("skipped: tiles_test takes a processor with AVX-512 and VNNI\n");
        return 0;
    }
    printf("random networks from seed %llu on, %d of them\n", (unsigned long long)first_seed,
           network_count);
    Suite *suite = suite_create("tiles");
    TCase *tests = tcase_create("tiles");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, sums_of_all_rows);
    tcase_add_test(tests, batches);
    tcase_add_test(tests, shared_layers);
    tcase_add_test(tests, random_networks);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
