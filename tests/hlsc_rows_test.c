// SPDX-License-Identifier: Apache-2.0
// What report.json tells of sample runs: rows and channels of small networks, the cycles that
// follow from them against hlsc's interpreter by cycles, and kernels of which it cannot be told.
#define _GNU_SOURCE
#define FOLDER "build/hlsc-rows"
#include "hls_report.h"
#include "hlsc_fixture.h"
#include "interp.h"
#include "timing.h"

#include <stdlib.h>
#include <string.h>
#define HEAD "#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\n#define IN hls_stream(int32_t) *\n"
#define RUN "uint32_t sequences, uint32_t steps, uint32_t total"
#define TOP "void k(IN x, IN y, " RUN ") {\n"
#define GO "sequences, steps, total"

struct bench {
    struct compiled made;
    struct cycle_interp *cycle;
    struct mr_report *report;
    struct queue streams[8];
    char error[2048];
};

static int open_samples(struct bench *b, const char *text, const char *const *samples, int count) {
    struct compile_options options = kernel_options();
    memset(b, 0, sizeof *b);
    write_file("kernel.c", text);
    options.samples = samples;
    options.sample_count = count;
    for (int i = 0; i < 8; i++)
        queue_init(&b->streams[i], 32);
    if (compile_keep(&options, &b->made, b->error, sizeof b->error))
        return -1;
    b->report = mr_report_read(FOLDER "/out/report.json", b->error, sizeof b->error);
    ck_assert_msg(b->report != NULL, "%s", b->error);
    return 0;
}

static void open_bench(struct bench *b, const char *text) {
    static const char *const samples[] = {
        "sequences=1,steps=1,total=1", "sequences=3,steps=4,total=12",
        "sequences=3,steps=1,total=3", "sequences=2,steps=3,total=6"};
    ck_assert_msg(open_samples(b, text, samples, 4) == 0, "%s", b->error);
}

static void close_bench(struct bench *b) {
    cycle_close(b->cycle);
    for (int i = 0; i < 8; i++)
        queue_free(&b->streams[i]);
    mr_report_free(b->report);
    compiled_free(&b->made);
}

// Cycles of a run of the schedule, with `words` of input for each step.
static uint64_t run_cycles(struct bench *b, uint64_t sequences, uint64_t steps, uint64_t words) {
    const uint64_t scalars[8] = {0, 0, sequences, steps, sequences * steps};
    struct interp_run run = {.scalars = scalars, .streams = b->streams};
    ck_assert_msg(setjmp(b->made.cc->on_error) == 0, "%s", b->made.cc->error);
    if (!b->cycle)
        b->cycle = cycle_open(b->made.cc, b->made.net);
    queue_clear(&b->streams[0]);
    queue_clear(&b->streams[1]);
    for (uint64_t k = 0; k < sequences * steps * words; k++) {
        const uint64_t word = (uint32_t)((k + 1) * 2654435761u);
        queue_push(b->made.cc, &b->streams[0], &word);
    }
    cycle_run(b->cycle, &run);
    ck_assert_uint_eq(b->streams[0].count, 0);
    return run.cycles;
}

// The schedule takes as many cycles more than planned, to end, whatever the run.
static void check_cycles(const char *text, uint64_t words) {
    static const uint64_t runs[][2] = {{1, 1}, {1, 2}, {1, 7}, {2, 1}, {5, 1}, {5, 2}, {4, 9}};
    static struct mr_timing_result result;
    struct bench b;
    uint64_t more = 0;
    open_bench(&b, text);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        ck_assert_msg(mr_timing_run(b.report, 1, runs[i][0], runs[i][1], &result, b.error,
                                    sizeof b.error) == 0,
                      "%s", b.error);
        const uint64_t cycles = run_cycles(&b, runs[i][0], runs[i][1], words);
        ck_assert_uint_ge(cycles, result.cycles);
        more = i ? more : cycles - result.cycles;
        ck_assert_msg(cycles - result.cycles == more,
                      "%llu sequences of %llu steps: %llu cycles, planned %llu, and %llu more in "
                      "other runs:\n%s",
                      (unsigned long long)runs[i][0], (unsigned long long)runs[i][1],
                      (unsigned long long)cycles, (unsigned long long)result.cycles,
                      (unsigned long long)more, text);
    }
    ck_assert_uint_le(more, 60);
    close_bench(&b);
}

