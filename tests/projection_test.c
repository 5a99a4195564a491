// SPDX-License-Identifier: Apache-2.0
// Layers with a projection, as networks without one: what they compute is what the formula says of
// h = W (o tanh c), written here, wherever the projection has gone; it goes into the weights of
// what reads h where that is less work, and stays where h itself is wanted; initial states of h
// become those before the projection, or are refused.
#define _POSIX_C_SOURCE 200809L
#include "network_fixture.h"
#include "projection.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <time.h>

enum { STEPS = 7, MOST = 24 };

static uint64_t first_seed;
static char error[600];

// A layer as a file of weights has it: gates i, f, g, o.
struct layer {
    int inputs, units, width;
    float *w_x, *w_h, *bias, *w; // (4 units, inputs), (4 units, width), (4 units), (width, units)
    float h[MOST];               // what sequences start from
};

static float *numbers(uint64_t *state, int count, double range) {
    float *list = calloc((size_t)count, sizeof *list);
    ck_assert_ptr_nonnull(list);
    random_numbers(state, list, (size_t)count, range);
    return list;
}

static struct layer make_layer(uint64_t *state, int inputs, int units, int width) {
    return (struct layer){inputs,
                          units,
                          width,
                          numbers(state, 4 * units * inputs, 1),
                          numbers(state, 4 * units * width, 1),
                          numbers(state, 4 * units, 0.5),
                          numbers(state, width * units, 0.8),
                          {0}};
}

static void free_layer(struct layer *l) {
    free(l->w_x);
    free(l->w_h);
    free(l->bias);
    free(l->w);
}

// ---- the formula

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

// Rows of x to rows of h, from the last one on where it is backward.
static void run_layer(const struct layer *l, double (*x)[2 * MOST], double (*h)[2 * MOST], int at,
                      bool backward) {
    double state[MOST], cell[MOST] = {0}, u[MOST];
    for (int k = 0; k < l->width; k++)
        state[k] = l->h[k];
    for (int step = 0; step < STEPS; step++) {
        const int t = backward ? STEPS - 1 - step : step;
        for (int j = 0; j < l->units; j++) {
            double sum[4];
            for (int g = 0; g < 4; g++) {
                const int row = g * l->units + j;
                sum[g] = l->bias[row];
                for (int k = 0; k < l->inputs; k++)
                    sum[g] += (double)l->w_x[row * l->inputs + k] * x[t][k];
                for (int k = 0; k < l->width; k++)
                    sum[g] += (double)l->w_h[row * l->width + k] * state[k];
            }
            cell[j] = sigmoid(sum[1]) * cell[j] + sigmoid(sum[0]) * tanh(sum[2]);
            u[j] = sigmoid(sum[3]) * tanh(cell[j]);
        }
        for (int k = 0; k < l->width; k++) {
            state[k] = 0;
            for (int j = 0; j < l->units; j++)
                state[k] += (double)l->w[k * l->units + j] * u[j];
            h[t][at + k] = state[k];
        }
    }
}

// ---- the network

// Adds the layer and gives the stream of h.
static int add_layer(struct mr_network *n, const struct layer *l, int stream) {
    const struct mr_projection projection = {l->width, l->units, l->w};
    const int u = net_add(n, "lstm", stream, l->units, MR_ACTIVATION_LINEAR);
    struct mr_op *op = &n->ops[n->op_count - 1];
    const size_t rows = 4 * (size_t)l->units;
    bool starts = false;
    memcpy(op->w_x, l->w_x, rows * (size_t)l->inputs * sizeof(float));
    memcpy(op->bias, l->bias, rows * sizeof(float));
    ck_assert(mr_projected(&projection, l->w_h, rows, op->w_h));
    for (int k = 0; k < l->width; k++)
        starts = starts || l->h[k] != 0;
    if (starts) {
        ck_assert_int_eq(mr_op_starts(op, 1), 0);
        ck_assert_msg(!mr_projection_start(&projection, l->h, op->start, error, sizeof error), "%s",
                      error);
    }
    const struct mr_op *added = mr_projection_add(n, &projection, u, error, sizeof error);
    ck_assert_msg(added != NULL, "%s", error);
    return added->output;
}

static void fold(struct mr_network *n) {
    ck_assert_msg(!mr_projections_fold(n, error, sizeof error), "%s", error);
    ck_assert_msg(!mr_network_check(n, error, sizeof error), "%s", error);
}

