// SPDX-License-Identifier: Apache-2.0
// What the host asks of a network kernel: the values of its scalar ports `command` and `flags`, and
// what an Alveo card's kernel takes beside them. Kernels, drivers and the register description
// (hw/registers.json) all use these lists, so they cannot drift.
#ifndef MR_COMMAND_H
#define MR_COMMAND_H

// X(name, value, what it does)
#define MR_COMMANDS(X)                                                                             \
    X(LOAD, 1, "take the weights from stream `weights`; steps, total and flags are 0")             \
    X(RUN, 2, "take `total` steps from stream `x`, `steps` of them per sequence, give `y`")        \
    X(READ_STATE, 3, "give the recurrent state on stream `state_out`")                             \
    X(WRITE_STATE, 4, "take the recurrent state from stream `state_in`")                           \
    X(STREAM, 5, "of the card's kernel only: RUN for each row that comes, until it is stopped")    \
    X(ENCODE, 6, "RUN of the encoder's part, which gives no `y`: the next RUN decodes from there") \
    X(FEEDBACK, 7,                                                                                 \
      "of the card's kernel only: RUN steps, each with a number that the last one gave")

#define MR_FLAGS(X)                                                                                \
    X(RESET, 1, "clear the recurrent state at the start of every sequence")                        \
    X(RESET_FIRST, 2, "of STREAM and FEEDBACK only: clear it at the start of the first row")

#define MR_COMMAND_VALUE(name, value, text) MR_COMMAND_##name = value,
#define MR_FLAG_VALUE(name, value, text) MR_FLAG_##name = value,
enum { MR_COMMANDS(MR_COMMAND_VALUE) };
enum { MR_FLAGS(MR_FLAG_VALUE) };
#undef MR_COMMAND_VALUE
#undef MR_FLAG_VALUE

// Of `flags` the bits from here on are the kernel's own: of a training engine the sequences of a
// mini-batch, from which it learns; 0: it predicts.
#define MR_FLAGS_OWN 16

// What a memory port of a card moves in a cycle; weights and state are made of it on every device.
enum { MR_BEAT_BITS = 512, MR_BEAT_BYTES = MR_BEAT_BITS / 8 };
#define MR_BEATS_OF(bits) (((bits) + MR_BEAT_BITS - 1) / MR_BEAT_BITS)

// Steps of a run at most. A layer counts to `total` itself, and what turns sequences round to as
// many more as one has, 2^20 at most (hls/kernels/glue/reverse.h): in 32 bits.
#define MR_STEPS_MAX 0xffefffffu

#endif
