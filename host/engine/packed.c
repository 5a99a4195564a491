// SPDX-License-Identifier: Apache-2.0
// Packs weights into panels (packed.h).
#include "packed.h"

#include "arithmetic.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, SHIFT_SPLIT = 8 };

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
    const int width = packed->kernels->width;
    const int in_group = packed->product == MR_PRODUCT_BYTES ? 4 : 2;
    int8_t *bytes = to;
    int16_t *pairs = to;

    for (int k = 0; k < groups * in_group && k < of->columns; k++)
        for (int u = 0; u < of->units; u++) {
            const int16_t w = of->weights[(size_t)u * of->stride + (size_t)k];
            const size_t at =
                ((size_t)(k / in_group * MR_PANEL + vector) * (size_t)width + (size_t)u) *
                    (size_t)in_group +
                (size_t)(k % in_group);
            if (packed->product == MR_PRODUCT_BYTES)
                bytes[at] = (int8_t)w;
            else
                pairs[at] = w;
        }
}

// Of sum `sum` of a unit the gate whose weights it has over these columns, or -1.
static int gate_of(const struct mr_packed *packed, int sum, bool of_h) {
    const int whole = packed->gates - (packed->sums - packed->gates);

    if (sum < whole)
        return sum;
    if (sum < packed->gates)
        return of_h ? -1 : sum;
    return of_h ? whole + sum - packed->gates : -1;
}

static int pack_part(struct mr_packed *packed, struct mr_part *part, int first, int columns,
                     bool of_h) {
    const struct mr_rows *rows = &packed->op->rows;
    const int width = packed->kernels->width, units = packed->op->units;
    const int in_group = packed->product == MR_PRODUCT_BYTES ? 4 : 2;
    const int groups = (columns + in_group - 1) / in_group;
    const int vectors = packed->vectors * packed->gates;
    const int blocks = (vectors + MR_PANEL - 1) / MR_PANEL;
    const size_t of_block = (size_t)groups * MR_PANEL * (size_t)width * sizeof(int32_t);
    int vector = 0;

    part->stride = mr_row_numbers(columns) / 2;
    part->weights = mr_vectors((size_t)blocks, of_block);
    part->place = mr_vectors((size_t)blocks * MR_PANEL, sizeof *part->place);
    if (!part->weights || !part->place)
        return -1;
    for (int v = 0; v < blocks * MR_PANEL; v++)
        part->place[v] = (uint16_t)(packed->places - 1);
    for (int n = 0; n < packed->vectors; n++)
        for (int sum = 0; sum < packed->sums; sum++) {
            const int gate = gate_of(packed, sum, of_h);
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
    part->panel = (struct mr_panel){
        .blocks = blocks, .groups = groups, .weights = part->weights, .place = part->place};
    return 0;
}

// What the columns of bytes, which are 128 more than they are, come to beyond the sum.
static int64_t byte_offset(const struct mr_packed *packed, int sum, int unit) {
    const struct mr_rows *rows = &packed->op->rows;
    const int of_x = gate_of(packed, sum, false), of_h = gate_of(packed, sum, true);
    const int inputs = packed->op->inputs;
    int64_t offset = 0;

    if (packed->product != MR_PRODUCT_BYTES)
        return 0;
    for (int k = 0; k < rows->columns; k++) {
        const int gate = k < inputs ? of_x : of_h;
        if (gate >= 0)
            offset += 128 * rows->weight[((size_t)gate * (size_t)packed->op->units + (size_t)unit) *
                                             (size_t)rows->columns +
                                         (size_t)k];
    }
    return offset;
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

    for (int sum = 0; sum < packed->sums; sum++)
        for (int u = 0; u < units; u++) {
            const size_t from = (size_t)sum * (size_t)units + (size_t)u;
            const size_t place = (size_t)(u / width * packed->sums + sum),
                         lane = (size_t)(u % width);
            const int64_t bias = rows->bias[from], high = floor_bytes(bias + half);
            const int shift = rows->shift[from];
            int32_t *to = packed->bias + place * 2 * (size_t)width + lane;
            to[0] = (int32_t)(high - byte_offset(packed, sum, u));
            to[width] = (int32_t)(bias - high * 256);
            packed->right[place * (size_t)width + lane] =
                shift > SHIFT_SPLIT ? shift - SHIFT_SPLIT : 0;
            packed->left[place * (size_t)width + lane] =
                shift < SHIFT_SPLIT ? SHIFT_SPLIT - shift : 0;
            packed->scales.has_left = packed->scales.has_left || shift < SHIFT_SPLIT;
        }
    packed->scales.right = packed->right;
    packed->scales.left = packed->left;
}

// Do all sums fit their two parts (kernels.h)? What a file may hold does (mr_rows_check).
static bool fits(const struct mr_packed *packed) {
    const struct mr_rows *rows = &packed->op->rows;

    for (int row = 0; row < rows->rows; row++) {
        int64_t size = 0;
        for (int k = 0; k < rows->columns; k++)
            size += llabs((long long)rows->weight[(size_t)row * (size_t)rows->columns + (size_t)k]);
        if (size * 128 + 256 > INT32_MAX)
            return false;
    }
    for (int sum = 0; sum < rows->sums; sum++)
        if (llabs((long long)rows->bias[sum]) >= INT64_C(1) << 38 || rows->shift[sum] < 1 ||
            rows->shift[sum] > 31)
            return false;
    return true;
}

static void choose_kernel(struct mr_packed *packed) {
    const struct mr_kernels *kernels = packed->kernels;
    const struct {
        const char *cell;
        mr_unit_kernel *kernel;
    } known[] = {{"lstm", kernels->lstm}, {"gru", kernels->gru}, {"rnn_tanh", kernels->rnn_tanh}};

    for (int p = 0; p < MR_PLACES; p++)
        packed->at[p] = mr_cell_place(packed->op, (enum mr_place_of_cell)p);
    if (!mr_cell_is_plain(packed->op) || packed->op->kind->gives_second)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(packed->cell->cell, known[i].cell) == 0)
            packed->unit_kernel = known[i].kernel;
}

