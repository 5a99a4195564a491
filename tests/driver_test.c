// SPDX-License-Identifier: Apache-2.0
// The driver and its backends `hls:` and `sim:`, on the hand-written kernel of
// tests/sim_fixture/network. Writes below build/driver_test.
#define _GNU_SOURCE
#include "build.h"
#include "driver.h"
#include "random.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SEQUENCES = 5, STEPS = 20, TOTAL = SEQUENCES * STEPS };

static struct mr_error error;
static char model_so[4096], rtl_so[4096];
static const struct mr_image image = {
    .forms = {[MR_FORM_MODEL] = model_so, [MR_FORM_RTL] = rtl_so}};

static void build_kernel(const char *gen_dir, const char *top, char *model, char *rtl) {
    const struct mr_build build = {.data_dir = ".",
                                   .gen_dir = gen_dir,
                                   .top = top,
                                   .cache_dir = "build/driver_test/cache",
                                   .assertions = true};
    ck_assert_msg(!mr_build_model(&build, model, 4096, error.text, sizeof error.text), "%s",
                  error.text);
    if (rtl)
        ck_assert_msg(!mr_build_rtl(&build, rtl, 4096, error.text, sizeof error.text), "%s",
                      error.text);
}

static void build_network(void) {
    build_kernel("tests/sim_fixture/network", "network", model_so, rtl_so);
}

static struct mr_device *open_well(const char *uri, const struct mr_device_options *options) {
    struct mr_device *device = mr_device_open(uri, &image, options, &error);
    ck_assert_msg(device != NULL, "%s", error.text);
    return device;
}

static void fill(void *data, size_t size, uint64_t seed) {
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)data)[i] = (unsigned char)random_bits(&seed);
}

START_TEST(backends_agree) {
    static const struct mr_device_options options[] = {
        {.seed = 1}, {.idle_chance = 100, .stall_chance = 150, .seed = 2}};
    const uint64_t seed = (uint64_t)time(NULL);
    printf("backends_agree: seed %llu\n", (unsigned long long)seed);
    unsigned char weights[2 * 64];
    uint64_t x[TOTAL];
    fill(weights, sizeof weights, seed);
    fill(x, sizeof x, seed + 1);
    for (size_t i = 0; i < 2; i++) {
        struct mr_device *cpu = open_well("hls:", NULL), *sim = open_well("sim:", &options[i]);
        struct mr_device *const devices[] = {cpu, sim};
        uint32_t y[2][TOTAL], w[2];
        struct mr_activity activity[2];
        for (int round = 0; round < 3; round++) // reset, keep, reset
            for (int d = 0; d < 2; d++) {
                struct mr_job job = {.sequences = SEQUENCES,
                                     .steps = STEPS,
                                     .flags = round == 1 ? 0 : MR_FLAG_RESET,
                                     .in = {{"x", x, TOTAL}},
                                     .out = {{"y", y[d], TOTAL}},
                                     .activity = d ? activity : NULL};
                if (!round)
                    ck_assert_msg(!mr_device_load_weights(devices[d], weights, 2, &error), "%s",
                                  error.text);
                ck_assert_msg(!mr_device_run(devices[d], &job, &error), "%s", error.text);
                if (!d) {
                    ck_assert_uint_eq(job.cycles, 0);
                    continue;
                }
                ck_assert_mem_eq(y[0], y[1], sizeof y[0]);
                ck_assert_uint_eq(activity[0].busy, 0);
                ck_assert_uint_eq(activity[1].busy, TOTAL);
                if (!i) {
                    // Start, the steps, the last output, done.
                    ck_assert_uint_eq(job.cycles, TOTAL + 3);
                    ck_assert_uint_eq(job.last_output_cycle, TOTAL + 1);
                } else {
                    ck_assert_uint_gt(job.cycles, TOTAL + 3);
                }
            }
        memcpy(&w[0], weights, 4);
        memcpy(&w[1], weights + 64, 4);
        ck_assert_uint_eq(y[0][0], ((uint32_t)x[0] * w[0] + (uint32_t)(x[0] >> 32)) ^ w[1]);
        struct mr_device_info info;
        mr_device_get_info(sim, &info);
        ck_assert_uint_eq(mr_device_stream_bits(&info, "weights"), 512);
        ck_assert_uint_eq(mr_device_stream_bits(&info, "x"), 64);
        ck_assert_uint_eq(mr_device_stream_bits(&info, "y"), 32);
        ck_assert_uint_eq(mr_device_stream_bits(&info, "steps"), 0);
        ck_assert_uint_eq(info.process_count, 2);
        ck_assert_str_eq(info.processes[1], "cell");
        mr_device_get_info(cpu, &info);
        ck_assert_uint_eq(info.process_count, 0);
        mr_device_close(cpu);
        mr_device_close(sim);
    }
    mr_device_close(NULL);
}
END_TEST

