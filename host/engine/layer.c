// SPDX-License-Identifier: Apache-2.0
// Runs blocks of rows through a layer (layer.h). The products with x are summed for all rows of a
// block at once, before the recurrence adds those with h.
//
// Threads that share a layer have units of their own, in whole rows of MR_ROW_UNIT: their weights,
// sums and states are nobody else's. What they exchange are the columns of x once a block, and
// those of h every step; as there are two sets of these, a step needs one barrier.
#include "layer.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 2 };

struct columns {
    int32_t *high, *low; // [rows][stride of the part]
};

struct mr_layer {
    const struct mr_packed *packed;
    const struct mr_tables *tables;
    struct columns x, h[SETS], late;
    size_t rows;     // that there is room for
    int32_t *x_sums; // [rows][places][2][width]
    int32_t *all;    // [lanes][places][2][width]
    int16_t *state;  // [lanes][padded]
    int32_t *second; // [lanes][padded]
    int16_t *gated;  // [lanes][padded] what late gates take for h, where there are some
};

// Vectors of units.
struct range {
    int first, end;
};

static int make_columns(struct columns *columns, size_t rows, size_t stride) {
    columns->high = mr_vectors(rows * stride, sizeof *columns->high);
    columns->low = mr_vectors(rows * stride, sizeof *columns->low);
    return columns->high && columns->low ? 0 : -1;
}

static void free_columns(struct columns *columns) {
    free(columns->high);
    free(columns->low);
    *columns = (struct columns){0};
}

struct mr_layer *mr_layer_make(const struct mr_packed *packed, const struct mr_tables *tables,
                               int lanes) {
    struct mr_layer *layer = calloc(1, sizeof *layer);
    const size_t count = (size_t)lanes, row = mr_packed_row(packed);

    if (!layer)
        return NULL;
    layer->packed = packed;
    layer->tables = tables;
    layer->all = mr_vectors(count * row, sizeof *layer->all);
    layer->state = mr_vectors(count * packed->padded, sizeof *layer->state);
    layer->second = mr_vectors(count * packed->padded, sizeof *layer->second);
    bool is_short = !layer->all || !layer->state || !layer->second;
    // As in mr_layer_room.
    for (size_t lane = 0; layer->all && lane < count; lane++)
        memcpy(layer->all + lane * row, packed->bias, row * sizeof *packed->bias);
    for (int set = 0; packed->cell && set < SETS; set++)
        is_short = make_columns(&layer->h[set], count, packed->h.stride) || is_short;
    if (packed->cell && packed->cell->late) {
        layer->gated = mr_vectors(count * packed->padded, sizeof *layer->gated);
        is_short =
            make_columns(&layer->late, count, packed->late.stride) || is_short || !layer->gated;
    }
    if (!is_short)
        return layer;
    mr_layer_free(layer);
    return NULL;
}

void mr_layer_free(struct mr_layer *layer) {
    if (!layer)
        return;
    free_columns(&layer->x);
    for (int set = 0; set < SETS; set++)
        free_columns(&layer->h[set]);
    free_columns(&layer->late);
    free(layer->gated);
    free(layer->x_sums);
    free(layer->all);
    free(layer->state);
    free(layer->second);
    free(layer);
}

size_t mr_layer_row_bytes(const struct mr_layer *layer) {
    return (mr_packed_row(layer->packed) + 2 * layer->packed->x.stride) * sizeof(int32_t);
}

int mr_layer_room(struct mr_layer *layer, size_t rows) {
    const struct mr_packed *packed = layer->packed;
    const size_t row = mr_packed_row(packed);

    if (rows <= layer->rows)
        return 0;
    free(layer->x_sums);
    free_columns(&layer->x);
    layer->rows = 0;
    layer->x_sums = mr_vectors(rows * row, sizeof *layer->x_sums);
    if (make_columns(&layer->x, rows, packed->x.stride) || !layer->x_sums)
        return -1;
    // Sums over h alone begin with their bias, where the columns of x leave them, and low parts may
    // stay as they are (kernels.h).
    for (size_t r = 0; r < rows; r++)
        memcpy(layer->x_sums + r * row, packed->bias, row * sizeof *packed->bias);
    layer->rows = rows;
    return 0;
}

// ---- shares

