// SPDX-License-Identifier: Apache-2.0
// The table of docs/performance.md: networks that others have published figures of, at full size,
// planned for a card at a precision, and run in the simulator, whose cycles must be the planned
// ones and whose bits those of cpu:. What would take longer than SIMULATED_CYCLES is simulated for
// --steps steps, and the rest is the formula that was right for these. What does not fit is told
// with the reason.
// Usage, from the repository's root: bench_hw [--plan] [--target NAME] [--budget PERCENT]
//                                             [--precision NAME] [--steps N] [CASE...]
// --plan: without the simulator. CASE: a part of a name; without, all.
#define _GNU_SOURCE
#include "device_table.h"
#include "millrace.h"
#include "model.h"
#include "network_fixture.h"

#include <getopt.h>
#include <jansson.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>

#define FOLDER "build/bench_hw"
enum { LAYERS = 6, CLOCK = 300, SIMULATED_STEPS = 20, SIMULATED_CYCLES = 100000 };

struct workload {
    const char *name, *cell;
    int inputs, hidden[LAYERS]; // until 0
    int steps, batch;
    const char *peers; // microseconds of a sequence
};

static const struct workload all[] = {
    {"S1 LSTM 25-64x2", "lstm", 25, {64, 64}, 50, 1, ""},
    {"S1 LSTM 25-64x2", "lstm", 25, {64, 64}, 50, 24, ""},
    {"S2 GRU 170-512x3", "gru", 170, {512, 512, 512}, 100, 1, ""},
    {"S2 GRU 170-512x3", "gru", 170, {512, 512, 512}, 100, 64, ""},
    {"S3 LSTM 25-25x2", "lstm", 25, {25, 25}, 50, 1, ""},
    {"S3 LSTM 25-25x2", "lstm", 25, {25, 25}, 50, 64, ""},
    {"S4 LSTM 25-64x4", "lstm", 25, {64, 64, 64, 64}, 50, 1, ""},
    {"S4 LSTM 25-64x4", "lstm", 25, {64, 64, 64, 64}, 50, 64, ""},
    {"DeepBench LSTM 256", "lstm", 256, {256}, 150, 1, "Plasticine 41.9, Brainwave 425"},
    {"DeepBench LSTM 512", "lstm", 512, {512}, 25, 1, "Plasticine 13.9, Brainwave 77"},
    {"DeepBench LSTM 1024", "lstm", 1024, {1024}, 25, 1, "Plasticine 29.2, Brainwave 74"},
    {"DeepBench LSTM 1536", "lstm", 1536, {1536}, 50, 1, "Plasticine 122, Brainwave 145"},
    {"DeepBench LSTM 2048", "lstm", 2048, {2048}, 25, 1, "Plasticine 106, Brainwave 74"},
    {"DeepBench GRU 512", "gru", 512, {512}, 1, 1, "Plasticine 0.4, Brainwave 13"},
    {"DeepBench GRU 1024", "gru", 1024, {1024}, 1500, 1, "Plasticine 1443, Brainwave 3792"},
    {"DeepBench GRU 1536", "gru", 1536, {1536}, 375, 1, "Plasticine 746, Brainwave 951"},
    {"DeepBench GRU 2048", "gru", 2048, {2048}, 375, 1, "Plasticine 1283, Brainwave 954"},
    {"DeepBench GRU 2560", "gru", 2560, {2560}, 375, 1, "Plasticine 1973, Brainwave 993"},
    {"VOLLO LSTM 128x2", "lstm", 128, {128, 128}, 1, 1, "VOLLO 1.4 with PCIe"},
    {"VOLLO LSTM 256x3", "lstm", 256, {256, 256, 256}, 1, 1, "VOLLO 2.0 with PCIe"},
    {"VOLLO LSTM 480x3", "lstm", 480, {480, 480, 480}, 1, 1, "VOLLO 3.2 with PCIe"},
    {"VOLLO LSTM 320x6", "lstm", 320, {320, 320, 320, 320, 320, 320}, 1, 1, "VOLLO 3.3 with PCIe"},
    {"VOLLO LSTM 960x3", "lstm", 960, {960, 960, 960}, 1, 1, "VOLLO 7.3 with PCIe"},
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

static json_t *plan_of(const struct mr_model *model, const struct mr_options *options, int batch,
                       int steps, struct mr_error *error) {
    char *text = NULL;
    if (mr_plan(model, options, (uint64_t)batch, (uint64_t)steps, &text, NULL, error))
        return NULL;
    json_t *plan = json_loads(text, 0, NULL);
    free(text);
    return plan;
}

// The options, among those that a user would try, whose plan takes the fewest cycles.
static json_t *best_plan(const struct mr_model *model, const struct workload *w,
                         struct mr_options *options, struct mr_error *error) {
    const enum mr_lanes_choice choices[] = {MR_LANES_LATENCY,
                                            w->batch > 1 ? MR_LANES_BALANCED : MR_LANES_STEP};
    json_t *best = NULL;
    for (int choice = 0; choice < 2; choice++)
        for (uint32_t slots = 1; slots <= 16 && (int)slots <= w->batch; slots *= 2) {
            struct mr_options tried = *options;
            struct mr_error why = {0};
            tried.choice = choices[choice];
            tried.slots = slots;
            json_t *plan = plan_of(model, &tried, w->batch, w->steps, &why);
            if (plan && (!best || number(plan, "cycles") < number(best, "cycles"))) {
                json_decref(best);
                best = json_incref(plan);
                *options = tried;
            } else if (!best && !*error->text) {
                *error = why;
            }
            json_decref(plan);
        }
    if (best)
        *error = (struct mr_error){0};
    return best;
}

// Runs some steps on sim: and cpu:; false where bits or cycles are others than they should be.
static bool simulate(const struct mr_model *model, const struct mr_options *options,
                     const struct workload *w, int steps, int outputs, struct mr_error *error) {
    struct mr_session *sim = mr_session_open(model, "sim:", options, error);
    struct mr_session *cpu = sim ? mr_session_open(model, "cpu:", options, error) : NULL;
    const size_t numbers = (size_t)w->batch * (size_t)steps * (size_t)w->inputs;
    const size_t results = (size_t)w->batch * (size_t)outputs;
    float *x = calloc(numbers, sizeof *x), *y = calloc(2 * results, sizeof *y);
    uint64_t state = 11, planned = 0;
    struct mr_stats stats = {0};
    json_t *plan = plan_of(model, options, w->batch, steps, error);
    bool good = sim && cpu && x && y && plan;
    if (plan)
        planned = (uint64_t)number(plan, "cycles");
    json_decref(plan);
    for (size_t i = 0; good && i < numbers; i++)
        x[i] = random_number(&state, 2);
    const uint64_t batch = (uint64_t)w->batch;
    const double begin = now();
    good = good && mr_session_run(sim, x, batch, (uint64_t)steps, 0, y, &stats) == 0;
    const double seconds = now() - begin;
    good = good && mr_session_run(cpu, x, batch, (uint64_t)steps, 0, y + results, NULL) == 0;
    if (good) {
        const bool same = memcmp(y, y + results, results * sizeof *y) == 0;
        printf(" %s %d steps: %llu cycles%s, %s, %.0f cycles/s |",
               steps < w->steps ? "formula behind" : "all", steps, (unsigned long long)stats.cycles,
               stats.cycles == planned ? " as planned" : ", NOT AS PLANNED",
               same ? "same bits" : "OTHER BITS", (double)stats.cycles / seconds);
        good = same && stats.cycles == planned;
    }
    free(x);
    free(y);
    mr_session_close(sim);
    mr_session_close(cpu);
    return good;
}

// The cycles in which all multipliers of the budget would do the products of the run, two of 8 bits
// each.
static double bound_of(const struct workload *w, const json_t *plan, const struct asked *asked) {
    const json_t *layer;
    size_t l;
    double products = 0, dsps = mr_target_find(asked->options.target)->dsp;
    json_array_foreach(json_object_get(plan, "layers"), l, layer) products +=
        number(layer, "useful_per_step");
    dsps *= asked->options.budget / 100.0;
    if (strcmp(asked->precision, "w8a8") == 0)
        dsps *= 2;
    return dsps > 0 ? products * w->batch * w->steps / dsps : 0;
}

static void print_plan(const struct workload *w, const json_t *plan, const struct asked *asked) {
    const json_t *memories = json_object_get(plan, "memories"),
                 *layers = json_object_get(plan, "layers");
    const double cycles = number(plan, "cycles"), bound = bound_of(w, plan, asked);
    char lanes[100] = "";
    double interval = 0;
    size_t l;
    const json_t *layer;
    json_array_foreach(layers, l, layer) {
        const size_t at = strlen(lanes);
        snprintf(lanes + at, sizeof lanes - at, "%s%.0f/%.0f%s", l ? ", " : "", number(layer, "lc"),
                 number(layer, "passes"),
                 json_is_true(json_object_get(layer, "h_first")) ? "h" : "");
        interval = fmax(interval, number(layer, "cycles_per_step"));
    }
    printf(
        " %s | %.0f | %.4g | %.0f | %.2f | %.1f %% | %.0f | %.2f | %.0f | %.0f | %.0f | %d | %s |",
        lanes, number(plan, "slots"), interval, cycles, cycles / CLOCK,
        100 * number(plan, "utilisation"), bound, cycles / bound, number(plan, "multipliers"),
        number(memories, "bram36"), number(memories, "uram"), (int)number(plan, "dies_used"),
        w->peers);
    fflush(stdout);
}

static bool run(const struct workload *w, const struct asked *asked) {
    char path[200];
    struct mr_precision precision;
    struct mr_error error = {0};
    struct mr_options options = asked->options;
    net_need(mr_precision_parse(asked->precision, &precision),
             "a precision is w16a16, w8a16 or w8a8");
    snprintf(path, sizeof path, FOLDER "/%s-%s.millrace", w->name, asked->precision);
    write_model(w, precision, path);
    struct mr_model *model = mr_model_open(path, &error);
    printf("| %s, %d x %d | %s | %s |", w->name, w->batch, w->steps, asked->options.target,
           asked->precision);
    fflush(stdout);
    json_t *plan = model ? best_plan(model, w, &options, &error) : NULL;
    bool good = plan != NULL;
    if (good) {
        print_plan(w, plan, asked);
        int outputs = 0, steps = w->steps;
        for (int l = 0; l < LAYERS && w->hidden[l]; l++)
            outputs = w->hidden[l];
        if (number(plan, "cycles") > SIMULATED_CYCLES && steps > asked->simulated)
            steps = asked->simulated;
        if (asked->plan_only)
            printf(" planned |");
        else
            good = simulate(model, &options, w, steps, outputs, &error);
    }
    printf("%s%s\n", *error.text ? " " : "", error.text);
    fflush(stdout);
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
        .simulated = SIMULATED_STEPS,
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
    puts("| network, sequences x steps | card | precision | LC/passes | slots | cycles/step | "
         "cycles | us "
         "| lanes busy | bound | ratio | DSP | RAMB36 | URAM | dies | others, us | simulated |\n"
         "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bool wanted = optind == argc;
        for (int a = optind; a < argc; a++)
            wanted = wanted || strstr(all[i].name, argv[a]);
        if (wanted)
            good = run(&all[i], &asked) && good;
    }
    return good ? 0 : 1;
}
