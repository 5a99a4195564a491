// SPDX-License-Identifier: Apache-2.0
// What the engine does in which cycle: train_slots tells the turns, train_words the cycles of each.
//
// Forward, layer after layer, step after step:
//   FORWARD  acc[row] = sum over the columns of w v; the cells take the turn before
//   SECOND   where the first gate weighs the columns of h that the last one has (TRAIN_RESET): the
//            last one's sums over them; over h FORWARD was for the others
//   (a turn more at the end of a layer, for the cells of its last one)
// Backward, layer after layer from the last one:
//   FIRST    the cells form the deltas of the last step, a turn behind
//   SECOND_BACK  of TRAIN_RESET: derivatives by those columns, sums over the last gate's rows
//   GATES_BACK   of these the cells form the first gate's delta, a turn behind
//   COLUMNS  derivatives by the columns: sums over the rows of w delta
//   GRADIENT gradient[row] += delta v; the cells form the deltas of the step before, a turn behind
//   KEEP     where gradients are clipped, those of the biases are put away
//   ROWS, BIASES  the update of the layer's parameters, LC a cycle
//   HEAD, SCALES  that of the head, and, where parameters are loaded or read, the scales
// Where gradients are clipped, ROWS, BIASES and HEAD come twice, behind the last layer: for the
// squares of the gradients, and as a part of its own for the update.
#ifndef MR_TRAIN_SEQUENCER_H
#define MR_TRAIN_SEQUENCER_H

#include "train_engine/shape.h"

static const uint16_t train_hw[4] = TRAIN_ALL(TRAIN_HW);
static const uint16_t train_bw[4] = TRAIN_ALL(TRAIN_BW);
static const uint16_t train_below[4] = TRAIN_ALL(TRAIN_BELOW);
static const uint16_t train_rows[4] = TRAIN_ALL(TRAIN_ROWS);
static const uint16_t train_len[4] = TRAIN_ALL(TRAIN_LEN);
static const uint16_t train_back_len[4] = TRAIN_ALL(TRAIN_BACK_LEN);
static const uint16_t train_h_len[4] = TRAIN_ALL(TRAIN_H_LEN);
static const uint16_t train_first_len[4] = TRAIN_ALL(TRAIN_FIRST_LEN);
static const uint16_t train_weight_base[4] = TRAIN_BASE(TRAIN_KW);
static const uint32_t train_stash_base[4] = TRAIN_BASE(TRAIN_STASH);
static const uint16_t train_state_base[4] = TRAIN_BASE(TRAIN_STATES);
static const uint16_t train_bias_base[4] = TRAIN_BASE(TRAIN_HW);

enum {
    FORWARD,
    SECOND,
    LAYER_END,
    FIRST,
    SECOND_BACK,
    GATES_BACK,
    COLUMNS,
    GRADIENT,
    KEEP,
    ROWS,
    BIASES,
    HEAD,
    SCALES
};

// Parts of a mini-batch, between which the head calculates. What loads and reads has UPDATE_PART
// alone, what predicts FORWARD_PART.
enum { FORWARD_PART, BACK_PART, UPDATE_PART };

// A slot: one turn of a layer, or some words of the update.
typedef struct {
    uint8_t phase, layer;
    uint16_t last, hw, kw; // of its cycles; words of h, of all its columns
    bool works;            // it is no empty turn
    bool first_step;
    bool fresh;                        // the first turn that adds to gradients
    bool into;                         // deltas of the next turn come in
    uint16_t weights, biases, columns; // bases of the layer; of rec
    uint16_t next;                     // the next turn's deltas
    uint32_t h_own, h_below, x, above; // h of the step before, of the layer below, x, da
    uint16_t row;                      // of the update
    uint32_t drop;                     // place of the first column of x (train/dropout.h)
    // The cells, which take the turn before.
    bool cell_forward, cell_back, cell_gates, cell_first, cell_last, cell_quiet, cell_fresh;
    uint32_t cell_stash, cell_above;
    uint16_t cell_state, cell_turn, cell_rec;
} slot_t;
HLS_STREAM_OF(slot_t)

