// SPDX-License-Identifier: Apache-2.0
// What the planner expects of a layer, before anything is compiled, is what hlsc makes of it: its
// multipliers, and each kind of memory, for random cells, sizes, lanes, passes, precisions, ports
// and memories of the weights.
// Usage: layer_cost_test [SEED [LAYERS]]  24 random layers, or with THOROUGH 120
//        layer_cost_test sweep          each activation in each place
//        layer_cost_test write FOLDER   some small layers, for tests/layer_fit_test.sh: kernels in
//                                       FOLDER, and a line for each: name, DSP48E2, RAMB18, URAM
#define _GNU_SOURCE
#define FOLDER "build/layer_cost_test"
#include "hlsc_fixture.h"
#include "network_build.h"
#include "plan_fixture.h"

#include <time.h>

enum { LAYERS = 24, NETWORKS = 10, PLACES = 8 };

static uint64_t first_seed;
static int layers;

// The layer alone, from the text that the generator puts into a network.
static void write_kernel(const struct mr_network *network, const struct mr_op_layout *layout,
                         struct mr_text *text) {
    const struct mr_op *op = &network->ops[0];
    mr_text_add(text, "#include \"frame/words.h\"\nMR_VECTOR(%d)\n", layout->lc);
    op->kind->emit(network, op, layout, text);
    mr_text_add(
        text,
        "void k(hls_stream(beat_t) *weights, hls_stream(vec%d_t) *x, hls_stream(vec%d_t) "
        "*h, hls_stream(unit_state_t) *state,\n       uint32_t command, %suint32_t steps, "
        "uint32_t total, uint32_t flags) {\n    HLS(dataflow)\n    %s(weights, x, h, state, "
        "command, %ssteps, total, flags);\n}\n",
        layout->lc, layout->lc, layout->slots > 1 ? "uint32_t sequences, " : "", op->name,
        layout->slots > 1 ? "sequences, " : "");
}

static struct mr_memory_use memories_of(const json_t *process) {
    struct mr_memory_use use = {0};
    size_t i;
    const json_t *memory;
    json_array_foreach(json_object_get(process, "memories"), i, memory) {
        const char *impl = json_string_value(json_object_get(memory, "impl"));
        const uint64_t blocks = (uint64_t)json_integer_value(json_object_get(memory, "blocks"));
        *(strcmp(impl, "uram") == 0     ? &use.uram
          : strcmp(impl, "lutram") == 0 ? &use.lut
                                        : &use.bram18) += blocks;
    }
    return use;
}

// The first operator, compiled alone, takes what the planner says.
static void check_layer(const struct mr_network *network, const struct mr_op_layout *layout,
                        uint64_t seed) {
    const struct mr_op *op = &network->ops[0];
    struct mr_op_cost cost = {0};
    struct mr_text text = {0};
    char error[2048];
    op->kind->cost(op, layout, &cost);
    write_kernel(network, layout, &text);
    ck_assert(!text.failed);
    ck_assert_msg(try_compile(text.data, error, sizeof error) == 0, "seed %llu: %s: %s",
                  (unsigned long long)seed, op->kind->name, error);
    json_t *root = read_json();
    const json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    const struct mr_memory_use made = memories_of(process), *planned = &cost.memory;
    const long long multipliers = json_integer_value(json_object_get(process, "multipliers"));
    ck_assert_msg(
        (long long)cost.multipliers == multipliers && planned->bram18 == made.bram18 &&
            planned->uram == made.uram && planned->lut == made.lut,
        "seed %llu: %s of %d inputs and %d units, w%da%d, LC %d, %d passes%s, %d slots, %d ports "
        "of "
        "%s, from unit %d on %s: %llu multipliers (hlsc %lld), %llu RAMB18 (%llu), %llu URAM "
        "(%llu), %llu LUT (%llu)",
        (unsigned long long)seed, op->kind->name, op->inputs, op->units, op->precision.weight_bits,
        op->precision.column_bits, layout->lc, layout->passes, layout->h_first ? ", h first" : "",
        layout->slots, layout->ports, mr_storage_name(layout->memory), layout->rest_from,
        mr_storage_name(layout->rest), (unsigned long long)cost.multipliers, multipliers,
        (unsigned long long)planned->bram18, (unsigned long long)made.bram18,
        (unsigned long long)planned->uram, (unsigned long long)made.uram,
        (unsigned long long)planned->lut, (unsigned long long)made.lut);
    json_decref(root);
    free(text.data);
}

