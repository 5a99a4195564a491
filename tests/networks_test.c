// SPDX-License-Identifier: Apache-2.0
// Random networks of all recurrent operators, mixed in one stack, with heads of all kinds, from the
// model file on through the library's calls: cpu:, hls:, sim: and emulated cards give the bits of
// the plain reference, whole and step by step, with late inputs and stalled outputs, in slots of
// any number, with the states taken from one device to another; cycles are those of the plan; and
// the results are within the derived bound of the float network (bound.h). Usage: networks_test
// [short|long [SEED [COUNT]]]. short: small networks, the first of which have among them all that
// net_random makes, at all precisions; one on a card. Without COUNT they are 12; of more the rest
// are the smallest of several. long: COUNT networks, 30 if not given, from SEED on, all on cards.
#define _GNU_SOURCE
#include "made_network.h"
#include "millrace.h"
#include "model.h"
#include "plan.h"

#include <check.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#define FOLDER "build/networks_test"

enum { BUILDERS = 2, MOST_STEPS = 9, MOST_LANES = 5 };

static struct made *made;
static int made_count;

static struct mr_options options_of(const struct made *m) {
    return (struct mr_options){
        MR_OPTIONS_INIT,     .choice = MR_LANES_GIVEN, .lanes = m->lanes, .lane_count = m->layers,
        .passes = m->passes, .h_first = m->h_first,    .slots = m->slots};
}

// ---- what a network has: what the short run must see

// Bits of `others`.
enum trait {
    DENSE, // of each activation, giving 16 bits or 32
    VECTOR_OUT = DENSE + 2 * MR_ACTIVATIONS,
    VECTOR, // nothing else, of one output or of several
    VECTORS,
    STEP_OUT,
    LAST_OUT,
    OUTPUTS, // more than one
    FORK,
    INPUT_FORK,
    NUMBER_FORK, // of single numbers
    MIXED,       // recurrent operators of different kinds, where there are such
    DEEP,        // three of them or more
    TRAITS
};
_Static_assert(TRAITS <= 64, "a word has them");

// A bit for each kind of operator; narrow: with columns of 8 bits, whose weights have 8 bits, too.
struct traits {
    uint64_t kinds, narrow, others;
};

static uint64_t one(int bit) {
    return UINT64_C(1) << bit;
}

// Those of `has` that are not among `seen`.
static int fresh_traits(const struct traits *has, const struct traits *seen) {
    return __builtin_popcountll(has->kinds & ~seen->kinds) +
           __builtin_popcountll(has->narrow & ~seen->narrow) +
           __builtin_popcountll(has->others & ~seen->others);
}

// Do vectors of one layer leave the network as they are?
static bool gives_vectors(const struct mr_network *n) {
    const int first = n->streams[n->outputs[0].stream].writer;
    for (int o = 0; o < n->output_count; o++) {
        const struct mr_stream *stream = &n->streams[n->outputs[o].stream];
        if (stream->bits != 16 || mr_plan_leader(n, stream->writer) != mr_plan_leader(n, first))
            return false;
    }
    return true;
}

static struct traits traits_of(const struct mr_network *n) {
    struct traits has = {0};
    for (int i = 0; i < n->op_count; i++) {
        const struct mr_op *op = &n->ops[i];
        size_t index = 0;
        while (mr_op_kind_at(index) != op->kind)
            index++;
        *(op->precision.column_bits == 8 ? &has.narrow : &has.kinds) |= one((int)index);
        if (op->kind->has_activation)
            has.others |= one(DENSE + 2 * (int)op->places[MR_PLACE_G].kind +
                              (n->streams[op->output].bits == 32));
        if (op->kind->recurrent && op->kind != mr_network_layer(n, 0)->kind)
            has.others |= one(MIXED);
    }
    for (int s = 0; s < n->stream_count; s++)
        if (mr_network_readers(n, s) > 1)
            has.others |= one(s == 0 ? INPUT_FORK : n->streams[s].bits == 32 ? NUMBER_FORK : FORK);
    for (int o = 0; o < n->output_count; o++) {
        const struct mr_stream *stream = &n->streams[n->outputs[o].stream];
        has.others |= one(stream->rate == MR_PER_STEP ? STEP_OUT : LAST_OUT);
        if (stream->bits == 16)
            has.others |= one(VECTOR_OUT);
    }
    if (gives_vectors(n))
        has.others |= one(n->output_count > 1 ? VECTORS : VECTOR);
    if (n->output_count > 1)
        has.others |= one(OUTPUTS);
    if (mr_network_layers(n) > 2)
        has.others |= one(DEEP);
    return has;
}

