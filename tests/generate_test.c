// SPDX-License-Identifier: Apache-2.0
// The generated network source: its text, and what it computes. gcc compiles it with the kernels,
// it loads the packed weight image, and its outputs must equal the plain reference's bit for bit.
#define _POSIX_C_SOURCE 200809L
#include "generate.h"
#include "plan_fixture.h"
#include "walk.h"
#include "weights_image.h"

#include <sys/stat.h>

#define FOLDER "build/generate_test"

static struct mr_plan plan_of(const struct mr_network *network, const int *lc) {
    struct mr_plan plan;
    char error[512] = "";
    ck_assert_msg(fixture_evaluate(network, lc, &plan, error, sizeof error) == 0, "%s", error);
    return plan;
}

static char *source_of(const struct mr_plan *plan) {
    static struct mr_pipeline pipeline;
    char error[512] = "";
    mr_pipeline_make(plan, &pipeline);
    char *source = mr_generate_network(plan, &pipeline, error, sizeof error);
    ck_assert_msg(source != NULL, "%s", error);
    return source;
}

static void expect_lines(const char *source, const char *const *lines, size_t count) {
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(strstr(source, lines[i]) != NULL, "not in the source: %s\n%s", lines[i],
                      source);
}

START_TEST(text_of_two_layers) {
    struct mr_network network;
    const int lc[] = {1, 2};
    fixture_chain(&network, 25, 2, (const int[]){25, 25}, 1, MR_ACTIVATION_LINEAR);
    const struct mr_plan plan = plan_of(&network, lc);
    char *source = source_of(&plan);
    static const char *const lines[] = {
        "// Generated from a plan: lstm0 25x25 (LC 1), lstm1 25x25 (LC 2), last 25x25 (LC 2), head "
        "25x1 (LC 2).\n",
        "MR_VECTOR(1)\nMR_VECTOR(2)\n",
        "#define LAYER lstm0\n#define LAYER_CELL lstm\n#define LAYER_INPUTS 25\n#define "
        "LAYER_HIDDEN 25\n#define LAYER_LC 1\n",
        "#define RESIZE resize1\n#define RESIZE_COUNT 25\n#define RESIZE_FROM 1\n#define RESIZE_TO "
        "2\n",
        "#define LAST last\n#define LAST_COUNT 25\n#define LAST_LC 2\n",
        "#define DENSE head\n#define DENSE_INPUTS 25\n#define DENSE_OUTPUTS 1\n#define DENSE_LC 2\n"
        "#define DENSE_OUT_LC 0\n",
        "mr_relay(weights, lstm0_weights, 182);",
        "mr_relay(weights, lstm1_weights, 189);",
        "mr_relay(weights, head_weights, 2);",
        "void network(hls_stream(beat_t) *weights, hls_stream(vec1_t) *x,",
        "hls_stream(int32_t) *y, hls_stream(beat_t) *state_in,\n"
        "             hls_stream(beat_t) *state_out, uint32_t command, uint32_t sequences,\n"
        "             uint32_t steps, uint32_t total, uint32_t flags) {",
        "HLS_CHANNEL(vec1_t, lstm0_out);\n    HLS(stream variable=lstm0_out depth=32)\n",
        "HLS_CHANNEL(vec2_t, resize1_out);\n    HLS_CHANNEL(vec2_t, lstm1_out);\n"
        "    HLS(stream variable=lstm1_out depth=16)\n",
        "HLS_CHANNEL(vec2_t, last_out);\n",
        "mr_relay(state_in, lstm0_weights, 25);\n        mr_relay(state_in, lstm1_weights, 26);",
        "mr_save(lstm0_state, state_out, 25);\n        mr_save(lstm1_state, state_out, 26);",
        "    loader(weights, state_in, &lstm0_weights, &lstm1_weights, &head_weights, command);\n"
        "    lstm0(&lstm0_weights, x, &lstm0_out, &lstm0_state, command, steps, total, flags);\n"
        "    resize1(&lstm0_out, &resize1_out, command, total);\n"
        "    lstm1(&lstm1_weights, &resize1_out, &lstm1_out, &lstm1_state, command, steps, total, "
        "flags);\n"
        "    last(&lstm1_out, &last_out, command, steps, total);\n"
        "    head(&head_weights, &last_out, y, command, sequences);\n"
        "    saver(&lstm0_state, &lstm1_state, state_out, command);\n}\n",
    };
    expect_lines(source, lines, sizeof lines / sizeof *lines);
    char *again = source_of(&plan);
    ck_assert_str_eq(source, again);
    ck_assert_ptr_null(strstr(source, "EXPONENT"));
    free(again);
    free(source);
    // A wider range of cell states is another network.
    network.ops[1].exponent = 5;
    source = source_of(&plan);
    ck_assert_ptr_nonnull(strstr(
        source, "#define LAYER lstm1\n#define LAYER_CELL lstm\n#define LAYER_INPUTS 25\n#define "
                "LAYER_HIDDEN 25\n#define LAYER_LC 2\n#define LAYER_CELL_EXPONENT 5\n#include"));
    free(source);
    mr_network_free(&network);
}
END_TEST