// A cycle of the engine.
typedef struct {
    uint8_t phase, layer;
    bool first, from_x, first_step, fresh, take_next, into, to_rec, to_above, hread;
    bool second, weighed; // a phase of the last gate alone; its columns are those weighed
    uint16_t weights, gradients, rec, next, q;
    uint32_t h, x, above, drop;
    uint16_t drop_next; // from there to that of the next sequence
    bool keeps, squares, row_update, bias_update, head_update, head_bias, scale_update;
    uint16_t row, unit, gate, sum; // row = unit * TRAIN_GATES + gate
    uint32_t param;
    bool cell, cell_forward, cell_back, cell_gates, cell_first, cell_last, cell_quiet, cell_fresh;
    uint8_t n;
    uint32_t cell_stash, cell_kept, cell_above;
    uint16_t cell_state, cell_turn, cell_rec, biases, head;
} word_t;
HLS_STREAM_OF(word_t)

static bool train_runs(uint8_t job) {
    return job == TRAIN_TRAIN || job == TRAIN_PREDICT;
}

static uint8_t train_first_part(uint8_t job) {
    return train_runs(job) ? FORWARD_PART : UPDATE_PART;
}

static uint8_t train_last_part(uint8_t job) {
    return job == TRAIN_PREDICT                ? FORWARD_PART
           : job == TRAIN_TRAIN && !TRAIN_CLIP ? BACK_PART
                                               : UPDATE_PART;
}

// Parts of a run, which has no mini-batches where it loads or reads.
static uint32_t train_parts(uint8_t job, uint32_t batches) {
    const uint32_t parts = train_last_part(job) - train_first_part(job) + 1u;
    return train_runs(job) ? batches * parts : parts;
}

static uint32_t train_slot_count(uint8_t job, uint16_t steps, uint8_t part) {
    const uint32_t turns = (uint32_t)steps * (TRAIN_LAYERS * TRAIN_TURNS);
    const uint32_t update = TRAIN_OVER(TRAIN_UPDATE_SLOTS) + TRAIN_OUTPUTS;
    return part == FORWARD_PART ? turns * (TRAIN_RESET ? 2 : 1) + TRAIN_LAYERS
           : part == BACK_PART  ? turns * (TRAIN_RESET ? 4 : 2) +
                                     TRAIN_LAYERS * (TRAIN_TURNS + (TRAIN_CLIP ? 1 : 0)) + update
                               : update + !train_runs(job);
}

// Cycles of the lanes' loop.
static uint32_t train_cycles(uint8_t job, uint16_t steps, uint8_t part) {
    return part == FORWARD_PART ? TRAIN_FORWARD_CYCLES((uint32_t)steps)
           : part == BACK_PART  ? TRAIN_BACK_CYCLES((uint32_t)steps)
           : train_runs(job)    ? TRAIN_CLIP_CYCLES
                                : TRAIN_PARAM_WORDS + TRAIN_LAYERS;
}

