// SPDX-License-Identifier: Apache-2.0
// Gives x to the part of a network that runs. Included with ROUTE (name), ROUTE_DECODER and
// ROUTE_ENCODER (activations per row of x while it does) and ROUTE_LC. One vector a cycle.
#include "frame/words.h"
#include "mr_command.h"

#define VEC MR_VEC(ROUTE_LC)

static void ROUTE(hls_stream(VEC) * x, hls_stream(VEC) * decoder, hls_stream(VEC) * encoder,
                  uint32_t command, uint32_t total) {
    if (command == MR_COMMAND_RUN) {
    decode:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < MR_CEIL_DIV(ROUTE_DECODER, ROUTE_LC); k++) {
                HLS(pipeline II = 1)
                hls_write(VEC, decoder, hls_read(VEC, x));
            }
        }
    } else if (command == MR_COMMAND_ENCODE) {
    encode:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < MR_CEIL_DIV(ROUTE_ENCODER, ROUTE_LC); k++) {
                HLS(pipeline II = 1)
                hls_write(VEC, encoder, hls_read(VEC, x));
            }
        }
    }
}

#undef VEC
#undef ROUTE
#undef ROUTE_DECODER
#undef ROUTE_ENCODER
#undef ROUTE_LC
