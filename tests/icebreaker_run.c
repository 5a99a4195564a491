// SPDX-License-Identifier: Apache-2.0
// Runs a model on a Verilated board (sim/usb/pins.h), by the driver's packets and serial bits at
// the board's pins; time is the board's, so that a slow simulation is no silence. The result is
// compared with the integer walker's, bit for bit, for a sequence and for a second one step by
// step. Usage: icebreaker_run MODEL.millrace BOARD.so STEPS
#define _POSIX_C_SOURCE 200809L
#include "failure.h"
#include "folded_device.h"
#include "folded_image.h"
#include "folded_plan.h"
#include "link.h"
#include "made_network.h"
#include "model_handle.h"
#include "pins.h"
#include "plan_job.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 256, ROOM = 1 << 16 };

struct board {
    const struct mr_usb_pins *pins;
    void *instance;
    uint8_t come[ROOM]; // and not read yet
    size_t count;
};

static int step(struct board *board, const uint8_t *out, size_t *out_count,
                struct mr_error *error) {
    char text[500];
    size_t in = ROOM - board->count;
    if (board->pins->pass(board->instance, SLICE, out, out_count, board->come + board->count, &in,
                          text, sizeof text))
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    board->count += in;
    return 0;
}

static uint64_t now(void *self) {
    const struct board *board = self;
    return board->pins->nanoseconds(board->instance) / 1000000;
}

static int write_bytes(void *self, const void *bytes, size_t size, unsigned limit_ms,
                       size_t *written, struct mr_error *error) {
    const uint64_t end = now(self) + limit_ms;
    int code = 0;
    for (*written = 0; !code && *written < size && now(self) <= end;) {
        size_t count = size - *written;
        code = step(self, (const uint8_t *)bytes + *written, &count, error);
        *written += code ? 0 : count;
    }
    return code;
}

static int read_bytes(void *self, void *bytes, size_t size, unsigned limit_ms, size_t *count,
                      struct mr_error *error) {
    struct board *board = self;
    const uint64_t end = now(self) + limit_ms;
    int code = 0;
    size_t none = 0;
    while (!code && !board->count && now(self) <= end)
        code = step(board, NULL, &none, error);
    *count = board->count < size ? board->count : size;
    memcpy(bytes, board->come, *count);
    board->count -= *count;
    memmove(board->come, board->come + *count, board->count);
    return code;
}

static int reset(void *self, struct mr_error *error) {
    (void)error;
    ((struct board *)self)->count = 0;
    return 0;
}

static void close_board(void *self) {
    struct board *board = self;
    board->pins->close(board->instance);
    free(board);
}

static struct board *open_board(const char *path) {
    struct board *board = calloc(1, sizeof *board);
    char text[500] = "";
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(library != NULL, "%s", dlerror());
    const struct mr_usb_pins *(*describe)(void);
    *(void **)&describe = dlsym(library, "mr_usb_pins_describe");
    ck_assert_ptr_nonnull(board);
    board->pins = describe();
    board->instance = board->pins->open(text, sizeof text);
    ck_assert_msg(board->instance != NULL, "%s", text);
    board->pins->set_baud(board->instance, 3e6);
    return board;
}

static uint64_t run(struct mr_folded_device *device, const struct mr_plan *plan, const int16_t *x_q,
                    uint32_t steps, bool begins, int32_t *y) {
    struct data data = deal(plan, x_q, 1, steps);
    struct mr_error error = {0};
    struct mr_job job = {.sequences = 1,
                         .steps = steps,
                         .flags = begins ? MR_FLAG_RESET : 0,
                         .in = {{"x", data.x, data.x_words}},
                         .out = {{"y", data.y, data.y_words}}};
    ck_assert_msg(mr_folded_run(device, &job, &error) == 0, "%s", error.text);
    collect(plan, &data, 1, steps, y);
    free(data.x);
    free(data.y);
    return job.cycles;
}

static void compare(const char *what, const int32_t *y, const int32_t *wanted, size_t count) {
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(y[i] == wanted[i], "%s: number %zu is %d, not %d", what, i, y[i], wanted[i]);
}

