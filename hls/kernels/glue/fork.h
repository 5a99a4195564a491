// SPDX-License-Identifier: Apache-2.0
// Hands each row on to two readers. Included with FORK (name), FORK_COUNT (activations per row) and
// FORK_LC: activations per vector, or 0 for rows of single 32-bit numbers. One vector, or number, a
// cycle.
#include "frame/words.h"
#include "mr_command.h"

#if FORK_LC
#    define ITEM MR_VEC(FORK_LC)
#    define ITEMS MR_CEIL_DIV(FORK_COUNT, FORK_LC)
#else
#    define ITEM int32_t
#    define ITEMS FORK_COUNT
#endif

static void FORK(hls_stream(ITEM) * in, hls_stream(ITEM) * a, hls_stream(ITEM) * b,
                 uint32_t command, uint32_t rows) {
    if (command == RUN_COMMAND) {
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (uint32_t k = 0; k < ITEMS; k++) {
                HLS(pipeline II = 1)
                const ITEM item = hls_read(ITEM, in);
                hls_write(ITEM, a, item);
                hls_write(ITEM, b, item);
            }
        }
    }
}

#undef ITEM
#undef ITEMS
#undef FORK
#undef FORK_COUNT
#undef FORK_LC
