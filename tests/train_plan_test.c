// SPDX-License-Identifier: Apache-2.0
// The plan of a training engine at its ends: the largest mini-batches, layers and networks that one
// is planned for, what is refused, and where steps and parameters lie outside of the chip.
#include "device_table.h"
#include "int_device.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct mr_error error;

// What the scalars of an engine hold is planned, and no more.
START_TEST(sizes_at_their_ends) {
    static const struct {
        size_t batch, steps;
        int code;
    } sizes[] = {{1, 1, 0},
                 {2, 1, 0},
                 {1, 65535, 0},
                 {1, 65536, MR_ERROR_MODEL},
                 {65535, 1, 0},
                 {65536, 1, MR_ERROR_MODEL},
                 {32768, 2, 0},
                 {32768, 4, 0},
                 {32768, 5, MR_ERROR_MODEL}};
    struct mr_train_chain chain = {.inputs = 1, .layer_count = 1, .outputs = 1};
    struct mr_train_shape shape;
    chain.layers[0] = (struct mr_train_layer){.cell = MR_TRAIN_RNN_TANH, .inputs = 1, .units = 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct mr_trainer_options options = {.batch = sizes[i].batch,
                                                   .steps = sizes[i].steps};
        const int code = mr_train_shape_of(&chain, &options, MR_ENGINE_MULTIPLIERS, &shape, &error);
        ck_assert_msg(code == sizes[i].code, "%zu sequences of %zu steps: code %d, not %d",
                      sizes[i].batch, sizes[i].steps, code, sizes[i].code);
    }
    // 2^32 cycles.
    const struct mr_trainer_options long_ones = {.batch = 1, .steps = 65535};
    chain = (struct mr_train_chain){.inputs = 6144, .layer_count = 4, .outputs = 1};
    for (int i = 0; i < 4; i++)
        chain.layers[i] = (struct mr_train_layer){.cell = MR_TRAIN_RNN_TANH, .units = 2048};
    ck_assert_int_eq(mr_train_shape_of(&chain, &long_ones, 2048, &shape, &error), MR_ERROR_MODEL);
    ck_assert_msg(strstr(error.text, "too large"), "%s", error.text);
}
END_TEST

// Layers at the most that lanes sum up, and the widest that a network has.
START_TEST(layers_at_their_ends) {
    static const struct {
        int inputs, layers, units, code;
    } sizes[] = {{1, 1, 2047, 0},
                 {1, 1, 2048, 0},
                 {1, 1, 2049, MR_ERROR_MODEL},
                 {6144, 1, 2048, 0},
                 {6145, 1, 2048, MR_ERROR_MODEL},
                 {MR_MAX_WIDTH, 1, 1, MR_ERROR_MODEL},
                 {MR_MAX_WIDTH, 4, MR_MAX_WIDTH, MR_ERROR_MODEL}};
    const struct mr_trainer_options options = {.batch = 1, .steps = 1};
    struct mr_train_shape shape;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct mr_train_chain chain = {
            .inputs = sizes[i].inputs, .layer_count = sizes[i].layers, .outputs = 1};
        for (int l = 0; l < sizes[i].layers; l++)
            chain.layers[l] =
                (struct mr_train_layer){.cell = MR_TRAIN_LSTM, .units = sizes[i].units};
        const int code = mr_train_shape_of(&chain, &options, 1 << 20, &shape, &error);
        ck_assert_msg(code == sizes[i].code, "%d x %d over %d: code %d, not %d", sizes[i].layers,
                      sizes[i].units, sizes[i].inputs, code, sizes[i].code);
        ck_assert(!code || strstr(error.text, "8192 rows and columns at most"));
    }
}
END_TEST

// Of what is clipped: as many parameters as squares are added up of, counted without what fills
// words of LC.
START_TEST(parameters_at_their_ends) {
    static const struct {
        int inputs, outputs, code;
    } sizes[] = {{8159, 15, 0}, {8158, 16, MR_ERROR_MODEL}}; // 2^17 - 1 and 2^17
    const struct mr_trainer_options options = {.batch = 1, .steps = 1, .clip = 1};
    struct mr_train_chain chain = {.layer_count = 1};
    struct mr_train_shape shape;
    chain.layers[0] = (struct mr_train_layer){.cell = MR_TRAIN_RNN_TANH, .units = 16};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        chain.inputs = sizes[i].inputs;
        chain.outputs = sizes[i].outputs;
        for (int multipliers = 16; multipliers <= 16 * 9; multipliers += 16)
            ck_assert_int_eq(mr_train_shape_of(&chain, &options, multipliers, &shape, &error),
                             sizes[i].code);
    }
    // The fastest engine is not always one that has room, and another one is taken then.
    const struct mr_trainer_options large = {.batch = 2000, .steps = 50};
    chain = (struct mr_train_chain){.inputs = 8, .layer_count = 1, .outputs = 1};
    chain.layers[0] = (struct mr_train_layer){.cell = MR_TRAIN_LSTM, .units = 16};
    ck_assert_int_eq(mr_train_shape_of(&chain, &large, 512, &shape, &error), 0);
    ck_assert_int_eq(shape.nb, 2);
}
END_TEST

