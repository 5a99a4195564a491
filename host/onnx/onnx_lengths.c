// SPDX-License-Identifier: Apache-2.0
// Lengths of the sequences of a batch: constants, or an input of the graph, also as a mask whose
// sum they are. A sequence's own steps are run as if it were alone; what gives the lengths is no
// part of the network.
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

static int read_lengths(struct onnx_reader *r, const struct onnx_size *steps,
                        const struct onnx_size *sequences) {
    const struct onnx_value *lengths = onnx_input(r, 4);
    const struct onnx_tensor *constant = onnx_constant(r, 4);
    const int64_t first =
        constant && !onnx_is_real(constant->type) && constant->count > 0 ? constant->whole[0] : -1;

    if (!lengths) {
        r->runs_whole = true;
        return 0;
    }
    if (lengths->kind == ONNX_INPUT) {
        note_input(r, lengths->layer);
        r->has_lengths = true;
        return 0;
    }
    if (first < 1)
        return onnx_fail(r->graph,
                         "has sequence lengths ('%.100s') that are neither an input nor constants "
                         "from 1 on; export the model with the lengths as an input, or without "
                         "them, and give them when it is run",
                         onnx_name(r, lengths));
    bool whole = true, same = true;
    for (size_t i = 0; i < constant->count; i++) {
        if (constant->whole[i] < 1 || (is_known(steps) && constant->whole[i] > steps->k))
            return onnx_fail(r->graph,
                             "has a sequence length of %lld, which is not from 1 to the "
                             "steps of the input",
                             (long long)constant->whole[i]);
        same = same && constant->whole[i] == first;
        whole = whole && is_known(steps) && constant->whole[i] == steps->k;
    }
    if (same && !is_known(steps)) // the only one that the file takes
        r->steps = (struct onnx_size){first, SYMBOL_NONE};
    if (!whole && (!same || is_known(steps)))
        return keep_lengths(r, constant, same, sequences);
    r->runs_whole = true;
    return 0;
}

int onnx_read_lengths(struct onnx_reader *r, const struct onnx_size *steps,
                      const struct onnx_size *sequences) {
    if (read_lengths(r, steps, sequences) != 0)
        return -1;
    return r->has_lengths && r->runs_whole
               ? onnx_fail(r->graph, "is in a network of which only some recurrent layers have "
                                     "sequence lengths; export it with the same lengths for all "
                                     "of them, or without, and give them when it is run")
               : 0;
}

int onnx_check_padding(struct onnx_reader *r, const char *what) {
    return r->has_lengths
               ? onnx_fail(r->graph,
                           "%s of sequences that have lengths of their own, behind which there "
                           "is padding; take the last state (h_n), or export it without lengths",
                           what)
               : 0;
}
