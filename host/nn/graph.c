// SPDX-License-Identifier: Apache-2.0
// The network as a graph (graph.h).
#define _POSIX_C_SOURCE 200809L
#include "graph.h"

#include "file.h"
#include "op.h"
#include "places.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double mr_cast(struct mr_cast cast, double number) {
    if (cast.clips)
        number = fmin(fmax(number, cast.low), cast.high);
    if (cast.side)
        number = cast.side > 0 ? number > cast.than : number < cast.than;
    if (cast.whole)
        number = trunc(number);
    return cast.truth ? number != 0 : number;
}

int mr_network_create(struct mr_network *network, int inputs) {
    memset(network, 0, sizeof *network);
    network->ops = calloc(MR_MAX_OPS, sizeof *network->ops);
    network->streams = calloc(MR_MAX_STREAMS, sizeof *network->streams);
    if (!network->ops || !network->streams)
        return -1;
    network->stream_count = 1;
    memcpy(network->layout, "NTF", sizeof network->layout);
    network->streams[0] =
        (struct mr_stream){.writer = -1, .width = inputs, .rate = MR_PER_STEP, .bits = 16};
    return 0;
}

void mr_network_encode(struct mr_network *network, int inputs) {
    network->encoder = network->stream_count++;
    network->streams[network->encoder] = (struct mr_stream){
        .writer = -1, .width = inputs, .rate = MR_PER_STEP, .bits = 16, .encodes = true};
}

static void free_op(struct mr_op *op) {
    free(op->w_x);
    free(op->w_h);
    free(op->bias);
    free(op->constants);
    free(op->start);
    mr_rows_free(&op->rows);
}

void mr_network_free(struct mr_network *network) {
    for (int i = 0; i < network->op_count; i++)
        free_op(&network->ops[i]);
    for (int i = 0; i < network->stream_count; i++)
        free(network->streams[i].frac);
    for (int i = 0; i < network->output_count; i++)
        free(network->outputs[i].name);
    free(network->ops);
    free(network->streams);
    free(network->input_name);
    free(network->encoder_name);
    free(network->offset);
    free(network->lengths);
    free(network->name);
    memset(network, 0, sizeof *network);
}

int mr_network_layers(const struct mr_network *network) {
    int layers = 0;

    for (int i = 0; i < network->op_count; i++)
        layers += network->ops[i].kind->recurrent;
    return layers;
}

int mr_stream_precision(const struct mr_network *network, int stream) {
    int narrowest = 0;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const int index = mr_precision_index(op->precision);
        bool takes = op->output == stream && op->kind->recurrent;
        for (int k = 0; k < MR_OP_READS; k++)
            takes = takes || mr_op_read(op, k) == stream;
        if (takes && index > narrowest)
            narrowest = index;
    }
    return narrowest;
}

const struct mr_op *mr_network_layer(const struct mr_network *network, int layer) {
    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->recurrent && network->ops[i].layer == layer)
            return &network->ops[i];
    return NULL;
}

int mr_network_entries(const struct mr_network *network) {
    return mr_input_entries(network, 0);
}

int mr_input_entries(const struct mr_network *network, int input) {
    int least = 0;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        if (op->kind->looks_up && op->input == input && (least == 0 || op->entries < least))
            least = op->entries;
    }
    return least;
}

const struct mr_op *mr_output_op(const struct mr_network *network, int output) {
    const int writer = network->streams[network->outputs[output].stream].writer;

    return writer < 0 ? NULL : &network->ops[writer];
}

int mr_network_token(const struct mr_network *network, char *error, size_t error_size) {
    const int entries = mr_network_entries(network);
    const struct mr_op *large = NULL;

    if (entries == 0 || network->input_cast.truth)
        return mr_fail(error, error_size,
                       "the input '%.100s' is %s; what a network gives can be its next input where "
                       "that is the number of a row of an embedding",
                       network->input_name,
                       entries ? "no token as it comes" : "no token but numbers of a step");
    for (int o = 0; o < network->output_count; o++) {
        const struct mr_op *op = mr_output_op(network, o);
        const struct mr_cast *cast = &network->outputs[o].cast;
        if (!op || !op->kind->gives_place || cast->clips || cast->side || cast->truth)
            continue;
        if (op->inputs <= entries)
            return o;
        large = op;
    }
    return large ? mr_fail(error, error_size,
                           "the %s chooses among %d tokens, and the table of the input has %d "
                           "rows; what is given must be a row of the table",
                           large->name, large->inputs, entries)
                 : mr_fail(error, error_size,
                           "no output is an arg-max, and only such a token can be the next input; "
                           "export the network with an arg-max behind its scores");
}

