// SPDX-License-Identifier: Apache-2.0
// Packs weights into panels (packed.h).
#include "packed.h"

#include "arithmetic.h"

#include <stdlib.h>
#include <string.h>

enum {
    ALIGNMENT = 64,
    SHIFT_SPLIT = 8,
    MORE = 128, // than they are weights and columns of bytes without sign
    LEAST_SEEN_SHIFT = 14,
    PIECE_FOURS = 48 // of columns at most, whose weights of a block are 36 KiB
};

void *mr_vectors(size_t count, size_t size) {
    const size_t bytes = (count * size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    void *made =
        size && count > (SIZE_MAX - ALIGNMENT) / size / 2 ? NULL : aligned_alloc(ALIGNMENT, bytes);

    if (made)
        memset(made, 0, bytes);
    return made;
}

// The weights of a vector's units, of so many columns from one on; NULL: it is padding.
struct source {
    const int16_t *weights; // of the vector's first unit
    int units, columns;     // that there are
    size_t stride;          // from unit to unit
};

static void pack_vector(const struct mr_packed *packed, const struct source *of, int groups,
                        int vector, void *to) {
    const int width = packed->kernels->width, in_group = mr_in_group(packed->product);
    const int more = packed->product == MR_PRODUCT_SHORTS ? MORE : 0;
    uint8_t *bytes = to;
    int16_t *pairs = to;

    for (int k = 0; k < groups * in_group && k < of->columns; k++)
        for (int u = 0; u < of->units; u++) {
            const int16_t w = of->weights[(size_t)u * of->stride + (size_t)k];
            const size_t at =
                ((size_t)(k / in_group * MR_PANEL + vector) * (size_t)width + (size_t)u) *
                    (size_t)in_group +
                (size_t)(k % in_group);
            if (in_group == 4)
                bytes[at] = (uint8_t)(w + more);
            else
                pairs[at] = w;
        }
}

// ---- sums that wrap (kernels.h)

static int top_of(int weight) {
    const int top = (weight + 128) >> 8;

    return top > INT8_MAX ? INT8_MAX : top;
}

// Of four columns of unit `lane` of a vector the weights.
static const int16_t *pair_at(const struct mr_part *part, int width, int block, int k, int vector,
                              int lane) {
    return (const int16_t *)part->weights +
           2 * (mr_panel_block(&part->panel, width) * (size_t)block +
                (size_t)((k * MR_PANEL + vector) * width + lane));
}

// What the |t| + |l| of a unit of a vector come to, of pairs from one to another; *sum: its t too.
static int64_t add_sizes(const struct mr_part *part, int width, int block, int first, int end,
                         int vector, int lane, int32_t *sum) {
    int64_t size = 0;

    for (int k = first; k < end; k++)
        for (int i = 0; i < 2; i++) {
            const int w = pair_at(part, width, block, k, vector, lane)[i], top = top_of(w);
            *sum += top;
            size += abs(top) + abs(w - 256 * top);
        }
    return size;
}

static int32_t start_of(int32_t tops) {
    return (tops >> 1) - 128 * tops;
}

// What E begins with in all pieces; false: one is too long.
static bool fill_starts(const struct mr_part *part, int width, int32_t *start) {
    const int pieces = mr_panel_pieces(&part->panel), all = 2 * mr_panel_fours(&part->panel);

    for (int block = 0; block < part->panel.blocks; block++)
        for (int piece = 0; piece < pieces; piece++)
            for (int vector = 0; vector < MR_PANEL; vector++)
                for (int lane = 0; lane < width; lane++) {
                    const int first = 2 * piece * part->panel.piece,
                              last = first + 2 * part->panel.piece, end = last < all ? last : all;
                    int32_t sum = 0;
                    if (add_sizes(part, width, block, first, end, vector, lane, &sum) >
                        MR_PIECE_MOST)
                        return false;
                    *start++ = start_of(sum);
                }
    return true;
}

static int pack_tops(struct mr_part *part, int width) {
    struct mr_panel *panel = &part->panel;
    const int fours = mr_panel_fours(panel);
    const size_t vectors = (size_t)panel->blocks * MR_PANEL;
    int pieces = mr_ceil_div(fours, PIECE_FOURS);
    int8_t *top = part->tops = mr_vectors(vectors * (size_t)fours * (size_t)width, 4);

    if (!top)
        return -1;
    for (int block = 0; block < panel->blocks; block++)
        for (int k = 0; k < fours; k++)
            for (int vector = 0; vector < MR_PANEL; vector++)
                for (int lane = 0; lane < width; lane++)
                    for (int i = 0; i < 4; i++)
                        *top++ = (int8_t)top_of(
                            pair_at(part, width, block, 2 * k + i / 2, vector, lane)[i % 2]);
    for (;; pieces++) {
        panel->piece = mr_ceil_div(fours, pieces);
        free(part->start);
        part->start = mr_vectors(vectors * (size_t)mr_panel_pieces(panel) * (size_t)width,
                                 sizeof *part->start);
        if (!part->start)
            return -1;
        if (fill_starts(part, width, part->start))
            break;
    }
    panel->tops = part->tops;
    panel->start = part->start;
    return 0;
}

// ---- bytes for tiles (kernels.h)

_Static_assert(INT64_C(2) * MR_MAX_WIDTH * UINT8_MAX * UINT8_MAX <= INT32_MAX,
               "sums of lower bytes, over x and over h, have 32 bits");

static int pack_bytes(const struct mr_packed *packed, struct mr_part *part) {
    struct mr_panel *panel = &part->panel;
    const struct mr_op *op = packed->op;
    const int width = packed->kernels->width, fours = mr_panel_fours(panel);
    const size_t half = mr_panel_half(panel, width) * sizeof(int32_t);

    panel->halves = op->kind->recurrent && op->precision.weight_bits == 8 ? 1 : 2;
    uint8_t *bytes = part->bytes = mr_vectors((size_t)(panel->blocks * panel->halves), half);
    if (!bytes)
        return -1;
    for (int block = 0; block < panel->blocks; block++, bytes += (size_t)panel->halves * half)
        for (int at = 0; at < fours * MR_PANEL * width; at++)
            for (int i = 0; i < 4; i++) {
                const int k = at / (MR_PANEL * width), vector = at / width % MR_PANEL;
                const int w = pair_at(part, width, block, 2 * k + i / 2, vector, at % width)[i % 2];
                bytes[4 * at + i] = (uint8_t)(panel->halves == 1 ? w : w >> 8);
                if (panel->halves == 2)
                    bytes[half + (size_t)(4 * at + i)] = (uint8_t)w;
            }
    panel->bytes = part->bytes;
    return 0;
}

// Where x and h are one piece (mr_step): what E begins with. 0 with packed->start, or without one.
static int start_steps(struct mr_packed *packed) {
    const int width = packed->kernels->width, blocks = packed->x.panel.blocks;
    const int of_x = 2 * mr_panel_fours(&packed->x.panel),
              of_h = 2 * mr_panel_fours(&packed->h.panel);
    int32_t *start = mr_vectors((size_t)(blocks * MR_PANEL * width), sizeof *start);

    if (!start)
        return -1;
    for (int at = 0; at < blocks * MR_PANEL * width; at++) {
        const int block = at / (MR_PANEL * width), vector = at / width % MR_PANEL,
                  lane = at % width;
        int32_t sum = 0;
        const int64_t size = add_sizes(&packed->x, width, block, 0, of_x, vector, lane, &sum) +
                             add_sizes(&packed->h, width, block, 0, of_h, vector, lane, &sum);
        if (size > MR_PIECE_MOST) {
            free(start);
            return 0;
        }
        start[at] = start_of(sum);
    }
    packed->start = start;
    return 0;
}

// ---- panels

// Columns of the rows.
enum run { OVER_X, OVER_H, OVER_GATED };

// Of sum `sum` of a unit the gate whose weights it has over these columns, or -1.
static int gate_of(const struct mr_packed *packed, int sum, enum run run) {
    const int whole = packed->gates - (packed->sums - packed->gates);
    const bool is_late = packed->cell && packed->cell->late && sum < packed->gates &&
                         sum >= packed->gates - packed->cell->late;

    if (run == OVER_GATED)
        return is_late ? sum : -1;
    if (run == OVER_H && is_late)
        return -1;
    if (sum < whole)
        return sum;
    if (sum < packed->gates)
        return run == OVER_X ? sum : -1;
    return run == OVER_H ? whole + sum - packed->gates : -1;
}

static int pack_part(struct mr_packed *packed, struct mr_part *part, enum run run) {
    const struct mr_rows *rows = &packed->op->rows;
    const int width = packed->kernels->width, units = packed->op->units;
    const int first = run == OVER_X ? 0 : packed->op->inputs;
    const int columns = run == OVER_X ? packed->op->inputs : units;
    const int in_group = mr_in_group(packed->product);
    const int groups = (columns + in_group - 1) / in_group;
    for (int sum = 0; sum < packed->sums; sum++)
        part->gates += gate_of(packed, sum, run) >= 0;
    const int vectors = packed->vectors * part->gates;
    const int blocks = (vectors + MR_PANEL - 1) / MR_PANEL;
    part->panel.blocks = blocks;
    part->panel.groups = groups;
    // Of pairs so many that they are whole fours.
    const int unit = packed->product == MR_PRODUCT_BYTES ? packed->kernels->fours : 2;
    part->panel.room = mr_ceil_div(groups, unit) * unit;
    const size_t of_block = mr_panel_block(&part->panel, width) * sizeof(int32_t);
    int vector = 0;

    part->stride = mr_row_numbers(columns) / 2;
    part->weights = mr_vectors((size_t)blocks, of_block);
    part->place = mr_vectors((size_t)blocks * MR_PANEL, sizeof *part->place);
    if (!part->weights || !part->place)
        return -1;
    if (packed->product == MR_PRODUCT_SHORTS) // weights of 0
        memset(part->weights, MORE, (size_t)blocks * of_block);
    for (int v = 0; v < blocks * MR_PANEL; v++)
        part->place[v] = (uint16_t)(packed->places - 1);
    for (int n = 0; n < packed->vectors; n++)
        for (int sum = 0; sum < packed->sums; sum++) {
            const int gate = gate_of(packed, sum, run);
            if (gate < 0)
                continue;
            const size_t row = (size_t)gate * (size_t)units + (size_t)(n * width);
            const struct source source = {
                .weights = rows->weight + row * (size_t)rows->columns + first,
                .units = units - n * width < width ? units - n * width : width,
                .columns = columns,
                .stride = (size_t)rows->columns};
            pack_vector(packed, &source, groups, vector % MR_PANEL,
                        (char *)part->weights + (size_t)(vector / MR_PANEL) * of_block);
            part->place[vector++] = (uint16_t)(n * packed->sums + sum);
        }
    part->panel.weights = part->weights;
    part->panel.place = part->place;
    if (packed->product != MR_PRODUCT_SPLIT)
        return 0;
    if (packed->kernels->halve && pack_bytes(packed, part))
        return -1;
    return packed->kernels->has_wraps ? pack_tops(part, width) : 0;
}

// What columns of 8 bits come to: the sum of weights, or of their magnitudes.
static int64_t weights_of(const struct mr_packed *packed, int sum, int unit, bool magnitudes) {
    const struct mr_rows *rows = &packed->op->rows;
    const int of_x = gate_of(packed, sum, OVER_X), of_gated = gate_of(packed, sum, OVER_GATED),
              of_h = of_gated < 0 ? gate_of(packed, sum, OVER_H) : of_gated;
    const int inputs = packed->op->inputs;
    int64_t all = 0;

    for (int k = 0; k < rows->columns; k++) {
        const int gate = k < inputs ? of_x : of_h;
        const int weight =
            gate < 0 ? 0
                     : rows->weight[((size_t)gate * (size_t)packed->op->units + (size_t)unit) *
                                        (size_t)rows->columns +
                                    (size_t)k];
        all += magnitudes ? abs(weight) : weight;
    }
    return all;
}

static int64_t floor_bytes(int64_t number) {
    return number >> SHIFT_SPLIT;
}

// Biases, and how sums become arguments.
static void pack_sums(struct mr_packed *packed) {
    const struct mr_rows *rows = &packed->op->rows;
    const int width = packed->kernels->width, units = packed->op->units;
    // The low part is around 0 where products are added to it.
    const int64_t half = packed->product == MR_PRODUCT_SPLIT ? 128 : 0;
    bool has_rest = half == 0;

    for (int sum = 0; sum < packed->sums; sum++)
        for (int u = 0; u < units; u++) {
            const size_t from = (size_t)sum * (size_t)units + (size_t)u;
            const size_t place = (size_t)(u / width * packed->sums + sum),
                         lane = (size_t)(u % width);
            const int64_t bias = rows->bias[from], high = floor_bytes(bias + half);
            const int shift = rows->shift[from];
            int32_t *to = packed->bias + place * 2 * (size_t)width + lane;
            // Columns of bytes are 128 more than they are.
            to[0] = (int32_t)(packed->product == MR_PRODUCT_BYTES
                                  ? high - MORE * weights_of(packed, sum, u, false)
                                  : high);
            to[width] = (int32_t)(bias - high * 256);
            packed->right[place * (size_t)width + lane] =
                shift > SHIFT_SPLIT ? shift - SHIFT_SPLIT : 0;
            const int left = shift < SHIFT_SPLIT ? SHIFT_SPLIT - shift : 0;
            packed->left[place * (size_t)width + lane] = left;
            packed->scales.has_left = packed->scales.has_left || left;
            if (half)
                continue;
            packed->rest[place * (size_t)width + lane] = to[width] >> (SHIFT_SPLIT - left);
            has_rest = has_rest && (!left || llabs(high) + 128 * weights_of(packed, sum, u, true) <
                                                 INT32_MAX >> left);
        }
    packed->scales.right = packed->right;
    packed->scales.left = packed->left;
    packed->scales.rest = has_rest ? packed->rest : NULL;
}

// Whether a place has one of the curves that kernels have, in Q15, and nothing beside it.
static bool take_curve(const struct mr_packed *packed, enum mr_place_of_cell place, uint8_t table,
                       enum mr_curve own, enum mr_curve *curve) {
    const mr_place_t *at = &packed->at[place];

    *curve = at->kind == MR_HARD_SIGMOID ? MR_CURVE_HARD : own;
    return packed->op->kind->places[place] == 0 ||
           ((at->kind == table || at->kind == MR_HARD_SIGMOID) && at->frac == 15 && !at->clips &&
            at->shift == 0 && at->in_shift == 0);
}

static bool has_own_h(const struct mr_packed *packed) {
    const mr_place_t *at = &packed->at[MR_PLACE_H];

    return packed->op->kind->places[MR_PLACE_H] == 0 ||
           (at->kind == MR_TANH && at->frac == 15 && !at->clips && at->shift == 0 &&
            at->in_shift == 0);
}

static int take_peepholes(struct mr_packed *packed) {
    const struct mr_op *op = packed->op;
    const size_t padded = packed->padded;
    int32_t *all = mr_vectors((size_t)op->kind->constants * padded, sizeof *all);

    if (!all)
        return -1;
    for (int n = 0; n < op->kind->constants; n++) {
        memcpy(all + (size_t)n * padded, op->rows.constant + n * op->units,
               (size_t)op->units * sizeof *all);
        packed->seen[n] = all + (size_t)n * padded;
    }
    return 0;
}

static int choose_kernel(struct mr_packed *packed) {
    const struct mr_kernels *kernels = packed->kernels;
    const struct mr_op *op = packed->op;
    // Of the cell as it is, and with other activations.
    const struct {
        const char *cell;
        mr_unit_kernel *own, *other, *gated;
    } known[] = {
        {"lstm", kernels->lstm, kernels->lstm_other, NULL},
        {"lstm_peephole", kernels->lstm_peephole, kernels->lstm_peephole, NULL},
        {"gru", kernels->gru, kernels->gru_other, NULL},
        {"gru_reset_first", kernels->gru_reset_first, kernels->gru_reset_first, kernels->weighed},
        {"rnn_tanh", kernels->rnn_tanh, kernels->rnn_tanh, NULL},
        {"rnn_relu", kernels->rnn_relu, kernels->rnn_relu, NULL}};

    for (int p = 0; p < MR_PLACES; p++)
        packed->at[p] = mr_cell_place(op, (enum mr_place_of_cell)p);
    packed->seen_shift = op->rows.constant_frac + 1;
    // What is cut of a ReLU must be exact, which sums that are shifted to the left are not.
    if (op->kind->own || op->kind->gives_second || !has_own_h(packed) ||
        !take_curve(packed, MR_PLACE_GATE, MR_SIGMOID, MR_CURVE_SIGMOID, &packed->gate) ||
        !take_curve(packed, MR_PLACE_G, MR_TANH, MR_CURVE_TANH, &packed->g) ||
        (packed->cell->ranged && packed->scales.has_left) ||
        (op->kind->constants && packed->seen_shift < LEAST_SEEN_SHIFT))
        return 0;
    const bool is_own = packed->gate == MR_CURVE_SIGMOID && packed->g == MR_CURVE_TANH;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(packed->cell->cell, known[i].cell) == 0) {
            packed->unit_kernel = is_own ? known[i].own : known[i].other;
            packed->gated_kernel = known[i].gated;
        }
    return op->kind->constants && packed->unit_kernel ? take_peepholes(packed) : 0;
}