// The fixture's process "cell" is busy once for each step; without idle cycles in one go, so that
// its counter is known for every cycle. Two runs follow one another in the timeline.
START_TEST(timelines_are_exact) {
    static const struct mr_device_options options[] = {
        {.seed = 1}, {.idle_chance = 100, .stall_chance = 150, .seed = 2}};
    unsigned char weights[2 * 64];
    uint64_t x[TOTAL];
    uint32_t y[TOTAL];
    fill(weights, sizeof weights, 3);
    fill(x, sizeof x, 4);
    for (size_t i = 0; i < 2; i++) {
        const uint32_t sequences = i ? 2 : SEQUENCES; // random cycles in between take longer
        struct mr_device *sim = open_well("sim:", &options[i]);
        struct mr_timeline *timeline = mr_timeline_open(2);
        struct mr_activity activity[2], sum = {0};
        ck_assert_msg(!mr_device_load_weights(sim, weights, 2, &error), "%s", error.text);
        uint64_t past = 0;
        uint32_t index = 0;
        for (int round = 0; round < 2; round++) {
            struct mr_job job = {.sequences = sequences,
                                 .steps = STEPS,
                                 .flags = MR_FLAG_RESET,
                                 .in = {{"x", x, sequences * STEPS}},
                                 .out = {{"y", y, sequences * STEPS}},
                                 .activity = activity,
                                 .timeline = timeline};
            ck_assert_msg(!mr_device_run(sim, &job, &error), "%s", error.text);
            // Short enough for a sample in each cycle.
            ck_assert_uint_lt(past + job.cycles, MR_TIMELINE_SAMPLES);
            ck_assert_uint_eq(timeline->count, past + job.cycles);
            for (; index < timeline->count; index++) {
                const struct mr_counts *cell = &timeline->counts[2 * index + 1];
                const uint64_t cycle = timeline->cycles[index] - past;
                ck_assert_uint_eq(timeline->cycles[index], index + 1);
                if (cycle <= activity[1].first_busy)
                    ck_assert_uint_eq(cell->busy, sum.busy);
                if (!i && cycle > activity[1].first_busy && cycle <= activity[1].last_busy)
                    ck_assert_uint_eq(cell->busy, sum.busy + cycle - activity[1].first_busy);
                if (cycle > activity[1].last_busy)
                    ck_assert_uint_eq(cell->busy, sum.busy + activity[1].busy);
            }
            sum.busy += activity[1].busy;
            sum.starved += activity[1].starved;
            sum.blocked += activity[1].blocked;
            past += job.cycles;
            const struct mr_counts *last = &timeline->counts[2 * index - 1];
            ck_assert_uint_eq(last->busy, sum.busy);
            ck_assert_uint_eq(last->starved, sum.starved);
            ck_assert_uint_eq(last->blocked, sum.blocked);
        }
        ck_assert_uint_eq(sum.busy, 2 * sequences * STEPS);
        if (i)
            ck_assert_uint_gt(sum.starved, 0);
        mr_timeline_close(timeline);
        mr_device_close(sim);
    }
}
END_TEST