// Of `count` things those of a share, in whole `unit`s of them.
static struct range range_of(const struct mr_share *share, int count, int unit) {
    const int units = mr_ceil_div(count, unit);
    const int shares = mr_share_count(share), first = units * share->index / shares * unit,
              end = units * (share->index + 1) / shares * unit;

    return (struct range){first < count ? first : count, end < count ? end : count};
}

// The blocks of a panel that these units are in, which end with one: MR_ROW_UNIT of them do.
static struct mr_panel panel_of(const struct mr_packed *packed, const struct mr_part *part,
                                struct range units) {
    struct mr_panel panel = part->panel;
    const int first = units.first * part->gates / MR_PANEL;
    const int end =
        units.end == packed->vectors ? panel.blocks : units.end * part->gates / MR_PANEL;
    const size_t of_block = mr_panel_block(&panel, packed->kernels->width);

    panel.weights = (const int32_t *)panel.weights + (size_t)first * of_block;
    if (panel.tops) {
        panel.tops = (const int32_t *)panel.tops + (size_t)first * of_block / 2;
        panel.start +=
            (size_t)(first * mr_panel_pieces(&panel) * MR_PANEL * packed->kernels->width);
    }
    if (panel.halves)
        panel.bytes =
            (const int32_t *)panel.bytes +
            (size_t)(first * panel.halves) * mr_panel_half(&panel, packed->kernels->width);
    panel.place += (size_t)first * MR_PANEL;
    panel.blocks = units.first < units.end ? end - first : 0;
    return panel;
}

// ---- running

// How a part is multiplied by so many rows: the weights of one row are read once, and of tops there
// are half as many bytes more.
static enum mr_product product_of(const struct mr_packed *packed, const struct mr_part *part,
                                  size_t rows) {
    return part->panel.halves && rows >= MR_TILE_ROWS_LEAST &&
                   rows * (size_t)mr_panel_fours(&part->panel) >= MR_TILE_FOURS_LEAST
               ? MR_PRODUCT_HALVES
           : part->panel.tops && rows > 1 ? MR_PRODUCT_WRAPS
                                          : packed->product;
}

// Whether what is added to the sums over x finds room beside low parts of any size.
static bool adds_whole(const struct mr_packed *packed, size_t lanes) {
    return product_of(packed, &packed->h, lanes) == MR_PRODUCT_WRAPS &&
           packed->op->rows.columns <= MR_WRAPPED_WHOLE;
}

// Rows of numbers as columns, which begin with place `first`, in a whole vector, of row `row`.
static void take_columns(const struct mr_packed *packed, const struct mr_part *part,
                         enum mr_product product, const struct columns *columns, size_t row,
                         size_t first, const struct mr_numbers *from) {
    const struct mr_kernels *kernels = packed->kernels;
    const bool halves = product == MR_PRODUCT_HALVES,
               in_fours = halves || product == MR_PRODUCT_WRAPS || mr_in_group(product) == 4;
    const size_t at = row * part->stride;
    mr_columns_kernel *kernel = halves                        ? kernels->halve
                                : product == MR_PRODUCT_WRAPS ? kernels->wrap
                                : product == MR_PRODUCT_SPLIT ? kernels->split
                                                              : kernels->narrow;

    if (from->count > 0)
        kernel(from, columns->high + at + first / (in_fours ? 4 : 2),
               columns->low + at + first / (halves ? 4 : 2), part->stride);
}

static struct mr_columns columns_of(const struct mr_part *part, const struct columns *of,
                                    size_t first) {
    return (struct mr_columns){.high = of->high + first * part->stride,
                               .low = of->low + first * part->stride,
                               .stride = part->stride};
}

static void add_products(const struct mr_packed *packed, const struct mr_part *part,
                         enum mr_product product, struct range units, const struct columns *of,
                         size_t first, const struct mr_sums *sums, size_t rows) {
    const struct mr_panel panel = panel_of(packed, part, units);
    const struct mr_columns columns = columns_of(part, of, first);

    if (panel.blocks)
        packed->kernels->sum(product, &panel, &columns, sums, rows);
}

