// SPDX-License-Identifier: Apache-2.0
// What the files of the float32 trainer share (float32.c).
//
// A mini-batch is cut into slices of 16 sequences. In a slice a row is one number of each sequence,
// 16 floats side by side, so that all that happens to the numbers of a unit is done to 16 of them
// at once, whatever the widths of the layers. A slice goes forward and backward on one thread and
// has a gradient of its own; these are added in the order of the slices, so that the number of
// threads changes no bit.
#ifndef MR_FLOAT32_PARTS_H
#define MR_FLOAT32_PARTS_H

#include "train_chain.h"
#include "trainer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MR_SLICE = 16 }; // sequences of a slice, floats of a row

// A matrix as the products read it: tiles of so many rows, column by column, (tiles, columns,
// tile), with 0 behind the last row.
struct mr_panel {
    int rows, columns, tile, tiles;
    float *data;
};

// Columns of a panel and the rows that they are multiplied by.
struct mr_product {
    const struct mr_panel *panel;
    int first, count; // columns of the panel
    const float *v;   // (count, 16)
};

// What a cell works on at one step; rows, each (units, 16).
struct mr_cell_rows {
    int units;
    float *sums;         // (sums * units, 16) sums, then gates, then gradients of the sums
    float *c, *tanh_c;   // of an LSTM
    const float *c_last; // of the step before
    float *h;
    const float *h_last;
    float *gated; // of a GRU that resets first: r h, or going backward its gradient
    float *dh; // the gradient of h from the next step; then the part of that before that needs no
               // product
    const float *up; // that from above, or NULL
    float *dc;       // of c, from the next step
};

// What a step of the optimiser does to each weight w with gradient g: g is scale * g + l2 * w; then
// of Adam m and v move to g and its square, and w by rate * m / (sqrt(v * second) + epsilon), rate
// having the correction of m's start; of SGD m is momentum * m + g, and w moves by rate * m.
struct mr_update {
    float scale, l2, rate, momentum, beta1, beta2, second, epsilon;
};

// The arithmetic, compiled for several kinds of processors (float32_kernels.h).
struct mr_float32_kernels {
    const char *name;
    int most_rows;  // of a tile
    int steps_rows; // of a tile of multiply_steps

    // out: (rows, 16) = bias (rows), or what is there where it is NULL, and the products, whose
    // panels have as many rows.
    void (*multiply)(const struct mr_product *products, int count, const float *bias, float *out);
    // out: (rows, 16) at each step, = bias (rows), or 0 where it is NULL, and the whole panel,
    // whose tiles are of steps_rows, times v: (columns, 16) at each step. The steps lie v_step and
    // out_step floats apart.
    void (*multiply_steps)(const struct mr_panel *panel, const float *v, size_t v_step,
                           const float *bias, float *out, size_t out_step, size_t steps);
    // gradient: (rows, columns), a row every `pitch`: sums over steps and sequences of a times b.
    //   a: (rows, 16) at each step, the next one `a_step` floats behind it; b: columns alike
    void (*outer)(const float *a, size_t a_step, int rows, const float *b, size_t b_step,
                  int columns, size_t steps, float *gradient, size_t pitch);
    // sums: (rows) of all that a has.
    void (*total)(const float *a, size_t a_step, int rows, size_t steps, float *sums);

    void (*lstm_forward)(const struct mr_cell_rows *rows);
    void (*lstm_backward)(const struct mr_cell_rows *rows);
    void (*gru_forward)(const struct mr_cell_rows *rows);
    void (*gru_backward)(const struct mr_cell_rows *rows);
    // The gates r and z and r h; then n and h. Backward: gradients of z and n; then, from that of
    // r h, of r.
    void (*reset_gates)(const struct mr_cell_rows *rows);
    void (*reset_forward)(const struct mr_cell_rows *rows);
    void (*reset_backward)(const struct mr_cell_rows *rows);
    void (*reset_gates_backward)(const struct mr_cell_rows *rows);
    void (*tanh_forward)(const struct mr_cell_rows *rows);
    void (*tanh_backward)(const struct mr_cell_rows *rows);
    void (*relu_forward)(const struct mr_cell_rows *rows);
    void (*relu_backward)(const struct mr_cell_rows *rows);
    // In place.
    void (*sigmoid)(float *rows, int count);
    void (*tanh)(float *rows, int count);
    void (*exp)(float *rows, int count);
    // out = in, but 0 where a number that is drawn from key and place is below `below`, and else
    // multiplied. place: of the first number of rows that lie one behind the other.
    void (*drop)(const float *in, float *out, int count, uint32_t key, uint32_t place,
                 uint32_t below, float factor);

