// SPDX-License-Identifier: Apache-2.0
// Import of recurrent networks from ONNX files as PyTorch and others export them.
#ifndef MR_ONNX_H
#define MR_ONNX_H

#include "graph.h"
#include "own_cells.h"

#include <stddef.h>

// Bytes of a file at most.
static const size_t mr_onnx_max_file = (size_t)1 << 31;

// An open ONNX file.
struct mr_onnx;

// Opens a file. Tensors that it keeps in other files are read from its own folder only. NULL with a
// sentence in error. Free with mr_onnx_close.
struct mr_onnx *mr_onnx_open(const char *path, char *error, size_t error_size);
// The same of a file whose bytes were read.
struct mr_onnx *mr_onnx_open_read(const void *data, size_t size, const char *path, char *error,
                                  size_t error_size);
// The same from memory, without other files; name stands for the file in messages.
struct mr_onnx *mr_onnx_open_memory(const void *data, size_t size, const char *name, char *error,
                                    size_t error_size);
void mr_onnx_close(struct mr_onnx *onnx);

// Lets the graph have a user's own cells, as operators of the domain "millrace"; they must stay as
// long as the file is open. own may be NULL.
void mr_onnx_take_cells(struct mr_onnx *onnx, const struct mr_own_cells *own);

// What made the graph, where that is no file of ONNX: adds sentences to the notes, each with a
// newline behind it, and the name of another file that was read: -1 when memory is short.
void mr_onnx_add_notes(struct mr_onnx *onnx, const char *notes);
int mr_onnx_add_file(struct mr_onnx *onnx, const char *path);

// Before mr_onnx_network: the file is an encoder, whose outputs are states, or a decoder, whose
// inputs are a token and states. What else it has of states is left out then.
void mr_onnx_be_encoder(struct mr_onnx *onnx);
void mr_onnx_be_decoder(struct mr_onnx *onnx);

// Layers whose rows output `output` of the network has, one behind the other.
int mr_onnx_rows(const struct mr_onnx *onnx, int output);
// How many states recurrent operators of a decoder start from, and of state `index`, in the order
// of the operators, the operator, the field (0: h, 1: the second), and the file's input; its place
// among the inputs is *place.
int mr_onnx_state_count(const struct mr_onnx *onnx);
const char *mr_onnx_state(const struct mr_onnx *onnx, int index, int *op, int *field, int *place);
// Has mr_onnx_verify compare the two with states that are not 0: gives them to the network's
// operators, from which they are to be taken again. -1 when memory is short.
int mr_onnx_try_states(struct mr_onnx *onnx, struct mr_network *network);

// Hands over the names of the other files that it reads: [*count], all to be freed.
char **mr_onnx_take_files(struct mr_onnx *onnx, size_t *count);

// What the graph means: recurrent layers, and linear ones with their activations, on every step or
// on the last one, and the outputs by name. Anything else is refused in a sentence that names the
// node. The network is named after the file and is to be freed by mr_network_free.
int mr_onnx_network(struct mr_onnx *onnx, struct mr_network *network, char *error,
                    size_t error_size);

// What the user should know of the file that mr_onnx_network has taken: sentences, each with a
// newline behind it. Valid as long as the file is open.
const char *mr_onnx_notes(const struct mr_onnx *onnx);

// Computes what the graph says, node by node in double precision, for x: (sequences, steps, inputs)
// of the network that mr_onnx_network gave from this file before. y: as of mr_float_run, but with
// the casts of the outputs. A file that was exported for a batch of one size is run with such
// batches. memory: bytes it may take.
int mr_onnx_run(struct mr_onnx *onnx, const struct mr_network *network, const float *x,
                size_t sequences, size_t steps, size_t memory, double *y, char *error,
                size_t error_size);

// Does the network compute what the graph says, but for how float32 rounds its weights? graph: what
// mr_onnx_run gives for x. A difference is an error of this program.
int mr_onnx_compare(struct mr_onnx *onnx, const struct mr_network *network, const float *x,
                    size_t sequences, size_t steps, const double *graph, char *error,
                    size_t error_size);

// Checks that the network computes what the graph says, on numbers of its own choice, within so
// many bytes of memory.
int mr_onnx_verify(struct mr_onnx *onnx, const struct mr_network *network, size_t memory,
                   char *error, size_t error_size);

#endif
