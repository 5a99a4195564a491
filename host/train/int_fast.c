// SPDX-License-Identifier: Apache-2.0
// The fast engine of training in whole numbers: parts of a mini-batch on the processors' threads
// (int_fast.h). It needs AVX-512 with VNNI.
#define _DEFAULT_SOURCE // madvise
#ifdef __x86_64__

#    include "int_fast.h"
#    include "int_lanes.h"
#    include "train/dropout.h"
#    include "train/fixed_point.h"
#    include "train/loss.h"
#    include "workers.h"

#    include <stdlib.h>
#    include <string.h>
#    include <sys/mman.h>

enum { MOST_PARTS = 16 };

struct engine {
    struct mr_fast fast;
    struct mr_workers *workers;
};

static bool works(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vnni");
}

// ---- memory

void *mr_fast_take(struct mr_fast_memory *memory, size_t count, size_t size) {
    void *at = memory->at ? memory->at + memory->used : NULL;

    // A line more, so that arrays that are read side by side do not all begin at the same place of
    // a page.
    memory->used += (count * size + 63) / 64 * 64 + 64;
    return at;
}

// Large memory lies in large pages, where the system has them: what a mini-batch keeps has more
// pages of 4 KiB than a processor knows at a time.
static bool make_memory(struct mr_fast_memory *memory) {
    const size_t page = (size_t)2 << 20, unit = memory->used < page ? 64 : page;
    const size_t bytes = (memory->used + unit - 1) / unit * unit;

    memory->at = aligned_alloc(unit, bytes);
    if (!memory->at)
        return false;
#    ifdef MADV_HUGEPAGE
    if (unit == page)
        madvise(memory->at, bytes, MADV_HUGEPAGE); // it is as well without
#    endif
    memset(memory->at, 0, bytes);
    memory->used = 0;
    return true;
}

static size_t block_up(size_t count) {
    return (count + MR_FAST_BLOCK - 1) / MR_FAST_BLOCK * MR_FAST_BLOCK;
}

// Sequences of a part, of so many in all.
static size_t part_size(const struct mr_fast *fast, size_t sequences) {
    const size_t parts = (size_t)fast->part_count;
    return block_up((sequences + parts - 1) / parts);
}

static void lay_out_run(struct mr_fast_run *run, const struct mr_int_layer *layer,
                        const struct mr_fast_layer *shape, size_t sequences, size_t steps,
                        bool has_columns, struct mr_fast_memory *memory) {
    const size_t units = (size_t)shape->wide_units, inputs = (size_t)shape->wide_inputs;
    const size_t rows = (size_t)layer->cell->gates * units, all = steps * sequences;

    run->h = mr_fast_take(memory, (all + sequences) * units, sizeof *run->h);
    run->h_pairs = mr_fast_take(memory, (all + sequences) * units, sizeof *run->h_pairs);
    run->cell = mr_fast_take(memory, sequences * units, sizeof *run->cell);
    run->kept = mr_fast_take(memory, all * units / MR_FAST_WIDE * MR_FAST_KEPT, sizeof *run->kept);
    run->above = mr_fast_take(memory, all * units, sizeof *run->above);
    run->sum_x = mr_fast_take(memory, rows * inputs, sizeof *run->sum_x);
    run->all_x = mr_fast_take(memory, rows * inputs, sizeof *run->all_x);
    run->sum_h = mr_fast_take(memory, rows * units, sizeof *run->sum_h);
    run->all_h = mr_fast_take(memory, rows * units, sizeof *run->all_h);
    run->sum_bias = mr_fast_take(memory, (size_t)layer->cell->sums * units, sizeof *run->sum_bias);
    if (has_columns) {
        run->x = mr_fast_take(memory, all * inputs, sizeof *run->x);
        run->x_pairs = mr_fast_take(memory, all * inputs, sizeof *run->x_pairs);
    }
    if (layer->cell->second >= 0) {
        run->reset = mr_fast_take(memory, all * units, sizeof *run->reset);
        run->reset_pairs = mr_fast_take(memory, all * units, sizeof *run->reset_pairs);
    }
}