// ---- making

static int make_files(struct made *m) {
    const struct mr_options options = options_of(m);
    const struct mr_model_data data = {.network = m->network};
    struct mr_error error = {0};
    if (mr_model_data_save(&data, m->model, m->error, sizeof m->error))
        return -1;
    struct mr_model *model = mr_model_open(m->model, &error);
    const int failed =
        !model || mr_build(model, "hls:", &options, NULL, 0, &error) ||
        mr_build(model, "sim:", &options, NULL, 0, &error) ||
        (*m->image && mr_build_image(model, "hw_emu", &options, m->image, NULL, 0, &error));
    if (failed)
        snprintf(m->error, sizeof m->error, "%s", error.text);
    mr_model_close(model);
    return failed ? -1 : 0;
}

// Half of the networks have one slot, the others 2, 4, 8 and 16 in turn.
static void make(struct made *m) {
    uint64_t state = m->seed ^ UINT64_C(0x6c616e6573);
    const double begin = (double)time(NULL);
    const int place = (int)(m - made);
    m->slots = place % 2 && !mr_network_one_slot(&m->network) ? 2u << place / 2 % 4 : 1;
    m->layers = (uint32_t)mr_network_layers(&m->network);
    for (uint32_t l = 0; l < m->layers; l++) {
        const struct mr_op *op = mr_network_layer(&m->network, (int)l);
        const int most = op->units < MOST_LANES ? op->units : MOST_LANES;
        m->lanes[l] = (uint32_t)random_between(&state, 1, most);
        const bool one_pass = random_between(&state, 0, 1);
        m->passes[l] = (uint32_t)mr_plan_passes(op, (int)m->lanes[l],
                                                one_pass ? 1 : random_between(&state, 2, 5));
        m->h_first[l] = m->slots == 1 && random_between(&state, 0, 1);
    }
    snprintf(m->model, sizeof m->model, FOLDER "/%llu.millrace", (unsigned long long)m->seed);
    if ((calibrate_as_told(m, &state) || make_files(m)) && !m->error[0])
        snprintf(m->error, sizeof m->error, "it failed without a sentence");
    m->seconds = (double)time(NULL) - begin;
}

static void *make_some(void *next) {
    for (int i; (i = atomic_fetch_add((atomic_int *)next, 1)) < made_count;)
        make(&made[i]);
    return NULL;
}

static void make_all(void) {
    atomic_int next = 0;
    pthread_t threads[BUILDERS];
    int started = 0;
    while (started < BUILDERS && !pthread_create(&threads[started], NULL, make_some, &next))
        started++;
    if (!started)
        make_some(&next);
    while (started)
        pthread_join(threads[--started], NULL);
}

enum { CANDIDATES = 100, MOST_CHOSEN = 12 };

