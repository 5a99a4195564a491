// SPDX-License-Identifier: Apache-2.0
// Layers through hlsc: the latency of each cell, at all columns per cycle, is what the cell says to
// the planner; two ports, lanes in several dies and long passes make none longer.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/hlsc-layers"
#include "cells/gru.h"
#include "cells/gru_reset_first.h"
#include "cells/lstm.h"
#include "cells/lstm_peephole.h"
#include "cells/rnn.h"
#include "hlsc_report.h"

#include <string.h>

enum { COLUMNS = 8 };
static const int columns[COLUMNS] = {1, 2, 3, 4, 5, 8, 16, 32};

struct cell_case {
    const char *name, *header;
    int gates;
    int latency[COLUMNS], second[COLUMNS]; // second: 0 where it has no second phase
    const char *more;                      // definitions; NULL: none
};

#define OF_COLUMNS(latency)                                                                        \
    {                                                                                              \
        latency(1), latency(2), latency(3), latency(4), latency(5), latency(8), latency(16),       \
            latency(32)                                                                            \
    }
#define NO_SECOND(lc) 0
static const struct cell_case cells[] = {
    {"lstm", "lstm", lstm_GATES, OF_COLUMNS(lstm_LATENCY), OF_COLUMNS(NO_SECOND), NULL},
    {"lstm_peephole", "lstm_peephole", lstm_peephole_GATES, OF_COLUMNS(lstm_peephole_LATENCY),
     OF_COLUMNS(NO_SECOND), "#define LAYER_CONSTANT_FRAC 13\n"},
    {"gru", "gru", gru_GATES, OF_COLUMNS(gru_LATENCY), OF_COLUMNS(NO_SECOND), NULL},
    {"gru_reset_first", "gru_reset_first", gru_reset_first_GATES,
     OF_COLUMNS(gru_reset_first_LATENCY), OF_COLUMNS(gru_reset_first_SECOND_LATENCY), NULL},
    {"rnn_tanh", "rnn", rnn_tanh_GATES, OF_COLUMNS(rnn_tanh_LATENCY), OF_COLUMNS(NO_SECOND), NULL},
    {"rnn_relu", "rnn", rnn_relu_GATES, OF_COLUMNS(rnn_relu_LATENCY), OF_COLUMNS(NO_SECOND), NULL},
};

// Of the claims about a variable, the nearest one: what the layer's columns wait for. 0: none.
static int64_t latency_of(const json_t *process, const char *variable) {
    const json_t *found = json_object_get(process, "dependences"), *one, *nearest = NULL;
    size_t i;
    json_array_foreach(found, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "variable")), variable) != 0)
            continue;
        ck_assert(json_is_true(json_object_get(one, "claimed")));
        if (!nearest || json_integer_value(json_object_get(one, "distance")) <
                            json_integer_value(json_object_get(nearest, "distance")))
            nearest = one;
    }
    if (!nearest)
        return 0;
    ck_assert_uint_gt(json_array_size(json_object_get(nearest, "path")), 10);
    return json_integer_value(json_object_get(nearest, "needed"));
}

// A layer whose weights are read by so many ports; more: definitions.
static void compile_with(const struct cell_case *cell, int inputs, int hidden, int lc, int ports,
                         int bits, const char *more) {
    char text[1024];
    snprintf(text, sizeof text,
             "#include \"frame/words.h\"\nMR_VECTOR(%d)\n#include \"cells/%s.h\"\n"
             "#define LAYER layer\n#define LAYER_CELL %s\n#define LAYER_INPUTS %d\n"
             "#define LAYER_HIDDEN %d\n#define LAYER_LC %d\n#define LAYER_PORTS %d\n"
             "#define LAYER_MEMORY %s\n#define LAYER_WEIGHT_BITS %d\n#define LAYER_COLUMN_BITS %d\n"
             "%s%s#include \"frame/layer.h\"\n"
             "void k(hls_stream(beat_t) *weights, hls_stream(vec%d_t) *x, hls_stream(vec%d_t) *h, "
             "hls_stream(unit_state_t) *state,\n"
             "       uint32_t command, uint32_t steps, uint32_t total, uint32_t flags) {\n    "
             "HLS(dataflow)\n"
             "    layer(weights, x, h, state, command, steps, total, flags);\n}\n",
             lc, cell->header, cell->name, inputs, hidden, lc, ports, ports > 1 ? "uram" : "auto",
             bits, bits, cell->more ? cell->more : "", more, lc, lc);
    compile_text(text);
}

