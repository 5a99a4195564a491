// SPDX-License-Identifier: Apache-2.0
// The import of an encoder and a decoder: two ONNX files become one network of two parts. What the
// encoder gives, by the names of the decoder's inputs or else in their order, is the state that
// recurrent layers of the decoder start from; the decoder's scores become a token.
#define _POSIX_C_SOURCE 200809L
#include "model_import.h"

#include "file.h"
#include "op.h"
#include "quantise.h"
#include "text.h"
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATES = 2 * MR_MAX_LAYERS };

// A state of a layer that decodes.
struct state {
    int op, field;                        // of the decoder
    int input;                            // among the decoder's inputs that give states
    int row;                              // of that
    int parts[MR_MAX_LAYERS], part_count; // streams of the encoder, whose rows follow each other
};

struct pair {
    struct mr_importing *in;
    struct mr_onnx *of_decoder;
    const char *path; // of the decoder
    struct mr_network encoder, decoder, both;
    struct state states[STATES];
    int state_count;
    const char *inputs[STATES]; // [input_count] of the decoder, that give states; their places
    int places[STATES], rows[STATES], outputs[STATES]; // and what of the encoder gives them
    int input_count;
    int scores; // stream of the decoder
    int encoder_at[MR_MAX_STREAMS], decoder_at[MR_MAX_STREAMS];
};

static const char *const word_of[] = {"h", "c"};

// ---- the decoder

// Which layers start from which inputs; inputs stand in the order of the file.
static int list_states(struct pair *pair) {
    pair->state_count = mr_onnx_state_count(pair->of_decoder);
    for (int i = 0; i < pair->state_count; i++) {
        struct state *state = &pair->states[i];
        int place, at = 0;
        const char *name = mr_onnx_state(pair->of_decoder, i, &state->op, &state->field, &place);
        while (at < pair->input_count && pair->places[at] < place)
            at++;
        if (at < pair->input_count && pair->places[at] == place)
            continue;
        for (int k = pair->input_count++; k > at; k--) {
            pair->places[k] = pair->places[k - 1];
            pair->inputs[k] = pair->inputs[k - 1];
        }
        pair->places[at] = place;
        pair->inputs[at] = name;
    }
    for (int i = 0; i < pair->state_count; i++) {
        struct state *state = &pair->states[i];
        int op, field, place;
        mr_onnx_state(pair->of_decoder, i, &op, &field, &place);
        while (pair->places[state->input] != place)
            state->input++;
        state->row = pair->rows[state->input]++;
    }
    return pair->state_count > 0
               ? 0
               : mr_import_fail(pair->in,
                                "%s: no layer of the decoder starts from an input; export it with "
                                "the states of its layers as inputs",
                                pair->path);
}

// What a layer's last row is, of one step.
static bool is_last(const struct mr_network *network, const struct mr_op *op) {
    return strcmp(op->kind->name, "last") == 0 ||
           (strcmp(op->kind->name, "first") == 0 && network->steps == 1);
}

static bool has_given_state(const struct pair *pair, int op) {
    for (int i = 0; i < pair->state_count; i++)
        if (pair->states[i].op == op)
            return true;
    return false;
}

// Is an output the state of a layer, which a session keeps?
static bool is_state(const struct pair *pair, int stream) {
    const int writer = pair->decoder.streams[stream].writer;
    if (writer < 0)
        return false;
    const struct mr_op *op = &pair->decoder.ops[writer];
    if (op->kind->joins && op->kind->passes)
        return is_state(pair, op->input) && is_state(pair, op->other);
    return is_last(&pair->decoder, op) && pair->decoder.streams[op->input].writer >= 0 &&
           has_given_state(pair, pair->decoder.streams[op->input].writer);
}

