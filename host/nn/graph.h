// SPDX-License-Identifier: Apache-2.0
// A trained network: a graph of operators and the streams between them. This is the one description
// of what a network is; float and integer walkers, the model file, planner, generator, images and
// reports all walk it.
//
// Operators stand in the order of the data: what an operator reads was given by the network's input
// or by an operator before it. Most read one stream, some join two. A stream is a row of numbers
// that comes once per step or once per sequence; several operators may read it.
//
// A network may have an encoder's part, with an input of its own, that runs alone: what it gives
// per sequence is the state from which recurrent operators of the other part, which decodes, go on.
// Which part a stream or an operator belongs to follows from the input that it comes from.
//
// A row that comes once per sequence may be repeated for a decoder that goes on in the same run: at
// each of so many steps as the sequence has, or at a number of its own. What comes from there is a
// stream per step again. Such a row may also be the state from which a recurrent operator of the
// same run starts each sequence: it follows those that give the row.
#ifndef MR_GRAPH_H
#define MR_GRAPH_H

#include "array_layout.h"
#include "formats.h"
#include "precision.h"
#include "rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What every part of the program takes at most.
enum {
    MR_MAX_LAYERS = 64,   // recurrent operators
    MR_MAX_WIDTH = 16384, // numbers of a row, units of an operator
    MR_MAX_OPS = 128,     // operators
    MR_MAX_STREAMS = MR_MAX_OPS + 2,
    MR_MAX_ENTRIES = 32768, // rows of a table: their number is a signed number of 16 bits
    MR_MAX_OUTPUTS = 8,     // outputs of the network
    // Steps of a sequence that an operator that reverses has room for: where nothing is said, and
    // at most.
    MR_MOST_STEPS = 512,
    MR_MOST_STEPS_BITS = 20,
    MR_MOST_STEPS_LIMIT = 1 << MR_MOST_STEPS_BITS,
    MR_MOST_OWN_STEPS = 1 << 14, // at which a row is repeated, where that is a number of its own
    MR_MAX_STARTS = 4096,        // states that sequences of a run start from
    MR_NAME = 32                 // letters of an operator's name, with the end
};

enum mr_rate { MR_PER_STEP, MR_PER_SEQUENCE };

struct mr_stream {
    int writer; // operator, or -1: an input of the network
    int width;
    enum mr_rate rate;
    // Per step: of each sequence so many, or 0: as many as the input's. What repeats a row gives 0
    // as it is added; the caller may set another number before another operator reads the stream.
    int steps;
    int bits;      // of an integer: 16 in vectors for operators, else 32
    int32_t *frac; // [width] a number is its integer * 2^-frac; NULL before mr_quantise
    bool uniform;  // all its numbers have one format, for a reader asks for that
    bool encodes;  // it is of the encoder's part
    // The magnitude that its format is to hold with as much head-room again, as calibration asks
    // for it where the narrowest lanes that take its numbers have this precision; 0 without
    // calibration.
    double greatest[MR_PRECISIONS];
};

// By the numbers of the kernels.
enum mr_activation {
    MR_ACTIVATION_LINEAR = MR_LINEAR,
    MR_ACTIVATION_SIGMOID = MR_SIGMOID,
    MR_ACTIVATION_TANH = MR_TANH,
    MR_ACTIVATION_RELU = MR_RELU,
    MR_ACTIVATION_HARD = MR_HARD_SIGMOID, // max(0, min(1, x))
    MR_ACTIVATION_LEAKY = MR_LEAKY_RELU,
    MR_ACTIVATION_THRESHOLDED = MR_THRESHOLDED_RELU,
    MR_ACTIVATION_SOFTSIGN = MR_SOFTSIGN,
    MR_ACTIVATION_SOFTPLUS = MR_SOFTPLUS,
    MR_ACTIVATION_ELU = MR_ELU,
    MR_ACTIVATION_SWISH = MR_SWISH,
    MR_ACTIVATION_GELU = MR_GELU,
    MR_ACTIVATION_GELU_TANH = MR_GELU_TANH,
    MR_ACTIVATION_HARD_SWISH = MR_HARD_SWISH,
    MR_ACTIVATION_MISH = MR_MISH,
    MR_ACTIVATIONS
};

// The places of a recurrent cell where a layer has an activation of its choice: of its gates, of
// its candidate (what a plain cell gives; of what is no cell the activation that it has), and of a
// cell state on its way to h.
enum mr_place_of_cell { MR_PLACE_GATE, MR_PLACE_G, MR_PLACE_H, MR_PLACES };