// Chosen one after the other, each the one of the candidates that adds most for its operators,
// until nothing is missing.
static void choose_few(uint64_t seed, int most) {
    static struct mr_network of[CANDIDATES];
    struct traits seen = {0}, has[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++) {
        net_random_mixed(&of[i], seed + (uint64_t)i, most);
        has[i] = traits_of(&of[i]);
    }
    for (int best = 0; best >= 0 && made_count < MOST_CHOSEN;) {
        double most_value = 0;
        best = -1;
        for (int i = 0; i < CANDIDATES; i++) {
            const int fresh = of[i].op_count ? fresh_traits(&has[i], &seen) : 0;
            const double value = fresh / (2.0 + of[i].op_count);
            if (value > most_value) {
                most_value = value;
                best = i;
            }
        }
        if (best >= 0) {
            seen.kinds |= has[best].kinds;
            seen.narrow |= has[best].narrow;
            seen.others |= has[best].others;
            made[made_count].seed = seed + (uint64_t)best;
            made[made_count++].network = of[best];
            memset(&of[best], 0, sizeof of[best]);
        }
    }
    for (int i = 0; i < CANDIDATES; i++)
        mr_network_free(&of[i]);
}

// Draws the networks up to `count`, each the one of fewest operators of so many: what a simulator
// costs to build grows with its operators, while what differs between networks is within each.
static void draw_others(uint64_t seed, int count, int most, int of) {
    for (; made_count < count; made_count++) {
        struct made *m = &made[made_count];
        for (int i = 0; i < of; i++) {
            const uint64_t drawn = seed + (uint64_t)(made_count * of + i);
            struct mr_network network;
            net_random_mixed(&network, drawn, most);
            if (i > 0 && network.op_count >= m->network.op_count) {
                mr_network_free(&network);
                continue;
            }
            if (i > 0)
                mr_network_free(&m->network);
            m->network = network;
            m->seed = drawn;
        }
    }
}

static bool can_cut(struct mr_network *n) {
    char error[600];
    if (mr_quantise(n, NULL, NULL, error, sizeof error)) // formats, which limits are told from
        return true;
    for (int i = 0; i < n->op_count; i++)
        if (n->ops[i].kind->limit && n->ops[i].kind->limit(n, &n->ops[i]).limit > 0)
            return true;
    return false;
}

// All, or the first one that gives vectors and cannot cut a value, whose card has no probes, or
// else one of these.
static void choose_cards(bool all) {
    int first = 0, most = 0;
    for (int i = 0; i < made_count; i++) {
        const int has = 2 * !can_cut(&made[i].network) + gives_vectors(&made[i].network);
        if (has > most) {
            most = has;
            first = i;
        }
    }
    for (int i = 0; i < made_count; i++)
        if (all || i == first)
            snprintf(made[i].image, sizeof made[i].image, FOLDER "/%llu.xclbin",
                     (unsigned long long)made[i].seed);
}

// ---- what is expected

// Of one sequence, what a run of its steps from `from` to before `to` gives.
static float *expected_part(const struct made *m, const float *x, size_t from, size_t to) {
    const struct mr_network *n = &m->network;
    float *all = expected(m, x, 1, to), *part = all;
    const float *read = all;
    for (int o = 0; o < n->output_count; o++) {
        const size_t rows = mr_output_rows(n, o, to), width = mr_output_numbers(n, o, to) / rows;
        const size_t skipped = n->streams[n->outputs[o].stream].rate == MR_PER_STEP ? from : 0;
        memmove(part, read + skipped * width, (rows - skipped) * width * sizeof *part);
        part += (rows - skipped) * width;
        read += rows * width;
    }
    return all;
}

// ---- one network on its devices

struct bench {
    const struct made *m;
    struct mr_model *model;
    const char *uri[4];
    struct mr_session *on[4];
    int devices;
    size_t inputs;
    uint64_t state; // of random numbers
};

static struct mr_session *open_session(const struct bench *b, const char *uri,
                                       const struct mr_options *options) {
    struct mr_error error = {0};
    struct mr_session *session = mr_session_open(b->model, uri, options, &error);
    ck_assert_msg(session != NULL, "seed %llu, %s: %s", (unsigned long long)b->m->seed, uri,
                  error.text);
    return session;
}