static enum mr_product product_of(const struct mr_op *op, const struct mr_kernels *kernels) {
    return !op->kind->recurrent || op->precision.column_bits == 16 ? MR_PRODUCT_SPLIT
                                                                   : kernels->bytes;
}

static int pack(struct mr_packed *packed) {
    const struct mr_op *op = packed->op;
    const size_t width = (size_t)packed->kernels->width;

    packed->bias = mr_vectors(mr_packed_row(packed), sizeof *packed->bias);
    packed->right = mr_vectors(packed->places * width, sizeof *packed->right);
    packed->left = mr_vectors(packed->places * width, sizeof *packed->left);
    packed->rest = mr_vectors(packed->places * width, sizeof *packed->rest);
    if (!packed->bias || !packed->right || !packed->left || !packed->rest)
        return -1;
    pack_sums(packed);
    if (pack_part(packed, &packed->x, OVER_X))
        return -1;
    if (!op->kind->recurrent)
        return 0;
    if (pack_part(packed, &packed->h, OVER_H) ||
        (packed->cell->late && pack_part(packed, &packed->late, OVER_GATED)))
        return -1;
    if (choose_kernel(packed))
        return -1;
    packed->step_kernel = packed->unit_kernel == packed->kernels->lstm &&
                                  (packed->product == MR_PRODUCT_SPLIT || packed->scales.rest)
                              ? packed->kernels->lstm_step
                              : NULL;
    if (!packed->step_kernel || packed->product != MR_PRODUCT_SPLIT || !packed->kernels->has_wraps)
        return 0;
    if (start_steps(packed))
        return -1;
    packed->step_kernel = packed->start ? packed->step_kernel : NULL;
    return 0;
}