struct mr_place {
    enum mr_activation kind;
    double alpha;     // of a leaky, thresholded or exponential one
    double scale;     // of what it gives, where that has ends: a tanh
    double low, high; // to which its argument is clipped first; infinite: it is not
    // Of the argument before that, in the place of a cell state, of what has ends. Elsewhere they
    // stand in the weights.
    double factor, offset;
    int frac;        // fraction bits of what it gives, in the place of a cell state of h
    double greatest; // the largest magnitude there that calibration saw, 0 where none did
};

// An operator. What its numbers mean is told by its kind (op.h).
struct mr_op {
    const struct mr_op_kind *kind;
    char name[MR_NAME]; // of its hardware process too: "lstm0", "head"
    int layer;          // among the recurrent operators, or -1
    int input, output;  // streams
    int other;          // the second stream that it reads, or -1
    // Of a recurrent operator that decodes: the streams that h and the second field start from, or
    // -1: from 0. They are of the encoder's part; or, where it follows, of its own run, in which it
    // starts each sequence from a row of them.
    int given[2];
    bool follows;
    int inputs, units; // widths of input and output; of a recurrent operator the hidden units
    struct mr_place places[MR_PLACES]; // of a kind that has some (op.h)
    bool projects;                 // it gives the h of a layer (projection.h); until it is folded
    double epsilon;                // of a layer normalisation: added to the variance
    int entries;                   // rows of a table, else 0
    struct mr_precision precision; // of its lanes
    // Float weights; NULL where the kind has none. Rows are gate * units + unit; a bias stands for
    // each sum (op.h): gates first, then the sums over h of the gates that keep them apart.
    float *w_x;       // (gates * units, inputs); a table (entries, units)
    float *w_h;       // (gates * units, units), recurrent operators
    float *bias;      // (sums * units)
    float *constants; // (constants * units) numbers of a unit that its cell takes, or NULL
    // What the state is before the first step of a sequence, h of all units and behind it the
    // second field of all: sequence n of a run has row n % start_rows. NULL: 0.
    int start_rows;
    float *start; // (start_rows, mr_op_start_columns)
    // The same in whole numbers.
    struct mr_rows rows;
    int exponent;    // of the second state field: within +-2^(7 + exponent); 0 without calibration
    double greatest; // the largest magnitude of that field that calibration saw, 0 where none did
    int most_steps;  // of one that waits for whole sequences (mr_op_waits): of each at most
};

enum { MR_OP_READS = 4 };

// Stream i that an operator reads, in the order of its process's arguments, or -1: input, other,
// and those that its state starts from.
static inline int mr_op_read(const struct mr_op *op, int i) {
    return i == 0 ? op->input : i == 1 ? op->other : op->given[i - 2];
}

// What is done to a number outside of the pipeline, in this order.
struct mr_cast {
    // Of an output, first of all.
    bool clips; // to low and high
    double low, high;
    int side; // 1: 1 where it is above `than`, else 0; -1: below
    double than;
    // Of an input too.
    bool whole; // cut toward zero
    bool truth; // 1 unless it is 0
};

// Which steps of x count, where a file finds the lengths of its sequences from x: those of which a
// number differs from `than`, is above it or below it. The others stand behind them.
enum mr_relation { MR_DIFFERS, MR_ABOVE, MR_BELOW, MR_RELATIONS };
struct mr_mask {
    bool given;
    enum mr_relation relation;
    double than;
    bool whole; // numbers are cut toward zero before
    int only;   // the number of a step, counted from 1, that alone is looked at; 0: all are
};

struct mr_sink {
    int stream;
    char *name;       // as in the file it comes from
    bool log_softmax; // a row becomes the logarithms of its softmax before its cast
    struct mr_cast cast;
};

struct mr_network {
    char *name;
    // Stream 0 is the input, and the next one that of the encoder's part, where there is one;
    // operators give the others, in their order.
    int op_count, stream_count;
    struct mr_op *ops;         // [MR_MAX_OPS]
    struct mr_stream *streams; // [MR_MAX_STREAMS]
    int encoder;               // the input of the encoder's part; 0: there is none
    char *encoder_name;        // of that input, as in the file it comes from
    struct mr_cast encoder_cast;
    int output_count;
    struct mr_sink outputs[MR_MAX_OUTPUTS];
    char *input_name;
    struct mr_cast input_cast; // of every x, outside of the pipeline, as an output's is
    // [width of the input] what is taken from each x after that, before it is rounded, and is in
    // the biases of what reads it; NULL: nothing.
    float *offset;
    bool cuts_weights; // mr_quantise may cut those that are too large (rows.h)
    // Sequence n of a run has lengths[n % length_count] steps, where a file says so; NULL: all have
    // as many as the run.
    int length_count;
    int32_t *lengths;
    struct mr_mask mask;    // or x does
    int steps;              // from the file, 0 when it leaves them open
    char layout[MR_LAYOUT]; // of the file's input: "NTF", "TNF", "NT", ...
};