// "lstm dense": the kinds of all operators.
static const char *kinds_of(const struct mr_network *n, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n->op_count && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", n->ops[i].kind->name);
    return text;
}

static void expect_kinds(const struct mr_network *n, const char *expected) {
    char text[300];
    ck_assert_str_eq(kinds_of(n, text, sizeof text), expected);
}

static void expect_rows(const double *y, double (*h)[2 * MOST], int first, int rows, int width) {
    for (int t = 0; t < rows; t++)
        for (int k = 0; k < width; k++)
            ck_assert_msg(fabs(y[t * width + k] - h[first + t][k]) <= 2e-5,
                          "row %d, %d: %g, not %g", t, k, y[t * width + k], h[first + t][k]);
}

static void dense(const struct mr_op *op, double (*x)[2 * MOST], double (*y)[2 * MOST],
                  const float *w) {
    for (int t = 0; t < STEPS; t++)
        for (int o = 0; o < op->units; o++) {
            y[t][o] = op->bias[o];
            for (int k = 0; k < 2 * MOST && w; k++)
                y[t][o] += (double)w[o * 2 * MOST + k] * x[t][k];
        }
}

// A linear layer over rows of `width` numbers, whose weights `w` keeps for the formula.
static int add_dense(struct mr_network *n, uint64_t *state, int stream, int outputs, float *w) {
    const int width = n->streams[stream].width;
    const int y = net_add(n, "dense", stream, outputs, MR_ACTIVATION_LINEAR);
    struct mr_op *op = &n->ops[n->op_count - 1];
    random_numbers(state, op->w_x, (size_t)(outputs * width), 1);
    random_numbers(state, op->bias, (size_t)outputs, 1);
    memset(w, 0, (size_t)(outputs * 2 * MOST) * sizeof *w);
    for (int o = 0; o < outputs; o++)
        memcpy(w + o * 2 * MOST, op->w_x + o * width, (size_t)width * sizeof *w);
    return y;
}

struct data {
    double rows[STEPS][2 * MOST];
    float x[STEPS * MOST];
};

static void make_data(uint64_t *state, int inputs, struct data *data) {
    memset(data, 0, sizeof *data);
    random_numbers(state, data->x, (size_t)(STEPS * inputs), 1);
    for (int t = 0; t < STEPS; t++)
        for (int k = 0; k < inputs; k++)
            data->rows[t][k] = data->x[t * inputs + k];
}

static double *run(const struct mr_network *n, const struct data *data) {
    double *y = calloc(mr_network_numbers(n, STEPS), sizeof *y);
    ck_assert_ptr_nonnull(y);
    ck_assert_int_eq(mr_float_run(n, data->x, 1, STEPS, y), 0);
    return y;
}

// Two layers; behind both a projection pays that the next layer's rows read, and a head reads the
// last step alone, whose few rows take it in.
START_TEST(layers_in_a_row) {
    uint64_t state = first_seed + (uint64_t)_i;
    struct layer one = make_layer(&state, 5, 20, 3), two = make_layer(&state, 3, 16, 4);
    double h1[STEPS][2 * MOST] = {{0}}, h2[STEPS][2 * MOST] = {{0}}, y2[STEPS][2 * MOST];
    float w[2 * 2 * MOST];
    struct data data;
    struct mr_network n;
    random_numbers(&state, two.h, 4, 0.2);
    net_create(&n, 5, "projected");
    const int stream = add_layer(&n, &two, add_layer(&n, &one, 0));
    const int last = net_add(&n, "last", stream, 0, MR_ACTIVATION_LINEAR);
    net_output(&n, add_dense(&n, &state, last, 2, w), "y");
    expect_kinds(&n, "lstm dense lstm dense last dense");
    make_data(&state, 5, &data);
    run_layer(&one, data.rows, h1, 0, false);
    run_layer(&two, h1, h2, 0, false);
    dense(&n.ops[5], h2, y2, w);
    double *before = run(&n, &data);
    expect_rows(before, y2, STEPS - 1, 1, 2);
    fold(&n);
    expect_kinds(&n, "lstm dense lstm last dense");
    ck_assert_str_eq(n.ops[4].name, "head1");
    ck_assert_int_eq(n.ops[3].units, 16);
    double *after = run(&n, &data);
    expect_rows(after, y2, STEPS - 1, 1, 2);
    free(before);
    free(after);
    free_layer(&one);
    free_layer(&two);
    mr_network_free(&n);
}
END_TEST