static void train_slots(hls_stream(slot_t) * slots, uint8_t job, uint16_t steps, uint16_t sequences,
                        uint32_t batches) {
    const uint32_t parts = train_parts(job, batches);
    const uint16_t t_last = (uint16_t)(steps - 1);
    const uint16_t last_row = (uint16_t)(t_last * TRAIN_GROUPS);
    const uint32_t last_place = TRAIN_DROPOUT ? (uint32_t)t_last * sequences : 0;
    uint8_t part = train_first_part(job);
    for (uint32_t p = 0; p < parts; p++) {
        const bool forward = part == FORWARD_PART, back = part == BACK_PART;
        const uint32_t count = train_slot_count(job, steps, part);
        uint8_t phase = forward ? FORWARD : back ? FIRST : ROWS;
        uint8_t layer = forward ? 0 : TRAIN_LAYERS - 1;
        uint16_t t = forward ? 0 : t_last;
        uint16_t step_row = forward ? 0 : last_row;     // t * TRAIN_GROUPS
        uint32_t step_place = forward ? 0 : last_place; // t * sequences
        uint16_t n = 0;                                 // turn, or row
        bool cell_forward = false, cell_back = false, cell_gates = false;
        uint16_t cell_step_row = 0, cell_n = 0;
        slots:
        for (uint32_t i = 0; i < count; i++) {
            HLS(pipeline)
            const uint8_t below = layer == 0 ? 0 : (uint8_t)(layer - 1);
            const uint16_t hw = train_hw[layer], bw = train_bw[layer], len = train_len[layer];
            const uint16_t cw = (uint16_t)(hw * TRAIN_NB);
            const bool second = phase == SECOND || phase == SECOND_BACK;
            const bool back_turns = phase == FIRST || phase == SECOND_BACK || phase == GATES_BACK ||
                                    phase == COLUMNS || phase == GRADIENT;
            const bool turns = back_turns || phase == FORWARD || phase == SECOND;
            const bool group = n < TRAIN_GROUPS;
            const uint16_t turn = group ? n : 0;
            const uint16_t at = (uint16_t)(step_row + turn);
            const uint16_t cell_at = (uint16_t)(cell_step_row + cell_n);
            slot_t s;
            s.phase = phase;
            s.layer = layer;
            s.hw = phase == HEAD ? TRAIN_HEAD_WORDS : hw;
            s.kw = (uint16_t)(second ? hw : hw + bw);
            const uint16_t first_len = train_first_len[layer];
            const uint16_t columns_len = layer == 0 && n == 0 ? first_len : train_back_len[layer];
            const bool of_cells = phase == SECOND || phase == LAYER_END || phase == FIRST ||
                                  phase == GATES_BACK || (phase == SECOND_BACK && n == 0);
            s.last = (uint16_t)((phase == FORWARD || phase == GRADIENT ? len
                                 : of_cells                            ? first_len
                                 : phase == SECOND_BACK                ? train_h_len[layer]
                                 : phase == COLUMNS                    ? columns_len
                                 : phase == KEEP                       ? hw
                                 : phase == ROWS                       ? s.kw
                                 : phase == BIASES                     ? hw * TRAIN_SUMS
                                 : phase == HEAD                       ? TRAIN_HEAD_WORDS
                                                                       : TRAIN_LAYERS) -
                                1);
            s.works = turns && group;
            s.first_step = t == 0;
            s.fresh = t == t_last && n == 0;
            s.into = back_turns && (n + 1 < TRAIN_GROUPS || n == TRAIN_TURNS - 1);
            s.weights = train_weight_base[layer];
            s.biases = train_bias_base[layer];
            s.columns = (uint16_t)(turn * TRAIN_MAX_HW);
            const uint16_t next = n + 1 < TRAIN_GROUPS ? (uint16_t)(n + 1) : 0;
            s.next = (uint16_t)(next * TRAIN_MAX_HW);
            s.h_own = train_stash_base[layer] + (uint32_t)(t == 0 ? 0 : at - TRAIN_GROUPS) * hw;
            s.h_below = train_stash_base[below] + (uint32_t)at * bw;
            s.x = (uint32_t)at * TRAIN_XW;
            s.above = (uint32_t)at * TRAIN_MAX_HW;
            s.row = n;
            s.drop = TRAIN_DROPOUT ? (step_place + turn * TRAIN_NB) * train_below[layer] : 0;
            s.cell_forward = cell_forward;
            s.cell_back = cell_back;
            s.cell_first = cell_step_row == 0;
            s.cell_gates = cell_gates;
            s.cell_last = !cell_gates && cell_step_row == last_row; // nothing came behind
            s.cell_quiet =
                !TRAIN_PER_STEP && layer == TRAIN_LAYERS - 1 && cell_step_row != last_row;
            s.cell_fresh = cell_step_row == last_row && cell_n == 0;
            s.cell_stash = train_stash_base[layer] + (uint32_t)cell_at * hw;
            s.cell_above = (uint32_t)cell_at * TRAIN_MAX_HW;
            s.cell_state = (uint16_t)(train_state_base[layer] + cell_n * cw);
            s.cell_turn = (uint16_t)(cell_n * (TRAIN_NB * TRAIN_MAX_HW));
            s.cell_rec = (uint16_t)(cell_n * TRAIN_MAX_HW);
            hls_write(slot_t, slots, s);
            cell_forward = (phase == FORWARD || phase == SECOND) && group;
            cell_back =
                (phase == FIRST || phase == GATES_BACK || (phase == GRADIENT && t != 0)) && group;
            cell_gates = TRAIN_RESET && (phase == FORWARD || phase == GATES_BACK) && group;
            cell_n = turn;
            cell_step_row =
                phase == GRADIENT && t != 0 ? (uint16_t)(step_row - TRAIN_GROUPS) : step_row;
            const uint16_t turn_last = phase == ROWS   ? (uint16_t)(train_rows[layer] - 1)
                                       : phase == HEAD ? TRAIN_OUTPUTS - 1
                                       : turns         ? TRAIN_TURNS - 1
                                                       : 0;
            if (n != turn_last) {
                n = (uint16_t)(n + 1);
            } else {
                n = 0;
                switch (phase) {
                case FORWARD:
                case SECOND:
                    if (TRAIN_RESET && phase == FORWARD) {
                        phase = SECOND;
                    } else if (t == t_last) {
                        phase = LAYER_END;
                    } else {
                        phase = FORWARD;
                        t = (uint16_t)(t + 1);
                        step_row = (uint16_t)(step_row + TRAIN_GROUPS);
                        step_place += sequences;
                    }
                    break;
                case LAYER_END:
                    phase = FORWARD;
                    layer = (uint8_t)((layer + 1) & 3);
                    t = 0;
                    step_row = 0;
                    step_place = 0;
                    break;
                case FIRST:
                    phase = TRAIN_RESET ? SECOND_BACK : COLUMNS;
                    break;
                case SECOND_BACK:
                    phase = GATES_BACK;
                    break;
                case GATES_BACK:
                    phase = COLUMNS;
                    break;
                case COLUMNS:
                    phase = GRADIENT;
                    break;
                case GRADIENT:
                    if (t == 0) {
                        phase = TRAIN_CLIP ? KEEP : ROWS;
                    } else {
                        phase = TRAIN_RESET ? SECOND_BACK : COLUMNS;
                        t = (uint16_t)(t - 1);
                        step_row = (uint16_t)(step_row - TRAIN_GROUPS);
                        step_place -= sequences;
                    }
                    break;
                case KEEP:
                    phase = layer == 0 ? ROWS : FIRST;
                    layer = layer == 0 ? TRAIN_LAYERS - 1 : (uint8_t)(layer - 1);
                    t = t_last;
                    step_row = last_row;
                    step_place = last_place;
                    break;
                case ROWS:
                    phase = BIASES;
                    break;
                case BIASES:
                    phase = layer == 0 ? HEAD : back && !TRAIN_CLIP ? FIRST : ROWS;
                    layer = layer == 0 ? 0 : (uint8_t)(layer - 1);
                    t = t_last;
                    step_row = last_row;
                    step_place = last_place;
                    break;
                default:
                    phase = SCALES;
                    break;
                }
            }
        }
        part = part == train_last_part(job) ? train_first_part(job) : (uint8_t)(part + 1);
    }
}