static void set_up(struct bench *b, const struct made *m, char card[100]) {
    const struct mr_options options = options_of(m);
    struct mr_error error = {0};
    ck_assert_msg(!m->error[0], "seed %llu: %s", (unsigned long long)m->seed, m->error);
    *b = (struct bench){.m = m,
                        .uri = {"cpu:", "sim:", "hls:", card},
                        .devices = *m->image ? 4 : 3,
                        .inputs = (size_t)m->network.streams[0].width,
                        .state = m->seed ^ UINT64_C(0x78)};
    snprintf(card, 100, "xrt:0,%s", m->image);
    b->model = mr_model_open(m->model, &error);
    ck_assert_msg(b->model != NULL, "%s", error.text);
    for (int d = 0; d < b->devices; d++)
        b->on[d] = open_session(b, b->uri[d], &options);
}

static void tear_down(struct bench *b) {
    for (int d = 0; d < b->devices; d++)
        mr_session_close(b->on[d]);
    mr_model_close(b->model);
}

// Runs and compares with `wanted`, numbers of all outputs.
static struct mr_stats run(const struct bench *b, struct mr_session *session, const char *what,
                           const float *x, size_t sequences, size_t steps, uint32_t flags,
                           const float *wanted) {
    const size_t count = sequences * (size_t)mr_model_numbers(b->model, steps);
    float *y = calloc(count, sizeof *y);
    struct mr_stats stats;
    ck_assert(y != NULL);
    ck_assert_msg(!mr_session_run(session, x, sequences, steps, flags, y, &stats),
                  "seed %llu, %s: %s", (unsigned long long)b->m->seed, what,
                  mr_session_error(session));
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(memcmp(&y[i], &wanted[i], sizeof *y) == 0,
                      "seed %llu, %s, %zu sequences of %zu steps: number %zu is %.9g and should "
                      "be %.9g",
                      (unsigned long long)b->m->seed, what, sequences, steps, i, (double)y[i],
                      (double)wanted[i]);
    free(y);
    return stats;
}

static uint64_t planned_cycles(const struct bench *b, size_t sequences, size_t steps) {
    const struct mr_options options = options_of(b->m);
    struct mr_error error = {0};
    char *text;
    ck_assert_msg(!mr_plan(b->model, &options, sequences, steps, &text, NULL, &error), "%s",
                  error.text);
    json_t *plan = json_loads(text, 0, NULL);
    const uint64_t cycles = (uint64_t)json_integer_value(json_object_get(plan, "cycles"));
    json_decref(plan);
    free(text);
    return cycles;
}

// Whole runs; what is beyond its range is cut and counted alike. Returns the simulated cycles.
static uint64_t check_whole(struct bench *b, size_t sequences, size_t steps) {
    float *x = random_x(b->m, &b->state, sequences * steps, 1);
    for (size_t i = 0; i < sequences * steps * b->inputs; i++)
        if (i / b->inputs % 3 == 2 && !mr_network_entries(&b->m->network))
            x[i] *= 3;
    float *wanted = expected(b->m, x, sequences, steps);
    struct mr_stats stats[4];
    for (int d = 0; d < b->devices; d++) {
        stats[d] = run(b, b->on[d], b->uri[d], x, sequences, steps, 0, wanted);
        ck_assert_uint_eq(stats[d].cut_inputs, stats[0].cut_inputs);
        ck_assert_uint_eq(stats[d].cut_values, stats[0].cut_values);
        ck_assert(d == 0 || d == 2 || stats[d].cycles > 0);
    }
    const uint64_t planned = planned_cycles(b, sequences, steps);
    ck_assert_msg(stats[1].cycles == planned,
                  "seed %llu, %zu sequences of %zu steps: %llu cycles, planned %llu",
                  (unsigned long long)b->m->seed, sequences, steps,
                  (unsigned long long)stats[1].cycles, (unsigned long long)planned);
    free(wanted);
    free(x);
    return stats[1].cycles;
}

