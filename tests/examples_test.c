// SPDX-License-Identifier: Apache-2.0
// The example kernels as C against references written another way, on random input. EXAMPLES_SEED
// chooses the seed, which is printed.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-label"
#pragma GCC diagnostic ignored "-Wunused-function"

#include "../hls/examples/arg_max.c"
#include "../hls/examples/bitonic_sort.c"
#include "../hls/examples/crc32.c"
#include "../hls/examples/fir.c"
#include "../hls/examples/histogram.c"
#include "../hls/examples/matmul.c"
#include "../hls/examples/matvec.c"
#include "../hls/examples/moving_median.c"
#include "../hls/examples/prefix_sum.c"
#include "../hls/examples/router.c"
#include "../hls/examples/run_length.c"
#include "../hls/examples/softmax.c"
#include "../hls/examples/top_k.c"
#include "../hls/examples/unsharp.c"

#include "random.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static uint64_t random_state;

static uint64_t draw(void) {
    return random_bits(&random_state);
}

static uint32_t draw_below(uint32_t limit) {
    return (uint32_t)(draw() % limit);
}

// Any bits, small ones, or an extreme.
static int16_t draw_sample(void) {
    const uint64_t bits = draw();
    switch (bits >> 60 & 3) {
    case 0:
        return (int16_t)(bits % 7) - 3;
    case 1:
        return bits & 1 ? INT16_MAX : INT16_MIN;
    default:
        return (int16_t)(uint16_t)bits;
    }
}

// What a kernel left in a stream, which must be all that it took.
#define ck_assert_drained(T, s) ck_assert_msg(waiting_##T(s) == 0, #s " holds more elements")
#define WAITING(T)                                                                                 \
    static inline size_t waiting_##T(const hls_stream(T) * s) {                                    \
        ck_assert_msg(!s->fifo.failed, "a stream was read more often than it was written");        \
        return (s->fifo.tail - s->fifo.head) / sizeof(T);                                          \
    }
WAITING(uint8_t)
WAITING(int16_t)
WAITING(uint16_t)
WAITING(int32_t)
WAITING(uint32_t)
WAITING(matvec_word_t)
WAITING(matmul_row_t)
WAITING(matmul_sums_t)
WAITING(prefix_word_t)
WAITING(bitonic_word_t)
WAITING(crc32_byte_t)
WAITING(run_t)
WAITING(arg_max_word_t)
WAITING(arg_max_t)
WAITING(top_entry_t)
WAITING(router_command_t)
WAITING(flit_t)

enum { VECTORS = 1000 };

START_TEST(fir_is_a_convolution) {
    enum { SAMPLES = 3 * VECTORS };
    static int16_t x[SAMPLES];
    HLS_CHANNEL(int16_t, in);
    HLS_CHANNEL(int16_t, out);

    for (int i = 0; i < SAMPLES; i++)
        hls_write(int16_t, &in, x[i] = draw_sample());
    fir(&in, &out, 1);
    fir(&in, &out, SAMPLES - 1);
    ck_assert_drained(int16_t, &in);
    for (int i = 0; i < SAMPLES; i++) {
        double sum = 0.0; // exact: less than 2^53
        for (int k = 0; k < FIR_TAPS && k <= i; k++)
            sum += (double)fir_taps[k] * x[i - k];
        const double rounded = floor(sum / 32768.0 + 0.5);
        const int wanted = rounded > 32767 ? 32767 : rounded < -32768 ? -32768 : (int)rounded;
        const int got = hls_read(int16_t, &out);
        ck_assert_msg(got == wanted, "sample %d is %d and not %d", i, got, wanted);
    }
    ck_assert_drained(int16_t, &out);
}
END_TEST

