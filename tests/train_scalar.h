// SPDX-License-Identifier: Apache-2.0
// A mini-batch of integer training, one sequence, one step and one unit after the other: what the
// lanes of a training engine are compared with. Cells and rounding are those of hls/kernels/train.
#ifndef TRAIN_SCALAR_H
#define TRAIN_SCALAR_H

#pragma GCC diagnostic ignored "-Wunknown-pragmas"

#include "train/gru.h"
#include "train/loss.h"
#include "train/lstm.h"
#include "train/rnn.h"
#include "train/update.h"

#include <stdlib.h>
#include <string.h>

enum scalar_cell { SCALAR_LSTM, SCALAR_GRU, SCALAR_RNN };
static const int scalar_gates[] = {4, 3, 1}, scalar_sums[] = {4, 4, 1};

struct scalar_param {
    int32_t w;
    uint32_t m, v;
};

// Weights of layer l: [units][gates][below + units], x first; biases [units][sums]; of the head
// [outputs][units + 1], the bias last.
struct scalar_net {
    enum scalar_cell cell;
    int layers, width[5], outputs, batch, steps;
    int x_unit, y_unit; // x counts 2^(x_unit - 15), y 2^(y_unit - 20)
    struct scalar_param *weight[4], *bias[4], *head;
    int32_t state_scale[4], delta_scale[4];
    int16_t *h[4], *state[4]; // [batch][steps + 1][units]
    void *kept[4];            // [batch][steps][units]
    int32_t *above, *next;    // dh of a layer and of the one below: [batch][steps][units]
    int64_t *gradient;        // of a layer, or of the head
    int64_t *bias_gradient;   // of a layer
    int32_t *y;               // [batch][outputs]
};

static inline size_t scalar_columns(const struct scalar_net *n, int l) {
    return (size_t)(n->width[l] + n->width[l + 1]);
}
static inline size_t scalar_weights(const struct scalar_net *n, int l) {
    return (size_t)(n->width[l + 1] * scalar_gates[n->cell]) * scalar_columns(n, l);
}
static inline size_t scalar_biases(const struct scalar_net *n, int l) {
    return (size_t)(n->width[l + 1] * scalar_sums[n->cell]);
}
static inline size_t scalar_head(const struct scalar_net *n) {
    return (size_t)(n->outputs * (n->width[n->layers] + 1));
}

static inline void *scalar_room(size_t count, size_t size) {
    void *room = calloc(count, size);
    if (!room)
        abort();
    return room;
}

static inline void scalar_open(struct scalar_net *n) {
    size_t most = scalar_head(n), units = 0;
    for (int l = 0; l < n->layers; l++) {
        const size_t wide = (size_t)n->width[l + 1], b = (size_t)n->batch, t = (size_t)n->steps;
        n->weight[l] = scalar_room(scalar_weights(n, l), sizeof *n->weight[l]);
        n->bias[l] = scalar_room(scalar_biases(n, l), sizeof *n->bias[l]);
        n->h[l] = scalar_room(b * (t + 1) * wide, 2);
        n->state[l] = scalar_room(b * (t + 1) * wide, 2);
        n->kept[l] = scalar_room(b * t * wide, sizeof(gru_kept_t) + sizeof(lstm_kept_t));
        most = scalar_weights(n, l) > most ? scalar_weights(n, l) : most;
        units = wide > units ? wide : units;
    }
    n->head = scalar_room(scalar_head(n), sizeof *n->head);
    n->above = scalar_room((size_t)(n->batch * n->steps) * units, 4);
    n->next = scalar_room((size_t)(n->batch * n->steps) * units, 4);
    n->gradient = scalar_room(most, 8);
    n->bias_gradient = scalar_room(units * 4, 8);
    n->y = scalar_room((size_t)(n->batch * n->outputs), 4);
}

static inline void scalar_close(struct scalar_net *n) {
    for (int l = 0; l < n->layers; l++) {
        free(n->weight[l]);
        free(n->bias[l]);
        free(n->h[l]);
        free(n->state[l]);
        free(n->kept[l]);
    }
    free(n->head);
    free(n->above);
    free(n->next);
    free(n->gradient);
    free(n->bias_gradient);
    free(n->y);
}

