// SPDX-License-Identifier: Apache-2.0
// Random functions of elementary operators behind a layer: where the file is taken, the network
// computes what the file's own operators say. Most of them are no activation, many nearly one.
#include "onnx_fixture.h"

#include "graph.h"
#include "random.h"
#include "walk.h"

#include <math.h>

enum { BATCHES = 20, GRAPHS = 50, MOST_MADE = 7, SEQUENCES = 2000 };

struct function {
    struct file f;
    uint64_t state;
    char values[MOST_MADE + 1][16], others[3 * MOST_MADE][16]; // names
    int made, other_count;
    char about[1024];
};

static unsigned draw(struct function *x, unsigned count) {
    return (unsigned)random_between(&x->state, 0, (int)count - 1);
}

static const char *constant(struct function *x) {
    static const float numbers[] = {1,  2,  0,    0.5f,  -1,     3,    6,    20,       0.125f,
                                    -2, -3, 0.1f, 0.01f, 1.702f, 0.3f, 0.7f, 1.41421f, 300};
    const float number = numbers[draw(x, sizeof numbers / sizeof *numbers)];
    char *name = x->others[x->other_count++];
    const size_t used = strlen(x->about);

    snprintf(name, sizeof x->others[0], "k%d", x->other_count);
    number_tensor(&x->f, name, 1, 0, 0, number, 0);
    snprintf(x->about + used, sizeof x->about - used, "%s = %g; ", name, (double)number);
    return name;
}

// One of the last values, or any, or a constant.
static const char *recent(struct function *x) {
    return x->values[x->made - (int)draw(x, x->made < 2 ? (unsigned)x->made + 1 : 3)];
}

static const char *any(struct function *x) {
    return draw(x, 2) ? x->values[draw(x, (unsigned)x->made + 1)] : constant(x);
}

static void put_node(struct function *x, const char *type, const char *inputs, const char *output) {
    const size_t used = strlen(x->about);

    node(&x->f, type, inputs, output);
    snprintf(x->about + used, sizeof x->about - used, "%s = %s(%s); ", output, type, inputs);
}

static void put_function(struct function *x) {
    static const char *const of_one[] = {"Sigmoid",  "Exp",      "Neg",       "Relu", "Tanh",
                                         "Softplus", "Abs",      "Erf",       "Log",  "Reciprocal",
                                         "Sqrt",     "Softsign", "HardSwish", "Mish"};
    static const char *const of_two[] = {"Add", "Sub", "Mul", "Div", "Max", "Min"};
    char inputs[64], output[16], *chosen = x->others[x->other_count];
    const char *first = recent(x), *second;
    const unsigned kind = draw(x, 10);

    snprintf(output, sizeof output, "v%d", x->made + 1);
    if (kind < 3) {
        put_node(x, of_one[draw(x, sizeof of_one / sizeof *of_one)], first, output);
    } else if (kind < 7) {
        second = any(x);
        const bool turned = draw(x, 2);
        snprintf(inputs, sizeof inputs, "%s %s", turned ? second : first, turned ? first : second);
        put_node(x, of_two[draw(x, sizeof of_two / sizeof *of_two)], inputs, output);
    } else {
        snprintf(chosen, sizeof x->others[0], "c%d", ++x->other_count);
        snprintf(inputs, sizeof inputs, "%s %s", first, constant(x));
        put_node(x, draw(x, 2) ? "Greater" : "Less", inputs, chosen);
        second = any(x);
        const bool turned = draw(x, 2);
        const char *value = x->values[draw(x, (unsigned)x->made + 1)];
        snprintf(inputs, sizeof inputs, "%s %s %s", chosen, turned ? second : value,
                 turned ? value : second);
        put_node(x, "Where", inputs, output);
    }
    strcpy(x->values[++x->made], output);
}

// A layer whose states go up to 60, and 2 to 7 operators behind it.
static void make(struct function *x) {
    struct file *f = &x->f;

    begin(f, 0, 0);
    memset(f->tensor[2].raw_data.data, 0, f->tensor[2].raw_data.len); // no biases
    states(f, "x");
    number_tensor(f, "K", 2, 2, 0, 60, -30.7f);
    node(f, "MatMul", "h K", "z");
    strcpy(x->values[0], "z");
    for (int count = 2 + (int)draw(x, MOST_MADE - 1); x->made < count;)
        put_function(x);
    f->out.name = x->values[x->made];
}

// Arguments of all sizes, and both signs.
static void fill(struct function *x, float *to, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const double size = pow(10, (double)draw(x, 4500) / 1000 - 3);
        to[i] = (float)(draw(x, 2) ? size : -size);
    }
}

// Both sum up float weights, so that what is near 0 among large numbers is not exact.
static void compare(const struct function *x, struct mr_onnx *onnx, const struct mr_network *n,
                    const float *in) {
    const size_t count = SEQUENCES * mr_network_numbers(n, 1);
    double *own = malloc(count * sizeof *own), *graph = malloc(count * sizeof *graph), most = 0;

    ck_assert_msg(mr_onnx_run(onnx, n, in, SEQUENCES, 1, 1 << 28, graph, error, sizeof error) == 0,
                  "%s: %s", x->about, error);
    ck_assert_int_eq(mr_float_run(n, in, SEQUENCES, 1, own), 0);
    for (size_t i = 0; i < count; i++)
        most = isfinite(graph[i]) ? fmax(most, fabs(graph[i])) : most;
    for (size_t i = 0; i < count; i++) {
        const double is = mr_cast(n->outputs[0].cast, own[i]);
        if (isfinite(graph[i]))
            ck_assert_msg(fabs(is - graph[i]) <= 2e-5 * (1 + fabs(graph[i])) + 1e-6 * most,
                          "%s: the network gives %g, the file %g", x->about, is, graph[i]);
    }
    free(own);
    free(graph);
}

START_TEST(functions_are_what_the_file_says) {
    static float in[SEQUENCES * F];
    int taken = 0;

    for (int i = 0; i < GRAPHS; i++) {
        struct function *x = calloc(1, sizeof *x);
        struct mr_network n;
        size_t size;
        x->state = (uint64_t)(_i * GRAPHS + i + 1);
        snprintf(x->about, sizeof x->about, "seed %d: ", _i * GRAPHS + i + 1);
        make(x);
        fill(x, in, SEQUENCES * F);
        uint8_t *data = pack(&x->f, &size);
        struct mr_onnx *onnx = mr_onnx_open_memory(data, size, "random", error, sizeof error);
        ck_assert_msg(onnx != NULL, "%s%s", x->about, error);
        if (mr_onnx_network(onnx, &n, error, sizeof error) == 0) {
            compare(x, onnx, &n, in);
            mr_network_free(&n);
            taken++;
        }
        mr_onnx_close(onnx);
        free(data);
        free(x);
    }
    ck_assert_int_ge(taken, GRAPHS / 10); // others are no network that there is
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_elementary");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, functions_are_what_the_file_says, 0, BATCHES);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