START_TEST(fir_passes_low_frequencies_only) {
    HLS_CHANNEL(int16_t, in);
    HLS_CHANNEL(int16_t, out);
    const double pi = acos(-1.0), frequency[2] = {0.02, 0.4}; // of the sampling rate
    double power[2] = {0.0, 0.0};

    for (int f = 0; f < 2; f++) {
        for (int i = 0; i < 500; i++)
            hls_write(int16_t, &in, (int16_t)lround(20000 * sin(2 * pi * frequency[f] * i)));
        fir(&in, &out, 500);
        for (int i = 0; i < 500; i++) {
            const double y = hls_read(int16_t, &out);
            power[f] += i >= FIR_TAPS ? y * y : 0.0;
        }
    }
    ck_assert_double_gt(power[0], 1000 * power[1]);
}
END_TEST

START_TEST(matvec_multiplies) {
    enum { N = VECTORS };
    static int16_t a[MATVEC_ROWS][MATVEC_COLUMNS], x[N][MATVEC_COLUMNS];
    HLS_CHANNEL(matvec_word_t, in);
    HLS_CHANNEL(int32_t, out);

    for (int w = 0; w < (MATVEC_ROWS + N) * (MATVEC_COLUMNS / MATVEC_LANES); w++) {
        const int row = w * MATVEC_LANES / MATVEC_COLUMNS;
        const int column = w * MATVEC_LANES % MATVEC_COLUMNS;
        matvec_word_t word;
        for (int k = 0; k < MATVEC_LANES; k++) {
            word.v[k] = draw_sample();
            *(row < MATVEC_ROWS ? &a[row][column + k] : &x[row - MATVEC_ROWS][column + k]) =
                word.v[k];
        }
        hls_write(matvec_word_t, &in, word);
    }
    matvec(&in, &out, N);
    ck_assert_drained(matvec_word_t, &in);
    for (int n = 0; n < N; n++) {
        for (int r = 0; r < MATVEC_ROWS; r++) {
            double sum = 0.0;
            for (int c = 0; c < MATVEC_COLUMNS; c++)
                sum += (double)a[r][c] * x[n][c];
            ck_assert_int_eq(hls_read(int32_t, &out), (int32_t)floor(sum / 32768.0 + 0.5));
        }
    }
    ck_assert_drained(int32_t, &out);
}
END_TEST

START_TEST(matmul_multiplies) {
    enum { N = VECTORS };
    static int16_t a[N][MATMUL_N][MATMUL_N], b[N][MATMUL_N][MATMUL_N];
    HLS_CHANNEL(int16_t, a_in);
    HLS_CHANNEL(matmul_row_t, b_in);
    HLS_CHANNEL(matmul_sums_t, out);

    for (int n = 0; n < N; n++) {
        for (int i = 0; i < MATMUL_N; i++) {
            matmul_row_t row;
            for (int j = 0; j < MATMUL_N; j++) {
                row.v[j] = b[n][i][j] = draw_sample();
                hls_write(int16_t, &a_in, a[n][i][j] = draw_sample());
            }
            hls_write(matmul_row_t, &b_in, row);
        }
    }
    matmul(&b_in, &a_in, &out, N);
    ck_assert_drained(int16_t, &a_in);
    ck_assert_drained(matmul_row_t, &b_in);
    for (int n = 0; n < N; n++) {
        for (int i = 0; i < MATMUL_N; i++) {
            const matmul_sums_t row = hls_read(matmul_sums_t, &out);
            for (int j = 0; j < MATMUL_N; j++) {
                double sum = 0.0;
                for (int k = 0; k < MATMUL_N; k++)
                    sum += (double)a[n][i][k] * b[n][k][j];
                ck_assert_int_eq(row.v[j], (int64_t)sum);
            }
        }
    }
    ck_assert_drained(matmul_sums_t, &out);
}
END_TEST

START_TEST(histogram_counts_and_clears) {
    HLS_CHANNEL(uint8_t, in);
    HLS_CHANNEL(uint32_t, out);

    for (int run = 0; run < 20; run++) {
        uint32_t wanted[HISTOGRAM_BINS] = {0}, samples = draw_below(4 * VECTORS);
        const uint32_t kinds = run % 2 ? HISTOGRAM_BINS : 3;
        for (uint32_t i = 0; i < samples; i++) {
            const uint8_t x = (uint8_t)draw_below(kinds);
            hls_write(uint8_t, &in, x);
            wanted[x]++;
        }
        histogram(&in, &out, samples);
        for (int b = 0; b < HISTOGRAM_BINS; b++)
            ck_assert_uint_eq(hls_read(uint32_t, &out), wanted[b]);
    }
    ck_assert_drained(uint8_t, &in);
    ck_assert_drained(uint32_t, &out);
}
END_TEST

