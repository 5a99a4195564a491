// SPDX-License-Identifier: Apache-2.0
// The shape of a training engine, its source, and the order of what it takes and gives.
#include "train_shape.h"

#include "failure.h"
#include "network_build.h"
#include "train_engine/gru_cell.h"
#include "train_engine/gru_reset_first_cell.h"
#include "train_engine/lstm_cell.h"
#include "train_engine/rnn_cell.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct mr_train_cell_form mr_train_cells[] = {
#define FORM(name)                                                                                 \
#    name, name##_TRAIN_GATES, name##_TRAIN_SUMS, name##_TRAIN_KEPT, name##_TRAIN_RESET,           \
        name##_TRAIN_HAS_STATE
    [MR_TRAIN_LSTM] = {FORM(lstm), 3, 3},
    [MR_TRAIN_GRU] = {FORM(gru), 2, 1},
    [MR_TRAIN_GRU_RESET_FIRST] = {FORM(gru_reset_first), 2, 1},
    [MR_TRAIN_RNN_TANH] = {FORM(rnn), 0, 1},
    [MR_TRAIN_RNN_RELU] = {0},
#undef FORM
};

int64_t mr_train_max_units(const struct mr_train_shape *shape) {
    return TRAIN_FIND_MAX_UNITS;
}

int64_t mr_train_turns(const struct mr_train_shape *shape) {
    return TRAIN_FIND_TURNS;
}

int mr_train_lanes(const struct mr_train_shape *shape) {
    return (int)(TRAIN_GATES * TRAIN_MAX_UNITS * shape->lc * shape->nb);
}

uint64_t mr_train_products(const struct mr_train_shape *shape, size_t sequences, size_t steps,
                           bool learn) {
    uint64_t of_step = 0;

    for (int l = 0; l < shape->layers; l++) {
        const uint64_t below = (uint64_t)shape->width[l], units = (uint64_t)shape->width[l + 1];
        const uint64_t columns = below + units, derived = l > 0 ? columns : units;
        of_step += (uint64_t)TRAIN_GATES * units * (learn ? 2 * columns + derived : columns);
    }
    return of_step * sequences * steps;
}

_Static_assert((int)TRAIN_MSE == (int)MR_TRAIN_MSE && (int)TRAIN_BCE == (int)MR_TRAIN_BCE &&
                   (int)TRAIN_CE == (int)MR_TRAIN_CE,
               "losses have the same numbers in kernels");

// Weights and biases, without what fills words.
static int64_t parameters(const struct mr_train_shape *shape) {
    const int64_t gates = TRAIN_GATES, sums = TRAIN_SUMS;
    int64_t count = shape->outputs * (int64_t)(shape->width[shape->layers] + 1);

    for (int l = 0; l < shape->layers; l++)
        count += shape->width[l + 1] * (gates * (shape->width[l] + shape->width[l + 1]) + sums);
    return count;
}

// What no engine has, whatever its lanes: their sums have 44 bits (engine.h), and squares of 2^47
// at most are added up in 64.
static int check_network(const struct mr_train_shape *shape, struct mr_error *error) {
    enum { PRODUCTS = 8192, SQUARES = (1 << 17) - 1 };
    int64_t widest = TRAIN_GATES * TRAIN_MAX_UNITS;

    for (int l = 0; l < shape->layers; l++)
        widest = TRAIN_MAX(widest, shape->width[l] + shape->width[l + 1]);
    if (widest > PRODUCTS)
        return mr_failure(
            error, MR_ERROR_MODEL,
            "a training engine has layers of %d rows and columns at most; one of this "
            "network has %d",
            PRODUCTS, (int)widest);
    if (shape->clips && parameters(shape) > SQUARES)
        return mr_failure(error, MR_ERROR_MODEL,
                          "a training engine that clips gradients has %d parameters at most; cpu: "
                          "trains this network",
                          SQUARES);
    return 0;
}