// Sum `sum` of a unit, in its row of sums, shifted. A high part may have wrapped (kernels.h).
static int64_t sum_of(const struct mr_packed *packed, const int32_t *sums, int sum, int unit) {
    const int width = packed->kernels->width, place = unit / width * packed->sums + sum;
    const int32_t *of = sums + (size_t)place * 2 * (size_t)width + unit % width;
    const uint64_t whole = 256 * (uint64_t)of[0] + (uint64_t)of[width];

    return (int64_t)(whole << (63 - MR_SUM_BITS)) >>
           (63 - MR_SUM_BITS +
            packed->op->rows.shift[(size_t)sum * (size_t)packed->op->units + (size_t)unit]);
}

// Unit by unit, as the operator says.
static void run_units(struct mr_layer *layer, struct range units, const int32_t *sums,
                      const int32_t *x_sums, uint32_t lane, int16_t *out, struct mr_cuts *cuts) {
    const struct mr_packed *packed = layer->packed;
    const struct mr_op *op = packed->op;
    const int whole = packed->gates - (packed->sums - packed->gates);
    const int width = packed->kernels->width;
    int16_t *h = layer->state + lane * packed->padded;
    int32_t *second = layer->second + lane * packed->padded;

    for (int u = units.first * width; u < units.end * width && u < op->units; u++) {
        int64_t sum[MR_SUMS_MAX];
        for (int s = 0; s < packed->sums; s++)
            sum[s] = sum_of(packed, s >= whole && s < packed->gates ? x_sums : sums, s, u);
        for (int n = 0; n < op->kind->constants; n++)
            sum[packed->sums + n] = op->rows.constant[n * op->units + u];
        int32_t fresh = h[u];
        out[u] = (int16_t)mr_recurrent_unit(packed->network, op, packed->at, sum, &fresh,
                                            &second[u], cuts);
        h[u] = (int16_t)fresh;
    }
}

// What late gates take for h, unit by unit.
static void gate_units(struct mr_layer *layer, struct range units, const int32_t *sums,
                       uint32_t lane) {
    const struct mr_packed *packed = layer->packed;
    const int width = packed->kernels->width, early = packed->gates - packed->cell->late;
    const size_t from = lane * packed->padded;

    for (int u = units.first * width; u < units.end * width && u < packed->op->units; u++) {
        int64_t sum[MR_SUMS_MAX] = {0};
        for (int s = 0; s < early; s++)
            sum[s] = sum_of(packed, sums, s, u);
        layer->gated[from + (size_t)u] = (int16_t)packed->cell->integer_gated(
            packed->op, packed->at, sum, layer->state[from + (size_t)u]);
    }
}

// Units of a lane, for a kernel. scales: room for theirs.
static struct mr_units units_of(struct mr_layer *layer, struct range units, const int32_t *sums,
                                const int32_t *x_sums, uint32_t lane, int16_t *out,
                                struct mr_scales *scales, struct mr_cuts *cuts) {
    const struct mr_packed *packed = layer->packed;
    const int width = packed->kernels->width;
    const size_t first = (size_t)(units.first * width),
                 place = (size_t)(units.first * packed->sums) * (size_t)width;
    const bool sees = packed->seen[0] != NULL;

    *scales = packed->scales;
    scales->right += place;
    scales->left += place;
    if (scales->rest)
        scales->rest += place;
    return (struct mr_units){.sums = sums + 2 * place,
                             .x_sums = x_sums + 2 * place,
                             .scales = scales,
                             .tables = layer->tables,
                             .gate = packed->gate,
                             .g = packed->g,
                             .seen = {sees ? packed->seen[0] + first : NULL,
                                      sees ? packed->seen[1] + first : NULL,
                                      sees ? packed->seen[2] + first : NULL},
                             .seen_shift = packed->seen_shift,
                             .vectors = units.end - units.first,
                             .exponent = packed->op->exponent,
                             .h = layer->state + lane * packed->padded + first,
                             .cell = layer->second + lane * packed->padded + first,
                             .out = out + first,
                             .cuts = cuts};
}

// The kernel of cells, or of what their late gates take (is_gated).
static void run_cells(struct mr_layer *layer, bool is_gated, struct range units,
                      const int32_t *sums, const int32_t *x_sums, uint32_t lane, int16_t *out,
                      struct mr_cuts *cuts) {
    const struct mr_packed *packed = layer->packed;
    struct mr_scales scales;

    if (packed->unit_kernel) {
        const struct mr_units of = units_of(layer, units, sums, x_sums, lane, out, &scales, cuts);
        (is_gated ? packed->gated_kernel : packed->unit_kernel)(&of);
    } else if (is_gated) {
        gate_units(layer, units, sums, lane);
    } else {
        run_units(layer, units, sums, x_sums, lane, out, cuts);
    }
}

