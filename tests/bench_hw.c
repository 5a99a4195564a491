// SPDX-License-Identifier: Apache-2.0
// The table of docs/performance.md: networks that others have published figures of, at full size,
// planned for a card at a precision, and run in the simulator for some steps, whose cycles must be
// the planned ones and whose bits those of cpu:. What does not fit is told with the reason.
// Usage, from the repository's root: bench_hw [--plan] [--target NAME] [--budget PERCENT]
//                                             [--precision NAME] [CASE...]
// --plan: without the simulator. CASE: a part of a name; without, all.
#define _GNU_SOURCE
#include "millrace.h"
#include "model.h"
#include "network_fixture.h"

#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>

#define FOLDER "build/bench_hw"
enum { LAYERS = 6, CLOCK = 300, SIMULATED = 20 };

struct workload {
    const char *name, *cell;
    int inputs, hidden[LAYERS]; // until 0
    int steps;
    const char *peers; // microseconds of a sequence, or of a step where it says so
};

static const struct workload all[] = {
    {"S1 LSTM 64-64x2", "lstm", 64, {64, 64}, 50, ""},
    {"S2 GRU 170-512x3", "gru", 170, {512, 512, 512}, 100, ""},
    {"S3 LSTM 25-25x2", "lstm", 25, {25, 25}, 50, ""},
    {"S4 LSTM 25-64x4", "lstm", 25, {64, 64, 64, 64}, 50, ""},
    {"DeepBench LSTM 256", "lstm", 256, {256}, 150, "Plasticine 41.9, Brainwave 425"},
    {"DeepBench LSTM 512", "lstm", 512, {512}, 25, "Plasticine 13.9, Brainwave 77"},
    {"DeepBench LSTM 1024", "lstm", 1024, {1024}, 25, "Plasticine 29.2, Brainwave 74"},
    {"DeepBench LSTM 1536", "lstm", 1536, {1536}, 50, "Plasticine 122, Brainwave 145"},
    {"DeepBench LSTM 2048", "lstm", 2048, {2048}, 25, "Plasticine 106, Brainwave 74"},
    {"DeepBench GRU 512", "gru", 512, {512}, 1, "Plasticine 0.4, Brainwave 13"},
    {"DeepBench GRU 1024", "gru", 1024, {1024}, 1500, "Plasticine 1443, Brainwave 3792"},
    {"DeepBench GRU 1536", "gru", 1536, {1536}, 375, "Plasticine 746, Brainwave 951"},
    {"DeepBench GRU 2048", "gru", 2048, {2048}, 375, "Plasticine 1283, Brainwave 954"},
    {"DeepBench GRU 2560", "gru", 2560, {2560}, 375, "Plasticine 1973, Brainwave 993"},
    {"VOLLO LSTM 128x2", "lstm", 128, {128, 128}, 1, "VOLLO 1.4 with PCIe"},
    {"VOLLO LSTM 256x3", "lstm", 256, {256, 256, 256}, 1, "VOLLO 2.0 with PCIe"},
    {"VOLLO LSTM 480x3", "lstm", 480, {480, 480, 480}, 1, "VOLLO 3.2 with PCIe"},
    {"VOLLO LSTM 320x6", "lstm", 320, {320, 320, 320, 320, 320, 320}, 1, "VOLLO 3.3 with PCIe"},
    {"VOLLO LSTM 960x3", "lstm", 960, {960, 960, 960}, 1, "VOLLO 7.3 with PCIe"},
};

struct asked {
    bool plan_only;
    const char *precision;
    int simulated; // steps at most
    struct mr_options options;
};