// What is counted in 16 bits (sequencer.h; the scalars steps and sequences), and cycles in 32.
static bool fits(const struct mr_train_shape *shape, uint64_t cycles) {
    enum { COUNTED = 65536 };
    const int64_t groups = TRAIN_GROUPS;

    return shape->steps < COUNTED && shape->batch < COUNTED && shape->steps * groups <= COUNTED &&
           TRAIN_OVER(TRAIN_STATES) <= COUNTED && shape->batch * TRAIN_MAX_HW <= COUNTED &&
           shape->outputs * TRAIN_HEAD_WORDS <= COUNTED && TRAIN_OVER(TRAIN_KW) <= COUNTED &&
           cycles <= UINT32_MAX &&
           (!shape->port ||
            (2 * TRAIN_WINDOW <= COUNTED && TRAIN_WINDOW + TRAIN_PORT_WAIT < COUNTED));
}

// Of the shapes that are as fast, the one with the least multipliers. False: none fits.
static bool choose(struct mr_train_shape *shape, int multipliers, const struct mr_target *target) {
    struct mr_train_shape best = *shape;
    uint64_t least = UINT64_MAX;

    for (int nb = 1; nb <= TRAIN_MOST_NB && shape->batch % nb == 0; nb++) {
        shape->nb = nb;
        for (int lc = 1; lc <= TRAIN_MAX(TRAIN_MAX_UNITS, shape->width[0]) && lc <= 64; lc++) {
            shape->lc = lc;
            const uint64_t cycles = mr_train_cycles(shape, shape->steps, true);
            if (mr_train_lanes(shape) <= multipliers && fits(shape, cycles) &&
                mr_train_ports(shape) <= mr_target_memories(target) &&
                (cycles < least ||
                 (cycles == least && mr_train_lanes(shape) < mr_train_lanes(&best)))) {
                least = cycles;
                best = *shape;
            }
        }
    }
    *shape = best;
    return least < UINT64_MAX;
}

int mr_train_shape_of(const struct mr_train_chain *chain, const struct mr_trainer_options *options,
                      int multipliers, struct mr_train_shape *shape, struct mr_error *error) {
    if (chain->layer_count > MR_ENGINE_LAYERS)
        return mr_failure(error, MR_ERROR_MODEL,
                          "a training engine has %d layers at most; the network has %d",
                          MR_ENGINE_LAYERS, chain->layer_count);
    *shape = (struct mr_train_shape){.cell = chain->layers[0].cell,
                                     .layers = chain->layer_count,
                                     .outputs = chain->outputs,
                                     .lc = 1,
                                     .nb = 1,
                                     .batch = (int)options->batch,
                                     .steps = (int)options->steps,
                                     .loss = options->loss,
                                     .per_step = chain->per_step,
                                     .clips = options->clip > 0,
                                     // Of one layer there is none, nor of less than 2^-17.
                                     .drops = chain->layer_count > 1 && options->dropout > 0x1p-17};
    shape->width[0] = chain->inputs;
    for (int i = 0; i < chain->layer_count; i++) {
        shape->width[i + 1] = chain->layers[i].units;
        if (!mr_train_cells[chain->layers[i].cell].name)
            return mr_failure(error, MR_ERROR_MODEL,
                              "a training engine has layers of LSTM, of GRU, or of RNN with "
                              "tanh; layer %d is none of these; cpu: trains it",
                              i + 1);
        if (chain->layers[i].cell != shape->cell)
            return mr_failure(
                error, MR_ERROR_MODEL,
                "a training engine has layers of one kind; layer %d is of another one "
                "than those before; cpu: trains them",
                i + 1);
    }
    if (multipliers == 0)
        multipliers = MR_ENGINE_MULTIPLIERS;
    if (mr_train_lanes(shape) > multipliers)
        return mr_failure(
            error, MR_ERROR_MODEL,
            "a training engine has a multiplier for each row of weights of its widest "
            "layer, %d here; %d are possible",
            mr_train_lanes(shape), multipliers);
    // Before engines are weighed: of wider layers the formulas' numbers would overflow.
    const struct mr_target *target = NULL;
    int code = check_network(shape, error);
    if (code == 0)
        code = mr_card_target(options->target, &target, error);
    if (code != 0)
        return code;
    struct mr_train_shape with_port = *shape;
    with_port.port = true;
    const bool is = choose(shape, multipliers, target);
    mr_train_place_weights(shape, target);
    if (!(is && mr_train_fits(shape, target)) && choose(&with_port, multipliers, target)) {
        *shape = with_port;
        mr_train_place_weights(shape, target);
    }
    if (is || shape->port)
        return 0;
    return mr_failure(error, MR_ERROR_MODEL,
                      "a mini-batch of %d sequences of %d steps is too large for a training engine "
                      "of this network; make it smaller",
                      shape->batch, shape->steps);
}