// Whatever is known by the source, built kernels and images, is another at another precision.
START_TEST(precisions_are_told_in_the_text) {
    static const struct {
        struct mr_precision precision;
        const char *lines;
    } precisions[] = {
        {{16, 16}, "#define LAYER_LC 2\n#include"},
        {{8, 16}, "#define LAYER_LC 2\n#define LAYER_WEIGHT_BITS 8\n#include"},
        {{8, 8},
         "#define LAYER_LC 2\n#define LAYER_WEIGHT_BITS 8\n#define LAYER_COLUMN_BITS 8\n#include"},
    };
    const int lc[] = {1, 2};
    struct mr_network network;
    fixture_chain(&network, 25, 2, (const int[]){25, 25}, 1, MR_ACTIVATION_LINEAR);
    for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++) {
        network.ops[1].precision = precisions[i].precision;
        const struct mr_plan plan = plan_of(&network, lc);
        char *source = source_of(&plan);
        expect_lines(source, &precisions[i].lines, 1);
        ck_assert_ptr_nonnull(strstr(source, "#define LAYER_LC 1\n#include"));
        free(source);
    }
    mr_network_free(&network);
}
END_TEST

START_TEST(equal_columns_need_no_repacking) {
    struct mr_network network;
    const int lc[] = {4, 4};
    fixture_chain(&network, 3, 2, (const int[]){8, 4}, 2, MR_ACTIVATION_SIGMOID);
    const struct mr_plan plan = plan_of(&network, lc);
    char *source = source_of(&plan);
    ck_assert_ptr_null(strstr(source, "resize"));
    ck_assert_ptr_nonnull(strstr(source, "lstm1(&lstm1_weights, &lstm0_out, &lstm1_out, "));
    free(source);
    mr_network_free(&network);
}
END_TEST