static void lay_out_part(struct mr_fast_part *part, const struct mr_int_model *model,
                         struct mr_fast_memory *memory) {
    const struct mr_fast *fast = part->fast;
    const size_t sequences = part_size(fast, model->options.batch);
    size_t widest = MR_FAST_WIDE;

    for (int i = 0; i < fast->layer_count; i++) {
        const size_t width = (size_t)fast->layers[i].wide_units;
        widest = width > widest ? width : widest;
        lay_out_run(&part->layers[i], &model->layers[i], &fast->layers[i], sequences,
                    model->options.steps, i == 0 || model->keep < 65536, memory);
    }
    const size_t rows = MR_INT_SUMS * widest;
    part->slots = sequences / 2 < MR_FAST_TOGETHER ? MR_FAST_TOGETHER / (sequences / 2) : 1;
    part->delta = mr_fast_take(memory, sequences * rows, sizeof *part->delta);
    part->delta_pairs =
        mr_fast_take(memory, part->slots * sequences / 2 * rows, sizeof *part->delta_pairs);
    part->magnitude = mr_fast_take(memory, part->slots * rows, sizeof *part->magnitude);
    part->since_x = mr_fast_take(memory, rows, sizeof *part->since_x);
    part->since_h = mr_fast_take(memory, rows, sizeof *part->since_h);
    part->behind = mr_fast_take(memory, sequences * widest, sizeof *part->behind);
    part->before = mr_fast_take(memory, sequences * widest, sizeof *part->before);
    part->errors = mr_fast_take(memory, (size_t)model->outputs, sizeof *part->errors);
    part->head_w = mr_fast_take(memory, model->w.count, sizeof *part->head_w);
    part->head_bias = mr_fast_take(memory, model->bias.count, sizeof *part->head_bias);
    part->row = mr_fast_take(memory, widest, sizeof *part->row);
}

// Where all that is of numbers lies; without memory, only how much it is.
static void lay_out(struct mr_fast *fast, const struct mr_int_model *model) {
    struct mr_fast_memory *memory = &fast->memory;

    fast->curves = mr_fast_take(memory, 1, sizeof *fast->curves);
    fast->head = mr_fast_take(memory, model->w.count, sizeof *fast->head);
    for (int i = 0; i < fast->layer_count; i++)
        mr_fast_lay_out_layer(&model->layers[i], &fast->layers[i], memory);
    for (int i = 0; i < fast->part_count; i++)
        lay_out_part(&fast->parts[i], model, memory);
}

static void engine_close(void *opened) {
    struct engine *engine = opened;

    if (!engine)
        return;
    struct mr_fast *fast = &engine->fast;
    mr_workers_free(engine->workers);
    for (int i = 0; fast->parts && i < fast->part_count; i++)
        free(fast->parts[i].layers);
    free(fast->parts);
    free(fast->layers);
    free(fast->memory.at);
    free(engine);
}

static bool make(struct engine *engine, const struct mr_int_model *model) {
    struct mr_fast *fast = &engine->fast;
    // Fewer sequences are not worth a thread of their own.
    const size_t blocks = (model->options.batch + 2 * MR_FAST_BLOCK - 1) / (2 * MR_FAST_BLOCK);

    fast->layer_count = model->layer_count;
    engine->workers =
        mr_workers_create(model->options.threads, blocks < MOST_PARTS ? blocks : MOST_PARTS);
    fast->part_count = engine->workers ? (int)mr_workers_count(engine->workers) : 0;
    fast->layers = calloc((size_t)fast->layer_count, sizeof *fast->layers);
    fast->parts = calloc((size_t)fast->part_count, sizeof *fast->parts);
    if (!engine->workers || !fast->layers || !fast->parts)
        return false;
    for (int i = 0; i < fast->part_count; i++) {
        struct mr_fast_part *part = &fast->parts[i];
        part->fast = fast;
        part->number = i;
        part->layers = calloc((size_t)fast->layer_count, sizeof *part->layers);
        if (!part->layers)
            return false;
    }
    lay_out(fast, model);
    if (!make_memory(&fast->memory))
        return false;
    lay_out(fast, model);
    mr_fast_make_curves(fast->curves);
    return true;
}

static void *engine_open(const struct mr_int_model *model) {
    struct engine *engine = calloc(1, sizeof *engine);

    if (engine && !make(engine, model)) {
        engine_close(engine);
        return NULL;
    }
    return engine;
}