    double (*square_sum)(const float *list, size_t count);
    // sum += other
    void (*add)(float *sum, const float *other, size_t count);
    void (*adam)(const struct mr_update *update, const float *gradient, float *w, float *m,
                 float *v, size_t count);
    void (*sgd)(const struct mr_update *update, const float *gradient, float *w, float *m,
                size_t count);
};

extern const struct mr_float32_kernels mr_float32_plain, mr_float32_avx2, mr_float32_avx512;
// Those that this processor has, from 0, the fastest first; NULL behind the last one.
const struct mr_float32_kernels *mr_float32_kernels(int index);

// Where a layer's or the head's weights are in the list of all.
struct mr_span {
    size_t w_x, w_h, bias;
};

struct mr_float32_layer {
    struct mr_train_layer shape;
    struct mr_span at;
    // Over x, forward and backward, which is done for several steps at a time: (gates * units,
    // inputs), (inputs, gates * units).
    struct mr_panel x, x_back;
    // Over h, forward by groups of rows that are summed at one time, of GRUs r and z, then n, of
    // others all; and backward: (units, gates * units).
    int groups;
    struct mr_panel h[2], h_back;
};

// The network as the slices see it; only the weights change.
struct mr_float32_net {
    const struct mr_float32_kernels *kernels;
    struct mr_train_chain chain;
    struct mr_float32_layer layers[MR_MAX_LAYERS];
    struct mr_span head_at;
    struct mr_panel head, head_back;
    size_t count; // weights and biases
    float *w;     // [count]
    enum mr_train_loss loss;
    double dropout;
    uint64_t seed;
};

// Room for the weights of a chain, panels and all: -1 when memory is short; free in either case.
int mr_float32_net_create(struct mr_float32_net *net, const struct mr_train_chain *chain,
                          const struct mr_float32_kernels *kernels);
void mr_float32_net_free(struct mr_float32_net *net);
// Fills the panels from the weights.
void mr_float32_net_pack(struct mr_float32_net *net);

// What a thread keeps of the slice that it works on.
struct mr_slice_layer {
    float *in;                     // (steps, inputs, 16): what it reads; for the steps see stride
    float *sums;                   // (steps, sums * units, 16)
    float *c, *tanh_c, *h, *gated; // (steps, units, 16), those that its cell has
    float *up;                     // (steps, units, 16): the gradient from above
};

struct mr_slice {
    size_t steps; // room for so many
    void *memory;
    struct mr_slice_layer layers[MR_MAX_LAYERS];
    float *x;       // (steps, inputs, 16)
    float *out;     // (rows, outputs, 16): what the head gives
    float *dh, *dc; // (units, 16)
    float *zero;    // (units, 16)
};

// Room for sequences of so many steps, going backward too: -1 when memory is short.
int mr_slice_reserve(struct mr_slice *slice, const struct mr_float32_net *net, size_t steps);
void mr_slice_free(struct mr_slice *slice);

// A slice's part of a mini-batch.
struct mr_slice_work {
    const float *x, *y; // of its first sequence
    size_t sequences, steps;
    float *predicted; // (sequences, rows, outputs), or NULL
    // Of a step of training:
    uint64_t step;   // from 0
    size_t first;    // its first sequence in the batch
    double weight;   // by which the loss of each number, or row, is multiplied
    double loss;     // the sum of these
    float *gradient; // [count], all of it is written; NULL: forward only
};
void mr_slice_run(const struct mr_float32_net *net, struct mr_slice *slice,
                  struct mr_slice_work *work);

#endif