// A row of three words goes two ways: one passes all on, the other the last step's; they are
// joined.
static const char fork_and_join[] = HEAD
    "static void fork(IN in, IN a, IN b, uint32_t total) {\n"
    "    for (uint32_t t = 0; t < total; t++)\n"
    "        for (uint32_t k = 0; k < 3; k++) {\n"
    "            HLS(pipeline II=1)\n"
    "            const int32_t v = hls_read(int32_t, in);\n"
    "            hls_write(int32_t, a, v);\n"
    "            hls_write(int32_t, b, v + 1);\n"
    "        }\n"
    "}\n"
    "static void last(IN in, IN out, uint32_t steps, uint32_t total) {\n"
    "    uint32_t left = steps;\n"
    "    for (uint32_t t = 0; t < total; t++)\n"
    "        for (uint32_t k = 0; k < 3; k++) {\n"
    "            HLS(pipeline II=1)\n"
    "            const int32_t v = hls_read(int32_t, in);\n"
    "            if (left == 1)\n"
    "                hls_write(int32_t, out, v * v);\n"
    "            if (k == 2)\n"
    "                left = left == 1 ? steps : left - 1;\n"
    "        }\n"
    "}\n"
    "static void join(IN a, IN b, IN out, uint32_t steps, uint32_t total) {\n"
    "    uint32_t left = steps;\n"
    "    for (uint32_t t = 0; t < total; t++)\n"
    "        for (uint32_t k = 0; k < 6; k++) {\n"
    "            HLS(pipeline II=1)\n"
    "            const bool last = left == 1;\n"
    "            int32_t v = 0;\n"
    "            if (k < 3)\n"
    "                v = hls_read(int32_t, a);\n"
    "            if (k >= 3)\n"
    "                v = hls_read(int32_t, b);\n"
    "            hls_write(int32_t, out, v);\n"
    "            if (k == 5 || (k == 2 && !last))\n"
    "                left = last ? steps : left - 1;\n"
    "            if (k == 2 && !last)\n"
    "                break;\n"
    "        }\n"
    "}\n" TOP "    HLS(dataflow)\n"
    "    HLS_CHANNEL(int32_t, a);\n    HLS_CHANNEL(int32_t, b);\n    HLS_CHANNEL(int32_t, c);\n"
    "    fork(x, &a, &b, total);\n    last(&b, &c, steps, total);\n"
    "    join(&a, &c, y, steps, total);\n    (void)sequences;\n}\n";

static const struct mr_report_process *process_of(const struct bench *b, const char *name) {
    const struct mr_report_process *process = mr_report_process(b->report, name);
    ck_assert_msg(process != NULL, "no process %s", name);
    return process;
}

// "length: at+count(streams) ..." of a pattern.
static const char *pattern_text(const struct mr_report_process *process, size_t n) {
    static char text[1000];
    const struct mr_report_pattern *pattern = &process->patterns[n];
    ck_assert_uint_lt(n, process->pattern_count);
    size_t used = (size_t)snprintf(text, sizeof text, "%u:", pattern->length);
    for (size_t i = 0; i < pattern->event_count; i++) {
        const struct mr_report_event *event = &pattern->events[i];
        used +=
            (size_t)snprintf(text + used, sizeof text - used, " %u+%u(", event->at, event->count);
        for (size_t k = 0; k < event->stream_count; k++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", k ? " " : "",
                                     process->streams[event->streams[k]].name);
        used += (size_t)snprintf(text + used, sizeof text - used, ")");
    }
    return text;
}

// "pattern*count ..." of a sample.
static const char *order_text(const struct mr_report_process *process, size_t sample) {
    static char text[1000];
    const struct mr_report_rows *rows = &process->rows[sample];
    size_t used = 0;
    text[0] = 0;
    ck_assert_uint_lt(sample, process->row_count);
    for (size_t i = 0; i < rows->order_count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u*%u", i ? " " : "",
                                 rows->order[i].pattern, rows->order[i].count);
    return text;
}

