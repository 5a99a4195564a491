// SPDX-License-Identifier: Apache-2.0
// Networks written as ONNX files: read back they are the same, of all kinds of operators, cells and
// activations; what ONNX has no form for is refused by name.
// Usage: onnx_export_test [COUNT [SEED]].
#define _POSIX_C_SOURCE 200809L
#include "network_fixture.h"
#include "onnx.h"
#include "onnx.pb-c.h"
#include "onnx_export.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>

enum { SEQUENCES = 3, STEPS = 5 };

static uint64_t first_seed;
static int networks = 200, compared;

static double *outputs_of(const struct mr_network *network, const float *x) {
    const size_t count = SEQUENCES * mr_network_numbers(network, STEPS);
    double *y = calloc(count + 1, sizeof *y);

    ck_assert_ptr_nonnull(y);
    ck_assert_int_eq(mr_float_run(network, x, SEQUENCES, STEPS, y), 0);
    double *of = y; // a clip may have become one outside of the pipeline
    for (int o = 0; o < network->output_count; o++)
        for (size_t i = SEQUENCES * mr_output_numbers(network, o, STEPS); i-- > 0; of++)
            *of = mr_cast(network->outputs[o].cast, *of);
    return y;
}

// All numbers of the network are float32, as those of the file are, so that nothing differs.
static void compare(uint64_t seed, const struct mr_network *a, const struct mr_network *b) {
    const size_t inputs = (size_t)a->streams[0].width, count = SEQUENCES * STEPS * inputs;
    const int entries = mr_network_entries(a);
    uint64_t state = seed;
    float *x = calloc(count, sizeof *x);

    ck_assert_ptr_nonnull(x);
    ck_assert_int_eq(a->output_count, b->output_count);
    ck_assert_int_eq(a->streams[0].width, b->streams[0].width);
    ck_assert_uint_eq(mr_network_numbers(a, STEPS), mr_network_numbers(b, STEPS));
    for (size_t i = 0; i < count; i++)
        x[i] = entries ? (float)random_between(&state, 0, entries - 1) : random_number(&state, 1.5);
    double *before = outputs_of(a, x), *after = outputs_of(b, x);
    for (size_t i = 0; i < SEQUENCES * mr_network_numbers(a, STEPS); i++)
        ck_assert_msg(before[i] == after[i], "seed %llu: number %zu was %.12g and is %.12g",
                      (unsigned long long)seed, i, before[i], after[i]);
    free(before);
    free(after);
    free(x);
}

// Has a cell activations that ONNX has only for all places alike, or not at all?
static bool has_own_form(const struct mr_network *network) {
    for (int i = 0; i < network->op_count; i++)
        for (int p = 0; p < MR_PLACES; p++) {
            const struct mr_place *place = &network->ops[i].places[p];
            if (isfinite(place->low) || isfinite(place->high) || place->factor != 1 ||
                place->offset != 0 || place->scale != 1)
                return true;
        }
    return false;
}

