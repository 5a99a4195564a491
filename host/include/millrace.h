// SPDX-License-Identifier: Apache-2.0
// libmillrace: maps trained recurrent networks onto an FPGA pipeline and runs it, cycle-exact in
// simulation ("sim:") or on the CPU ("cpu:"). Both give the same bits.
//
//     struct mr_error error;
//     struct mr_model *model = mr_model_open("turbofan.millrace", &error);
//     struct mr_session *session = model ? mr_session_open(model, "cpu:", NULL, &error) : NULL;
//     if (!session)
//         return fprintf(stderr, "%s\n", error.text), 1;
//     float x[10][30][14] = {0}, y[10][1]; // 10 sequences of 30 steps of 14 features
//     if (mr_session_run(session, &x[0][0][0], 10, 30, 0, &y[0][0], NULL) != 0)
//         return fprintf(stderr, "%s\n", mr_session_error(session)), 1;
//     mr_session_close(session);
//     mr_model_close(model);
//
// Link with `pkg-config --cflags --libs millrace`.
//
// Return values: functions that return int give 0, or a negative code of MR_ERROR_MAP. Functions
// that return a pointer give NULL on failure. The sentence that says what went wrong, where, and
// what would help is in the `struct mr_error` of the call (which may be NULL), or, for calls on a
// session, in mr_session_error.
//
// Threads: there is no global state. A session is used by one thread at a time; any number of
// sessions may exist and run at the same time, also on one model. A model does not change once it
// is open, so any number of threads may use it.
//
// Freeing: every close function takes NULL. A model must stay open as long as its sessions.
//
// Numbers: x and y are float in the units that the network was trained with, so inputs must be
// normalised as they were in training. Inside, the device calculates with 16-bit integers, or
// where the import is told so with 8-bit ones in the layers' multipliers: x is rounded to the
// formats that mr_import chose from the calibration data. Values beyond them, and values inside of
// the network beyond theirs, are cut to the ends of their ranges; that is counted on every device
// alike (struct mr_stats, mr_session_input_saturation, mr_session_operator_saturation).
#ifndef MILLRACE_H
#define MILLRACE_H

#include <stddef.h>
#include <stdint.h>

#include "millrace_error.h"