int mr_train_source(const struct mr_train_shape *shape, const char *top, char *text, size_t size,
                    struct mr_error *error) {
    const char *name = mr_train_cells[shape->cell].name;
    size_t at = 0;

    if (shape->nb < 1 || shape->nb > TRAIN_MOST_NB || shape->batch % shape->nb != 0)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "in a training engine 1 or %d sequences of a mini-batch share a weight, in "
            "groups of as many; here it is %d of %d",
            TRAIN_MOST_NB, shape->nb, shape->batch);
    at += (size_t)snprintf(text, size,
                           "#define TRAIN_TOP %s\n#define TRAIN_CELL %s\n#define TRAIN_LAYERS %d\n",
                           top, name, shape->layers);
    for (int i = 0; i <= shape->layers; i++)
        at += (size_t)snprintf(text + at, size - at, "#define TRAIN_WIDTH_%d %d\n", i,
                               shape->width[i]);
    if (shape->weights.storage != MR_STORAGE_LUTRAM)
        at += (size_t)snprintf(text + at, size - at,
                               "#define TRAIN_W_MEMORY %s\n#define TRAIN_W_LAST_FROM %d\n"
                               "#define TRAIN_W_REST_FROM %d\n",
                               mr_storage_name(shape->weights.storage), shape->weights.last_from,
                               shape->weights.rest_from);
    snprintf(text + at, size - at,
             "#define TRAIN_OUTPUTS %d\n#define TRAIN_LC %d\n#define TRAIN_NB %d\n"
             "#define TRAIN_BATCH %d\n#define TRAIN_STEPS %d\n#define TRAIN_LOSS %d\n"
             "#define TRAIN_PER_STEP %d\n#define TRAIN_CLIP %d\n#define TRAIN_DROPOUT %d\n%s"
             "#include \"train_engine/%s_cell.h\"\n#include \"train_engine/engine.h\"\n",
             shape->outputs, shape->lc, shape->nb, shape->batch, shape->steps, (int)shape->loss,
             shape->per_step, shape->clips, shape->drops,
             shape->port ? "#define TRAIN_PORT 1\n" : "", name);
    return 0;
}

size_t mr_train_param_words(const struct mr_train_shape *shape) {
    return (size_t)(TRAIN_PARAM_WORDS);
}

size_t mr_train_param_beats(const struct mr_train_shape *shape) {
    return (size_t)(TRAIN_PARAM_BEATS);
}

static int words_of(const struct mr_train_shape *shape, int numbers) {
    return (numbers + shape->lc - 1) / shape->lc;
}

struct mr_train_place mr_train_place_of(const struct mr_train_shape *shape, size_t number) {
    const struct mr_train_place padding = {.part = MR_TRAIN_PADDING};
    size_t word = number / (size_t)shape->lc;
    const int c = (int)(number % (size_t)shape->lc), gates = mr_train_cells[shape->cell].gates;

