// SPDX-License-Identifier: Apache-2.0
// Hands each row on to two readers. Included with FORK (name), FORK_COUNT (activations per row) and
// FORK_LC. One vector a cycle.
#include "frame/words.h"
#include "mr_command.h"

#define VEC MR_VEC(FORK_LC)

static void FORK(hls_stream(VEC) * in, hls_stream(VEC) * a, hls_stream(VEC) * b, uint32_t command,
                 uint32_t rows) {
    if (command == MR_COMMAND_RUN) {
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (uint32_t k = 0; k < MR_CEIL_DIV(FORK_COUNT, FORK_LC); k++) {
                HLS(pipeline II = 1)
                const VEC row = hls_read(VEC, in);
                hls_write(VEC, a, row);
                hls_write(VEC, b, row);
            }
        }
    }
}

#undef VEC
#undef FORK
#undef FORK_COUNT
#undef FORK_LC