// Nearly as many numbers as units: the rows of the next layer take them in.
START_TEST(a_wide_projection) {
    uint64_t state = first_seed + (uint64_t)_i;
    struct layer one = make_layer(&state, 2, 12, 11), two = make_layer(&state, 11, 9, 8);
    double h1[STEPS][2 * MOST] = {{0}}, h2[STEPS][2 * MOST] = {{0}};
    struct data data;
    struct mr_network n;
    net_create(&n, 2, "projected");
    net_output(&n, add_layer(&n, &two, add_layer(&n, &one, 0)), "h");
    fold(&n);
    expect_kinds(&n, "lstm lstm dense"); // the last one gives an output
    make_data(&state, 2, &data);
    run_layer(&one, data.rows, h1, 0, false);
    run_layer(&two, h1, h2, 0, false);
    double *y = run(&n, &data);
    expect_rows(y, h2, 0, STEPS, 8);
    free(y);
    free_layer(&one);
    free_layer(&two);
    mr_network_free(&n);
}
END_TEST

// Both directions, joined: each half of a row is folded by itself, where a head takes it, and stays
// where something else reads it as it is (_i odd).
START_TEST(both_directions) {
    uint64_t state = first_seed + (uint64_t)_i;
    struct layer one = make_layer(&state, 4, 9, 5), other = make_layer(&state, 4, 9, 5);
    double h[STEPS][2 * MOST] = {{0}}, y2[STEPS][2 * MOST];
    float w[3 * 2 * MOST];
    struct data data;
    struct mr_network n;
    const bool kept = _i % 2;
    net_create(&n, 4, "projected");
    const int forward = add_layer(&n, &one, 0);
    const int turned = net_reverse(&n, 0);
    const int backward = net_reverse(&n, add_layer(&n, &other, turned));
    const int joined = net_join(&n, forward, backward);
    net_output(&n, add_dense(&n, &state, joined, 3, w), "y");
    if (kept)
        net_output(&n, net_add(&n, "max", joined, 0, MR_ACTIVATION_LINEAR), "most");
    make_data(&state, 4, &data);
    run_layer(&one, data.rows, h, 0, false);
    run_layer(&other, data.rows, h, 5, true);
    ck_assert_str_eq(n.ops[7].kind->name, "dense");
    dense(&n.ops[7], h, y2, w);
    fold(&n);
    expect_kinds(&n, kept ? "lstm dense reverse lstm dense reverse concat dense max"
                          : "lstm reverse lstm reverse concat dense");
    double *y = run(&n, &data);
    expect_rows(y, y2, 0, STEPS, 3);
    for (int k = 0; k < 10 && kept; k++) {
        double most = -INFINITY;
        for (int t = 0; t < STEPS; t++)
            most = fmax(most, h[t][k]);
        ck_assert_double_eq_tol(y[STEPS * 3 + k], most, 2e-5);
    }
    free(y);
    free_layer(&one);
    free_layer(&other);
    mr_network_free(&n);
}
END_TEST

// The mean of all steps is as good before the projection.
START_TEST(the_mean) {
    uint64_t state = first_seed + (uint64_t)_i;
    struct layer one = make_layer(&state, 3, 10, 6);
    double h[STEPS][2 * MOST] = {{0}}, mean[STEPS][2 * MOST] = {{0}}, y2[STEPS][2 * MOST];
    float w[2 * 2 * MOST];
    struct data data;
    struct mr_network n;
    net_create(&n, 3, "projected");
    const int pooled = net_add(&n, "mean", add_layer(&n, &one, 0), 0, MR_ACTIVATION_LINEAR);
    net_output(&n, add_dense(&n, &state, pooled, 2, w), "y");
    make_data(&state, 3, &data);
    run_layer(&one, data.rows, h, 0, false);
    for (int t = 0; t < STEPS; t++)
        for (int k = 0; k < 6; k++)
            mean[0][k] += h[t][k] / STEPS;
    dense(&n.ops[3], mean, y2, w);
    fold(&n);
    expect_kinds(&n, "lstm mean dense");
    double *y = run(&n, &data);
    expect_rows(y, y2, 0, 1, 2);
    free(y);
    free_layer(&one);
    mr_network_free(&n);
}
END_TEST

