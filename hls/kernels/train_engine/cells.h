// SPDX-License-Identifier: Apache-2.0
// The cells of a training engine, LC units a cycle, a turn behind the lanes: forward functions,
// deltas, and the sums of the biases' gradients. A part of the loop in engine.h, included within
// it.
uint32_t batch_state = 0;
uint32_t batch_delta = 0;
int64_t bias_sum[TRAIN_LC];
int16_t formed_delta[TRAIN_LC][TRAIN_SUMS];
const uint32_t cell_shift = (uint32_t)train_of_layer(shift_cell, layer);
for (int e = 0; e < TRAIN_LC; e++) {
    HLS(unroll)
    int64_t sum[TRAIN_SUMS];
    int32_t b[TRAIN_SUMS];
    uint16_t back_kept[TRAIN_KEPT], fore_kept[TRAIN_KEPT];
    for (int g = 0; g < TRAIN_SUMS; g++) {
        HLS(unroll)
        sum[g] = now[e][g];
        b[g] = 0;
        if (s.cell_forward)
            b[g] = bias[s.biases][e][g];
    }
    for (int g = 0; g < TRAIN_KEPT; g++) {
        HLS(unroll)
        back_kept[g] = 0;
        if (TRAIN_RESET ? s.cell : s.cell_back)
            back_kept[g] = kept[s.cell_kept][s.n % TRAIN_KEPT_NB][e][g];
    }
    int16_t old_state = 0, next_state = 0;
    int32_t from_above = 0, after = 0, old_before = 0;
    if (s.cell_back && !s.cell_quiet)
#if TRAIN_PORT
        from_above = from_layer.v[s.n][e];
#else
        from_above = above[s.cell_above][s.n][e];
#endif
    if (s.cell_back && !s.cell_last)
        after = rec[s.cell_rec][s.n][e];
#if TRAIN_HAS_STATE
    if (s.cell && !(s.cell_forward && s.cell_first))
        old_state = state[s.cell_state][e];
    if (s.cell_back && !s.cell_last)
        old_before = before[s.cell_turn][e];
#endif
#if TRAIN_RESET
    // The last gate's sum over x waits for that over the columns that the first one weighs.
    uint16_t gate_kept[TRAIN_KEPT], at_hand[TRAIN_KEPT];
    int64_t waited = 0;
    if (s.cell_forward && !s.cell_gates)
        waited = over_x[s.cell_turn][e];
    if (s.cell_forward && s.cell_gates)
        over_x[s.cell_turn][e] = sum[TRAIN_SUMS - 1];
    sum[TRAIN_SUMS - 1] = hls_wrap(sum[TRAIN_SUMS - 1] + waited, TRAIN_SUM_BITS);
    TRAIN_OF_CELL(_engine_gates)(sum, b, old_state, gate_kept);
    for (int g = 0; g < TRAIN_KEPT; g++) {
        HLS(unroll)
        fore_kept[g] = back_kept[g];
        at_hand[g] = s.cell_forward ? gate_kept[g] : back_kept[g];
    }
    if (s.cell_gates)
        weighed[s.cell_rec][s.n][e] = TRAIN_OF_CELL(_engine_column)(at_hand);
#endif
    const int16_t h = TRAIN_OF_CELL(_engine_forward)(sum, b, old_state, fore_kept, &next_state);
    train_back_t back = TRAIN_OF_CELL(_engine_backward)(back_kept, old_state, from_above + after,
                                                        old_before, cell_shift);
#if TRAIN_RESET
    for (int g = 0; g < TRAIN_KEPT; g++) {
        HLS(unroll)
        fore_kept[g] = s.cell_gates ? gate_kept[g] : fore_kept[g];
    }
    const train_back_t of_gate =
        TRAIN_OF_CELL(_engine_reset)(back_kept, after, old_before, cell_shift);
    back.delta[0] = of_gate.delta[0];
    if (s.cell_gates) {
        back.before = of_gate.before;
        back.seen_state = 0;
        back.seen_delta = of_gate.seen_delta;
    }
#endif
#if TRAIN_HAS_STATE
    if (s.cell && !s.cell_gates)
        state[s.cell_state][e] =
            s.cell_forward ? next_state : TRAIN_OF_CELL(_engine_state)(back_kept);
    if (s.cell_back)
        before[s.cell_turn][e] = back.before;
#endif
#if TRAIN_PORT
    for (int n = 0; n < TRAIN_NB; n++) {
        HLS(unroll)
        if (s.n == n)
            stored.h[n][e] = h;
        for (int g = 0; g < TRAIN_KEPT; g++) {
            HLS(unroll)
            if (s.n == n)
                stored.kept[n][e][g] = fore_kept[g];
        }
    }
#else
    if (s.cell_forward && !s.cell_gates)
        h_stash[s.cell_stash][s.n][e] = h;
    if (s.cell_forward) {
        for (int g = 0; g < TRAIN_KEPT; g++) {
            HLS(unroll)
            kept[s.cell_kept][0][e][g] = fore_kept[g];
        }
    }
#endif
    batch_state |= back.seen_state;
    batch_delta |= back.seen_delta;
    int64_t picked = 0;
    for (int g = 0; g < TRAIN_SUMS; g++) {
        HLS(unroll)
        const bool formed = s.cell_back && (!TRAIN_RESET || s.cell_gates == (g == 0));
        formed_delta[e][g] = back.delta[g];
        for (int q = 0; q < TRAIN_MAX_HW; q++) {
            HLS(unroll)
            picked |= s.q == q && s.sum == g ? bias_gradient[q][e][g] : 0;
            const bool mine = formed && s.q == q;
            bias_gradient[q][e][g] = hls_wrap((mine && s.cell_fresh ? 0 : bias_gradient[q][e][g]) +
                                                  (mine ? back.delta[g] : 0),
                                              40);
        }
    }
    bias_sum[e] = picked;
}
#if TRAIN_PORT
for (int e = 0; e < TRAIN_LC; e++) {
    HLS(unroll)
    for (int n = 0; n < TRAIN_NB; n++) {
        HLS(unroll)
        if (fills || (s.cell_forward && !s.cell_gates && s.n == n))
            h_stash[fills ? fills_at : s.cell_stash][n][e] =
                fills ? fetched.h[n][e] : stored.h[n][e];
        for (int g = 0; g < TRAIN_KEPT; g++) {
            HLS(unroll)
            if (fills_kept || (TRAIN_RESET && s.cell_forward && s.cell_gates && s.n == n))
                kept[fills_kept ? fills_at : s.cell_kept][n][e][g] =
                    fills_kept ? fetched.kept[n][e][g] : stored.kept[n][e][g];
        }
    }
}
#endif
for (int n = 0; n < TRAIN_NB; n++) {
    HLS(unroll)
    for (int u = 0; u < TRAIN_MAX_UNITS; u++) {
        HLS(unroll)
        for (int g = 0; g < TRAIN_SUMS; g++) {
            HLS(unroll)
            const bool formed = s.cell_back && (!TRAIN_RESET || s.cell_gates == (g == 0));
            if (formed && s.n == n && s.q == TRAIN_WORD_OF(u))
                deltas[s.cell_deltas][n][u][g] = formed_delta[u - TRAIN_LC * TRAIN_WORD_OF(u)][g];
        }
    }
}
#if TRAIN_CLIP
for (int e = 0; e < TRAIN_LC; e++) {
    HLS(unroll)
    int64_t picked = 0;
    for (int g = 0; g < TRAIN_SUMS; g++) {
        HLS(unroll)
        int64_t mine = 0;
        for (int q = 0; q < TRAIN_MAX_HW; q++) {
            HLS(unroll)
            mine |= s.q == q ? bias_gradient[q][e][g] : 0;
        }
        if (s.keeps)
            bias_gradients[s.biases][e][g] = mine;
        else if (s.bias_update)
            picked |= s.sum == g ? bias_gradients[s.biases][e][g] : 0;
    }
    bias_sum[e] = picked;
}
#endif
for (int i = 0; i < TRAIN_PLACES; i++) {
    HLS(unroll)
    if (s.cell_back && layer == i) {
        seen_state[i] |= batch_state;
        seen_delta[i] |= batch_delta;
    }
}