#ifdef __cplusplus
extern "C" {
#endif

// The general meaning of a code, in a constant string; "success" for 0.
MR_API const char *mr_strerror(int code);

// The version of the library, as MR_VERSION was when it was built.
MR_API const char *mr_version(void);

// ---- Models ------------------------------------------------------------------------------------

struct mr_accuracy_info {
    uint64_t outputs; // compared numbers; 0 when the import had no calibration data
    double rms_error; // integer against float, in units of the output
    double max_error;
    double snr_db; // signal to error, at most 999
};

// Names all features, or all outputs.
#define MR_ALL UINT32_MAX

// Values that an input feature takes: those within saturate nowhere.
struct mr_range {
    uint32_t feature; // from 0, or MR_ALL
    double low, high;
};

// How the formats of input features, and of values inside of the network that have no range of
// their own, follow from the calibration data.
enum mr_calibration_method {
    // MR_CALIBRATION_PERCENTILE where a percentile is given. Else MR_CALIBRATION_MSE for what
    // layers of 8 bits take, and MR_CALIBRATION_MAX for all other.
    MR_CALIBRATION_DEFAULT,
    MR_CALIBRATION_MAX,        // all of it is held, with as much head-room again
    MR_CALIBRATION_PERCENTILE, // so many percent of it are, with as much head-room again
    // The mean squared error of the numbers, as a layer takes them with 16 or 8 bits, is the least:
    // there is no head-room, and rare large values may be cut for the sake of all others.
    MR_CALIBRATION_MSE
};

// What a precision of the layers gives on the calibration data. All is valid during the call only.
struct mr_trial_output {
    const char *name; // of a number of the row that all outputs together are: "rul", "class[3]"
    struct mr_accuracy_info accuracy;
    double relative_error; // as `tolerance` of struct mr_import_options has it; may be infinite
};
struct mr_trial {
    const char *precision;              // as in struct mr_import_options
    int within;                         // not 0: each number is within the tolerance
    const char *refused;                // a sentence where it is not possible, else NULL
    const struct mr_trial_output *each; // [outputs]
    uint32_t outputs;                   // 0 where it is not possible
};

// All zero but the size gives the defaults: {MR_IMPORT_OPTIONS_INIT}.
struct mr_import_options {
    size_t size; // sizeof(struct mr_import_options)
    // A file of typical input (.npy or .csv), laid out as the network takes it. The input formats
    // are chosen from it (calibration_method), and so are the ranges of the cell states, which may
    // need sequences as long as in use. The accuracy is measured on it: integers against the
    // operators of the ONNX file itself, in double precision. NULL: inputs are expected within -8
    // to 8, cell states within -128 to 128, and the accuracy stays unknown.
    const char *calibration;
    // Share of the calibration data, in percent, that a format must hold; values beyond saturate.
    // 0: all. Less keeps single faults from ruining a format: 99.9.
    double percentile;
    // A file with the range of each feature in the training data, for the formats; it goes before
    // the calibration data. JSON {"min": [...], "max": [...]}, or "mean" and "std" (four deviations
    // to either side are expected); CSV with these words as its columns or rows; .npy [2, F] with
    // minima and maxima. NULL: none.
    const char *statistics;
    // Ranges by hand, which go before both; of several for a feature the last holds.
    const struct mr_range *ranges; // [range_count]
    uint32_t range_count;
    // Not 0: a network whose error is larger than its signal is imported too.
    int force;
    // Called with what the caller should know, a sentence each: features that are constant in the
    // calibration data or beyond their format, outputs whose accuracy is below 20 dB. NULL: none.
    void (*note)(void *context, const char *text);
    void *note_context;
    // How the formats follow from the calibration data. `percentile` belongs to
    // MR_CALIBRATION_PERCENTILE, and is required there.
    enum mr_calibration_method calibration_method;
    // The precision of the recurrent layers: the bits of the two operands of their multipliers,
    // weights and columns (x and h as a layer takes them). "w16a16", which NULL stands for;
    // "w8a16", which takes half of the weight memory; "w8a8", which takes smaller multipliers, too.
    // One for all layers, or one for each: "w8a8,w16a16". States and what goes from operator to
    // operator have 16 bits in any case; dense layers are w16a16.
    // "auto": the cheapest of the three for all layers with which each output is within
    // `tolerance`, w8a8 before w8a16 before w16a16; then single layers, those with most weights
    // first, get a cheaper one where all is within it still. MR_ERROR_MODEL where none is.
    const char *precision;
    // Of "auto", else 0: the largest relative error of each number of the outputs. That is the RMS
    // of its error against float on the calibration data, by the RMS of its own deviation from its
    // mean there: 0.01 is an error of a hundredth of what the output moves (-40 dB). A number that
    // moves less than a hundredth of the one of its output that moves most counts as if it moved so
    // much.
    double tolerance;
    // Of "auto": called with each of the three for all layers, and with what single layers got.
    // NULL: none.
    void (*trial)(void *context, const struct mr_trial *trial);
    void *trial_context;
    // The longest sequence that a network with a layer that reads it from its end can take: so many
    // steps of its streams are kept on the device. 0: as many as the file says, or 512 where it
    // leaves them open. At most 2^20. Of no effect on other networks.
    uint32_t max_steps;
    // The files of the user's own cells that the network has, as operators of the domain
    // "millrace": [cell_count] (docs/own-cell.md). They are compiled and run as code.
    // MR_ERROR_MODEL or MR_ERROR_BUILD where one is not as it must be.
    const char *const *cells;
    uint32_t cell_count;
    // The ONNX file of a decoder; the file that is imported is its encoder then, and both become
    // one model (mr_session_encode). The encoder's outputs are states: h of its layers, and of an
    // LSTM c (h_n, c_n), perhaps through dense layers, of one direction or of two that are joined.
    // The decoder's inputs are a token, the number of a row of its embedding, and the states that
    // its layers start from, by the names of those outputs or else in their order. Its outputs are
    // the scores of the next token, as they are or as a softmax or arg-max, and states, which a
    // session keeps. The model's one output is the token that the scores choose. The calibration
    // data is of the encoder; the decoder says to each of its sequences `decode_steps` tokens (0:
    // as many as they have steps), of which the first is its answer to `first_token`. NULL: there
    // is no decoder.
    const char *decoder;
    uint32_t first_token, decode_steps;
};

// Turns an ONNX file (nn.LSTM, nn.GRU and nn.RNN with their heads, as PyTorch exports them), or a
// network that is described in JSON with its weights in safetensors files (docs/json-models.md),
// into a model file, which appears whole or not at all. options may be NULL.
// What the graph is understood to mean is compared with what its operators compute; a difference is
// MR_ERROR_MODEL, and so is an output whose error on the calibration data is larger than its
// signal.
MR_API int mr_import_with(const char *onnx_path, const char *model_path,
                          const struct mr_import_options *options, struct mr_error *error);

// The same with no other option than the calibration data, which may be NULL. accuracy: of all
// outputs; may be NULL.
MR_API int mr_import(const char *onnx_path, const char *calibration_path, const char *model_path,
                     struct mr_accuracy_info *accuracy, struct mr_error *error);

#define MR_IMPORT_OPTIONS_INIT .size = sizeof(struct mr_import_options)

struct mr_model;

// Reads and checks a model file. Free with mr_model_close.
MR_API struct mr_model *mr_model_open(const char *path, struct mr_error *error);

// All zero but the size gives the defaults: {MR_MODEL_OPTIONS_INIT}.
struct mr_model_options {
    size_t size; // sizeof(struct mr_model_options)
    // As in struct mr_import_options: the same files, to the letter.
    const char *const *cells;
    uint32_t cell_count;
};
#define MR_MODEL_OPTIONS_INIT .size = sizeof(struct mr_model_options)

// The same with options, which may be NULL.
MR_API struct mr_model *mr_model_open_with(const char *path, const struct mr_model_options *options,
                                           struct mr_error *error);
MR_API void mr_model_close(struct mr_model *model);

struct mr_model_info {
    const char *name; // valid as long as the model is open, as all texts below
    const char *input_name;
    uint32_t operators, layers; // all operators; recurrent layers among them
    uint32_t output_count;      // named outputs
    uint32_t inputs;            // F: features of one step
    uint32_t outputs;           // O: numbers in a row of all outputs together
    uint32_t steps;      // T that the network was exported with, 0 when left open; any T may be run
    int batch_first;     // N stands before T in its input; mr_session_run takes [N][T][F] only
    uint64_t parameters; // weights and biases
};

MR_API int mr_model_info(const struct mr_model *model, struct mr_model_info *info);

// The axes of its input in the file that was imported, slowest first: "NTF", "TNF", "NFT", "TF" or
// "NT", of which one that is not named has size 1. mr_session_run takes [N][T][F] in any case.
// Valid as long as the model is open.
MR_API const char *mr_model_layout(const struct mr_model *model);

// Where a model has an encoder, the name of its input and the features of one step of that; 0, with
// NULL as the name, where it has none. name may be NULL, and is valid as long as the model is open.
MR_API uint32_t mr_model_encoder(const struct mr_model *model, const char **name);

struct mr_operator_info {
    const char *name; // of its hardware process too: "lstm0", "head"
    const char *type; // "lstm", "gru", "dense", ...
    uint32_t inputs, units;
    int recurrent;
    // Its cell states, hidden states of a ReLU, or outputs that another operator reads are held
    // within +-limit, as calibration asked for. 0 where nothing can be cut.
    double limit;
    // Of the two operands of its multipliers, weights and columns: 16 or 8.
    uint32_t weight_bits, column_bits;
};

// Of operator `index`, from 0, in the order of the data.
MR_API int mr_model_operator(const struct mr_model *model, uint32_t index,
                             struct mr_operator_info *info);

struct mr_output_info {
    const char *name; // as in the file that was imported
    uint32_t width;   // numbers in a row; of an arg-max one, the index from 0
    int per_step;     // a row for every step, else one for the sequence
    // Of what is per step: rows that it gives for each sequence, where that is a number of its own
    // (a decoder's); 0: as many as x has steps.
    uint32_t steps;
};

// Of output `index`, from 0.
MR_API int mr_model_output(const struct mr_model *model, uint32_t index,
                           struct mr_output_info *info);

// Numbers that one sequence of so many steps gives: of all outputs.
MR_API uint64_t mr_model_numbers(const struct mr_model *model, uint64_t steps);

// How far a number of the row that all outputs together are (from 0: those of the first output,
// then those of the second), or MR_ALL of them, is from float on the calibration data of the
// import. All 0 where it was not measured; for a single output also in models of version 0.1.
MR_API int mr_model_accuracy(const struct mr_model *model, uint32_t output,
                             struct mr_accuracy_info *accuracy);

// The same network in double precision from a zero state: what the integer results are measured
// against. x and y as in mr_session_run.
MR_API int mr_model_reference(const struct mr_model *model, const float *x, uint64_t sequences,
                              uint64_t steps, float *y, struct mr_error *error);

// ---- Devices -----------------------------------------------------------------------------------

struct mr_device_entry {
    char uri[32];    // as mr_session_open takes it
    char text[96];   // what it is
    char can[160];   // what it can beside running a network: "counts cycles, writes waveforms"
    char needs[160]; // what has to be there for the first run of a network on it
};

// Writes up to `capacity` devices of this machine to `devices`, which may be NULL for 0 of them;
// returns how many there are. Emulated cards are not among them: an image makes them.
MR_API size_t mr_devices(struct mr_device_entry *devices, size_t capacity);

// For programs that call XRT themselves (`millrace emulate`): sets the environment variables of
// this process so that XRT, in programs that it starts then, finds emulated cards 0 to 15 and may
// load the images that mr_build_image made. Makes a private folder in /tmp, which
// mr_emulation_leave removes with all that is in it; so it does in a child by fork. Not for a
// process that opens sessions on cards. Error: MR_ERROR_DEVICE where XRT is not there or the folder
// cannot be made.
MR_API int mr_emulation_enter(struct mr_error *error);
MR_API void mr_emulation_leave(void);

// ---- Sessions ----------------------------------------------------------------------------------

// How the columns that an operator takes per cycle ("lanes") are chosen; more lanes are faster and
// larger.
enum mr_lanes_choice {
    MR_LANES_BALANCED, // the fastest at which the multipliers are kept busy
    MR_LANES_LATENCY,  // the shortest time for a sequence that fits the target
    MR_LANES_AREA,  // the smallest within `step_cycles` or `within_ns`; without: a column per cycle
    MR_LANES_GIVEN, // `lanes` says it
    MR_LANES_STEP,  // the shortest time for a step that comes alone
    // The least time between results, of as many sequences at a time as it takes: chooses `slots`
    // too, where it is 0. With `step_cycles`: the smallest that takes at most so many.
    MR_LANES_THROUGHPUT
};

// All zero but the size gives the defaults. In C:
//     struct mr_options options = {MR_OPTIONS_INIT, .trace = "wave.fst"};
// and in C++ {sizeof(struct mr_options)}, the other members by assignment.
struct mr_options {
    // sizeof(struct mr_options), by which the library knows what the caller knows: new members come
    // at the end. MR_ERROR_ARGUMENT where it is 0 or another's.
    size_t size;
    // The device whose size limits the network; NULL: "u55c". sim: and hls: keep to it too. A board
    // with a folded kernel ("icebreaker") is for mr_plan: its report has other members.
    const char *target;
    enum mr_lanes_choice choice;
    // MR_LANES_GIVEN: [lane_count], one per recurrent layer, or a single one for all.
    const uint32_t *lanes;
    uint32_t lane_count;
    const char *trace; // sim: only: waveforms (FST) are written to this file. NULL: none
    // Called before each long step (first use of a network shape builds it, which takes up to
    // minutes), with a short text for people. NULL: none.
    void (*progress)(void *context, const char *text);
    void *progress_context;
    // sim: only, for verification: chance in 1/256 per cycle that an input is late or an output is
    // not taken.
    uint32_t idle_chance, stall_chance;
    uint64_t seed;
    // The device that goes on when the session's own fails, from the state after the last step that
    // was done: "cpu:" or another that is there. What it needs is built when the session opens. A
    // device that is not there or cannot be opened or built (MR_ERROR_DEVICE, MR_ERROR_BUILD) has
    // failed, too. NULL: a device that fails is an error. mr_session_device and `progress`, whose
    // context must stay as long as the session then, tell of it. It has neither timeline nor random
    // stalls.
    const char *fallback;
    // Cards only: one that gives no sign of life for so many milliseconds has failed. 0: 10,000.
    uint32_t limit_ms;
    // Not 0: what the processes do is also recorded over time, for mr_session_timeline. Not on the
    // CPU, which has no cycles.
    int timeline;
    // Cards: the folder with their images. NULL: $MILLRACE_BITSTREAMS, else that of the project
    // (PREFIX/share/millrace/bitstreams, or bitstreams in the source tree). ./bitstreams is not
    // looked at unless it is named: an image holds a program.
    const char *bitstreams;
    // Called with what the caller should know, a sentence each: something in the build cache was
    // damaged and is built again. NULL: none.
    void (*note)(void *context, const char *text);
    void *note_context;
    // MR_LANES_GIVEN: [lane_count], units that a lane serves in turn; a layer with P passes has 1/P
    // of the lanes, and takes P times as long for a step. NULL: 1 each.
    const uint32_t *passes;
    // MR_LANES_GIVEN: [lane_count], not 0: the columns of h go through the lanes before those of x,
    // in a network of one slot. A step that comes alone is done sooner, those that follow each
    // other later. NULL: x first. (MR_LANES_STEP chooses for itself.)
    const uint32_t *h_first;
    // MR_LANES_AREA, MR_LANES_THROUGHPUT: cycles per step at most; 0: any number.
    uint32_t step_cycles;
    // Percent of the target's DSPs and memories that the network may use; 0: 85. Above that a place
    // and route may fail.
    uint32_t budget;
    // DSPs at most; 0: those of the budget.
    uint32_t dsps;
    // Slots: sequences that have their turns in the network, step by step, 1, 2, 4, 8 or 16; 0: 1.
    // While others have theirs a layer need not wait for its own hidden state, so short rows take
    // less, of runs with as many sequences. Each slot has a state.
    uint32_t slots;
    // MR_LANES_AREA: nanoseconds that a sequence of `within_steps` steps (0: 1) may take, alone,
    // from its first number to its last result; 0: any number. Not together with step_cycles.
    uint32_t within_ns, within_steps;
    // Threads that a run on "cpu:" may have, also where that is the fallback: at most
    // MR_THREADS_MAX, with the caller's; 0: 1. Their number changes no bit. Sequences are dealt out
    // to them; one that comes alone is shared by layers, or where these are large by units. Between
    // runs they look for work for less than 0.1 ms before they sleep. MR_ERROR_ARGUMENT: there are
    // more.
    uint32_t threads;
};

enum { MR_THREADS_MAX = 64 };

#define MR_OPTIONS_INIT .size = sizeof(struct mr_options)

struct mr_session;

// Opens a device with the model on it:
//   "cpu:", this processor, of which nothing is built. Its kernels are those of its features:
//   amx, avx512 (with VNNI), avxvnni (with AVX2), avx2 or plain; $MILLRACE_CPU names others.
//   "sim:", the RTL, cycle-exact; "hls:", the C that the RTL is made of, compiled: what the others
//   are compared with. The network's shape is built first where the cache has none (see mr_build);
//   retrained weights of a known shape need no new build.
//   "xrt:N" or "xrt:N,IMAGE.xclbin", Alveo card N. Without an image the one of the network's shape
//   is looked for (options->bitstreams), and must have the checksum of its manifest. Where no card
//   is there but an image of an emulated one, that is set up (mr_session_device tells), in
//   processes of its own: every session has its own emulated card. A session on a card belongs to
//   the process that opened it; in a child by fork its calls fail, and closing it there leaves the
//   parent's. "auto:" or NULL: a card with an image of this network where one is there, else
//   "cpu:".
// Cache: $MILLRACE_CACHE, else $XDG_CACHE_HOME/millrace, else ~/.cache/millrace.
// options may be NULL. Free with mr_session_close.
MR_API struct mr_session *mr_session_open(const struct mr_model *model, const char *uri,
                                          const struct mr_options *options, struct mr_error *error);
MR_API void mr_session_close(struct mr_session *session);

// What the session runs on, for people: "xrt:0, an emulated u55c (bitstreams/x.xclbin)".
MR_API const char *mr_session_device(const struct mr_session *session);

// The sentence of the session's last failed call; "" before the first.
MR_API const char *mr_session_error(const struct mr_session *session);

enum {
    // Start from the states that the calls before left, not from zero: sequence i from that of slot
    // i, so of as many sequences as there are slots at most.
    MR_RUN_CONTINUE = 1
};

// What a run took. Cycles are exact; the CPU has none (all counters are 0 then).
struct mr_stats {
    uint64_t cycles;          // from start to the last output, of all device runs of the call
    uint32_t device_runs;     // the call was cut into so many
    double clock_mhz;         // the clock that the network was compiled for
    double microseconds;      // cycles at that clock, or on the CPU the measured time
    uint64_t multiplications; // useful ones of the call, in lanes and cells
    uint32_t multipliers;     // of the network; 0 on the CPU and on a folded kernel
    double utilisation;       // of the lanes: useful multiplications / (multipliers * cycles); or 0
    // Numbers of x, and values inside of the network (cell states, outputs of one operator that
    // another one reads), that were cut because they are beyond their ranges. The results are then
    // not those of the network.
    uint64_t cut_inputs, cut_values;
};

// Runs `sequences` sequences of `steps` steps each.
//   x: [sequences][steps][F]. No number may be NaN or infinite.
//   y: the outputs one after the other (mr_model_output), each [sequences][width], or where it has
//   a row for every step [sequences][steps][width]. Both are the caller's. flags: 0, or
//   MR_RUN_CONTINUE. stats: may be NULL.
// Without MR_RUN_CONTINUE each sequence starts from a zero state, or from that which the model
// has for it. With S slots sequence i goes
// through slot i mod S, which keeps the state after its last one; slots that had none keep theirs.
// Errors: MR_ERROR_ARGUMENT and MR_ERROR_INPUT (names sequence, step and feature) before anything
// ran; MR_ERROR_MEMORY; MR_ERROR_DEVICE, after which the next run starts from a zero state.
MR_API int mr_session_run(struct mr_session *session, const float *x, uint64_t sequences,
                          uint64_t steps, uint32_t flags, float *y, struct mr_stats *stats);

// The same of sequences of different lengths: sequence n has lengths[n] steps, 1 to `steps`, and
// what x holds behind them is of no effect, but must be finite. Each gives what it would give
// alone: a reverse layer begins at its own last step, and a row for the sequence is of that one,
// too. Rows for steps behind the last one are what a hidden state of 0 gives. Steps that the model
// masks must lie behind the lengths. Sequences of one length are run together, so fewer lengths
// take less time.
MR_API int mr_session_run_lengths(struct mr_session *session, const float *x, uint64_t sequences,
                                  uint64_t steps, const uint64_t *lengths, float *y,
                                  struct mr_stats *stats);

// The same with streams by name, of which each may be given once: all inputs that the model has
// (input_name of struct mr_model_info), and those outputs that are wanted. What is not wanted costs
// the device as much. Errors as of mr_session_run; MR_ERROR_ARGUMENT also for a name that the model
// does not have and for another count than is expected, before anything ran.
struct mr_input {
    const char *name;
    const float *data; // [sequences][steps][F]
    uint64_t count;    // numbers in data, which must be as many
};
struct mr_output {
    const char *name;
    float *data;    // [sequences][width] or [sequences][steps][width]
    uint64_t count; // room for so many numbers, which must be as many
};
MR_API int mr_session_run_named(struct mr_session *session, const struct mr_input *inputs,
                                uint32_t input_count, const struct mr_output *outputs,
                                uint32_t output_count, uint64_t sequences, uint64_t steps,
                                uint32_t flags, struct mr_stats *stats);

// Streaming: one more step of the sequence in slot 0. x: [F], y: [O] as if the sequence ended here:
// a row of each output, one after the other. Equal to mr_session_run with one sequence of one step
// and MR_RUN_CONTINUE, as mr_session_run_named may be called too.
MR_API int mr_session_step(struct mr_session *session, const float *x, float *y,
                           struct mr_stats *stats);

// Tokens that the device gives one after the other, each of which it takes as its next step's
// input by itself: text from a network that guesses the next character.
//   The network's input is a token, the number of a row of an embedding, and an output is an
//   arg-max among as many tokens or fewer; of several such outputs the first one counts. The others
//   are not told. MR_ERROR_ARGUMENT where there is none.
//   first: the token of the first step, which goes on from the state that the calls before left in
//   slot 0: a text's beginning is run before by mr_session_run, but for its last token.
//   stop: the token behind which nothing more is given, or -1: there is none.
//   tokens: [most], those that the steps gave. *count: how many, 1 to most; the last one is `stop`
//   where that came. It was not taken as an input, so the state left is that after the token before
//   it, and another call with first = tokens[*count - 1] goes on without a gap.
//   stats: may be NULL. cycles are of all steps, from start to the last token; the steps follow
//   each other as the device does them.
// The other slots keep their states. To give many sequences their turns, go from one to the other
// with mr_session_save and mr_session_restore; the states are those of mr_session_run_states.
// Errors as of mr_session_run; after one *count tells how many tokens are there.
MR_API int mr_session_generate(struct mr_session *session, int32_t first, int32_t stop,
                               uint64_t most, int32_t *tokens, uint64_t *count,
                               struct mr_stats *stats);

// Of a model with an encoder (imported with a decoder behind it): reads one sequence of `steps`
// steps, x: [steps][encoder inputs] (mr_model_encoder), each time from its beginning, and has the
// decoder go on from the state that the encoder gives. All other calls are of the decoder: the next
// mr_session_step, or run with MR_RUN_CONTINUE, is its first step, and without such a call it
// starts from zero. stats: may be NULL; its cycles are those up to the end of the encoder's run.
// Errors: as of mr_session_run; MR_ERROR_ARGUMENT for a model that has no encoder.
MR_API int mr_session_encode(struct mr_session *session, const float *x, uint64_t steps,
                             struct mr_stats *stats);

// The next step starts from a zero state, in all slots or in one.
MR_API void mr_session_reset(struct mr_session *session);
MR_API int mr_session_reset_slot(struct mr_session *session, uint32_t slot);

// How many there are; 0 for NULL.
MR_API uint32_t mr_session_slots(const struct mr_session *session);

// The recurrent state of a slot (without: of slot 0) as bytes, which fit every slot of every
// session of the same model on any device and with any lanes: to go on later, elsewhere, or from
// the same point twice.
//   state: mr_session_state_size() bytes; size: of the buffer, for restore of the bytes in it.
// Save gives the state after the last run; the zero state where none was, after mr_session_reset
// and after a failure. After restore the next step goes on from that state. Errors:
// MR_ERROR_ARGUMENT for a buffer that is too small or bytes that are no state of this model (the
// session's own state is kept then), MR_ERROR_DEVICE. A state knows its model by a hash of weights
// and formats: that of a retrained network, or of an older version of this library, is refused.
MR_API size_t mr_session_state_size(const struct mr_session *session);
MR_API int mr_session_save(struct mr_session *session, void *state, size_t size);
MR_API int mr_session_restore(struct mr_session *session, const void *state, size_t size);
MR_API int mr_session_save_slot(struct mr_session *session, uint32_t slot, void *state,
                                size_t size);
MR_API int mr_session_restore_slot(struct mr_session *session, uint32_t slot, const void *state,
                                   size_t size);

// Runs any number of sequences, each of which goes on from a state of its own: thousands of them
// share one device, as many at a time as it has slots.
//   x, y and stats: as of mr_session_run.
//   states: [sequences][mr_session_state_size()] bytes, those of sequence i: zeros where it has not
//   begun, else what this call or mr_session_save left there, on any device. They become the states
//   behind its last step.
// All states are looked at before anything runs. After a failure later on those that were run have
// their new states and outputs, the others their old states. The session's own slots begin anew
// behind the call. Errors: as of mr_session_run and mr_session_restore.
MR_API int mr_session_run_states(struct mr_session *session, const float *x, uint64_t sequences,
                                 uint64_t steps, void *states, float *y, struct mr_stats *stats);

// The same of sequences of different lengths, as mr_session_run_lengths takes them: a state becomes
// that behind its sequence's own last step.
MR_API int mr_session_run_states_lengths(struct mr_session *session, const float *x,
                                         uint64_t sequences, uint64_t steps,
                                         const uint64_t *lengths, void *states, float *y,
                                         struct mr_stats *stats);

// What was cut since the session was opened, in all runs that succeeded, equal on every device.
struct mr_input_saturation {
    uint64_t cut;     // so many values of the feature were beyond its range,
    uint64_t total;   // of so many
    double low, high; // the range that the model gives it
    double farthest;  // of the values that were cut the one of greatest magnitude; 0 when none was
};

struct mr_operator_saturation {
    uint64_t cut;   // so many of the operator's values were beyond +-limit,
    uint64_t total; // of so many
    double limit;   // the range that the model gives them; 0: it has none that can be cut
    // Of a recurrent layer: by how much they were beyond, in all; 0 of other operators. A cell
    // state that is cut cannot grow on, so each time it is 1 at most; with a range of limit + past
    // none would have been cut.
    double past;
};

// Of feature or operator `index`, from 0; the features of an encoder stand behind the others. What
// helps: to import again with calibration data that
// covers what is run, which gives features and values their ranges. Nothing else is cut that
// matters: where the argument of a gate's function is cut, the function has reached its end, and an
// output cannot reach the ends of its 32 bits.
MR_API int mr_session_input_saturation(const struct mr_session *session, uint32_t index,
                                       struct mr_input_saturation *info);
MR_API int mr_session_operator_saturation(const struct mr_session *session, uint32_t index,
                                          struct mr_operator_saturation *info);

// The activity of one hardware process in the last device run, in cycles. On a card the counters of
// a single sequence are 0: its run goes on for the next one (docs/card.md, Streaming).
struct mr_process_info {
    const char *name; // valid as long as the session is open
    uint64_t busy, starved, blocked;
    uint64_t first_busy, last_busy;
    double cycles_per_step; // of a recurrent layer, over the whole run; 0 for other processes
};

// Processes of the network on this device; 0 on the CPU, which does not count.
MR_API uint32_t mr_session_process_count(const struct mr_session *session);
MR_API int mr_session_process(const struct mr_session *session, uint32_t index,
                              struct mr_process_info *info);

// What a process did since the call began: the first `cycle` cycles of its device runs, one run
// after the other. In what is missing from the cycles it had nothing to do, or waited for itself.
struct mr_sample {
    uint64_t cycle;
    uint64_t busy, starved, blocked;
};

// The timeline of process `index` over the last mr_session_run or mr_session_step. Samples rise in
// cycle, the same of all processes; the last one is of the end. There are at most some hundreds
// (at most 512, evenly spaced on sim:), however long the call was. A card tells its counters one
// after the other while it works: there a sample but the last is interpolated, and a call that is
// shorter than a few reads of its registers has the last sample only.
//   samples: [capacity], or NULL to learn how many there are.
// Returns how many there are: 0 without the option `timeline`, and after a call that failed.
MR_API uint32_t mr_session_timeline(const struct mr_session *session, uint32_t index,
                                    struct mr_sample *samples, uint32_t capacity);

// ---- Planning and building ---------------------------------------------------------------------

// What the network will take on the target, before anything is simulated or synthesised, for
// `sequences` sequences of `steps` steps in one run: lanes, exact cycles, multipliers, memories.
// options: target and lanes; may be NULL. json (one object) and text (a table) may be NULL; free
// what they get with free().
MR_API int mr_plan(const struct mr_model *model, const struct mr_options *options,
                   uint64_t sequences, uint64_t steps, char **json, char **text,
                   struct mr_error *error);

// Builds what the device of that URI needs, so that mr_session_open finds it in the cache. path:
// NULL, or gets the place in the cache.
MR_API int mr_build(const struct mr_model *model, const char *uri, const struct mr_options *options,
                    char *path, size_t path_size, struct mr_error *error);

// platform "hw_emu": builds the image of an emulated card for the model's shape and the target, and
// a manifest beside it. output: a folder or a file that ends in .xclbin; NULL:
// the folder of options->bitstreams. "hw": writes a folder with what Vitis needs to link the
// image of a card. "board": makes the image of the board that is the target, which runs every
// network that fits its kernel, and a manifest beside it; output is a folder. path: gets the place
// of the image or folder.
MR_API int mr_build_image(const struct mr_model *model, const char *platform,
                          const struct mr_options *options, const char *output, char *path,
                          size_t path_size, struct mr_error *error);

// ---- Training ----------------------------------------------------------------------------------

enum mr_train_loss {
    MR_TRAIN_MSE, // mean squared error
    MR_TRAIN_BCE, // binary cross-entropy of each number, which is 0 to 1
    MR_TRAIN_CE   // cross-entropy of classes
};

enum mr_train_optimiser { MR_TRAIN_ADAM, MR_TRAIN_SGD };

// How the rate goes on from epoch to epoch.
enum mr_train_schedule {
    MR_TRAIN_CONSTANT,
    MR_TRAIN_STEPS, // times rate_factor after each rate_epochs epochs
    MR_TRAIN_COSINE // down to rate_factor of it, along half a cosine, in the last epoch
};

struct mr_train_progress {
    uint32_t epoch, epochs; // from 1
    uint64_t batch, batches;
    double loss; // mean over the epoch so far
};

// All zero but the size and the files of data gives the defaults: {MR_TRAIN_OPTIONS_INIT}.
struct mr_train_options {
    size_t size; // sizeof(struct mr_train_options)
    // Files of the training data, .npy or .csv. x: [N, T, F], or a sequence a row, [N, T * F]. y: a
    // row for each sequence, or for each step of a sequence where the network has an output per
    // step; of classes (MR_TRAIN_CE) the number of the class, from 0. A number that is not finite,
    // a class that there is not, and another shape are MR_ERROR_INPUT with their place.
    const char *x;
    const char *y;
    // The same of sequences to validate with, or a share of the training data, which is drawn. 0
    // and NULL: there is no validation.
    const char *validate_x;
    const char *validate_y;
    double validate;
    enum mr_train_loss loss;
    enum mr_train_optimiser optimiser;
    double rate; // of learning; 0: 0.001
    enum mr_train_schedule schedule;
    double rate_factor; // 0: 0.1 of MR_TRAIN_STEPS
    uint32_t rate_epochs;
    double momentum;   // of SGD
    double clip;       // the norm of the gradient of all weights at most; 0: any
    double l2;         // so much of each weight is added to its gradient, as PyTorch's weight_decay
    double dropout;    // share of what a layer gives the next one that is 0, while training
    uint32_t epochs;   // 0: 10
    uint32_t batch;    // sequences of a mini-batch; 0: 64
    uint32_t patience; // ends after so many epochs without a better validation loss; 0: never
    uint32_t threads;  // 0: as many as there are processors. Their number changes no bit
    uint64_t seed;     // of first weights, order, and dropout
    const char *arithmetic; // NULL: "float32"
    // NULL: "cpu:". Arithmetic "int" trains on sim: too, on a training engine (RTL in Verilator) of
    // the same bits, on hls:, its C compiled by gcc, and on xrt:N, a card or an emulated one.
    // MR_ERROR_MODEL names what it lacks.
    const char *device;
    // A folder, which is made where it is not there: after each epoch it gets last.checkpoint, with
    // all that the next one depends on, and after one that validates best best.checkpoint. NULL:
    // none.
    const char *checkpoint;
    // Not 0: goes on from last.checkpoint there, to the bits of a training that was not
    // interrupted. MR_ERROR_ARGUMENT where that is of other data or options; `epochs` may be
    // others.
    int resume;
    // Called after each mini-batch. NULL: none.
    void (*progress)(void *context, const struct mr_train_progress *progress);
    // Called with what the caller should know, a sentence each. NULL: none.
    void (*note)(void *context, const char *text);
    void *context;
    // A device that takes the place of one that cannot be opened, or fails: what was done of that
    // epoch is done again, so that of arithmetic "int" the bits are the same. NULL: none.
    const char *fallback;
    // Of xrt:, where images are, as in mr_options. NULL: in the folder that it looks in.
    const char *bitstreams;
    // Of xrt:, not 0: where no card is there and no image of an emulated one, one is built.
    int build_image;
    // The card of that image, and of mr_train_plan: one of those of mr_options. NULL: u55c.
    const char *target;
    // In the lanes of a training engine at most, of all devices but cpu:. 0: 2,048.
    uint32_t multipliers;
};
#define MR_TRAIN_OPTIONS_INIT .size = sizeof(struct mr_train_options)

// What an epoch gave. Metric: of MR_TRAIN_MSE the root of the mean squared error, else the share of
// numbers (0 or 1, from a half) or classes that are right. NAN where there is no validation.
struct mr_train_epoch {
    uint32_t epoch; // from 1
    uint64_t step;  // mini-batches since the beginning
    double rate;
    double loss, metric; // over the epoch; the metric behind it, on at most 4,096 of its sequences
    double validation_loss, validation_metric;
    double seconds; // of its mini-batches
    int best;       // not 0: the best one so far, by validation loss, else by loss
    // Of its mini-batches, on a device that counts cycles (sim:), and as planned; else 0, and of
    // epochs before a resume.
    uint64_t cycles, planned_cycles;
    double utilisation; // of the engine's lanes, as in mr_stats; else 0
};

// What a training engine takes for a mini-batch, planned before anything is built. The stages of
// its loops take some 300 cycles more, which are planned when it is compiled.
struct mr_train_engine {
    uint32_t multipliers;       // of its lanes
    uint32_t columns, together; // that they take a cycle, of so many sequences
    uint32_t batch, steps;      // sequences of a mini-batch, and their steps
    uint64_t cycles;            // to learn from it
    uint64_t predict_cycles;    // to predict it
    double utilisation;         // of its lanes while it learns, as in mr_stats
    double clock_mhz;
    // What its memories take of the target: RAMB36, UltraRAMs, and LUTs that are memory, as hlsc
    // will form those that grow with the network; its report then adds a few; and what the target
    // has.
    uint64_t ramb36, urams, luts, device_ramb36, device_urams, device_luts;
    // Bits of the gradients, of what of all steps is kept for the way back, and of the parameters
    // with their moments. The weights beside the lanes are not among them.
    uint64_t gradient_bits, stash_bits, parameter_bits;
    const char *target; // static
    // Where these would be more than the target holds, and the network allows it, the parameters
    // and most of what is kept of the steps are in the card's memory: bytes there, and those that
    // it stores and gives for a mini-batch to learn from, by so many ports of 64 bytes. Else 0.
    uint64_t outside_bytes, passed_bytes;
    uint32_t outside_ports;
};

// The fastest engine of a network for mini-batches of sequences of so many steps
// (docs/training-engine.md). options: loss, batch, clip, dropout, multipliers and target; the
// others are of no effect. MR_ERROR_MODEL names what no engine has, MR_ERROR_PLAN the targets where
// it is none.
MR_API int mr_train_plan(const char *network, const struct mr_train_options *options,
                         uint32_t steps, struct mr_train_engine *engine, struct mr_error *error);

// Builds the image of an emulated card with that engine, or writes the folder with what Vitis needs
// for a card's, as mr_build_image does it of a network; a training with the same options on xrt:N
// finds it. options: bitstreams and note, too.
MR_API int mr_train_image(const char *network, const char *platform,
                          const struct mr_train_options *options, uint32_t steps,
                          const char *output, char *path, size_t path_size, struct mr_error *error);

struct mr_training;

// Begins to train a network: an ONNX file, a .millrace model, or a description in JSON
// (docs/json-models.md), which without weights gets first ones as PyTorch draws them. Layers of
// LSTM, GRU and RNN in a chain and one dense head, linear, sigmoid, tanh or softmax, can be
// trained; others are MR_ERROR_MODEL. Free with mr_train_close.
MR_API struct mr_training *
mr_train_open(const char *network, const struct mr_train_options *options, struct mr_error *error);
// Trains an epoch. 1: *epoch tells of it; 0: there is none to do any more, for all are done or
// patience has ended. An error is below 0, MR_ERROR_INPUT with the step where training diverges:
// what was trained in the epochs before is still there, and the next call tries this epoch again.
MR_API int mr_train_next(struct mr_training *training, struct mr_train_epoch *epoch,
                         struct mr_error *error);
// Epochs that were done, those before a resume too, and epoch `index` of them, from 0.
MR_API uint32_t mr_train_epochs(const struct mr_training *training);
MR_API int mr_train_history(const struct mr_training *training, uint32_t index,
                            struct mr_train_epoch *epoch);
// What was trained, with the weights of the best epoch where there is validation, else of the last
// one: as an ONNX file; and as a model, whose formats are chosen from the training data as
// mr_import does it. note, of the options, is called with what an import tells. Where it is no
// model, as weights or inputs are beyond the formats, the file PATH.onnx has it, which the sentence
// names.
MR_API int mr_train_export(const struct mr_training *training, const char *path,
                           struct mr_error *error);
MR_API int mr_train_save(const struct mr_training *training, const char *path,
                         struct mr_error *error);
MR_API void mr_train_close(struct mr_training *training);

#ifdef __cplusplus
}
#endif

#endif
