// SPDX-License-Identifier: Apache-2.0
// What a training engine keeps, and what that takes of a card: of the memories in
// train_engine/memories.h those that grow with the network, as hlsc will form them. Of the weights
// beside the lanes, which all are read at once, it is chosen here which kinds they lie in.
#include "mr_card_ports.h"
#include "plan_memory.h"
#include "train_shape.h"

#include <math.h>
#include <string.h>

enum { NUMBER = 16, STATE = 24, WIDE = 44, GRADIENT = 48, PARAMETER = 24, RAM_WORDS = 512 };

// Where nobody says in which kind of memory, as hlsc chooses it.
static void add(int64_t words, int64_t bits, int64_t copies, struct mr_memory_use *use) {
    const struct mr_memory_shape shape = {(uint64_t)words, 1, (uint64_t)bits, 1, 0};

    mr_memory_add(mr_storage_choose(shape.words, shape.chunk_bits), &shape, (uint64_t)copies, use);
}

// Of a unit the rows of its gates, which are written apart.
static struct mr_lane_memory weights_of(const struct mr_train_shape *shape) {
    const uint64_t words = (uint64_t)(TRAIN_OVER(TRAIN_KW));
    const int last = shape->weights.last_from;

    return (struct mr_lane_memory){
        .storage = shape->weights.storage,
        .lane = {.words = words,
                 .chunks = (uint64_t)TRAIN_GATES,
                 .chunk_bits = (uint64_t)(TRAIN_LC * NUMBER),
                 .ports = 1,
                 .last = last ? words - (uint64_t)last : 0},
        .copies = 1,
        .from = (uint64_t)shape->weights.rest_from,
        .rest = MR_STORAGE_URAM,
    };
}

// Beside the lanes: the weights, and deltas of two steps, of a unit those of a sequence together.
static void add_lanes(const struct mr_train_shape *shape, struct mr_memory_use *use) {
    const struct mr_lane_memory memories[] = {
        weights_of(shape),
        {.storage = MR_STORAGE_LUTRAM,
         .lane = {(uint64_t)(2 * TRAIN_GROUPS), (uint64_t)TRAIN_NB, (uint64_t)(TRAIN_SUMS * NUMBER),
                  1, 0},
         .copies = 1}};
    const uint64_t units = (uint64_t)(TRAIN_MAX_UNITS);
    const uint64_t per_tile =
        units < MR_TILE_LANES_MIN ? units : mr_tile_lanes(units, 1, 1, memories, 2);

    for (int i = 0; i < 2; i++)
        mr_tile_add(units, per_tile, &memories[i], use);
}

static void add_stash(const struct mr_train_shape *shape, struct mr_memory_use *use) {
    const int64_t numbers = shape->nb * shape->lc, lc = shape->lc, window = TRAIN_WINDOW;
    const int64_t all = TRAIN_OVER(TRAIN_STASH);
    // Where two sequences share a weight each number is a memory of its own.
    const int64_t apart = shape->nb > 1 ? numbers : 1;
    const struct mr_memory_shape above = {(uint64_t)(TRAIN_OF_ABOVE), 1,
                                          (uint64_t)(numbers / apart * STATE), 1, 0};
    const int reads_of_h = shape->port ? 1 : 3; // of the lanes, and of the head twice

    add(TRAIN_STEPS * TRAIN_GROUPS * TRAIN_XW, numbers * NUMBER, 1, use);
    add(shape->port ? 2 * window : all, numbers * NUMBER, reads_of_h, use);
    add(shape->port ? window : all * TRAIN_NB,
        (shape->port ? numbers : lc) * mr_train_cells[shape->cell].kept * NUMBER, 1, use);
    if (!shape->port)
        mr_memory_add(mr_storage_choose(above.words, (uint64_t)(numbers * STATE)), &above,
                      (uint64_t)apart, use);
    add(window, numbers * STATE, 1, use); // dh of a step from the next one
    if (mr_train_cells[shape->cell].has_state) {
        add(TRAIN_OVER(TRAIN_STATES), lc * NUMBER, 1, use);
        add(shape->batch * TRAIN_MAX_HW, lc * STATE, 1, use);
    }
    if (TRAIN_RESET) {
        add(window, numbers * NUMBER, 1, use);
        add(shape->batch * TRAIN_MAX_HW, lc * WIDE, 1, use);
    }
}

