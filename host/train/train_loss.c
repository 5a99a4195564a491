// SPDX-License-Identifier: Apache-2.0
// Losses and their gradients (train_loss.h).
#include "train_loss.h"

#include <math.h>

// log(1 + exp(x)) without overflow.
static double softplus(double x) {
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double squashed(const struct mr_train_chain *chain, double sum, double *slope) {
    switch (chain->activation) {
    case MR_ACTIVATION_SIGMOID: {
        const double y = 1 / (1 + exp(-sum));
        *slope = y * (1 - y);
        return y;
    }
    case MR_ACTIVATION_TANH: {
        const double y = tanh(sum);
        *slope = 1 - y * y;
        return y;
    }
    default:
        *slope = 1;
        return sum;
    }
}

static double cross_entropy(const struct mr_train_chain *chain, float *out, size_t pitch,
                            size_t label, double weight) {
    double top = out[0], sum = 0;

    for (int o = 1; o < chain->outputs; o++)
        top = fmax(top, out[(size_t)o * pitch]);
    for (int o = 0; o < chain->outputs; o++)
        sum += exp(out[(size_t)o * pitch] - top);
    const double loss = top + log(sum) - out[label * pitch];
    for (size_t o = 0; o < (size_t)chain->outputs; o++)
        out[o * pitch] = (float)(weight * (exp(out[o * pitch] - top) / sum - (o == label)));
    return weight * loss;
}

double mr_train_loss_row(const struct mr_train_chain *chain, enum mr_train_loss loss, float *out,
                         size_t pitch, const float *y, double weight) {
    double all = 0;

    if (loss == MR_TRAIN_CE)
        return cross_entropy(chain, out, pitch, (size_t)y[0], weight);
    for (int o = 0; o < chain->outputs; o++) {
        float *at = out + (size_t)o * pitch;
        const double sum = *at;
        if (loss == MR_TRAIN_BCE) {
            all += softplus(sum) - y[o] * sum;
            *at = (float)(weight * (1 / (1 + exp(-sum)) - y[o]));
        } else {
            double slope;
            const double error = squashed(chain, sum, &slope) - y[o];
            all += error * error;
            *at = (float)(weight * 2 * error * slope);
        }
    }
    return weight * all;
}

// -log p, of a p that may have been rounded to 0.
static double surprise(double p) {
    return -log(fmax(p, 1e-12));
}

double mr_train_loss_given(const struct mr_train_chain *chain, enum mr_train_loss loss,
                           const float *out, const float *y) {
    double all = 0;

    if (loss == MR_TRAIN_CE) {
        double sum = 0, top = out[0];
        if (chain->softmax)
            return surprise(out[(size_t)y[0]]);
        for (int o = 1; o < chain->outputs; o++)
            top = fmax(top, out[o]);
        for (int o = 0; o < chain->outputs; o++)
            sum += exp(out[o] - top);
        return top + log(sum) - out[(size_t)y[0]];
    }
    for (int o = 0; o < chain->outputs; o++) {
        const double given = out[o], due = y[o];
        if (loss == MR_TRAIN_MSE)
            all += (given - due) * (given - due);
        else if (chain->activation == MR_ACTIVATION_SIGMOID)
            all += due * surprise(given) + (1 - due) * surprise(1 - given);
        else
            all += softplus(given) - due * given;
    }
    return all;
}