// A column of layer l at step t, x first. x: [steps][batch][inputs].
static inline int32_t scalar_column(const struct scalar_net *n, const int16_t *x, int l, int b,
                                    int t, int k) {
    const int wide = n->width[l + 1], below = n->width[l];
    if (k >= below)
        return n->h[l][(b * (n->steps + 1) + t) * wide + k - below];
    return l ? n->h[l - 1][(b * (n->steps + 1) + t + 1) * below + k]
             : x[(t * n->batch + b) * below + k];
}

// Outputs; x as above.
static inline void scalar_predict(struct scalar_net *n, const int16_t *x, int steps) {
    const int gates = scalar_gates[n->cell], sums = scalar_sums[n->cell];
    for (int l = 0; l < n->layers; l++)
        for (int b = 0; b < n->batch; b++)
            for (int t = 0; t < steps; t++)
                for (int u = 0; u < n->width[l + 1]; u++) {
                    const int wide = n->width[l + 1];
                    int64_t sum[4] = {0};
                    int32_t bias[4] = {0};
                    for (int g = 0; g < gates; g++)
                        for (int k = 0; k < n->width[l] + wide; k++)
                            sum[g + (g + 1 == gates && k >= n->width[l] ? sums - gates : 0)] +=
                                (int64_t)mr_train_weight(
                                    n->weight[l][(size_t)(u * gates + g) * scalar_columns(n, l) +
                                                 (size_t)k]
                                        .w) *
                                scalar_column(n, x, l, b, t, k);
                    for (int s = 0; s < sums; s++)
                        bias[s] = n->bias[l][u * sums + s].w;
                    const int at = (b * (n->steps + 1) + t) * wide + u;
                    const int kept = (b * n->steps + t) * wide + u;
                    int16_t *h = &n->h[l][at + wide], *state = &n->state[l][at + wide];
                    if (n->cell == SCALAR_LSTM)
                        ((lstm_kept_t *)n->kept[l])[kept] =
                            lstm_train_forward(sum, bias, n->state[l][at], state, h);
                    else if (n->cell == SCALAR_GRU)
                        ((gru_kept_t *)n->kept[l])[kept] =
                            gru_train_forward(sum, bias, n->h[l][at], h);
                    else
                        *h = rnn_train_forward(sum[0], bias[0]);
                }
    const int top = n->width[n->layers];
    for (int b = 0; b < n->batch; b++)
        for (int o = 0; o < n->outputs; o++) {
            int64_t sum = 0;
            for (int k = 0; k < top; k++)
                sum += (int64_t)mr_train_weight(n->head[o * (top + 1) + k].w) *
                       n->h[n->layers - 1][(b * (n->steps + 1) + steps) * top + k];
            n->y[b * n->outputs + o] = mr_train_output(sum, n->head[o * (top + 1) + top].w);
        }
}

static inline void scalar_update(struct scalar_param *p, train_rule_t rule, int64_t gradient,
                                 int32_t exponent, int32_t unit, bool bias) {
    rule.l2 = bias ? 0 : rule.l2;
    p->w = mr_train_update(rule, gradient, exponent, unit, p->w, &p->m, &p->v);
}

