// SPDX-License-Identifier: Apache-2.0
// hlsc's interpreters: they compute what C computes, and where a schedule or a range is wrong they
// name the operation.
#define _GNU_SOURCE
#define FOLDER "build/hlsc-interp"
#include "check.h"
#include "hlsc_fixture.h"
#include "interp.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct compiled made;
    struct interp *interp;
    struct cycle_interp *cycle;
    uint64_t scalars[8];
    struct queue streams[8], expect;
    char error[2048];
};

static void bench_open(struct bench *b, const char *text) {
    const struct compile_options options = kernel_options();
    memset(b, 0, sizeof *b);
    write_file("kernel.c", text);
    ck_assert_msg(compile_keep(&options, &b->made, b->error, sizeof b->error) == 0, "%s", b->error);
    for (int i = 0; i < 8; i++)
        queue_init(&b->streams[i], 32);
}

static void bench_close(struct bench *b) {
    interp_close(b->interp);
    cycle_close(b->cycle);
    for (int i = 0; i < 8; i++)
        queue_free(&b->streams[i]);
    compiled_free(&b->made);
}

// Parameters of all kernels here: in, out, n. Word k of the input is (k + 1) * 2654435761.
static void offer(struct bench *b, uint64_t n) {
    for (uint64_t k = 0; k < n; k++) {
        const uint64_t word = (uint32_t)((k + 1) * 2654435761u);
        queue_push(b->made.cc, &b->streams[0], &word);
    }
    queue_clear(&b->streams[1]);
    b->scalars[2] = n;
}

// true: the run went through; false: a sentence is in b->error.
static bool run(struct bench *b, bool by_cycle, uint64_t n, uint64_t *cycles) {
    struct interp_run r = {.scalars = b->scalars, .streams = b->streams};
    if (setjmp(b->made.cc->on_error) != 0) {
        memcpy(b->error, b->made.cc->error, sizeof b->made.cc->error);
        return false;
    }
    offer(b, n);
    if (by_cycle && !b->cycle)
        b->cycle = cycle_open(b->made.cc, b->made.net);
    if (!by_cycle && !b->interp)
        b->interp = interp_open(b->made.cc, b->made.net);
    if (by_cycle)
        cycle_run(b->cycle, &r);
    else
        interp_run(b->interp, &r);
    if (cycles)
        *cycles = r.cycles;
    return true;
}

static int32_t word_at(const struct bench *b, size_t k) {
    return (int32_t)b->streams[1].data[b->streams[1].first + k];
}

#define HEAD "#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\n"
#define TOP "void k(hls_stream(int32_t) *in, hls_stream(int32_t) *out, uint32_t n) {\n"

// What each iteration gives depends on a register, on the word of a memory that was written 16
// iterations before, and on a sum over lanes.
static const char text[] = HEAD TOP "    static int32_t table[16], total;\n"
                                    "    for (uint32_t i = 0; i < n; i++) {\n"
                                    "        HLS(pipeline II=1)\n"
                                    "        const int32_t x = hls_read(int32_t, in);\n"
                                    "        int32_t part[4], sum = 0;\n"
                                    "        for (int l = 0; l < 4; l++) {\n"
                                    "            HLS(unroll)\n"
                                    "            part[l] = (x >> l) & 255;\n"
                                    "        }\n"
                                    "        for (int l = 0; l < 4; l++) {\n"
                                    "            HLS(unroll)\n"
                                    "            sum += part[l] * (l + 1);\n"
                                    "        }\n"
                                    "        const int32_t old = table[i & 15];\n"
                                    "        table[i & 15] = x ^ old;\n"
                                    "        total += x;\n"
                                    "        if (x & 1)\n"
                                    "            hls_write(int32_t, out, sum + (total ^ old));\n"
                                    "    }\n"
                                    "}\n";

static size_t model(int32_t *table, int32_t *total, uint64_t n, int32_t *out) {
    size_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        const int32_t x = (int32_t)((i + 1) * 2654435761u);
        int32_t sum = 0;
        for (int l = 0; l < 4; l++)
            sum += ((x >> l) & 255) * (l + 1);
        const int32_t old = table[i & 15];
        table[i & 15] = x ^ old;
        *total = (int32_t)((uint32_t)*total + (uint32_t)x);
        if (x & 1)
            out[count++] = (int32_t)((uint32_t)sum + (uint32_t)(*total ^ old));
    }
    return count;
}

