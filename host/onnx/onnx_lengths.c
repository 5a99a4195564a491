// SPDX-License-Identifier: Apache-2.0
// Lengths of the sequences of a batch: constants, an input of the graph, also as a mask whose sum
// they are, or what the file finds from x (onnx_mask.c). A sequence's own steps are run as if it
// were alone; what gives the lengths is no part of the network.
#include "onnx_parts.h"

static void note_input(struct onnx_reader *r, int input) {
    if (!r->noted[input])
        onnx_note(r->graph,
                  "the input '%.100s', from which the lengths of the sequences come, is left out: "
                  "give them beside x (run --lengths, mr_session_run_lengths); without, all "
                  "sequences have as many steps as x",
                  onnx_name(r, &r->values[input]));
    r->noted[input] = true;
    r->graph->of_lengths[input] = true;
}

static bool is_known(const struct onnx_size *size) {
    return size->symbol == SYMBOL_NONE;
}

// Those of all layers must be the same, for the network has them once.
static int keep_lengths(struct onnx_reader *r, const struct onnx_tensor *lengths, bool same,
                        const struct onnx_size *sequences) {
    bool good = lengths->count <= MR_MAX_STARTS &&
                (same || !is_known(sequences) || sequences->k == (int64_t)lengths->count);

    for (size_t i = 0; r->lengths && good && i < lengths->count; i++)
        good = lengths->count == r->lengths->count && lengths->whole[i] == r->lengths->whole[i];
    if (!good)
        return onnx_fail(r->graph,
                         "has %zu constant sequence lengths that are not one for each sequence of "
                         "the input, at most %d, and those of the layers before",
                         lengths->count, MR_MAX_STARTS);
    r->lengths = lengths;
    r->has_lengths = true;
    return 0;
}

// x says which of its steps count.
static int keep_mask(struct onnx_reader *r, const struct onnx_value *lengths, enum onnx_axis time) {
    static const char *const relations[] = {"equal", "are at most", "are at least"};
    static const char *const single[] = {"equals", "is at most", "is at least"};
    const struct mr_mask *mask = &lengths->mask.of;

    if (!lengths->mask.lengths || lengths->mask.time != (int)time)
        return onnx_fail(r->graph,
                         "has sequence lengths ('%.100s') that are not the steps of each "
                         "sequence that count, added along the steps",
                         onnx_name(r, lengths));
    if (r->mask.given && (r->mask.relation != mask->relation || r->mask.than != mask->than ||
                          r->mask.whole != mask->whole || r->mask.only != mask->only))
        return onnx_fail(r->graph, "has sequence lengths of another mask than a layer before");
    if (!r->mask.given && mask->only)
        onnx_note(r->graph,
                  "the lengths of the sequences are found from the input: steps at the end of a "
                  "sequence whose feature %d %s %g are no part of it",
                  mask->only - 1, single[mask->relation], mask->than);
    else if (!r->mask.given)
        onnx_note(r->graph,
                  "the lengths of the sequences are found from the input: steps at the end of a "
                  "sequence whose numbers all %s %g are no part of it",
                  relations[mask->relation], mask->than);
    r->mask = *mask;
    r->has_lengths = true;
    return 0;
}

// The one length that all sequences have, of an input that is as many numbers as there are
// sequences. False where they may differ.
static bool same_length(const struct onnx_reader *r, size_t input, struct onnx_size *length) {
    const struct onnx_value *lengths = onnx_input(r, input);
    const struct onnx_tensor *constant = onnx_constant(r, input);

    if (lengths->kind == ONNX_FILL && lengths->fills_size) {
        *length = lengths->ints[0];
        return true;
    }
    if (lengths->kind == ONNX_FILL) {
        *length = (struct onnx_size){(int64_t)lengths->fill, SYMBOL_NONE};
        return lengths->fill >= 1 && lengths->fill <= INT32_MAX;
    }
    if (lengths->kind == ONNX_SIZES) { // of one sequence
        *length = lengths->ints[0];
        return lengths->count == 1;
    }
    for (size_t i = 0; constant && i < constant->count; i++)
        if (onnx_is_real(constant->type) || constant->whole[i] != constant->whole[0])
            return false;
    if (constant && constant->count > 0 && !onnx_is_real(constant->type))
        *length = (struct onnx_size){constant->whole[0], SYMBOL_NONE};
    return constant && constant->count > 0 && !onnx_is_real(constant->type);
}