// The output of scores, and what it is made of.
static int find_scores(struct pair *pair) {
    const struct mr_network *decoder = &pair->decoder;
    int output = -1;

    for (int o = 0; o < decoder->output_count; o++) {
        if (is_state(pair, decoder->outputs[o].stream))
            continue;
        if (output >= 0)
            return mr_import_fail(
                pair->in,
                "%s: the decoder has the outputs '%.100s' and '%.100s' beside its "
                "states; one, the scores of the next token, is taken",
                pair->path, decoder->outputs[output].name, decoder->outputs[o].name);
        output = o;
    }
    if (output < 0)
        return mr_import_fail(pair->in, "%s: the decoder has no output of scores beside its states",
                              pair->path);
    pair->scores = decoder->outputs[output].stream;
    // What grows with the scores has the same greatest one.
    for (int writer; (writer = decoder->streams[pair->scores].writer) >= 0;) {
        const struct mr_op *op = &decoder->ops[writer];
        if (strcmp(op->kind->name, "softmax") != 0 && strcmp(op->kind->name, "argmax") != 0)
            return 0;
        pair->scores = op->input;
    }
    return mr_import_fail(pair->in, "%s: the decoder's scores are its input as it came",
                          pair->path);
}

static int check_decoder(struct pair *pair) {
    const struct mr_network *decoder = &pair->decoder;

    if (mr_network_entries(decoder) == 0)
        return mr_import_fail(
            pair->in,
            "%s: the decoder's input '%.100s' is no token, which is the number of "
            "a row of its embedding",
            pair->path, decoder->input_name);
    for (int i = 0; i < decoder->op_count; i++) {
        const struct mr_op *op = &decoder->ops[i];
        if (op->kind->reverses || (mr_op_pool_bits(op) && !is_last(decoder, op)))
            return mr_import_fail(pair->in,
                                  "%s: the decoder's '%s' needs all steps of a sequence, and a "
                                  "decoder has one at a time",
                                  pair->path, op->name);
        if (op->start_rows > 0)
            return mr_import_fail(
                pair->in,
                "%s: the decoder's '%s' starts from a constant, which no layer of "
                "a decoder does",
                pair->path, op->name);
    }
    if (decoder->lengths)
        return mr_import_fail(pair->in, "%s: the decoder has constant lengths of sequences",
                              pair->path);
    return list_states(pair) != 0 ? -1 : find_scores(pair);
}

static int read_decoder(struct pair *pair, const struct mr_own_cells *own) {
    struct mr_importing *in = pair->in;
    struct mr_network *decoder = &pair->decoder;

    pair->of_decoder = mr_import_open(pair->path, own, in->error, in->error_size);
    if (!pair->of_decoder)
        return -1;
    mr_onnx_be_decoder(pair->of_decoder);
    if (mr_onnx_network(pair->of_decoder, decoder, in->error, in->error_size) != 0)
        return -1;
    mr_import_note_file(in, pair->of_decoder);
    if (check_decoder(pair) != 0)
        return -1;
    if (mr_onnx_try_states(pair->of_decoder, decoder) != 0)
        return mr_import_fail(in, "%s: not enough memory", pair->path);
    return mr_onnx_verify(pair->of_decoder, decoder, mr_import_memory, in->error, in->error_size);
}

// ---- which of the encoder's outputs is which state

static int find_output(const struct mr_network *encoder, const char *name) {
    int o = encoder->output_count;

    while (o-- > 0 && strcmp(encoder->outputs[o].name, name) != 0)
        ;
    return o;
}

static bool is_per_step(const struct mr_network *network, int output) {
    return network->streams[network->outputs[output].stream].rate == MR_PER_STEP;
}