    for (int l = shape->layers - 1; l >= 0; l--) {
        const int units = shape->width[l + 1], hw = words_of(shape, units);
        const int kw = hw + words_of(shape, shape->width[l]);
        const size_t weights = (size_t)(gates * units * kw);
        const size_t biases = (size_t)(mr_train_cells[shape->cell].sums * hw);
        if (word < biases) {
            const int unit = (int)word % hw * shape->lc + c;
            return unit >= units
                       ? padding
                       : (struct mr_train_place){MR_TRAIN_BIAS, l, (int)word / hw, unit, 0};
        }
        word -= biases;
        if (word < weights) {
            const int rows = gates * units, row = (int)word % rows, k = (int)word / rows;
            const bool of_h = k < hw;
            const int column = (of_h ? k : k - hw) * shape->lc + c;
            return column >= (of_h ? units : shape->width[l])
                       ? padding
                       : (struct mr_train_place){of_h ? MR_TRAIN_OVER_H : MR_TRAIN_OVER_X, l,
                                                 row % gates, row / gates, column};
        }
        word -= weights;
    }
    const int top = shape->width[shape->layers], hw = words_of(shape, top);
    const int output = (int)word / (hw + 1), k = (int)word % (hw + 1), column = k * shape->lc + c;
    if (k == hw)
        return c ? padding : (struct mr_train_place){MR_TRAIN_HEAD_BIAS, 0, 0, output, 0};
    return column >= top ? padding : (struct mr_train_place){MR_TRAIN_HEAD, 0, 0, output, column};
}

// ---- x

size_t mr_train_element_numbers(const struct mr_train_shape *shape) {
    return (size_t)(TRAIN_X_NUMBERS);
}

size_t mr_train_elements(const struct mr_train_shape *shape, size_t steps, bool learns) {
    const int64_t columns = (int64_t)steps * TRAIN_GROUPS * TRAIN_XW;

    return (size_t)(learns ? TRAIN_RULE_NUMBERS + columns + TRAIN_TARGETS((int64_t)steps)
                           : columns);
}

int16_t *mr_train_number(const struct mr_train_shape *shape, uint32_t number, int16_t *to) {
    const size_t numbers = mr_train_element_numbers(shape);

    memset(to, 0, numbers * sizeof *to);
    memcpy(to, (const uint16_t[]){(uint16_t)number, (uint16_t)(number >> 16)}, 2 * sizeof *to);
    return to + numbers;
}

int16_t *mr_train_tell(const struct mr_train_shape *shape, const train_rule_t *rule,
                       const uint64_t keys[MR_ENGINE_LAYERS], int16_t *to) {
    const uint32_t told[] = {rule->scale,  rule->l2,    rule->keep_m, rule->take_m, rule->keep_v,
                             rule->take_v, rule->floor, rule->rate,   rule->adam};
    enum { OF_RULE = sizeof told / sizeof *told };
    _Static_assert((int)OF_RULE == TRAIN_OF_RULE && MR_ENGINE_LAYERS == TRAIN_MOST_LAYERS,
                   "as the engine takes them");

    for (size_t i = 0; i < OF_RULE; i++)
        to = mr_train_number(shape, told[i], to);
    for (int l = 0; l < TRAIN_PLACES; l++) {
        to = mr_train_number(shape, (uint32_t)keys[l], to);
        to = mr_train_number(shape, (uint32_t)(keys[l] >> 32), to);
    }
    return to;
}

int16_t *mr_train_columns(const struct mr_train_shape *shape, const int16_t *x, size_t sequences,
                          size_t steps, int16_t *to) {
    const size_t inputs = (size_t)shape->width[0], lc = (size_t)shape->lc, nb = (size_t)shape->nb;
    const size_t numbers = mr_train_element_numbers(shape);

    for (size_t t = 0; t < steps; t++)
        for (size_t group = 0; group < (size_t)shape->batch / nb; group++)
            for (size_t k = 0; k < inputs; k += lc, to += numbers) {
                memset(to, 0, numbers * sizeof *to);
                for (size_t n = 0; n < nb && group * nb + n < sequences; n++)
                    for (size_t c = 0; c < lc && k + c < inputs; c++)
                        to[n * lc + c] = x[(t * sequences + group * nb + n) * inputs + k + c];
            }
    return to;
}

uint64_t mr_train_cycles(const struct mr_train_shape *shape, int steps, bool learn) {
    const int64_t all = steps, forward = TRAIN_FORWARD_CYCLES(all) + TRAIN_OUTPUT_CYCLES(all);

    return (uint64_t)(learn ? forward + TRAIN_BACK_CYCLES(all) + TRAIN_ERROR_CYCLES(all) +
                                  (int64_t)TRAIN_CLIP_CYCLES
                            : forward);
}