START_TEST(jobs_are_checked) {
    static const char *const uris[] = {"hls:", "sim:"};
    uint64_t x[TOTAL + 1] = {0}, weights[3 * 8] = {0};
    uint32_t y[TOTAL + 1];
    for (int d = 0; d < 2; d++) {
        struct mr_device *device = open_well(uris[d], NULL);
        static const struct {
            uint32_t sequences, steps, flags;
            uint64_t x_count, y_count;
            const char *words;
        } cases[] = {{0, 4, 0, 4, 4, "has 0 steps"},
                     {1, 0, 0, 4, 4, "a run of 1 sequence of 0 steps has 0 steps"},
                     {0, 1, 0, 4, 4, "a run of 0 sequences of 1 step has 0 steps"},
                     {65535, 65537, 0, 4, 4, "4294967295 steps"},
                     {1u << 16, 1u << 16, 0, 4, 4, "4294967296 steps"},
                     {1, 4, 6, 4, 4, "flags 0x6"},
                     {2, 4, 0, 9, 8, "took 8 of the 9 elements for x"},
                     {2, 4, 0, 7, 8, ""},
                     {2, 4, 0, 8, 7, ""},
                     {2, 4, 0, 8, 9, "gave 8 elements of y where 9"}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct mr_job job = {.sequences = cases[i].sequences,
                                 .steps = cases[i].steps,
                                 .flags = cases[i].flags,
                                 .in = {{"x", x, cases[i].x_count}},
                                 .out = {{"y", y, cases[i].y_count}}};
            error.text[0] = '\0';
            ck_assert_int_ne(mr_device_run(device, &job, &error), 0);
            ck_assert_msg(*error.text && strstr(error.text, cases[i].words), "case %zu: %s", i,
                          error.text);
        }
        ck_assert_int_ne(mr_device_load_weights(device, weights, 3, &error), 0);
        ck_assert_msg(strstr(error.text, "took 2 of the 3 elements for weights"), "%s", error.text);
        struct mr_job job = {.sequences = 2, .steps = 4, .in = {{"x", x, 8}}, .out = {{"y", y, 8}}};
        ck_assert_msg(!mr_device_run(device, &job, &error), "%s", error.text);
        mr_device_close(device);
    }
}
END_TEST

// Two jobs at a time under way; meanwhile nothing else is asked of the device.
START_TEST(jobs_go_ahead) {
    static const char *const uris[] = {"hls:", "sim:"};
    enum { JOBS = 3 };
    uint64_t x[JOBS][TOTAL], weights[2 * 8];
    uint32_t wanted[JOBS][TOTAL], y[JOBS][TOTAL];
    fill(x, sizeof x, 5);
    fill(weights, sizeof weights, 6);
    for (int d = 0; d < 2; d++) {
        struct mr_device *device = open_well(uris[d], NULL);
        struct mr_job jobs[JOBS];
        ck_assert_msg(!mr_device_load_weights(device, weights, 2, &error), "%s", error.text);
        ck_assert_int_eq(mr_device_collect(device, &error), MR_ERROR_ARGUMENT);
        for (int i = 0; i < JOBS; i++) {
            jobs[i] = (struct mr_job){.sequences = SEQUENCES,
                                      .steps = STEPS,
                                      .flags = i ? 0 : MR_FLAG_RESET,
                                      .in = {{"x", x[i], TOTAL}},
                                      .out = {{"y", wanted[i], TOTAL}}};
            ck_assert_msg(!mr_device_run(device, &jobs[i], &error), "%s", error.text);
            jobs[i].out->data = y[i];
        }
        for (int i = 0; i < 2; i++)
            ck_assert_msg(!mr_device_submit(device, &jobs[i], &error), "%s", error.text);
        ck_assert_int_eq(mr_device_submit(device, &jobs[2], &error), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_device_run(device, &jobs[2], &error), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_device_load_weights(device, weights, 2, &error), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_device_read_state(device, y, 1, &error), MR_ERROR_ARGUMENT);
        ck_assert_int_eq(mr_device_write_state(device, y, 1, &error), MR_ERROR_ARGUMENT);
        ck_assert_str_eq(error.text, "2 jobs are under way on the device; collect first");
        for (int i = 0; i < JOBS; i++) {
            ck_assert_msg(!mr_device_collect(device, &error), "%s", error.text);
            ck_assert_uint_eq(jobs[i].done, SEQUENCES);
            ck_assert_mem_eq(y[i], wanted[i], sizeof y[i]);
            if (i == 0)
                ck_assert_msg(!mr_device_submit(device, &jobs[2], &error), "%s", error.text);
        }
        // Of one that fails the one behind it is none, either.
        jobs[0].in->count--;
        for (int i = 0; i < 2; i++)
            ck_assert_msg(!mr_device_submit(device, &jobs[i], &error), "%s", error.text);
        ck_assert_int_eq(mr_device_collect(device, &error), MR_ERROR_DEVICE);
        ck_assert_int_eq(mr_device_collect(device, &error), MR_ERROR_ARGUMENT);
        ck_assert_msg(!mr_device_submit(device, &jobs[1], &error), "%s", error.text);
        mr_device_close(device);
    }
}
END_TEST