static void go_on(const struct bench *b, int device, const char *what, const float *x, size_t from,
                  size_t to) {
    float *wanted = expected_part(b->m, x, from, to);
    run(b, b->on[device], what, x + from * b->inputs, 1, to - from, from ? MR_RUN_CONTINUE : 0,
        wanted);
    free(wanted);
}

// One step at a time, in two parts, and in two parts on two devices.
static void check_state(struct bench *b, size_t steps) {
    float *x = random_x(b->m, &b->state, steps, 1.2);
    float *y = calloc((size_t)mr_model_numbers(b->model, 1), sizeof *y);
    const size_t size = mr_session_state_size(b->on[0]);
    void *state = malloc(size), *again = malloc(size);
    ck_assert(y && state && again);
    for (int d = 0; d < b->devices; d++) {
        const size_t cut = (size_t)random_between(&b->state, 1, (int)steps - 1);
        const int other = (d + 1) % b->devices;
        mr_session_reset(b->on[d]);
        for (size_t t = 0; t < steps; t++) {
            float *wanted = expected_part(b->m, x, t, t + 1);
            ck_assert_msg(!mr_session_step(b->on[d], x + t * b->inputs, y, NULL), "%s",
                          mr_session_error(b->on[d]));
            ck_assert_msg(memcmp(y, wanted, (size_t)mr_model_numbers(b->model, 1) * sizeof *y) == 0,
                          "seed %llu, %s: step %zu", (unsigned long long)b->m->seed, b->uri[d], t);
            free(wanted);
        }
        go_on(b, d, "first part", x, 0, cut);
        ck_assert_int_eq(mr_session_save(b->on[d], state, size), 0);
        go_on(b, d, "second part", x, cut, steps);
        ck_assert_msg(!mr_session_restore(b->on[other], state, size), "%s",
                      mr_session_error(b->on[other]));
        ck_assert_int_eq(mr_session_save(b->on[other], again, size), 0);
        ck_assert_mem_eq(state, again, size);
        go_on(b, other, "second part on another device", x, cut, steps);
    }
    free(x);
    free(y);
    free(state);
    free(again);
}

// Sequences that go on in the first slots, each from a step of its own.
struct goes_on {
    const float *x[16];
    size_t at[16];
};

static void go_on_in_slots(struct bench *b, int device, struct goes_on *g, size_t sequences,
                           size_t steps) {
    const struct mr_network *n = &b->m->network;
    const size_t row = b->inputs, numbers = (size_t)mr_model_numbers(b->model, steps);
    float *x = calloc(sequences * steps * row, sizeof *x);
    float *wanted = calloc(sequences * numbers, sizeof *wanted);
    ck_assert(x && wanted);
    for (size_t i = 0; i < sequences; i++) {
        float *part = expected_part(b->m, g->x[i], g->at[i], g->at[i] + steps);
        const float *from = part;
        float *to = wanted;
        for (int o = 0; o < n->output_count; o++) {
            const size_t count = mr_output_numbers(n, o, steps);
            memcpy(to + i * count, from, count * sizeof *to);
            from += count;
            to += sequences * count;
        }
        memcpy(x + i * steps * row, g->x[i] + g->at[i] * row, steps * row * sizeof *x);
        g->at[i] += steps;
        free(part);
    }
    run(b, b->on[device], "going on in slots", x, sequences, steps, MR_RUN_CONTINUE, wanted);
    free(x);
    free(wanted);
}