// A network with an input of so many numbers per step. 0, or -1 when memory is short; free in
// either case.
int mr_network_create(struct mr_network *network, int inputs);
// Gives the network an encoder's part with so many inputs per step, before its first operator. Its
// operators stand before those that decode.
void mr_network_encode(struct mr_network *network, int inputs);
// Lets h (field 0) or the second field (1) of a recurrent operator start from a stream that comes
// once per sequence: one of the encoder's part gives it to what decodes, where there is such a
// part, else one of the operators before it, which it follows then. -1 with a sentence in error
// where that is not possible.
int mr_network_give(struct mr_network *network, struct mr_op *op, int field, int stream,
                    char *error, size_t error_size);
// Does an operator belong to the encoder's part?
static inline bool mr_op_encodes(const struct mr_network *network, const struct mr_op *op) {
    return network->streams[op->input].encodes;
}
// Frees what the network holds; a network that is all zero is legal.
void mr_network_free(struct mr_network *network);

// Adds an operator that reads `stream` and has so many units (0: as its input is wide), with its
// float weights at 0. activation: where the kind has a choice, else 0. NULL with a sentence in
// error: a limit, a width or a rate that the kind does not take, or memory.
struct mr_op *mr_network_add(struct mr_network *network, const struct mr_op_kind *kind, int stream,
                             int units, enum mr_activation activation, char *error,
                             size_t error_size);

// The same of a kind that joins two streams, which come at the same rate.
struct mr_op *mr_network_join(struct mr_network *network, const struct mr_op_kind *kind, int stream,
                              int other, char *error, size_t error_size);

// The first operator that repeats, or NULL.
const struct mr_op *mr_network_repeats(const struct mr_network *network);

// Takes an operator out of the network that gives no output: what read it reads what it read, and
// the others move up.
void mr_network_remove(struct mr_network *network, int index);

// Either without float weights, which mr_op_weights then makes, of a table once op->entries are
// set: -1 when memory is short. other: -1 where the kind reads one stream.
struct mr_op *mr_network_add_bare(struct mr_network *network, const struct mr_op_kind *kind,
                                  int stream, int other, int units, enum mr_activation activation,
                                  char *error, size_t error_size);
int mr_op_weights(struct mr_op *op);

// Marks all streams from which those that are marked come.
void mr_network_need(const struct mr_network *network, bool *needed);
// Moves the operators that give marked streams behind those of another network, with their float
// weights. at: the streams of that network in the place of those here: the caller's of its inputs;
// of an operator that gives MR_STREAM_SKIPPED, those of its input. -1 with a sentence in error.
enum { MR_STREAM_SKIPPED = -2 };
int mr_network_move(struct mr_network *to, struct mr_network *from, const bool *needed, int *at,
                    char *error, size_t error_size);

// Makes room for the states that sequences start from, all 0: -1 when memory is short.
int mr_op_starts(struct mr_op *op, int rows);
// Numbers of such a state.
int mr_op_start_columns(const struct mr_op *op);
// How many sequences of a run start from states of their own; 0: all from the zero state.
int mr_network_starts(const struct mr_network *network);

// lengths.c

extern const char *const mr_relation_words[MR_RELATIONS];
// Gives so many sequences lengths of their own, 0 yet: -1 when memory is short.
int mr_network_lengths(struct mr_network *network, int count);
// Are the sequences of a run of different lengths, by the network itself?
bool mr_network_has_lengths(const struct mr_network *network);
// Steps of sequence n of x (sequences, steps, inputs): of one that the mask breaks those up to the
// last one that counts; without x, NULL, there is no mask.
size_t mr_network_length(const struct mr_network *network, const float *x, size_t sequence,
                         size_t steps);
// Does the mask of x leave each sequence its first steps, one at least? 0, or -1 with a sentence.
int mr_network_check_mask(const struct mr_network *network, const float *x, size_t sequences,
                          size_t steps, char *error, size_t error_size);