bool mr_network_takes_offsets(const struct mr_network *network) {
    for (int i = 0; i < network->op_count; i++)
        if ((network->ops[i].input == 0 || network->ops[i].other == 0) &&
            network->ops[i].kind->gates == 0)
            return false;
    return true;
}

double mr_network_offset(const struct mr_network *network, const struct mr_op *op, const float *w) {
    double sum = 0;

    for (int k = 0; op->input == 0 && network->offset && k < op->inputs; k++)
        sum += (double)w[k] * (double)network->offset[k];
    return sum;
}

const struct mr_op *mr_part_pool(const struct mr_network *network, int input) {
    for (int i = 0; i < network->op_count; i++)
        if (mr_op_pool_bits(&network->ops[i]) &&
            mr_op_encodes(network, &network->ops[i]) == network->streams[input].encodes)
            return &network->ops[i];
    return NULL;
}

const struct mr_op *mr_network_pool(const struct mr_network *network) {
    return mr_part_pool(network, 0);
}

const struct mr_op *mr_network_one_slot(const struct mr_network *network) {
    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->one_slot || network->ops[i].follows)
            return &network->ops[i];
    return NULL;
}

// Of a part, by its input, or -1: of all.
static const struct mr_op *shortest_of(const struct mr_network *network, int input) {
    const struct mr_op *shortest = NULL;

    for (int i = 0; i < network->op_count; i++)
        if (mr_op_waits(network, &network->ops[i]) &&
            (input < 0 ||
             mr_op_encodes(network, &network->ops[i]) == network->streams[input].encodes) &&
            (!shortest || network->ops[i].most_steps < shortest->most_steps))
            shortest = &network->ops[i];
    return shortest;
}

const struct mr_op *mr_network_shortest(const struct mr_network *network) {
    return shortest_of(network, -1);
}

int mr_network_check_steps(const struct mr_network *network, uint64_t steps, char *error,
                           size_t error_size) {
    return mr_part_check_steps(network, 0, steps, error, error_size);
}

int mr_part_check_steps(const struct mr_network *network, int input, uint64_t steps, char *error,
                        size_t error_size) {
    const struct mr_op *shortest = shortest_of(network, input);

    if (!shortest || steps <= (uint64_t)shortest->most_steps)
        return 0;
    return mr_fail(error, error_size,
                   "sequences of %llu steps are too long for the network's '%s', which has room "
                   "for %d at most; import the network again with --max-steps %llu",
                   (unsigned long long)steps, shortest->name, shortest->most_steps,
                   (unsigned long long)steps);
}

void mr_network_set_most_steps(struct mr_network *network, int steps) {
    for (int i = 0; i < network->op_count; i++)
        if (mr_op_waits(network, &network->ops[i]))
            network->ops[i].most_steps = steps;
}

// "lstm0": recurrent operators by their layer; of the others the first has no number.
static void name_op(const struct mr_network *network, struct mr_op *op) {
    int same = 0;

    for (int i = 0; i < network->op_count; i++)
        same += strcmp(network->ops[i].kind->process, op->kind->process) == 0;
    if (op->kind->recurrent || same > 0)
        snprintf(op->name, sizeof op->name, "%s%d", op->kind->process,
                 op->kind->recurrent ? op->layer : same);
    else
        snprintf(op->name, sizeof op->name, "%s", op->kind->process);
}