// Tables have two ports, and those of the activations and of the rule two parts.
static void add_tables(const struct mr_train_shape *shape, struct mr_memory_use *use) {
    const struct mr_train_cell_form *cell = &mr_train_cells[shape->cell];

    const int copies = (shape->lc + 1) / 2;

    // That of the root has words of 20 bits, one of which is all that a port of a half reads.
    use->bram18 += (uint64_t)(2 * (cell->sigmoids + cell->tanhs + 1) * copies);
    use->bram18 += shape->lc > 1 ? (uint64_t)copies : 0;
}

// The external memories (train_engine/memory_ports.h).
enum { STASH, ABOVE, PARAMS, EXTERNALS };
struct external {
    const char *name;
    int64_t bits, words; // of a word; of them
};

static void externals_of(const struct mr_train_shape *shape, struct external list[EXTERNALS]) {
    const int64_t numbers = shape->nb * shape->lc, kept = mr_train_cells[shape->cell].kept;

    list[STASH] =
        (struct external){"stash", numbers * NUMBER * (1 + kept), TRAIN_OVER(TRAIN_STASH)};
    list[ABOVE] = (struct external){"above", numbers * 32, 2 * TRAIN_OF_ABOVE};
    list[PARAMS] = (struct external){"params", shape->lc * 3 * 32, TRAIN_PARAM_WORDS};
}

uint32_t mr_train_external_words(const struct mr_train_shape *shape, const char *name) {
    struct external list[EXTERNALS];

    externals_of(shape, list);
    for (int i = 0; shape->port && i < EXTERNALS; i++)
        if (strcmp(list[i].name, name) == 0)
            return (uint32_t)list[i].words;
    return 0;
}

unsigned mr_train_ports(const struct mr_train_shape *shape) {
    struct external list[EXTERNALS];
    int64_t ports = 0;

    externals_of(shape, list);
    for (int i = 0; shape->port && i < EXTERNALS; i++)
        ports += MR_BEATS_OF(list[i].bits);
    return (unsigned)ports;
}

// FIFOs of an external memory's port (hw/card/mr_memory_port.sv): as many beats as are asked for at
// a time, each with whether it is the last one; and two bursts of those to store, with strobes.
static void add_ports(const struct mr_train_shape *shape, struct mr_memory_use *use) {
    const unsigned ports = mr_train_ports(shape);

    mr_memory_fifo(use, MR_BURSTS * MR_BURST_BEATS, MR_BEAT_BITS + 1, ports);
    mr_memory_fifo(use, 2 * MR_BURST_BEATS, MR_BEAT_BITS + MR_BEAT_BYTES, ports);
}

static struct mr_memory_use use_of(const struct mr_train_shape *shape) {
    struct mr_memory_use use = {0};

    add_lanes(shape, &use);
    add_stash(shape, &use);
    add_tables(shape, &use);
    add(TRAIN_GRADIENT_WORDS, (int64_t)(TRAIN_GRADIENT_UNITS)*TRAIN_GATES * TRAIN_LC * GRADIENT, 1,
        &use);
    if (shape->port)
        add_ports(shape, &use);
    else
        for (int i = 0; i < 3; i++) // weights and two moments
            add(TRAIN_PARAM_WORDS, shape->lc * PARAMETER, 1, &use);
    return use;
}

