// SPDX-License-Identifier: Apache-2.0
// XRT's hardware emulation: the environment that leads unmodified XRT to an emulated card, and the
// card's process. Nothing of this is used with a real card.
//
// A process has one card at a time, for XRT does not stand two (broker.h).
//
// XRT starts the process in an image by itself, and waits for ever when it dies. So here XRT is
// told not to (dont_run): this starts the process, and a thread between the two passes the messages
// on. When the process is gone it answers in its place, as a card that fell off its bus.
#ifndef MR_EMULATION_H
#define MR_EMULATION_H

#include <stdbool.h>
#include <stddef.h>

// Makes a private folder with the files that XRT wants and sets the process' environment, once;
// call it before XRT is loaded. xrt_starts: XRT starts the cards by itself, as a program does that
// knows nothing of this. 0, or -1 with a sentence in error.
int mr_emulation_prepare(bool xrt_starts, char *error, size_t error_size);
// To be called when XRT has been loaded from this folder and before it is used.
int mr_emulation_set_libraries(const char *folder, char *error, size_t error_size);
// The private folder; "" when there is none. It is removed when the process ends by exit.
const char *mr_emulation_folder(void);
void mr_emulation_remove_folder(void);
void mr_emulation_remove_tree(const char *path);
// Of another process of this user's, which is no more: removes its folder; the last line that it
// wrote to the log there, "" when there is none.
void mr_emulation_sweep(long process);
void mr_emulation_last_words(long process, char *line, size_t size);
#define MR_EMULATION_LOG "output.log"

// Emulated cards are numbered below this.
enum { MR_EMULATION_CARDS = 16 };

struct mr_emulation;

// Starts the card in the image and makes it the one that XRT's next load of an image connects to.
// NULL on failure, with a sentence in error.
struct mr_emulation *mr_emulation_open(const char *image, char *error, size_t error_size);
// Why the card is no more, as a clause, with the first line that its process left; false while it
// lives.
bool mr_emulation_is_dead(struct mr_emulation *emulation, char *reason, size_t reason_size);
// The first line that a living card's process complained with; "" when it did not.
void mr_emulation_complaint(const struct mr_emulation *emulation, char *line, size_t size);
// Ends a card that does not answer.
void mr_emulation_kill(struct mr_emulation *emulation);
// After XRT closed the device. NULL is legal.
void mr_emulation_close(struct mr_emulation *emulation);

#endif