int mr_op_weights(struct mr_op *op) {
    const size_t rows = (size_t)mr_op_rows(op), sums = (size_t)mr_op_sums(op);
    const size_t units = op->kind->recurrent ? (size_t)op->units : 0;
    const size_t constants = (size_t)mr_op_constants(op);

    if (rows == 0)
        return 0;
    op->w_x = calloc(rows, ((size_t)mr_op_columns(op) - units) * sizeof *op->w_x);
    op->w_h = units ? calloc(rows * units, sizeof *op->w_h) : NULL;
    op->bias = sums ? calloc(sums, sizeof *op->bias) : NULL;
    op->constants = constants ? calloc(constants, sizeof *op->constants) : NULL;
    return op->w_x && (op->w_h || !units) && (op->bias || !sums) && (op->constants || !constants)
               ? 0
               : -1;
}

struct mr_op_limit mr_op_limit_of(const struct mr_network *network, const struct mr_op *op) {
    const struct mr_op_limit limit =
        op->kind->limit ? op->kind->limit(network, op) : (struct mr_op_limit){0};
    if (limit.limit > 0 || (op->given[0] < 0 && op->given[1] < 0))
        return limit;
    // What is given may be beyond its h, where nothing else is.
    const int frac = network->streams[op->output].frac[0];
    return (struct mr_op_limit){ldexp(1, 15 - frac), ldexp(1, -frac)};
}

int mr_op_start_columns(const struct mr_op *op) {
    return op->units * (op->kind->second_field ? 2 : 1);
}

int mr_op_starts(struct mr_op *op, int rows) {
    free(op->start);
    op->start = calloc((size_t)rows * (size_t)mr_op_start_columns(op), sizeof *op->start);
    op->start_rows = op->start ? rows : 0;
    return op->start ? 0 : -1;
}

int mr_network_starts(const struct mr_network *network) {
    int rows = 0;

    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].start_rows > rows)
            rows = network->ops[i].start_rows;
    return rows;
}

int mr_network_period(const struct mr_network *network) {
    const int starts = mr_network_starts(network);
    const int period = starts > network->length_count ? starts : network->length_count;

    return period > 1 ? period : 1;
}

// Of one of the streams that an operator of the kind would read.
static int check_input(const struct mr_network *network, const struct mr_op_kind *kind, int stream,
                       char *error, size_t error_size) {
    const struct mr_stream *in = &network->streams[stream];
    const int writer = in->writer;

    if (network->op_count == MR_MAX_OPS)
        return mr_fail(error, error_size, "the network has more than %d operators", MR_MAX_OPS);
    if (kind->recurrent && mr_network_layers(network) == MR_MAX_LAYERS)
        return mr_fail(error, error_size, "the network has more than %d recurrent layers",
                       MR_MAX_LAYERS);
    if ((kind->recurrent || kind->reverses) && in->rate != MR_PER_STEP)
        return mr_fail(error, error_size, "a %s reads '%s', which gives one row per sequence",
                       kind->recurrent ? "recurrent layer" : "reversal", network->ops[writer].name);
    if (kind->repeats && in->rate == MR_PER_STEP)
        return mr_fail(error, error_size, "a row is repeated that comes at every step as it is");
    if (kind->looks_up && (writer >= 0 || in->width != 1))
        return mr_fail(
            error, error_size,
            "a table is looked up by what is not the network's input, or not one number");
    if (!kind->reads_numbers && writer >= 0 && network->ops[writer].kind->gives_numbers)
        return mr_fail(error, error_size, "the numbers of '%s' can only be an output",
                       network->ops[writer].name);
    return 0;
}

// Does the kind read two streams, and do both come at the same rate?
static int check_joint(const struct mr_network *network, const struct mr_op_kind *kind, int stream,
                       int other, char *error, size_t error_size) {
    if (kind->joins != (other >= 0))
        return mr_fail(error, error_size, "an operator of type '%s' reads %s", kind->name,
                       kind->joins ? "two streams and has one" : "one stream and has two");
    if (other < 0)
        return 0;
    if (network->streams[stream].rate != network->streams[other].rate)
        return mr_fail(error, error_size,
                       "an operator of type '%s' joins a row of every step with one of the "
                       "sequence",
                       kind->name);
    if (network->streams[stream].steps != network->streams[other].steps)
        return mr_fail(error, error_size,
                       "an operator of type '%s' joins rows of sequences that have other numbers "
                       "of steps",
                       kind->name);
    if (network->streams[stream].encodes != network->streams[other].encodes)
        return mr_fail(error, error_size,
                       "an operator of type '%s' joins a row of the encoder with one of the "
                       "decoder",
                       kind->name);
    return check_input(network, kind, other, error, error_size);
}