static const struct mr_precision precisions[] = {{16, 16}, {8, 16}, {8, 8}};

START_TEST(hlsc_makes_what_is_planned) {
    static const char *const cells[] = {"lstm",     "gru",      "gru_reset_first",
                                        "rnn_tanh", "rnn_relu", "lstm_peephole"};
    const uint64_t seed = first_seed + (uint64_t)_i;
    uint64_t state = seed;
    struct mr_network network;
    // From each kind of memory to the next one.
    const int inputs = random_between(&state, 1, _i % 3 ? 300 : 3000);
    net_create(&network, inputs, "layer");
    net_add(&network, cells[random_between(&state, 0, 5)], 0,
            random_between(&state, 1, _i % 4 ? 200 : 1100), MR_ACTIVATION_LINEAR);
    struct mr_op *op = &network.ops[0];
    op->precision = precisions[random_between(&state, 0, 2)];
    if (mr_op_has_places(op) && _i % 2) { // which hlsc must schedule within D, too
        net_places(op, &state);
        net_output(&network, op->output, "h");
        net_quantise(&network, NULL);
    }
    struct mr_op_layout layout = fixture_layout(&state, op, MR_PLAN_LC);
    layout.slots = layout.h_first ? 1 : 1 << random_between(&state, 0, 4);
    while (mr_plan_state_words(op, layout.lc, layout.passes, layout.slots) > MR_PLAN_STATE_WORDS)
        layout.slots /= 2;
    check_layer(&network, &layout, seed);
    mr_network_free(&network);
}
END_TEST

// D and memories of a GRU depend on what stands in its places: a scaled candidate with columns of 8
// bits, a gate that is cut, and others at random.
START_TEST(places_of_a_gru_count) {
    static const char *const cells[] = {"gru", "gru_reset_first"};
    const uint64_t seed = first_seed + (uint64_t)_i;
    uint64_t state = seed;
    struct mr_network network;
    struct mr_op_layout layout = {.slots = 1, .passes = 1};
    net_create(&network, random_between(&state, 1, 30), "layer");
    net_add(&network, cells[_i % 2], 0, random_between(&state, 32, 80), MR_ACTIVATION_LINEAR);
    struct mr_op *op = &network.ops[0];
    op->precision = precisions[_i < 6 ? 2 : random_between(&state, 0, 2)];
    layout.lc = _i < 6 ? 1 << _i / 2 : random_between(&state, 1, 24);
    layout.h_first = random_bits(&state) & 1;
    for (int p = 0; p < MR_PLACES; p++)
        if (op->kind->places[p] > 0)
            op->places[p] = net_place(&state, (enum mr_place_of_cell)p);
    if (_i < 6) {
        op->places[MR_PLACE_GATE] = mr_place_own(MR_PLACE_GATE);
        op->places[MR_PLACE_G] = mr_place_own(MR_PLACE_G);
        op->places[MR_PLACE_G].scale = 0.63;
    }
    net_output(&network, op->output, "h");
    net_quantise(&network, NULL);
    check_layer(&network, &layout, seed);
    mr_network_free(&network);
}
END_TEST

// Each kind of activation, with a clip and without, alone in each place of each cell: D holds what
// its steps take, with columns of 8 bits and of 16. Two that once had a cycle too few are always
// tried: a sigmoid of an LSTM's cell state, and a hard sigmoid of a GRU's gates below 1.
enum { OF_STATE = 1105, BELOW_1 = 1702 };
enum { SWEPT = 2 * 4 * MR_ACTIVATIONS * 2 * MR_PLACES * 3 };