// Sequences of a run after which starts and lengths come again: 1 where they are all alike.
int mr_network_period(const struct mr_network *network);

// Makes a stream an output of the network. -1 with a sentence where there are too many
// or memory is short.
int mr_network_output(struct mr_network *network, int stream, const char *name, char *error,
                      size_t error_size);

// Checks that all hangs together: a recurrent layer, outputs with names of their own, every stream
// read or an output. 0, or -1.
int mr_network_check(const struct mr_network *network, char *error, size_t error_size);

// Rows of a stream that belong to so many steps of a sequence of the input.
static inline size_t mr_stream_rows(const struct mr_stream *stream, size_t steps) {
    return stream->rate == MR_PER_SEQUENCE ? 1 : stream->steps ? (size_t)stream->steps : steps;
}

// Of the stream that has most of them.
size_t mr_network_most_rows(const struct mr_network *network, size_t steps);
// Steps that the outputs per step have in a sequence of so many; all have the same.
size_t mr_network_output_steps(const struct mr_network *network, size_t steps);
// Rows, and numbers, that one sequence of so many steps gives of an output; numbers of all outputs.
size_t mr_output_rows(const struct mr_network *network, int output, size_t steps);
size_t mr_output_numbers(const struct mr_network *network, int output, size_t steps);
size_t mr_network_numbers(const struct mr_network *network, size_t steps);
// The widths of all outputs together.
int mr_network_width(const struct mr_network *network);
// Names a number of the row that all outputs together are: "rul[3]", or "rul" where that output is
// one number wide. Gives text.
const char *mr_network_number(const struct mr_network *network, int number, char *text,
                              size_t size);

// Operators and outputs that read a stream.
int mr_network_readers(const struct mr_network *network, int stream);

// The index of the narrowest precision of lanes that take numbers of a stream: of its readers, and
// of the layer that gives it, which takes them for its next step.
int mr_stream_precision(const struct mr_network *network, int stream);

// Where an input is the number of a row of a table, the rows of the smallest one, else 0; of
// stream 0 where none is said.
int mr_input_entries(const struct mr_network *network, int input);
int mr_network_entries(const struct mr_network *network);

// The output whose number of a step can be the input of the next one: the first one that is the
// place of a number among as many as the table of the input has rows, or fewer. -1 with a sentence.
int mr_network_token(const struct mr_network *network, char *error, size_t error_size);
// The operator that gives an output, or NULL: it is the input.
const struct mr_op *mr_output_op(const struct mr_network *network, int output);

// May numbers be taken from the input? Where all that read it have rows of weights over it.
bool mr_network_takes_offsets(const struct mr_network *network);
// What a row of weights over the input gives for these numbers, 0 for rows over other streams.
double mr_network_offset(const struct mr_network *network, const struct mr_op *op, const float *w);

// What is done to the numbers of an input before all.
static inline struct mr_cast mr_input_cast(const struct mr_network *network, int input) {
    return input ? network->encoder_cast : network->input_cast;
}

// The first operator of a part, by its input, that needs all steps of a sequence in one run, or
// NULL; of the part of stream 0 where none is said.
const struct mr_op *mr_part_pool(const struct mr_network *network, int input);
const struct mr_op *mr_network_pool(const struct mr_network *network);
// The first operator that takes sequences one after the other, or NULL: the network can have slots
// (which one with an encoder's part has not).
const struct mr_op *mr_network_one_slot(const struct mr_network *network);
// The operator that has room for the fewest steps of a sequence (most_steps), or NULL: any number.
const struct mr_op *mr_network_shortest(const struct mr_network *network);
// Is there room for sequences of so many steps, in the part of an input? 0, or -1 with a sentence.
int mr_part_check_steps(const struct mr_network *network, int input, uint64_t steps, char *error,
                        size_t error_size);
int mr_network_check_steps(const struct mr_network *network, uint64_t steps, char *error,
                           size_t error_size);
// Gives all operators that wait for whole sequences room for so many.
void mr_network_set_most_steps(struct mr_network *network, int steps);

// The recurrent operator `layer`, from 0, or NULL.
const struct mr_op *mr_network_layer(const struct mr_network *network, int layer);
int mr_network_layers(const struct mr_network *network);

// Weights and biases.
uint64_t mr_network_parameters(const struct mr_network *network);

double mr_cast(struct mr_cast cast, double number);

#endif
