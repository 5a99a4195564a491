// SPDX-License-Identifier: Apache-2.0
// The precision of lanes: weights and columns of 8 bits, sums to the bit, and the formats that
// calibration chooses for them.
#define _POSIX_C_SOURCE 200809L
#include "arithmetic.h"
#include "calibrate.h"
#include "model_fixture.h"

#include <stdio.h>
#include <time.h>

static uint64_t new_seed(void) {
    const char *text = getenv("MILLRACE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

    printf("precision_test: MILLRACE_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

START_TEST(names_of_precisions) {
    static const char *const bad[] = {"",
                                      "w8",
                                      "w8a8 ",
                                      "W8A8",
                                      "w16a8",
                                      "w8a8,",
                                      ",w8a8",
                                      "auto",
                                      "w8a8,,w8a8",
                                      "w8a8;w8a8",
                                      "w8a8,w8a16,w8a8,w8a8"};
    struct mr_precision list[3];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(mr_precision_list(bad[i], list, 3) == 0, "'%s'", bad[i]);
    ck_assert_int_eq(mr_precision_list("w8a8", list, 3), 1);
    ck_assert_int_eq(mr_precision_list("w8a8,w8a16,w16a16", list, 3), 3);
    for (int i = 0; i < 3; i++) {
        char name[MR_PRECISION_NAME];
        ck_assert_int_eq(mr_precision_index(list[i]), 2 - i);
        ck_assert_str_eq(mr_precision_name(mr_precision_at(i), name), i == 0   ? "w16a16"
                                                                      : i == 1 ? "w8a16"
                                                                               : "w8a8");
    }
}
END_TEST

static void set_precision(struct mr_network *n, const char *name) {
    for (int i = 0; i < n->op_count; i++)
        if (n->ops[i].kind->recurrent)
            ck_assert(mr_precision_parse(name, &n->ops[i].precision));
}

START_TEST(columns_are_rounded_to_8_bits) {
    for (int v = INT16_MIN; v <= INT16_MAX; v++) {
        const double nearest = floor(v / 256.0 + 0.5);
        ck_assert_int_eq(mr_column8(v), nearest > 127 ? 127 : (int)nearest);
    }
}
END_TEST

// The squared error of a row at a scale, for weights cut to +-127.
static double error_at(const struct mr_float_row *row, int scale) {
    double error = 0;

    for (int run = 0; run < 2; run++)
        for (int k = 0; k < row->columns[run]; k++) {
            const int frac = row->frac[run] ? row->frac[run][k] : 15;
            const double wanted = ldexp(row->w[run][k], scale - frac);
            const double w = floor(wanted + 0.5);
            error += pow((w > 127 ? 127 : w < -127 ? -127 : w) - wanted, 2);
        }
    return ldexp(error, -2 * scale);
}

START_TEST(weights_of_8_bits_have_the_least_error) {
    uint64_t state = new_seed();
    enum { X = 40, H = 24 };
    int cut = 0, rounds = 0;

    for (int round = 0; round < 3000; round++) {
        float x[X], h[H];
        int32_t x_frac[X];
        struct mr_rows rows = {0};
        const double range =
            ldexp(1 + random_between(&state, 0, 9) / 100.0, random_between(&state, -9, 5));
        random_numbers(&state, x, X, range / 4);
        random_numbers(&state, h, H, range / 2);
        h[random_between(&state, 0, H - 1)] =
            (float)range; // stands alone, just above a power of two
        for (int k = 0; k < X; k++)
            x_frac[k] = random_between(&state, 14, 17);
        struct mr_float_row row = {.w = {x, h},
                                   .columns = {X, H},
                                   .frac = {x_frac, NULL},
                                   .bias = random_number(&state, range),
                                   .label = "row"};
        ck_assert_int_eq(mr_rows_create(&rows, 1, X + H, 1), 0);
        const int result = mr_row_fixed(&row, 8, MR_SIGMOID_FRAC, &rows, 0, 0, 0, error, 1024);
        if (result != 0) {
            ck_assert_ptr_nonnull(strstr(error, "too large for 8-bit weights; give the layer"));
            ck_assert_double_gt(range, 8);
        } else {
            int largest = 0;
            for (int k = 0; k < X + H; k++)
                largest = abs(rows.weight[k]) > largest ? abs(rows.weight[k]) : largest;
            const int shift = rows.shift[0];
            const double least = error_at(&row, shift + MR_SIGMOID_FRAC);
            ck_assert_int_le(largest, 127);
            for (int other = MR_SHIFT_MIN; other <= MR_SHIFT_MAX; other++)
                ck_assert_msg(least <= error_at(&row, other + MR_SIGMOID_FRAC),
                              "round %d: shift %d, but %d", round, shift, other);
            ck_assert_int_eq(mr_rows_check(&rows, 8, X + H, "row", error, sizeof error), 0);
            cut += ldexp(range, shift) >= 127.5;
            rounds++;
            rows.weight[X] = 128;
            ck_assert_int_eq(mr_rows_check(&rows, 16, X + H, "row", error, sizeof error), 0);
            ck_assert_int_ne(mr_rows_check(&rows, 8, X + H, "row", error, sizeof error), 0);
            ck_assert_ptr_nonnull(strstr(error, "row 0 has the weight 128 in column 40"));
        }
        mr_rows_free(&rows);
    }
    ck_assert_msg(cut > rounds / 20 && cut < rounds, "%d of %d were cut", cut, rounds);
}
END_TEST

// The sum of a row as it is defined, at the scale of 16-bit columns.
static int64_t sum_by_hand(const struct mr_op *op, int row, const int32_t *x, const int32_t *h) {
    const int columns = op->inputs + op->units;
    int64_t sum = op->rows.bias[row];

    for (int k = 0; k < columns; k++) {
        const int v = k < op->inputs ? x[k] : h[k - op->inputs];
        const double rounded = fmin(floor(v / 256.0 + 0.5), 127);
        const int64_t w = op->rows.weight[row * columns + k];
        sum += op->precision.column_bits == 8 ? w * 256 * (int64_t)rounded : w * v;
    }
    // Whether the hardware's sum fits: at the most 2^39 here, in the lane 2^31 of 8-bit columns.
    const int64_t products = sum - op->rows.bias[row];
    ck_assert(llabs(sum) <= mr_rows_bound(&op->rows, row, 0, columns, row));
    ck_assert(op->precision.column_bits == 16 || llabs(products) / 256 < (int64_t)1 << 31);
    return (int64_t)floor(ldexp((double)sum, -op->rows.shift[row]));
}

// A step at the ends of all ranges and around the borders of rounding: all cells are made of such
// sums, so the simple one shows them; what a second phase takes is rounded as well.
START_TEST(sums_of_8_bits_are_exact) {
    static const int16_t ends[] = {INT16_MIN, -32641, -32640, -32639, -385,  -384,
                                   -129,      -128,   -127,   0,      1,     127,
                                   128,       129,    384,    32639,  32640, INT16_MAX};
    enum { X = 6, H = 5, ENDS = sizeof ends / sizeof *ends };
    static const char *const names[] = {"w16a16", "w8a16", "w8a8"};
    static const int units[] = {H};
    uint64_t state = new_seed();

    for (int round = 0; round < 400; round++) {
        struct mr_network n;
        int32_t x[X], h[3 * H], before[H], out[H];
        net_chain(&n, round & 1 ? "gru_reset_first" : "rnn_tanh", X, 1, units, 1, 0);
        net_weights(&n, &state, 1);
        set_precision(&n, names[_i]);
        net_quantise(&n, NULL);
        const struct mr_op *op = &n.ops[0];
        // All weights at one end, or what the quantiser made.
        const int most = op->precision.weight_bits == 8 ? 127 : 32767;
        for (int i = 0; i < op->rows.rows * op->rows.columns && round % 4 >= 2; i++)
            op->rows.weight[i] = (int16_t)(round & 4 ? -most - 1 : most);
        for (int k = 0; k < X; k++)
            x[k] = ends[round < ENDS ? round : random_between(&state, 0, ENDS - 1)];
        for (int k = 0; k < H; k++)
            h[k] = before[k] = ends[round < ENDS ? round : random_between(&state, 0, ENDS - 1)];
        op->kind->integer_row(&n, op, x, h, out, NULL);
        int32_t gated[H];
        for (int j = 0; j < H && round & 1; j++)
            gated[j] = (int32_t)((mr_table_sigmoid(sum_by_hand(op, j, x, before)) * before[j] +
                                  (1 << 14)) >>
                                 15);
        for (int j = 0; j < H; j++) {
            int64_t wanted = mr_table_tanh(sum_by_hand(op, j, x, before));
            if (round & 1) {
                const int64_t z = mr_table_sigmoid(sum_by_hand(op, H + j, x, before));
                const int64_t of_n = mr_table_tanh(sum_by_hand(op, 2 * H + j, x, gated));
                wanted = (of_n * 32768 + z * (before[j] - of_n) + (1 << 14)) >> 15;
            }
            ck_assert_int_eq(out[j], wanted);
            ck_assert_int_eq(h[j], wanted);
        }
        mr_network_free(&n);
    }
}
END_TEST

// 8 bits are further from float than 16, but not far. Weights are small, for what grows without end
// grows its errors too; of 100 seeds the bounds are four times the worst.
START_TEST(precisions_are_close_to_float) {
    static const char *const names[] = {"w16a16", "w8a16", "w8a8"};
    static const char *const cells[] = {"lstm", "gru", "gru_reset_first", "rnn_tanh"};
    static const float most[] = {0.0002f, 0.008f, 0.02f};
    static const int32_t frac[6] = {15, 15, 15, 15, 15, 15};
    static const int units[2] = {16, 12};
    enum { SEQUENCES = 8, STEPS = 30 };
    uint64_t state = new_seed();

    for (int q = 0; q < 3; q++) {
        double worst = 0;
        for (int i = 0; i < 4; i++) {
            struct mr_network n;
            float x[SEQUENCES * STEPS * 6], *y, *z;
            random_numbers(&state, x, SEQUENCES * STEPS * 6, 0.999);
            net_chain(&n, cells[i], 6, 2, units, 3, MR_ACTIVATION_TANH);
            net_weights(&n, &state, 0.25);
            set_precision(&n, names[q]);
            net_quantise(&n, frac);
            ck_assert_int_eq(mr_quantised_check(&n, "n", error, sizeof error), 0);
            run_both(&n, x, SEQUENCES, STEPS, &y, &z);
            for (int k = 0; k < SEQUENCES * 3; k++)
                worst = fmax(worst, fabs((double)y[k] - z[k]));
            free(y);
            free(z);
            mr_network_free(&n);
        }
        ck_assert_msg(worst < most[q] && (q == 0 || worst > most[0]), "%s: %g", names[q], worst);
    }
}
END_TEST

// ---- calibration

// The fraction bits of the least squared error, by its definition; of equal ones the most.
static int least_error(const float *x, size_t count, int bits) {
    double least = INFINITY;
    int best = 0;

    for (int frac = MR_FRAC_MIN; frac <= MR_FRAC_MAX; frac++) {
        double error = 0;
        for (size_t i = 0; i < count; i++) {
            const double whole = fmin(fmax(floor(ldexp(x[i], frac) + 0.5), -32768), 32767);
            const double taken = bits == 8 ? 256 * fmin(floor(whole / 256 + 0.5), 127) : whole;
            error += pow(ldexp(taken, -frac) - x[i], 2);
        }
        if (error <= least) {
            least = error;
            best = frac;
        }
    }
    return best;
}

START_TEST(formats_of_the_least_error) {
    uint64_t state = new_seed();
    enum { COUNT = 400, STRIDE = 3 };
    int finer = 0;

    for (int round = 0; round < 300; round++) {
        float x[COUNT], spread[COUNT * STRIDE] = {0};
        const int kind = round % 3; // even, all but one below a power of two, of three values
        const double unit = ldexp(1, random_between(&state, -20, 12));
        const double range = kind == 1 ? unit : unit * (1 + random_between(&state, 0, 9) / 10.0);
        for (int i = 0; i < COUNT; i++)
            x[i] = (float)(range * (kind == 2 ? random_between(&state, 0, 2) / 2.0
                                              : random_number(&state, 1)));
        if (kind == 1)
            x[5] = (float)(1.02 * range);
        for (int i = 0; i < COUNT; i++)
            spread[i * STRIDE] = x[i];
        for (int bits = 8; bits <= 16; bits += 8) {
            int32_t frac = 99;
            ck_assert(mr_least_error_frac(spread, COUNT, STRIDE, bits, &frac));
            ck_assert_int_eq(frac, least_error(x, COUNT, bits));
            finer += kind == 1 && ldexp(1.02 * range, frac) > 32768;
        }
    }
    ck_assert_int_gt(finer, 20);
    const float same[3] = {2, 2, 2};
    int32_t frac;
    ck_assert(!mr_least_error_frac(same, 3, 1, 8, &frac));
}
END_TEST

// What a stream's format is to hold, by method and precision.
START_TEST(calibrated_magnitudes) {
    enum { COUNT = 1000 };
    static const double max = 40, percentile = 2;
    float x[COUNT];
    double wanted[4][MR_PRECISIONS];
    const struct mr_calibration how[] = {{MR_CALIBRATION_MAX, 0},
                                         {MR_CALIBRATION_PERCENTILE, 99.9},
                                         {MR_CALIBRATION_MSE, 0},
                                         {MR_CALIBRATION_DEFAULT, 0},
                                         {MR_CALIBRATION_DEFAULT, 99.9}};

    for (int i = 0; i < COUNT; i++)
        x[i] = (float)sin(i) * (float)percentile;
    x[7] = (float)percentile;
    x[9] = -(float)max;
    for (int i = 0; i < MR_PRECISIONS; i++) {
        const int frac = least_error(x, COUNT, i == 2 ? 8 : 16);
        wanted[0][i] = max;
        wanted[1][i] = percentile;
        wanted[2][i] = ldexp(32767, -frac) / 2;
        wanted[3][i] = i ? wanted[2][i] : max;
        ck_assert_int_eq(mr_frac_of(2 * wanted[2][i], MR_FRAC_MIN, MR_FRAC_MAX), frac);
    }
    ck_assert_double_lt(wanted[2][2], wanted[0][2]);
    for (int h = 0; h < 5; h++) {
        struct mr_stream stream = {0};
        ck_assert_int_eq(mr_calibrate_stream(&stream, &how[h], max, x, COUNT), 0);
        for (int i = 0; i < MR_PRECISIONS; i++)
            ck_assert_double_eq(stream.greatest[i], wanted[h == 4 ? 1 : h][i]);
    }
    // Of no numbers, and of one number only.
    struct mr_stream stream = {0};
    ck_assert_int_eq(mr_calibrate_stream(&stream, &how[3], 0, x, 0), 0);
    ck_assert_double_eq(stream.greatest[2], 0);
    ck_assert_int_eq(mr_calibrate_stream(&stream, &how[3], max, &x[9], 1), 0);
    ck_assert_double_eq(stream.greatest[2], max);
}
END_TEST

// The narrowest lanes that take the numbers of a stream choose its format: those of a reader, or of
// the layer itself at its next step.
START_TEST(narrowest_lanes_choose_the_format) {
    for (int which = 0; which < 3; which++) {
        struct mr_network n;
        uint64_t state = 8;
        net_create(&n, 3, "narrow");
        const int first = net_add(&n, "rnn_relu", 0, 4, MR_ACTIVATION_LINEAR);
        const int inner = net_add(&n, "dense", first, 5, MR_ACTIVATION_RELU);
        const int second = net_add(&n, "lstm", inner, 4, MR_ACTIVATION_LINEAR);
        net_output(&n, second, "y");
        net_output(&n, net_add(&n, "dense", first, 2, MR_ACTIVATION_LINEAR), "z");
        net_weights(&n, &state, 0.5);
        for (int i = 0; i < n.stream_count; i++)
            for (int q = 0; q < MR_PRECISIONS; q++)
                n.streams[i].greatest[q] = ldexp(0.8, -q); // +-2, +-1, +-1/2
        if (which == 1)
            ck_assert(mr_precision_parse("w8a8", &n.ops[0].precision));
        if (which == 2)
            ck_assert(mr_precision_parse("w8a16", &n.ops[2].precision));
        net_quantise(&n, NULL);
        ck_assert_int_eq(mr_stream_precision(&n, 0), which == 1 ? 2 : 0);
        ck_assert_int_eq(n.streams[first].frac[0], which == 1 ? 15 : 14);
        ck_assert_int_eq(mr_stream_precision(&n, first), which == 1 ? 2 : 0);
        ck_assert_int_eq(mr_stream_precision(&n, inner), which == 2 ? 1 : 0);
        ck_assert_int_eq(n.streams[inner].frac[0], which == 2 ? 15 : 14);
        mr_network_free(&n);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("precision");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, names_of_precisions);
    tcase_add_test(all, columns_are_rounded_to_8_bits);
    tcase_add_test(all, weights_of_8_bits_have_the_least_error);
    tcase_add_loop_test(all, sums_of_8_bits_are_exact, 0, 3);
    tcase_add_test(all, precisions_are_close_to_float);
    tcase_add_test(all, formats_of_the_least_error);
    tcase_add_test(all, calibrated_magnitudes);
    tcase_add_test(all, narrowest_lanes_choose_the_format);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