// Of what units have given, [lanes][padded].
static void take_units(const struct mr_packed *packed, const struct mr_part *part,
                       const struct columns *columns, const int16_t *from, struct range units,
                       uint32_t lanes) {
    const int width = packed->kernels->width, first = units.first * width, end = units.end * width;
    const struct mr_numbers numbers = {
        .first = from + first,
        .stride = packed->padded,
        .rows = lanes,
        .count = (end < packed->op->units ? end : packed->op->units) - first};

    take_columns(packed, part, product_of(packed, part, lanes), columns, 0, (size_t)first,
                 &numbers);
}

// The products of late gates, once the others are known.
static void run_late(struct mr_layer *layer, struct range units, const struct mr_sums *sums,
                     uint32_t lanes, const struct mr_share *share) {
    const struct mr_packed *packed = layer->packed;
    const size_t row = mr_packed_row(packed);

    for (uint32_t lane = 0; lane < lanes; lane++)
        run_cells(layer, true, units, layer->all + lane * row, sums->from + lane * row, lane,
                  layer->gated + lane * packed->padded, NULL);
    take_units(packed, &packed->late, &layer->late, layer->gated, units, lanes);
    mr_share_wait(share);
    add_products(packed, &packed->late, product_of(packed, &packed->late, lanes), units,
                 &layer->late, 0, sums, lanes);
}

static void run_recurrence(struct mr_layer *layer, struct range units, int16_t *out,
                           size_t out_stride, uint32_t lanes, uint32_t steps,
                           const struct mr_share *share, struct mr_cuts *cuts) {
    const struct mr_packed *packed = layer->packed;
    const size_t row = mr_packed_row(packed);
    const enum mr_product product = product_of(packed, &packed->h, lanes);

    for (uint32_t t = 0; t < steps; t++) {
        const int set = share->barrier ? (int)(t % SETS) : 0;
        const struct mr_sums sums = {.from = layer->x_sums + (size_t)t * lanes * row,
                                     .from_stride = row,
                                     .to = layer->all,
                                     .to_stride = row,
                                     .end = true};
        // Those of the first step are there (mr_layer_run).
        if (t > 0) {
            take_units(packed, &packed->h, &layer->h[set], layer->state, units, lanes);
            mr_share_wait(share);
        }
        add_products(packed, &packed->h, product, units, &layer->h[set], 0, &sums, lanes);
        if (packed->cell->late)
            run_late(layer, units, &sums, lanes, share);
        for (uint32_t lane = 0; lane < lanes; lane++)
            run_cells(layer, false, units, layer->all + lane * row, sums.from + lane * row, lane,
                      out + ((size_t)t * lanes + lane) * out_stride, cuts);
    }
}

// Steps whose products with x are summed together with those with h.
static void run_steps(struct mr_layer *layer, struct range units, int16_t *out, size_t out_stride,
                      uint32_t lanes, uint32_t steps, const struct mr_share *share,
                      struct mr_cuts *cuts) {
    const struct mr_packed *packed = layer->packed;
    struct mr_step step = {.x = panel_of(packed, &packed->x, units),
                           .h = panel_of(packed, &packed->h, units),
                           .start = packed->start
                                        ? packed->start + (size_t)units.first * MR_PANEL *
                                                              (size_t)packed->kernels->width
                                        : NULL,
                           .stride = packed->padded,
                           .out_stride = out_stride};
    struct mr_scales scales;

    for (uint32_t t = 0; t < steps; t++) {
        const int set = share->barrier ? (int)(t % SETS) : 0;
        const size_t row = (size_t)t * lanes;
        const struct mr_units of = units_of(layer, units, packed->bias, packed->bias, 0,
                                            out + row * out_stride, &scales, cuts);
        if (t > 0) { // as in run_recurrence
            take_units(packed, &packed->h, &layer->h[set], layer->state, units, lanes);
            mr_share_wait(share);
        }
        step.of_x = columns_of(&packed->x, &layer->x, row);
        step.of_h = columns_of(&packed->h, &layer->h[set], 0);
        packed->step_kernel(product_of(packed, &packed->h, lanes), &step, &of, lanes);
    }
}