static void train_words(hls_stream(slot_t) * slots, hls_stream(word_t) * words, uint8_t job,
                        uint16_t steps, uint32_t batches) {
    const uint32_t parts = train_parts(job, batches);
    uint8_t part = train_first_part(job);
    for (uint32_t p = 0; p < parts; p++) {
        const uint32_t cycles = train_cycles(job, steps, part);
        slot_t s = {0};
        bool first = true;
        uint16_t k = 0, q = 0, n = 0; // k = n * hw + q
        uint32_t param = 0;
    words:
        for (uint32_t i = 0; i < cycles; i++) {
            HLS(pipeline II = 1)
            if (first)
                s = hls_read(slot_t, slots);
            word_t w;
            const bool in_kw = k < s.kw;
            const bool from_x = n != 0;
            const uint16_t kx = (uint16_t)(k - s.hw); // where it is a column of x
            const bool second = s.phase == SECOND || s.phase == SECOND_BACK;
            const bool forwards = s.phase == FORWARD || s.phase == SECOND;
            const bool columns = s.phase == COLUMNS || s.phase == SECOND_BACK;
            const bool gradient = s.phase == GRADIENT;
            const bool lanes = s.works && in_kw;
            w.phase = (uint8_t)(!lanes     ? LAYER_END
                                : forwards ? FORWARD
                                : columns  ? COLUMNS
                                : gradient ? GRADIENT
                                           : LAYER_END);
            w.second = second;
            w.weighed = lanes && !from_x && (gradient || s.phase == SECOND);
            w.layer = s.phase == SCALES ? (uint8_t)(k & 3) : s.layer;
            w.first = first;
            w.from_x = from_x;
            w.first_step = s.first_step;
            w.fresh = s.fresh;
            w.take_next = s.works && forwards && s.layer == 0 && k + 1 >= s.hw && k + 1 < s.kw;
            w.into = s.into && !from_x;
            w.to_rec = lanes && columns && !from_x;
            w.to_above = lanes && columns && from_x && s.layer != 0;
            w.hread = lanes && (forwards || gradient) && (from_x ? s.layer != 0 : !s.first_step);
            w.weights = (uint16_t)(s.weights + (in_kw ? k : 0));
            w.gradients = (uint16_t)(TRAIN_CLIP ? w.weights : in_kw ? k : 0);
            w.rec = (uint16_t)(s.columns + q);
            w.next = (uint16_t)(s.next + q);
            w.q = q;
            w.h = from_x ? s.h_below + kx : s.h_own + k;
            w.x = s.x + (from_x ? kx : 0);
            w.above = s.above + kx;
            w.drop = s.drop + (uint32_t)kx * TRAIN_LC;
            w.drop_next = train_below[s.layer];
            w.keeps = s.phase == KEEP;
            w.squares = TRAIN_CLIP && part == BACK_PART;
            w.row_update = s.phase == ROWS;
            w.bias_update = s.phase == BIASES;
            w.head_update = s.phase == HEAD;
            w.head_bias = q == TRAIN_TOP_HW;
            w.scale_update = s.phase == SCALES;
            w.row = s.row;
            // s.row / TRAIN_GATES, of 2^13 rows at most.
            w.unit = (uint16_t)(s.row * ((1u << 17) / TRAIN_GATES + 1) >> 17);
            w.gate = (uint16_t)(s.row - w.unit * TRAIN_GATES);
            w.sum = n;
            w.param = param;
            w.head = (uint16_t)(s.row * TRAIN_HEAD_WORDS + k);
            const bool cell = n < TRAIN_NB;
            w.cell = cell && (s.cell_forward || s.cell_back);
            w.cell_forward = cell && s.cell_forward;
            w.cell_back = cell && s.cell_back;
            w.cell_gates = cell && s.cell_gates;
            w.cell_first = s.cell_first;
            w.cell_last = s.cell_last;
            w.cell_quiet = s.cell_quiet;
            w.cell_fresh = s.cell_fresh && n == 0;
            w.n = (uint8_t)(cell ? n : 0);
            w.cell_stash = s.cell_stash + q;
            w.cell_kept = s.cell_stash * TRAIN_NB + k;
            w.cell_above = s.cell_above + q;
            w.cell_state = (uint16_t)(s.cell_state + k);
            w.cell_turn = (uint16_t)(s.cell_turn + (n == 0 ? 0 : TRAIN_MAX_HW) + q);
            w.cell_rec = (uint16_t)(s.cell_rec + q);
            w.biases = (uint16_t)(s.biases + q);
            hls_write(word_t, words, w);
            const bool last = k == s.last;
            const bool wrap = (uint16_t)(q + 1) == s.hw;
            param = s.phase == ROWS || s.phase == BIASES || s.phase == HEAD ? param + 1 : param;
            q = last || wrap ? 0 : (uint16_t)(q + 1);
            n = last ? 0 : wrap ? (uint16_t)(n + 1) : n;
            k = last ? 0 : (uint16_t)(k + 1);
            first = last;
        }
        part = part == train_last_part(job) ? train_first_part(job) : (uint8_t)(part + 1);
    }
}

#endif