struct mr_packed *mr_packed_make(const struct mr_network *network, const struct mr_op *op,
                                 const struct mr_kernels *kernels, int *why) {
    const bool takes = op->kind->recurrent || op->kind->of_sum != NULL;

    *why = 0;
    if (!takes || network->streams[op->input].bits != 16)
        return NULL;
    struct mr_packed *packed = calloc(1, sizeof *packed);
    if (!packed) {
        *why = -1;
        return NULL;
    }
    *packed = (struct mr_packed){.network = network,
                                 .op = op,
                                 .cell = op->kind->recurrent ? mr_cell_of(op) : NULL,
                                 .kernels = kernels,
                                 .product = product_of(op, kernels),
                                 .gates = op->kind->gates,
                                 .sums = op->kind->sums,
                                 .vectors = mr_ceil_div(op->units, kernels->width),
                                 .padded = mr_row_numbers(op->units)};
    packed->places = (size_t)packed->vectors * (size_t)packed->sums + 1;
    if (packed->places > UINT16_MAX) {
        free(packed);
        return NULL;
    }
    *why = pack(packed);
    if (!*why)
        return packed;
    mr_packed_free(packed);
    return NULL;
}

size_t mr_packed_weight_bytes(const struct mr_packed *packed) {
    const struct mr_part *parts[] = {&packed->x, &packed->h, &packed->late};
    size_t numbers = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const size_t all = (size_t)parts[i]->panel.blocks *
                           mr_panel_block(&parts[i]->panel, packed->kernels->width);
        numbers += parts[i]->tops ? all + all / 2 : all;
        numbers += (size_t)(parts[i]->panel.blocks * parts[i]->panel.halves) *
                   mr_panel_half(&parts[i]->panel, packed->kernels->width);
    }
    return numbers * sizeof(int32_t);
}

static void free_part(struct mr_part *part) {
    free(part->weights);
    free(part->tops);
    free(part->bytes);
    free(part->start);
    free(part->place);
}

void mr_packed_free(struct mr_packed *packed) {
    if (!packed)
        return;
    free_part(&packed->x);
    free_part(&packed->h);
    free_part(&packed->late);
    free((void *)packed->seen[0]);
    free(packed->bias);
    free(packed->right);
    free(packed->left);
    free(packed->rest);
    free(packed->start);
    free(packed);
}