START_TEST(test_same_as_c) {
    const bool by_cycle = _i == 1;
    int32_t table[16] = {0}, total = 0, out[200];
    struct bench b;
    bench_open(&b, text);
    for (uint64_t n = 0; n <= 150; n += 75) { // registers and memories live from run to run
        uint64_t cycles = 0;
        ck_assert_msg(run(&b, by_cycle, n, &cycles), "%s", b.error);
        const size_t count = model(table, &total, n, out);
        ck_assert_uint_eq(b.streams[1].count, count);
        ck_assert_uint_eq(b.streams[0].count, 0);
        for (size_t k = 0; k < count; k++)
            ck_assert_int_eq(word_at(&b, k), out[k]);
        if (by_cycle)
            ck_assert_uint_ge(cycles, n + 4);
        if (by_cycle)
            ck_assert_uint_le(cycles, n + 40);
    }
    bench_close(&b);
}
END_TEST

static struct region *loop(struct bench *b) {
    return b->made.net->processes[0]->regions[0];
}

static struct op *find(struct bench *b, enum opcode code) {
    const struct process *p = b->made.net->processes[0];
    for (int i = 0; i < p->op_count; i++)
        if (!p->ops[i]->alias && p->ops[i]->code == code && loop(b)->schedule->time[i].needed)
            return p->ops[i];
    ck_abort_msg("there is no such operation");
    return NULL;
}

#define CONTAINS(bench, part)                                                                      \
    ck_assert_msg(strstr((bench)->error, part) != NULL, "'%s' is not in: %s", part, (bench)->error)

// A run that returns before a loop of steps leaves the loop's registers as they were; what stands
// behind the loop must not take these for the run's own.
START_TEST(test_return_before_steps) {
    static const uint64_t counts[] = {3, 0, 0, 2, 0};
    static const int32_t given[] = {0, 100, 100, 100, 200};
    struct bench b;
    bench_open(&b, HEAD TOP "    static int32_t late;\n    hls_write(int32_t, out, late);\n"
                            "    if (n == 0)\n        return;\n"
                            "    for (uint32_t i = 0; i < n; i++) {\n"
                            "        HLS(pipeline off)\n"
                            "        late += hls_read(int32_t, in) & 0;\n"
                            "    }\n    late += 100;\n}\n");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        ck_assert_msg(run(&b, _i, counts[i], NULL), "%s", b.error);
        ck_assert_msg(word_at(&b, 0) == given[i], "run %zu gives %d", i, word_at(&b, 0));
    }
    bench_close(&b);
}
END_TEST

START_TEST(test_late_register) {
    struct bench b;
    bench_open(&b, text);
    const struct region *r = loop(&b);
    ck_assert_int_eq(r->carried_count, 1);
    r->schedule->state_stage[0]++;
    ck_assert(!run(&b, true, 50, NULL));
    CONTAINS(&b, "schedule and program differ in operation");
    CONTAINS(&b, "total");
    CONTAINS(&b, "iteration 1:");
    ck_assert_msg(run(&b, false, 50, NULL), "%s", b.error); // the program itself is right
    bench_close(&b);
}
END_TEST

START_TEST(test_late_store) {
    struct bench b;
    bench_open(&b, text);
    const struct op *store = find(&b, IR_STORE), *load = find(&b, IR_LOAD);
    loop(&b)->schedule->time[store->id].start = loop(&b)->schedule->time[load->id].start + 16;
    ck_assert(!run(&b, true, 50, NULL));
    CONTAINS(&b, "schedule and program differ in operation table");
    CONTAINS(&b, "iteration 16:");
    CONTAINS(&b, "kernel.c:17:");
    bench_close(&b);
}
END_TEST

START_TEST(test_last_moment_of_a_store) {
    struct bench b;
    bench_open(&b, text);
    const struct op *store = find(&b, IR_STORE), *load = find(&b, IR_LOAD);
    loop(&b)->schedule->time[store->id].start = loop(&b)->schedule->time[load->id].start + 15;
    ck_assert_msg(run(&b, true, 50, NULL), "%s", b.error);
    bench_close(&b);
}
END_TEST

START_TEST(test_late_load) {
    struct bench b;
    bench_open(&b, text);
    const struct op *load = find(&b, IR_LOAD);
    loop(&b)->schedule->time[load->id].start += 100;
    loop(&b)->schedule->time[load->id].ready += 100;
    ck_assert(!run(&b, true, 50, NULL));
    CONTAINS(&b, "looks at table_");
    CONTAINS(&b, "and that is there in stage 10");
    bench_close(&b);
}
END_TEST

START_TEST(test_range) {
    struct bench b;
    bench_open(&b, text);
    struct op *view = find(&b, IR_AND);
    ck_assert_int_ge((int)view->high, 15);
    view->high = 7;
    ck_assert(!run(&b, false, 50, NULL));
    CONTAINS(&b, "and the compiler took its range for 0 to 7");
    bench_close(&b);
}
END_TEST

