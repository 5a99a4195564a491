// SPDX-License-Identifier: Apache-2.0
// Examples as processes of one kernel, so that one simulator serves them all: those on bytes and
// packets, and the one that keeps a matrix. In front of some stands a process that makes input worth
// having of random bits.
#include "crc32.c"
#include "histogram.c"
#include "matvec.c"
#include "router.c"
#include "run_length.c"

// Few kinds of bytes, in runs of which some are longer than 255.
static void runs(hls_stream(uint16_t) *in, hls_stream(uint8_t) *counted, hls_stream(uint8_t) *encoded,
                 uint32_t n) {
    uint16_t left = 0;
    uint8_t value = 0;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const uint16_t x = hls_read(uint16_t, in);
        if (left == 0) {
            left = (x & 15) == 0 ? x >> 7 : x & 3;
            value = (uint8_t)(x >> 4 & 7);
        } else {
            left--;
        }
        hls_write(uint8_t, counted, value);
        hls_write(uint8_t, encoded, value);
    }
}

// n commands that mean something, then the one that ends the run.
static void commands(hls_stream(uint32_t) *in, hls_stream(router_command_t) *out, uint32_t n) {
    for (uint32_t i = 0; i <= n; i++) {
        HLS(pipeline II=1)
        const uint32_t x = hls_read(uint32_t, in);
        router_command_t command;
        command.action = i == n ? ROUTER_STOP : (x & 3) == ROUTER_STOP ? 9 : x & 3;
        command.address = (uint8_t)(x >> 8);
        command.output = (uint8_t)(x >> 16);
        command.count = (uint8_t)(x >> 24 & 3);
        hls_write(router_command_t, out, command);
    }
}

void examples_bytes(hls_stream(crc32_byte_t) *crc_in, hls_stream(uint32_t) *crc_out,
                    hls_stream(uint16_t) *runs_in, hls_stream(uint32_t) *histogram_out,
                    hls_stream(run_t) *run_length_out, hls_stream(uint32_t) *commands_in,
                    hls_stream(flit_t) *router_in, hls_stream(flit_t) *router_out0,
                    hls_stream(flit_t) *router_out1, hls_stream(flit_t) *router_out2,
                    hls_stream(flit_t) *router_out3, hls_stream(matvec_word_t) *matvec_in,
                    hls_stream(int32_t) *matvec_out, uint32_t n, uint32_t vectors) {
    HLS(dataflow)
    HLS_CHANNEL(uint8_t, counted);
    HLS_CHANNEL(uint8_t, encoded);
    HLS_CHANNEL(router_command_t, meant);
    crc32_bytes(crc_in, crc_out, n);
    runs(runs_in, &counted, &encoded, n);
    histogram(&counted, histogram_out, n);
    run_length(&encoded, run_length_out, n);
    commands(commands_in, &meant, n);
    router(&meant, router_in, router_out0, router_out1, router_out2, router_out3);
    matvec(matvec_in, matvec_out, vectors);
}