// ---- columns of x

static bool keeps(const struct mr_fast *fast, int i, size_t t, size_t b, size_t k) {
    const struct mr_int_layer *layer = &fast->model->layers[i];
    const size_t place = (t * fast->batch->sequences + b) * (size_t)layer->inputs + k;
    return mr_train_keeps((uint32_t)place, fast->batch->keys[i], fast->model->keep);
}

static void take_columns(struct mr_fast_part *part, int i) {
    const struct mr_fast *fast = part->fast;
    const struct mr_int_batch *batch = fast->batch;
    const struct mr_int_layer *layer = &fast->model->layers[i];
    struct mr_fast_run *run = &part->layers[i];
    const size_t inputs = (size_t)layer->inputs, wide = (size_t)fast->layers[i].wide_inputs;
    const int half = i && layer->x_unit ? 1 << (layer->x_unit - 1) : 0;
    int32_t most = 0;

    for (size_t t = 0; t < batch->steps; t++) {
        int16_t *rows = run->x + t * part->sequences * wide;
        for (size_t b = 0; b < part->count; b++) {
            int16_t *to = rows + b * wide;
            if (i == 0) {
                memcpy(to, batch->x + (t * batch->sequences + part->first + b) * inputs,
                       inputs * sizeof *to);
                continue;
            }
            const int16_t *h = part->layers[i - 1].h + ((t + 1) * part->sequences + b) * wide;
            for (size_t k = 0; k < inputs; k++)
                to[k] =
                    (int16_t)(batch->learns
                                  ? mr_train_dropped(h[k], keeps(fast, i, t, part->first + b, k),
                                                     layer->factor)
                                  : (h[k] + half) >> layer->x_unit);
        }
        const int32_t most_here = mr_fast_pair_rows(rows, run->x_pairs + t * part->sequences * wide,
                                                    part->sequences, wide);
        most = most_here > most ? most_here : most;
    }
    run->most_x = most;
}

// dh of the layer below, of what dropout kept.
static void drop_back(struct mr_fast_part *part, int i) {
    const struct mr_fast *fast = part->fast;
    const struct mr_int_layer *layer = &fast->model->layers[i];
    const size_t wide = (size_t)fast->layers[i].wide_inputs;

    for (size_t t = part->layers[i - 1].above_from; t < fast->batch->steps; t++) {
        for (size_t b = 0; b < part->count; b++) {
            int32_t *dh = part->layers[i - 1].above + (t * part->sequences + b) * wide;
            for (size_t k = 0; k < (size_t)layer->inputs; k++)
                dh[k] = mr_train_dropped_back(dh[k], keeps(fast, i, t, part->first + b, k),
                                              layer->factor);
        }
    }
}

// ---- the head

static void head_row(struct mr_fast_part *part, size_t row, size_t t, size_t b) {
    const struct mr_fast *fast = part->fast;
    const struct mr_int_model *model = fast->model;
    const struct mr_int_layer *last = &model->layers[model->layer_count - 1];
    const struct mr_fast_run *run = &part->layers[model->layer_count - 1];
    const size_t wide = (size_t)fast->layers[model->layer_count - 1].wide_units;
    const size_t units = (size_t)last->units, outputs = (size_t)model->outputs;
    const int16_t *h = run->h + ((t + 1) * part->sequences + b) * wide;
    int32_t *out = fast->batch->outputs + row * outputs;

    for (size_t o = 0; o < outputs; o++) {
        const int16_t *w = fast->head + o * units;
        int64_t sum = 0;
        for (size_t u = 0; u < units; u++)
            sum += w[u] * h[u];
        out[o] = mr_train_output(sum, model->bias.w[o]);
    }
    if (!fast->batch->learns)
        return;
    const size_t targets = model->options.loss == MR_TRAIN_CE ? 1 : outputs;
    mr_int_errors(model, out, fast->batch->targets + row * targets, part->errors);
    memset(part->row, 0, units * sizeof *part->row);
    for (size_t o = 0; o < outputs; o++) {
        const int64_t e = part->errors[o];
        part->head_bias[o] += e;
        for (size_t u = 0; u < units; u++) {
            part->head_w[o * units + u] += e * h[u];
            part->row[u] += e * fast->head[o * units + u];
        }
    }
    int32_t *dh = run->above + (t * part->sequences + b) * wide;
    for (size_t u = 0; u < units; u++)
        dh[u] = mr_train_head_gradient(part->row[u], last->state_scale);
}