// What lies on a branch that is not taken may be anything.
START_TEST(test_range_of_branch) {
    struct bench b;
    bench_open(&b, HEAD TOP "    for (uint32_t i = 0; i < n; i++) {\n"
                            "        HLS(pipeline II=1)\n"
                            "        const int32_t x = hls_read(int32_t, in);\n"
                            "        hls_write(int32_t, out, (x & 1) ? x * 3 : x ^ 5);\n"
                            "    }\n"
                            "}\n");
    struct op *xor_op = find(&b, IR_XOR);
    xor_op->low = xor_op->high = 5; // of no use but for x = 0, the only word that is even
    const uint64_t words[] = {0, 1, 3, 5};
    struct interp_run r = {.scalars = b.scalars, .streams = b.streams};
    b.scalars[2] = 4;
    if (setjmp(b.made.cc->on_error) != 0)
        ck_abort_msg("%s", b.made.cc->error);
    b.interp = interp_open(b.made.cc, b.made.net);
    for (int k = 0; k < 4; k++)
        queue_push(b.made.cc, &b.streams[0], &words[k]);
    interp_run(b.interp, &r);
    ck_assert_uint_eq(b.streams[1].count, 4);
    ck_assert_int_eq(word_at(&b, 0), 5);
    ck_assert_int_eq(word_at(&b, 3), 15);
    ck_assert(!run(&b, false, 3, NULL)); // with an even word that is not 0
    CONTAINS(&b, "range");
    bench_close(&b);
}
END_TEST

// A loop that is started before its words are stored: the interval is claimed to be less than it
// is.
START_TEST(test_short_interval) {
    struct bench b;
    bench_open(&b, HEAD TOP "    static int32_t table[4];\n"
                            "    for (uint32_t i = 0; i < n; i++) {\n"
                            "        HLS(pipeline)\n"
                            "        const int32_t x = hls_read(int32_t, in);\n"
                            "        const int32_t y = table[(x >> 9) & 3] * x + 1;\n"
                            "        table[(x >> 9) & 3] = y;\n"
                            "        hls_write(int32_t, out, y);\n"
                            "    }\n"
                            "}\n");
    uint64_t slow = 0;
    ck_assert_int_gt(loop(&b)->schedule->ii, 1);
    ck_assert_msg(run(&b, true, 40, &slow), "%s", b.error);
    ck_assert_uint_ge(slow, 40 * (uint64_t)loop(&b)->schedule->ii);
    cycle_close(b.cycle);
    b.cycle = NULL;
    loop(&b)->schedule->ii = 1;
    ck_assert(!run(&b, true, 40, NULL));
    CONTAINS(&b, "schedule and program differ in operation table");
    bench_close(&b);
}
END_TEST

// ---- with Verilator

// hlsc check or cosim of `text`, with a program of this name instead of Verilator (NULL: itself).
static int check_text(const char *kernel, const char *verilator, struct check_options *options,
                      char *error, size_t size) {
    struct compile_options compile_with = kernel_options();
    char path[PATH_MAX + 64], folder[PATH_MAX];
    write_file("kernel.c", kernel);
    ck_assert_ptr_nonnull(realpath(FOLDER, folder));
    if (verilator) {
        snprintf(path, sizeof path, "%s/%s", folder, verilator);
        setenv("MILLRACE_VERILATOR", path, 1);
    }
    setenv("MILLRACE_DATA", ".", 1);
    compile_with.out_dir = NULL;
    const int status = check(&compile_with, options, error, size);
    unsetenv("MILLRACE_VERILATOR");
    return status;
}

// The RTL is damaged before Verilator reads it: the operation that is wrong first is named.
// In a loop, and in straight code of what it leaves behind.
static const char *const damaged[] = {
    HEAD TOP "    static int32_t total;\n"
             "    for (uint32_t i = 0; i < (n | 1); i++) {\n"
             "        HLS(pipeline II=1)\n"
             "        const int32_t x = hls_read(int32_t, in);\n"
             "        const int32_t y = x * x;\n"
             "        total += y ^ 77;\n"
             "        hls_write(int32_t, out, total + y * 3);\n"
             "    }\n"
             "}\n",
    HEAD TOP "    int32_t x = 5;\n"
             "    for (uint32_t i = 0; i < (n | 1); i++) x += hls_read(int32_t, in);\n"
             "    uint32_t y = (uint32_t)x * 5;\n"
             "    for (int k = 0; k < 9; k++) {\n"
             "        HLS(unroll)\n"
             "        y = (y ^ 77) + (y >> 3) + (y << 4);\n"
             "    }\n"
             "    hls_write(int32_t, out, (int32_t)y);\n"
             "}\n"};