START_TEST(rows_of_fork_and_join) {
    struct bench b;
    open_bench(&b, fork_and_join);
    const struct mr_report_process *fork = process_of(&b, "fork"), *last = process_of(&b, "last"),
                                   *join = process_of(&b, "join");
    ck_assert_uint_eq(fork->pattern_count, 1);
    ck_assert_str_eq(pattern_text(fork, 0), "3: 0+3(in a b)");
    ck_assert_str_eq(order_text(fork, 1), "0*12");
    ck_assert_uint_eq(fork->rows[1].first, fork->first_issue);
    ck_assert_uint_eq(last->pattern_count, 2);
    ck_assert_str_eq(pattern_text(last, 0), "3: 0+3(in out)");
    ck_assert_str_eq(pattern_text(last, 1), "3: 0+3(in)");
    ck_assert_str_eq(order_text(last, 0), "0*1");
    ck_assert_str_eq(order_text(last, 1), "1*3 0*1 1*3 0*1 1*3 0*1");
    ck_assert_str_eq(order_text(last, 2), "0*3");
    ck_assert_str_eq(pattern_text(join, 0), "6: 0+3(a out) 3+3(b out)");
    ck_assert_str_eq(pattern_text(join, 1), "3: 0+3(a out)");
    ck_assert_str_eq(order_text(join, 3), "1*2 0*1 1*2 0*1");
    ck_assert_uint_eq(b.report->sample_count, 4);
    ck_assert_uint_eq(b.report->samples[1].scalar_count, 3);
    ck_assert_uint_eq(b.report->channel_count, 3);
    const struct mr_report_channel *c = &b.report->channels[2];
    ck_assert_str_eq(c->name, "c");
    ck_assert_ptr_eq(&b.report->processes[c->from], last);
    ck_assert_ptr_eq(&b.report->processes[c->to], join);
    ck_assert_str_eq(last->streams[c->from_stream].name, "out");
    ck_assert_str_eq(join->streams[c->to_stream].name, "b");
    close_bench(&b);
}
END_TEST

// Of an iteration: a product and a register, so that the pipeline is some stages deep.
#define PIPE "HLS(pipeline II=1)\nsum += hls_read(int32_t, in) * 7;\n"

static const struct {
    const char *text;
    uint64_t words;
} kernels[] = {
    {fork_and_join, 3},
    // A step is two loops, one behind the other, that drain.
    {HEAD "static void p(IN in, IN out, uint32_t total) {\n"
          "static int32_t m[8];\n"
          "for (uint32_t t = 0; t < total; t++) {\n"
          "for (uint32_t k = 0; k < 5; k++) {\nHLS(pipeline II=1)\n"
          "m[k] = hls_read(int32_t, in) * 11;\n}\n"
          "for (uint32_t k = 0; k < 5; k++) {\nHLS(pipeline II=1)\n"
          "hls_write(int32_t, out, m[4 - k]);\n}\n}\n}\n" TOP
          "HLS(dataflow)\np(x, y, total);\n(void)sequences;\n(void)steps;\n}\n",
     5},
    // Steps in a sequence, and a result behind them; the steps are the rows.
    {HEAD "static void p(IN in, IN out, uint32_t sequences, uint32_t steps) {\n"
          "for (uint32_t n = 0; n < sequences; n++) {\nint32_t sum = 0;\n"
          "for (uint32_t t = 0; t < steps; t++)\nfor (uint32_t k = 0; k < 4; k++) {\n" PIPE "}\n"
          "hls_write(int32_t, out, sum);\n}\n}\n" TOP
          "HLS(dataflow)\np(x, y, sequences, steps);\n(void)total;\n}\n",
     4},
    // A loop that touches no stream takes its time too, and one that never runs none.
    {HEAD "static void p(IN in, IN out, uint32_t total) {\nstatic int32_t m[32];\n"
          "if (total == 77777)\nfor (uint32_t k = 0; k < 9; k++) {\nHLS(pipeline II=1)\n"
          "m[k] = hls_read(int32_t, in);\n}\n"
          "for (uint32_t t = 0; t < total; t++) {\nint32_t sum = 0;\n"
          "for (uint32_t k = 0; k < 3; k++) {\n" PIPE "}\n"
          "for (uint32_t k = 0; k < 17; k++) {\nHLS(pipeline II=1)\nm[k] = sum * (int32_t)k;\n}\n"
          "for (uint32_t k = 0; k < 2; k++) {\nHLS(pipeline II=1)\n"
          "hls_write(int32_t, out, m[k + 3]);\n}\n}\n}\n" TOP
          "HLS(dataflow)\np(x, y, total);\n(void)sequences;\n(void)steps;\n}\n",
     3},
    // Every second cycle.
    {HEAD "static void p(IN in, IN out, uint32_t total) {\n"
          "for (uint32_t t = 0; t < total; t++)\nfor (uint32_t k = 0; k < 3; k++) {\n"
          "HLS(pipeline II=2)\nhls_write(int32_t, out, hls_read(int32_t, in) + 1);\n}\n}\n"
          "static void q(IN in, IN out, uint32_t total) {\nint32_t sum = 0;\n"
          "for (uint32_t t = 0; t < total; t++) {\nfor (uint32_t k = 0; k < 3; k++) {\n" PIPE "}\n"
          "hls_write(int32_t, out, sum);\n}\n}\n" TOP
          "HLS(dataflow)\nHLS_CHANNEL(int32_t, c);\np(x, &c, total);\nq(&c, y, total);\n"
          "(void)sequences;\n(void)steps;\n}\n",
     3},
    // Limits and conditions that take some cycles to settle.
    {HEAD "static void p(IN in, IN out, uint32_t sequences, uint32_t steps, uint32_t total) {\n"
          "const uint32_t n = sequences * steps * 3 - 2 * total;\nint32_t sum = 0;\n"
          "for (uint32_t t = 0; t < n; t++)\nfor (uint32_t k = 0; k < 3; k++) {\n" PIPE
          "if (k == 2)\nhls_write(int32_t, out, sum);\n}\n}\n" TOP
          "HLS(dataflow)\np(x, y, sequences, steps, total);\n}\n",
     3}};