static void compile_layer(const struct cell_case *cell, int inputs, int lc, int ports, int bits) {
    compile_with(cell, inputs, 40, lc, ports, bits, "");
}

START_TEST(test_latency) {
    const struct cell_case *cell = &cells[_i / COLUMNS];
    const int lc = columns[_i % COLUMNS];
    compile_layer(cell, 25, lc, 1, 16);
    json_t *root = read_json();
    json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    json_t *one;
    size_t i;
    // Of more than 16 columns the address of h leads to the banks through LUTs of its own, and so
    // stands in a register first: h is read a cycle later, which D does not count on.
    ck_assert_int_eq(latency_of(process, "h") + (lc > 16), cell->latency[_i % COLUMNS]);
    ck_assert_int_eq(latency_of(process, "second"), cell->second[_i % COLUMNS]);
    // The planner's cycles know of no loop that waits for its invariants.
    json_array_foreach(json_object_get(process, "loops"), i, one) {
        ck_assert_int_eq(json_integer_value(json_object_get(one, "settle_scalars")), 0);
        ck_assert_int_le(json_integer_value(json_object_get(one, "settle_registers")), 1);
    }
    ck_assert_int_eq(json_integer_value(json_object_get(process, "first_issue")), 2);
    check_paths(root);
    // LC multipliers a lane, the cells' beside them; the lanes are cut into tiles.
    ck_assert_int_ge(json_integer_value(json_object_get(process, "multipliers")),
                     cell->gates * 40 * lc);
    ck_assert_int_ge(json_integer_value(json_object_get(process, "lanes_per_tile")), 8);
    json_decref(root);
    mr_report_free(read_report());
}
END_TEST

// Up to 512 lanes of a gate one register leads to all tiles; more take a cycle, which the layer and
// the planner count.
START_TEST(test_wide_latency) {
    static const int units[] = {268, 508, 512, 520, 1024};
    const struct cell_case *cell = &cells[_i % 2];
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        compile_with(cell, 25, units[i], 1, 1, 16, "");
        json_t *root = read_json();
        ck_assert_int_eq(latency_of(json_array_get(json_object_get(root, "processes"), 0), "h"),
                         cell->latency[0] + MR_BROADCAST_LATENCY(units[i]));
        json_decref(root);
    }
}
END_TEST

// Lanes in several dies are so many registers away, and no more, however many there are.
START_TEST(test_latency_of_dies) {
    static const int units[] = {40, 1024}, crossings[] = {3, 5, 7};
    const struct cell_case *cell = &cells[_i];
    for (size_t i = 0; i < sizeof crossings / sizeof *crossings; i++) {
        const int crossing = crossings[i];
        char more[64];
        snprintf(more, sizeof more, "#define LAYER_CROSSING %d\n", crossing);
        compile_with(cell, 1, units[cell->second[0] ? 0 : i % 2], 1, 1, 16, more);
        json_t *root = read_json();
        const json_t *process = json_array_get(json_object_get(root, "processes"), 0);
        ck_assert_int_eq(latency_of(process, "h"), cell->latency[0] + crossing);
        ck_assert_int_eq(latency_of(process, "second"),
                         cell->second[0] ? cell->second[0] + crossing : 0);
        json_decref(root);
    }
}
END_TEST

