// SPDX-License-Identifier: Apache-2.0
// Layers of an engine (layer.h): packs weights into panels, and runs blocks of rows. The products
// with x are summed for all rows of a block at once, before the recurrence adds those with h.
#include "layer.h"

#include "arithmetic.h"
#include "recurrent.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, SHIFT_SPLIT = 8 };

// One run of columns of the rows: over x, or over h.
struct part {
    struct mr_panel panel;
    void *weights;
    uint16_t *place;
    int32_t *high, *low; // [rows][stride]
    size_t stride;
};

struct mr_layer {
    const struct mr_network *network;
    const struct mr_op *op;
    const struct mr_cell *cell; // NULL: a dense layer
    const struct mr_kernels *kernels;
    const struct mr_tables *tables;
    enum mr_product product;
    int gates, sums; // of a unit
    int vectors;     // of units
    int lanes;
    mr_unit_kernel *unit_kernel; // NULL: unit by unit (op.h)
    mr_place_t at[MR_PLACES];
    struct part x, h;
    size_t places; // vectors of a row of sums, with one for padding behind the others
    int32_t *bias; // [places][2][width]
    int32_t *right, *left;
    struct mr_scales scales;
    size_t rows;     // that there is room for
    int32_t *x_sums; // [rows][places][2][width]
    int32_t *all;    // [lanes][places][2][width]
    int16_t *state;  // [lanes][padded]
    int32_t *second; // [lanes][padded]
    size_t padded;   // units, whole vectors
};

