// SPDX-License-Identifier: Apache-2.0
// Device `cpu:` beside oneDNN (Debian's libdnnl-dev) and ONNX Runtime, where they are there:
// networks of published figures in one run on one core or more, in turn, call by call or, with
// threads, turn by turn; medians, the 99th percentile, and the largest error of the last h against
// double precision. A table in Markdown. Usage: bench_cpu [--rounds N] [--core N] [--threads N]
// [CASE...]   CASE: a part of a name; without, all. Threads have the cores from that one on.
#define _GNU_SOURCE
#include "bench_dnnl.h"
#include "bench_onnxruntime.h"
#include "made_network.h"
#include "millrace.h"
#include "model.h"

#include <getopt.h>
#include <sched.h>
#include <sys/stat.h>
#include <time.h>

#define FOLDER "build/bench_cpu"
enum { LAYERS = 6, LEAST_ROUNDS = 20, MOST_ROUNDS = 1000, STEPS_TOGETHER = 20, EXACT = 8 };
// With threads: turns of each library; until those of the one before look for work no more; and
// until its own have found their cores.
enum { TURNS = 10, REST_MS = 60, WARM_MS = 30 };
enum { OURS = 2, ORT = OURS + DNNL_KINDS, ALL };
static const char *const names[ALL] = {"w16a16",      "w8a8",      "oneDNN f32",
                                       "oneDNN bf16", "oneDNN u8", "ONNX Runtime f32"};

struct workload {
    const char *name, *cell;
    int inputs, hidden[LAYERS]; // until 0
    int steps, batch;
    bool keeps_state; // single steps of one sequence
};

static const struct workload all[] = {
    {"LSTM 25-64-64 T50", "lstm", 25, {64, 64}, 50, 1, false},
    {"LSTM 25-64-64 T50", "lstm", 25, {64, 64}, 50, 24, false},
    {"LSTM 25-25-25 T50", "lstm", 25, {25, 25}, 50, 1, false},
    {"LSTM 25-25-25 T50", "lstm", 25, {25, 25}, 50, 64, false},
    {"LSTM 25-64x4 T50", "lstm", 25, {64, 64, 64, 64}, 50, 1, false},
    {"LSTM 25-64x4 T50", "lstm", 25, {64, 64, 64, 64}, 50, 64, false},
    {"LSTM 25-64-64 one step", "lstm", 25, {64, 64}, 1, 1, true},
    {"LSTM 256 T150", "lstm", 256, {256}, 150, 1, false},
    {"LSTM 1024 T25", "lstm", 1024, {1024}, 25, 1, false},
    {"GRU 170-512x3 T100", "gru", 170, {512, 512, 512}, 100, 1, false},
    {"GRU 170-512x3 T100", "gru", 170, {512, 512, 512}, 100, 64, false},
    {"GRU 1536 T375", "gru", 1536, {1536}, 375, 1, false},
};

static int thread_count = 1;

