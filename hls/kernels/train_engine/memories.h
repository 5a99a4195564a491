// SPDX-License-Identifier: Apache-2.0
// What a training engine keeps from cycle to cycle and from run to run: a part of the process in
// engine.h, included within it.
// Of the lanes: row (unit, gate), column. In block RAM the last words may lie in LUTs, and the last
// units in UltraRAM.
static int16_t w[TRAIN_OVER(TRAIN_KW)][TRAIN_MAX_UNITS][TRAIN_GATES][TRAIN_LC];
HLS(array_partition variable = w dim = 2 complete)
HLS(array_partition variable = w dim = 3 complete)
HLS(array_partition variable = w dim = 4 complete)
HLS(bind_storage variable = w impl = TRAIN_W_MEMORY)
#if TRAIN_W_LAST_FROM
HLS(bind_storage variable = w impl = lutram dim = 1 from = TRAIN_W_LAST_FROM)
#endif
#if TRAIN_W_REST_FROM
HLS(bind_storage variable = w impl = uram dim = 2 from = TRAIN_W_REST_FROM)
#endif
// Products, in the phase of gradients their sums over a step; these sums as they leave the lanes.
static int64_t step_sum[TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_GATES][TRAIN_LC];
HLS(array_partition variable = step_sum complete dim = 0)
static int64_t leaving[TRAIN_MAX_UNITS][TRAIN_GATES][TRAIN_LC];
HLS(array_partition variable = leaving complete dim = 0)
static int64_t gradient[TRAIN_GRADIENT_WORDS][TRAIN_GRADIENT_UNITS][TRAIN_GATES][TRAIN_LC];
HLS(array_partition variable = gradient dim = 2 complete)
HLS(array_partition variable = gradient dim = 3 complete)
HLS(array_partition variable = gradient dim = 4 complete)
static int64_t acc[TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_GATES];
HLS(array_partition variable = acc complete dim = 0)
#if TRAIN_SPLIT
static int64_t over_h[TRAIN_NB][TRAIN_MAX_UNITS];
HLS(array_partition variable = over_h complete dim = 0)
#endif
static int64_t passing[TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_SUMS];
HLS(array_partition variable = passing complete dim = 0)
// Deltas of the lanes' step and, as the cells form them, of that before, which are read of a turn
// at once.
static int16_t deltas[2 * TRAIN_GROUPS][TRAIN_NB][TRAIN_MAX_UNITS][TRAIN_SUMS];
HLS(array_partition variable = deltas dim = 2 complete)
HLS(array_partition variable = deltas dim = 3 complete)
HLS(array_partition variable = deltas dim = 4 complete)
HLS(bind_storage variable = deltas impl = lutram)
// The stash; with TRAIN_PORT the windows of it that are on the chip.
static int16_t x_stash[TRAIN_STEPS * TRAIN_GROUPS * TRAIN_XW][TRAIN_NB][TRAIN_LC];
HLS(array_partition variable = x_stash dim = 2 complete)
HLS(array_partition variable = x_stash dim = 3 complete)
static int16_t h_stash[TRAIN_H_WORDS][TRAIN_NB][TRAIN_LC];
HLS(array_partition variable = h_stash dim = 2 complete)
HLS(array_partition variable = h_stash dim = 3 complete)
static uint16_t kept[TRAIN_KEPT_WORDS][TRAIN_KEPT_NB][TRAIN_LC][TRAIN_KEPT];
HLS(array_partition variable = kept dim = 2 complete)
HLS(array_partition variable = kept dim = 3 complete)
HLS(array_partition variable = kept dim = 4 complete)
#if TRAIN_PORT
// A word of the stash as the cells form it, and of what comes from above, sequence after sequence.
static stash_t stored;
static above_t from_layer;
// For the head: a word of the stash, those of a group, and of what goes down from it.
static stash_t of_top;
static int16_t top_h[TRAIN_TOP_HW][TRAIN_NB][TRAIN_LC];
HLS(array_partition variable = top_h dim = 2 complete)
HLS(array_partition variable = top_h dim = 3 complete)
HLS(bind_storage variable = top_h impl = lutram)
static above_t to_top;
#endif
// dh: of all steps from the layer above, and of a step from the next one; states.
#if !TRAIN_PORT
static int32_t above[TRAIN_OF_ABOVE][TRAIN_NB][TRAIN_LC];
HLS(array_partition variable = above dim = 2 complete)
HLS(array_partition variable = above dim = 3 complete)
#endif
static int32_t rec[TRAIN_GROUPS * TRAIN_MAX_HW][TRAIN_NB][TRAIN_LC];
HLS(array_partition variable = rec dim = 2 complete)
HLS(array_partition variable = rec dim = 3 complete)
#if TRAIN_HAS_STATE
static int16_t state[TRAIN_OVER(TRAIN_STATES)][TRAIN_LC];
HLS(array_partition variable = state dim = 2 complete)
static int32_t before[TRAIN_BATCH * TRAIN_MAX_HW][TRAIN_LC];
HLS(array_partition variable = before dim = 2 complete)
#endif
#if TRAIN_RESET
// Of a step: columns of the last gate, and its sums over x until those over these columns come.
static int16_t weighed[TRAIN_GROUPS * TRAIN_MAX_HW][TRAIN_NB][TRAIN_LC];
HLS(array_partition variable = weighed dim = 2 complete)
HLS(array_partition variable = weighed dim = 3 complete)
static int64_t over_x[TRAIN_BATCH * TRAIN_MAX_HW][TRAIN_LC];
HLS(array_partition variable = over_x dim = 2 complete)
#endif
// Biases and the head.
static int32_t bias[TRAIN_OVER(TRAIN_HW)][TRAIN_LC][TRAIN_SUMS];
HLS(array_partition variable = bias dim = 2 complete)
HLS(array_partition variable = bias dim = 3 complete)
static int64_t bias_gradient[TRAIN_MAX_HW][TRAIN_LC][TRAIN_SUMS]; // of one layer
HLS(array_partition variable = bias_gradient complete dim = 0)
#if TRAIN_CLIP
static int64_t bias_gradients[TRAIN_OVER(TRAIN_HW)][TRAIN_LC][TRAIN_SUMS]; // of all
HLS(array_partition variable = bias_gradients dim = 2 complete)
HLS(array_partition variable = bias_gradients dim = 3 complete)
HLS(bind_storage variable = bias_gradients impl = lutram)
static uint64_t squares; // of gradients, Q40, added up
#endif
static int32_t head[TRAIN_OUTPUTS * TRAIN_HEAD_WORDS][TRAIN_LC];
HLS(array_partition variable = head dim = 2 complete)
HLS(bind_storage variable = head impl = lutram)
static int64_t head_gradient[TRAIN_OUTPUTS * TRAIN_HEAD_WORDS][TRAIN_LC];
HLS(array_partition variable = head_gradient dim = 2 complete)
HLS(bind_storage variable = head_gradient impl = lutram)
// Of a row and output its error; of a softmax before that the output, and its term.
static int32_t errors[TRAIN_HEAD_ROWS(TRAIN_STEPS) * TRAIN_OUTPUTS];
#if !TRAIN_PER_STEP
HLS(bind_storage variable = errors impl = lutram)
#endif
#if TRAIN_LOSS == TRAIN_CE
static int32_t greatest[TRAIN_HEAD_ROWS(TRAIN_STEPS)]; // output of a row
static uint64_t terms[TRAIN_HEAD_ROWS(TRAIN_STEPS)];   // of a row, added up
#endif
#if !TRAIN_PORT
// All parameters, as the optimiser has them.
static int32_t master[TRAIN_PARAM_WORDS][TRAIN_LC];
HLS(array_partition variable = master dim = 2 complete)
static uint32_t moment[TRAIN_PARAM_WORDS][TRAIN_LC];
HLS(array_partition variable = moment dim = 2 complete)
static uint32_t square[TRAIN_PARAM_WORDS][TRAIN_LC];
HLS(array_partition variable = square dim = 2 complete)
#endif
// Of each layer: scales, what was seen of a batch, and the shifts that follow.
static int32_t state_scale[TRAIN_PLACES], delta_scale[TRAIN_PLACES];
HLS(array_partition variable = state_scale complete)
HLS(array_partition variable = delta_scale complete)
static uint32_t seen_state[TRAIN_PLACES];
HLS(array_partition variable = seen_state complete)
static uint32_t seen_delta[TRAIN_PLACES];
HLS(array_partition variable = seen_delta complete)
// Settings.
static uint8_t x_unit, y_unit, drop_unit;
static uint32_t keep, factor;
#if TRAIN_CLIP
static uint32_t clip;
#endif