START_TEST(test_wrong_rtl) {
    const char *kernel = damaged[_i];
    char error[8192] = "";
    struct check_options options = {.vectors = 50, .runs = 2, .seed = 1, .has_seed = true};
    write_file("damage", "#!/bin/sh\nsed -i 's/ ^ / | /' gen/k.sv\nexec verilator \"$@\"\n");
    ck_assert_int_eq(chmod(FOLDER "/damage", 0755), 0);
    ck_assert_int_ne(check_text(kernel, "damage", &options, error, sizeof error), 0);
    const char *first = strstr(error, "the first value that differs is ");
    ck_assert_msg(first != NULL, "%s", error);
    ck_assert_msg(strstr(first, " xor_") != NULL, "%s", error);
    ck_assert_msg(strstr(first, "iteration 0, in run ") != NULL, "%s", error);
    ck_assert_msg(strstr(error, "kernel.c:9:") != NULL, "%s", error);
}
END_TEST

static const char structs[] =
    "#include \"hls.h\"\n"
    "typedef struct { int16_t a[2]; uint8_t b; bool f; } word_t;\n"
    "HLS_STREAM_OF(word_t)\n"
    "void k(hls_stream(word_t) *in, hls_stream(word_t) *out, uint32_t n) {\n"
    "    for (uint32_t i = 0; i < n; i++) {\n"
    "        HLS(pipeline II=1)\n"
    "        const word_t x = hls_read(word_t, in);\n"
    "        word_t y = {0};\n"
    "        y.a[0] = x.a[1];\n"
    "        y.a[1] = x.a[0];\n"
    "        y.b = (uint8_t)(x.b + 1);\n"
    "        y.f = !x.f;\n"
    "        hls_write(word_t, out, y);\n"
    "    }\n"
    "}\n";

START_TEST(test_cosim) {
    static const char *const inputs[] = {"in=" FOLDER "/in.txt"},
                             *const outputs[] = {"out=" FOLDER "/out.txt"},
                             *const set[] = {"n=2,1"};
    struct check_options options = {.vectors = 50,
                                    .runs = 2,
                                    .set = set,
                                    .set_count = 1,
                                    .is_cosim = true,
                                    .stall = 100,
                                    .inputs = inputs,
                                    .input_count = 1,
                                    .outputs = outputs,
                                    .output_count = 1};
    char error[8192] = "", text_out[256] = "";
    write_file("in.txt",
               "# a[0], a[1], b, f\n1,-2,3,1\n-32768, 0x7fff, 255, 0\n\n7,8,9,1 # last\n");
    ck_assert_msg(check_text(structs, NULL, &options, error, sizeof error) == 0, "%s", error);
    FILE *file = fopen(FOLDER "/out.txt", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text_out, 1, sizeof text_out - 1, file), 0);
    fclose(file);
    ck_assert_str_eq(text_out, "-2,1,4,0\n32767,-32768,0,1\n8,7,10,0\n");
}
END_TEST

struct bad_vectors {
    const char *text, *reason;
};

static const struct bad_vectors bad[] = {
    {"1,2,3\n", "there are not enough numbers"},
    {"1,2,3,1\n1,2,256,1\n", "in.txt:2: error: '256' is no number of 8 bits"},
    {"1,32768x,3,1\n", "is no number"},
    {"1,-32769,3,1\n", "'-32769' is no number of 16 bits"},
    {"1,2,3,1,5\n", "more than one element on a line"},
    {"1,2,3,1\n", "takes more elements of input 'in' than the file has"},
};

START_TEST(test_bad_vectors) {
    static const char *const inputs[] = {"in=" FOLDER "/in.txt"}, *const set[] = {"n=2"};
    struct check_options options = {.vectors = 50,
                                    .runs = 1,
                                    .set = set,
                                    .set_count = 1,
                                    .is_cosim = true,
                                    .inputs = inputs,
                                    .input_count = 1};
    char error[8192] = "";
    write_file("in.txt", bad[_i].text);
    ck_assert_int_ne(check_text(structs, NULL, &options, error, sizeof error), 0);
    ck_assert_msg(strstr(error, bad[_i].reason) != NULL, "%s", error);
}
END_TEST

int main(void) {
    TCase *tcase = tcase_create("interp");
    tcase_add_loop_test(tcase, test_same_as_c, 0, 2);
    tcase_add_loop_test(tcase, test_return_before_steps, 0, 2);
    tcase_add_test(tcase, test_late_register);
    tcase_add_test(tcase, test_late_store);
    tcase_add_test(tcase, test_last_moment_of_a_store);
    tcase_add_test(tcase, test_late_load);
    tcase_add_test(tcase, test_range);
    tcase_add_test(tcase, test_range_of_branch);
    tcase_add_test(tcase, test_short_interval);
    tcase_add_loop_test(tcase, test_wrong_rtl, 0, 2);
    tcase_add_test(tcase, test_cosim);
    tcase_add_loop_test(tcase, test_bad_vectors, 0, (int)(sizeof bad / sizeof *bad));
    tcase_set_timeout(tcase, 300);
    Suite *suite = suite_create("hlsc interp");
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
