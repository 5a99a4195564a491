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
//   GRADIENT sums of delta v, word after word of the columns and turn after turn in each; they
//            leave the lanes a word behind. The cells form the deltas of the step before
//   FETCH    of TRAIN_PORT, before FIRST: what cells have kept of the last step is fetched; that of
//            the step before each one, and its h and that of the layer below, during COLUMNS
//   KEEP     where gradients are clipped, those of the biases are put away
//   BIASES, ROWS  the update of the layer's parameters, LC a cycle
//   HEAD, SCALES  that of the head, and, where parameters are loaded or read, the scales
// Where gradients are clipped, BIASES, ROWS and HEAD come twice, behind the last layer: for the
// squares of the gradients, and as a part of its own for the update.
#ifndef MR_TRAIN_SEQUENCER_H
#define MR_TRAIN_SEQUENCER_H

#include "train_engine/shape.h"

static const uint16_t train_hw[TRAIN_PLACES] = TRAIN_ALL(TRAIN_HW);
static const uint16_t train_bw[TRAIN_PLACES] = TRAIN_ALL(TRAIN_BW);
static const uint16_t train_below[TRAIN_PLACES] = TRAIN_ALL(TRAIN_BELOW);
static const uint16_t train_rows[TRAIN_PLACES] = TRAIN_ALL(TRAIN_ROWS);
static const uint16_t train_len[TRAIN_PLACES] = TRAIN_ALL(TRAIN_LEN);
static const uint16_t train_back_len[TRAIN_PLACES] = TRAIN_ALL(TRAIN_BACK_LEN);
static const uint16_t train_h_len[TRAIN_PLACES] = TRAIN_ALL(TRAIN_H_LEN);
static const uint16_t train_first_len[TRAIN_PLACES] = TRAIN_ALL(TRAIN_FIRST_LEN);
static const uint16_t train_keep_len[TRAIN_PLACES] = TRAIN_ALL(TRAIN_KEEP_LEN);
#if TRAIN_PORT
static const uint16_t train_fetch_len[TRAIN_PLACES] = TRAIN_ALL(TRAIN_FETCH_LEN);
static const uint32_t train_above_base[TRAIN_PLACES] = TRAIN_ALL(TRAIN_ABOVE);
#endif
static const uint16_t train_leaves[TRAIN_PLACES] = TRAIN_ALL(TRAIN_LEAVES);
static const uint16_t train_weight_base[TRAIN_PLACES] = TRAIN_BASE(TRAIN_KW);
static const uint32_t train_gradient_base[TRAIN_PLACES] = TRAIN_BASE(TRAIN_GRADIENTS);
static const uint32_t train_stash_base[TRAIN_PLACES] = TRAIN_BASE(TRAIN_STASH);
static const uint16_t train_state_base[TRAIN_PLACES] = TRAIN_BASE(TRAIN_STATES);
static const uint16_t train_bias_base[TRAIN_PLACES] = TRAIN_BASE(TRAIN_HW);

enum {
    FORWARD,
    SECOND,
    LAYER_END,
    FIRST,
    SECOND_BACK,
    GATES_BACK,
    COLUMNS,
    GRADIENT,
    FETCH,
    KEEP,
    BIASES,
    ROWS,
    HEAD,
    SCALES
};

// Parts of a mini-batch, between which the head calculates. What loads and reads has UPDATE_PART
// alone, what predicts FORWARD_PART.
enum { FORWARD_PART, BACK_PART, UPDATE_PART };
#define TRAIN_BACK_FIRST (TRAIN_PORT ? FETCH : FIRST) // of a layer

