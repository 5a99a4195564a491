// SPDX-License-Identifier: Apache-2.0
// The layers that cells_test.c compares: of every cell some sizes, lanes, precisions and orders of
// the columns, as the C of the kernels, which a test program takes in as a network's source does.
#ifndef CELLS_LAYERS_H
#define CELLS_LAYERS_H

#include <stdint.h>
#include <string.h>

// The probes of the layer that ran last.
static const uint64_t *probe_cut, *probe_past;
static void note_probe(const char *name, const uint64_t *address) {
    *(strcmp(name, "cut") ? &probe_past : &probe_cut) = address;
}
#define HLS_ON_PROBE(process, name, address) note_probe(name, address)

#include "frame/words.h"
#include "mr_command.h"

#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-label"

MR_VECTOR(1)
MR_VECTOR(2)
MR_VECTOR(3)
MR_VECTOR(5)
MR_VECTOR(17)

// A layer's call with the FIFOs of any type of vector.
#define CALL(name, LC)                                                                             \
    static void name##_call(struct ports *p, uint32_t command, uint32_t steps, uint32_t total,     \
                            uint32_t flags) {                                                      \
        hls_stream(beat_t) weights = {p->weights};                                                 \
        hls_stream(vec##LC##_t) x = {p->x}, h = {p->h};                                            \
        hls_stream(unit_state_t) state = {p->state};                                               \
        name(&weights, &x, &h, &state, command, steps, total, flags);                              \
        *p = (struct ports){weights.fifo, x.fifo, h.fifo, state.fifo};                             \
    }

struct ports {
    struct hls_fifo weights, x, h, state;
};

#include "cells/gru.h"
#include "cells/gru_reset_first.h"
#include "cells/lstm.h"
#include "cells/lstm_peephole.h"
#include "cells/rnn.h"

#define LAYER lstm_14x9_2
#define LAYER_CELL lstm
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_CELL_EXPONENT 2
#include "frame/layer.h"
CALL(lstm_14x9_2, 2)
#define LAYER lstm_30x5_1
#define LAYER_CELL lstm
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 5
#define LAYER_LC 1
#define LAYER_CELL_EXPONENT 16
#include "frame/layer.h"
CALL(lstm_30x5_1, 1)
#define LAYER gru_3x9_2
#define LAYER_CELL gru
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(gru_3x9_2, 2)
#define LAYER gru_30x7_1
#define LAYER_CELL gru
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 7
#define LAYER_LC 1
#include "frame/layer.h"
CALL(gru_30x7_1, 1)
#define LAYER gru_14x13_5
#define LAYER_CELL gru
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 13
#define LAYER_LC 5
#include "frame/layer.h"
CALL(gru_14x13_5, 5)
#define LAYER gru_1x1_1
#define LAYER_CELL gru
#define LAYER_INPUTS 1
#define LAYER_HIDDEN 1
#define LAYER_LC 1
#include "frame/layer.h"
CALL(gru_1x1_1, 1)
#define LAYER gru_reset_first_3x9_2
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(gru_reset_first_3x9_2, 2)
#define LAYER gru_reset_first_40x7_1
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 40
#define LAYER_HIDDEN 7
#define LAYER_LC 1
#include "frame/layer.h"
CALL(gru_reset_first_40x7_1, 1)
#define LAYER gru_reset_first_14x13_5
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 13
#define LAYER_LC 5
#include "frame/layer.h"
CALL(gru_reset_first_14x13_5, 5)
#define LAYER gru_reset_first_16x15_3
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 16
#define LAYER_HIDDEN 15
#define LAYER_LC 3
#include "frame/layer.h"
CALL(gru_reset_first_16x15_3, 3)
#define LAYER rnn_tanh_14x9_2
#define LAYER_CELL rnn_tanh
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(rnn_tanh_14x9_2, 2)
#define LAYER rnn_tanh_3x5_5
#define LAYER_CELL rnn_tanh
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 5
#define LAYER_LC 5
#include "frame/layer.h"
CALL(rnn_tanh_3x5_5, 5)
#define LAYER rnn_relu_14x9_2
#define LAYER_CELL rnn_relu
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#include "frame/layer.h"
CALL(rnn_relu_14x9_2, 2)
#define LAYER rnn_relu_30x7_1
#define LAYER_CELL rnn_relu
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 7
#define LAYER_LC 1
#include "frame/layer.h"
CALL(rnn_relu_30x7_1, 1)
#define LAYER lstm_14x9_2_w8a8
#define LAYER_CELL lstm
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_CELL_EXPONENT 1
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(lstm_14x9_2_w8a8, 2)
#define LAYER lstm_9x18_17_w8a8
#define LAYER_CELL lstm
#define LAYER_INPUTS 9
#define LAYER_HIDDEN 18
#define LAYER_LC 17
#define LAYER_CELL_EXPONENT 2
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(lstm_9x18_17_w8a8, 17)
#define LAYER lstm_30x5_1_w8a16
#define LAYER_CELL lstm
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 5
#define LAYER_LC 1
#define LAYER_WEIGHT_BITS 8
#include "frame/layer.h"
CALL(lstm_30x5_1_w8a16, 1)
#define LAYER gru_3x9_2_w8a8
#define LAYER_CELL gru
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(gru_3x9_2_w8a8, 2)
#define LAYER gru_14x13_5_w8a16
#define LAYER_CELL gru
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 13
#define LAYER_LC 5
#define LAYER_WEIGHT_BITS 8
#include "frame/layer.h"
CALL(gru_14x13_5_w8a16, 5)
#define LAYER gru_reset_first_3x9_2_w8a8
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(gru_reset_first_3x9_2_w8a8, 2)
#define LAYER gru_reset_first_16x15_3_w8a16
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 16
#define LAYER_HIDDEN 15
#define LAYER_LC 3
#define LAYER_WEIGHT_BITS 8
#include "frame/layer.h"
CALL(gru_reset_first_16x15_3_w8a16, 3)
#define LAYER gru_reset_first_14x13_5_w8a8
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 13
#define LAYER_LC 5
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(gru_reset_first_14x13_5_w8a8, 5)
#define LAYER rnn_tanh_3x5_5_w8a8
#define LAYER_CELL rnn_tanh
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 5
#define LAYER_LC 5
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(rnn_tanh_3x5_5_w8a8, 5)
#define LAYER rnn_relu_14x9_2_w8a8
#define LAYER_CELL rnn_relu
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(rnn_relu_14x9_2_w8a8, 2)
#define LAYER lstm_14x9_2_h
#define LAYER_CELL lstm
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_H_FIRST 1
#define LAYER_CELL_EXPONENT 2
#include "frame/layer.h"
CALL(lstm_14x9_2_h, 2)
#define LAYER lstm_2x18_1_h_w8a8
#define LAYER_CELL lstm
#define LAYER_INPUTS 2
#define LAYER_HIDDEN 18
#define LAYER_LC 1
#define LAYER_H_FIRST 1
#define LAYER_CELL_EXPONENT 1
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(lstm_2x18_1_h_w8a8, 1)
#define LAYER gru_14x13_5_h
#define LAYER_CELL gru
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 13
#define LAYER_LC 5
#define LAYER_H_FIRST 1
#include "frame/layer.h"
CALL(gru_14x13_5_h, 5)
#define LAYER gru_30x7_1_h_w8a8
#define LAYER_CELL gru
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 7
#define LAYER_LC 1
#define LAYER_H_FIRST 1
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(gru_30x7_1_h_w8a8, 1)
#define LAYER gru_reset_first_16x15_3_h
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 16
#define LAYER_HIDDEN 15
#define LAYER_LC 3
#define LAYER_H_FIRST 1
#include "frame/layer.h"
CALL(gru_reset_first_16x15_3_h, 3)
#define LAYER rnn_relu_14x9_2_h_w8a8
#define LAYER_CELL rnn_relu
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_H_FIRST 1
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(rnn_relu_14x9_2_h_w8a8, 2)

#define LAYER lstm_peephole_14x9_2
#define LAYER_CELL lstm_peephole
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_CELL_EXPONENT 2
#define LAYER_CONSTANT_FRAC 12
#include "frame/layer.h"
CALL(lstm_peephole_14x9_2, 2)
#define LAYER lstm_peephole_30x5_1_w8a16
#define LAYER_CELL lstm_peephole
#define LAYER_INPUTS 30
#define LAYER_HIDDEN 5
#define LAYER_LC 1
#define LAYER_CELL_EXPONENT 16
#define LAYER_CONSTANT_FRAC 0
#define LAYER_WEIGHT_BITS 8
#include "frame/layer.h"
CALL(lstm_peephole_30x5_1_w8a16, 1)
#define LAYER lstm_peephole_9x18_17_h_w8a8
#define LAYER_CELL lstm_peephole
#define LAYER_INPUTS 9
#define LAYER_HIDDEN 18
#define LAYER_LC 17
#define LAYER_H_FIRST 1
#define LAYER_CONSTANT_FRAC 30
#define LAYER_WEIGHT_BITS 8
#define LAYER_COLUMN_BITS 8
#include "frame/layer.h"
CALL(lstm_peephole_9x18_17_h_w8a8, 17)

// Activations without an end, whose formats are narrow enough to cut.
#define RELU_OF(frac) mr_place_with(MR_RELU, frac, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#define LAYER lstm_relu_14x9_2
#define LAYER_CELL lstm
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_CELL_EXPONENT 2
#define LAYER_GATE mr_own_place(MR_SIGMOID)
#define LAYER_G RELU_OF(12)
#define LAYER_H RELU_OF(9)
#define LAYER_LATENCY 24
#define LAYER_COUNTS 1
#include "frame/layer.h"
CALL(lstm_relu_14x9_2, 2)
#define LAYER gru_relu_14x9_2
#define LAYER_CELL gru
#define LAYER_INPUTS 14
#define LAYER_HIDDEN 9
#define LAYER_LC 2
#define LAYER_GATE RELU_OF(13)
#define LAYER_G RELU_OF(11)
#define LAYER_H mr_own_place(MR_TANH)
#define LAYER_LATENCY 24
#define LAYER_COUNTS 1
#include "frame/layer.h"
CALL(gru_relu_14x9_2, 2)

#endif