// The least state: W makes h of it, and it is a sum of rows of W, so that nothing can be taken
// away.
START_TEST(states_before_the_projection) {
    uint64_t state = first_seed + (uint64_t)_i;
    const int units = random_between(&state, 2, MOST), width = random_between(&state, 1, units - 1);
    float *w = numbers(&state, width * units, 1), h[MOST], u[MOST], other[MOST];
    const struct mr_projection p = {width, units, w};
    random_numbers(&state, h, MOST, 0.1);
    if (width > 1 && _i % 2) { // a row that follows from another one, and its number with it
        for (int j = 0; j < units; j++)
            w[j] = 2 * w[units + j];
        h[0] = 2 * h[1];
    }
    int result = mr_projection_start(&p, h, u, error, sizeof error);
    if (result != 0) { // W may be nearly of a smaller rank
        ck_assert_msg(strstr(error, "within +-1") != NULL, "%s", error);
        free(w);
        return;
    }
    for (int k = 0; k < width; k++) {
        double sum = 0;
        for (int j = 0; j < units; j++)
            sum += (double)w[k * units + j] * (double)u[j];
        ck_assert_double_eq_tol(sum, h[k], 1e-4);
    }
    // What W makes nothing of is at right angles to it.
    random_numbers(&state, other, MOST, 1);
    float made[MOST], part[MOST];
    double along = 0;
    for (int k = 0; k < width; k++) {
        made[k] = 0;
        for (int j = 0; j < units; j++)
            made[k] += 0.01f * w[k * units + j] * other[j];
    }
    if (mr_projection_start(&p, made, part, error, sizeof error) == 0) {
        for (int j = 0; j < units; j++)
            along += (0.01 * (double)other[j] - (double)part[j]) * (double)u[j];
        ck_assert_double_eq_tol(along, 0, 1e-4);
    }
    free(w);
}
END_TEST

START_TEST(states_that_are_not_possible) {
    static const float twice[] = {1, 2, 3, 1, 2, 3}, some[] = {0.5f, 0, 0, 0, 0.25f, 0};
    const struct mr_projection same = {2, 3, twice}, own = {2, 3, some};
    float u[3];
    ck_assert_int_ne(mr_projection_start(&same, (float[]){0.1f, 0.2f}, u, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "of no state with the other numbers"));
    ck_assert_int_eq(mr_projection_start(&same, (float[]){0.1f, 0.1f}, u, error, sizeof error), 0);
    ck_assert_int_ne(mr_projection_start(&own, (float[]){0.1f, 0.5f}, u, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "asks for 2 in unit 1"));
    ck_assert_int_eq(mr_projection_start(&own, (float[]){0.5f, -0.25f}, u, error, sizeof error), 0);
    ck_assert(u[0] == 1 && u[1] == -1 && u[2] == 0);
}
END_TEST

// Weights beyond float32 are not made: then h stays.
START_TEST(weights_stay_finite) {
    uint64_t state = 1;
    struct layer one = make_layer(&state, 2, 4, 3);
    float w[2 * 2 * MOST];
    struct mr_network n;
    one.w[0] = 1e30f;
    net_create(&n, 2, "projected");
    const struct mr_projection p = {3, 4, one.w};
    const int u = net_add(&n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    const struct mr_op *h = mr_projection_add(&n, &p, u, error, sizeof error);
    ck_assert_ptr_nonnull(h);
    net_output(&n, add_dense(&n, &state, h->output, 2, w), "y");
    n.ops[2].w_x[0] = 1e30f;
    fold(&n);
    expect_kinds(&n, "lstm dense dense");
    ck_assert(!mr_projected(&p, (float[]){1e30f, 0, 0}, 1, w));
    free_layer(&one);
    mr_network_free(&n);
}
END_TEST

int main(void) {
    enum { ROUNDS = 10 };
    const char *text = getenv("MILLRACE_SEED");
    first_seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);
    printf("projection_test: MILLRACE_SEED=%llu\n", (unsigned long long)first_seed);
    fflush(stdout);
    Suite *suite = suite_create("projection");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, layers_in_a_row, 0, ROUNDS);
    tcase_add_loop_test(all, a_wide_projection, 0, ROUNDS);
    tcase_add_loop_test(all, both_directions, 0, ROUNDS);
    tcase_add_loop_test(all, the_mean, 0, ROUNDS);
    tcase_add_loop_test(all, states_before_the_projection, 0, 10 * ROUNDS);
    tcase_add_test(all, states_that_are_not_possible);
    tcase_add_test(all, weights_stay_finite);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