// A slot: one turn of a layer, or some words of the update.
typedef struct {
    uint8_t phase, layer;
    uint16_t last;            // of its cycles
    uint16_t hw, kw, bw;      // words of h, of all its columns, of those of x
    uint16_t last_q, leaves;  // of q; words of gradients of a word of columns
    bool works;               // it is no empty turn
    bool first_step, fresh;   // t is 0; no gradients are there
    uint16_t weights, biases; // bases of the layer
    uint32_t gradients;
    // Of the turn, where gradients are formed of the first one: rec, its deltas, h of the step
    // before, of the layer below, x, da, place of the first column of x (train/dropout.h).
    uint16_t columns;
    uint32_t deltas, h_own, h_below, x, above, drop;
    uint16_t row; // of the head; the update's first word of columns
    // The cells, which take the turn before.
    bool cell_forward, cell_back, cell_gates, cell_first, cell_last, cell_quiet, cell_fresh;
    uint32_t cell_stash, cell_above, cell_deltas;
    uint16_t cell_state, cell_turn, cell_rec;
#if TRAIN_PORT
    bool cell_takes, takes_next; // the cells take da; those of the slot behind it
    bool update_next;            // that one updates
    bool fetches, fetches_below; // the step before, the layer below: so many words and one
    uint16_t last_own, last_below;
    uint32_t outside, outside_below; // from there on
    uint32_t cell_kept;              // where the cells' words are in the window,
    uint32_t cell_outside;           // and where they are stored
#endif
} slot_t;
HLS_STREAM_OF(slot_t)

