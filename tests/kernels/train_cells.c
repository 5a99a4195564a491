// SPDX-License-Identifier: Apache-2.0
// The arithmetic of training, a unit in each cycle: forward and backward functions of all cells,
// heads, dropout and the update.
#include "train/dropout.h"
#include "train/gru.h"
#include "train/gru_reset_first.h"
#include "train/loss.h"
#include "train/lstm.h"
#include "train/rnn.h"
#include "train/update.h"

typedef struct {
    int64_t sum[4];
    int32_t bias[4];
    int16_t h, cell;
    int32_t dh, dc;
} unit_t;

typedef struct {
    int16_t h, cell;
    int16_t kept[5];
    int16_t delta[4];
    int32_t before;
    uint32_t seen_state;
    uint32_t seen_delta;
} done_t;

typedef struct {
    int64_t gradient;
    int32_t w;
    uint32_t m, v;
} parameter_t;

typedef struct {
    int32_t w;
    uint32_t m, v;
    uint64_t square;
    uint32_t clip;
} updated_t;

HLS_STREAM_OF(unit_t)
HLS_STREAM_OF(done_t)
HLS_STREAM_OF(parameter_t)
HLS_STREAM_OF(updated_t)
HLS_STREAM_OF(int32_t)

// What layers see to: sums below 2^47, biases of 24 bits, dh of 26, dc of 24.
#define TAKE(u)                                                                                    \
    int64_t sum[4];                                                                                \
    int32_t bias[4];                                                                               \
    for (int g = 0; g < 4; g++) {                                                                  \
        HLS(unroll)                                                                                \
        sum[g] = hls_wrap((u).sum[g], 47) >> ((u).cell & 31);                                      \
        bias[g] = (int32_t)hls_wrap((u).bias[g], 24);                                              \
    }                                                                                              \
    const int32_t dh = (int32_t)hls_wrap((u).dh, 26), dc = (int32_t)hls_wrap((u).dc, 24)

#define GIVE(out, back)                                                                            \
    for (int g = 0; g < 4; g++) {                                                                  \
        HLS(unroll)                                                                                \
        (out).delta[g] = (back).delta[g];                                                          \
    }                                                                                              \
    (out).before = (back).before;                                                                  \
    (out).seen_state = (back).seen_state;                                                          \
    (out).seen_delta = (back).seen_delta

static void lstm(hls_stream(unit_t) * in, hls_stream(done_t) * out, uint32_t n, uint8_t shift) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const unit_t u = hls_read(unit_t, in);
        TAKE(u);
        done_t d = {0};
        const lstm_kept_t kept = lstm_train_forward(sum, bias, u.cell, &d.cell, &d.h);
        const train_back_t back =
            lstm_train_backward(kept, lstm_train_squash(d.cell), dh, dc, (shift & 31) + 1);
        d.kept[0] = (int16_t)kept.i;
        d.kept[1] = (int16_t)kept.f;
        d.kept[2] = kept.g;
        d.kept[3] = (int16_t)kept.o;
        d.kept[4] = kept.cell;
        GIVE(d, back);
        hls_write(done_t, out, d);
    }
}

static void gru(hls_stream(unit_t) * in, hls_stream(done_t) * out, uint32_t n, uint8_t shift) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const unit_t u = hls_read(unit_t, in);
        TAKE(u);
        done_t d = {0};
        const gru_kept_t kept = gru_train_forward(sum, bias, u.h, &d.h);
        const train_back_t back = gru_train_backward(kept, dh, (shift & 31) + 1);
        d.cell = (int16_t)dc;
        d.kept[0] = (int16_t)kept.r;
        d.kept[1] = (int16_t)kept.z;
        d.kept[2] = kept.n;
        d.kept[3] = kept.over;
        d.kept[4] = kept.h;
        GIVE(d, back);
        hls_write(done_t, out, d);
    }
}

static void gru_reset_first(hls_stream(unit_t) * in, hls_stream(done_t) * out, uint32_t n,
                            uint8_t shift) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const unit_t u = hls_read(unit_t, in);
        TAKE(u);
        done_t d = {0};
        gru_reset_first_kept_t kept;
        int64_t sums[3];
        int32_t biases[3];
        for (int g = 0; g < 3; g++) {
            HLS(unroll)
            sums[g] = sum[g];
            biases[g] = bias[g];
        }
        d.kept[4] = gru_reset_first_train_gates(sums, biases, u.h, &kept);
        d.h = gru_reset_first_train_forward(sum[2], bias[2], &kept);
        const train_back_t some = gru_reset_first_train_backward(kept, dh, (shift & 31) + 1);
        const train_back_t back = gru_reset_first_train_reset(kept, some, dc, (shift & 31) + 1);
        d.kept[0] = (int16_t)kept.r;
        d.kept[1] = (int16_t)kept.z;
        d.kept[2] = kept.n;
        d.kept[3] = kept.h;
        GIVE(d, back);
        hls_write(done_t, out, d);
    }
}

