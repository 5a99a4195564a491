// SPDX-License-Identifier: Apache-2.0
// Gives the activations of rows one by one, as numbers: before what takes numbers, and at the end
// of a network whose outputs are not all vectors of one size. Included with UNPACK (name),
// UNPACK_COUNT (activations per row) and UNPACK_LC. One number a cycle.
#include "frame/words.h"
#include "mr_command.h"

#define VEC MR_VEC(UNPACK_LC)

static void UNPACK(hls_stream(VEC) * in, hls_stream(int32_t) * out, uint32_t command,
                   uint32_t rows) {
    if (command == RUN_COMMAND) {
        uint8_t left = 0; // activations of the held vector
        VEC held = {{0}};
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (uint32_t k = 0; k < UNPACK_COUNT; k++) {
                HLS(pipeline II = 1)
                VEC vector = held;
                if (left == 0)
                    vector = hls_read(VEC, in);
                hls_write(int32_t, out, vector.v[0]);
                for (int c = 0; c < UNPACK_LC; c++) {
                    HLS(unroll)
                    held.v[c] = c + 1 < UNPACK_LC ? vector.v[c + 1] : 0;
                }
                left = k == UNPACK_COUNT - 1 ? 0 : left == 0 ? UNPACK_LC - 1 : left - 1;
            }
        }
    }
}

#undef VEC
#undef UNPACK
#undef UNPACK_COUNT
#undef UNPACK_LC