// By name where all names agree, else in their order.
static int match(struct pair *pair) {
    const struct mr_network *encoder = &pair->encoder;
    bool named = true;
    int per_sequence = 0;

    for (int i = 0; i < pair->input_count; i++)
        named = named && find_output(encoder, pair->inputs[i]) >= 0;
    for (int o = 0; o < encoder->output_count; o++)
        per_sequence += !is_per_step(encoder, o);
    if (!named && per_sequence != pair->input_count)
        return mr_import_fail(
            pair->in,
            "the encoder gives %d state%s and the decoder %s takes %d; export both with the same "
            "ones, or with the same names",
            per_sequence, mr_plural((uint64_t)per_sequence), pair->path, pair->input_count);
    for (int i = 0, next = 0; i < pair->input_count; i++) {
        int *output = &pair->outputs[i];
        while (!named && is_per_step(encoder, next))
            next++;
        *output = named ? find_output(encoder, pair->inputs[i]) : next++;
        if (is_per_step(encoder, *output))
            return mr_import_fail(pair->in,
                                  "the encoder's output '%.100s' has a row for every step, and a "
                                  "state is one row; attention over the steps of an encoder is not "
                                  "supported",
                                  encoder->outputs[*output].name);
        const struct mr_sink *sink = &encoder->outputs[*output];
        if (sink->log_softmax || sink->cast.whole || sink->cast.truth || sink->cast.side ||
            sink->cast.clips)
            return mr_import_fail(pair->in,
                                  "the encoder's output '%.100s' is cast or cut, and can be no "
                                  "state of the decoder",
                                  sink->name);
        const int rows = mr_onnx_rows(pair->in->onnx, *output);
        if (rows != pair->rows[i])
            return mr_import_fail(pair->in,
                                  "the encoder's output '%.100s' has the states of %d layer%s, and "
                                  "the decoder's input '%.100s' those of %d",
                                  encoder->outputs[*output].name, rows, mr_plural((uint64_t)rows),
                                  pair->inputs[i], pair->rows[i]);
    }
    return 0;
}

// The streams whose rows were joined to this one.
static void list_parts(const struct mr_network *network, int stream, int *parts, int *count) {
    const int writer = network->streams[stream].writer;

    if (writer >= 0 && network->ops[writer].kind->joins && network->ops[writer].kind->passes) {
        list_parts(network, network->ops[writer].input, parts, count);
        list_parts(network, network->ops[writer].other, parts, count);
    } else if (*count < MR_MAX_LAYERS) {
        parts[(*count)++] = stream;
    }
}

// Of the rows of an output the parts that a layer takes.
static int find_parts(struct pair *pair, struct state *state) {
    const struct mr_network *encoder = &pair->encoder;
    const struct mr_op *op = &pair->decoder.ops[state->op];
    const struct mr_sink *sink = &encoder->outputs[pair->outputs[state->input]];
    int parts[MR_MAX_LAYERS], count = 0, from = 0, at = 0, width = 0;

    if (pair->rows[state->input] == 1) {
        state->parts[state->part_count++] = sink->stream;
        width = encoder->streams[sink->stream].width;
    } else {
        list_parts(encoder, sink->stream, parts, &count);
        for (int i = 0; i < pair->state_count; i++) // of the same output, in front
            if (pair->states[i].input == state->input && pair->states[i].row < state->row)
                from += pair->decoder.ops[pair->states[i].op].units;
        for (int k = 0; k < count; at += encoder->streams[parts[k++]].width)
            if (at >= from && width < op->units) {
                state->parts[state->part_count++] = parts[k];
                width += encoder->streams[parts[k]].width;
            }
    }
    if (width == op->units)
        return 0;
    return mr_import_fail(pair->in,
                          "the encoder's output '%.100s' has %d numbers for %s of '%s' of the "
                          "decoder %s, which has %d units",
                          sink->name, width, word_of[state->field], op->name, pair->path,
                          op->units);
}

// ---- one network