// Of passes whose steps take thousands of cycles it is seen, too, that none waits for its state:
// else hlsc refuses them.
START_TEST(test_long_passes) {
    compile_with(&cells[_i], 799, 902, 1, 1, 8, "#define LAYER_PASSES 6\n");
}
END_TEST

// Two ports, and block RAM or UltraRAM, make no layer slower: it has the D of its cell, and tiles.
// Without THOROUGH an even number of columns, an odd one and the most.
START_TEST(test_latency_of_ports) {
    const struct cell_case *cell = &cells[_i / COLUMNS];
    const int lc = columns[_i % COLUMNS];
    if (lc < 2 || (lc != 2 && lc != 5 && lc != 32 && !getenv("THOROUGH")))
        return;
    compile_layer(cell, 1, lc, 2, 16); // so D cycles from h to its column, and no more
    json_t *root = read_json();
    const json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    ck_assert_int_le(latency_of(process, "h"), cell->latency[_i % COLUMNS]);
    ck_assert_int_le(latency_of(process, "second"), cell->second[_i % COLUMNS]);
    ck_assert_int_ge(json_integer_value(json_object_get(process, "lanes_per_tile")), 8);
    check_paths(root);
    json_decref(root);
}
END_TEST

static int64_t layer_multipliers(const struct cell_case *cell, int lc, int ports, int bits) {
    compile_layer(cell, 1, lc, ports, bits);
    json_t *root = read_json();
    const json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    const int64_t multipliers = json_integer_value(json_object_get(process, "multipliers"));
    json_decref(root);
    return multipliers;
}

// Sums over the columns of either port share multipliers with those of another row, as the sum over
// all columns does.
START_TEST(test_pairs_of_ports) {
    static const int several[] = {2, 3, 5}; // the columns of a port may be one, or an odd number
    const struct cell_case *cell = &cells[_i / 3];
    const int lc = several[_i % 3];
    ck_assert_int_eq(layer_multipliers(cell, lc, 2, 8), layer_multipliers(cell, lc, 1, 8));
    ck_assert_int_lt(layer_multipliers(cell, lc, 2, 8), layer_multipliers(cell, lc, 2, 16));
}
END_TEST

// At one column a cycle rows of 8 bits share multipliers too, where there are several. Their sums
// grow outside of them, which takes the cycle that layer and planner count.
START_TEST(test_pairs_of_one_column) {
    const struct cell_case *cell = &cells[_i];
    const int late = MR_PAIRED_LATENCY(1, 8);
    compile_layer(cell, 25, 1, 1, 8);
    json_t *root = read_json();
    const json_t *process = json_array_get(json_object_get(root, "processes"), 0);
    ck_assert_int_eq(late, 1);
    ck_assert_int_eq(latency_of(process, "h"), cell->latency[0] + late);
    ck_assert_int_eq(latency_of(process, "second"), cell->second[0] ? cell->second[0] + late : 0);
    check_paths(root);
    json_decref(root);
    ck_assert_int_eq(layer_multipliers(cell, 1, 1, 16) - layer_multipliers(cell, 1, 1, 8),
                     cell->gates * 40 / 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_layers");
    TCase *tcase = tcase_create("layers");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_latency, 0, COLUMNS * (int)(sizeof cells / sizeof *cells));
    tcase_add_loop_test(tcase, test_wide_latency, 0, 2);
    tcase_add_loop_test(tcase, test_latency_of_dies, 0, (int)(sizeof cells / sizeof *cells));
    tcase_add_loop_test(tcase, test_long_passes, 0, 2);
    tcase_add_loop_test(tcase, test_latency_of_ports, 0,
                        COLUMNS * (int)(sizeof cells / sizeof *cells));
    tcase_add_loop_test(tcase, test_pairs_of_ports, 0, 3 * (int)(sizeof cells / sizeof *cells));
    tcase_add_loop_test(tcase, test_pairs_of_one_column, 0, (int)(sizeof cells / sizeof *cells));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