// The share of the kind of memory of which most is taken.
static double share(const struct mr_train_shape *shape, const struct mr_target *target) {
    const struct mr_memory_use use = use_of(shape);
    const double shares[] = {(double)use.lut / (double)mr_train_card_luts(target),
                             (double)use.bram18 / (2.0 * target->bram36),
                             (double)use.uram / target->uram};
    double most = 0;

    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        most = shares[i] > most ? shares[i] : most;
    return most;
}

bool mr_train_fits(const struct mr_train_shape *shape, const struct mr_target *target) {
    return share(shape, target) <= 1;
}

void mr_train_place_weights(struct mr_train_shape *shape, const struct mr_target *target) {
    enum { FEW = 64, LUT_WORDS = 1024 }; // that a LUT holds of a bit; that are read in a cycle
    const int words = (int)(TRAIN_OVER(TRAIN_KW)), units = (int)(TRAIN_MAX_UNITS);
    const int behind = words % RAM_WORDS;

    shape->weights = (struct mr_train_weights){.storage = MR_STORAGE_LUTRAM};
    if (words <= LUT_WORDS && use_of(shape).lut <= mr_train_card_luts(target))
        return;
    struct mr_train_shape best = *shape;
    double least = words <= LUT_WORDS ? share(shape, target) : INFINITY;
    for (int from = 0; from <= units; from++) {
        shape->weights = (struct mr_train_weights){
            .storage = from ? MR_STORAGE_BRAM : MR_STORAGE_URAM,
            .last_from = from && words > RAM_WORDS && behind <= FEW ? words - behind : 0,
            .rest_from = from < units ? from : 0};
        const double now = share(shape, target);
        if (now < least) {
            least = now;
            best = *shape;
        }
    }
    *shape = best;
}

struct mr_train_memory mr_train_memory(const struct mr_train_shape *shape) {
    const int64_t numbers = shape->nb * shape->lc, kept = mr_train_cells[shape->cell].kept;
    const int64_t turns = shape->steps * (int64_t)TRAIN_GROUPS;

    struct mr_train_memory memory = {
        .use = use_of(shape),
        .gradients = (uint64_t)(TRAIN_GRADIENT_WORDS * TRAIN_GRADIENT_UNITS * TRAIN_GATES *
                                shape->lc * GRADIENT),
        .stash = (uint64_t)(numbers * (turns * (TRAIN_XW * NUMBER + TRAIN_MAX_HW * STATE) +
                                       TRAIN_OVER(TRAIN_STASH) * NUMBER * (1 + kept))),
        .parameters = (uint64_t)(TRAIN_PARAM_WORDS * shape->lc * 3 * PARAMETER)};
    if (shape->port) {
        struct external list[EXTERNALS];
        int64_t bytes[EXTERNALS]; // of a word
        externals_of(shape, list);
        for (int i = 0; i < EXTERNALS; i++) {
            bytes[i] = MR_BEATS_OF(list[i].bits) * MR_BEAT_BYTES;
            memory.outside += (uint64_t)(list[i].words * bytes[i]);
        }
        const int64_t all = TRAIN_OVER(TRAIN_STASH), top = turns * TRAIN_TOP_HW;
        const int64_t seen = TRAIN_SEEN((int64_t)shape->steps);
        memory.stash =
            (uint64_t)(numbers * (turns * TRAIN_XW + TRAIN_WINDOW * (2 + kept)) * NUMBER);
        memory.parameters = 0;
        // Each cell's word is stored, and fetched on the way back; those below the last layer are
        // fetched by the layer above both ways, and have derivatives from it; and so are those that
        // the head sees.
        const int64_t shown = all - top + seen;
        memory.passed = (uint64_t)((2 * all + 2 * shown) * bytes[STASH] + 2 * shown * bytes[ABOVE] +
                                   2 * TRAIN_PARAM_WORDS * bytes[PARAMS]);
    }
    return memory;
}

uint64_t mr_train_card_luts(const struct mr_target *target) {
    return (uint64_t)target->lut * MR_PLAN_LUT_MEMORY_PERCENT / 100;
}