// One format for all numbers of a stream, from where they are made on.
static void make_comparable(struct mr_network *network, int stream) {
    const int writer = network->streams[stream].writer;

    network->streams[stream].uniform = true;
    if (writer < 0 || !network->ops[writer].kind->passes)
        return;
    make_comparable(network, network->ops[writer].input);
    if (network->ops[writer].other >= 0)
        make_comparable(network, network->ops[writer].other);
}

struct mr_op *mr_network_add_bare(struct mr_network *network, const struct mr_op_kind *kind,
                                  int stream, int other, int units, enum mr_activation activation,
                                  char *error, size_t error_size) {
    if (check_input(network, kind, stream, error, error_size) ||
        check_joint(network, kind, stream, other, error, error_size))
        return NULL;
    const int inputs = network->streams[stream].width;
    struct mr_op op = {.kind = kind,
                       .layer = kind->recurrent ? mr_network_layers(network) : -1,
                       .input = stream,
                       .other = other,
                       .given = {-1, -1},
                       .output = network->stream_count,
                       .inputs = inputs,
                       .units = units > 0 ? units : inputs,
                       .precision = MR_PRECISION_FULL};
    struct mr_stream out = {.writer = network->op_count,
                            .rate = network->streams[stream].rate,
                            .steps = network->streams[stream].steps,
                            .encodes = network->streams[stream].encodes};
    for (int p = 0; p < MR_PLACES; p++)
        op.places[p] = mr_place_own((enum mr_place_of_cell)p);
    if (kind->has_activation)
        op.places[MR_PLACE_G] = mr_place_plain(activation);
    name_op(network, &op);
    kind->describe(network, &op, &out);
    if (inputs < 1 || inputs > MR_MAX_WIDTH || op.units < 1 || op.units > MR_MAX_WIDTH) {
        mr_fail(error, error_size, "'%s' has %d inputs and %d units; 1 to %d are possible", op.name,
                inputs, op.units, MR_MAX_WIDTH);
        return NULL;
    }
    if (!kind->reads_numbers)
        network->streams[stream].bits = network->streams[other < 0 ? stream : other].bits = 16;
    if (kind->compares)
        make_comparable(network, stream);
    if (kind->compares && other >= 0)
        make_comparable(network, other);
    network->ops[network->op_count] = op;
    network->streams[network->stream_count++] = out;
    return &network->ops[network->op_count++];
}

struct mr_op *mr_network_add(struct mr_network *network, const struct mr_op_kind *kind, int stream,
                             int units, enum mr_activation activation, char *error,
                             size_t error_size) {
    struct mr_op *op =
        mr_network_add_bare(network, kind, stream, -1, units, activation, error, error_size);

    if (op && mr_op_weights(op)) {
        mr_fail(error, error_size, "not enough memory for the weights of '%s'", op->name);
        return NULL;
    }
    return op;
}

struct mr_op *mr_network_join(struct mr_network *network, const struct mr_op_kind *kind, int stream,
                              int other, char *error, size_t error_size) {
    return mr_network_add_bare(network, kind, stream, other, 0, MR_ACTIVATION_LINEAR, error,
                               error_size);
}

const struct mr_op *mr_network_repeats(const struct mr_network *network) {
    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->repeats)
            return &network->ops[i];
    return NULL;
}

int mr_network_give(struct mr_network *network, struct mr_op *op, int field, int stream,
                    char *error, size_t error_size) {
    struct mr_stream *from = &network->streams[stream];

    if (!op->kind->recurrent || (field == 1 && !op->kind->second_field))
        return mr_fail(error, error_size, "'%s' has no such state that an encoder could give",
                       op->name);
    if (from->encodes != (network->encoder > 0) || mr_op_encodes(network, op) ||
        from->rate != MR_PER_SEQUENCE)
        return mr_fail(error, error_size,
                       "the state of '%s' comes from what is no row per sequence of an encoder",
                       op->name);
    if (from->width != op->units)
        return mr_fail(error, error_size,
                       "the encoder gives '%s' a state of %d numbers, and it has %d units",
                       op->name, from->width, op->units);
    if (op->start_rows > 0)
        return mr_fail(error, error_size,
                       "'%s' starts from a constant and from a state that is given", op->name);
    if (network->ops[from->writer].kind->gives_numbers)
        return mr_fail(error, error_size, "the numbers of '%s' can be no state",
                       network->ops[from->writer].name);
    from->bits = 16;
    make_comparable(network, stream);
    op->given[field] = stream;
    op->follows = !from->encodes;
    op->most_steps = op->follows ? MR_MOST_STEPS : 0;
    return 0;
}