// A dense layer's numbers from their sums.
static void finish_row(const struct mr_layer *layer, size_t row, void *out, bool wide,
                       struct mr_cuts *cuts) {
    const struct mr_packed *packed = layer->packed;
    const struct mr_op *op = packed->op;
    const int32_t *sums = layer->x_sums + row * mr_packed_row(packed);

    for (int u = 0; u < op->units; u++) {
        const int32_t number =
            op->kind->of_sum(packed->network, op, sum_of(packed, sums, 0, u), cuts);
        if (wide)
            ((int32_t *)out)[u] = number;
        else
            ((int16_t *)out)[u] = (int16_t)number;
    }
}

void mr_layer_run(struct mr_layer *layer, const int16_t *in, size_t in_stride, void *out,
                  size_t out_stride, bool wide, uint32_t lanes, uint32_t steps,
                  const struct mr_share *share, struct mr_cuts *cuts) {
    const struct mr_packed *packed = layer->packed;
    const struct mr_share alone = {0};
    const int rows = (int)(lanes * steps);
    const size_t row = mr_packed_row(packed);
    const struct range taken = range_of(share, rows, 1);
    // A dense layer is shared by rows.
    const struct range units = range_of(packed->cell ? share : &alone, packed->vectors,
                                        MR_ROW_UNIT / packed->kernels->width);
    const struct range summed = packed->cell ? (struct range){0, rows} : taken;
    const struct mr_sums sums = {.from = packed->bias,
                                 .to = layer->x_sums + (size_t)summed.first * row,
                                 .to_stride = row,
                                 .end = !packed->cell || adds_whole(packed, lanes)};
    const bool at_once = packed->step_kernel && lanes > 1;
    const enum mr_product product = at_once ? product_of(packed, &packed->h, lanes)
                                            : product_of(packed, &packed->x, (size_t)rows);
    const struct mr_numbers numbers = {.first = in + (size_t)taken.first * in_stride,
                                       .stride = in_stride,
                                       .rows = (size_t)(taken.end - taken.first),
                                       .count = packed->op->inputs};

    take_columns(packed, &packed->x, product, &layer->x, (size_t)taken.first, 0, &numbers);
    if (packed->cell) {
        take_units(packed, &packed->h, &layer->h[0], layer->state, units, lanes);
        mr_share_wait(share);
    }
    if (!at_once && summed.first < summed.end)
        add_products(packed, &packed->x, product, units, &layer->x, (size_t)summed.first, &sums,
                     (size_t)(summed.end - summed.first));
    if (at_once)
        run_steps(layer, units, out, out_stride, lanes, steps, share, cuts);
    else if (packed->cell)
        run_recurrence(layer, units, out, out_stride, lanes, steps, share, cuts);
    for (int r = taken.first; !packed->cell && r < taken.end; r++)
        finish_row(layer, (size_t)r,
                   (char *)out +
                       (size_t)r * out_stride * (wide ? sizeof(int32_t) : sizeof(int16_t)),
                   wide, cuts);
    mr_share_wait(share);
}

// ---- states

void mr_layer_get(const struct mr_layer *layer, uint32_t lane, int unit, int32_t *h,
                  int32_t *second) {
    const size_t at = lane * layer->packed->padded + (size_t)unit;

    *h = layer->state[at];
    *second = layer->second[at];
}

void mr_layer_set(struct mr_layer *layer, uint32_t lane, int unit, int32_t h, int32_t second) {
    const size_t at = lane * layer->packed->padded + (size_t)unit;

    layer->state[at] = (int16_t)h;
    layer->second[at] = second;
}

void mr_layer_clear(struct mr_layer *layer, uint32_t lanes) {
    const size_t numbers = lanes * layer->packed->padded;

    memset(layer->state, 0, numbers * sizeof *layer->state);
    memset(layer->second, 0, numbers * sizeof *layer->second);
}

void mr_layer_move(struct mr_layer *layer, uint32_t from, uint32_t to) {
    const size_t padded = layer->packed->padded;

    if (from == to)
        return;
    memcpy(layer->state + to * padded, layer->state + from * padded, padded * sizeof *layer->state);
    memcpy(layer->second + to * padded, layer->second + from * padded,
           padded * sizeof *layer->second);
}