START_TEST(every_activation_in_every_place) {
    static const char *const cells[] = {"lstm", "gru", "gru_reset_first", "lstm_peephole"};
    static const int lanes[] = {1, 4, 16};
    uint64_t state = first_seed + (uint64_t)_i;
    int n = _i;
    const int lc = lanes[n % 3], place = (n /= 3) % MR_PLACES;
    const bool clips = (n /= MR_PLACES) % 2;
    const enum mr_activation kind = (enum mr_activation)((n /= 2) % MR_ACTIVATIONS);
    const char *cell = cells[(n /= MR_ACTIVATIONS) % 4];
    struct mr_network network;
    net_create(&network, 5, "layer");
    net_add(&network, cell, 0, 40, MR_ACTIVATION_LINEAR);
    struct mr_op *op = &network.ops[0];
    const bool is_bounded = kind == MR_ACTIVATION_SIGMOID || kind == MR_ACTIVATION_HARD;
    if (op->kind->places[place] > 0 &&
        (is_bounded || op->kind->constants == 0 || place != MR_PLACE_GATE)) {
        struct mr_place *to = &op->places[place];
        *to = mr_place_plain(kind);
        if (kind == MR_ACTIVATION_LEAKY || kind == MR_ACTIVATION_THRESHOLDED ||
            kind == MR_ACTIVATION_ELU)
            to->alpha = 0.25;
        if (kind == MR_ACTIVATION_TANH && random_bits(&state) & 1)
            to->scale = random_bits(&state) & 1 ? 0.625 : 1.5;
        if (clips)
            to->high = 0.7, to->low = -0.7;
        op->precision = precisions[n / 4 ? 2 : 0];
        net_output(&network, op->output, "h");
        net_quantise(&network, NULL);
        const struct mr_op_layout layout = {
            .slots = 1, .passes = 1, .lc = lc, .h_first = random_bits(&state) & 1};
        check_layer(&network, &layout, first_seed + (uint64_t)_i);
    }
    mr_network_free(&network);
}
END_TEST

// Whole networks, with the lanes that the planner chooses: what each operator takes.
START_TEST(networks_take_what_is_planned) {
    static const enum mr_lanes_choice choices[] = {MR_LANES_BALANCED, MR_LANES_LATENCY};
    uint64_t state = first_seed + (uint64_t)_i;
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = choices[_i % 2]};
    struct mr_network network;
    struct mr_compiled compiled;
    struct mr_error error = {0};
    net_random(&network, first_seed + (uint64_t)_i, 12);
    if (!net_is_quantised(&network, NULL)) {
        mr_network_free(&network);
        return;
    }
    net_precisions(&network, &state); // which change the shape, not the formats
    ck_assert_msg(mr_compile_network(&network, &options, &compiled, &error) == 0, "%s", error.text);
    for (int i = 0; i < network.op_count; i++) {
        const struct mr_report_process *made =
            mr_report_process(compiled.report, network.ops[i].name);
        ck_assert_ptr_nonnull(made);
        const uint64_t planned = compiled.plan.ops[i].cost.multipliers;
        ck_assert_msg(
            planned == made->multipliers,
            "seed %llu: %s, activations %d %d %d, has %llu multipliers, planned were %llu",
            (unsigned long long)first_seed + (unsigned long long)_i, network.ops[i].name,
            (int)network.ops[i].places[0].kind, (int)network.ops[i].places[1].kind,
            (int)network.ops[i].places[2].kind, (unsigned long long)made->multipliers,
            (unsigned long long)planned);
    }
    mr_compiled_free(&compiled);
    mr_network_free(&network);
}
END_TEST

// ---- for tests/layer_fit_test.sh