// States of slots that go on, begin anew beside others, and are taken to other slots and devices.
static void check_slots(struct bench *b) {
    enum { STEPS = 9 };
    const uint32_t slots = b->m->slots;
    const size_t size = mr_session_state_size(b->on[0]);
    float *x = random_x(b->m, &b->state, slots * STEPS, 1.2);
    void *state = malloc(size);
    ck_assert_ptr_nonnull(state);
    for (int d = 0; d < b->devices; d++) {
        const int other = (d + 1) % b->devices;
        const uint32_t some = (uint32_t)random_between(&b->state, 1, (int)slots);
        const uint32_t one = (uint32_t)random_between(&b->state, 0, (int)slots - 1);
        const uint32_t place = (uint32_t)random_between(&b->state, 0, (int)slots - 1);
        struct goes_on here = {{NULL}, {0}}, there;
        ck_assert_uint_eq(mr_session_slots(b->on[d]), slots);
        for (uint32_t i = 0; i < slots; i++)
            here.x[i] = x + i * STEPS * b->inputs;
        there = here;
        mr_session_reset(b->on[d]);
        go_on_in_slots(b, d, &here, some, 2);
        go_on_in_slots(b, d, &here, slots, 1);
        go_on_in_slots(b, d, &here, 1, 2);
        go_on_in_slots(b, d, &here, slots, 1);
        ck_assert_int_eq(mr_session_save_slot(b->on[d], one, state, size), 0);
        there.x[place] = here.x[one];
        there.at[place] = here.at[one];
        mr_session_reset(b->on[other]);
        ck_assert_msg(!mr_session_restore_slot(b->on[other], place, state, size), "%s",
                      mr_session_error(b->on[other]));
        go_on_in_slots(b, other, &there, place + 1, 1);
        ck_assert_int_eq(mr_session_reset_slot(b->on[d], one), 0);
        here.at[one] = 0;
        go_on_in_slots(b, d, &here, slots, 1);
        ck_assert_int_eq(mr_session_restore_slot(b->on[d], one, state, size), 0);
        here.at[one] = there.at[place] - 1;
        go_on_in_slots(b, d, &here, slots, 1);
    }
    free(x);
    free(state);
}

// Groups that do not fill the slots, alone and behind others.
static void check_groups(struct bench *b, size_t steps) {
    const size_t slots = b->m->slots;
    const size_t sequences[] = {slots - 1, slots, slots + 1, 3 * slots + 2};
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++)
        if (slots > 1)
            check_whole(b, sequences[i], i == 3 ? 2 : steps);
}

static void check_stalls(struct bench *b, size_t sequences, size_t steps) {
    static const struct { uint32_t idle, stall; } chances[] = {{128, 0}, {0, 200}, {90, 90}};
    float *x = random_x(b->m, &b->state, sequences * steps, 1);
    float *wanted = expected(b->m, x, sequences, steps);
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
        struct mr_options options = options_of(b->m);
        options.idle_chance = chances[i].idle;
        options.stall_chance = chances[i].stall;
        options.seed = b->m->seed + i;
        struct mr_session *sim = open_session(b, "sim:", &options);
        run(b, sim, "sim: with late inputs and stalled outputs", x, sequences, steps, 0, wanted);
        mr_session_close(sim);
    }
    free(wanted);
    free(x);
}

static double check_bound(struct bench *b, double *error, double *bound) {
    enum { SEQUENCES = 6, STEPS = 6 };
    float *x = random_x(b->m, &b->state, SEQUENCES * STEPS, 1);
    float *y = calloc(SEQUENCES * (size_t)mr_model_numbers(b->model, STEPS), sizeof *y);
    ck_assert_ptr_nonnull(y);
    ck_assert_int_eq(mr_session_run(b->on[0], x, SEQUENCES, STEPS, 0, y, NULL), 0);
    const double share = share_of_bound(&b->m->network, x, y, SEQUENCES, STEPS, error, bound);
    ck_assert_msg(share <= 1, "seed %llu: %g of the bound", (unsigned long long)b->m->seed, share);
    free(x);
    free(y);
    return share;
}