// A cycle of the engine.
typedef struct {
    uint8_t phase, layer;
    bool first, from_x, take_next, to_rec, to_above, hread;
    bool second, weighed; // a phase of the last gate alone; its columns are those weighed
    bool goes_on;         // a gradient's sum
    // Sums leave the lanes, move up, are added to gradients (if fresh, to none), which are stored.
    bool leave, shift, add, fresh, store;
    uint16_t pick; // row of a word of gradients
    uint32_t gradients, deltas;
    uint16_t weights, rec, q;
    uint32_t h, x, above, drop;
    uint16_t drop_next; // from there to that of the next sequence
    bool keeps, squares, row_update, bias_update, head_update, scale_update;
    uint16_t unit, gate, sum; // of the update
    uint32_t param;
    bool cell, cell_forward, cell_back, cell_gates, cell_first, cell_last, cell_quiet, cell_fresh;
    uint8_t n;
    uint32_t cell_stash, cell_kept, cell_above, cell_deltas;
    uint16_t cell_state, cell_turn, cell_rec, biases, head;
#if TRAIN_PORT
    // The next cycle fetches from the stash, forward for the lanes and backward into windows, of h
    // alone or of what cells keep too; and da, and parameters.
    bool stash_next, to_kept, takes_next, param_next;
    uint16_t window;
    uint32_t outside, cell_outside; // in the stash
    bool store_outside;             // a word of it is formed
#endif
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
           : part == BACK_PART
               ? turns * (TRAIN_RESET ? 4 : 2) +
                     TRAIN_LAYERS * (TRAIN_TURNS + TRAIN_PORT + (TRAIN_CLIP ? 1 : 0)) + update
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
        uint8_t phase = forward ? FORWARD : back ? TRAIN_BACK_FIRST : BIASES;
        uint8_t layer = forward ? 0 : TRAIN_LAYERS - 1;
        uint16_t t = forward ? 0 : t_last;
        uint16_t step_row = forward ? 0 : last_row;     // t * TRAIN_GROUPS
        uint32_t step_place = forward ? 0 : last_place; // t * sequences
        uint16_t n = 0;                                 // turn, or row
        bool cell_forward = false, cell_back = false, cell_gates = false, cell_odd = false;
#if TRAIN_PORT
        bool cell_takes = false;
#endif
        uint16_t cell_step_row = 0, cell_n = 0;
        slots:
        for (uint32_t i = 0; i < count; i++) {
            HLS(pipeline)
            const uint8_t below = layer == 0 ? 0 : (uint8_t)(layer - 1);
            const uint16_t hw = train_hw[layer], bw = train_bw[layer], len = train_len[layer];
            const uint16_t cw = (uint16_t)(hw * TRAIN_NB);
            const bool second = phase == SECOND || phase == SECOND_BACK;
            const uint16_t rows = train_rows[layer];
            const uint16_t row_cycles = rows == 1 ? (uint16_t)(hw + bw) : rows;
            const bool turns = phase <= GRADIENT && phase != LAYER_END;
            const bool group = n < TRAIN_GROUPS;
            const uint16_t turn = group && phase != GRADIENT ? n : 0;
            const bool odd = (t & 1) != 0;
            const uint16_t at = (uint16_t)(step_row + turn);
            const uint16_t cell_at = (uint16_t)(cell_step_row + cell_n);
            slot_t s;
            s.phase = phase;
            s.layer = layer;
            s.hw = hw;
            s.bw = bw;
            s.kw = (uint16_t)(second ? hw : hw + bw);
            s.last_q = (uint16_t)((phase == HEAD   ? TRAIN_HEAD_WORDS
                                   : phase == ROWS ? rows
                                                   : hw) -
                                  1);
            s.leaves = train_leaves[layer];
            const uint16_t first_len = train_first_len[layer];
            const uint16_t columns_len = layer == 0 && n == 0 ? first_len : train_back_len[layer];
            const bool of_cells = phase == SECOND || phase == LAYER_END || phase == FIRST ||
                                  phase == GATES_BACK || (phase == SECOND_BACK && n == 0);
            s.last = (uint16_t)((phase == FORWARD || phase == GRADIENT ? len
                                 : phase == LAYER_END                  ? first_len + TRAIN_PORT_WAIT
                                 : of_cells                            ? first_len
                                 : phase == SECOND_BACK                ? train_h_len[layer]
                                 : phase == COLUMNS                    ? columns_len
#if TRAIN_PORT
                                 : phase == FETCH ? train_fetch_len[layer]
#endif
                                 : phase == KEEP   ? train_keep_len[layer]
                                 : phase == BIASES ? hw * TRAIN_SUMS
                                 : phase == ROWS   ? row_cycles
                                 : phase == HEAD   ? TRAIN_HEAD_WORDS
                                                   : TRAIN_LAYERS) -
                                1);
            s.works = phase == GRADIENT || (turns && group);
            s.first_step = t == 0;
            s.fresh = t == t_last;
            s.weights = train_weight_base[layer];
            s.gradients = TRAIN_CLIP ? train_gradient_base[layer] : 0;
            s.biases = train_bias_base[layer];
            s.columns = (uint16_t)(turn * TRAIN_MAX_HW);
            s.deltas = (odd ? TRAIN_GROUPS : 0u) + turn;
            s.x = (uint32_t)at * TRAIN_XW;
#if TRAIN_PORT
            const bool step_begins = phase == COLUMNS && n == 0;
            // Windows of h: forward those of two steps in turn, backward of the step before and of
            // the layer below.
            s.h_own = (phase == FORWARD && !odd ? TRAIN_WINDOW : 0u) + (uint32_t)turn * hw;
            s.h_below = TRAIN_WINDOW + (uint32_t)turn * bw;
            s.above = train_above_base[below] + (uint32_t)(last_row - step_row + turn) * bw;
            s.fetches = phase == FETCH || (step_begins && t != 0);
            s.last_own = (uint16_t)(TRAIN_GROUPS * hw - 1);
            s.fetches_below = step_begins && layer != 0;
            s.last_below = (uint16_t)(TRAIN_GROUPS * bw - 1);
            s.outside = train_stash_base[layer] +
                        (uint32_t)(step_row - (phase == FETCH ? 0 : TRAIN_GROUPS)) * hw;
            s.outside_below =
                train_stash_base[below] + (uint32_t)(phase == FORWARD ? at : step_row) * bw;
#else
            s.h_own = train_stash_base[layer] + (uint32_t)(t == 0 ? 0 : at - TRAIN_GROUPS) * hw;
            s.h_below = train_stash_base[below] + (uint32_t)at * bw;
            s.above = (uint32_t)at * TRAIN_MAX_HW;
#endif
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
#if TRAIN_PORT
            s.cell_outside = train_stash_base[layer] + (uint32_t)cell_at * hw;
            s.cell_kept = (uint32_t)cell_n * hw;
            s.cell_stash = (cell_forward && cell_odd ? TRAIN_WINDOW : 0u) + s.cell_kept;
            s.cell_above =
                train_above_base[layer] + (uint32_t)(last_row - cell_step_row + cell_n) * hw;
#else
            s.cell_stash = train_stash_base[layer] + (uint32_t)cell_at * hw;
            s.cell_above = (uint32_t)cell_at * TRAIN_MAX_HW;
#endif
            s.cell_state = (uint16_t)(train_state_base[layer] + cell_n * cw);
            s.cell_turn = (uint16_t)(cell_n * (TRAIN_NB * TRAIN_MAX_HW));
            s.cell_rec = (uint16_t)(cell_n * TRAIN_MAX_HW);
            s.cell_deltas = (cell_odd ? TRAIN_GROUPS : 0u) + cell_n;
            cell_forward = (phase == FORWARD || phase == SECOND) && group;
            cell_back =
                (phase == FIRST || phase == GATES_BACK || (phase == GRADIENT && t != 0)) && group;
            cell_gates = TRAIN_RESET && (phase == FORWARD || phase == GATES_BACK) && group;
            cell_odd = odd != (phase == GRADIENT);
            cell_n = group ? n : 0;
            cell_step_row =
                phase == GRADIENT && t != 0 ? (uint16_t)(step_row - TRAIN_GROUPS) : step_row;
            const uint16_t turn_last = phase == HEAD                ? TRAIN_OUTPUTS - 1
                                       : phase == ROWS && rows != 1 ? (uint16_t)(hw + bw - 1)
                                       : turns                      ? TRAIN_TURNS - 1
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
                    layer = (uint8_t)((layer + 1) & (TRAIN_PLACES - 1));
                    t = 0;
                    step_row = 0;
                    step_place = 0;
                    break;
                case FETCH:
                    phase = FIRST;
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
                        phase = TRAIN_CLIP ? KEEP : BIASES;
                    } else {
                        phase = TRAIN_RESET ? SECOND_BACK : COLUMNS;
                        t = (uint16_t)(t - 1);
                        step_row = (uint16_t)(step_row - TRAIN_GROUPS);
                        step_place -= sequences;
                    }
                    break;
                case KEEP:
                    phase = layer == 0 ? BIASES : TRAIN_BACK_FIRST;
                    layer = layer == 0 ? TRAIN_LAYERS - 1 : (uint8_t)(layer - 1);
                    t = t_last;
                    step_row = last_row;
                    step_place = last_place;
                    break;
                case BIASES:
                    phase = ROWS;
                    break;
                case ROWS:
                    phase = layer == 0 ? HEAD : back && !TRAIN_CLIP ? TRAIN_BACK_FIRST : BIASES;
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
#if TRAIN_PORT
            const bool from_head = layer == TRAIN_LAYERS - 1;
            s.cell_takes = cell_takes;
            cell_takes = cell_back && !cell_gates &&
                         (TRAIN_PER_STEP || !from_head || cell_step_row == last_row);
            s.takes_next = cell_takes;
            s.update_next = phase >= BIASES && phase <= HEAD;
#endif
            hls_write(slot_t, slots, s);
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
        uint16_t k = 0, q = 0, n = 0; // k = n * (s.last_q + 1) + q
        uint32_t param = 0;
        // Gradients: the lanes' turn and word; its sums leave, are the first of a step, are held
        // for the update; they are stored, in so many words and one; the place of a word, a row in
        // it.
        uint16_t turn = 0, word = 0, left = 0, pick = 0;
        bool leave = false, begins = false, held = false, fresh = false, store = false;
        uint32_t place = 0;
#if TRAIN_PORT
        bool owns = false, belows = false; // words are left to fetch, from there on
        uint16_t own_at = 0, below_at = 0;
#endif
    words:
        for (uint32_t i = 0; i < cycles; i++) {
            HLS(pipeline II = 1)
            if (first)
                s = hls_read(slot_t, slots);
            word_t w;
            const bool second = s.phase == SECOND || s.phase == SECOND_BACK;
            const bool forwards = s.phase == FORWARD || s.phase == SECOND;
            const bool columns = s.phase == COLUMNS || s.phase == SECOND_BACK;
            const bool gradient = s.phase == GRADIENT, rows = s.phase == ROWS;
            const bool turns = s.phase <= GRADIENT;
            const uint16_t column = gradient ? word : rows ? (uint16_t)(s.row + n) : k;
            const uint16_t of_turn = gradient ? turn : 0; // from the slot's
            // Of the cells, a sequence after the other of each word.
            const uint16_t cell_n = k % TRAIN_NB, cell_q = k / TRAIN_NB;
            const bool cell = cell_q < s.hw;
            const bool in_kw = column < s.kw;
            const bool from_x = column >= s.hw;
            const uint16_t kx = (uint16_t)(column - s.hw); // where it is a column of x
            const bool lanes = s.works && in_kw && of_turn < TRAIN_GROUPS;
            w.phase = (uint8_t)(!lanes     ? LAYER_END
                                : forwards ? FORWARD
                                : columns  ? COLUMNS
                                : gradient ? GRADIENT
                                           : LAYER_END);
            w.second = second;
            w.weighed = lanes && !from_x && (gradient || s.phase == SECOND);
            w.layer = s.phase == SCALES ? (uint8_t)(k & (TRAIN_PLACES - 1)) : s.layer;
            w.first = first;
            w.from_x = from_x;
            w.take_next = s.works && forwards && s.layer == 0 && k + 1 >= s.hw && k + 1 < s.kw;
            w.to_rec = lanes && columns && !from_x;
            w.to_above = lanes && columns && from_x && s.layer != 0;
            w.hread = lanes && (forwards || gradient) &&
                      (from_x ? s.layer != 0 && (gradient || !TRAIN_PORT) : !s.first_step);
            w.weights = (uint16_t)(s.weights + (in_kw ? column : 0));
            w.rec = (uint16_t)(s.columns + of_turn * TRAIN_MAX_HW + (gradient ? word : q));
            w.deltas = s.deltas + of_turn;
            w.q = turns ? cell_q : q;
            w.h = (from_x ? s.h_below + kx : s.h_own + column) +
                  (uint32_t)of_turn * (from_x ? s.bw : s.hw);
            w.x = s.x + (uint32_t)of_turn * TRAIN_XW + (from_x ? kx : 0);
            w.above = s.above + kx;
            w.drop = s.drop + (uint32_t)of_turn * TRAIN_NB * train_below[s.layer] +
                     (uint32_t)kx * TRAIN_LC;
            w.drop_next = train_below[s.layer];
            w.keeps = s.phase == KEEP && n == 0;
            w.squares = TRAIN_CLIP && part == BACK_PART;
            w.row_update = rows;
            w.bias_update = s.phase == BIASES;
            w.head_update = s.phase == HEAD;
            w.scale_update = s.phase == SCALES;
            // q / TRAIN_GATES, of 2^13 rows at most.
            w.unit = (uint16_t)(q * ((1u << 17) / TRAIN_GATES + 1) >> 17);
            w.gate = (uint16_t)(q - w.unit * TRAIN_GATES);
            w.sum = n;
            const bool wrap = q == s.last_q, last_word = column == s.kw - 1;
            const bool picked = rows && (pick == TRAIN_GRADIENT_UNITS * TRAIN_GATES - 1 || wrap);
            // Of the last word of all the update takes what the lanes have.
            const bool takes = !TRAIN_CLIP && rows && last_word;
            w.goes_on = gradient && turn != 0;
            w.leave = leave;
            w.store = store;
            w.add = store || takes;
            w.shift = store || (takes && picked);
            w.fresh = fresh;
            w.pick = pick;
            w.gradients = place;
            place = s.phase == BIASES || (leave && begins) ? s.gradients
                    : store || picked                      ? place + 1
                                                           : place;
            store = leave ? !held : store && left != 0;
            left = (uint16_t)((leave ? s.leaves : left) - 1);
            leave = gradient && lanes && turn == TRAIN_GROUPS - 1;
            begins = word == 0;
            held = !TRAIN_CLIP && s.first_step && last_word;
            if (gradient)
                fresh = s.fresh;
            pick = rows && !picked ? (uint16_t)(pick + 1) : 0;
            word = !gradient ? 0 : turn == TRAIN_TURNS - 1 ? (uint16_t)(word + 1) : word;
            turn = gradient && turn != TRAIN_TURNS - 1 ? (uint16_t)(turn + 1) : 0;
            w.param = param;
            w.head = (uint16_t)(s.row * TRAIN_HEAD_WORDS + k);
            w.cell = cell && (s.cell_forward || s.cell_back);
            w.cell_forward = cell && s.cell_forward;
            w.cell_back = cell && s.cell_back;
            w.cell_gates = cell && s.cell_gates;
            w.cell_first = s.cell_first;
            w.cell_last = s.cell_last;
            w.cell_quiet = s.cell_quiet;
            w.cell_fresh = s.cell_fresh && cell_n == 0;
            w.n = (uint8_t)(cell ? cell_n : 0);
            w.cell_stash = s.cell_stash + cell_q;
#if TRAIN_PORT
            w.cell_kept = s.cell_kept + cell_q;
#else
            w.cell_kept = s.cell_stash * TRAIN_NB + k;
#endif
            w.cell_above = s.cell_above + cell_q;
            w.cell_state = (uint16_t)(s.cell_state + k);
            w.cell_turn = (uint16_t)(s.cell_turn + k);
            w.cell_rec = (uint16_t)(s.cell_rec + cell_q);
            w.cell_deltas = s.cell_deltas;
            w.biases = (uint16_t)(s.biases + w.q);
            const bool last = k == s.last;
#if TRAIN_PORT
            const bool own = owns || (first && s.fetches);
            const bool waits = belows || (first && s.fetches_below), of_below = waits && !own;
            const bool own_last = own_at == s.last_own, below_last = below_at == s.last_below;
            const bool to_lanes =
                s.works && forwards && s.layer != 0 && k + 1 >= s.hw && k + 1 < s.kw;
            w.to_kept = own;
            w.stash_next = to_lanes || own || of_below;
            w.window = (uint16_t)(own ? own_at : TRAIN_WINDOW + below_at);
            w.outside = to_lanes ? s.outside_below + (k + 1u - s.hw)
                        : own    ? s.outside + own_at
                                 : s.outside_below + below_at;
            own_at = own && !own_last ? (uint16_t)(own_at + 1) : 0;
            below_at = of_below && !below_last ? (uint16_t)(below_at + 1) : 0;
            belows = waits && !(of_below && below_last);
            owns = own && !own_last;
            w.cell_outside = s.cell_outside + cell_q;
            w.store_outside = w.cell_forward && !s.cell_gates && cell_n == TRAIN_NB - 1;
            w.takes_next =
                last ? s.takes_next : s.cell_takes && cell_n == TRAIN_NB - 1 && cell_q + 1 < s.hw;
            w.param_next =
                !w.squares && (last ? s.update_next : s.phase >= BIASES && s.phase <= HEAD);
#endif
            hls_write(word_t, words, w);
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
