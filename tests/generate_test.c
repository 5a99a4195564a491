// SPDX-License-Identifier: Apache-2.0
// The generated network source: its text, and what it computes. gcc compiles it with the kernels,
// it loads the packed weight image, and its outputs must equal the plain reference's bit for bit.
#define _POSIX_C_SOURCE 200809L
#include "generate.h"
#include "plan_fixture.h"
#include "quantise.h"
#include "weights_image.h"

#include <sys/stat.h>

#define FOLDER "build/generate_test"

static struct mr_plan plan_of(const struct mr_shape *shape, const int *lc) {
    struct mr_plan plan;
    char error[512] = "";
    ck_assert_msg(mr_plan_evaluate(shape, lc, &plan, error, sizeof error) == 0, "%s", error);
    return plan;
}

static char *source_of(const struct mr_plan *plan) {
    char error[512] = "";
    char *source = mr_generate_network(plan, error, sizeof error);
    ck_assert_msg(source != NULL, "%s", error);
    return source;
}

START_TEST(text_of_two_layers) {
    const struct mr_shape shape = {.layer_count = 2, .layers = {{25, 25}, {25, 25}}, .outputs = 1};
    const int lc[] = {1, 2};
    const struct mr_plan plan = plan_of(&shape, lc);
    char *source = source_of(&plan);
    static const char *const lines[] = {
        "MR_VECTOR(1)\nMR_VECTOR(2)\n",
        "#include \"cells/lstm.h\"\n#define LAYER lstm0\n#define LAYER_CELL lstm\n"
        "#define LAYER_INPUTS 25\n#define LAYER_HIDDEN 25\n#define LAYER_LC "
        "1\n",
        "#define RESIZE resize1\n#define RESIZE_COUNT 25\n#define RESIZE_FROM 1\n#define RESIZE_TO "
        "2\n",
        "#define LAST last\n#define LAST_COUNT 25\n#define LAST_LC 2\n",
        "#define DENSE_ACTIVATION MR_LINEAR\n",
        "mr_relay(weights, lstm0_weights, 182);",
        "mr_relay(weights, lstm1_weights, 189);",
        "mr_relay(weights, head_weights, 2);",
        "void network(hls_stream(beat_t) *weights, hls_stream(vec1_t) *x,",
        "hls_stream(int32_t) *y, hls_stream(beat_t) *state_in,\n"
        "             hls_stream(beat_t) *state_out, uint32_t command, uint32_t sequences,\n"
        "             uint32_t steps, uint32_t total, uint32_t flags) {",
        "HLS_CHANNEL(vec1_t, h0);\n    HLS(stream variable=h0 depth=32)\n",
        "HLS_CHANNEL(vec2_t, r1);\n    HLS_CHANNEL(vec2_t, h1);\n"
        "    HLS(stream variable=h1 depth=16)\n    HLS_CHANNEL(vec2_t, hl);\n",
        "mr_relay(state_in, lstm0_weights, 25);\n        mr_relay(state_in, lstm1_weights, 26);",
        "mr_save(lstm0_state, state_out, 25);\n        mr_save(lstm1_state, state_out, 26);",
        "    loader(weights, state_in, &w0, &w1, &w2, command);\n"
        "    lstm0(&w0, x, &h0, &s0, command, steps, total, flags);\n"
        "    resize1(&h0, &r1, command, total);\n"
        "    lstm1(&w1, &r1, &h1, &s1, command, steps, total, flags);\n"
        "    saver(&s0, &s1, state_out, command);\n"
        "    last(&h1, &hl, command, steps, total);\n"
        "    head(&w2, &hl, y, command, sequences);\n}\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_msg(strstr(source, lines[i]) != NULL, "not in the source: %s", lines[i]);
    char *again = source_of(&plan);
    ck_assert_str_eq(source, again);
    ck_assert_ptr_null(strstr(source, "EXPONENT"));
    free(again);
    free(source);
    // A wider range of cell states is another network.
    struct mr_shape wider = shape;
    wider.layers[1].cell_exponent = 5;
    const struct mr_plan wider_plan = plan_of(&wider, lc);
    source = source_of(&wider_plan);
    ck_assert_ptr_nonnull(strstr(source, "#define LAYER lstm1\n#define LAYER_CELL lstm\n#define "
                                         "LAYER_INPUTS 25\n#define LAYER_HIDDEN 25\n#define "
                                         "LAYER_LC 2\n#define LAYER_CELL_EXPONENT 5\n#include"));
    free(source);
}
END_TEST

START_TEST(equal_columns_need_no_repacking) {
    const struct mr_shape shape = {
        .layer_count = 2, .layers = {{3, 8}, {8, 4}}, .outputs = 2, .sigmoid = true};
    const int lc[] = {4, 4};
    const struct mr_plan plan = plan_of(&shape, lc);
    char *source = source_of(&plan);
    ck_assert_ptr_null(strstr(source, "resize"));
    ck_assert_ptr_nonnull(strstr(source, "lstm1(&w1, &h0, &h1, "));
    ck_assert_ptr_nonnull(strstr(source, "DENSE_ACTIVATION MR_SIGMOID"));
    free(source);
}
END_TEST

static void write_file(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "cannot write %s", path);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void random_rows(uint64_t *state, struct mr_rows *rows, int count, int columns) {
    ck_assert_int_eq(mr_rows_create(rows, count, columns), 0);
    for (int i = 0; i < count * columns; i++)
        rows->weight[i] = (int16_t)fixture_between(state, -3000, 3000);
    for (int r = 0; r < count; r++) {
        rows->bias[r] =
            (int64_t)(int32_t)fixture_random(state) * fixture_between(state, 1, 64) / 64;
        rows->shift[r] = fixture_between(state, 10, 16);
    }
}

static void random_weights(uint64_t *state, const struct mr_shape *shape,
                           struct mr_quantised *quantised) {
    memset(quantised, 0, sizeof *quantised);
    quantised->layer_count = shape->layer_count;
    quantised->layers = calloc((size_t)shape->layer_count, sizeof *quantised->layers);
    ck_assert_ptr_nonnull(quantised->layers);
    for (int l = 0; l < shape->layer_count; l++) {
        struct mr_quantised_layer *layer = &quantised->layers[l];
        layer->inputs = shape->layers[l].inputs;
        layer->hidden = shape->layers[l].hidden;
        layer->cell_exponent = shape->layers[l].cell_exponent;
        random_rows(state, &layer->gates, 4 * layer->hidden, layer->inputs + layer->hidden);
    }
    struct mr_quantised_head *head = &quantised->head;
    head->inputs = shape->layers[shape->layer_count - 1].hidden;
    head->outputs = shape->outputs;
    head->sigmoid = shape->sigmoid;
    head->frac_bits = calloc((size_t)head->outputs, sizeof *head->frac_bits);
    ck_assert_ptr_nonnull(head->frac_bits);
    random_rows(state, &head->rows, head->outputs, head->inputs);
    quantised->input_frac_bits =
        calloc((size_t)shape->layers[0].inputs, sizeof *quantised->input_frac_bits);
    ck_assert_ptr_nonnull(quantised->input_frac_bits);
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
    "    HLS_CHANNEL(int32_t, y);\n"
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
    const struct mr_plan_layer *first = &plan->layers[0];
    FILE *file = fopen(FOLDER "/x.bin", "wb");
    ck_assert_ptr_nonnull(file);
    for (int row = 0; row < SEQUENCES * STEPS; row++)
        for (int i = 0; i < first->x_words * first->lc; i++) {
            const int16_t value = i < first->inputs ? x[row * first->inputs + i] : 0;
            ck_assert_uint_eq(fwrite(&value, sizeof value, 1, file), 1);
        }
    ck_assert_int_eq(fclose(file), 0);
}

static void check_network(uint64_t *state, const struct mr_shape *shape, const int *lc) {
    const struct mr_plan plan = plan_of(shape, lc);
    struct mr_quantised quantised;
    random_weights(state, shape, &quantised);
    char error[512] = "";
    uint64_t beats = 0;
    int16_t *image = mr_weights_image(&plan, &quantised, &beats, error, sizeof error);
    ck_assert_msg(image != NULL, "%s", error);
    write_file(FOLDER "/weights.bin", image, (size_t)beats * 64);
    char *source = source_of(&plan);
    write_file(FOLDER "/network.c", source, strlen(source));
    write_file(FOLDER "/main.c", program, sizeof program - 1);
    const int count = SEQUENCES * STEPS * shape->layers[0].inputs;
    int16_t *x = calloc((size_t)count, sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (int i = 0; i < count; i++)
        x[i] = (int16_t)fixture_random(state);
    write_inputs(&plan, x);

    char command[512];
    snprintf(
        command, sizeof command,
        "${CC:-cc} -std=c11 -O1 -fwrapv -Wall -Werror -Wno-unknown-pragmas "
        "-Wno-unused-function -Wno-unused-label "
        "-Ihls/include -Ihls/kernels -Ibase/contract -DVECTOR=vec%d_t -DSEQUENCES=%d -DSTEPS=%d "
        "-DFOLDER='\"" FOLDER "\"' " FOLDER "/main.c -o " FOLDER "/main && " FOLDER "/main",
        lc[0], SEQUENCES, STEPS);
    ck_assert_msg(system(command) == 0, "failed: %s", command);

    int32_t *expected = calloc((size_t)(SEQUENCES * shape->outputs), sizeof *expected);
    int32_t *given = calloc((size_t)(SEQUENCES * shape->outputs) + 1, sizeof *given);
    ck_assert_ptr_nonnull(expected);
    ck_assert_ptr_nonnull(given);
    ck_assert_int_eq(mr_quantised_run(&quantised, x, SEQUENCES, STEPS, expected), 0);
    FILE *file = fopen(FOLDER "/y.bin", "rb");
    ck_assert_ptr_nonnull(file);
    const size_t outputs = (size_t)(SEQUENCES * shape->outputs);
    ck_assert_uint_eq(fread(given, sizeof *given, outputs + 1, file), outputs);
    fclose(file);
    for (size_t i = 0; i < outputs; i++)
        ck_assert_msg(given[i] == expected[i], "output %zu is %d and must be %d", i, (int)given[i],
                      (int)expected[i]);
    free(given);
    free(expected);
    free(x);
    free(source);
    free(image);
    mr_quantised_free(&quantised);
}

START_TEST(generated_networks_compute_the_reference) {
    const uint64_t seed = 4711;
    uint64_t state = seed;
    printf("generate_test: seed %llu\n", (unsigned long long)seed);
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    // Large words that take parts of beats, all kinds of repacking, units that do not fill a
    // vector.
    const struct mr_shape wide = {
        .layer_count = 3, .layers = {{7, 20}, {20, 9}, {9, 14}}, .outputs = 3, .sigmoid = true};
    check_network(&state, &wide, (const int[]){11, 4, 9});
    check_network(&state, &wide, (const int[]){3, 2, 5});
    for (int n = 0; n < 4; n++) {
        struct mr_shape shape;
        int lc[MR_MAX_LAYERS];
        fixture_shape(&state, 20, &shape, lc);
        for (int l = 0; l < shape.layer_count; l++)
            shape.layers[l].cell_exponent = fixture_between(&state, 0, 16);
        check_network(&state, &shape, lc);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("generate");
    TCase *tests = tcase_create("generate");
    tcase_set_timeout(tests, 240);
    tcase_add_test(tests, text_of_two_layers);
    tcase_add_test(tests, equal_columns_need_no_repacking);
    tcase_add_test(tests, generated_networks_compute_the_reference);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
