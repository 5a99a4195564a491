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
                // A loop of its own: of one with the sum hlsc would make LC reads of h_stash.
                for (int c = 0; c < TRAIN_LC; c++) {
                    HLS(unroll)
                    weight[c] = head[o * TRAIN_HEAD_WORDS + k][c];
                    h[c] = 0;
                    if (!last)
                        h[c] = h_stash[TRAIN_TOP_H(t, at) + k][b % TRAIN_NB][c];
                }
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
    int64_t back[TRAIN_LC];
    HLS(array_partition variable = back complete)
    for (int c = 0; c < TRAIN_LC; c++) {
        HLS(unroll)
        back[c] = 0;
    }
derivatives:
    for (uint32_t t = first_step; t < steps; t++) {
        for (uint32_t b = 0; b < TRAIN_BATCH; b++) {
            for (uint32_t k = 0; k < TRAIN_HEAD_CYCLES; k++) {
                for (uint32_t o = 0; o < TRAIN_OUTPUTS; o++) {
                    HLS(pipeline II = 1)
                    const uint32_t row = (t - first_step) * TRAIN_BATCH + b;
                    const uint32_t at = t * TRAIN_GROUPS + b / TRAIN_NB;
                    const int32_t error = errors[row * TRAIN_OUTPUTS + o];
                    const bool unit = k < TRAIN_TOP_HW, word = k < TRAIN_HEAD_WORDS;
                    const uint32_t place = o * TRAIN_HEAD_WORDS + (word ? k : 0);
                    for (int c = 0; c < TRAIN_LC; c++) {
                        HLS(unroll)
                        int16_t h = 0;
                        int64_t old_gradient = 0;
                        if (unit)
                            h = h_stash[TRAIN_TOP_H(t, at) + k][b % TRAIN_NB][c];
                        if (word && row != 0)
                            old_gradient = head_gradient[place][c];
                        const int32_t by = unit ? h : c == 0 ? 32768 : 0; // of the bias: 1
                        if (word)
                            head_gradient[place][c] =
                                hls_wrap(old_gradient + (int64_t)error * by, TRAIN_HEAD_BITS);
                        back[c] = (o == 0 ? 0 : back[c]) +
                                  (int64_t)mr_train_weight(head[place][c]) * error;
                        if (unit && o == TRAIN_OUTPUTS - 1)
                            above[TRAIN_TOP_ABOVE(t, at) + k][b % TRAIN_NB][c] =
                                mr_train_head_gradient(back[c], scale);
                    }
                }
            }
        }
    }
}
