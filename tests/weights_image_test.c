// SPDX-License-Identifier: Apache-2.0
// The weight image read back by a transcription of load_lanes.h with LC as a variable: it must give
// back the weights of the model. (generate_test.c runs the kernels themselves on it.)
#define _POSIX_C_SOURCE 200809L
#include "plan_fixture.h"
#include "weights_image.h"

enum { UNITS = 18, INPUTS = 17 };

static void marks(struct mr_op *op) {
    struct mr_rows *rows = &op->rows;
    const int columns = op->inputs + (op->kind->recurrent ? op->units : 0);
    ck_assert_int_eq(
        mr_rows_create(rows, op->kind->gates * op->units, columns, op->kind->sums * op->units), 0);
    for (int i = 0; i < rows->rows * columns; i++)
        rows->weight[i] =
            (int16_t)(op->precision.weight_bits == 8 ? (int8_t)(i * 31 + 7) : i * 31 + 7);
    for (int s = 0; s < rows->sums; s++) {
        rows->bias[s] = (int64_t)(s % 2 ? -1 : 1) * (INT64_C(0x123456789ab) + s);
        rows->shift[s] = 1 + s % 31;
    }
    if (op->kind->constants)
        ck_assert_int_eq(mr_rows_constants(rows, mr_op_constants(op)), 0);
    for (int i = 0; i < mr_op_constants(op); i++)
        rows->constant[i] = (i % 2 ? -1 : 1) * (0x1abcd + i);
}

// One recurrent operator with UNITS units and INPUTS inputs, and two outputs.
static void one_layer(struct mr_network *network, const char *cell, int weight_bits) {
    ck_assert_int_eq(mr_network_create(network, INPUTS), 0);
    int stream = net_add(network, cell, 0, UNITS, MR_ACTIVATION_LINEAR);
    stream = net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    fixture_output(network, net_add(network, "dense", stream, 2, MR_ACTIVATION_LINEAR));
    network->ops[0].precision.weight_bits = weight_bits;
    marks(&network->ops[0]);
    marks(&network->ops[2]);
}

// The image and the reading position.
struct image {
    int16_t *beats;
    uint64_t count, next;
};

static const int16_t *take(struct image *image) {
    ck_assert_uint_lt(image->next, image->count);
    return image->beats + 32 * image->next++;
}

static int16_t weight_of(const unsigned char *bytes, int bits, int index) {
    return (int16_t)(bits == 8 ? (int8_t)bytes[index]
                               : (int16_t)(bytes[2 * index] | bytes[2 * index + 1] << 8));
}

// Reads units * columns words of gates * lc weights into w[column][gate][unit][c].
static void load_lanes(struct image *image, int bits, int gates, int units, int columns, int lc,
                       int16_t *w) {
    const int word = gates * lc, in_beat = 512 / bits;
    const int16_t *beat = NULL;
    int part = 0;
    for (int unit = 0; unit < units; unit++)
        for (int column = 0; column < columns; column++) {
            unsigned char taken[128 * 8];
            const size_t bytes = (size_t)bits / 8;
            if (word <= in_beat) {
                if (part == 0)
                    beat = take(image);
                memcpy(taken, (const char *)beat + (size_t)(part * word) * bytes,
                       (size_t)word * bytes);
                part = part == in_beat / word - 1 ? 0 : part + 1;
            } else {
                for (int p = 0; p < (word + in_beat - 1) / in_beat; p++)
                    memcpy(taken + 64 * p, take(image), 64);
            }
            for (int g = 0; g < gates; g++)
                for (int c = 0; c < lc; c++)
                    w[((column * gates + g) * units + unit) * lc + c] =
                        weight_of(taken, bits, g * lc + c);
        }
}

// Compares what was loaded with the rows of the model: column words of x, then of h.
static void check_lanes(const int16_t *w, const struct mr_rows *rows, int gates, int units,
                        int inputs, int hidden, int lc, int ports) {
    const int x_words = (inputs + lc - 1) / lc, h_words = (hidden + lc - 1) / lc;
    const int words = x_words + h_words, port_lc = (lc + ports - 1) / ports;
    for (int word = 0; word < ports * words; word++) // those of the second port behind the others
        for (int g = 0; g < gates; g++)
            for (int unit = 0; unit < units; unit++)
                for (int c = 0; c < port_lc; c++) {
                    const int column = word % words, within = word / words * port_lc + c;
                    const bool of_h = column >= x_words;
                    const int at = (of_h ? column - x_words : column) * lc + within;
                    const bool real = within < lc && at < (of_h ? hidden : inputs);
                    const int index = (g * units + unit) * (inputs + hidden) + (of_h ? inputs : 0);
                    ck_assert_int_eq(w[((word * gates + g) * units + unit) * port_lc + c],
                                     real ? rows->weight[index + at] : 0);
                }
}