START_TEST(opening_is_checked) {
    static char scale_so[4096];
    build_kernel("tests/sim_fixture/scale", "scale", scale_so, NULL);
    static const struct mr_image
        scale = {.forms = {[MR_FORM_MODEL] = scale_so}},
        swapped = {.forms = {[MR_FORM_MODEL] = rtl_so, [MR_FORM_RTL] = model_so}}, none = {0};
    static const struct mr_device_options plain = {0}, trace = {.trace = "build/x.fst"},
                                          stalls = {.stall_chance = 9};
    static const struct {
        const char *uri;
        const struct mr_image *image;
        const struct mr_device_options *options;
        const char *words;
    } cases[] = {{"tpu:0", &image, &plain, "no device 'tpu:0'; known are cpu:, hls:, sim:"},
                 {"cpu", &image, &plain, "no device 'cpu'"},
                 {"cp:", &image, &plain, "no device 'cp:'"},
                 {"", &image, &plain, "no device ''"},
                 {"hls:1", &image, &plain, "write hls:"},
                 {"sim:fast", &image, &plain, "write sim:"},
                 {"hls:", &image, &trace, "use sim:"},
                 {"hls:", &image, &stalls, "use sim:"},
                 {"hls:", &none, &plain, "build it first"},
                 {"cpu:", &image, &plain, "cpu: needs an engine of the network"},
                 {"sim:", &none, &plain, "build it first"},
                 {"sim:", NULL, &plain, "build it first"},
                 {"hls:", &scale, &plain, "port gain of kernel scale"},
                 {"hls:", &swapped, &plain, "is the rtl of a kernel"},
                 {"sim:", &swapped, &plain, "is the model of a kernel"},
                 {"sim:", &image, &trace, "without waveforms"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error.text[0] = '\0';
        ck_assert_ptr_null(mr_device_open(cases[i].uri, cases[i].image, cases[i].options, &error));
        ck_assert_msg(strstr(error.text, cases[i].words) != NULL, "case %zu: %s", i, error.text);
    }
}
END_TEST

// Builds a kernel that only describes ports and looks at why the driver refuses it.
static void expect_port_error(const char *ports, const char *words) {
    static int number;
    char command[2000], so[100];
    snprintf(so, sizeof so, "build/driver_test/ports%d.so", number++);
    snprintf(command, sizeof command,
             "printf '%%s' '#include \"kernel.h\"\n"
             "static void *o(const struct mr_open_options *a, char *b, size_t c)"
             "{(void)a,(void)b,(void)c;return 0;}"
             "static int r(void *a, struct mr_run *b, char *c, size_t d)"
             "{(void)a,(void)b,(void)c,(void)d;return 0;}"
             "static void c(void *a){(void)a;}"
             "static const struct mr_port p[] = {%s};"
             "const struct mr_kernel *mr_kernel_describe(void){static const struct mr_kernel k = "
             "{MR_KERNEL_ABI, \"net\", \"model\", sizeof p / sizeof *p, p, 0, 0, o, r, c};"
             "return &k;}' | cc -Ibase/contract -shared -fPIC -xc - -o %s",
             ports, so);
    ck_assert_int_eq(system(command), 0);
    const struct mr_image bad = {.forms = {[MR_FORM_MODEL] = so}};
    ck_assert_ptr_null(mr_device_open("hls:", &bad, NULL, &error));
    ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
}

#define SCALARS                                                                                    \
    "{\"command\",0,32},{\"sequences\",0,32},{\"steps\",0,32},{\"total\",0,32},{\"flags\",0,32},"

START_TEST(ports_are_checked) {
    expect_port_error(SCALARS "{\"weights\",1,512},{\"x\",1,16}", "has 0 output streams of data");
    expect_port_error("{\"command\",0,16}", "is 16 bits wide and must be 32");
    expect_port_error(SCALARS "{\"x\",1,0}", "is 0 bits wide and must be 1 to 65536");
    expect_port_error(SCALARS "{\"x\",2,8}", "no input stream weights");
    expect_port_error(SCALARS "{\"weights\",2,8}", "port weights of kernel net is none");
    expect_port_error("{\"gain\",0,32}", "port gain of kernel net is none");
    expect_port_error("{\"state_out\",2,8}", "is 8 bits wide and must be 512");
    expect_port_error(SCALARS "{\"x\",1,8},{\"x\",1,8}", "has two ports x");
    expect_port_error("{\"x\",1,8},{\"y\",2,8}", "no scalar command");
}
END_TEST

// Streams go by their names, wherever the job and the kernel have them; what a failed run left of a
// job goes on behind the elements that are done.
START_TEST(streams_have_names) {
    static const char so[] = "build/driver_test/two_streams.so";
    ck_assert_int_eq(system("cc -Ibase/contract -shared -fPIC tests/sim_fixture/two_streams.c -o "
                            "build/driver_test/two_streams.so"),
                     0);
    const struct mr_image two = {.forms = {[MR_FORM_MODEL] = so}};
    struct mr_device *device = mr_device_open("hls:", &two, NULL, &error);
    ck_assert_msg(device != NULL, "%s", error.text);
    uint16_t a[6], p[6];
    uint32_t b[3], q[3];
    fill(a, sizeof a, 5);
    fill(b, sizeof b, 6);
    const struct mr_job job = {.sequences = 3,
                               .steps = 2,
                               .in = {[1] = {"b", b, 3}, [5] = {"a", a, 6}},
                               .out = {[0] = {"p", p, 6}, [7] = {"q", q, 3}}};
    struct mr_job now = job;
    ck_assert_msg(!mr_device_run(device, &now, &error), "%s", error.text);
    ck_assert_mem_eq(a, p, sizeof a);
    ck_assert_mem_eq(b, q, sizeof b);

    struct mr_device_info info;
    mr_device_get_info(device, &info);
    ck_assert_uint_eq(mr_device_stream_bits(&info, "p"), 16);
    now = job;
    now.done = 2;
    now = mr_job_rest(&now, &info);
    memset(p, 0, sizeof p);
    memset(q, 0, sizeof q);
    ck_assert_uint_eq(now.sequences, 1);
    ck_assert_msg(!mr_device_run(device, &now, &error), "%s", error.text);
    ck_assert(p[3] == 0 && p[4] == a[4] && p[5] == a[5] && q[1] == 0 && q[2] == b[2]);

    now = job;
    now.in[1].name = "c";
    ck_assert_int_eq(mr_device_run(device, &now, &error), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(error.text, "no input stream c") != NULL, "%s", error.text);
    now.in[1].name = "weights"; // is not a job's
    ck_assert_int_eq(mr_device_run(device, &now, &error), MR_ERROR_DEVICE);
    now.in[1].name = NULL;
    ck_assert_int_eq(mr_device_run(device, &now, &error), MR_ERROR_ARGUMENT);
    ck_assert_str_eq(error.text, "kernel two has 4 streams of data and the job names 3");
    now = job;
    now.out[7].count = 2;
    ck_assert_int_eq(mr_device_run(device, &now, &error), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(error.text, "took 2 of the 3 elements for b") != NULL, "%s", error.text);
    mr_device_close(device);
}
END_TEST

START_TEST(devices_are_listed) {
    struct mr_device_found entries[4];
    ck_assert_uint_eq(mr_device_list(NULL, 0), 3);
    ck_assert_uint_eq(mr_device_list(entries, 1), 3);
    ck_assert_str_eq(entries[0].uri, "cpu:");
    ck_assert_uint_eq(mr_device_list(entries, 4), 3);
    ck_assert_str_eq(entries[1].uri, "hls:");
    ck_assert_str_eq(entries[2].uri, "sim:");
}
END_TEST

START_TEST(backends_tell_what_they_can) {
    struct mr_device_found found;
    static const struct {
        const char *uri, *words;
    } refused[] = {{"xrt:", "write xrt:N"},        {"xrt:x", "write xrt:N"},
                   {"xrt:0x", "write xrt:N"},      {"xrt:256", "write xrt:N"},
                   {"xrt:0,", "write xrt:N"},      {"xrt: 0", "write xrt:N"},
                   {"HLS:", "did you mean hls:?"}, {"auto:", "no device 'auto:'"}};
    static const char *const usual[][2] = {
        {"cpu", "cpu:"}, {"hls:", "hls:"}, {"sim", "sim:"}, {"xrt", "xrt:0"}, {"xrt:", "xrt:0"}};
    static const char *const none[] = {"", ":", "cp", "cpux", "cpu:0", "xrt:1", "auto", "CPU"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        ck_assert_str_eq(mr_device_usual(usual[i][0]), usual[i][1]);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_ptr_null(mr_device_usual(none[i]));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ck_assert_ptr_null(mr_device_find(refused[i].uri, &error));
        ck_assert_int_eq(error.code, MR_ERROR_DEVICE);
        ck_assert_msg(strstr(error.text, refused[i].words) != NULL, "%s", error.text);
    }
    ck_assert_int_eq(mr_device_find("cpu:", NULL)->form, MR_FORM_ENGINE);
    ck_assert_int_eq(mr_device_find("hls:", NULL)->form, MR_FORM_MODEL);
    ck_assert_int_eq(mr_device_find("sim:", NULL)->form, MR_FORM_RTL);
    ck_assert_int_eq(mr_device_find("xrt:255,x", NULL)->form, MR_FORM_XCLBIN);
    ck_assert_int_eq(mr_device_require("sim:", MR_CAP_TRACE | MR_CAP_STALLS, NULL), 0);
    ck_assert_int_eq(mr_device_require("hls:", MR_CAP_TIMELINE, &error), MR_ERROR_ARGUMENT);
    ck_assert_str_eq(error.text, "hls: is not a device that records timelines; use sim:, "
                                 "xrt:N[,IMAGE.xclbin]");
    ck_assert_int_eq(mr_device_require("xrt:0", MR_CAP_TRACE, &error), MR_ERROR_ARGUMENT);
    ck_assert_str_eq(error.text, "xrt:0 is not a device that writes waveforms; use sim:");
    ck_assert_str_eq(mr_device_named_image("xrt:0,a,b"), "a,b");
    ck_assert_ptr_null(mr_device_named_image("xrt:0"));
    ck_assert_ptr_null(mr_device_named_image("hls:,a"));
    ck_assert_str_eq(mr_device_first(MR_FORM_RTL, &found), "sim:");
}
END_TEST

int main(void) {
    if (system("mkdir -p build/driver_test"))
        return 1;
    Suite *suite = suite_create("driver");
    TCase *cases = tcase_create("driver");
    tcase_set_timeout(cases, 300);
    tcase_add_checked_fixture(cases, build_network, NULL);
    tcase_add_test(cases, backends_agree);
    tcase_add_test(cases, timelines_are_exact);
    tcase_add_test(cases, jobs_are_checked);
    tcase_add_test(cases, jobs_go_ahead);
    tcase_add_test(cases, opening_is_checked);
    tcase_add_test(cases, ports_are_checked);
    tcase_add_test(cases, streams_have_names);
    tcase_add_test(cases, devices_are_listed);
    tcase_add_test(cases, backends_tell_what_they_can);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