static const struct small {
    const char *name, *cell;
    int inputs, units;
    struct mr_precision precision;
    struct mr_op_layout layout;
} small[] = {
    {"mixed",
     "rnn_relu",
     200,
     40,
     {16, 16},
     {2, 1, 2, 1, 2, MR_STORAGE_URAM, 0, 29, MR_STORAGE_BRAM, false}},
    {"bram_twice",
     "rnn_relu",
     300,
     9,
     {8, 8},
     {2, 1, 2, 1, 2, MR_STORAGE_BRAM, 0, 0, MR_STORAGE_BRAM, false}},
    {"uram_twice",
     "rnn_relu",
     200,
     9,
     {16, 16},
     {2, 1, 2, 1, 2, MR_STORAGE_URAM, 0, 0, MR_STORAGE_BRAM, false}},
    {"uram",
     "rnn_relu",
     40,
     20,
     {8, 16},
     {2, 2, 2, 1, 1, MR_STORAGE_URAM, 3, 0, MR_STORAGE_BRAM, false}},
    {"bram", "gru", 300, 8, {8, 8}, {3, 1, 3, 1, 1, MR_STORAGE_BRAM, 0, 0, MR_STORAGE_BRAM, false}},
    {"lutram",
     "lstm",
     20,
     8,
     {16, 16},
     {1, 1, 1, 1, 1, MR_STORAGE_LUTRAM, 0, 0, MR_STORAGE_BRAM, false}},
    {"peephole",
     "lstm_peephole",
     6,
     4,
     {16, 16},
     {2, 1, 2, 1, 1, MR_STORAGE_LUTRAM, 0, 0, MR_STORAGE_BRAM, false}},
    {"lutram_bram",
     "rnn_relu",
     60,
     20,
     {16, 16},
     {1, 1, 1, 1, 1, MR_STORAGE_LUTRAM, 0, 11, MR_STORAGE_BRAM, false}},
};

static int write_small(const char *folder) {
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        struct mr_network network;
        struct mr_op_cost cost = {0};
        struct mr_text text = {0};
        char path[PATH_MAX];
        net_create(&network, small[i].inputs, "layer");
        net_add(&network, small[i].cell, 0, small[i].units, MR_ACTIVATION_LINEAR);
        struct mr_op *op = &network.ops[0];
        op->precision = small[i].precision;
        op->kind->cost(op, &small[i].layout, &cost);
        write_kernel(&network, &small[i].layout, &text);
        snprintf(path, sizeof path, "%s/%s.c", folder, small[i].name);
        FILE *file = text.failed ? NULL : fopen(path, "w");
        const bool good = file && fputs(text.data, file) >= 0;
        if ((file && fclose(file)) || !good)
            return fprintf(stderr, "layer_cost_test: cannot write %s\n", path), 1;
        printf("%s %llu %llu %llu\n", small[i].name, (unsigned long long)cost.multipliers,
               (unsigned long long)cost.memory.bram18, (unsigned long long)cost.memory.uram);
        free(text.data);
        mr_network_free(&network);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return write_small(argv[2]);
    const bool sweeps = argc > 1 && strcmp(argv[1], "sweep") == 0;
    first_seed = !sweeps && argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
    layers = argc > 2 ? atoi(argv[2]) : getenv("THOROUGH") ? 5 * LAYERS : LAYERS;
    setenv("MILLRACE_CACHE", "build/cache", 0);
    printf("layer_cost_test: seed %llu\n", (unsigned long long)first_seed);
    fflush(stdout);
    TCase *tcase = tcase_create("layers");
    tcase_set_timeout(tcase, 60);
    if (sweeps) {
        tcase_add_loop_test(tcase, every_activation_in_every_place, 0, SWEPT);
    } else {
        tcase_add_loop_test(tcase, hlsc_makes_what_is_planned, 0, layers);
        tcase_add_loop_test(tcase, places_of_a_gru_count, 0, PLACES * layers / LAYERS);
        tcase_add_loop_test(tcase, networks_take_what_is_planned, 0, NETWORKS);
        tcase_add_loop_test(tcase, every_activation_in_every_place, OF_STATE, OF_STATE + 1);
        tcase_add_loop_test(tcase, every_activation_in_every_place, BELOW_1, BELOW_1 + 1);
    }
    Suite *suite = suite_create("layer_cost");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