static void *make(size_t count, size_t size) {
    const size_t bytes = (count * size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    void *made =
        size && count > (SIZE_MAX - ALIGNMENT) / size / 2 ? NULL : aligned_alloc(ALIGNMENT, bytes);

    if (made)
        memset(made, 0, bytes);
    return made;
}

// ---- packing

// The weights of a vector's units, of so many columns from one on; NULL: it is padding.
struct source {
    const int16_t *weights; // of the vector's first unit
    int units, columns;     // that there are
    size_t stride;          // from unit to unit
};

static void pack_vector(const struct mr_layer *layer, const struct source *of, int groups,
                        int vector, void *to) {
    const int width = layer->kernels->width;
    const int in_group = layer->product == MR_PRODUCT_BYTES ? 4 : 2;
    int8_t *bytes = to;
    int16_t *pairs = to;

    for (int k = 0; k < groups * in_group && k < of->columns; k++)
        for (int u = 0; u < of->units; u++) {
            const int16_t w = of->weights[(size_t)u * of->stride + (size_t)k];
            const size_t at =
                ((size_t)(k / in_group * MR_PANEL + vector) * (size_t)width + (size_t)u) *
                    (size_t)in_group +
                (size_t)(k % in_group);
            if (layer->product == MR_PRODUCT_BYTES)
                bytes[at] = (int8_t)w;
            else
                pairs[at] = w;
        }
}

// Of sum `sum` of a unit the gate whose weights it has over these columns, or -1.
static int gate_of(const struct mr_layer *layer, int sum, bool of_h) {
    const int whole = layer->gates - (layer->sums - layer->gates);

    if (sum < whole)
        return sum;
    if (sum < layer->gates)
        return of_h ? -1 : sum;
    return of_h ? whole + sum - layer->gates : -1;
}

static int pack_part(struct mr_layer *layer, struct part *part, int first, int columns, bool of_h) {
    const struct mr_rows *rows = &layer->op->rows;
    const int width = layer->kernels->width, units = layer->op->units;
    const int in_group = layer->product == MR_PRODUCT_BYTES ? 4 : 2;
    const int groups = (columns + in_group - 1) / in_group;
    const int vectors = layer->vectors * layer->gates;
    const int blocks = (vectors + MR_PANEL - 1) / MR_PANEL;
    const size_t of_block = (size_t)groups * MR_PANEL * (size_t)width * sizeof(int32_t);
    int vector = 0;

    part->stride = mr_row_numbers(columns) / 2;
    part->weights = make((size_t)blocks, of_block);
    part->place = make((size_t)blocks * MR_PANEL, sizeof *part->place);
    if (!part->weights || !part->place)
        return -1;
    for (int v = 0; v < blocks * MR_PANEL; v++)
        part->place[v] = (uint16_t)(layer->places - 1);
    for (int n = 0; n < layer->vectors; n++)
        for (int sum = 0; sum < layer->sums; sum++) {
            const int gate = gate_of(layer, sum, of_h);
            if (gate < 0)
                continue;
            const size_t row = (size_t)gate * (size_t)units + (size_t)(n * width);
            const struct source source = {
                .weights = rows->weight + row * (size_t)rows->columns + first,
                .units = units - n * width < width ? units - n * width : width,
                .columns = columns,
                .stride = (size_t)rows->columns};
            pack_vector(layer, &source, groups, vector % MR_PANEL,
                        (char *)part->weights + (size_t)(vector / MR_PANEL) * of_block);
            part->place[vector++] = (uint16_t)(n * layer->sums + sum);
        }
    part->panel = (struct mr_panel){
        .blocks = blocks, .groups = groups, .weights = part->weights, .place = part->place};
    return 0;
}

// What the columns of bytes, which are 128 more than they are, come to beyond the sum.
static int64_t byte_offset(const struct mr_layer *layer, int sum, int unit) {
    const struct mr_rows *rows = &layer->op->rows;
    const int of_x = gate_of(layer, sum, false), of_h = gate_of(layer, sum, true);
    const int inputs = layer->op->inputs;
    int64_t offset = 0;

    if (layer->product != MR_PRODUCT_BYTES)
        return 0;
    for (int k = 0; k < rows->columns; k++) {
        const int gate = k < inputs ? of_x : of_h;
        if (gate >= 0)
            offset += 128 * rows->weight[((size_t)gate * (size_t)layer->op->units + (size_t)unit) *
                                             (size_t)rows->columns +
                                         (size_t)k];
    }
    return offset;
}

static int64_t floor_bytes(int64_t number) {
    return number >> SHIFT_SPLIT;
}

// Biases, and how sums become arguments.
static void pack_sums(struct mr_layer *layer) {
    const struct mr_rows *rows = &layer->op->rows;
    const int width = layer->kernels->width, units = layer->op->units;
    // The low part is around 0 where products are added to it.
    const int64_t half = layer->product == MR_PRODUCT_SPLIT ? 128 : 0;

    for (int sum = 0; sum < layer->sums; sum++)
        for (int u = 0; u < units; u++) {
            const size_t from = (size_t)sum * (size_t)units + (size_t)u;
            const size_t place = (size_t)(u / width * layer->sums + sum),
                         lane = (size_t)(u % width);
            const int64_t bias = rows->bias[from], high = floor_bytes(bias + half);
            const int shift = rows->shift[from];
            int32_t *to = layer->bias + place * 2 * (size_t)width + lane;
            to[0] = (int32_t)(high - byte_offset(layer, sum, u));
            to[width] = (int32_t)(bias - high * 256);
            layer->right[place * (size_t)width + lane] =
                shift > SHIFT_SPLIT ? shift - SHIFT_SPLIT : 0;
            layer->left[place * (size_t)width + lane] =
                shift < SHIFT_SPLIT ? SHIFT_SPLIT - shift : 0;
            layer->scales.has_left = layer->scales.has_left || shift < SHIFT_SPLIT;
        }
    layer->scales.right = layer->right;
    layer->scales.left = layer->left;
}

// Do all sums fit their two parts (kernels.h)? What a file may hold does (mr_rows_check).
static bool fits(const struct mr_layer *layer) {
    const struct mr_rows *rows = &layer->op->rows;

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

static void choose_kernel(struct mr_layer *layer) {
    const struct mr_kernels *kernels = layer->kernels;
    const struct {
        const char *cell;
        mr_unit_kernel *kernel;
    } known[] = {{"lstm", kernels->lstm}, {"gru", kernels->gru}, {"rnn_tanh", kernels->rnn_tanh}};

    for (int p = 0; p < MR_PLACES; p++)
        layer->at[p] = mr_cell_place(layer->op, (enum mr_place_of_cell)p);
    if (!mr_cell_is_plain(layer->op) || layer->op->kind->gives_second)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(layer->cell->cell, known[i].cell) == 0)
            layer->unit_kernel = known[i].kernel;
}

static enum mr_product product_of(const struct mr_op *op, const struct mr_kernels *kernels) {
    return !op->kind->recurrent || op->precision.column_bits == 16 ? MR_PRODUCT_SPLIT
           : kernels->has_bytes                                    ? MR_PRODUCT_BYTES
                                                                   : MR_PRODUCT_PAIRS;
}

static int pack(struct mr_layer *layer) {
    const struct mr_op *op = layer->op;
    const size_t width = (size_t)layer->kernels->width, row = layer->places * 2 * width;

    layer->bias = make(row, sizeof *layer->bias);
    layer->right = make(layer->places * width, sizeof *layer->right);
    layer->left = make(layer->places * width, sizeof *layer->left);
    layer->all = make((size_t)layer->lanes * row, sizeof *layer->all);
    layer->state = make((size_t)layer->lanes * layer->padded, sizeof *layer->state);
    layer->second = make((size_t)layer->lanes * layer->padded, sizeof *layer->second);
    if (!layer->bias || !layer->right || !layer->left || !layer->all || !layer->state ||
        !layer->second)
        return -1;
    pack_sums(layer);
    if (pack_part(layer, &layer->x, 0, op->inputs, false))
        return -1;
    if (!op->kind->recurrent)
        return 0;
    if (pack_part(layer, &layer->h, op->inputs, op->units, true))
        return -1;
    layer->h.high = make((size_t)layer->lanes * layer->h.stride, sizeof *layer->h.high);
    layer->h.low = make((size_t)layer->lanes * layer->h.stride, sizeof *layer->h.low);
    return layer->h.high && layer->h.low ? 0 : -1;
}

struct mr_layer *mr_layer_make(const struct mr_network *network, const struct mr_op *op,
                               const struct mr_kernels *kernels, const struct mr_tables *tables,
                               int lanes, int *why) {
    const bool takes = op->kind->recurrent ? !mr_cell_of(op)->late : op->kind->of_sum != NULL;
    const int width = kernels->width;

    *why = 0;
    if (!takes || network->streams[op->input].bits != 16)
        return NULL;
    struct mr_layer *layer = calloc(1, sizeof *layer);
    if (!layer) {
        *why = -1;
        return NULL;
    }
    *layer = (struct mr_layer){.network = network,
                               .op = op,
                               .cell = op->kind->recurrent ? mr_cell_of(op) : NULL,
                               .kernels = kernels,
                               .tables = tables,
                               .product = product_of(op, kernels),
                               .gates = op->kind->gates,
                               .sums = op->kind->sums,
                               .vectors = mr_ceil_div(op->units, width),
                               .lanes = lanes,
                               .padded = mr_row_numbers(op->units)};
    layer->places = (size_t)layer->vectors * (size_t)layer->sums + 1;
    if (layer->places > UINT16_MAX || !fits(layer)) {
        free(layer);
        return NULL;
    }
    if (layer->cell)
        choose_kernel(layer);
    *why = pack(layer);
    if (!*why)
        return layer;
    mr_layer_free(layer);
    return NULL;
}

static void free_part(struct part *part) {
    free(part->weights);
    free(part->place);
    free(part->high);
    free(part->low);
}

void mr_layer_free(struct mr_layer *layer) {
    if (!layer)
        return;
    free_part(&layer->x);
    free_part(&layer->h);
    free(layer->bias);
    free(layer->right);
    free(layer->left);
    free(layer->x_sums);
    free(layer->all);
    free(layer->state);
    free(layer->second);
    free(layer);
}

static size_t row_numbers(const struct mr_layer *layer) {
    return layer->places * 2 * (size_t)layer->kernels->width;
}

size_t mr_layer_row_bytes(const struct mr_layer *layer) {
    return (row_numbers(layer) + 2 * layer->x.stride) * sizeof(int32_t);
}

int mr_layer_room(struct mr_layer *layer, size_t rows) {
    const size_t row = row_numbers(layer);

    if (rows <= layer->rows)
        return 0;
    free(layer->x_sums);
    free(layer->x.high);
    free(layer->x.low);
    layer->rows = 0;
    layer->x_sums = make(rows * row, sizeof *layer->x_sums);
    layer->x.high = make(rows * layer->x.stride, sizeof *layer->x.high);
    layer->x.low = make(rows * layer->x.stride, sizeof *layer->x.low);
    if (!layer->x_sums || !layer->x.high || !layer->x.low)
        return -1;
    // Sums over h alone begin with their bias, where the columns of x leave them.
    for (size_t r = 0; r < rows; r++)
        memcpy(layer->x_sums + r * row, layer->bias, row * sizeof *layer->bias);
    layer->rows = rows;
    return 0;
}

// ---- running

static void take_columns(const struct mr_layer *layer, struct part *part, const int16_t *row,
                         int count, size_t to) {
    if (layer->product == MR_PRODUCT_SPLIT)
        layer->kernels->split(row, count, part->high + to * part->stride,
                              part->low + to * part->stride);
    else
        layer->kernels->narrow(row, count, part->high + to * part->stride);
}

static void add_products(const struct mr_layer *layer, const struct part *part,
                         const struct mr_sums *sums, size_t rows) {
    const struct mr_columns columns = {
        .high = part->high, .low = part->low, .stride = part->stride};

    layer->kernels->sum(layer->product, &part->panel, &columns, sums, rows);
}

// Sum `sum` of a unit, in its row of sums, shifted.
static int64_t sum_of(const struct mr_layer *layer, const int32_t *sums, int sum, int unit) {
    const int width = layer->kernels->width, place = unit / width * layer->sums + sum;
    const int32_t *of = sums + (size_t)place * 2 * (size_t)width + unit % width;

    return (256 * (int64_t)of[0] + of[width]) >>
           layer->op->rows.shift[(size_t)sum * (size_t)layer->op->units + (size_t)unit];
}

// Unit by unit, as the operator says.
static void run_units(struct mr_layer *layer, const int32_t *sums, const int32_t *x_sums,
                      uint32_t lane, int16_t *out, struct mr_cuts *cuts) {
    const struct mr_op *op = layer->op;
    const int whole = layer->gates - (layer->sums - layer->gates);
    int16_t *h = layer->state + lane * layer->padded;
    int32_t *second = layer->second + lane * layer->padded;

    for (int u = 0; u < op->units; u++) {
        int64_t sum[MR_SUMS_MAX];
        for (int s = 0; s < layer->sums; s++)
            sum[s] = sum_of(layer, s >= whole && s < layer->gates ? x_sums : sums, s, u);
        for (int n = 0; n < op->kind->constants; n++)
            sum[layer->sums + n] = op->rows.constant[n * op->units + u];
        int32_t fresh = h[u];
        out[u] = (int16_t)mr_recurrent_unit(layer->network, op, layer->at, sum, &fresh, &second[u],
                                            cuts);
        h[u] = (int16_t)fresh;
    }
}

static void run_recurrence(struct mr_layer *layer, int16_t *out, size_t out_stride, uint32_t lanes,
                           size_t first, struct mr_cuts *cuts) {
    const size_t row = row_numbers(layer);
    const struct mr_sums sums = {.from = layer->x_sums + first * row,
                                 .from_stride = row,
                                 .to = layer->all,
                                 .to_stride = row};

    for (uint32_t lane = 0; lane < lanes; lane++)
        take_columns(layer, &layer->h, layer->state + lane * layer->padded, layer->op->units, lane);
    add_products(layer, &layer->h, &sums, lanes);
    for (uint32_t lane = 0; lane < lanes; lane++) {
        const int32_t *all = layer->all + lane * row, *of_x = sums.from + lane * row;
        int16_t *to = out + (first + lane) * out_stride;
        if (!layer->unit_kernel) {
            run_units(layer, all, of_x, lane, to, cuts);
            continue;
        }
        const struct mr_units units = {.sums = all,
                                       .x_sums = of_x,
                                       .scales = &layer->scales,
                                       .tables = layer->tables,
                                       .vectors = layer->vectors,
                                       .exponent = layer->op->exponent,
                                       .h = layer->state + lane * layer->padded,
                                       .cell = layer->second + lane * layer->padded,
                                       .out = to,
                                       .cuts = cuts};
        layer->unit_kernel(&units);
    }
}

// A dense layer's numbers from their sums.
static void finish_row(const struct mr_layer *layer, size_t row, void *out, bool wide,
                       struct mr_cuts *cuts) {
    const struct mr_op *op = layer->op;
    const int32_t *sums = layer->x_sums + row * row_numbers(layer);

    for (int u = 0; u < op->units; u++) {
        const int32_t number =
            op->kind->of_sum(layer->network, op, sum_of(layer, sums, 0, u), cuts);
        if (wide)
            ((int32_t *)out)[u] = number;
        else
            ((int16_t *)out)[u] = (int16_t)number;
    }
}

void mr_layer_run(struct mr_layer *layer, const int16_t *in, size_t in_stride, void *out,
                  size_t out_stride, bool wide, uint32_t lanes, uint32_t steps,
                  struct mr_cuts *cuts) {
    const size_t rows = (size_t)lanes * steps;
    const struct mr_sums sums = {
        .from = layer->bias, .to = layer->x_sums, .to_stride = row_numbers(layer)};

    for (size_t r = 0; r < rows; r++)
        take_columns(layer, &layer->x, in + r * in_stride, layer->op->inputs, r);
    add_products(layer, &layer->x, &sums, rows);
    for (uint32_t t = 0; layer->cell && t < steps; t++)
        run_recurrence(layer, out, out_stride, lanes, (size_t)t * lanes, cuts);
    for (size_t r = 0; !layer->cell && r < rows; r++)
        finish_row(layer, r,
                   (char *)out + r * out_stride * (wide ? sizeof(int32_t) : sizeof(int16_t)), wide,
                   cuts);
}

// ---- states

void mr_layer_get(const struct mr_layer *layer, uint32_t lane, int unit, int32_t *h,
                  int32_t *second) {
    *h = layer->state[lane * layer->padded + (size_t)unit];
    *second = layer->second[lane * layer->padded + (size_t)unit];
}

void mr_layer_set(struct mr_layer *layer, uint32_t lane, int unit, int32_t h, int32_t second) {
    layer->state[lane * layer->padded + (size_t)unit] = (int16_t)h;
    layer->second[lane * layer->padded + (size_t)unit] = second;
}

void mr_layer_clear(struct mr_layer *layer, uint32_t lanes) {
    const size_t numbers = lanes * layer->padded;

    memset(layer->state, 0, numbers * sizeof *layer->state);
    memset(layer->second, 0, numbers * sizeof *layer->second);
}

void mr_layer_move(struct mr_layer *layer, uint32_t from, uint32_t to) {
    const size_t padded = layer->padded;

    if (from == to)
        return;
    memcpy(layer->state + to * padded, layer->state + from * padded, padded * sizeof *layer->state);
    memcpy(layer->second + to * padded, layer->second + from * padded,
           padded * sizeof *layer->second);
}
