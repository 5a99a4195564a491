// SPDX-License-Identifier: Apache-2.0
// The head of a training engine, behind the forward part: outputs, errors, and where it learns, the
// head's gradients and dh of the last layer. A part of the process in engine.h, included within it.
// Rows are of the last step or of all, group after group.
const uint32_t first_step = TRAIN_PER_STEP ? 0 : steps - 1u;
int64_t total = 0;
#if TRAIN_LOSS == TRAIN_CE
int32_t most = 0;
#endif
outputs : for (uint32_t t = first_step; t < steps; t++) {
    for (uint32_t b = 0; b < TRAIN_BATCH; b++) {
        for (uint32_t o = 0; o < TRAIN_OUTPUTS; o++) {
            for (uint32_t k = 0; k < TRAIN_HEAD_WORDS; k++) {
                HLS(pipeline II = 1)
                const bool last = k == TRAIN_TOP_HW;
                const uint32_t at = t * TRAIN_GROUPS + b / TRAIN_NB;
                const uint32_t row = (t - first_step) * TRAIN_BATCH + b;
                int32_t weight[TRAIN_LC];
                int16_t h[TRAIN_LC];
#if TRAIN_PORT
                const bool fetches = !last && o == 0 && b % TRAIN_NB == 0;
                if (fetches)
                    of_top = hls_fetch(stash_t, stash, TRAIN_TOP_H(at) + k);
#endif
                // A loop of its own: of one with the sum hlsc would make LC reads of h_stash.
                for (int c = 0; c < TRAIN_LC; c++) {
                    HLS(unroll)
                    weight[c] = head[o * TRAIN_HEAD_WORDS + k][c];
                    h[c] = 0;
                    if (!last)
#if TRAIN_PORT
                        h[c] = fetches ? of_top.h[0][c] : top_h[k][b % TRAIN_NB][c];
#else
                        h[c] = h_stash[TRAIN_TOP_H(at) + k][b % TRAIN_NB][c];
#endif
                }
#if TRAIN_PORT
                for (int n = 0; n < TRAIN_NB; n++) {
                    HLS(unroll)
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        if (fetches)
                            top_h[k][n][c] = of_top.h[n][c];
                    }
                }
#endif
                int64_t sum = 0;
                for (int c = 0; c < TRAIN_LC; c++) {
                    HLS(unroll)
                    sum += mr_train_weight(weight[c]) * h[c];
                }
                const int32_t bias_of = weight[0];
                total = (k == 0 ? 0 : total) + sum;
                if (last) {
                    const int32_t out = mr_train_output(total, bias_of);
                    hls_write(int32_t, y, out);
#if TRAIN_LOSS == TRAIN_CE
                    most = o == 0 || out > most ? out : most;
                    errors[row * TRAIN_OUTPUTS + o] = out;
                    greatest[row] = most;
#else
                    int32_t want = 0;
                    if (learn)
                        want = hls_read(int32_t, target);
                    const int32_t value = TRAIN_LOSS == TRAIN_BCE ? mr_train_probability(out) : out;
                    const int32_t error = mr_train_error(value, (int32_t)hls_wrap(want, 24));
                    errors[row * TRAIN_OUTPUTS + o] = b < sequences ? error : 0;
#endif
                }
            }
        }
    }
}
#if TRAIN_LOSS == TRAIN_CE
if (learn) {
    uint64_t all = 0;
terms:
    for (uint32_t row = 0; row < TRAIN_HEAD_ROWS(steps); row++) {
        for (uint32_t o = 0; o < TRAIN_OUTPUTS; o++) {
            HLS(pipeline II = 1)
            HLS(dependence variable = errors type = inter direction = RAW distance = 4096 assert)
            const uint32_t term = mr_train_term(greatest[row], errors[row * TRAIN_OUTPUTS + o]);
            errors[row * TRAIN_OUTPUTS + o] = (int32_t)term;
            all = (o == 0 ? 0 : all) + mr_train_term_q40(term);
            terms[row] = all;
        }
    }
    uint16_t class_of = 0;
shares:
    for (uint32_t t = first_step; t < steps; t++) {
        for (uint32_t b = 0; b < TRAIN_BATCH; b++) {
            for (uint32_t o = 0; o < TRAIN_OUTPUTS; o++) {
                HLS(pipeline II = 1)
                HLS(dependence variable = errors type = inter direction = RAW distance =
                        4096 assert)
                const uint32_t row = (t - first_step) * TRAIN_BATCH + b;
                if (o == 0)
                    class_of = (uint16_t)hls_read(int32_t, target);
                const uint32_t term = (uint32_t)errors[row * TRAIN_OUTPUTS + o];
                const int32_t share = mr_train_share(term, mr_reciprocal_of(terms[row], 16));
                const int32_t error = share - (o == class_of ? 1 << 20 : 0);
                errors[row * TRAIN_OUTPUTS + o] = b < sequences ? error : 0;
            }
        }
    }
}
#endif
if (learn) {
    const int32_t scale = state_scale[TRAIN_LAYERS - 1];
    int64_t back[TRAIN_NB][TRAIN_LC], of_group[TRAIN_LC];
    HLS(array_partition variable = back complete dim = 0)
    HLS(array_partition variable = of_group complete)
    for (int c = 0; c < TRAIN_LC; c++) {
        HLS(unroll)
        of_group[c] = 0;
        for (int n = 0; n < TRAIN_NB; n++) {
            HLS(unroll)
            back[n][c] = 0;
        }
    }
derivatives:
    for (uint32_t t = first_step; t < steps; t++) {
        for (uint32_t group = 0; group < TRAIN_GROUPS; group++) {
            for (uint32_t k = 0; k < TRAIN_HEAD_CYCLES; k++) {
                for (uint32_t i = 0; i < TRAIN_OUTPUTS * TRAIN_NB; i++) {
                    HLS(pipeline II = 1)
                    const uint32_t o = i / TRAIN_NB, n = i % TRAIN_NB;
                    const uint32_t row = (t - first_step) * TRAIN_BATCH + group * TRAIN_NB + n;
                    const uint32_t at = t * TRAIN_GROUPS + group;
                    const int32_t error = errors[row * TRAIN_OUTPUTS + o];
                    const bool unit = k < TRAIN_TOP_HW, word = k < TRAIN_HEAD_WORDS;
                    const bool last = n == TRAIN_NB - 1;
                    const uint32_t place = o * TRAIN_HEAD_WORDS + (word ? k : 0);
#if TRAIN_PORT
                    if (unit && o == 0 && n == 0)
                        of_top = hls_fetch(stash_t, stash, TRAIN_TOP_H(at) + k);
#endif
                    int16_t h[TRAIN_LC];
                    int64_t of_weight[TRAIN_LC];
                    // Loops of their own, as above.
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        h[c] = 0;
                        if (unit)
#if TRAIN_PORT
                            h[c] = of_top.h[n][c];
#else
                            h[c] = h_stash[TRAIN_TOP_H(at) + k][n][c];
#endif
                    }
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        int64_t old_gradient = 0;
                        if (word && last && row >= TRAIN_NB)
                            old_gradient = head_gradient[place][c];
                        const int32_t by = unit ? h[c] : c == 0 ? 32768 : 0; // of the bias: 1
                        of_group[c] = (n == 0 ? 0 : of_group[c]) + (int64_t)error * by;
                        if (word && last)
                            head_gradient[place][c] =
                                hls_wrap(old_gradient + of_group[c], TRAIN_HEAD_BITS);
                        of_weight[c] = (int64_t)mr_train_weight(head[place][c]) * error;
                    }
                    for (uint32_t m = 0; m < TRAIN_NB; m++) {
                        HLS(unroll)
                        for (int c = 0; c < TRAIN_LC; c++) {
                            HLS(unroll)
                            back[m][c] =
                                (n == m && o == 0 ? 0 : back[m][c]) + (n == m ? of_weight[c] : 0);
                        }
                    }
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        const int32_t derivative = mr_train_head_gradient(back[n][c], scale);
#if TRAIN_PORT
                        for (uint32_t m = 0; m < TRAIN_NB; m++) {
                            HLS(unroll)
                            if (n == m)
                                to_top.v[m][c] = derivative;
                        }
#else
                        if (unit && o == TRAIN_OUTPUTS - 1)
                            above[at * TRAIN_MAX_HW + k][n][c] = derivative;
#endif
                    }
#if TRAIN_PORT
                    if (unit && o == TRAIN_OUTPUTS - 1 && last)
                        hls_store(above_t, passed,
                                  (steps - 1 - t) * TRAIN_SEEN(1) + group * TRAIN_TOP_HW + k,
                                  to_top);
#endif
                }
            }
        }
    }
}