// Vectors of h go to the next layer, to a head at every step and out; the last step goes on, too.
START_TEST(text_of_several_outputs) {
    struct mr_network network;
    const int lc[] = {3, 2};
    ck_assert_int_eq(mr_network_create(&network, 4), 0);
    const int h0 = net_add(&network, "lstm", 0, 6, MR_ACTIVATION_LINEAR);
    const int h1 = net_add(&network, "lstm", h0, 5, MR_ACTIVATION_LINEAR);
    const int each = net_add(&network, "dense", h0, 2, MR_ACTIVATION_LINEAR);
    const int last = net_add(&network, "last", h1, 0, MR_ACTIVATION_LINEAR);
    fixture_output(&network, each);
    fixture_output(&network, last);
    fixture_output(&network, h0);
    const struct mr_plan plan = plan_of(&network, lc);
    char *source = source_of(&plan);
    static const char *const lines[] = {
        "#define FORK fork0\n#define FORK_COUNT 6\n#define FORK_LC 3\n#include \"glue/fork.h\"\n",
        "#define UNPACK unpack0\n#define UNPACK_COUNT 5\n#define UNPACK_LC 2\n"
        "#include \"glue/unpack.h\"\n",
        "#define UNPACK unpack1\n#define UNPACK_COUNT 6\n#define UNPACK_LC 3\n",
        "#define GATHER gather0\n#define GATHER_LC 0\n#define GATHER_A_STEP 2\n#define "
        "GATHER_A_LAST 0\n"
        "#define GATHER_B_STEP 0\n#define GATHER_B_LAST 5\n#include \"glue/gather.h\"\n",
        "#define GATHER gather1\n#define GATHER_LC 0\n#define GATHER_A_STEP 2\n#define "
        "GATHER_A_LAST 5\n"
        "#define GATHER_B_STEP 6\n#define GATHER_B_LAST 0\n",
        "    lstm0(&lstm0_weights, x, &lstm0_out, &lstm0_state, command, steps, total, flags);\n"
        "    fork0(&lstm0_out, &fork0_a, &fork0_b, command, total);\n"
        "    fork1(&fork0_b, &fork1_a, &fork1_b, command, total);\n"
        "    resize1(&fork0_a, &resize1_out, command, total);\n"
        "    lstm1(&lstm1_weights, &resize1_out, &lstm1_out, &lstm1_state, command, steps, total, "
        "flags);\n"
        "    head(&head_weights, &fork1_a, &head_out, command, total);\n"
        "    last(&lstm1_out, &last_out, command, steps, total);\n"
        "    unpack0(&last_out, &unpack0_out, command, sequences);\n"
        "    unpack1(&fork1_b, &unpack1_out, command, total);\n"
        "    gather0(&head_out, &unpack0_out, &gather0_out, command, steps, total);\n"
        "    gather1(&gather0_out, &unpack1_out, y, command, steps, total);\n"
        "    saver(&lstm0_state, &lstm1_state, state_out, command);\n}\n",
        "HLS_CHANNEL(int32_t, gather0_out);\n",
        "HLS_CHANNEL(int32_t, head_out);\n",
    };
    expect_lines(source, lines, sizeof lines / sizeof *lines);
    free(source);
    mr_network_free(&network);
}
END_TEST

// Vectors of the same size leave the network as they are.
START_TEST(text_of_vector_outputs) {
    struct mr_network network;
    const int lc[] = {3, 3};
    ck_assert_int_eq(mr_network_create(&network, 4), 0);
    const int h0 = net_add(&network, "lstm", 0, 7, MR_ACTIVATION_LINEAR);
    const int h1 = net_add(&network, "gru", h0, 5, MR_ACTIVATION_LINEAR);
    fixture_output(&network, h0);
    fixture_output(&network, net_add(&network, "last", h1, 0, MR_ACTIVATION_LINEAR));
    const struct mr_plan plan = plan_of(&network, lc);
    ck_assert_int_eq(plan.y_lc, 3);
    ck_assert_uint_eq(mr_plan_output_words(&plan, 10), 10 * 3 + 2);
    char *source = source_of(&plan);
    static const char *const lines[] = {
        "#define GATHER gather0\n#define GATHER_LC 3\n#define GATHER_A_STEP 3\n#define "
        "GATHER_A_LAST 0\n#define GATHER_B_STEP 0\n#define GATHER_B_LAST 2\n",
        "hls_stream(vec3_t) *y, hls_stream(beat_t) *state_in,\n",
        "    gather0(&fork0_b, &last_out, y, command, steps, total);\n",
    };
    expect_lines(source, lines, sizeof lines / sizeof *lines);
    ck_assert_ptr_null(strstr(source, "unpack"));
    free(source);
    mr_network_free(&network);
}
END_TEST