// What a stream is called once `gone` is not there and what read it reads `from`.
static int without(int stream, int gone, int from) {
    return stream == gone ? from : stream - (stream > gone);
}

void mr_network_remove(struct mr_network *network, int index) {
    const int from = network->ops[index].input, gone = network->ops[index].output;
    const int ops = network->op_count - 1, streams = network->stream_count - 1;

    free_op(&network->ops[index]);
    free(network->streams[gone].frac);
    memmove(&network->ops[index], &network->ops[index + 1],
            (size_t)(ops - index) * sizeof *network->ops);
    memmove(&network->streams[gone], &network->streams[gone + 1],
            (size_t)(streams - gone) * sizeof *network->streams);
    network->stream_count = streams;
    network->op_count = index; // names count those before
    for (int i = index; i < ops; i++, network->op_count++) {
        struct mr_op *op = &network->ops[i];
        op->input = without(op->input, gone, from);
        op->other = without(op->other, gone, from);
        for (int field = 0; field < 2; field++)
            op->given[field] = without(op->given[field], gone, from);
        op->output = without(op->output, gone, from);
        network->streams[op->output].writer = i;
        name_op(network, op);
    }
    for (int o = 0; o < network->output_count; o++)
        network->outputs[o].stream = without(network->outputs[o].stream, gone, from);
}

int mr_network_output(struct mr_network *network, int stream, const char *name, char *error,
                      size_t error_size) {
    struct mr_sink *output = &network->outputs[network->output_count];

    if (network->output_count == MR_MAX_OUTPUTS)
        return mr_fail(error, error_size, "the network has more than %d outputs", MR_MAX_OUTPUTS);
    if (network->streams[stream].writer < 0)
        return mr_fail(error, error_size, "output '%s' is the input as it came", name);
    if (network->streams[stream].encodes)
        return mr_fail(error, error_size,
                       "output '%s' is of the encoder, whose results are the decoder's states",
                       name);
    *output = (struct mr_sink){.stream = stream, .name = strdup(name)};
    if (!output->name)
        return mr_fail(error, error_size, "not enough memory for the network");
    network->output_count++;
    return 0;
}

int mr_network_readers(const struct mr_network *network, int stream) {
    int readers = 0;

    for (int i = 0; i < network->op_count; i++)
        for (int k = 0; k < MR_OP_READS; k++)
            readers += mr_op_read(&network->ops[i], k) == stream;
    for (int i = 0; i < network->output_count; i++)
        readers += network->outputs[i].stream == stream;
    return readers;
}

// Of a network with an encoder's part.
static int check_parts(const struct mr_network *network, char *error, size_t error_size) {
    bool given = !network->encoder, decodes = false;
    int reads = 0;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const bool encodes = mr_op_encodes(network, op);
        given = given || op->given[0] >= 0 || op->given[1] >= 0;
        if (network->encoder && encodes && decodes)
            return mr_fail(error, error_size, "'%s' of the encoder stands behind the decoder",
                           op->name);
        if (network->encoder && op->start_rows > 0)
            return mr_fail(error, error_size,
                           "'%s' starts from a state of its own, which no layer of a network with "
                           "an encoder does",
                           op->name);
        decodes = decodes || !encodes;
        for (int k = 0; k < MR_OP_READS; k++)
            reads += mr_op_read(op, k) >= 0;
    }
    if (reads > 2 * MR_MAX_OPS)
        return mr_fail(error, error_size, "operators read %d streams; %d are possible", reads,
                       2 * MR_MAX_OPS);
    if (network->encoder && (network->lengths || network->mask.given))
        return mr_fail(error, error_size,
                       "a network with an encoder has no sequences with lengths of their own");
    return given ? 0 : mr_fail(error, error_size, "the encoder gives no state to the decoder");
}