static void rnn(hls_stream(unit_t) * in, hls_stream(done_t) * out, uint32_t n, uint8_t shift) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const unit_t u = hls_read(unit_t, in);
        TAKE(u);
        done_t d = {0};
        d.h = rnn_train_forward(sum[0], bias[0]);
        const train_back_t back = rnn_train_backward(d.h, dh, (shift & 31) + 1);
        d.cell = (int16_t)dc;
        d.kept[0] = (int16_t)(sum[1] + sum[2] + sum[3]);
        GIVE(d, back);
        hls_write(done_t, out, d);
    }
}

// Numbers of the rule: exponents around 0, that few are too great or too small for a weight.
static uint32_t near_one(uint32_t packed) {
    return (packed & 0x7fff) | (100 + (packed >> 15 & 31)) << 15;
}

static void update(hls_stream(parameter_t) * in, hls_stream(updated_t) * out, uint32_t n, bool adam,
                   uint32_t l2, uint32_t rate, int8_t unit) {
    train_rule_t rule;
    rule.scale = near_one(rate >> 3);
    rule.l2 = l2 & 1 ? 0 : near_one(l2);
    rule.keep_m = 0x3eb333;
    rule.take_m = 0x3d4ccd;
    rule.keep_v = 0x3eff7c;
    rule.take_v = 0x3a0400;
    rule.floor = l2 & 2 ? 0 : near_one(l2 >> 5);
    rule.rate = near_one(rate);
    rule.adam = adam;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const parameter_t p = hls_read(parameter_t, in);
        const int64_t gradient = hls_wrap(p.gradient, 47);
        const int32_t exponent = (int32_t)hls_wrap(p.w >> 24, 8);
        updated_t u;
        u.m = p.m & 0xffffff;
        u.v = p.v & 0x7fffff;
        u.w = mr_train_update(rule, gradient, exponent, (int32_t)(unit & 7) - 4,
                              (int32_t)hls_wrap(p.w, 24), &u.m, &u.v);
        u.square = mr_train_square(rule, gradient, exponent);
        u.clip = mr_train_clip(u.square | (uint64_t)p.v << 20, rule.rate, rule.scale);
        hls_write(updated_t, out, u);
    }
}

// Heads, dropout and scales.
static void rest(hls_stream(unit_t) * in, hls_stream(int32_t) * out, uint32_t n, uint64_t key,
                 uint32_t keep) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const unit_t u = hls_read(unit_t, in);
        TAKE(u);
        const int32_t output = mr_train_output(sum[0], bias[0]);
        const int32_t target = (int32_t)hls_wrap(u.dc, 24);
        const int32_t e = mr_train_error(mr_train_probability(output), target);
        const int32_t f = mr_train_error(output, target);
        const uint32_t term = mr_train_term(output < bias[1] ? bias[1] : output, output);
        const reciprocal_t reciprocal =
            mr_reciprocal_of(((uint64_t)1 << 40) + mr_train_term_q40(term), 4);
        const int32_t share = mr_train_share(term, reciprocal);
        const int32_t dh_head = mr_train_head_gradient(sum[1], (int32_t)(keep & 31));
        const int32_t gradient = mr_train_gradient(sum[2], mr_train_shift(dc >> 18, dh >> 20));
        const bool kept = mr_train_keeps(i, key, keep & 0xffff);
        const int32_t dropped = mr_train_dropped(u.h, kept, 65536 - (keep & 0x7fff)) ^
                                mr_train_dropped_back(dc, kept, 65536 - (keep & 0x7fff));
        int32_t state = mr_next_state_scale(bias[3] & 63, (uint32_t)u.dh, 31);
        const int32_t delta = mr_next_delta_scale(bias[2] & 63, (uint32_t)u.sum[0], &state);
        hls_write(int32_t, out,
                  (e ^ f ^ share ^ dh_head ^ gradient ^ dropped) + state * 64 + delta);
    }
}

void train_cells(hls_stream(unit_t) * lstm_in, hls_stream(done_t) * lstm_out,
                 hls_stream(unit_t) * gru_in, hls_stream(done_t) * gru_out,
                 hls_stream(unit_t) * first_in, hls_stream(done_t) * first_out,
                 hls_stream(unit_t) * rnn_in, hls_stream(done_t) * rnn_out,
                 hls_stream(parameter_t) * update_in, hls_stream(updated_t) * update_out,
                 hls_stream(unit_t) * rest_in, hls_stream(int32_t) * rest_out, uint32_t n,
                 uint8_t shift, bool adam, uint32_t l2, uint32_t rate, int8_t unit, uint64_t key,
                 uint32_t keep) {
    HLS(dataflow)
    lstm(lstm_in, lstm_out, n, shift);
    gru(gru_in, gru_out, n, shift);
    gru_reset_first(first_in, first_out, n, shift);
    rnn(rnn_in, rnn_out, n, shift);
    update(update_in, update_out, n, adam, l2, rate, unit);
    rest(rest_in, rest_out, n, key, keep);
}