enum { KERNELS = sizeof kernels / sizeof *kernels };

START_TEST(cycles_are_those_of_the_schedule) {
    check_cycles(kernels[_i].text, kernels[_i].words);
}
END_TEST

// ---- what cannot be told

// told: the streams that its rows are told of, or NULL: there are no rows.
static void check_untold(const char *text, const char *dependent, const char *untold,
                         const char *told, const char *refusal) {
    static struct mr_timing_result result;
    struct bench b;
    open_bench(&b, text);
    const struct mr_report_process *process = process_of(&b, "p");
    if (dependent)
        ck_assert_str_eq(process->data_dependent, dependent);
    else
        ck_assert_msg(process->untold && strstr(process->untold, untold), "'%s' in '%s'", untold,
                      process->untold ? process->untold : "nothing");
    ck_assert_uint_eq(process->row_count, told ? b.report->sample_count : 0);
    for (size_t i = 0; i < process->pattern_count; i++)
        for (size_t k = 0; k < process->patterns[i].event_count; k++) {
            const struct mr_report_event *event = &process->patterns[i].events[k];
            ck_assert_uint_eq(event->stream_count, 1);
            ck_assert_str_eq(process->streams[event->streams[0]].name, told);
        }
    ck_assert_int_eq(mr_timing_run(b.report, 1, 1, 3, &result, b.error, sizeof b.error), -1);
    ck_assert_msg(strstr(b.error, refusal) != NULL, "'%s' in '%s'", refusal, b.error);
    close_bench(&b);
}

#define P(body)                                                                                    \
    HEAD "static void p(IN in, IN out, uint32_t total) {\n" body "}\n" TOP                         \
         "HLS(dataflow)\np(x, y, total);\n(void)sequences;\n(void)steps;\n}\n"
#define EACH "for (uint32_t t = 0; t < total; t++) {\nHLS(pipeline II=1)\n"

START_TEST(accesses_that_depend_on_data) {
    // Whether a word is written (line 9).
    check_untold(P(EACH "const int32_t v = hls_read(int32_t, in);\n"
                        "if (v > 0)\nhls_write(int32_t, out, v);\n}\n"),
                 "kernel.c:9", NULL, "in",
                 "process 'p' reads and writes as its data says (kernel.c:9); its cycles cannot be "
                 "planned");
    // How often a loop goes round.
    check_untold(P("const int32_t n = hls_read(int32_t, in);\n"
                   "for (int32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"
                   "hls_write(int32_t, out, i);\n}\n(void)total;\n"),
                 "kernel.c:6", NULL, NULL, "(kernel.c:6)");
    // A register that the run before has left.
    check_untold(P("static uint32_t c;\n" EACH "const int32_t v = hls_read(int32_t, in);\n"
                   "if (c == 2)\nhls_write(int32_t, out, v);\nc = c == 2 ? 0 : c + 1;\n}\n"),
                 "kernel.c:10", NULL, "in", "(kernel.c:10)");
}
END_TEST