static void run_head(struct mr_fast_part *part) {
    const struct mr_fast *fast = part->fast;
    const struct mr_int_model *model = fast->model;
    const int last = model->layer_count - 1;
    const size_t wide = (size_t)fast->layers[last].wide_units, steps = fast->batch->steps;

    memset(part->head_w, 0, model->w.count * sizeof *part->head_w);
    memset(part->head_bias, 0, model->bias.count * sizeof *part->head_bias);
    const size_t from = model->per_step ? 0 : steps - 1, row = part->sequences * wide;
    part->layers[last].above_from = from;
    memset(part->layers[last].above + from * row, 0,
           (steps - from) * row * sizeof *part->layers[last].above);
    for (size_t b = 0; b < part->count; b++)
        for (size_t t = from; t < steps; t++)
            head_row(part, model->per_step ? (part->first + b) * steps + t : part->first + b, t, b);
}

// ---- a mini-batch

static void clear(struct mr_fast_part *part, int i) {
    const struct mr_int_layer *layer = &part->fast->model->layers[i];
    const struct mr_fast_layer *shape = &part->fast->layers[i];
    struct mr_fast_run *run = &part->layers[i];
    const size_t units = (size_t)shape->wide_units, inputs = (size_t)shape->wide_inputs;
    const size_t rows = (size_t)layer->cell->gates * units;

    memset(run->sum_x, 0, rows * inputs * sizeof *run->sum_x);
    memset(run->sum_h, 0, rows * units * sizeof *run->sum_h);
    if (run->has_all) {
        memset(run->all_x, 0, rows * inputs * sizeof *run->all_x);
        memset(run->all_h, 0, rows * units * sizeof *run->all_h);
        run->has_all = false;
    }
    memset(run->sum_bias, 0, (size_t)layer->cell->sums * units * sizeof *run->sum_bias);
}

static void run_part(void *data, size_t number, size_t worker) {
    struct mr_fast *fast = data;
    struct mr_fast_part *part = &fast->parts[number];
    (void)worker;

    if (part->count == 0)
        return;
    for (int i = 0; i < fast->layer_count; i++) {
        struct mr_fast_run *run = &part->layers[i];
        const size_t row = part->sequences * (size_t)fast->layers[i].wide_units;
        memset(run->h, 0, row * sizeof *run->h);
        memset(run->h_pairs, 0, row * sizeof *run->h_pairs);
        memset(run->cell, 0, row * sizeof *run->cell);
        if (run->x)
            take_columns(part, i);
        mr_fast_forward(part, i);
    }
    run_head(part);
    for (int i = fast->layer_count - 1; fast->batch->learns && i >= 0; i--) {
        clear(part, i);
        mr_fast_backward(part, i);
        if (i > 0 && part->layers[i].x)
            drop_back(part, i);
    }
}

static void pack(void *data, size_t number, size_t worker) {
    struct mr_fast *fast = data;

    (void)worker;
    for (int i = (int)number; i < fast->layer_count; i += fast->part_count)
        mr_fast_pack_layer(&fast->model->layers[i], &fast->layers[i]);
}

// The sums of a matrix's rows that this part adds up for all, of (gates, wide units, wide columns).
static void add_rows(const struct mr_fast *fast, int i, size_t number, bool over_h) {
    const struct mr_int_layer *layer = &fast->model->layers[i];
    const size_t units = (size_t)layer->units, wide = (size_t)fast->layers[i].wide_units;
    const size_t columns = over_h ? units : (size_t)layer->inputs;
    const size_t pitch = over_h ? wide : (size_t)fast->layers[i].wide_inputs;
    int64_t *sums = over_h ? layer->h.sum : layer->x.sum;
    const size_t rows = (size_t)layer->cell->gates * units;

    for (size_t r = number; r < rows; r += (size_t)fast->part_count) {
        const size_t from = (r / units * wide + r % units) * pitch;
        int64_t *to = sums + r * columns;
        memset(to, 0, columns * sizeof *to);
        for (int p = 0; p < fast->part_count; p++) {
            const struct mr_fast_run *run = &fast->parts[p].layers[i];
            const int32_t *sum = (over_h ? run->sum_h : run->sum_x) + from;
            const int64_t *all = (over_h ? run->all_h : run->all_x) + from;
            if (fast->parts[p].count > 0)
                mr_fast_add_row(to, sum, run->has_all ? all : NULL, columns);
        }
    }
}