static int read_lengths(struct onnx_reader *r, size_t input, enum onnx_axis time,
                        const struct onnx_size *steps, const struct onnx_size *sequences) {
    const struct onnx_value *lengths = onnx_input(r, input);
    const struct onnx_tensor *constant = onnx_constant(r, input);
    const int64_t first =
        constant && !onnx_is_real(constant->type) && constant->count > 0 ? constant->whole[0] : -1;
    struct onnx_size one;

    if (lengths && lengths->kind == ONNX_INPUT) {
        note_input(r, lengths->layer);
        r->has_lengths = r->of_input = true;
        r->lengths_input = lengths->layer;
        return 0;
    }
    if (lengths && lengths->kind == ONNX_MASK)
        return keep_mask(r, lengths, time);
    const bool same = !lengths || same_length(r, input, &one);
    if (!lengths || (same && one.symbol == steps->symbol && one.k == steps->k &&
                     steps->symbol != SYMBOL_UNKNOWN)) {
        r->runs_whole = true;
        return 0;
    }
    if (first < 1)
        return onnx_fail(r->graph,
                         "has sequence lengths ('%.100s') that are neither an input nor constants "
                         "from 1 on, nor found from x by a mask of its steps; export the model "
                         "with the lengths as an input, or without them, and give them when it is "
                         "run",
                         onnx_name(r, lengths));
    for (size_t i = 0; i < constant->count; i++)
        if (constant->whole[i] < 1 || (is_known(steps) && constant->whole[i] > steps->k))
            return onnx_fail(r->graph,
                             "has a sequence length of %lld, which is not from 1 to the "
                             "steps of the input",
                             (long long)constant->whole[i]);
    if (same && !is_known(steps)) { // the only one that the file takes
        r->steps = one;
        r->runs_whole = true;
        return 0;
    }
    return keep_lengths(r, constant, same, sequences);
}

int onnx_read_lengths(struct onnx_reader *r, size_t input, enum onnx_axis time,
                      const struct onnx_size *steps, const struct onnx_size *sequences) {
    if (read_lengths(r, input, time, steps, sequences) != 0)
        return -1;
    if (onnx_input(r, 0)->sorted != (onnx_input(r, input) && onnx_input(r, input)->sorted))
        return onnx_fail(r->graph, "has sequences and lengths of which only one is in the order of "
                                   "the lengths");
    if (r->mask.given + r->of_input + (r->lengths != NULL) > 1)
        return onnx_fail(r->graph, "has sequence lengths that come from elsewhere than those of a "
                                   "layer before; this version takes the same for all");
    return r->has_lengths && r->runs_whole
               ? onnx_fail(r->graph, "is in a network of which only some recurrent layers have "
                                     "sequence lengths; export it with the same lengths for all "
                                     "of them, or without, and give them when it is run")
               : 0;
}

int onnx_check_lengths(struct onnx_reader *r) {
    if (r->flipped && r->has_lengths) {
        onnx_select(r->graph, r->flipped - 1);
        return onnx_check_padding(r, "turns round all steps");
    }
    if (r->blanked && !r->mask.given)
        return onnx_fail_file(r->graph, "masked steps of the input are made zero, but no recurrent "
                                        "layer has sequence lengths from that mask, so that it "
                                        "would run on through them; export it with such lengths");
    return 0;
}

int onnx_check_padding(struct onnx_reader *r, const char *what) {
    return r->has_lengths
               ? onnx_fail(r->graph,
                           "%s of sequences that have lengths of their own, behind which there "
                           "is padding; take the last state (h_n), or export it without lengths",
                           what)
               : 0;
}