static inline void scalar_back_layer(struct scalar_net *n, const int16_t *x, int steps, int l,
                                     uint32_t *seen_state, uint32_t *seen_delta) {
    const int gates = scalar_gates[n->cell], sums = scalar_sums[n->cell];
    const int wide = n->width[l + 1], below = n->width[l];
    const size_t columns = scalar_columns(n, l);
    const uint32_t shift = mr_train_cell_shift(n->state_scale[l], n->delta_scale[l]);
    memset(n->gradient, 0, scalar_weights(n, l) * 8);
    memset(n->bias_gradient, 0, scalar_biases(n, l) * 8);
    int32_t *rec = scalar_room((size_t)wide, 4), *before = scalar_room((size_t)wide, 4);
    int16_t *delta = scalar_room((size_t)(wide * sums), 2);
    for (int b = 0; b < n->batch; b++) {
        memset(rec, 0, (size_t)wide * 4);
        memset(before, 0, (size_t)wide * 4);
        for (int t = steps - 1; t >= 0; t--) {
            for (int u = 0; u < wide; u++) {
                const int kept = (b * n->steps + t) * wide + u;
                const int at = (b * (n->steps + 1) + t + 1) * wide + u;
                const int32_t dh = n->above[kept] + rec[u];
                const train_back_t back =
                    n->cell == SCALAR_LSTM  ? lstm_train_backward(((lstm_kept_t *)n->kept[l])[kept],
                                                                  lstm_train_squash(n->state[l][at]),
                                                                  dh, before[u], shift)
                    : n->cell == SCALAR_GRU ? gru_train_backward(((gru_kept_t *)n->kept[l])[kept],
                                                                 dh + before[u], shift)
                                            : rnn_train_backward(n->h[l][at], dh, shift);
                before[u] = back.before;
                *seen_state |= back.seen_state;
                *seen_delta |= back.seen_delta;
                for (int s = 0; s < sums; s++) {
                    delta[u * sums + s] = back.delta[s];
                    n->bias_gradient[u * sums + s] += back.delta[s];
                }
            }
            for (int k = 0; k < below + wide; k++) {
                const int32_t v = scalar_column(n, x, l, b, t, k);
                int64_t sum = 0;
                for (int r = 0; r < wide * gates; r++) {
                    const int u = r / gates, g = r % gates;
                    const int s = g + (g + 1 == gates && k >= below ? sums - gates : 0);
                    const int32_t d = delta[u * sums + s];
                    sum +=
                        (int64_t)mr_train_weight(n->weight[l][(size_t)r * columns + (size_t)k].w) *
                        d;
                    n->gradient[(size_t)r * columns + (size_t)k] += (int64_t)d * v;
                }
                if (k >= below)
                    rec[k - below] = mr_train_gradient(
                        sum, mr_train_shift(n->delta_scale[l], n->state_scale[l]));
                else if (l)
                    n->next[(b * n->steps + t) * below + k] = mr_train_gradient(
                        sum, mr_train_shift(n->delta_scale[l], n->state_scale[l - 1]));
            }
        }
    }
    free(rec);
    free(before);
    free(delta);
}

// Of x, and targets (Q20, as y): the outputs before, and new parameters.
static inline void scalar_train(struct scalar_net *n, const int16_t *x, const int32_t *target,
                                int steps, train_rule_t rule) {
    const int top = n->width[n->layers], last = n->layers - 1;
    uint32_t seen_state[4] = {0};
    uint32_t seen_delta[4] = {0};
    scalar_predict(n, x, steps);
    int64_t *head = scalar_room(scalar_head(n), 8);
    memset(n->above, 0, (size_t)(n->batch * n->steps * top) * 4);
    for (int b = 0; b < n->batch; b++)
        for (int k = 0; k <= top; k++) {
            int64_t sum = 0;
            for (int o = 0; o < n->outputs; o++) {
                const int32_t error =
                    mr_train_error(n->y[b * n->outputs + o], target[b * n->outputs + o]);
                const int at = o * (top + 1) + k;
                head[at] +=
                    k == top ? error
                             : (int64_t)error * n->h[last][(b * (n->steps + 1) + steps) * top + k];
                sum += (int64_t)mr_train_weight(n->head[at].w) * error;
            }
            if (k < top)
                n->above[(b * n->steps + steps - 1) * top + k] =
                    mr_train_head_gradient(sum, n->state_scale[last]);
        }
    for (int l = last; l >= 0; l--) {
        scalar_back_layer(n, x, steps, l, &seen_state[l], &seen_delta[l]);
        for (size_t i = 0; i < scalar_weights(n, l); i++) {
            const int from_x =
                l == 0 && (int)(i % scalar_columns(n, l)) < n->width[0] ? n->x_unit : 0;
            scalar_update(&n->weight[l][i], rule, n->gradient[i],
                          2 * n->y_unit - n->delta_scale[l] - 15 + from_x, -from_x, false);
        }
        for (size_t i = 0; i < scalar_biases(n, l); i++)
            scalar_update(&n->bias[l][i], rule, n->bias_gradient[i],
                          2 * n->y_unit - n->delta_scale[l], 0, true);
        int32_t *swap = n->above;
        n->above = n->next;
        n->next = swap;
    }
    for (size_t i = 0; i < scalar_head(n); i++) {
        const bool bias = (int)(i % (size_t)(top + 1)) == top;
        scalar_update(&n->head[i], rule, head[i], n->y_unit - (bias ? 20 : 35), n->y_unit, bias);
    }
    free(head);
    int32_t limit = 31;
    for (int l = last; l >= 0; l--) {
        n->state_scale[l] = mr_next_state_scale(n->state_scale[l], seen_state[l], limit);
        n->delta_scale[l] =
            mr_next_delta_scale(n->delta_scale[l], seen_delta[l], &n->state_scale[l]);
        limit = n->delta_scale[l] + 11;
    }
}

#endif