static const char *shape_of(const struct made *m, char *text, size_t size) {
    int at = snprintf(text, size, "%d", m->network.streams[0].width);
    for (int i = 0; i < m->network.op_count && at < (int)size; i++) {
        const struct mr_op *op = &m->network.ops[i];
        const bool weights = op->kind->gates > 0;
        at += snprintf(text + at, size - (size_t)at, weights ? " %s:%d" : " %s", op->kind->name,
                       op->units);
        if (op->kind->recurrent && at < (int)size)
            at +=
                snprintf(text + at, size - (size_t)at, m->passes[op->layer] > 1 ? "/%u/%u" : "/%u",
                         m->lanes[op->layer], m->passes[op->layer]);
        if (op->kind->recurrent && at < (int)size) {
            char precision[MR_PRECISION_NAME];
            at += snprintf(text + at, size - (size_t)at, " %s",
                           mr_precision_name(op->precision, precision));
        }
    }
    return text;
}

START_TEST(a_network_is_the_same_everywhere) {
    const struct made *m = &made[_i];
    struct bench b;
    char card[100], shape[300];
    double error, bound;
    if (net_is_too_wide(m->error)) { // one of 15,000 with layers of 12 units
        printf("%5llu %s\n", (unsigned long long)m->seed, m->error);
        return;
    }
    set_up(&b, m, card);
    const size_t sequences = (size_t)random_between(&b.state, 2, 4);
    const size_t steps = (size_t)random_between(&b.state, 2, MOST_STEPS);
    const uint64_t step = check_whole(&b, 1, 1), one_sequence = check_whole(&b, 1, steps);
    const uint64_t steps_apart = check_whole(&b, sequences, 1);
    const uint64_t all = check_whole(&b, sequences, steps);
    check_groups(&b, steps);
    if (!mr_network_pool(&m->network)) { // else there are whole sequences alone
        check_state(&b, steps);
        check_slots(&b);
    }
    check_stalls(&b, b.m->slots > 1 ? b.m->slots + 1 : sequences, steps);
    const double share = check_bound(&b, &error, &bound);
    printf(
        "%5llu %-4s %5.0f s %5u  %zux%zu  %6llu %6llu %6llu %6llu  %.2e of %.2e (%3.0f %%)  %s, %d "
        "outputs\n",
        (unsigned long long)m->seed, *m->image ? "card" : "", m->seconds, m->slots, sequences,
        steps, (unsigned long long)step, (unsigned long long)one_sequence,
        (unsigned long long)steps_apart, (unsigned long long)all, error, bound, 100 * share,
        shape_of(m, shape, sizeof shape), m->network.output_count);
    tear_down(&b);
}
END_TEST

int main(int argc, char **argv) {
    const bool is_long = argc > 1 && strcmp(argv[1], "long") == 0;
    const uint64_t seed = argc > 2  ? strtoull(argv[2], NULL, 10)
                          : is_long ? (uint64_t)time(NULL)
                                    : 1;
    const int count = argc > 3 ? atoi(argv[3]) : is_long ? 30 : 12;
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    setenv("MILLRACE_CACHE", "build/cache", 0);
    setenv("MILLRACE_OPTIMISE", "0", 1); // a few hundred cycles each
    made = calloc((size_t)(count > MOST_CHOSEN ? count : MOST_CHOSEN), sizeof *made);
    net_need(made != NULL, "not enough memory");
    if (!is_long)
        choose_few(seed, 6);
    draw_others(seed + (is_long ? 0 : CANDIDATES), count, is_long ? 12 : 6,
                argc > 3 || is_long ? 1 : 12);
    choose_cards(is_long);
    printf("networks_test: seed %llu, %d networks\n", (unsigned long long)seed, made_count);
    fflush(stdout);
    make_all();
    printf(" seed      built slots  N x T  cycles, planned and simulated: 1x1, 1xT, Nx1, NxT; "
           "error of its "
           "bound (most of all)  shape\n");
    fflush(stdout);
    Suite *suite = suite_create("networks");
    TCase *cases = tcase_create("networks");
    tcase_set_timeout(cases, 600);
    tcase_add_loop_test(cases, a_network_is_the_same_everywhere, 0, made_count);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    for (int i = 0; i < made_count; i++)
        mr_network_free(&made[i].network);
    free(made);
    return failed != 0;
}