static void check(struct mr_folded_device *device, const struct mr_network *n, uint32_t steps) {
    const size_t inputs = (size_t)n->streams[0].width, row = (size_t)mr_network_width(n),
                 count = mr_network_numbers(n, steps);
    struct mr_op_layout layouts[MR_MAX_LAYERS] = {0};
    struct mr_plan plan;
    struct mr_folded_plan planned;
    struct mr_error error = {0};
    char text[600];
    uint64_t seed = 7;
    for (int i = 0; i < n->op_count; i++)
        if (n->ops[i].kind->recurrent)
            layouts[n->ops[i].layer] = (struct mr_op_layout){.lc = 1, .passes = 1};
    ck_assert_msg(mr_plan_evaluate(n, layouts, 1, &plan, text, sizeof text) == 0, "%s", text);
    int16_t *x_q = make(steps * inputs, sizeof *x_q);
    int32_t *wanted = make(count, sizeof *wanted), *y = make(count, sizeof *y);
    for (size_t i = 0; i < steps * inputs; i++)
        x_q[i] = (int16_t)random_between(&seed, -32768, 32767);
    ck_assert_int_eq(mr_integer_run(n, x_q, 1, steps, wanted), 0);
    const uint64_t cycles = run(device, &plan, x_q, steps, true, y);
    compare("a sequence", y, wanted, count);
    for (uint32_t t = 0; t < steps; t++)
        run(device, &plan, x_q + t * inputs, 1, t == 0, y);
    compare("step by step", y, wanted + count - row, row);
    ck_assert_int_eq(mr_folded_plan_make(n, mr_board_at(0), &planned, &error), 0);
    ck_assert_uint_eq(cycles, mr_folded_cycles(&planned, 1, steps));
    printf("a sequence of %u steps and %u single steps are the walker's, bit for bit; %llu cycles, "
           "planned %llu\n",
           steps, steps, (unsigned long long)cycles,
           (unsigned long long)mr_folded_cycles(&planned, 1, steps));
    free(x_q);
    free(wanted);
    free(y);
}

static char **given;

START_TEST(test_board) {
    struct mr_error error = {0};
    struct mr_model *model = mr_model_open(given[1], &error);
    ck_assert_msg(model != NULL, "%s", error.text);
    const struct mr_network *n = mr_model_network(model);
    struct mr_op_layout layouts[MR_MAX_LAYERS] = {0};
    struct mr_plan plan;
    struct mr_folded_image image;
    struct mr_link link;
    struct mr_word_pipe words;
    char text[600];
    for (int i = 0; i < n->op_count; i++)
        if (n->ops[i].kind->recurrent)
            layouts[n->ops[i].layer] = (struct mr_op_layout){.lc = 1, .passes = 1};
    ck_assert_msg(mr_plan_evaluate(n, layouts, 1, &plan, text, sizeof text) == 0, "%s", text);
    ck_assert_msg(mr_folded_image_make(&plan, FOLDED_ROWS, &image, &error) == 0, "%s", error.text);
    const struct mr_byte_pipe pipe = {.self = open_board(given[2]),
                                      .write = write_bytes,
                                      .read = read_bytes,
                                      .reset = reset,
                                      .now = now,
                                      .close = close_board};
    ck_assert_msg(mr_link_open(&link, &pipe, "the netlist", 0, &error) == 0, "%s", error.text);
    struct mr_link_words *of = mr_link_words_open(&link, &error);
    ck_assert_msg(of != NULL, "%s", error.text);
    mr_link_words_pipe(of, &words);
    struct mr_folded_device *device = mr_folded_open(&words, &image.program, "the netlist", &error);
    ck_assert_msg(device != NULL, "%s", error.text);
    check(device, n, (uint32_t)strtoul(given[3], NULL, 10));
    mr_folded_close(device);
    mr_link_words_close(of);
    mr_link_close(&link);
    mr_folded_image_free(&image);
    mr_model_close(model);
}
END_TEST

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: icebreaker_run MODEL.millrace BOARD.so STEPS\n");
        return 2;
    }
    given = argv;
    Suite *suite = suite_create("icebreaker_run");
    TCase *cases = tcase_create("board");
    tcase_set_timeout(cases, 0);
    tcase_add_test(cases, test_board);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