// Where a row is repeated.
static int check_repeats(const struct mr_network *network, char *error, size_t error_size) {
    const struct mr_op *op = mr_network_repeats(network);
    const struct mr_stream *first = NULL;

    if (op && network->encoder)
        return mr_fail(error, error_size,
                       "'%s' repeats a row, which no operator of a network does whose encoder has "
                       "an input of its own",
                       op->name);
    if (op && mr_network_has_lengths(network))
        return mr_fail(error, error_size,
                       "'%s' repeats a row at each step, and sequences have lengths of their own; "
                       "give sequences of one length to a network without a mask",
                       op->name);
    for (int o = 0; op && o < network->output_count; o++) {
        const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
        if (stream->rate != MR_PER_STEP)
            continue;
        if (first && first->steps != stream->steps)
            return mr_fail(error, error_size,
                           "output '%s' has another number of steps than an output before it; "
                           "import them as two networks",
                           network->outputs[o].name);
        first = stream;
    }
    return 0;
}

int mr_network_check(const struct mr_network *network, char *error, size_t error_size) {
    if (mr_network_layers(network) < 1)
        return mr_fail(error, error_size, "the network has no recurrent layer");
    if (network->output_count < 1)
        return mr_fail(error, error_size, "the network has no output");
    for (int i = 0; i < network->op_count; i++)
        if (mr_network_readers(network, network->ops[i].output) == 0)
            return mr_fail(error, error_size, "nothing takes what '%s' gives",
                           network->ops[i].name);
    for (int i = 0; i < network->output_count; i++)
        if (network->outputs[i].name[0] == '\0')
            return mr_fail(error, error_size, "output %d has no name", i);
    for (int i = 0; i < network->output_count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(network->outputs[i].name, network->outputs[k].name) == 0)
                return mr_fail(error, error_size,
                               "two outputs are named '%s'; give each a name of its own",
                               network->outputs[i].name);
    return check_parts(network, error, error_size) ? -1 : check_repeats(network, error, error_size);
}

size_t mr_network_most_rows(const struct mr_network *network, size_t steps) {
    size_t most = steps;

    for (int s = 0; s < network->stream_count; s++) {
        const size_t rows = mr_stream_rows(&network->streams[s], steps);
        most = rows > most ? rows : most;
    }
    return most;
}

size_t mr_network_output_steps(const struct mr_network *network, size_t steps) {
    for (int o = 0; o < network->output_count; o++) {
        const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
        if (stream->rate == MR_PER_STEP)
            return mr_stream_rows(stream, steps);
    }
    return steps;
}

size_t mr_output_rows(const struct mr_network *network, int output, size_t steps) {
    return mr_stream_rows(&network->streams[network->outputs[output].stream], steps);
}

size_t mr_output_numbers(const struct mr_network *network, int output, size_t steps) {
    return mr_output_rows(network, output, steps) *
           (size_t)network->streams[network->outputs[output].stream].width;
}

size_t mr_network_numbers(const struct mr_network *network, size_t steps) {
    size_t numbers = 0;

    for (int o = 0; o < network->output_count; o++)
        numbers += mr_output_numbers(network, o, steps);
    return numbers;
}

int mr_network_width(const struct mr_network *network) {
    int width = 0;

    for (int o = 0; o < network->output_count; o++)
        width += network->streams[network->outputs[o].stream].width;
    return width;
}

const char *mr_network_number(const struct mr_network *network, int number, char *text,
                              size_t size) {
    int at = number, o = 0, width;

    while ((width = network->streams[network->outputs[o].stream].width) <= at) {
        at -= width;
        o++;
    }
    if (width > 1)
        snprintf(text, size, "%s[%d]", network->outputs[o].name, at);
    else
        snprintf(text, size, "%s", network->outputs[o].name);
    return text;
}

uint64_t mr_network_parameters(const struct mr_network *network) {
    uint64_t parameters = 0;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        parameters += (uint64_t)mr_op_rows(op) * (uint64_t)mr_op_columns(op);
        parameters += (uint64_t)mr_op_sums(op) + (uint64_t)mr_op_constants(op);
    }
    return parameters;
}