static void write_file(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot write %s", path);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

// A program around the generated source: weights and x from files, y to a file.
static const char program[] =
    "#include <stdio.h>\n"
    "#include \"network.c\"\n"
    "static void fill(struct hls_fifo *fifo, const char *path, size_t size) {\n"
    "    unsigned char item[64];\n"
    "    FILE *file = fopen(path, \"rb\");\n"
    "    while (file && fread(item, size, 1, file) == 1)\n"
    "        hls_fifo_push(fifo, item, size);\n"
    "    if (file)\n"
    "        fclose(file);\n"
    "}\n"
    "int main(void) {\n"
    "    HLS_CHANNEL(beat_t, weights);\n"
    "    HLS_CHANNEL(VECTOR, x);\n"
    "    HLS_CHANNEL(OUTPUT, y);\n"
    "    HLS_CHANNEL(beat_t, in);\n"
    "    HLS_CHANNEL(beat_t, out);\n"
    "    fill(&weights.fifo, FOLDER \"/weights.bin\", 64);\n"
    "    fill(&x.fifo, FOLDER \"/x.bin\", sizeof(VECTOR));\n"
    "    network(&weights, &x, &y, &in, &out, MR_COMMAND_LOAD, 0, 0, 0, 0);\n"
    "    network(&weights, &x, &y, &in, &out, MR_COMMAND_RUN, SEQUENCES, STEPS, SEQUENCES * "
    "STEPS, MR_FLAG_RESET);\n"
    "    if (weights.fifo.failed || x.fifo.failed || weights.fifo.head != weights.fifo.tail ||\n"
    "        x.fifo.head != x.fifo.tail)\n"
    "        return 3;\n"
    "    FILE *file = fopen(FOLDER \"/y.bin\", \"wb\");\n"
    "    fwrite(y.fifo.data + y.fifo.head, 1, y.fifo.tail - y.fifo.head, file);\n"
    "    return fclose(file);\n"
    "}\n";

enum { SEQUENCES = 3, STEPS = 5 };

static void write_inputs(const struct mr_plan *plan, const int16_t *x) {
    const int width = plan->network->streams[0].width;
    FILE *file = fopen(FOLDER "/x.bin", "wb");
    ck_assert_ptr_nonnull(file);
    for (int row = 0; row < SEQUENCES * STEPS; row++)
        for (int i = 0; i < mr_plan_words(width, plan->x_lc) * plan->x_lc; i++) {
            const int16_t value = i < width ? x[row * width + i] : 0;
            ck_assert_uint_eq(fwrite(&value, sizeof value, 1, file), 1);
        }
    ck_assert_int_eq(fclose(file), 0);
}

// The reference's numbers in the order of y: step by step, per step what comes once per step, and
// at the last one what comes once per sequence; in vectors, the last one of a row padded with
// zeros, where y has some.
static size_t in_order(const struct mr_plan *plan, const int32_t *from, int32_t *to) {
    const struct mr_network *network = plan->network;
    const size_t lc = plan->y_lc ? (size_t)plan->y_lc : 1;
    size_t count = 0;
    for (int n = 0; n < SEQUENCES; n++)
        for (int t = 0; t < STEPS; t++) {
            const int32_t *output = from;
            for (int o = 0; o < network->output_count; o++) {
                const size_t rows = mr_output_rows(network, o, STEPS);
                const size_t width = mr_output_numbers(network, o, STEPS) / rows;
                const size_t row = rows == 1 ? (size_t)n : (size_t)(n * STEPS + t);
                if (rows > 1 || t == STEPS - 1)
                    for (size_t i = 0; i < (width + lc - 1) / lc * lc; i++)
                        to[count++] = i < width ? output[row * width + i] : 0;
                output += SEQUENCES * rows * width;
            }
        }
    return count;
}

static void check_results(const struct mr_plan *plan, const int16_t *x) {
    const struct mr_network *network = plan->network;
    const size_t bytes =
        mr_plan_element_bits(plan->y_lc) / 8 / (plan->y_lc ? (size_t)plan->y_lc : 1);
    const size_t size =
        SEQUENCES * mr_plan_output_words(plan, STEPS) * (plan->y_lc ? (size_t)plan->y_lc : 1);
    int32_t *plain = calloc(size, sizeof *plain);
    int32_t *expected = calloc(size, sizeof *expected);
    int32_t *given = calloc(size + 1, sizeof *given);
    ck_assert_ptr_nonnull(plain);
    ck_assert_ptr_nonnull(expected);
    ck_assert_ptr_nonnull(given);
    ck_assert_int_eq(mr_integer_run(network, x, SEQUENCES, STEPS, plain), 0);
    ck_assert_uint_eq(in_order(plan, plain, expected), size);
    FILE *file = fopen(FOLDER "/y.bin", "rb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(given, bytes, size + 1, file), size);
    fclose(file);
    for (size_t i = 0; i < size; i++) {
        const int32_t number = plan->y_lc ? ((const int16_t *)given)[i] : given[i];
        ck_assert_msg(number == expected[i], "output %zu is %d and must be %d", i, (int)number,
                      (int)expected[i]);
    }
    free(given);
    free(expected);
    free(plain);
}

static void check_network(uint64_t *state, struct mr_network *network, const int *lc) {
    const struct mr_plan plan = plan_of(network, lc);
    fixture_weights(state, network);
    uint64_t beats = 0;
    struct mr_error reason;
    int16_t *image = mr_weights_image(&plan, &beats, &reason);
    ck_assert_msg(image != NULL, "%s", reason.text);
    write_file(FOLDER "/weights.bin", image, (size_t)beats * 64);
    char *source = source_of(&plan);
    write_file(FOLDER "/network.c", source, strlen(source));
    write_file(FOLDER "/main.c", program, sizeof program - 1);
    const int count = SEQUENCES * STEPS * network->streams[0].width;
    int16_t *x = calloc((size_t)count, sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (int i = 0; i < count; i++)
        x[i] = (int16_t)random_bits(state);
    write_inputs(&plan, x);

    char command[512], output[16] = "int32_t";
    if (plan.y_lc)
        snprintf(output, sizeof output, "vec%d_t", plan.y_lc);
    snprintf(command, sizeof command,
             "${CC:-cc} -std=c11 -O1 -fwrapv -Wall -Werror -Wno-unknown-pragmas "
             "-Wno-unused-function -Wno-unused-label -Ibase/contract "
             "-Ihls/include -Ihls/kernels -DVECTOR=vec%d_t -DOUTPUT=%s -DSEQUENCES=%d -DSTEPS=%d "
             "-DFOLDER='\"" FOLDER "\"' " FOLDER "/main.c -o " FOLDER "/main && " FOLDER "/main",
             plan.x_lc, output, SEQUENCES, STEPS);
    ck_assert_msg(system(command) == 0, "failed: %s", command);
    check_results(&plan, x);
    free(x);
    free(source);
    free(image);
    mr_network_free(network);
}

START_TEST(generated_networks_compute_the_reference) {
    const uint64_t seed = 4711;
    uint64_t state = seed;
    printf("generate_test: seed %llu\n", (unsigned long long)seed);
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    // Large words that take parts of beats, all kinds of repacking, units that do not fill a
    // vector.
    static const int lanes[][3] = {{11, 4, 9}, {3, 2, 5}};
    struct mr_network network;
    int lc[MR_MAX_LAYERS];
    for (int i = 0; i < 2; i++) {
        fixture_chain(&network, 7, 3, (const int[]){20, 9, 14}, 3, MR_ACTIVATION_SIGMOID);
        check_network(&state, &network, lanes[i]);
    }
    for (int n = 0; n < 4; n++) {
        fixture_random_chain(&state, 20, &network, lc);
        check_network(&state, &network, lc);
    }
    for (int n = 0; n < 8; n++) {
        fixture_random_graph(&state, 14, &network, lc);
        check_network(&state, &network, lc);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("generate");
    TCase *tests = tcase_create("generate");
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, text_of_two_layers);
    tcase_add_test(tests, precisions_are_told_in_the_text);
    tcase_add_test(tests, text_of_several_outputs);
    tcase_add_test(tests, text_of_vector_outputs);
    tcase_add_test(tests, equal_columns_need_no_repacking);
    tcase_add_test(tests, generated_networks_compute_the_reference);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
