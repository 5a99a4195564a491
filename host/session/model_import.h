// SPDX-License-Identifier: Apache-2.0
// What the parts of an import share: reading (model_import.c), formats of the input
// (import_formats.c), accuracy (import_accuracy.c) and the precision of the layers
// (import_precision.c).
#ifndef MR_MODEL_IMPORT_H
#define MR_MODEL_IMPORT_H

#include "calibrate.h"
#include "model.h"
#include "onnx.h"
#include "walk.h"

// Bytes that the file's own operators may take while they compute.
static const size_t mr_import_memory = (size_t)1 << 32;

struct mr_importing {
    const char *path;
    struct mr_onnx *onnx;
    const struct mr_import_options *options; // may be NULL
    struct mr_calibration calibration;
    struct mr_model_data *model;
    // The calibration data as [sequences][steps][inputs], and with its casts done and the network's
    // offsets taken; NULL: there is no such data.
    size_t sequences, steps;
    float *x, *cast;
    // Of a network with an encoder its rows of the same sequences, [sequences][source_steps][inputs
    // of the encoder]; x is what the decoder says to them.
    float *source;
    size_t source_steps;
    struct mr_feature *features; // [inputs]
    // What the outputs should be, one after the other, and for each number of the row that all are
    // how much it moves: [mr_network_width].
    float *expected;
    double *deviation;
    char *error;
    size_t error_size;
};

// Writes a sentence to in->error; -1.
int mr_import_fail(const struct mr_importing *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Tells the caller something.
void mr_import_note(const struct mr_importing *in, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int mr_import_inputs(const struct mr_importing *in);
// Opens a network's file, which is ONNX or JSON by its first bytes. NULL with a sentence in error.
struct mr_onnx *mr_import_open(const char *path, const struct mr_own_cells *own, char *error,
                               size_t error_size);
// Adds the names of the files that it read beside its own to the model's sources. -1 when memory is
// short.
int mr_import_add_files(struct mr_model_data *model, struct mr_onnx *onnx);
// Tells what there is to know of a file that was read.
void mr_import_note_file(const struct mr_importing *in, const struct mr_onnx *onnx);
// Calibration data as [sequences][steps][inputs], of which *x is to be freed.
int mr_import_arrange(struct mr_importing *in, const struct mr_array *calibration, size_t inputs,
                      float **x, size_t *sequences, size_t *steps);

// The network, which is an encoder's, becomes one of that and of the decoder in the file `path`.
int mr_import_decoder(struct mr_importing *in, const char *path, const struct mr_own_cells *own);
// The calibration data of such a network: the encoder's rows, and what the decoder says to them.
int mr_import_source(struct mr_importing *in, const struct mr_array *calibration);
// The encoder's rows for the walkers, as they are given, or rounded.
static inline struct mr_encoded mr_import_encoded(const struct mr_importing *in, const void *x) {
    return (struct mr_encoded){.x = x, .steps = in->source_steps};
}

// The ranges of the features, from all that is known of them.
int mr_import_ranges(struct mr_importing *in);
// Quantises the network, at the precision that its layers have.
int mr_import_quantise(struct mr_importing *in);
// Tells what is odd about the features.
int mr_import_note_features(const struct mr_importing *in);

// Calculates what the outputs should be on the calibration data.
int mr_import_expect(struct mr_importing *in);
// How far the quantised network is from that, into the model.
int mr_import_measure(struct mr_importing *in);
// The RMS error of a number of the row that all outputs are, by its deviation.
double mr_import_relative_error(const struct mr_importing *in, int number);
// Tells of outputs that are not accurate, or fails.
int mr_import_judge(const struct mr_importing *in);

// Gives the layers the precision that is wanted, quantises, and measures where there is calibration
// data, which `auto` needs.
int mr_import_precision(struct mr_importing *in);

#endif