// Of the processor, which others may share.
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// The network with random weights, as a model file.
static void write_model(const struct workload *w, struct mr_precision precision, const char *path) {
    struct mr_model_data data = {0};
    uint64_t state = 7;
    char error[300] = "";
    net_create(&data.network, w->inputs, w->name);
    int stream = 0;
    for (int l = 0; l < LAYERS && w->hidden[l]; l++)
        stream = net_add(&data.network, w->cell, stream, w->hidden[l], MR_ACTIVATION_LINEAR);
    stream = net_add(&data.network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    net_output(&data.network, stream, "y");
    for (int i = 0; i < data.network.op_count; i++)
        if (data.network.ops[i].kind->recurrent)
            data.network.ops[i].precision = precision;
    net_weights(&data.network, &state, 1 / sqrt(w->hidden[0]));
    net_quantise(&data.network, NULL);
    net_need(mr_model_data_save(&data, path, error, sizeof error) == 0, error);
    mr_model_data_free(&data);
}

static double number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static json_t *plan_of(const struct mr_model *model, const struct asked *asked, int steps,
                       struct mr_error *error) {
    char *text = NULL;
    if (mr_plan(model, &asked->options, 1, (uint64_t)steps, &text, NULL, error))
        return NULL;
    json_t *plan = json_loads(text, 0, NULL);
    free(text);
    return plan;
}

static uint64_t planned_cycles(const struct mr_model *model, const struct asked *asked, int steps,
                               struct mr_error *error) {
    json_t *plan = plan_of(model, asked, steps, error);
    const double cycles = plan ? number(plan, "cycles") : 0;
    json_decref(plan);
    return (uint64_t)cycles;
}

// Runs some steps on sim: and cpu:; false where bits or cycles are others than they should be.
static bool simulate(const struct mr_model *model, const struct asked *asked, int inputs, int steps,
                     int outputs, struct mr_error *error) {
    struct mr_session *sim = mr_session_open(model, "sim:", &asked->options, error);
    struct mr_session *cpu = sim ? mr_session_open(model, "cpu:", &asked->options, error) : NULL;
    float *x = calloc((size_t)steps * (size_t)inputs, sizeof *x);
    float *y = calloc(2 * (size_t)outputs, sizeof *y);
    uint64_t state = 11;
    struct mr_stats stats = {0};
    const uint64_t planned = planned_cycles(model, asked, steps, error);
    bool good = sim && cpu && x && y;
    for (size_t i = 0; good && i < (size_t)steps * (size_t)inputs; i++)
        x[i] = random_number(&state, 2);
    const double begin = now();
    good = good && mr_session_run(sim, x, 1, (uint64_t)steps, 0, y, &stats) == 0;
    const double seconds = now() - begin;
    good = good && mr_session_run(cpu, x, 1, (uint64_t)steps, 0, y + outputs, NULL) == 0;
    if (good) {
        const bool same = memcmp(y, y + outputs, (size_t)outputs * sizeof *y) == 0;
        printf(" %d steps: %llu cycles (planned %llu), %s, %.0f cycles/s |", steps,
               (unsigned long long)stats.cycles, (unsigned long long)planned,
               same ? "same bits" : "OTHER BITS", (double)stats.cycles / seconds);
        good = same && stats.cycles == planned;
    }
    free(x);
    free(y);
    mr_session_close(sim);
    mr_session_close(cpu);
    return good;
}

static void print_plan(const struct workload *w, const json_t *plan) {
    const json_t *memories = json_object_get(plan, "memories"),
                 *layers = json_object_get(plan, "layers");
    const double cycles = number(plan, "cycles");
    char lanes[100] = "";
    double interval = 0;
    size_t l;
    const json_t *layer;
    json_array_foreach(layers, l, layer) {
        const size_t at = strlen(lanes);
        snprintf(lanes + at, sizeof lanes - at, "%s%.0f/%.0f", l ? ", " : "", number(layer, "lc"),
                 number(layer, "passes"));
        interval = fmax(interval, number(layer, "step_cycles"));
    }
    printf(" %s | %.0f | %.0f | %.2f | %.1f %% | %.0f | %.0f | %.0f | %s |", lanes, interval,
           cycles, cycles / CLOCK, 100 * number(plan, "utilisation"), number(plan, "multipliers"),
           number(memories, "bram36"), number(memories, "uram"), w->peers);
}

static bool run(const struct workload *w, const struct asked *asked) {
    char path[200];
    struct mr_precision precision;
    struct mr_error error = {0};
    net_need(mr_precision_parse(asked->precision, &precision),
             "a precision is w16a16, w8a16 or w8a8");
    snprintf(path, sizeof path, FOLDER "/%s-%s.millrace", w->name, asked->precision);
    write_model(w, precision, path);
    struct mr_model *model = mr_model_open(path, &error);
    printf("| %s, %d steps | %s | %s |", w->name, w->steps, asked->options.target,
           asked->precision);
    fflush(stdout);
    json_t *plan = model ? plan_of(model, asked, w->steps, &error) : NULL;
    bool good = plan != NULL;
    if (good) {
        print_plan(w, plan);
        int outputs = 0;
        for (int l = 0; l < LAYERS && w->hidden[l]; l++)
            outputs = w->hidden[l];
        if (!asked->plan_only)
            good = simulate(model, asked, w->inputs,
                            w->steps < asked->simulated ? w->steps : asked->simulated, outputs,
                            &error);
    }
    printf("%s%s\n", *error.text ? " " : "", error.text);
    json_decref(plan);
    mr_model_close(model);
    return good || error.code == MR_ERROR_PLAN; // what does not fit is no failure
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"plan", no_argument, NULL, 'p'},         {"target", required_argument, NULL, 't'},
        {"budget", required_argument, NULL, 'b'}, {"precision", required_argument, NULL, 'w'},
        {"steps", required_argument, NULL, 's'},  {0}};
    struct asked asked = {
        .precision = "w16a16",
        .simulated = SIMULATED,
        .options = {MR_OPTIONS_INIT, .target = "u55c", .choice = MR_LANES_LATENCY, .budget = 90}};
    bool good = true;
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (found) {
        case 'p':
            asked.plan_only = true;
            break;
        case 't':
            asked.options.target = optarg;
            break;
        case 'b':
            asked.options.budget = (uint32_t)atoi(optarg);
            break;
        case 's':
            asked.simulated = atoi(optarg);
            break;
        case 'w':
            asked.precision = optarg;
            break;
        default:
            return 2;
        }
    }
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    printf("| network | card | precision | LC/passes | cycles/step | cycles | us | multipliers "
           "busy | DSP | "
           "RAMB36 | URAM | others, us | simulated "
           "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool wanted = optind == argc;
        for (int a = optind; a < argc; a++)
            wanted = wanted || strstr(all[i].name, argv[a]);
        if (wanted)
            good = run(&all[i], &asked) && good;
    }
    return good ? 0 : 1;
}