static int create(struct pair *pair) {
    struct mr_network *both = &pair->both, *encoder = &pair->encoder;
    const char *of_decoder = pair->decoder.name;
    const size_t size = strlen(encoder->name) + strlen(of_decoder) + 2;

    if (mr_network_create(both, pair->decoder.streams[0].width) != 0 ||
        !(both->name = malloc(size)) || !(both->input_name = strdup(pair->decoder.input_name)))
        return mr_import_fail(pair->in, "not enough memory");
    snprintf(both->name, size, "%s+%s", encoder->name, of_decoder);
    both->input_cast = pair->decoder.input_cast;
    mr_network_encode(both, encoder->streams[0].width);
    both->encoder_name = encoder->input_name;
    encoder->input_name = NULL;
    both->encoder_cast = encoder->input_cast;
    memcpy(both->layout, encoder->layout, sizeof both->layout);
    both->steps = encoder->steps;
    return 0;
}

static int move_encoder(struct pair *pair) {
    struct mr_importing *in = pair->in;
    bool needed[MR_MAX_STREAMS] = {false};

    for (int s = 0; s < MR_MAX_STREAMS; s++)
        pair->encoder_at[s] = -1;
    pair->encoder_at[0] = pair->both.encoder;
    for (int i = 0; i < pair->state_count; i++)
        for (int k = 0; k < pair->states[i].part_count; k++)
            needed[pair->states[i].parts[k]] = true;
    mr_network_need(&pair->encoder, needed);
    if (mr_network_move(&pair->both, &pair->encoder, needed, pair->encoder_at, in->error,
                        in->error_size) != 0)
        return -1;
    for (int i = 0; i < pair->state_count; i++) {
        struct state *state = &pair->states[i];
        int joined = pair->encoder_at[state->parts[0]];
        for (int k = 1; k < state->part_count; k++) {
            const struct mr_op *op =
                mr_network_join(&pair->both, mr_op_kind_find("concat"), joined,
                                pair->encoder_at[state->parts[k]], in->error, in->error_size);
            if (!op)
                return -1;
            joined = op->output;
        }
        state->parts[0] = joined; // of the whole network from now on
    }
    return 0;
}

static int move_decoder(struct pair *pair) {
    struct mr_importing *in = pair->in;
    struct mr_network *decoder = &pair->decoder, *both = &pair->both;
    bool needed[MR_MAX_STREAMS] = {false};

    for (int s = 0; s < MR_MAX_STREAMS; s++)
        pair->decoder_at[s] = -1;
    pair->decoder_at[0] = 0;
    for (int i = 0; i < decoder->op_count; i++)
        if (is_last(decoder, &decoder->ops[i]))
            pair->decoder_at[decoder->ops[i].output] = MR_STREAM_SKIPPED;
    needed[pair->scores] = true;
    mr_network_need(decoder, needed);
    if (mr_network_move(both, decoder, needed, pair->decoder_at, in->error, in->error_size) != 0)
        return -1;
    for (int i = 0; i < pair->state_count; i++) {
        const struct state *state = &pair->states[i];
        const int stream = pair->decoder_at[decoder->ops[state->op].output];
        if (stream < 0)
            return mr_import_fail(in, "%s: the decoder's '%s' does nothing for its scores",
                                  pair->path, decoder->ops[state->op].name);
        if (mr_network_give(both, &both->ops[both->streams[stream].writer], state->field,
                            state->parts[0], in->error, in->error_size) != 0)
            return -1;
    }
    const struct mr_op *token =
        mr_network_add(both, mr_op_kind_find("argmax"), pair->decoder_at[pair->scores], 0,
                       MR_ACTIVATION_LINEAR, in->error, in->error_size);
    return token && mr_network_output(both, token->output, "token", in->error, in->error_size) == 0
               ? mr_network_check(both, in->error, in->error_size)
               : -1;
}