static void check_biases(struct image *image, const struct mr_op *op, int padded) {
    const struct mr_rows *rows = &op->rows;
    const int sums = op->kind->sums, units = op->units, end = 4 * sums + 2 * op->kind->constants;
    for (int unit = 0; unit < padded; unit++) {
        const int16_t *v = take(image);
        for (int s = 0; s < sums; s++) {
            const int64_t high = (int64_t)v[4 * s + 2] * 65536 * 65536;
            const int64_t middle = (int64_t)(uint16_t)v[4 * s + 1] * 65536;
            const int64_t bias = high + (middle + (uint16_t)v[4 * s]);
            ck_assert_int_eq(bias, unit < units ? rows->bias[s * units + unit] : 0);
            ck_assert_int_eq(v[4 * s + 3], unit < units ? rows->shift[s * units + unit] : 0);
        }
        for (int n = 0; n < op->kind->constants; n++) {
            const int32_t high = v[4 * sums + 2 * n + 1], low = (uint16_t)v[4 * sums + 2 * n];
            ck_assert_int_eq(high * 65536 + low,
                             unit < units ? rows->constant[n * units + unit] : 0);
        }
        for (int e = end; e < 32; e++)
            ck_assert_int_eq(v[e], 0);
    }
}

static void check_reads_back(const char *cell, int weight_bits, int lc, int ports) {
    struct mr_network network;
    one_layer(&network, cell, weight_bits);
    struct mr_plan plan;
    ck_assert_int_eq(fixture_evaluate(&network, &lc, &plan, NULL, 0), 0);
    plan.ops[0].layout.ports = ports;
    struct mr_error error = {0};
    struct image image = {0};
    image.beats = mr_weights_image(&plan, &image.count, &error);
    ck_assert_msg(image.beats != NULL, "%s", error.text);
    ck_assert_uint_eq(image.count, mr_weights_total_beats(&plan));
    const struct mr_op *layer = &network.ops[0], *head = &network.ops[2];
    const int gates = layer->kind->gates;
    const int x_words = (INPUTS + lc - 1) / lc;
    const int h_words = (UNITS + lc - 1) / lc;
    const int words = ports * (x_words + h_words), port_lc = (lc + ports - 1) / ports;
    int16_t *w = calloc((size_t)(words * gates * UNITS * port_lc), sizeof *w);
    ck_assert_ptr_nonnull(w);
    load_lanes(&image, weight_bits, gates, UNITS, words, port_lc, w);
    check_lanes(w, &layer->rows, gates, UNITS, INPUTS, UNITS, lc, ports);
    check_biases(&image, layer, h_words * lc);
    ck_assert_uint_eq(image.next, mr_weights_beats(&plan, 0));
    ck_assert_uint_eq(mr_weights_beats(&plan, 1), 0);
    free(w);
    w = calloc((size_t)(h_words * 2 * lc), sizeof *w);
    ck_assert_ptr_nonnull(w);
    load_lanes(&image, 16, 1, 2, h_words, lc, w);
    check_lanes(w, &head->rows, 1, 2, UNITS, 0, lc, 1);
    check_biases(&image, head, 2);
    ck_assert_uint_eq(image.next, image.count);
    free(w);
    free(image.beats);
    mr_network_free(&network);
}

START_TEST(reads_back) {
    for (size_t i = 0; mr_op_kind_at(i); i++)
        if (mr_op_kind_at(i)->recurrent) {
            for (int ports = 1; ports <= 2 && ports <= _i; ports++) {
                check_reads_back(mr_op_kind_at(i)->name, 16, _i, ports);
                check_reads_back(mr_op_kind_at(i)->name, 8, _i, ports);
            }
        }
}
END_TEST

START_TEST(beat_counts) {
    struct mr_network network;
    const int lc[] = {1, 2};
    struct mr_plan plan;
    fixture_chain(&network, 25, 2, (const int[]){25, 25}, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
    ck_assert_uint_eq(mr_weights_beats(&plan, 0), 182); // 25 * 50 words, 8 a beat, and 25 units
    ck_assert_uint_eq(mr_weights_beats(&plan, 1), 189); // 25 * 26 words, 4 a beat, and 26 units
    ck_assert_uint_eq(mr_weights_beats(&plan, 2), 0);
    ck_assert_uint_eq(mr_weights_beats(&plan, 3), 2);
    ck_assert_uint_eq(mr_weights_total_beats(&plan), 373);
    network.ops[0].precision.weight_bits = 8;
    ck_assert_uint_eq(mr_weights_beats(&plan, 0), 104); // 16 words a beat
    ck_assert_uint_eq(mr_weights_beats(&plan, 1), 189);
    mr_network_free(&network);
}
END_TEST

START_TEST(misfits_are_refused) {
    struct mr_network network;
    const int lc = 1;
    struct mr_plan plan;
    struct mr_error error = {0};
    uint64_t beats;
    one_layer(&network, "lstm", 16);
    ck_assert_int_eq(fixture_evaluate(&network, &lc, &plan, NULL, 0), 0);
    network.ops[2].rows.bias[1] = INT64_C(1) << 47;
    ck_assert_ptr_null(mr_weights_image(&plan, &beats, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "head: the bias of row 1"));
    network.ops[0].rows.shift[3] = 32;
    ck_assert_ptr_null(mr_weights_image(&plan, &beats, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "lstm0: the shift of row 3 is 32"));
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("weights_image");
    TCase *tests = tcase_create("weights_image");
    tcase_add_loop_test(tests, reads_back, 1, UNITS + 1);
    tcase_add_test(tests, beat_counts);
    tcase_add_test(tests, misfits_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
