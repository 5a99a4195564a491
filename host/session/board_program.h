// SPDX-License-Identifier: Apache-2.0
// For `millrace program`: an image onto a board, by the programs that are installed for that.
#ifndef MR_BOARD_PROGRAM_H
#define MR_BOARD_PROGRAM_H

#include "millrace_error.h"

#include <stddef.h>

// The names of the boards, in text.
const char *mr_programmed_boards(char *text, size_t size);
// Puts the board's image into its flash, from which the board takes it at once and whenever it is
// switched on: iceprog, or else openFPGALoader.
//   board: as in boards.def; image: NULL for the one in `folder`, which is NULL for the project's.
//   serial: of the board's USB chip, NULL where one board is plugged in.
//   path and program get what was used. 0, or a code with a sentence in error.
int mr_board_program(const char *board, const char *image, const char *folder, const char *serial,
                     char *path, size_t path_size, char *program, size_t program_size,
                     struct mr_error *error);

#endif