static int join(struct pair *pair) {
    const int width = pair->decoder.streams[pair->scores].width;
    const int entries = mr_network_entries(&pair->decoder);

    if (pair->encoder.lengths || mr_network_starts(&pair->encoder))
        return mr_import_fail(pair->in,
                              "the encoder has constant %s, which one of a network with a decoder "
                              "may not have",
                              pair->encoder.lengths ? "lengths of sequences"
                                                    : "states at the start");
    if (match(pair) != 0)
        return -1;
    for (int i = 0; i < pair->state_count; i++)
        if (find_parts(pair, &pair->states[i]) != 0)
            return -1;
    if (width > entries)
        mr_import_note(pair->in,
                       "the decoder %s scores %d tokens and its embedding has %d: a token from %d "
                       "on cannot be its next input",
                       pair->path, width, entries, entries);
    return create(pair) != 0 || move_encoder(pair) != 0 || move_decoder(pair) != 0 ? -1 : 0;
}

int mr_import_decoder(struct mr_importing *in, const char *path, const struct mr_own_cells *own) {
    struct pair *pair = calloc(1, sizeof *pair);

    if (!pair)
        return mr_import_fail(in, "not enough memory");
    pair->in = in;
    pair->path = path;
    pair->encoder = in->model->network;
    memset(&in->model->network, 0, sizeof in->model->network);
    int result = read_decoder(pair, own) == 0 ? join(pair) : -1;
    if (result == 0 && mr_import_add_files(in->model, pair->of_decoder) != 0)
        result = mr_import_fail(in, "not enough memory");
    if (result == 0)
        in->model->network = pair->both;
    else
        mr_network_free(&pair->both);
    mr_network_free(&pair->encoder);
    mr_network_free(&pair->decoder);
    mr_onnx_close(pair->of_decoder);
    free(pair);
    return result;
}

// ---- calibration

int mr_import_source(struct mr_importing *in, const struct mr_array *calibration) {
    const struct mr_import_options *o = in->options;
    const struct mr_network *network = &in->model->network;
    const int inputs = network->streams[network->encoder].width;
    const uint32_t entries = (uint32_t)mr_network_entries(network);
    struct mr_encoded encoded;

    if (mr_import_arrange(in, calibration, (size_t)inputs, &in->source, &in->sequences,
                          &in->source_steps) != 0 ||
        mr_check_entries(network, network->encoder, in->source, in->sequences, in->source_steps,
                         in->error, in->error_size) != 0)
        return -1;
    if (o->first_token >= entries)
        return mr_import_fail(in, "the first token is %u, and the decoder has the tokens 0 to %u",
                              (unsigned)o->first_token, (unsigned)entries - 1);
    in->steps = o->decode_steps ? o->decode_steps : in->source_steps;
    if (in->steps > SIZE_MAX / sizeof *in->x / in->sequences)
        return mr_import_fail(in, "decoding %zu steps is too much", in->steps);
    in->x = calloc(in->sequences * in->steps, sizeof *in->x);
    in->cast = malloc(in->sequences * in->steps * sizeof *in->cast);
    if (!in->x || !in->cast)
        return mr_import_fail(in, "not enough memory for the calibration data");
    // What the decoder says to each sequence, with what it said before as its input.
    for (size_t n = 0; n < in->sequences; n++)
        in->x[n * in->steps] = (float)o->first_token;
    encoded = mr_import_encoded(in, in->source);
    encoded.fed = in->x;
    double *tokens = malloc(in->sequences * in->steps * sizeof *tokens);
    const int failed = !tokens || mr_float_run_encoded(network, &encoded, in->x, in->sequences,
                                                       in->steps, tokens) != 0;
    free(tokens);
    if (failed)
        return mr_import_fail(in, "not enough memory for the calibration data");
    for (size_t i = 0; i < in->sequences * in->steps; i++)
        if (in->x[i] >= (float)entries)
            return mr_import_fail(in,
                                  "the decoder says token %g in sequence %zu of the calibration "
                                  "data, and its embedding has the tokens 0 to %u",
                                  (double)in->x[i], i / in->steps, (unsigned)entries - 1);
    memcpy(in->cast, in->x, in->sequences * in->steps * sizeof *in->cast);
    return 0;
}