static enum mr_product product_of(const struct mr_op *op, const struct mr_kernels *kernels) {
    return !op->kind->recurrent || op->precision.column_bits == 16 ? MR_PRODUCT_SPLIT
           : kernels->has_bytes                                    ? MR_PRODUCT_BYTES
                                                                   : MR_PRODUCT_PAIRS;
}

static int pack(struct mr_packed *packed) {
    const struct mr_op *op = packed->op;
    const size_t width = (size_t)packed->kernels->width;

    packed->bias = mr_vectors(mr_packed_row(packed), sizeof *packed->bias);
    packed->right = mr_vectors(packed->places * width, sizeof *packed->right);
    packed->left = mr_vectors(packed->places * width, sizeof *packed->left);
    if (!packed->bias || !packed->right || !packed->left)
        return -1;
    pack_sums(packed);
    if (pack_part(packed, &packed->x, 0, op->inputs, false))
        return -1;
    return op->kind->recurrent ? pack_part(packed, &packed->h, op->inputs, op->units, true) : 0;
}

struct mr_packed *mr_packed_make(const struct mr_network *network, const struct mr_op *op,
                                 const struct mr_kernels *kernels, int *why) {
    const bool takes = op->kind->recurrent ? !mr_cell_of(op)->late : op->kind->of_sum != NULL;

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
    if (packed->places > UINT16_MAX || !fits(packed)) {
        free(packed);
        return NULL;
    }
    if (packed->cell)
        choose_kernel(packed);
    *why = pack(packed);
    if (!*why)
        return packed;
    mr_packed_free(packed);
    return NULL;
}

void mr_packed_free(struct mr_packed *packed) {
    if (!packed)
        return;
    free(packed->x.weights);
    free(packed->x.place);
    free(packed->h.weights);
    free(packed->h.place);
    free(packed->bias);
    free(packed->right);
    free(packed->left);
    free(packed);
}