START_TEST(what_the_model_does_not_know) {
    check_untold(P("while (hls_more(int32_t, in)) {\nHLS(pipeline II=1)\n"
                   "hls_write(int32_t, out, hls_read(int32_t, in));\n}\n(void)total;\n"),
                 NULL, "it asks for more words (line", NULL, "asks for more words");
    check_untold(P(EACH "const int32_t v = hls_read(int32_t, in);\n"
                        "hls_write(int32_t, out, v * v * v);\n}\n" EACH
                        "hls_write(int32_t, out, 1);\n}\n"),
                 NULL, "in different stages (line", NULL, "in different stages");
}
END_TEST

START_TEST(samples_are_checked) {
    static const char *const cases[][2] = {{"n=3", "--sample n=3: 'k' has no parameter 'n'"},
                                           {"steps", "--sample steps: a value is missing"},
                                           {"steps=", "the value of 'steps' is no number"},
                                           {"steps=3,total=x", "the value of 'total' is no number"},
                                           {"step=3", "'k' has no parameter 'step'"},
                                           {"steps=3,", "a value is missing"}};
    struct bench b;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(open_samples(&b, fork_and_join, &cases[i][0], 1), -1);
        ck_assert_msg(strstr(b.error, cases[i][1]) != NULL, "'%s' in '%s'", cases[i][1], b.error);
        close_bench(&b);
    }
}
END_TEST

// Without samples the report has no rows, and the planner says so.
START_TEST(without_samples) {
    static struct mr_timing_result result;
    struct bench b;
    ck_assert_int_eq(open_samples(&b, fork_and_join, NULL, 0), 0);
    ck_assert_uint_eq(process_of(&b, "fork")->row_count, 0);
    ck_assert_uint_eq(b.report->channel_count, 3);
    ck_assert_int_eq(mr_timing_run(b.report, 1, 1, 3, &result, b.error, sizeof b.error), -1);
    ck_assert_msg(strstr(b.error, "no sample runs of process 'fork'") != NULL, "%s", b.error);
    close_bench(&b);
}
END_TEST

// More streams than are looked at at a time: those that the run does not use cost nothing.
START_TEST(many_streams) {
    char text[20000];
    size_t used = (size_t)snprintf(text, sizeof text, HEAD "static void deal(IN x, ");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "IN o%d, ", i);
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "uint32_t steps, uint32_t total) {\nif (steps == 1000) {\n");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "for (uint32_t k = 0; k < 2; k++) {\nHLS(pipeline II=1)\n"
                                 "hls_write(int32_t, o%d, hls_read(int32_t, x));\n}\n",
                                 i);
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "} else {\nfor (uint32_t t = 0; t < total; t++) {\n"
                             "HLS(pipeline II=1)\nhls_write(int32_t, o39, hls_read(int32_t, x));\n"
                             "}\n}\n}\nvoid k(IN x, ");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "IN o%d, ", i);
    used += (size_t)snprintf(text + used, sizeof text - used,
                             RUN ") {\nHLS(dataflow)\n(void)sequences;\ndeal(x, ");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "o%d, ", i);
    used += (size_t)snprintf(text + used, sizeof text - used, "steps, total);\n}\n");
    ck_assert_uint_lt(used, sizeof text);
    struct bench b;
    open_bench(&b, text);
    const struct mr_report_process *deal = process_of(&b, "deal");
    ck_assert_str_eq(pattern_text(deal, 0), "1: 0+1(x o39)");
    ck_assert_str_eq(order_text(deal, 1), "0*12");
    close_bench(&b);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc rows");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, rows_of_fork_and_join);
    tcase_add_loop_test(tests, cycles_are_those_of_the_schedule, 0, KERNELS);
    tcase_add_test(tests, accesses_that_depend_on_data);
    tcase_add_test(tests, what_the_model_does_not_know);
    tcase_add_test(tests, samples_are_checked);
    tcase_add_test(tests, without_samples);
    tcase_add_test(tests, many_streams);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
