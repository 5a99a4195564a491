// SPDX-License-Identifier: Apache-2.0
// What the parts of an import share: reading (model_import.c), formats of the input
// (import_formats.c), accuracy (import_accuracy.c) and the precision of the layers
// (import_precision.c).
#ifndef MR_MODEL_IMPORT_H
#define MR_MODEL_IMPORT_H

#include "calibrate.h"
#include "model.h"
#include "onnx.h"

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