START_TEST(prefix_sum_adds_one_by_one) {
    HLS_CHANNEL(prefix_word_t, in);
    HLS_CHANNEL(prefix_word_t, out);
    static uint32_t x[VECTORS][PREFIX_LANES];
    uint32_t sum = 0;

    for (int i = 0; i < VECTORS; i++) {
        prefix_word_t word;
        for (int k = 0; k < PREFIX_LANES; k++)
            word.v[k] = x[i][k] = (uint32_t)draw();
        hls_write(prefix_word_t, &in, word);
    }
    prefix_sum(&in, &out, VECTORS);
    for (int i = 0; i < VECTORS; i++) {
        const prefix_word_t word = hls_read(prefix_word_t, &out);
        for (int k = 0; k < PREFIX_LANES; k++)
            ck_assert_uint_eq(word.v[k], sum += x[i][k]);
    }
    ck_assert_drained(prefix_word_t, &in);
    ck_assert_drained(prefix_word_t, &out);
}
END_TEST

static int by_key(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

START_TEST(bitonic_sort_sorts_as_qsort) {
    HLS_CHANNEL(bitonic_word_t, in);
    HLS_CHANNEL(bitonic_word_t, out);
    static bitonic_word_t words[VECTORS];

    for (int i = 0; i < VECTORS; i++) {
        for (int k = 0; k < BITONIC_KEYS; k++)
            words[i].v[k] = (uint16_t)draw_sample();
        hls_write(bitonic_word_t, &in, words[i]);
        qsort(words[i].v, BITONIC_KEYS, sizeof words[i].v[0], by_key);
    }
    bitonic_sort(&in, &out, VECTORS);
    for (int i = 0; i < VECTORS; i++) {
        const bitonic_word_t word = hls_read(bitonic_word_t, &out);
        ck_assert_mem_eq(word.v, words[i].v, sizeof word.v);
    }
    ck_assert_drained(bitonic_word_t, &in);
    ck_assert_drained(bitonic_word_t, &out);
}
END_TEST

START_TEST(crc32_is_that_of_zlib) {
    HLS_CHANNEL(crc32_byte_t, in);
    HLS_CHANNEL(uint32_t, out);
    static uint32_t wanted[VECTORS];
    uint32_t total = 0;

    for (int m = 0; m < VECTORS; m++) {
        uint8_t message[100];
        const uint32_t length = 1 + draw_below(100);
        for (uint32_t i = 0; i < length; i++) {
            message[i] = (uint8_t)draw();
            hls_write(crc32_byte_t, &in, ((crc32_byte_t){message[i], i == length - 1}));
        }
        wanted[m] = (uint32_t)crc32(0, message, length);
        total += length;
    }
    crc32_bytes(&in, &out, total / 2); // a message may go on in the next run
    crc32_bytes(&in, &out, total - total / 2);
    for (int m = 0; m < VECTORS; m++)
        ck_assert_uint_eq(hls_read(uint32_t, &out), wanted[m]);
    ck_assert_drained(crc32_byte_t, &in);
    ck_assert_drained(uint32_t, &out);
}
END_TEST

START_TEST(run_length_decodes_to_its_input) {
    enum { BYTES = 20 * VECTORS };
    static uint8_t x[BYTES];
    HLS_CHANNEL(uint8_t, in);
    HLS_CHANNEL(run_t, out);
    int left = 0, at = 0, last = -1, pairs = 0;

    for (int i = 0; i < BYTES; i++) { // runs of all lengths, some longer than 255
        if (left-- == 0) {
            left = (int)draw_below(draw_below(8) == 0 ? 700 : 5);
            x[i] = (uint8_t)draw();
        } else {
            x[i] = i ? x[i - 1] : 0;
        }
        hls_write(uint8_t, &in, x[i]);
    }
    run_length(&in, &out, BYTES);
    run_length(&in, &out, 0);
    for (; waiting_run_t(&out) != 0; pairs++) {
        const run_t run = hls_read(run_t, &out);
        ck_assert_uint_ne(run.count, 0);
        ck_assert_msg(run.value != (last & 255) || last < 0 || last >= 255 << 8,
                      "pair %d could be part of the one before", pairs);
        for (int k = 0; k < run.count; k++)
            ck_assert_uint_eq(run.value, x[at++]);
        last = run.value | run.count << 8;
    }
    ck_assert_int_eq(at, BYTES);
    ck_assert_int_ge(pairs, VECTORS / 10);
    ck_assert_drained(uint8_t, &in);
}
END_TEST

static int by_sample(const void *a, const void *b) {
    return *(const int16_t *)a - *(const int16_t *)b;
}

START_TEST(moving_median_is_the_middle_of_the_sorted_window) {
    enum { SAMPLES = 3 * VECTORS };
    static int16_t x[MEDIAN_WINDOW - 1 + SAMPLES];
    HLS_CHANNEL(int16_t, in);
    HLS_CHANNEL(int16_t, out);

    for (int i = 0; i < SAMPLES; i++)
        hls_write(int16_t, &in, x[MEDIAN_WINDOW - 1 + i] = draw_sample());
    moving_median(&in, &out, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) {
        int16_t window[MEDIAN_WINDOW];
        memcpy(window, x + i, sizeof window);
        qsort(window, MEDIAN_WINDOW, sizeof window[0], by_sample);
        ck_assert_int_eq(hls_read(int16_t, &out), window[MEDIAN_WINDOW / 2]);
    }
    ck_assert_drained(int16_t, &in);
    ck_assert_drained(int16_t, &out);
}
END_TEST

START_TEST(arg_max_finds_the_first_of_the_greatest) {
    HLS_CHANNEL(arg_max_word_t, in);
    HLS_CHANNEL(arg_max_t, out);
    static arg_max_t wanted[VECTORS];
    uint32_t words = 0;

    for (int f = 0; f < VECTORS; f++) {
        const uint32_t length = 1 + draw_below(6);
        for (uint32_t i = 0; i < length; i++, words++) {
            arg_max_word_t word = {.last = i == length - 1};
            for (uint32_t k = 0; k < ARG_MAX_LANES; k++) {
                word.v[k] = f % 8 == 0 ? INT16_MIN : draw_sample();
                if (i + k == 0 || word.v[k] > wanted[f].value)
                    wanted[f] = (arg_max_t){word.v[k], i * ARG_MAX_LANES + k};
            }
            hls_write(arg_max_word_t, &in, word);
        }
    }
    arg_max(&in, &out, words);
    for (int f = 0; f < VECTORS; f++) {
        const arg_max_t best = hls_read(arg_max_t, &out);
        ck_assert_int_eq(best.value, wanted[f].value);
        ck_assert_uint_eq(best.place, wanted[f].place);
    }
    ck_assert_drained(arg_max_word_t, &in);
    ck_assert_drained(arg_max_t, &out);
}
END_TEST

static int by_rank(const void *a, const void *b) {
    const top_entry_t *x = a, *y = b;
    return x->value != y->value ? y->value - x->value : x->place < y->place ? -1 : 1;
}

START_TEST(top_k_is_the_head_of_the_sorted_numbers) {
    HLS_CHANNEL(int16_t, in);
    HLS_CHANNEL(top_entry_t, out);

    for (int f = 0; f < VECTORS; f++) {
        top_entry_t all[60];
        const uint32_t length = draw_below(60);
        for (uint32_t i = 0; i < length; i++) {
            all[i] = (top_entry_t){draw_sample(), i};
            hls_write(int16_t, &in, all[i].value);
        }
        qsort(all, length, sizeof all[0], by_rank);
        top_k(&in, &out, length);
        for (uint32_t j = 0; j < TOP_K && j < length; j++) {
            const top_entry_t entry = hls_read(top_entry_t, &out);
            ck_assert_int_eq(entry.value, all[j].value);
            ck_assert_uint_eq(entry.place, all[j].place);
        }
        ck_assert_drained(int16_t, &in);
        ck_assert_drained(top_entry_t, &out);
    }
}
END_TEST

START_TEST(softmax_is_close_to_that_of_doubles) {
    HLS_CHANNEL(int16_t, in);
    HLS_CHANNEL(uint16_t, out);
    static int16_t x[VECTORS][SOFTMAX_COLUMNS];
    double worst = 0.0;

    for (int r = 0; r < VECTORS; r++) {
        const int range = 1 << draw_below(16);
        for (int c = 0; c < SOFTMAX_COLUMNS; c++) {
            x[r][c] = r % 16 == 0 ? draw_sample() : (int16_t)((int)draw_below(2 * range) - range);
            hls_write(int16_t, &in, x[r][c]);
        }
    }
    softmax(&in, &out, VECTORS);
    for (int r = 0; r < VECTORS; r++) {
        double sum = 0.0, greatest = -1e9;
        for (int c = 0; c < SOFTMAX_COLUMNS; c++)
            greatest = fmax(greatest, x[r][c]);
        for (int c = 0; c < SOFTMAX_COLUMNS; c++)
            sum += exp((x[r][c] - greatest) / 256.0);
        for (int c = 0; c < SOFTMAX_COLUMNS; c++) {
            const double wanted = exp((x[r][c] - greatest) / 256.0) / sum;
            worst = fmax(worst, fabs(hls_read(uint16_t, &out) / 65536.0 - wanted));
        }
    }
    printf("softmax: largest error %.6f\n", worst);
    ck_assert_double_le(worst, 1.0 / 8192);
    ck_assert_drained(int16_t, &in);
    ck_assert_drained(uint16_t, &out);
}
END_TEST

START_TEST(router_delivers_packets_in_order) {
    HLS_CHANNEL(router_command_t, commands);
    HLS_CHANNEL(flit_t, in);
    HLS_CHANNEL(flit_t, out0);
    HLS_CHANNEL(flit_t, out1);
    HLS_CHANNEL(flit_t, out2);
    HLS_CHANNEL(flit_t, out3);
    hls_stream(flit_t) *const outs[4] = {&out0, &out1, &out2, &out3};
    HLS_CHANNEL(flit_t, want0);
    HLS_CHANNEL(flit_t, want1);
    HLS_CHANNEL(flit_t, want2);
    HLS_CHANNEL(flit_t, want3);
    hls_stream(flit_t) *const wants[4] = {&want0, &want1, &want2, &want3};
    int port_of[ROUTER_ADDRESSES] = {0};

    for (int run = 0; run < 3; run++) {
        for (int n = 0; n < VECTORS; n++) {
            const uint64_t bits = draw();
            router_command_t c = {(uint8_t)(bits >> 8 & 3), (uint8_t)(bits >> 16 & 63),
                                  (uint8_t)(bits >> 24 & 3), (uint8_t)(bits >> 32 & 7)};
            if (c.action == ROUTER_STOP)
                c.action = 77; // unknown: ignored
            hls_write(router_command_t, &commands, c);
            if (c.action == ROUTER_SET)
                port_of[c.address] = c.output;
            if (c.action != ROUTER_FORWARD && c.action != ROUTER_DROP)
                continue;
            for (int p = 0; p < c.count; p++) {
                const uint16_t address = (uint16_t)draw_below(ROUTER_ADDRESSES);
                const uint32_t length = 1 + draw_below(5);
                for (uint32_t i = 0; i < length; i++) {
                    const flit_t flit = {i ? (uint16_t)draw() : address, i == length - 1};
                    hls_write(flit_t, &in, flit);
                    if (c.action == ROUTER_FORWARD)
                        hls_write(flit_t, wants[port_of[address]], flit);
                }
            }
        }
        hls_write(router_command_t, &commands, ((router_command_t){.action = ROUTER_STOP}));
        router(&commands, &in, &out0, &out1, &out2, &out3);
        ck_assert_drained(router_command_t, &commands);
        ck_assert_drained(flit_t, &in);
        for (int o = 0; o < 4; o++) {
            ck_assert_uint_ne(waiting_flit_t(wants[o]), 0);
            ck_assert_uint_eq(waiting_flit_t(outs[o]), waiting_flit_t(wants[o]));
            while (waiting_flit_t(wants[o]) != 0) {
                const flit_t got = hls_read(flit_t, outs[o]), wanted = hls_read(flit_t, wants[o]);
                ck_assert_uint_eq(got.data, wanted.data);
                ck_assert_uint_eq(got.last, wanted.last);
            }
        }
    }
}
END_TEST

enum { IMAGE_ROWS = 20 };

static int pixel(uint8_t image[IMAGE_ROWS][UNSHARP_COLUMNS], int r, int c) {
    return r < 0 || r >= IMAGE_ROWS || c < 0 || c >= UNSHARP_COLUMNS ? 0 : image[r][c];
}

START_TEST(unsharp_sharpens_each_pixel) {
    HLS_CHANNEL(uint8_t, in);
    HLS_CHANNEL(uint8_t, out);
    static uint8_t image[IMAGE_ROWS][UNSHARP_COLUMNS];

    for (int n = 0; n < 10; n++) { // 12,800 pixels
        for (int i = 0; i < IMAGE_ROWS * UNSHARP_COLUMNS; i++)
            hls_write(uint8_t, &in,
                      image[i / UNSHARP_COLUMNS][i % UNSHARP_COLUMNS] = (uint8_t)draw_sample());
        unsharp(&in, &out, IMAGE_ROWS);
        for (int r = 0; r < IMAGE_ROWS; r++) {
            for (int c = 0; c < UNSHARP_COLUMNS; c++) {
                int sum = 0;
                for (int i = -1; i <= 1; i++)
                    for (int j = -1; j <= 1; j++)
                        sum += (2 - abs(i)) * (2 - abs(j)) * pixel(image, r + i, c + j);
                const double sharp = image[r][c] + floor(0.75 * (image[r][c] - floor(sum / 16.0)));
                ck_assert_uint_eq(hls_read(uint8_t, &out), (unsigned)fmin(fmax(sharp, 0.0), 255.0));
            }
        }
        ck_assert_drained(uint8_t, &in);
        ck_assert_drained(uint8_t, &out);
    }
}
END_TEST

int main(void) {
    const char *seed = getenv("EXAMPLES_SEED");
    Suite *suite = suite_create("examples");
    TCase *tests = tcase_create("examples");

    random_state = seed ? strtoull(seed, NULL, 0) : 1;
    printf("examples: seed %llu\n", (unsigned long long)random_state);
    fflush(stdout);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, fir_is_a_convolution);
    tcase_add_test(tests, fir_passes_low_frequencies_only);
    tcase_add_test(tests, matvec_multiplies);
    tcase_add_test(tests, matmul_multiplies);
    tcase_add_test(tests, histogram_counts_and_clears);
    tcase_add_test(tests, prefix_sum_adds_one_by_one);
    tcase_add_test(tests, bitonic_sort_sorts_as_qsort);
    tcase_add_test(tests, crc32_is_that_of_zlib);
    tcase_add_test(tests, run_length_decodes_to_its_input);
    tcase_add_test(tests, moving_median_is_the_middle_of_the_sorted_window);
    tcase_add_test(tests, arg_max_finds_the_first_of_the_greatest);
    tcase_add_test(tests, top_k_is_the_head_of_the_sorted_numbers);
    tcase_add_test(tests, softmax_is_close_to_that_of_doubles);
    tcase_add_test(tests, router_delivers_packets_in_order);
    tcase_add_test(tests, unsharp_sharpens_each_pixel);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
