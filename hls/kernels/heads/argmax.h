// SPDX-License-Identifier: Apache-2.0
// The place of a row's greatest number, from 0 on; of several that are equal, the first. Included
// with ARGMAX (name) and ARGMAX_COUNT (numbers per row). A row takes a cycle per number.
#include "frame/words.h"
#include "mr_command.h"

// command MR_COMMAND_RUN: takes `rows` rows of ARGMAX_COUNT numbers and gives a number for each.
static void ARGMAX(hls_stream(int32_t) * x, hls_stream(int32_t) * y, uint32_t command,
                   uint32_t rows) {
    if (command == RUN_COMMAND) {
        int32_t greatest = 0;
        int32_t place = 0;
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (uint32_t k = 0; k < ARGMAX_COUNT; k++) {
                HLS(pipeline II = 1)
                const int32_t number = hls_read(int32_t, x);
                if (k == 0 || number > greatest) {
                    greatest = number;
                    place = (int32_t)k;
                }
                if (k == ARGMAX_COUNT - 1)
                    hls_write(int32_t, y, place);
            }
        }
    }
}

#undef ARGMAX
#undef ARGMAX_COUNT