// ONNX Runtime takes no name twice.
static void check_names(const unsigned char *data, size_t size) {
    Onnx__ModelProto *model = onnx__model_proto__unpack(NULL, size, data);

    ck_assert_ptr_nonnull(model);
    for (size_t i = 0; i < model->graph->n_node; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(model->graph->node[i]->name, model->graph->node[k]->name);
    onnx__model_proto__free_unpacked(model, NULL);
}

static void check_network(uint64_t seed, const struct mr_network *network) {
    struct mr_network again;
    char error[600] = "";
    size_t size = 0;
    unsigned char *data = mr_onnx_export(network, &size, error, sizeof error);

    if (!data && has_own_form(network)) {
        ck_assert_ptr_nonnull(strstr(error, "has not in that form"));
        return;
    }
    ck_assert_msg(data != NULL, "seed %llu: %s", (unsigned long long)seed, error);
    check_names(data, size);
    compared++;
    struct mr_onnx *onnx = mr_onnx_open_memory(data, size, "network.onnx", error, sizeof error);
    ck_assert_msg(onnx && mr_onnx_network(onnx, &again, error, sizeof error) == 0, "seed %llu: %s",
                  (unsigned long long)seed, error);
    compare(seed, network, &again);
    for (int o = 0; o < network->output_count; o++)
        ck_assert_str_eq(network->outputs[o].name, again.outputs[o].name);
    mr_network_free(&again);
    mr_onnx_close(onnx);
    free(data);
}

static void start_from_zero(struct mr_network *network) {
    for (int i = 0; i < network->op_count; i++) {
        free(network->ops[i].start);
        network->ops[i].start = NULL;
        network->ops[i].start_rows = 0;
    }
}

START_TEST(networks_come_back) {
    int drawn = 0;
    // About half of them have a form of their own; the timeout ends it where all do.
    for (; compared < networks / 2; drawn++) {
        struct mr_network network;
        net_random_of(&network, first_seed + (uint64_t)drawn, 9, drawn % 4 == 3, drawn % 2 == 1);
        start_from_zero(&network);
        check_network(first_seed + (uint64_t)drawn, &network);
        mr_network_free(&network);
    }
    printf("%d of %d networks compared\n", compared, drawn);
}
END_TEST

// What makes one row of several steps, and what repeats one: as outputs, and with a head behind it.
static void add_rows(struct mr_network *network, uint64_t *state, bool own_steps) {
    static const char *const kinds[] = {"window", "sum", "repeat"};
    const int layer = net_add(network, net_cell(state), 0, random_between(state, 1, 5), 0);
    const int width = network->streams[layer].width;

    for (int i = 0; i < 3; i++) {
        const bool is_window = i == 0, repeats = i == 2;
        const int from = repeats ? net_add(network, "last", layer, 0, 0) : layer;
        const int units = is_window ? width * random_between(state, 2, STEPS) : 0;
        const int row = net_add(network, kinds[i], from, units, 0);
        if (repeats && own_steps)
            network->streams[row].steps = random_between(state, 1, 2 * STEPS);
        net_output(network, row, kinds[i]);
        char name[16];
        snprintf(name, sizeof name, "%s_head", kinds[i]);
        net_output(network, net_add(network, "dense", row, 2, net_activation(state)), name);
    }
    net_weights(network, state, 0.7);
}

START_TEST(rows_of_steps_come_back) {
    for (int i = 0; i < networks; i++) {
        const uint64_t seed = first_seed + (uint64_t)i;
        uint64_t state = seed;
        struct mr_network network;
        net_create(&network, random_between(&state, 1, 5), "rows");
        add_rows(&network, &state, i % 2 == 0);
        compared = 0;
        check_network(seed, &network);
        ck_assert_int_eq(compared, 1);
        mr_network_free(&network);
    }
}
END_TEST

static void check_refused(struct mr_network *network, const char *why) {
    char error[600] = "";
    size_t size;

    ck_assert_ptr_null(mr_onnx_export(network, &size, error, sizeof error));
    ck_assert_msg(strstr(error, why) != NULL, "%s", error);
    mr_network_free(network);
}

START_TEST(what_onnx_has_no_form_for_is_refused) {
    static const int units[] = {3};
    struct mr_network network;

    net_chain(&network, "lstm", 2, 1, units, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(mr_op_starts(&network.ops[0], 1), 0);
    check_refused(&network, "lstm0 starts from states of its own");
    net_chain(&network, "lstm_cell", 2, 1, units, 1, MR_ACTIVATION_LINEAR);
    check_refused(&network, "('lstm_cell') that ONNX has no operator for");
    net_chain(&network, "gru", 2, 1, units, 1, MR_ACTIVATION_LINEAR);
    network.outputs[0].cast.clips = true;
    check_refused(&network, "output 'y' is cut");
    net_chain(&network, "gru", 2, 1, units, 1, MR_ACTIVATION_LINEAR);
    free(network.ops[0].w_x);
    network.ops[0].w_x = NULL;
    check_refused(&network, "gru0 has whole numbers only");
}
END_TEST

int main(int argc, char **argv) {
    networks = argc > 1 ? atoi(argv[1]) : networks;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
    printf("%d networks from seed %llu on\n", networks, (unsigned long long)first_seed);
    Suite *suite = suite_create("onnx_export");
    TCase *cases = tcase_create("onnx_export");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, networks_come_back);
    tcase_add_test(cases, rows_of_steps_come_back);
    tcase_add_test(cases, what_onnx_has_no_form_for_is_refused);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