// Of this thread, which others that share the core do not count in; of several those on the wall.
static double seconds_now(void) {
    struct timespec now;
    clock_gettime(thread_count > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

struct contender {
    struct mr_model *model;
    struct mr_session *session;
    struct dnnl_net *peer;
    struct ort_net *ort;
    double *seconds; // [rounds]
    double error;
    float *y;
};

// Weights as training leaves them about: within 1 / sqrt(units).
static void make_network(struct mr_network *network, const struct workload *w, int precision) {
    uint64_t state = 7;
    int stream = 0, layers = 0;
    net_create(network, w->inputs, "bench");
    for (; layers < LAYERS && w->hidden[layers]; layers++)
        stream = net_add(network, w->cell, stream, w->hidden[layers], MR_ACTIVATION_LINEAR);
    net_output(network, net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR), "h");
    for (int i = 0; i < network->op_count; i++) {
        struct mr_op *op = &network->ops[i];
        const double range = 1 / sqrt(op->units);
        if (!op->kind->recurrent)
            continue;
        op->precision = mr_precision_at(precision);
        random_numbers(&state, op->w_x, (size_t)(op->kind->gates * op->units * op->inputs), range);
        random_numbers(&state, op->w_h, (size_t)(op->kind->gates * op->units * op->units), range);
        random_numbers(&state, op->bias, (size_t)(op->kind->sums * op->units), range);
    }
}

static void open_ours(struct contender *c, const struct workload *w, int precision,
                      const float *x) {
    struct mr_model_data data = {0};
    struct mr_error error = {0};
    char text[900] = "";
    make_network(&data.network, w, precision);
    int32_t *frac = malloc((size_t)w->inputs * sizeof *frac);
    for (int k = 0; k < w->inputs; k++)
        frac[k] = 14; // x is within +-1
    const size_t steps = w->steps > 20 ? 20 : (size_t)w->steps;
    net_need(mr_float_observe(&data.network, x, 1, steps, NULL) == 0, "not enough memory");
    net_need(mr_quantise(&data.network, frac, NULL, text, sizeof text) == 0, text);
    net_need(mr_model_data_save(&data, FOLDER "/net.millrace", text, sizeof text) == 0, text);
    free(frac);
    mr_model_data_free(&data);
    c->model = mr_model_open(FOLDER "/net.millrace", &error);
    net_need(c->model != NULL, error.text);
    const struct mr_options options = {MR_OPTIONS_INIT, .threads = (uint32_t)thread_count};
    c->session = mr_session_open(c->model, "cpu:", &options, &error);
    net_need(c->session != NULL, error.text);
}

static void run(struct contender *c, const struct workload *w, const float *x) {
    if (c->peer)
        dnnl_net_run(c->peer);
    else if (c->ort)
        ort_net_run(c->ort);
    else
        net_need(mr_session_run(c->session, x, (uint64_t)w->batch, (uint64_t)w->steps,
                                w->keeps_state ? MR_RUN_CONTINUE : 0, c->y, NULL) == 0,
                 mr_session_error(c->session));
}

static double seconds_of_call(struct contender *c, const struct workload *w, const float *x) {
    const int calls = w->keeps_state ? STEPS_TOGETHER : 1;
    const double begin = seconds_now();
    for (int k = 0; k < calls; k++)
        run(c, w, x);
    return (seconds_now() - begin) / calls;
}

static bool is_there(const struct contender *c) {
    return c->session || c->peer || c->ort;
}

static void print_ratio(double peer, double own) {
    if (peer > 0 && own > 0)
        printf(" %.2f |", peer / own);
    else
        printf(" - |");
}

static void print_row(const struct workload *w, struct contender *c, int rounds) {
    double median[ALL] = {0};
    printf("| %s, batch %d |", w->name, w->batch);
    for (int i = 0; i < ALL; i++) {
        if (!is_there(&c[i])) {
            printf(" - |");
            continue;
        }
        qsort(c[i].seconds, (size_t)rounds, sizeof *c[i].seconds, by_size);
        median[i] = c[i].seconds[rounds / 2] * 1e6;
        printf(" %.4g / %.4g (%.0e) |", median[i], c[i].seconds[rounds * 99 / 100] * 1e6,
               c[i].error);
    }
    // Of float32, the best; a bf16 has a tenth of the digits of w16a16.
    const double dnnl = median[OURS + DNNL_F32], ort = median[ORT];
    print_ratio(ort > 0 && (dnnl == 0 || ort < dnnl) ? ort : dnnl, median[0]);
    print_ratio(median[OURS + DNNL_BF16], median[0]);
    print_ratio(median[OURS + DNNL_U8], median[1]);
    printf("\n");
    fflush(stdout);
}

static void bench(const struct workload *w, int rounds) {
    struct contender c[ALL] = {{0}};
    struct mr_network network;
    uint64_t state = 11;
    const size_t rows = (size_t)w->batch * (size_t)w->steps;
    float *x = malloc(rows * (size_t)w->inputs * sizeof *x);
    random_numbers(&state, x, rows * (size_t)w->inputs, 1);
    make_network(&network, w, 0);
    const size_t units = (size_t)network.streams[network.outputs[0].stream].width;
    const size_t count = (size_t)w->batch * units;
    // In double precision the first sequences of a batch are enough.
    const size_t checked = w->batch < EXACT ? (size_t)w->batch : EXACT;
    double *exact = calloc(checked * units, sizeof *exact);
    net_need(mr_float_run(&network, x, checked, (size_t)w->steps, exact) == 0, "not enough memory");
    for (int i = 0; i < ALL; i++) {
        c[i].seconds = calloc((size_t)rounds, sizeof *c[i].seconds);
        c[i].y = calloc(count, sizeof *c[i].y);
        if (i < OURS)
            open_ours(&c[i], w, i ? MR_PRECISIONS - 1 : 0, x);
        else if (i == ORT)
            c[i].ort = ort_net_make(&network, w->steps, w->batch, w->keeps_state, thread_count);
        else
            c[i].peer = dnnl_net_make(&network, (enum dnnl_kind)(i - OURS), w->steps, w->batch,
                                      w->keeps_state);
        if (!is_there(&c[i]))
            continue;
        if (c[i].peer)
            dnnl_net_input(c[i].peer, x);
        if (c[i].ort)
            ort_net_input(c[i].ort, x);
        run(&c[i], w, x);
        if (c[i].peer)
            dnnl_net_output(c[i].peer, c[i].y);
        if (c[i].ort)
            ort_net_output(c[i].ort, c[i].y);
        for (size_t k = 0; k < checked * units; k++)
            c[i].error = fmax(c[i].error, fabs((double)c[i].y[k] - exact[k]));
    }
    const int together = thread_count > 1 ? (rounds + TURNS - 1) / TURNS : 1;
    for (int first = 0; first < rounds; first += together)
        for (int i = 0; i < ALL; i++) {
            if (!is_there(&c[i]))
                continue;
            if (thread_count > 1)
                nanosleep(&(struct timespec){.tv_nsec = REST_MS * 1000000}, NULL);
            const double begin = seconds_now();
            do
                run(&c[i], w, x); // its weights come back to the caches
            while (thread_count > 1 && seconds_now() - begin < WARM_MS * 1e-3);
            for (int r = first; r < first + together && r < rounds; r++)
                c[i].seconds[r] = seconds_of_call(&c[i], w, x);
        }
    print_row(w, c, rounds);
    for (int i = 0; i < ALL; i++) {
        mr_session_close(c[i].session);
        mr_model_close(c[i].model);
        dnnl_net_free(c[i].peer);
        ort_net_free(c[i].ort);
        free(c[i].seconds);
        free(c[i].y);
    }
    mr_network_free(&network);
    free(exact);
    free(x);
}

// More of those that are short.
static int rounds_of(const struct workload *w, int asked) {
    double work = 0;
    int inputs = w->inputs;
    for (int l = 0; l < LAYERS && w->hidden[l]; inputs = w->hidden[l++])
        work += 4.0 * w->hidden[l] * (inputs + w->hidden[l]) * w->steps * w->batch;
    const double rounds = 2e10 / work;
    return asked                   ? asked
           : rounds < LEAST_ROUNDS ? LEAST_ROUNDS
           : rounds > MOST_ROUNDS  ? MOST_ROUNDS
                                   : (int)rounds;
}

static bool is_asked(const char *name, int count, char **asked) {
    for (int i = 0; i < count; i++)
        if (strstr(name, asked[i]))
            return true;
    return count == 0;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
                                            {"core", required_argument, NULL, 'c'},
                                            {"threads", required_argument, NULL, 't'},
                                            {0}};
    int rounds = 0, core = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'r')
            rounds = atoi(optarg);
        else if (option == 'c')
            core = atoi(optarg);
        else if (option == 't' && atoi(optarg) > 0)
            thread_count = atoi(optarg);
        else
            return 2;
    }
    const char *threads = getenv("OMP_NUM_THREADS");
    if (HAS_DNNL && (!threads || atoi(threads) != thread_count)) {
        fprintf(stderr, "bench_cpu: OMP_NUM_THREADS must be %d, for oneDNN is to have as many\n",
                thread_count);
        return 2;
    }
    cpu_set_t cores;
    CPU_ZERO(&cores);
    for (int i = 0; i < thread_count; i++)
        CPU_SET(core + i, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    printf("%d thread%s, microseconds %s of a call: median / 99th percentile (largest error of the "
           "last h).%s%s\n\n",
           thread_count, thread_count > 1 ? "s" : "",
           thread_count > 1 ? "on the wall" : "of processor time",
           HAS_DNNL ? "" : " oneDNN is not there (libdnnl-dev).",
           ort_is_there() ? "" : " ONNX Runtime is not there (ONNXRUNTIME=DIR).");
    printf("| workload |");
    for (int i = 0; i < ALL; i++)
        printf(" %s |", names[i]);
    printf(" f32 / w16a16 | bf16 / w16a16 | u8 / w8a8 |\n|---|");
    for (int i = 0; i < ALL + 3; i++)
        printf("---|");
    printf("\n");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (is_asked(all[i].name, argc - optind, argv + optind))
            bench(&all[i], rounds_of(&all[i], rounds));
    return 0;
}