static void add_layers(void *data, size_t number, size_t worker) {
    struct mr_fast *fast = data;

    (void)worker;
    for (int i = 0; i < fast->layer_count; i++) {
        add_rows(fast, i, number, false);
        add_rows(fast, i, number, true);
    }
}

// What is small: biases, the head, what has been seen.
static void add_rest(struct mr_fast *fast) {
    struct mr_int_model *model = fast->model;

    for (int i = 0; i < fast->layer_count; i++) {
        struct mr_int_layer *layer = &model->layers[i];
        memset(layer->bias.sum, 0, layer->bias.count * sizeof *layer->bias.sum);
        layer->seen_state = layer->seen_delta = 0;
    }
    memset(model->w.sum, 0, model->w.count * sizeof *model->w.sum);
    memset(model->bias.sum, 0, model->bias.count * sizeof *model->bias.sum);
    for (int p = 0; p < fast->part_count; p++) {
        const struct mr_fast_part *part = &fast->parts[p];
        if (part->count == 0)
            continue;
        for (int i = 0; i < fast->layer_count; i++) {
            struct mr_int_layer *layer = &model->layers[i];
            for (int s = 0; s < layer->cell->sums; s++)
                for (int u = 0; u < layer->units; u++)
                    layer->bias.sum[s * layer->units + u] +=
                        part->layers[i].sum_bias[s * fast->layers[i].wide_units + u];
            layer->seen_state |= part->layers[i].seen_state;
            layer->seen_delta |= part->layers[i].seen_delta;
        }
        for (size_t k = 0; k < model->w.count; k++)
            model->w.sum[k] += part->head_w[k];
        for (size_t k = 0; k < model->bias.count; k++)
            model->bias.sum[k] += part->head_bias[k];
    }
}

static void run_parts(struct engine *engine,
                      void (*work)(void *context, size_t part, size_t worker)) {
    mr_workers_run(engine->workers, (size_t)engine->fast.part_count, work, &engine->fast);
}

static void run(void *opened, struct mr_int_model *model, const struct mr_int_batch *batch) {
    struct engine *engine = opened;
    struct mr_fast *fast = &engine->fast;
    const size_t size = part_size(fast, batch->sequences);

    fast->model = model;
    fast->batch = batch;
    for (int i = 0; i < fast->part_count; i++) {
        struct mr_fast_part *part = &fast->parts[i];
        const size_t first = (size_t)i * size;
        part->first = first;
        part->count = first >= batch->sequences         ? 0
                      : batch->sequences - first < size ? batch->sequences - first
                                                        : size;
        part->sequences = block_up(part->count);
    }
    for (size_t k = 0; k < model->w.count; k++)
        fast->head[k] = mr_train_weight(model->w.w[k]);
    run_parts(engine, pack);
    run_parts(engine, run_part);
    if (!batch->learns)
        return;
    run_parts(engine, add_layers);
    add_rest(fast);
}

static void update_part(void *data, size_t number, size_t worker) {
    const struct mr_fast *fast = data;

    (void)worker;
    for (int i = 0; i < fast->job_count; i++) {
        const size_t count = fast->jobs[i].tensor->count, parts = (size_t)fast->part_count;
        const size_t each =
            ((count + parts - 1) / parts + MR_FAST_WIDE - 1) / MR_FAST_WIDE * MR_FAST_WIDE;
        const size_t first = number * each;
        const size_t end = first + each < count ? first + each : count;
        if (first < end)
            mr_fast_update(&fast->jobs[i], first, end);
    }
}

static void update(void *opened, const struct mr_int_job *jobs, int count) {
    struct engine *engine = opened;

    engine->fast.jobs = jobs;
    engine->fast.job_count = count;
    run_parts(engine, update_part);
}

const struct mr_int_engine mr_int_fast = {"avx512", works, engine_open, run, update, engine_close};

#endif