// S2 is planned with memory outside of the chip and its weights in three kinds on it, as blocks
// that hlsc's report counts; and so are its like.
START_TEST(memory_at_its_end) {
    const struct mr_target *target = mr_target_find(MR_TARGET_USUAL);
    const struct mr_trainer_options options = {.batch = 64, .steps = 100};
    struct mr_train_chain chain = {.inputs = 170, .layer_count = 3, .outputs = 1};
    struct mr_train_shape shape;
    for (int l = 0; l < 3; l++)
        chain.layers[l] = (struct mr_train_layer){.cell = MR_TRAIN_GRU, .units = 512};
    ck_assert_int_eq(mr_train_shape_of(&chain, &options, 7680, &shape, &error), 0);
    const struct mr_train_memory memory = mr_train_memory(&shape);
    ck_assert(shape.port);
    ck_assert_uint_eq(memory.parameters, 0);
    ck_assert(mr_train_fits(&shape, target));
    ck_assert_int_eq(shape.weights.storage, MR_STORAGE_BRAM);
    ck_assert_int_eq(shape.weights.last_from, 512);
    ck_assert_uint_eq(memory.use.lut, 120096 + 81920);
    ck_assert_uint_eq(memory.use.uram, 317 + 320 + 108 + 12);
    // Three ports have 512 beats of 513 bits in 15 halves of a block RAM, and 128 of 576 in 16.
    ck_assert_uint_eq(memory.use.bram18, 2815 + 63 + 2 * 49 + 90 + 27 + 3 * (15 + 16));
    ck_assert_uint_lt(mr_train_cycles(&shape, 100, true), 12000000); // 40 ms
    // Words of 64 bytes: of 3 layers 6,400 groups of 103 words, twice 6,400 x 103 from above, and
    // all parameters. The head has 64 of these groups twice, and gives as many to the last layer.
    ck_assert_uint_eq(memory.outside,
                      64 * ((3 + 2) * 6400ULL * 103 + mr_train_param_words(&shape)));
    ck_assert_uint_eq(memory.passed, 64 * ((6 + 4 + 4) * 6400ULL * 103 + (2 + 2) * 64ULL * 103 +
                                           2 * mr_train_param_words(&shape)));
    // With a head on every step, and with the reset gate in front.
    chain.per_step = true;
    ck_assert_int_eq(mr_train_shape_of(&chain, &options, 7680, &shape, &error), 0);
    ck_assert(shape.port && shape.per_step);
    ck_assert_uint_eq(mr_train_memory(&shape).passed,
                      64 * ((6 + 6 + 6) * 6400ULL * 103 + 2 * mr_train_param_words(&shape)));
    for (int l = 0; l < 3; l++)
        chain.layers[l].cell = MR_TRAIN_GRU_RESET_FIRST;
    ck_assert_int_eq(mr_train_shape_of(&chain, &options, 7680, &shape, &error), 0);
    ck_assert(shape.port);
}
END_TEST

// An external memory has a port for each 64 bytes of its words, as many as the card has banks for.
START_TEST(ports_of_wide_words) {
    const struct mr_trainer_options options = {.batch = 64, .steps = 100};
    struct mr_train_chain chain = {.inputs = 64, .layer_count = 4, .outputs = 1};
    struct mr_train_shape shape;
    for (int l = 0; l < 4; l++)
        chain.layers[l] = (struct mr_train_layer){.cell = MR_TRAIN_GRU, .units = 256};
    ck_assert_int_eq(mr_train_shape_of(&chain, &options, 7680, &shape, &error), 0);
    ck_assert(shape.port);
    ck_assert_int_eq(shape.lc, 10); // words of 960, 320 and 960 bits
    ck_assert_uint_eq(mr_train_ports(&shape), 5);
    const struct mr_train_memory five = mr_train_memory(&shape);
    struct mr_train_shape narrow = shape;
    narrow.lc = 5;
    ck_assert_uint_eq(mr_train_ports(&narrow), 3);
    // Four banks of DDR.
    struct mr_trainer_options ddr = options;
    ddr.target = "u250";
    ck_assert_int_eq(mr_train_shape_of(&chain, &ddr, 7680, &shape, &error), 0);
    ck_assert(shape.port);
    ck_assert_uint_le(mr_train_ports(&shape), 4);
    ck_assert_int_lt(shape.lc, 10);
    ck_assert_uint_lt(mr_train_memory(&shape).outside, five.outside);
    // On the chip there are none.
    shape.port = false;
    ck_assert_uint_eq(mr_train_ports(&shape), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_plan");
    TCase *ends = tcase_create("ends");
    tcase_add_test(ends, sizes_at_their_ends);
    tcase_add_test(ends, layers_at_their_ends);
    tcase_add_test(ends, parameters_at_their_ends);
    tcase_add_test(ends, memory_at_its_end);
    tcase_add_test(ends, ports_of_wide_words);
    suite_add_tcase(suite, ends);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
